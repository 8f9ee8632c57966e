package inspect

import (
	"fmt"
	"math"

	"weft/model"
)

// pattern checks every head's rows and keeps the head that was asked for, or
// else the one that looks around most so far. Shape: [1, heads, query, key].
func (w *watcher) pattern(p *model.Point) error {
	if len(p.Shape) != 4 || p.Shape[0] != 1 || p.Shape[2] != len(w.t.Tokens) || p.Shape[3] != p.Shape[2] {
		return fmt.Errorf("pattern has the shape %v, want [1 heads %d %[2]d]", p.Shape, len(w.t.Tokens))
	}
	n := p.Shape[2]
	for head := range p.Shape[1] {
		all := p.Data[head*n*n : (head+1)*n*n]
		around := 0.0
		for i := range n {
			row := all[i*n : (i+1)*n]
			sum := 0.0
			for j, a := range row {
				sum += float64(a)
				if 0 < j && j < i {
					around += float64(a)
				}
			}
			off := math.Abs(sum - 1)
			if w.t.Config.Sinks {
				off = max(0, sum-1)
			}
			w.t.Checks.PatternRows = worse(w.t.Checks.PatternRows, off)
		}
		if w.o.AllHeads {
			w.keepHead(p.Layer, all, n)
		}
		h := Head{p.Layer, head}
		if wanted := w.o.Head; wanted != nil && *wanted == h || wanted == nil && around > w.best {
			w.best = around
			w.t.Attention = Pattern{Head: h, Hook: p.Name, Chosen: wanted != nil, Rows: triangle(all, n)}
		}
	}
	return nil
}

// triangle copies the part of a pattern that causality leaves.
func triangle(all []float32, n int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = append([]float32(nil), all[i*n:i*n+i+1]...)
	}
	return rows
}

// keepHead files a pattern as the next head of its layer.
func (w *watcher) keepHead(layer int, all []float32, n int) {
	var t Triangle
	for i := range n {
		t = append(t, all[i*n:i*n+i+1]...)
	}
	if layer == len(w.t.Heads) {
		w.t.Heads = append(w.t.Heads, nil)
	}
	w.t.Heads[layer] = append(w.t.Heads[layer], t)
}
