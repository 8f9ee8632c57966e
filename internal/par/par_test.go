package par

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sizes are pool sizes below, at and above the number of processors.
var sizes = []int{1, 2, 3, 7}

func eachPool(t *testing.T, f func(t *testing.T, p *Pool)) {
	t.Run("nil", func(t *testing.T) { f(t, nil) })
	for _, n := range sizes {
		t.Run(string(rune('0'+n)), func(t *testing.T) {
			p := New(n)
			defer p.Close()
			f(t, p)
		})
	}
}

func TestRunOnce(t *testing.T) {
	eachPool(t, func(t *testing.T, p *Pool) {
		for _, n := range []int{0, 1, 2, 3, 10, 1000} {
			for range 50 {
				count := make([]int32, n)
				busy := make([]int32, p.Threads())
				for _, run := range []func(int, func(worker, i int)){p.Run, p.RunNear} {
					clear(count)
					run(n, func(worker, i int) {
						if atomic.AddInt32(&busy[worker], 1) != 1 {
							t.Error("two calls at once share a worker number")
						}
						count[i]++ // plain: the race detector checks that Run orders it
						atomic.AddInt32(&busy[worker], -1)
					})
					for i, c := range count {
						if c != 1 {
							t.Fatalf("n %d: index %d ran %d times", n, i, c)
						}
					}
				}
			}
		}
	})
}

func TestRange(t *testing.T) {
	eachPool(t, func(t *testing.T, p *Pool) {
		for _, n := range []int{0, 1, 7, 64, 1000, 4097} {
			for _, grain := range []int{0, 1, 16, 100, 5000} {
				count := make([]int32, n)
				var calls atomic.Int32
				p.Range(n, grain, func(lo, hi int) {
					calls.Add(1)
					if g := max(1, grain); hi <= lo || (hi-lo)%g != 0 && hi != n {
						t.Errorf("n %d grain %d: range [%d,%d)", n, grain, lo, hi)
					}
					for i := lo; i < hi; i++ {
						count[i]++
					}
				})
				for i, c := range count {
					if c != 1 {
						t.Fatalf("n %d grain %d: index %d ran %d times", n, grain, i, c)
					}
				}
				if int(calls.Load()) > 4*p.Threads() {
					t.Errorf("n %d grain %d: %d ranges", n, grain, calls.Load())
				}
			}
		}
	})
}

func TestRunUsesEveryThread(t *testing.T) {
	const threads = 3
	p := New(threads)
	defer p.Close()
	// Each call waits until all threads are in one: only possible together.
	var inside atomic.Int32
	done := make(chan struct{})
	p.Run(threads, func(worker, i int) {
		if inside.Add(1) == threads {
			close(done)
		}
		<-done
	})
}

// TestRunNear: every thread begins with its own share, and one that is held up in it
// is helped.
func TestRunNear(t *testing.T) {
	const threads, n = 3, 31
	p := New(threads)
	defer p.Close()
	var inside, done atomic.Int32
	all, rest := make(chan struct{}), make(chan struct{})
	var first [threads]int
	var seen [threads]bool
	p.RunNear(n, func(worker, i int) {
		if !seen[worker] {
			seen[worker], first[worker] = true, i
			if inside.Add(1) == threads {
				close(all)
			}
			<-all
		}
		if worker == 1 {
			<-rest
		} else if done.Add(1) == n-1 {
			close(rest)
		}
	})
	if want := [threads]int{0, 10, 20}; first != want {
		t.Errorf("threads begin with %v, want %v", first, want)
	}
}

func TestPanic(t *testing.T) {
	boom := errors.New("boom")
	for _, n := range sizes {
		p := New(n)
		for i, bad := range []int{0, 1, 50, 99, 0, 1, 50, 99} {
			run := p.Run
			if i >= 4 {
				run = p.RunNear
			}
			func() {
				defer func() {
					if r := recover(); r != boom {
						t.Errorf("%d threads, bad %d: recovered %v", n, bad, r)
					}
				}()
				run(100, func(worker, i int) {
					if i == bad {
						panic(boom)
					}
					time.Sleep(time.Microsecond)
				})
				t.Errorf("%d threads, bad %d: no panic", n, bad)
			}()
			checkWhole(t, p)
		}
		p.Close()
	}
}

