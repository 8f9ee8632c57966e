package kvcache_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/quant"
	"weft/kvcache"
	"weft/tensor"
)

var shapes = []kvcache.Shape{
	{Layers: 2, Heads: 3, KeyDim: 64, ValueDim: 64},
	{Layers: 1, Heads: 2, KeyDim: 10, ValueDim: 70},
	{Layers: 1, Heads: 1, KeyDim: 300, ValueDim: 5},
}

func random(seed uint64, rows, cols int) tensor.Mat {
	m, r := tensor.New(rows, cols), rand.New(rand.NewPCG(seed, 1))
	for i := range m.Data {
		m.Data[i] = float32(r.NormFloat64())
	}
	return m
}

// TestPanels: what is written, in whatever pieces, is where the products look for
// it, rounded once; unit vectors fetch single numbers.
func TestPanels(t *testing.T) {
	const n = 600 // more than two blocks
	cputest.All(t, func(t *testing.T) {
		for _, s := range shapes {
			for _, typ := range []kvcache.Type{kvcache.F32, kvcache.F16, kvcache.BF16, kvcache.Q8_0} {
				s.Type = typ
				t.Run(fmt.Sprint(s), func(t *testing.T) {
					c := kvcache.New(s, n)
					keys, values := map[[2]int]tensor.Mat{}, map[[2]int]tensor.Mat{}
					for l := range s.Layers {
						for h := range s.Heads {
							at := [2]int{l, h}
							keys[at], values[at] = random(uint64(10*l+h), n, s.KeyDim), random(uint64(10*l+h+100), n, s.ValueDim)
						}
					}
					for pos, step := 0, 1; pos < n; pos, step = pos+step, min(step*3+1, n-pos-step) {
						c.Reserve(step)
						for at, k := range keys {
							c.Write(at[0], at[1], pos, k.Slice(pos, pos+step), values[at].Slice(pos, pos+step))
						}
						c.Advance(step)
					}
					if c.Len() != n {
						t.Fatalf("%d positions", c.Len())
					}
					for at := range keys {
						checkKeys(t, c, at[0], at[1], keys[at])
						checkValues(t, c, at[0], at[1], values[at])
					}
				})
			}
		}
	})
}

// rounded is what a cache of this type keeps of keys or values, a row for each.
func rounded(t *testing.T, m tensor.Mat, typ kvcache.Type) tensor.Mat {
	out := tensor.New(m.Rows, m.Cols)
	for i, x := range m.Data {
		switch typ {
		case kvcache.F32:
			out.Data[i] = x
		case kvcache.F16:
			out.Data[i] = quant.F16ToF32(quant.F32ToF16(x))
		case kvcache.BF16:
			out.Data[i] = quant.BF16ToF32(quant.F32ToBF16(x))
		}
	}
	for i := range m.Rows {
		for lo := 0; lo < m.Cols && typ == kvcache.Q8_0; lo += 32 {
			var block [32]float32
			var stored [34]byte
			copy(block[:], m.Row(i)[lo:min(lo+32, m.Cols)])
			if err := errors.Join(quant.Encode(quant.Q8_0, stored[:], block[:]), quant.Decode(quant.Q8_0, block[:], stored[:])); err != nil {
				t.Fatal(err)
			}
			copy(out.Row(i)[lo:], block[:])
		}
	}
	return out
}

func checkKeys(t *testing.T, c *kvcache.Cache, layer, head int, keys tensor.Mat) {
	t.Helper()
	s := c.Shape()
	keys = rounded(t, keys, s.Type)
	out, unit := make([]float32, kvcache.Columns), make([]float32, s.KeyDim)
	var q kvcache.Queries
	for pos := 0; pos < keys.Rows; pos += kvcache.Columns {
		panel := c.Keys(layer, head, pos)
		for d := range s.KeyDim {
			clear(unit)
			unit[d] = 1
			q.Set(s.Type, unit, s.KeyDim)
			panel.ScoresInto(out, kvcache.Columns, &q, 0, 1)
			for j, x := range out[:min(kvcache.Columns, keys.Rows-pos)] {
				if want := keys.At(pos+j, d); x != want {
					t.Fatalf("layer %d head %d key %d number %d: %v, want %v", layer, head, pos+j, d, x, want)
				}
			}
		}
	}
}

func checkValues(t *testing.T, c *kvcache.Cache, layer, head int, values tensor.Mat) {
	t.Helper()
	s := c.Shape()
	values = rounded(t, values, s.Type)
	out := make([]float32, kvcache.Columns)
	var w kvcache.Weights
	for pos := range values.Rows {
		for part := 0; part*kvcache.Columns < s.ValueDim; part++ {
			panel, n := c.Values(layer, head, part, pos)
			if n < 1 || pos%7 == 0 && pos+n < values.Rows && (pos+n)%kvcache.Columns != 0 {
				t.Fatalf("%d values lie together from %d on", n, pos)
			}
			panel.From(0).MixInto(&w, out, kvcache.Columns, []float32{1}, 1, 1, 1, false)
			for j, x := range out {
				want := float32(0) // the last panel is filled up
				if d := part*kvcache.Columns + j; d < s.ValueDim {
					want = values.At(pos, d)
				}
				if x != want {
					t.Fatalf("layer %d head %d value %d number %d: %v, want %v", layer, head, pos, part*kvcache.Columns+j, x, want)
				}
			}
		}
	}
}

// TestGrowth: memory comes with positions, and a rewind lets them be written anew.
func TestGrowth(t *testing.T) {
	s := kvcache.Shape{Layers: 1, Heads: 1, KeyDim: 8, ValueDim: 8}
	if n := testing.AllocsPerRun(1, func() { kvcache.New(s, math.MaxInt/2) }); n > 3 {
		t.Errorf("an empty cache: %v allocations", n)
	}
	c := kvcache.New(s, 1000)
	write := func(pos, n int, seed uint64) (k, v tensor.Mat) {
		k, v = random(seed, n, 8), random(seed+1, n, 8)
		c.Reserve(n)
		c.Write(0, 0, pos, k, v)
		c.Advance(n)
		return k, v
	}
	write(0, 700, 1)
	c.Truncate(0)
	k, v := write(0, 300, 5)
	checkKeys(t, c, 0, 0, k)
	checkValues(t, c, 0, 0, v)
	c.Truncate(800)
	if c.Len() != 300 || c.Cap() != 1000 {
		t.Errorf("%d of %d positions", c.Len(), c.Cap())
	}
	if c.Truncate(-1); c.Len() != 0 {
		t.Errorf("%d positions", c.Len())
	}
	defer func() {
		if recover() == nil {
			t.Error("more than fits: no panic")
		}
	}()
	c.Reserve(1001)
}

func TestTypes(t *testing.T) {
	for _, typ := range []kvcache.Type{kvcache.F32, kvcache.F16, kvcache.BF16, kvcache.Q8_0} {
		if got, err := kvcache.ParseType(typ.String()); got != typ || err != nil {
			t.Errorf("%v: %v, %v", typ, got, err)
		}
	}
	s := kvcache.Shape{Layers: 2, Heads: 3, KeyDim: 64, ValueDim: 70, Type: kvcache.Q8_0}
	if got, want := s.Bytes(33, 33), 2*3*64*(68+102); got != want { // two panels of positions, three of values
		t.Errorf("%d bytes, want %d", got, want)
	}
	if _, err := kvcache.ParseType("q3"); err == nil {
		t.Error("q3: no error")
	}
}
