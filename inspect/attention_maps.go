package inspect

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"weft/model"
	"weft/tensor"
)

// AttentionOptions say which heads. The zero value is all.
type AttentionOptions struct {
	Layers []int // nil: all
}

// AttentionMaps is where heads looked.
type AttentionMaps struct {
	Provenance Provenance `json:"provenance"`
	Tokens     []int32    `json:"tokens"`
	Heads      []HeadMap  `json:"heads"`
	Checks     CheckList  `json:"checks"`
}

// HeadMap is one head's pattern, and how long the vectors are that it fetched:
// Written[i,j] is ‖pattern[i,j] · W_O v_j‖, before a norm behind attention. A
// token that is much looked at and holds nothing is a sink.
type HeadMap struct {
	Layer    int      `json:"layer"`
	Head     int      `json:"head"`
	KVHead   int      `json:"kv_head"` // whose keys and values it reads
	Pattern  Triangle `json:"pattern"`
	Written  Triangle `json:"written"`
	First    float64  `json:"first"`        // mean attention to the first token, of all others
	Distance float64  `json:"distance"`     // mean distance looked back, in tokens
	Entropy  float64  `json:"entropy_bits"` // mean over tokens
}

// AttentionBytes is how many bytes Attention holds for a prompt, of so many layers.
func AttentionBytes(c model.Config, tokens, layers int) int64 {
	kept := int64(layers) * (2*triangleBytes(c, tokens) + floats(tokens+1, c.VDim()) + int64(c.Heads)*2*recorded)
	out := floats(c.Dim, c.ZDim()) // of one layer, and what heads move with it
	moved := floats(min(c.Heads, runtime.GOMAXPROCS(0)), tokens, c.Dim) + 8*int64(c.Heads)*int64(tokens)
	return kept + max(forwardBytes(c, 1, tokens, 1), out+moved)
}

// Attention is where every head looked and how much it brought from there.
func (s *Subject) Attention(ctx context.Context, tokens []int32, o AttentionOptions) (*AttentionMaps, error) {
	c := s.Model.Config
	layers := all(o.Layers, c.Layers)
	slices.Sort(layers)
	layers = slices.Compact(layers)
	for _, l := range layers {
		if l < 0 || l >= c.Layers {
			return nil, fmt.Errorf("%w: layer %d of %d", ErrAsk, l, c.Layers)
		}
	}
	if err := s.afford("the attention maps", AttentionBytes(c, len(tokens), len(layers))); err != nil {
		return nil, err
	}
	a := &AttentionMaps{Provenance: s.Provenance(tokens), Tokens: tokens}
	m := &mapper{s: s, a: a, n: len(tokens)}
	caught := newCatcher()
	for _, l := range layers {
		caught.whole(block(l, "attn.hook_v"))
		caught.hooks.On(block(l, "attn.hook_pattern"), m.pattern)
		caught.row(len(tokens)-1, block(l, "attn.hook_z"))
	}
	if _, err := caught.run(ctx, s, tokens, model.Run{Logits: model.NoLogits}); err != nil {
		return nil, err
	}
	for i, l := range layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.weigh(l, a.Heads[i*c.Heads:][:c.Heads], caught.got[block(l, "attn.hook_v")], caught.got[block(l, "attn.hook_z")])
	}
	a.Checks.add("rows", "every row of a pattern sums to 1 (with attention sinks: to 1 at most)", m.rows, 1e-5)
	a.Checks.add("future", "no token looks at a later one", m.future, 0)
	a.Checks.add("fetched", "a head's pattern times its values is what it fetched for the last token, relative", m.fetched, KVNoise(s.Model.KV))
	return a, a.Checks.err()
}

// mapper makes maps, and checks them.
type mapper struct {
	s                     *Subject
	a                     *AttentionMaps
	n                     int
	rows, future, fetched float64
}

