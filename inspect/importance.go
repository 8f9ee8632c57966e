package inspect

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"weft/imatrix"
	"weft/model"
	"weft/tensor"
)

// Importance runs a model over windows of tokens and adds up, for every weight
// matrix of the blocks, the squares of what each of its columns reads. onWindow
// may be nil.
func Importance(ctx context.Context, m *model.Model, windows [][]int32, onWindow func(done int)) (*imatrix.Matrix, error) {
	c := &collector{names: map[*model.Linear]string{}, out: &imatrix.Matrix{Entries: map[string]imatrix.Entry{}}, experts: m.Config.Experts.Count}
	for name, l := range m.W.Linears() {
		c.names[l] = name
	}
	observed := m.Observe(c.see)
	for i, w := range windows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := observed.Forward(w, &model.Run{Logits: model.NoLogits}); err != nil {
			return nil, err
		}
		c.out.Chunks, c.out.ChunkSize = c.out.Chunks+1, max(c.out.ChunkSize, len(w))
		if onWindow != nil {
			onWindow(i + 1)
		}
	}
	return c.out, nil
}

// collector adds up. Products may come from several goroutines.
type collector struct {
	mu      sync.Mutex
	names   map[*model.Linear]string
	out     *imatrix.Matrix
	experts int
}

func (c *collector) see(l *model.Linear, x tensor.Mat) {
	name, ok := c.names[l]
	if !ok {
		return // the unembedding that is the embedding
	}
	matrix, matrices := 0, 1
	if i := strings.Index(name, "_exps."); i >= 0 { // experts are one tensor in files
		matrix, _ = strconv.Atoi(strings.TrimSuffix(name[i+len("_exps."):], ".weight"))
		name, matrices = name[:i]+"_exps.weight", c.experts
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.out.Entries[name]
	if !ok {
		e = imatrix.Entry{Sums: make([]float32, matrices*x.Cols), Counts: make([]float32, matrices)}
		c.out.Entries[name] = e
	}
	sums := e.Sums[matrix*x.Cols : (matrix+1)*x.Cols]
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			sums[j] += v * v
		}
	}
	e.Counts[matrix] += float32(x.Rows)
}
