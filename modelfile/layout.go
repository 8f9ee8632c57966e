package modelfile

import (
	"fmt"

	"weft/model"
	"weft/tensor"
)

// A layout says where a kind of file keeps the parameters of a model, for reading and for writing.
type layout struct {
	slots   []slot            // in the file's order
	ignored func(string) bool // names tensors without information (masks, tables that follow from the config); may be nil
	copies  map[string]string // tensors that may be there too, and must then equal the one they name
}

// slot is the place of one parameter: a tensor of the file, or a part of one.
type slot struct {
	file       string // the tensor's name
	param      string // the parameter's name; empty: the tensor must be zeros, as a bias that the model does not have
	out, in    int    // the parameter is out × in; a vector's numbers are its outputs, each with in 0
	transposed bool   // the file has it as in × out
	part       int    // which of
	parts      int    // this many parameters that the tensor has side by side (0: it is alone)
	heads      int    // not 0: the file has each head's rows in the order of interleaved rotation (see interleave)
}

// slotOf is the plain slot of a parameter.
func slotOf(file string, p model.Param) slot {
	s := slot{file: file, param: p.Name, out: p.Rows, in: p.Cols}
	if p.Kind == model.Gain || p.Kind == model.Bias {
		s.out, s.in = p.Cols, 0
	}
	return s
}

func (s slot) row() int  { return max(1, s.in) }
func (s slot) size() int { return s.out * s.row() }

// shape is what the file's tensor must have.
func (s slot) shape() []int {
	out := s.out * max(1, s.parts)
	switch {
	case s.in == 0:
		return []int{out}
	case s.transposed:
		return []int{s.in, out}
	}
	return []int{out, s.in}
}

// same reports whether the tensor is the parameter, number by number.
func (s slot) same() bool { return (!s.transposed || s.in == 0) && s.parts < 2 && s.heads == 0 }

// get takes the parameter out of the file's tensor.
func (s slot) get(dst, file []float32) {
	switch {
	case s.transposed && s.in > 0:
		s.eachTransposed(func(ours, theirs int) { dst[ours] = file[theirs] })
	case s.heads > 0:
		s.eachInterleaved(func(ours, theirs int) { copy(dst[ours:ours+s.row()], file[theirs:]) })
	default:
		copy(dst, file[s.part*s.size():])
	}
}

// put is get's reverse.
func (s slot) put(file, src []float32) {
	switch {
	case s.transposed && s.in > 0:
		s.eachTransposed(func(ours, theirs int) { file[theirs] = src[ours] })
	case s.heads > 0:
		s.eachInterleaved(func(ours, theirs int) { copy(file[theirs:theirs+s.row()], src[ours:]) })
	default:
		copy(file[s.part*s.size():][:s.size()], src)
	}
}

// eachTransposed visits every number: its index in the parameter and in the tensor.
func (s slot) eachTransposed(visit func(ours, theirs int)) {
	width := s.out * max(1, s.parts)
	for i := range s.in {
		for o := range s.out {
			visit(o*s.in+i, i*width+s.part*s.out+o)
		}
	}
}

// eachInterleaved visits the first number of every row. We rotate row j of a head together with row j + half of the
// head; files made for interleaved rotation keep such pairs as neighbours, rows 2j and 2j+1.
func (s slot) eachInterleaved(visit func(ours, theirs int)) {
	half := s.out / s.heads / 2
	for h := range s.heads {
		first := 2 * h * half
		for j := range half {
			visit((first+j)*s.row(), (first+2*j)*s.row())
			visit((first+half+j)*s.row(), (first+2*j+1)*s.row())
		}
	}
}

// tensors lists the file's tensors for writing, as the types that dtype chooses. Matrices that need turning
// are turned when their time comes, one at a time.
func (l layout) tensors(w *model.Weights, dtype func(slot) tensor.DType) ([]tensor.Named, error) {
	data := map[string][]float32{}
	for _, p := range w.Params() {
		data[p.Name] = p.Data
	}
	var list []tensor.Named
	for i := 0; i < len(l.slots); {
		group := l.slots[i : i+max(1, l.slots[i].parts)]
		i += len(group)
		t, err := stored(group, data, dtype(group[0]))
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", group[0].file, err)
		}
		list = append(list, t)
	}
	return list, nil
}

// stored is the tensor that the slots make up.
func stored(group []slot, data map[string][]float32, d tensor.DType) (tensor.Named, error) {
	shape := group[0].shape()
	t := tensor.Named{Name: group[0].file, Raw: tensor.Raw{DType: d, Shape: shape}}
	if _, err := tensor.SizeOf(d, shape); err != nil {
		return t, err
	}
	if group[0].same() && group[0].param != "" && d == tensor.F32 {
		t.Raw = tensor.RawOf(data[group[0].param], shape...)
		return t, nil
	}
	t.Make = func() ([]byte, error) {
		n, err := tensor.Elements(shape)
		if err != nil {
			return nil, err
		}
		file := make([]float32, n)
		for _, s := range group {
			if s.param != "" {
				s.put(file, data[s.param])
			}
		}
		r, err := tensor.Encode(d, file, shape...)
		return r.Data, err
	}
	return t, nil
}
