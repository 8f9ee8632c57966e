package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"weft/kvcache"
	"weft/tensor"
)

// ErrStop, returned by a hook, ends the forward pass there without an error:
// Forward then returns no logits.
var ErrStop = errors.New("stopped by a hook")

// Point is one place in the forward pass, caught while it runs. Shape is as in
// TransformerLens, [batch, position, …]; Data is the live memory in that
// order: what a hook writes there, the rest of the pass uses. It is valid only
// during the call.
type Point struct {
	Name   string
	Layer  int // -1 outside the blocks
	Shape  []int
	Data   []float32
	Starts []int // position of each sequence's first row
}

// Mat views the data as a matrix with a row of the last dimension's length for
// every combination of the others.
func (p *Point) Mat() tensor.Mat {
	cols := p.Shape[len(p.Shape)-1]
	return tensor.Of(p.Data, len(p.Data)/cols, cols)
}

// Hooks are functions to be called at named points of one forward pass, in the
// order in which they were added. The zero value has none.
type Hooks struct {
	at map[string][]func(*Point) error
}

// On calls f whenever the pass reaches the point of that name.
func (h *Hooks) On(name string, f func(*Point) error) {
	if h.at == nil {
		h.at = map[string][]func(*Point) error{}
	}
	h.at[name] = append(h.at[name], f)
}

// blockPoints are the points inside block l, in order. Those marked r are only
// read: what a hook writes there is lost.
func (c Config) blockPoints(l int) []string {
	list := []string{"hook_resid_pre"}
	add := func(has bool, points ...string) {
		if has {
			list = append(list, points...)
		}
	}
	before, after := c.Placement != PostNorm, c.Placement != PreNorm
	add(before, "ln1.hook_scale", // r; the divisor: rms or standard deviation
		"ln1.hook_normalized") // before the gain
	add(true, "attn.hook_q", "attn.hook_k", "attn.hook_v")
	add(c.Position == RoPE && !c.Block(l).NoRope, "attn.hook_rot_q", "attn.hook_rot_k")
	add(true, "attn.hook_attn_scores", // before the softmax, what is not seen -Inf
		"attn.hook_pattern",
		"attn.hook_z")
	add(after, "ln1_post.hook_scale", "ln1_post.hook_normalized")
	add(true, "hook_attn_out")
	add(c.Flow == Sequential, "hook_resid_mid")
	add(before && c.Flow != ParallelOne, "ln2.hook_scale", "ln2.hook_normalized")
	dense := !c.HasExperts(l)
	add(dense, "mlp.hook_pre")                   // gate(x) if gated, else up(x)
	add(dense && c.Gated, "mlp.hook_pre_linear") // up(x)
	add(dense, "mlp.hook_post")
	add(after, "ln2_post.hook_scale", "ln2_post.hook_normalized")
	add(true, "hook_mlp_out", "hook_resid_post")
	return list
}

// HookPoints lists every point that a forward pass of this config reaches, in
// order.
func (c Config) HookPoints() []string {
	names := []string{"hook_embed"}
	if c.Position == LearnedPositions {
		names = append(names, "hook_pos_embed")
	}
	for l := range c.Layers {
		for _, p := range c.blockPoints(l) {
			names = append(names, fmt.Sprintf("blocks.%d.%s", l, p))
		}
	}
	return append(names, "ln_final.hook_scale", "ln_final.hook_normalized", "hook_logits")
}

// PointShape is the shape of a point of HookPoints in a pass over sequences that
// nothing came before.
func (c Config) PointShape(name string, seqs, seqLen int) []int {
	point := name
	if rest, ok := strings.CutPrefix(name, "blocks."); ok {
		_, point, _ = strings.Cut(rest, ".")
	}
	shape := []int{seqs, seqLen}
	switch point {
	case "attn.hook_q", "attn.hook_rot_q":
		return append(shape, c.Heads, c.HeadDim)
	case "attn.hook_k", "attn.hook_rot_k":
		return append(shape, c.KVHeads, c.HeadDim)
	case "attn.hook_v":
		return append(shape, c.KVHeads, c.VHead())
	case "attn.hook_z":
		return append(shape, c.Heads, c.VHead())
	case "attn.hook_attn_scores", "attn.hook_pattern":
		return []int{seqs, c.Heads, seqLen, seqLen}
	case "mlp.hook_pre", "mlp.hook_pre_linear", "mlp.hook_post":
		return append(shape, c.Hidden)
	case "hook_logits":
		return append(shape, c.Vocab)
	}
	if strings.HasSuffix(point, ".hook_scale") {
		return append(shape, 1)
	}
	return append(shape, c.Dim)
}

func (h *Hooks) check(c Config) error {
	if h == nil || len(h.at) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, name := range c.HookPoints() {
		known[name] = true
	}
	for name := range h.at {
		if !known[name] {
			return fmt.Errorf("this model has no hook point %q", name)
		}
	}
	return nil
}

// pass is one forward pass on its way: which rows are whose, and who watches.
type pass struct {
	hooks        *Hooks
	seqs, seqLen int
	caches       []*kvcache.Cache // one that each sequence continues; none: they begin here
	one          [1]*kvcache.Cache
	exact        bool // keys and values are not rounded: somebody learns from the pass
	layer        int  // -1 outside the blocks

	from   int        // the first block that runs
	stream tensor.Mat // what enters it; empty: the embeddings

	last tensor.Mat                          // backwards: the gradient of the last stream, besides what comes through the head
	see  func(layer int, d tensor.Mat) error // backwards: is shown the gradient of the stream before each block
}

// start is the position of a sequence's first row.
func (p *pass) start(seq int) int {
	if len(p.caches) == 0 {
		return 0
	}
	return p.caches[seq].Len()
}

// capacity is how many positions a sequence may come to have.
func (p *pass) capacity(seq int) int {
	if len(p.caches) == 0 {
		return p.seqLen
	}
	return p.caches[seq].Cap()
}

// longest is how many positions the longest sequence has after the pass.
func (p *pass) longest() int {
	most := 0
	for _, c := range p.caches {
		most = max(most, c.Len())
	}
	return most + p.seqLen
}

func (p *pass) name(point string) string {
	if p.layer < 0 {
		return point
	}
	return fmt.Sprintf("blocks.%d.%s", p.layer, point)
}

// watched says whether anybody wants to see the point.
func (p *pass) watched(point string) bool {
	return p.hooks != nil && len(p.hooks.at[p.name(point)]) > 0
}

// fire shows data to whoever watches the point; tail is the shape after
// [batch, position].
func (p *pass) fire(point string, data []float32, tail ...int) error {
	if p.hooks == nil { // nothing to allocate a shape for
		return nil
	}
	return p.fireShaped(point, data, append([]int{p.seqs, p.seqLen}, tail...)...)
}

func (p *pass) fireShaped(point string, data []float32, shape ...int) error {
	if !p.watched(point) {
		return nil
	}
	name := p.name(point)
	starts := make([]int, p.seqs)
	for i := range starts {
		starts[i] = p.start(i)
	}
	for _, f := range p.hooks.at[name] {
		if err := f(&Point{Name: name, Layer: p.layer, Shape: slices.Clone(shape), Data: data, Starts: starts}); err != nil {
			return fmt.Errorf("hook %s: %w", name, err)
		}
	}
	return nil
}
