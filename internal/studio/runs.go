package studio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"weft/inspect"
)

// run is what a prompt made of a model: what every block did, and streams from which
// any of its numbers can be made again, to the bit.
type run struct {
	id       string
	model    string // whose: the canonical name
	hash     string // of its weights
	ids      []int32
	template string // that the prompt went through

	trace   *inspect.Trace
	streams map[int][]float32 // by block: the stream that enters it; every stride-th block's
	stride  int

	turn    chan struct{} // a place for the one who records
	mu      sync.Mutex
	points  map[string]*recorded
	answers map[string]json.RawMessage // by path and query
	clock   int64                      // of points
	bytes   int64
	used    int64 // by the clock of runs
}

// recorded is the numbers of one point as a matrix, a row per token or query.
type recorded struct {
	data       []float32
	rows, cols int
	used       int64

	once   sync.Once
	spread spread // once spreadOf was asked
}

// spreadOf is where the numbers lie, found once.
func (p *recorded) spreadOf(m matrix) spread {
	p.once.Do(func() { p.spread = spreadOf(m) })
	return p.spread
}

// runID names a run by what it depends on, so that asking again is the same run, also
// after a restart.
func runID(model string, p inspect.Provenance, template string, ids []int32) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q %q %q %d", model, p.Hash, p.Arithmetic, p.Cache, template, ids)
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// runs keeps runs within a budget; the longest unused goes first.
type runs struct {
	budget int64
	mu     sync.Mutex
	list   map[string]*run
	clock  int64
}

func newRuns(budget int64) *runs { return &runs{budget: budget, list: map[string]*run{}} }

// find is a run that is still here.
func (c *runs) find(id string) *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.list[id]
	if r != nil {
		c.clock++
		r.used = c.clock
	}
	return r
}

// add keeps a run, unless another request has made the same one meanwhile, and
// returns the one that is kept.
func (c *runs) add(r *run) *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.list[r.id]; old != nil {
		r = old
	}
	c.clock++
	r.used = c.clock
	c.list[r.id] = r
	c.shrink(r)
	return r
}

// shrinkFor makes room after r has grown.
func (c *runs) shrinkFor(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shrink(r)
}

// shrink lets runs go until the rest fit, but never keep.
func (c *runs) shrink(keep *run) {
	for {
		sum, oldest := int64(0), (*run)(nil)
		for _, r := range c.list {
			sum += r.size()
			if r != keep && (oldest == nil || r.used < oldest.used) {
				oldest = r
			}
		}
		if sum <= c.budget || oldest == nil {
			return
		}
		delete(c.list, oldest.id)
	}
}

func (r *run) size() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes
}

// withRun answers a request about a run with its model.
func (s *Studio) withRun(w http.ResponseWriter, req *http.Request, f func(ctx context.Context, o *opened, r *run) error) error {
	r := s.runs.find(req.PathValue("id"))
	if r == nil {
		return problem(http.StatusGone, "gone", "this run is no longer kept; post the prompt to /api/run again")
	}
	return s.with(req.Context(), r.model, func(o *opened) error {
		if o.subject.Provenance(nil).Hash != r.hash {
			return problem(http.StatusGone, "gone", "the model %s has other weights now; post the prompt to /api/run again", r.model)
		}
		return f(req.Context(), o, r)
	})
}
