package modelfile

import (
	"bytes"
	"fmt"
	"slices"

	"weft/model"
	"weft/tensor"
)

// load reads the weights that the layout finds in a file. All names, types and shapes are checked before the first
// large allocation, so that a config that claims too much costs nothing.
func load(c model.Config, src model.WeightSource, l layout) (*model.Weights, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := l.check(src); err != nil {
		return nil, err
	}
	s := &source{src: src, slots: map[string]slot{}}
	for _, slot := range l.slots {
		if slot.param != "" {
			s.slots[slot.param] = slot
			s.names = append(s.names, slot.param)
		}
	}
	return model.Load(c, s, nil)
}

// check compares what the file has with what the layout wants: no tensor missing, none of another shape, none left.
func (l layout) check(src model.WeightSource) error {
	wanted := map[string]bool{}
	for _, s := range l.slots {
		if wanted[s.file] {
			continue // another part of the same tensor
		}
		wanted[s.file] = true
		r, err := src.Tensor(s.file)
		if err != nil {
			return err
		}
		switch {
		case !slices.Equal(r.Shape, s.shape()):
			return fmt.Errorf("tensor %q has the shape %v, the config asks for %v", s.file, r.Shape, s.shape())
		case !r.DType.CanDecode():
			return unsupported("tensor %q: numbers stored as %v are", s.file, r.DType)
		case s.param == "":
			if err := checkZeros(s.file, r); err != nil {
				return err
			}
		}
	}
	for _, name := range src.Names() {
		switch {
		case wanted[name], l.ignored != nil && l.ignored(name):
		case l.copies[name] != "":
			if err := checkCopy(src, name, l.copies[name]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("tensor %q has no place in a model of this config", name)
		}
	}
	return nil
}

func checkZeros(name string, r tensor.Raw) error {
	x := make([]float32, r.Elements())
	if err := r.Float32s(x); err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	for _, v := range x {
		if v != 0 {
			return fmt.Errorf("tensor %q is not zero, but the config says that the model does not have it", name)
		}
	}
	return nil
}

func checkCopy(src model.WeightSource, name, of string) error {
	a, err := src.Tensor(name)
	if err != nil {
		return err
	}
	b, err := src.Tensor(of)
	if err != nil {
		return err
	}
	if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) || !bytes.Equal(a.Data, b.Data) {
		return fmt.Errorf("tensor %q differs from %q, but the config says that they are one", name, of)
	}
	return nil
}

// source gives a file's tensors under the names of the model's parameters. It satisfies [model.WeightSource].
type source struct {
	src   model.WeightSource
	slots map[string]slot
	names []string

	last   string // the tensor in values: the parts of one are asked for in a row
	values []float32
}

func (s *source) Names() []string { return s.names }

func (s *source) Tensor(param string) (tensor.Raw, error) {
	slot, ok := s.slots[param]
	if !ok {
		return tensor.Raw{}, fmt.Errorf("the file has no place for %q", param)
	}
	r, err := s.src.Tensor(slot.file)
	if err != nil || slot.same() {
		return r, err
	}
	if s.last != slot.file {
		s.last, s.values = slot.file, make([]float32, r.Elements())
		if err := r.Float32s(s.values); err != nil {
			return tensor.Raw{}, fmt.Errorf("tensor %q: %w", slot.file, err)
		}
	}
	dst := make([]float32, slot.size())
	slot.get(dst, s.values)
	shape := []int{slot.out, slot.in}
	if slot.in == 0 {
		shape = shape[:1]
	}
	return tensor.RawOf(dst, shape...), nil
}
