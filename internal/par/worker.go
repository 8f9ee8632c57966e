package par

import (
	"reflect"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	spinFor    = 2 * time.Millisecond // outlasts the serial gaps of a training step
	pauseCount = 8                    // PAUSEs between two looks at the gate, about 0.2 µs
	yieldAfter = 128                  // looks without yielding to other goroutines, about 25 µs
	yieldEvery = 128                  // afterwards: looks between two yields
)

type worker struct {
	pool   *Pool
	id     int
	last   uint32 // number of the last region worked on
	asleep atomic.Bool
	bell   chan struct{}
}

func newWorker(p *Pool, id int) *worker {
	w := &worker{pool: p, id: id, bell: make(chan struct{}, 1)}
	p.life.Add(1)
	go w.live()
	return w
}

// live is a worker's goroutine. A region that ends it with runtime.Goexit
// (a test's FailNow, say) is reported as a panic to the caller and gets a
// successor here.
func (w *worker) live() {
	defer func() {
		if !w.pool.closed.Load() {
			w.pool.life.Add(1)
			go w.live()
		}
		w.pool.life.Done()
	}()
	for !w.pool.closed.Load() {
		if region, ok := w.pool.gate.enter(w.last); ok {
			w.last = region
			w.serve()
		} else if !w.spin() {
			w.park()
		}
	}
}

// serve works on the open region and leaves it, whatever happens.
func (w *worker) serve() {
	j, done := &w.pool.job, false
	defer func() {
		if !done {
			failed := recover()
			if failed == nil {
				failed = any("par: runtime.Goexit called inside a parallel region")
			}
			j.panic.CompareAndSwap(nil, &failed)
			j.stop()
		}
		w.pool.gate.leave()
	}()
	work(j, w.id)
	done = true
}

// work takes indices until none is left. Its frame on the stack is how a nested
// call is recognised (inRegion), so it must stay a function of its own.
//
//go:noinline
func work(j *job, id int) {
	n := int64(j.n)
	if j.near {
		for k := range j.share {
			s := &j.share[(id+k)%len(j.share)]
			for i := s.next.Add(1) - 1; i < s.end; i = s.next.Add(1) - 1 {
				j.each(id, int(i))
			}
		}
		return
	}
	if j.each != nil {
		for i := j.next.Add(1) - 1; i < n; i = j.next.Add(1) - 1 {
			j.each(id, int(i))
		}
		return
	}
	for i := int(j.next.Add(1) - 1); i < j.n; i = int(j.next.Add(1) - 1) {
		j.span(i*j.size, min((i+1)*j.size, j.total))
	}
}

// spin waits for a region for a while and says whether one came (or the end).
func (w *worker) spin() bool {
	start := time.Now()
	for looks := 1; ; looks++ {
		if w.pool.gate.isOpen(w.last) || w.pool.closed.Load() {
			return true
		}
		if looks >= yieldAfter && looks%yieldEvery == 0 {
			if time.Since(start) > spinFor {
				return false
			}
			runtime.Gosched()
		}
		pause(pauseCount)
	}
}

// park sleeps until unpark. The second look at the gate, after saying that it
// sleeps, is what makes a wake-up impossible to lose.
func (w *worker) park() {
	w.asleep.Store(true)
	w.pool.parked.Add(1)
	if w.pool.gate.isOpen(w.last) || w.pool.closed.Load() {
		w.unpark()
	}
	<-w.bell
}

// unpark rings the bell of a sleeping worker; exactly one caller wins.
func (w *worker) unpark() {
	if w.asleep.CompareAndSwap(true, false) {
		w.pool.parked.Add(-1)
		w.bell <- struct{}{}
	}
}

var workEntry = reflect.ValueOf(work).Pointer()

// inRegion says whether the calling goroutine is inside a region of any pool,
// by looking for work on its stack. Only callers that find the pool busy pay
// for it.
func inRegion() bool {
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		for _, pc := range pcs[:n] {
			if f := runtime.FuncForPC(pc - 1); f != nil && f.Entry() == workEntry {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
