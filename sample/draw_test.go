package sample

import (
	"errors"
	"math"
	"testing"
)

// TestDrawnIsTheDraw: the stretch that a draw fell on is the chosen token's, as
// Trace gives the probabilities, and begins where those before it end.
func TestDrawnIsTheDraw(t *testing.T) {
	logits := noise(200, 7, 3)
	for _, o := range []Options{Default(), {Temp: 1.3, TopK: 20}, {Temp: 0.7, TopP: 0.9, MinP: 0.02, RepeatPenalty: 1.2}} {
		s, _ := New(o)
		history := []int32{3, 3, 9}
		for range 50 {
			steps, err := s.Trace(logits, history, -1)
			if err != nil {
				t.Fatal(err)
			}
			id, _ := s.Next(logits, history)
			d, ok := s.Drawn()
			if !ok {
				t.Fatalf("%+v: nothing drawn among %d", o, steps[len(steps)-1].Kept)
			}
			from := 0.0
			for _, c := range steps[len(steps)-1].Top { // these options leave them in order
				if c.ID == id {
					if math.Abs(d.From-from) > 1e-9 || math.Abs(d.Width-c.P()) > 1e-9 || d.U < d.From-1e-9 || d.U >= d.From+d.Width+1e-9 {
						t.Fatalf("%+v chose %d by %+v, want [%v, %v)", o, id, d, from, from+c.P())
					}
				}
				from += c.P()
			}
			history = append(history, id)
		}
	}
}

func TestNothingDrawn(t *testing.T) {
	s, _ := New(Options{Temp: 1})
	s.Next([]float32{1, 2}, nil)
	if _, ok := s.Drawn(); !ok {
		t.Error("a draw among two is none")
	}
	g, _ := New(Greedy())
	g.Next([]float32{1, 2}, nil)
	if d, ok := g.Drawn(); ok {
		t.Errorf("greedy drew %+v", d)
	}
}

func TestEntropy(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		logits []float32
		want   float64
	}{
		{[]float32{2, 2, 2, 2}, 2}, {[]float32{100, 0}, 0}, {[]float32{-inf, 3}, 0}, {[]float32{1, 1, -inf}, 1},
		{[]float32{float32(math.Log(0.75)), float32(math.Log(0.25))}, 0.8112781244591328},
	} {
		if got, err := Entropy(c.logits); err != nil || math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%v: %v bits, %v; want %v", c.logits, got, err, c.want)
		}
	}
	for _, logits := range [][]float32{nil, {inf}, {-inf, -inf}} {
		if _, err := Entropy(logits); !errors.Is(err, ErrLogits) {
			t.Errorf("%v: %v", logits, err)
		}
	}
}
