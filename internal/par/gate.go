package par

import (
	"runtime"
	"sync/atomic"
)

// gate lets workers into a region and lets the caller wait until they are out.
// One word holds it all: the region's number in the upper half, one bit that
// says open, and how many workers are inside. A worker that comes late finds
// the gate shut, or another region's number, and touches nothing.
type gate struct {
	_    [64]byte // alone on its cache line: idle workers poll it
	word atomic.Uint64
	_    [56]byte
}

const (
	gateOpen   = 1 << 31
	gateInside = gateOpen - 1 // mask of the count of workers inside
	gateRegion = 1 << 32      // one region
)

// open starts the next region. Only the holder of the turn calls it.
func (g *gate) open() { g.word.Add(gateRegion | gateOpen) }

// enter lets a worker into the open region, unless it is the one it has already
// worked on. It returns the region's number for leave and the next enter.
func (g *gate) enter(last uint32) (region uint32, ok bool) {
	for {
		w := g.word.Load()
		region = uint32(w >> 32)
		if w&gateOpen == 0 || region == last {
			return last, false
		}
		if g.word.CompareAndSwap(w, w+1) {
			return region, true
		}
	}
}

// leave is the worker's way out.
func (g *gate) leave() { g.word.Add(^uint64(0)) }

// isOpen says whether there is a region that the worker has not worked on.
func (g *gate) isOpen(last uint32) bool {
	w := g.word.Load()
	return w&gateOpen != 0 && uint32(w>>32) != last
}

// shut closes the region and waits until every worker has left. With fewer
// processors than threads a worker inside may be waiting for this one, hence
// the yield.
func (g *gate) shut() {
	g.word.And(^uint64(gateOpen))
	for spins := 0; g.word.Load()&gateInside != 0; spins++ {
		if spins < yieldAfter {
			pause(pauseCount)
		} else {
			runtime.Gosched()
		}
	}
}
