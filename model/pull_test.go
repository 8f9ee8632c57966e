package model_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"weft/internal/par"
	"weft/model"
	"weft/tensor"
)

// TestPointShape: what PointShape says is what hooks see.
func TestPointShape(t *testing.T) {
	for name, c := range goldenConfigs {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, model.Init(c, 1), 2)
			h := &model.Hooks{}
			for _, point := range c.HookPoints() {
				h.On(point, func(p *model.Point) error {
					if want := c.PointShape(point, 2, 5); !slices.Equal(p.Shape, want) || !slices.Equal(p.Starts, []int{0, 0}) {
						t.Errorf("%s has the shape %v, said to be %v; starts %v", point, p.Shape, want, p.Starts)
					}
					return nil
				})
			}
			if _, err := m.Forward(make([]int32, 10), &model.Run{SeqLen: 5, Hooks: h, Logits: model.AllLogits}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestFromTheMiddle: a pass that begins with a block's stream ends as the whole one.
func TestFromTheMiddle(t *testing.T) {
	for name, c := range goldenConfigs {
		t.Run(name, func(t *testing.T) {
			m, tokens := newModel(t, model.Init(c, 1), 2), []int32{3, 1, 4, 1, 5, 9}
			var streams [][]float32
			h := &model.Hooks{}
			for l := range c.Layers {
				h.On(fmt.Sprintf("blocks.%d.hook_resid_pre", l), func(p *model.Point) error {
					streams = append(streams, slices.Clone(p.Data))
					return nil
				})
			}
			whole, err := m.Forward(tokens, &model.Run{Hooks: h, SeqLen: 3})
			if err != nil {
				t.Fatal(err)
			}
			for l, stream := range streams {
				r := &model.Run{From: l, Stream: tensor.Of(stream, len(tokens), c.Dim), SeqLen: 3}
				got, err := m.Forward(tokens, r)
				if err != nil || !slices.Equal(got.Data, whole.Data) {
					t.Errorf("from block %d on the logits differ; error %v", l, err)
				}
			}
			for _, r := range []model.Run{
				{From: 1}, {From: -1, Stream: tensor.New(6, c.Dim)}, {From: c.Layers, Stream: tensor.New(6, c.Dim)},
				{Stream: tensor.New(5, c.Dim)}, {Stream: tensor.New(6, c.Dim), Cache: m.NewCache(8)},
			} {
				if _, err := m.Forward(tokens, &r); err == nil {
					t.Errorf("a pass from block %d with a stream of %d rows was run", r.From, r.Stream.Rows)
				}
			}
		})
	}
}

// TestPull compares with finite differences of the forward pass.
func TestPull(t *testing.T) {
	for name, c := range goldenConfigs {
		t.Run(name, func(t *testing.T) {
			w := model.Init(c, 1)
			for _, p := range w.Params() {
				for i := range p.Data {
					p.Data[i] *= 4
				}
			}
			m, tokens := newModel(t, w, 2), []int32{3, 1, 4, 1, 5, 9}
			last := tensor.New(6, c.Dim)
			last.Row(4)[3] = 0.5
			grads := map[int][]float32{}
			seeds := []model.LogitSeed{{Row: 2, Token: 7, Weight: 1}, {Row: 5, Token: 2, Weight: -2}}
			acts := m.NewActivations(2, 3)
			if _, err := m.Pull(acts, tokens, model.Pull{SeqLen: 3, Logits: seeds, Last: last, See: func(layer int, d tensor.Mat) error {
				grads[layer] = slices.Clone(d.Data)
				return nil
			}}); err != nil {
				t.Fatal(err)
			}
			h := &model.Hooks{}
			var streams [][]float32
			for l := range c.Layers {
				h.On(fmt.Sprintf("blocks.%d.hook_resid_pre", l), func(p *model.Point) error {
					streams = append(streams, slices.Clone(p.Data))
					return nil
				})
			}
			if _, err := m.Forward(tokens, &model.Run{Hooks: h, SeqLen: 3}); err != nil {
				t.Fatal(err)
			}
			value := func(l int, stream []float32) float64 {
				var end float32
				h := &model.Hooks{}
				h.On(fmt.Sprintf("blocks.%d.hook_resid_post", c.Layers-1), func(p *model.Point) error {
					end = p.Data[4*c.Dim+3]
					return nil
				})
				logits, err := m.Forward(tokens, &model.Run{SeqLen: 3, From: l, Stream: tensor.Of(stream, 6, c.Dim), Hooks: h, Logits: model.AllLogits})
				if err != nil {
					t.Fatal(err)
				}
				return float64(logits.Row(2)[7]) - 2*float64(logits.Row(5)[2]) + 0.5*float64(end)
			}
			if len(grads) != c.Layers+1 || len(streams) != c.Layers {
				t.Fatalf("%d gradients, %d streams", len(grads), len(streams))
			}
			for l, stream := range streams {
				for _, i := range []int{0, c.Dim + 3, 4*c.Dim + 1, 5*c.Dim + 2} {
					const step = 1e-3
					moved := [2]float64{}
					for k, sign := range []float32{1, -1} {
						x := slices.Clone(stream)
						x[i] += sign * step
						moved[k] = value(l, x)
					}
					want := (moved[0] - moved[1]) / (2 * step)
					if got := float64(grads[l][i]); math.Abs(got-want) > 2e-2*(1+math.Abs(want)) {
						t.Errorf("block %d, number %d: gradient %g, finite difference %g", l, i, got, want)
					}
				}
			}
		})
	}
}

func TestPullRefuses(t *testing.T) {
	c := goldenConfigs["llama"]
	m := newModel(t, model.Init(c, 1), 2)
	acts := m.NewActivations(1, 4)
	for name, o := range map[string]model.Pull{
		"row":   {Logits: []model.LogitSeed{{Row: 4}}},
		"token": {Logits: []model.LogitSeed{{Token: 67}}},
		"last":  {Last: tensor.New(3, c.Dim)},
	} {
		if _, err := m.Pull(acts, make([]int32, 4), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := m.Pull(m.NewScratch(1, 4), make([]int32, 4), model.Pull{}); err == nil {
		t.Error("activations that keep nothing were used")
	}
	c.Sinks = true
	sinks := newModel(t, model.Init(c, 1), 2)
	if _, err := sinks.Pull(sinks.NewActivations(1, 4), make([]int32, 4), model.Pull{}); !errors.Is(err, model.ErrNoBackward) || !strings.Contains(err.Error(), "sinks") {
		t.Errorf("attention sinks: error %v", err)
	}
}

// TestDecode: stored weights have no gradient, and the decoded ones the same logits.
func TestDecode(t *testing.T) {
	c := goldenConfigs["llama"]
	w := model.Init(c, 1)
	kept, err := model.Keep(c, func(p model.Param) (*tensor.Stored, error) {
		i := slices.IndexFunc(w.Params(), func(q model.Param) bool { return q.Name == p.Name })
		raw, err := tensor.Encode(tensor.BF16, w.Params()[i].Data, p.Rows, p.Cols)
		if err != nil {
			return nil, err
		}
		return tensor.NewStored(raw, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(t, kept, 2)
	if err := m.Differentiable(); !errors.Is(err, model.ErrStored) {
		t.Errorf("stored weights: error %v", err)
	}
	d, err := m.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Differentiable(); err != nil {
		t.Fatal(err)
	}
	a, err1 := m.Forward([]int32{1, 2, 3}, nil)
	b, err2 := d.Forward([]int32{1, 2, 3}, nil)
	if err1 != nil || err2 != nil || !slices.Equal(a.Data, b.Data) {
		t.Errorf("decoded weights say something else; %v, %v", err1, err2)
	}
}

func TestWatch(t *testing.T) {
	m := newModel(t, model.Init(goldenConfigs["gpt2"], 1), 2)
	s := m.NewSession(0)
	var starts []int
	h := &model.Hooks{}
	h.On("blocks.1.hook_resid_pre", func(p *model.Point) error {
		starts = append(starts, p.Starts...)
		return nil
	})
	if err := s.Watch(h); err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]int32{{1, 2, 3}, {4}, {5, 6}} {
		if _, err := s.Append(part); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(starts, []int{0, 3, 4}) {
		t.Errorf("passes began at %v", starts)
	}
	bad := &model.Hooks{}
	bad.On("blocks.9.hook_nothing", func(*model.Point) error { return nil })
	if err := s.Watch(bad); err == nil || s.Len() != 6 {
		t.Errorf("a hook at no point: error %v, %d tokens", err, s.Len())
	}
}

// TestStoppedAppend: a stop in any part of a long text leaves the session as it was.
func TestStoppedAppend(t *testing.T) {
	c := goldenConfigs["llama"]
	c.Context = 1300
	m := newModel(t, model.Init(c, 1), 2)
	text := randomTokens(1200, c.Vocab, 2)
	for _, at := range []int{1, 2, 3} { // passes of 512
		s, calls := m.NewSession(0), 0
		h := &model.Hooks{}
		h.On("blocks.0.hook_resid_pre", func(*model.Point) error {
			if calls++; calls == at {
				return model.ErrStop
			}
			return nil
		})
		if err := s.Watch(h); err != nil {
			t.Fatal(err)
		}
		if logits, err := s.Append(text); logits != nil || err != nil || s.Len() != 0 || calls != at {
			t.Errorf("stopped at pass %d: %d logits, error %v, %d tokens, %d passes", at, len(logits), err, s.Len(), calls)
		}
	}
}

// newModel is the model of weights; its threads end with the test.
func newModel(t testing.TB, w *model.Weights, threads int) *model.Model {
	t.Helper()
	pool := par.New(threads)
	t.Cleanup(pool.Close)
	m, err := model.New(w, pool)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
