package modelfile

import (
	"bytes"
	"fmt"
	"slices"

	"weft/model"
	"weft/tensor"
)

// load makes weights of the tensors that the layout finds in a file; they stay there. All names, types and shapes are
// checked first.
func load(c model.Config, src model.WeightSource, l layout) (*model.Weights, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := l.check(src); err != nil {
		return nil, err
	}
	if err := l.affordable(src); err != nil {
		return nil, err
	}
	slots := map[string]slot{}
	for _, s := range l.slots {
		slots[s.param] = s
	}
	return model.Keep(c, func(p model.Param) (*tensor.Stored, error) {
		s, ok := slots[p.Name]
		if !ok {
			return nil, fmt.Errorf("the file has no place for %q", p.Name)
		}
		r, err := src.Tensor(s.file)
		if err != nil {
			return nil, err
		}
		return s.view(r)
	})
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
		case !slices.Equal(r.Shape, s.shape):
			return fmt.Errorf("tensor %q has the shape %v, the config asks for %v", s.file, r.Shape, s.shape)
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

// leastExpert is the bytes of file that an expert has at least, in files with more than a few: what we keep of each takes
// about as much.
const leastExpert = 1 << 12

// leastRow is the bytes of file that a row of queries, keys or values has at least, so that a list of rows is less.
const leastRow = 8

// plausible refuses a config of far more than the file's tensors can hold, before a layout of it is made.
func plausible(c model.Config, src model.WeightSource) error {
	if err := c.Validate(); err != nil {
		return err
	}
	numbers, size := 0, 0
	for _, name := range src.Names() {
		r, err := src.Tensor(name)
		if err != nil {
			return err
		}
		numbers, size = numbers+r.Elements(), size+len(r.Data)
	}
	if n := c.Experts.Count * c.Layers; n > 1<<13 && n > size/leastExpert {
		return fmt.Errorf("the config has %d experts in each of %d blocks, the tensors only %d bytes", c.Experts.Count, c.Layers, size)
	}
	if rows := c.Layers * (2*c.QDim() + c.KVDim() + c.VDim()); rows > (size+spare)/leastRow {
		return fmt.Errorf("the config has %d rows of attention, the tensors only %d bytes", rows, size)
	}
	if n := c.ParamCount(); n > numbers+numbers/8+1<<22 { // less than that is for the layout to find, which can say where
		return fmt.Errorf("the config has %d parameters, the tensors only %d", n, numbers)
	}
	return nil
}

// spare is what opening a model may take beside the size of its file.
const spare = 16 << 20

// affordable refuses a file whose numbers would take much more memory than they take there. Matrices stay in the file as
// they are, but vectors are decoded, matrices that lie turned are copied, and rows in another order are listed. In real
// models that is little, or no more than the file; a file of small types in the wrong places could ask for twenty times
// its size.
func (l layout) affordable(src model.WeightSource) error {
	held, size := 0, 0
	if p, ok := src.(*packedSource); ok {
		held = p.copied
	}
	for _, name := range src.Names() {
		r, err := src.Tensor(name)
		if err != nil {
			return err
		}
		size += len(r.Data)
	}
	for _, s := range l.slots {
		if s.param == "" {
			continue
		}
		r, err := src.Tensor(s.file)
		if err != nil {
			return err
		}
		held += s.held(r.DType)
	}
	if held > size+spare {
		return fmt.Errorf("of %d MB of tensors, opening would make %d MB", size>>20, held>>20)
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