// TestWorkerPanic makes sure that the panic is a worker's, not the caller's.
func TestWorkerPanic(t *testing.T) {
	p := New(2)
	defer p.Close()
	defer checkWhole(t, p)
	defer func() {
		if r := recover(); r != "on a worker" {
			t.Errorf("recovered %v", r)
		}
	}()
	gone := make(chan struct{})
	p.Run(2, func(worker, i int) {
		if worker == 1 {
			defer close(gone)
			panic("on a worker")
		}
		<-gone
	})
}

func TestGoexit(t *testing.T) {
	p := New(2)
	defer p.Close()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Goexit on a worker went unnoticed")
			}
		}()
		gone := make(chan struct{})
		p.Run(2, func(worker, i int) {
			if worker == 1 {
				defer close(gone)
				runtime.Goexit()
			}
			<-gone
		})
	}()
	// The worker was replaced: two threads can still meet.
	var inside atomic.Int32
	done := make(chan struct{})
	p.Run(2, func(worker, i int) {
		if inside.Add(1) == 2 {
			close(done)
		}
		<-done
	})
}

func checkWhole(t *testing.T, p *Pool) {
	t.Helper()
	var sum atomic.Int64
	p.Run(1000, func(worker, i int) { sum.Add(int64(i)) })
	if sum.Load() != 499500 {
		t.Errorf("after a panic the pool sums to %d", sum.Load())
	}
}

func TestNested(t *testing.T) {
	p, q := New(3), New(2)
	defer p.Close()
	defer q.Close()
	var sum atomic.Int64
	p.Run(20, func(worker, i int) {
		p.Run(20, func(inner, j int) {
			if inner != 0 {
				t.Errorf("nested call runs on worker %d", inner)
			}
			p.Range(10, 1, func(lo, hi int) { sum.Add(int64(hi - lo)) })
			q.Range(10, 1, func(lo, hi int) { sum.Add(int64(hi - lo)) })
		})
	})
	if sum.Load() != 20*20*20 {
		t.Errorf("sum %d", sum.Load())
	}
}

func TestConcurrentCallers(t *testing.T) {
	p := New(3)
	defer p.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				sum := make([]int, 3)
				p.Run(30, func(worker, i int) { sum[worker] += i })
				if sum[0]+sum[1]+sum[2] != 435 {
					t.Errorf("sums %v", sum)
				}
			}
		})
	}
	wg.Wait()
}

func TestOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := New(4)
	defer p.Close()
	for range 200 {
		checkWhole(t, p)
	}
}

// TestWakeAfterPark lets the workers fall asleep between regions.
func TestWakeAfterPark(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 20 {
		waitParked(t, p)
		var inside atomic.Int32
		done := make(chan struct{})
		p.Run(2, func(worker, i int) {
			if inside.Add(1) == 2 {
				close(done)
			}
			<-done
		})
	}
}

func waitParked(t *testing.T, p *Pool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); int(p.parked.Load()) < p.threads-1; {
		if time.Now().After(end) {
			t.Fatalf("%d of %d workers parked", p.parked.Load(), p.threads-1)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		p := New(4)
		checkWhole(t, p)
		p.Close()
		p.Close()
		checkWhole(t, p) // serially
	}
	after := runtime.NumGoroutine()
	for range 1000 { // a worker that has said goodbye may still be on its way out
		if after <= before {
			break
		}
		time.Sleep(time.Millisecond)
		after = runtime.NumGoroutine()
	}
	if after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	var none *Pool
	none.Close()
}

func TestRunDoesNotAllocate(t *testing.T) {
	p := New(2)
	defer p.Close()
	var sum atomic.Int64
	each := func(worker, i int) { sum.Add(1) }
	span := func(lo, hi int) { sum.Add(1) }
	if n := testing.AllocsPerRun(200, func() {
		p.Run(10, each)
		p.RunNear(10, each)
		p.Range(100, 1, span)
	}); n != 0 {
		t.Errorf("%v allocations per region", n)
	}
}

func BenchmarkEmptyRegion(b *testing.B) {
	for _, n := range []int{1, 2} {
		b.Run(string(rune('0'+n)), func(b *testing.B) {
			p := New(n)
			defer p.Close()
			f := func(worker, i int) {}
			for b.Loop() {
				p.Run(n, f)
			}
		})
	}
}

func BenchmarkNested(b *testing.B) {
	p := New(2)
	defer p.Close()
	f := func(worker, i int) {}
	p.Run(2, func(worker, i int) {
		if worker == 0 {
			for b.Loop() {
				p.Run(2, f)
			}
		}
	})
}
