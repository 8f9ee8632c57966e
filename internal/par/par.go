// Package par is the worker pool that every parallel loop runs on.
//
// [Pool.Run] hands out indices one by one, [Pool.RunNear] neighbours to one
// thread, [Pool.Range] contiguous ranges; all return when all the work is done.
// The caller works too. Between regions the workers spin for about 2 ms, because
// waking a parked thread costs 100 µs while finding a spinning one costs well
// under one; after that they park, so an idle process uses no CPU. gate.go holds
// the protocol between caller and workers, worker.go the workers' life.
//
// Nothing here fixes the order of work. Results stay independent of the number
// of threads as long as each index writes its own outputs.
package par

import (
	"sync"
	"sync/atomic"

	"weft/internal/cpu"
)

// Pool is a fixed set of workers. A nil *Pool is valid and runs everything on
// the caller. A Pool is safe for concurrent callers: they take turns. A call
// from inside a region (nested) runs serially on the worker that makes it.
type Pool struct {
	threads int
	gate    gate
	job     job
	workers []*worker
	parked  atomic.Int32 // workers asleep or about to be

	turn   sync.Mutex // held by the caller of the running region
	life   sync.WaitGroup
	closed atomic.Bool
}

// job is the running region. The caller writes it while the gate is shut and
// nobody is inside; workers read it only from inside.
type job struct {
	next  atomic.Int64 // next index to hand out
	n     int          // number of indices
	near  bool         // they are handed out by shares
	share []share      // one for each thread
	each  func(worker, i int)
	span  func(lo, hi int) // when each is nil: index i is span [i*size, (i+1)*size) of total
	size  int
	total int
	panic atomic.Pointer[any] // first panic of a worker
}

// share is indices that a thread begins with.
type share struct {
	next atomic.Int64
	end  int64
	_    [48]byte // alone on its cache line
}

// New starts a pool of that many threads, the caller's counted; 0 or less means
// one per core (cpu.Cores). Close ends its workers.
func New(threads int) *Pool {
	if threads <= 0 {
		threads = cpu.Cores()
	}
	p := &Pool{threads: threads}
	p.job.share = make([]share, threads)
	for id := 1; id < threads; id++ {
		p.workers = append(p.workers, newWorker(p, id))
	}
	return p
}

// Threads is how many threads a region runs on at most; 1 for a nil pool.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close ends the workers and waits for them. Later calls of Run and Range run
// serially. Closing a nil or closed pool does nothing.
func (p *Pool) Close() {
	if p == nil || p.closed.Swap(true) {
		return
	}
	for _, w := range p.workers {
		w.unpark()
	}
	p.life.Wait()
}

// Run calls f once for each i in [0,n) and returns when all calls have. Indices
// are handed out in ascending order to whichever thread is free. worker is in
// [0, Threads()) and is unique among the calls that run at the same time in
// this region, so it can index scratch that belongs to this call of Run.
//
// A panic in f stops the handing out and is raised again on the caller once
// every thread has left.
func (p *Pool) Run(n int, f func(worker, i int)) {
	if n <= 1 || !p.enter() {
		for i := range n {
			f(0, i)
		}
		return
	}
	p.job.each, p.job.n = f, n
	p.region()
}

// RunNear is Run where neighbours are best done one after the other by one thread, as
// when they read memory in a line. Each thread begins with its share of [0,n), and then
// takes what is left of the others'.
func (p *Pool) RunNear(n int, f func(worker, i int)) {
	if n <= 1 || !p.enter() {
		for i := range n {
			f(0, i)
		}
		return
	}
	for i := range p.job.share {
		s := &p.job.share[i]
		s.next.Store(int64(i * n / p.threads))
		s.end = int64((i + 1) * n / p.threads)
	}
	p.job.each, p.job.n, p.job.near = f, n, true
	p.region()
}

// Range calls f for contiguous ranges [lo,hi) that cover [0,n). Each is a
// multiple of grain long, except the last. There are at most four per thread,
// which evens out threads of unequal speed.
func (p *Pool) Range(n, grain int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	grain = max(1, grain)
	if n <= grain || !p.enter() {
		f(0, n)
		return
	}
	size := (n + 4*p.threads - 1) / (4 * p.threads)
	size = (size + grain - 1) / grain * grain
	p.job.span, p.job.size, p.job.total = f, size, n
	p.job.n = (n + size - 1) / size
	p.region()
}

// enter takes the caller's turn. It says false when the work must run serially.
func (p *Pool) enter() bool {
	if p == nil || p.threads == 1 || p.closed.Load() {
		return false
	}
	if p.turn.TryLock() {
		return true
	}
	// Busy: with another goroutine's region, or with one that this call sits in.
	if inRegion() {
		return false
	}
	p.turn.Lock()
	return true
}

// region runs p.job on the caller and the workers and gives up the turn.
func (p *Pool) region() {
	j := &p.job
	j.next.Store(0)
	p.gate.open()
	p.wake(j.n - 1)
	defer p.finish()
	work(j, 0)
}

// finish runs deferred, so that a panic on the caller still waits for the
// workers: they may be using memory that the caller is about to give up.
func (p *Pool) finish() {
	j := &p.job
	j.stop() // after a panic
	p.gate.shut()
	failed := j.panic.Swap(nil)
	j.each, j.span, j.near = nil, nil, false
	p.turn.Unlock()
	if failed != nil {
		panic(*failed)
	}
}

// stop hands out no more.
func (j *job) stop() {
	j.next.Store(int64(j.n))
	for i := range j.share {
		if s := &j.share[i]; j.near {
			s.next.Store(s.end)
		}
	}
}

// wake unparks up to n workers. Spinning ones see the gate by themselves.
func (p *Pool) wake(n int) {
	for _, w := range p.workers {
		if n <= 0 || p.parked.Load() == 0 {
			return
		}
		w.unpark()
		n--
	}
}
