package server

import "sync"

// maxRequests is how many requests are looked at together, of all kinds: it bounds
// the memory that their bodies take.
const maxRequests = 256

// gate counts the requests that are being answered. The zero value is open.
type gate struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when there are none left
}

// passage is what a gate says to one who comes.
type passage int

const (
	passed passage = iota
	crowded
	shut
)

// enter lets a request in, which leaves later.
func (g *gate) enter() passage {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return shut
	case g.n == maxRequests:
		return crowded
	}
	g.n++
	return passed
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.closed && g.n == 0 {
		close(g.idle)
	}
}

// close lets nobody in any more. idle is closed once the busy ones have left.
func (g *gate) close() (idle <-chan struct{}, busy int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed, g.idle = true, make(chan struct{})
		if g.n == 0 {
			close(g.idle)
		}
	}
	return g.idle, g.n
}