// pattern keeps a layer's patterns: [1, heads, query, key].
func (m *mapper) pattern(p *model.Point) error {
	c, n := m.s.Model.Config, m.n
	for h := range c.Heads {
		rows := p.Data[h*n*n : (h+1)*n*n]
		head := HeadMap{Layer: p.Layer, Head: h, KVHead: h / (c.Heads / c.KVHeads), Pattern: make(Triangle, 0, n*(n+1)/2)}
		for i := range n {
			m.row(&head, i, rows[i*n:(i+1)*n])
		}
		if n > 1 {
			head.First /= float64(n - 1)
		}
		head.Distance /= float64(n)
		head.Entropy /= float64(n)
		m.a.Heads = append(m.a.Heads, head)
	}
	return nil
}

func (m *mapper) row(head *HeadMap, i int, row []float32) {
	sum := 0.0
	for j, v := range row[:i+1] {
		a := float64(v)
		sum += a
		head.Distance += a * float64(i-j)
		if a > 0 {
			head.Entropy -= a * math.Log2(a)
		}
	}
	if i > 0 {
		head.First += float64(row[0])
	}
	head.Pattern = append(head.Pattern, row[:i+1]...)
	off := math.Abs(sum - 1)
	if m.s.Model.Config.Sinks {
		off = max(0, sum-1)
	}
	m.rows = worse(m.rows, off)
	m.future = worse(m.future, largest(row[i+1:]))
}

// weigh finds how long the vectors are that each head of a layer fetched:
// pattern · ‖W_O v‖, W_O being the head's columns.
func (m *mapper) weigh(l int, heads []HeadMap, v, z []float32) {
	c, n := m.s.Model.Config, m.n
	out, width := matrix(&m.s.Model.W.Layers[l].AttnOut, c.Dim, c.ZDim()), c.VHead()
	values := tensor.Of(v, n, c.VDim())
	lengths := make([][]float64, c.Heads)
	rooms := make([]tensor.Mat, m.s.Model.Pool.Threads())
	m.s.Model.Pool.Run(c.Heads, func(worker, h int) {
		if rooms[worker].Data == nil {
			rooms[worker] = tensor.New(n, c.Dim)
		}
		moved := rooms[worker]
		kv := heads[h].KVHead
		tensor.Gemm(nil, moved, values.Columns(kv*width, (kv+1)*width), out.Columns(h*width, (h+1)*width).T(), false)
		lengths[h] = make([]float64, n)
		for j := range n {
			lengths[h][j] = lengthOf(moved.Row(j))
		}
	})
	for h := range heads {
		heads[h].Written = make(Triangle, 0, len(heads[h].Pattern))
		for i := range n {
			for j, a := range heads[h].Pattern[i*(i+1)/2:][:i+1] {
				heads[h].Written = append(heads[h].Written, float32(float64(a)*lengths[h][j]))
			}
		}
		m.checkFetched(&heads[h], values, z[h*width:(h+1)*width])
	}
}

// checkFetched: the last token's row of the pattern, times the values, is its z.
func (m *mapper) checkFetched(head *HeadMap, values tensor.Mat, z []float32) {
	width, last := len(z), head.Pattern[len(head.Pattern)-m.n:]
	size, off := 1e-30, 0.0
	for i, want := range z {
		sum, sizes := 0.0, 0.0
		for j, a := range last {
			v := float64(a) * float64(values.Row(j)[head.KVHead*width+i])
			sum, sizes = sum+v, sizes+math.Abs(v)
		}
		off, size = worse(off, math.Abs(sum-float64(want))), max(size, sizes)
	}
	m.fetched = worse(m.fetched, off/size)
}

// matrix is a weight matrix in float32.
func matrix(l *model.Linear, rows, cols int) tensor.Mat {
	if l.Stored == nil {
		return l.W
	}
	m := tensor.New(rows, cols)
	for i := range rows {
		l.Row(m.Row(i), i)
	}
	return m
}
