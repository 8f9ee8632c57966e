package kvcache_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"weft/kvcache"
	"weft/tensor"
)

// TestWindows: whatever comes and is taken back, what a query sees is there and is
// right, memory keeps its bound, and promised ways back are open.
func TestWindows(t *testing.T) {
	const capacity, pass = 8000, 300
	refused := 0
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := kvcache.Shape{Layers: 4, Heads: 1, KeyDim: 2, ValueDim: 1, Type: kvcache.Type(seed % 4), Windows: []int{0, 1, 1 + r.IntN(300), 1 + r.IntN(1500)}}
		t.Run(fmt.Sprint(s.Windows, s.Type), func(t *testing.T) {
			c, w := kvcache.New(s, capacity), newWritten(s, capacity)
			longest, ever, mark := 0, 0, [2]int{}
			for range 1500 {
				switch n := r.IntN(20); {
				case n == 0:
					c.Mark()
					mark = [2]int{mark[1], c.Len()}
				case n == 1:
					to := []int{r.IntN(c.Len() + 1), max(0, longest-r.IntN(kvcache.Margin+1)), mark[0], mark[1] + r.IntN(kvcache.Margin+1), max(0, mark[1]-600+r.IntN(1200)), 0}[r.IntN(6)]
					to = min(to, c.Len())
					before, err := c.Len(), c.Truncate(to)
					promised := to == 0 || to >= longest-kvcache.Margin
					for _, m := range mark {
						promised = promised || m > 0 && m <= to && to <= m+kvcache.Margin
					}
					switch {
					case err == nil:
						longest, mark = to, [2]int{min(mark[0], to), min(mark[1], to)}
					case promised || !errors.Is(err, kvcache.ErrRewind) || c.Len() != before:
						t.Fatalf("back to %d of %d (%d): %v; marks %v", to, c.Len(), longest, err, mark)
					default:
						refused++
					}
				default:
					add := []int{1 + r.IntN(pass), 1 + r.IntN(3), 256 - c.Len()%256}[n%3] // the last: up to where memory comes
					w.write(c, min(add, capacity-c.Len()), r)
					longest = max(longest, c.Len())
					ever = max(ever, (c.Len()+255)/256*256) // memory comes by so many
				}
				w.check(t, c)
				if got, most := c.Bytes(), s.Bytes(ever, pass); got > most {
					t.Fatalf("%d bytes, at most %d", got, most)
				}
			}
			if ever < 3000 {
				t.Errorf("only %d positions", ever)
			}
		})
	}
	if refused < 10 {
		t.Errorf("%d ways back were refused", refused)
	}
}

// written is what a cache was given: by layer the first number of each key.
type written struct {
	shape kvcache.Shape
	keys  [][]float32
}

func newWritten(s kvcache.Shape, n int) *written {
	w := &written{shape: s}
	for range s.Layers {
		w.keys = append(w.keys, make([]float32, n))
	}
	return w
}

// write adds n positions, and reads what the first of them sees before they count.
func (w *written) write(c *kvcache.Cache, n int, r *rand.Rand) {
	c.Reserve(n)
	for l, keys := range w.keys {
		k, v := tensor.New(n, 2), tensor.New(n, 1)
		for i := range n {
			x := float32(r.IntN(255) - 127) // exact in every type, beside a 127
			keys[c.Len()+i] = x
			k.Row(i)[0], k.Row(i)[1], v.Row(i)[0] = x, 127, 127
		}
		c.Write(l, 0, c.Len(), k, v)
	}
	c.Advance(n)
}

// check reads what the next query sees, of all positions the last 2000.
func (w *written) check(t *testing.T, c *kvcache.Cache) {
	t.Helper()
	out := make([]float32, kvcache.Columns)
	var q kvcache.Queries
	q.Set(w.shape.Type, []float32{1, 0}, 2)
	for l, keys := range w.keys {
		first := max(0, c.Len()-2000)
		if window := w.shape.Windows[l]; window > 0 {
			first = max(0, c.Len()+1-window)
		}
		if c.First(l) > first {
			t.Fatalf("layer %d: %d of %d positions, from %d on", l, c.First(l), c.Len(), first)
		}
		for pos := first / kvcache.Columns * kvcache.Columns; pos < c.Len(); pos += kvcache.Columns {
			c.Keys(l, 0, pos).ScoresInto(out, kvcache.Columns, &q, 0, 1)
			for j := max(first, pos); j < min(pos+kvcache.Columns, c.Len()); j++ {
				if out[j-pos] != keys[j] {
					t.Fatalf("layer %d, key %d of %d: %v, want %v", l, j, c.Len(), out[j-pos], keys[j])
				}
			}
		}
	}
}
