package studio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"weft/model"
	"weft/tensor"
)

// finalLogits is the point of the final logits; "logits" is short for it.
const finalLogits = "hook_logits"

// immutable is how long a browser may keep a run's numbers: the run's name says what
// they are.
const immutable = "private, max-age=86400, immutable"

// key is what a point is kept under: of patterns and scores each head by itself, since
// together they may be large.
func key(name string, head int) string {
	if isPattern(name) {
		return fmt.Sprintf("%s#%d", name, head)
	}
	return name
}

func (r *run) kept(key string) *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.points[key]
	if p != nil {
		r.clock++
		p.used = r.clock
	}
	return p
}

// point is the numbers of a point, from the run's own memory or made again from its
// streams; head counts for patterns and scores alone.
func (s *Studio) point(ctx context.Context, o *opened, r *run, name string, head int) (*recorded, error) {
	if err := known(o.Core.Config, name, head); err != nil {
		return nil, err
	}
	if p := r.kept(key(name, head)); p != nil {
		return p, nil
	}
	select { // one records, and the others find it done
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p := r.kept(key(name, head)); p != nil {
		return p, nil
	}
	got, err := r.record(ctx, o, name, head, s.runs.budget)
	if err != nil {
		return nil, err
	}
	for k, p := range got {
		r.keep(k, p, s.runs.budget/2)
	}
	s.runs.shrinkFor(r)
	return got[key(name, head)], nil
}

// known refuses points and heads that the model does not have.
func known(c model.Config, name string, head int) error {
	if !slices.Contains(c.HookPoints(), name) {
		return problem(http.StatusNotFound, "not_found", "this model has no point %.80q; the answer of /api/run lists those it has", name)
	}
	if heads := headsOf(c, name); heads > 0 && (head < 0 || head >= heads) {
		return bad("%s needs a head from 0 to %d", name, heads-1)
	}
	return nil
}

// headsOf is how many heads a point has; 0: it is not by heads.
func headsOf(c model.Config, name string) int {
	switch shape := c.PointShape(name, 1, 1); {
	case isPattern(name):
		return shape[1]
	case len(shape) == 4:
		return shape[2]
	}
	return 0
}

// record makes a point again, and its block's others too if that takes little memory.
func (r *run) record(ctx context.Context, o *opened, name string, head int, budget int64) (map[string]*recorded, error) {
	c, n := o.Core.Config, len(r.ids)
	if name == finalLogits {
		return nil, bad("logits are made row by row; ask for the tile of some rows")
	}
	if isPattern(name) {
		// The pass holds all heads' patterns at once, and scores thrice.
		need := 4 * int64(c.Heads) * int64(n) * int64(n)
		if name[len(name)-6:] == "scores" {
			need *= 3
		}
		if need > budget {
			return nil, overBudget(name, n, need, budget)
		}
	}
	names := []string{name}
	if bytes := blockBytes(c, r.peers(c, name), n); !isPattern(name) && bytes <= budget/8 {
		names = r.peers(c, name)
	}
	if need := blockBytes(c, names, n); need > budget {
		return nil, overBudget(name, n, need, budget)
	}
	got := map[string]*recorded{}
	all := 4*int64(c.Heads)*int64(n)*int64(n) <= budget/8 // heads
	catch := func(p *model.Point) error {
		if !isPattern(p.Name) {
			got[p.Name] = &recorded{data: slices.Clone(p.Data), rows: n, cols: len(p.Data) / n}
			return nil
		}
		for h := range c.Heads {
			if h == head || all {
				got[key(p.Name, h)] = &recorded{data: slices.Clone(p.Data[h*n*n : (h+1)*n*n]), rows: n, cols: n}
			}
		}
		return nil
	}
	return got, r.again(ctx, o, names, catch)
}

func overBudget(name string, tokens int, need, budget int64) error {
	return problem(http.StatusRequestEntityTooLarge, "over_budget", "%s of %d tokens holds %d MiB, the budget is %d MiB; shorten the text",
		name, tokens, mib(need), mib(budget))
}

// peers are the points of the same block that are not patterns.
func (r *run) peers(c model.Config, name string) []string {
	layer, point := split(name)
	var list []string
	for _, other := range c.HookPoints() {
		l, p := split(other)
		if l == layer && !isPattern(other) && other != finalLogits && (l >= 0 || isFinal(p) == isFinal(point)) {
			list = append(list, other)
		}
	}
	return list
}

// isFinal says whether a point outside the blocks is behind them.
func isFinal(point string) bool { return len(point) > 8 && point[:8] == "ln_final" }

func blockBytes(c model.Config, names []string, tokens int) int64 {
	sum := int64(0)
	for _, name := range names {
		size := int64(4)
		for _, d := range c.PointShape(name, 1, tokens) {
			size *= int64(d)
		}
		sum += size
	}
	return sum
}

// again runs the blocks from the last stream that is kept up to where the points are.
func (r *run) again(ctx context.Context, o *opened, names []string, catch func(p *model.Point) error) error {
	c, n := o.Core.Config, len(r.ids)
	layer, point := split(names[0])
	stop := "blocks.0.hook_resid_pre" // behind the embeddings
	start := -1
	switch {
	case layer >= 0:
		start, stop = layer/r.stride*r.stride, fmt.Sprintf("blocks.%d.hook_resid_post", layer)
	case isFinal(point):
		start, stop = (c.Layers-1)/r.stride*r.stride, ""
	}
	h := &model.Hooks{}
	for _, name := range names {
		h.On(name, catch)
	}
	if stop != "" {
		h.On(stop, func(*model.Point) error { return model.ErrStop })
	}
	pass := model.Run{Hooks: h, Logits: model.NoLogits}
	if start >= 0 {
		pass.From, pass.Stream = start, tensor.Of(r.streams[start], n, c.Dim)
	}
	_, err := o.Core.Until(ctx).Forward(r.ids, &pass)
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("record: %w", err)
	}
	return err
}

// keep files a point; the longest unused of the run's go when they are too many.
func (r *run) keep(key string, p *recorded, most int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	p.used = r.clock
	r.points[key] = p
	r.bytes += p.bytes()
	for r.bytes > most && len(r.points) > 1 {
		oldest := ""
		for k, other := range r.points {
			if k != key && (oldest == "" || other.used < r.points[oldest].used) {
				oldest = k
			}
		}
		r.bytes -= r.points[oldest].bytes()
		delete(r.points, oldest)
	}
}

func (p *recorded) bytes() int64 { return 4 * int64(len(p.data)) }
