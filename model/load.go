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
