package model

import (
	"fmt"

	"weft/tensor"
)

// WeightSource is where weights come from: a file of named tensors.
type WeightSource interface {
	Names() []string
	Tensor(name string) (tensor.Raw, error)
}

// Load reads weights of this config. rename gives the source's name for a GGUF
// name; nil means that they are the same. A tensor that is missing, has another
// shape, or is left over is an error that names it.
func Load(c Config, src WeightSource, rename func(string) string) (*Weights, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := NewWeights(c)
	used := map[string]bool{}
	for _, p := range w.Params() {
		name := p.Name
		if rename != nil {
			name = rename(name)
		}
		raw, err := src.Tensor(name)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", p.Name, err)
		}
		if !hasShape(raw.Shape, p.Rows, p.Cols) {
			return nil, fmt.Errorf("load %s: shape is %v, the config says [%d %d]", name, raw.Shape, p.Rows, p.Cols)
		}
		if err := raw.Float32s(p.Data); err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
		used[name] = true
	}
	for _, name := range src.Names() {
		if !used[name] {
			return nil, fmt.Errorf("load: tensor %q has no place in a %s model of this config", name, c.Arch)
		}
	}
	return w, nil
}

func hasShape(shape []int, rows, cols int) bool {
	switch len(shape) {
	case 1:
		return rows == 1 && shape[0] == cols
	case 2:
		return shape[0] == rows && shape[1] == cols
	}
	return false
}

// Keep makes weights whose matrices stay as find gives them, which is asked for
// every parameter in turn; vectors are decoded. Float32 matrices in order are
// used where they lie. What find gave must outlive the weights.
func Keep(c Config, find func(p Param) (*tensor.Stored, error)) (*Weights, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := &Weights{Config: c, Layers: layers(c)}
	var failed error
	w.each(func(p Param, at place) {
		if failed != nil {
			return
		}
		s, err := find(p)
		switch {
		case err != nil:
			failed = fmt.Errorf("load %s: %w", p.Name, err)
		case s.Rows*s.Cols != p.Rows*p.Cols || !p.IsVector() && s.Rows != p.Rows:
			failed = fmt.Errorf("load %s: it is %d × %d, the config says %d × %d", p.Name, s.Rows, s.Cols, p.Rows, p.Cols)
		case at.linear == nil:
			*at.vector = s.Float32s(nil).Data
		default:
			if m, ok := s.Mat(); ok {
				at.linear.W = m
			} else {
				at.linear.Stored = s
			}
		}
	})
	if failed != nil {
		return nil, failed
	}
	w.finish()
	return w, nil
}
