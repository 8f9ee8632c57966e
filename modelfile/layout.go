package modelfile

import (
	"fmt"

	"weft/model"
	"weft/tensor"
)

// A layout says where a kind of file keeps the parameters of a model, for reading and for writing.
type layout struct {
	slots   []slot            // in the file's order; those of one tensor stand together
	ignored func(string) bool // names tensors without information (masks, tables that follow from the config); may be nil
	copies  map[string]string // tensors that may be there too, and must then equal the one they name
}

// slot is the place of one parameter: a tensor of the file, or a part of one.
type slot struct {
	file  string // the tensor's name
	shape []int  // what the tensor must have
	param string // the parameter's name; empty: the tensor must be zeros, as a bias that the model does not have

	// The parameter is rows × cols. A tensor is seen as rows of its last dimension's length; a vector, as rows of one
	// number where a parameter takes a part of it.
	rows, cols int
	first      int     // the parameter's first row in the tensor
	order      []int32 // rows of the tensor, when they are not those from first on

	columns *columns // not nil: the tensor has the parameter's rows as columns
	plusOne bool     // the tensor holds the numbers less 1, as Gemma's gains
	vector  bool
}

// columns says which of a turned tensor's columns are a parameter's rows: in the matrix'th matrix of the tensor, first,
// first + step, … After per rows (0: never) they go on in the next matrix.
type columns struct{ matrix, first, step, per int }

// slotOf is the plain slot of a parameter.
func slotOf(file string, p model.Param) slot {
	if p.IsVector() {
		return slot{file: file, shape: []int{p.Cols}, param: p.Name, rows: 1, cols: p.Cols, vector: true}
	}
	return slot{file: file, shape: []int{p.Rows, p.Cols}, param: p.Name, rows: p.Rows, cols: p.Cols}
}

// part makes a slot a part of a tensor: its rows from first on, of all.
func (s slot) part(first, all int) slot {
	s.first = first
	if s.vector {
		s.shape, s.rows, s.cols = []int{all}, s.cols, 1
	} else {
		s.shape = []int{all, s.cols}
	}
	return s
}

// gather makes a slot those rows of a tensor of all.
func (s slot) gather(order []int32, all int) slot {
	s = s.part(0, all)
	s.order = order
	return s
}

// stacked makes a slot the index'th of count matrices or vectors of a tensor.
func (s slot) stacked(index, count int) slot {
	if s.vector {
		s.shape, s.first = []int{count, s.cols}, index
		return s
	}
	s.shape, s.first = []int{count, s.rows, s.cols}, index*s.rows
	return s
}

// turned makes a slot columns of a tensor that is in × out.
func (s slot) turned(c columns, shape ...int) slot {
	s.columns, s.shape = &c, shape
	return s
}

// plain reports whether the tensor is the parameter as it is.
func (s slot) plain() bool {
	n := 1
	for _, d := range s.shape {
		n *= d
	}
	return s.columns == nil && s.order == nil && !s.plusOne && s.first == 0 && n == s.rows*s.cols
}

// row is the tensor's row that is the parameter's row i.
func (s slot) row(i int) int {
	if s.order != nil {
		return int(s.order[i])
	}
	return s.first + i
}

// view is the parameter in the file's tensor, without copying where that is possible.
func (s slot) view(r tensor.Raw) (*tensor.Stored, error) {
	switch {
	case s.columns != nil:
		return s.upright(r)
	case s.plusOne:
		return s.raised(r)
	}
	all := r.Elements() / s.cols
	if s.order != nil {
		r.Shape = []int{all, s.cols}
		return tensor.NewStored(r, s.order)
	}
	rowBytes, err := r.DType.Bytes(s.cols)
	if err != nil {
		return nil, err
	}
	r.Shape, r.Data = []int{s.rows, s.cols}, r.Data[s.first*rowBytes:(s.first+s.rows)*rowBytes]
	return tensor.NewStored(r, nil)
}

// held is the bytes that the parameter takes in memory once it is opened, beside what stays in the file.
func (s slot) held(d tensor.DType) int {
	switch {
	case s.columns != nil && !s.vector && !isBlocks(d):
		return s.rows * s.cols * d.BlockBytes()
	case s.columns != nil || s.plusOne || s.vector: // vectors are decoded
		return s.rows * s.cols * 4
	}
	return 4 * len(s.order)
}

func isBlocks(d tensor.DType) bool { return d.BlockSize() > 1 }

// raised is a vector whose tensor holds the numbers less 1.
func (s slot) raised(r tensor.Raw) (*tensor.Stored, error) {
	x := make([]float32, r.Elements())
	if err := r.Float32s(x); err != nil {
		return nil, err
	}
	for i := range x {
		x[i]++
	}
	return tensor.NewStored(tensor.RawOf(x, s.rows, s.cols), nil)
}

// upright is a copy of a turned tensor's columns as rows. Numbers keep their type; blocks, which lie across, are decoded.
func (s slot) upright(r tensor.Raw) (*tensor.Stored, error) {
	c, width, per := s.columns, s.shape[len(s.shape)-1], s.columns.per
	if per == 0 {
		per = s.rows
	}
	in := tensor.Raw{DType: r.DType, Shape: []int{r.Elements() / width, width}, Data: r.Data}
	out, decoded := r.DType, make([]float32, 0)
	if isBlocks(r.DType) {
		out, decoded = tensor.F32, make([]float32, width)
	}
	lying, err := tensor.NewStored(in, nil)
	if err != nil {
		return nil, err
	}
	size := out.BlockBytes()
	dst := make([]byte, s.rows*s.cols*size)
	for first := 0; first < s.rows; first += per {
		for j := range s.cols {
			at := (c.matrix+first/per)*s.cols + j
			line := lying.RowBytes(at)
			if isBlocks(r.DType) {
				lying.Row(decoded, at)
				line = tensor.RawOf(decoded).Data
			}
			for i := range min(per, s.rows-first) {
				from := (c.first + i*c.step) * size
				copy(dst[((first+i)*s.cols+j)*size:][:size], line[from:from+size])
			}
		}
	}
	return tensor.NewStored(tensor.Raw{DType: out, Shape: []int{s.rows, s.cols}, Data: dst}, nil)
}

// each visits every number: its index in the parameter and in the tensor.
func (s slot) each(visit func(ours, theirs int)) {
	if s.columns == nil {
		for i := range s.rows {
			from := s.row(i) * s.cols
			for j := range s.cols {
				visit(i*s.cols+j, from+j)
			}
		}
		return
	}
	c, width := s.columns, s.shape[len(s.shape)-1]
	per := c.per
	if per == 0 {
		per = s.rows
	}
	for i := range s.rows {
		at := (c.matrix+i/per)*s.cols*width + c.first + i%per*c.step
		for j := range s.cols {
			visit(i*s.cols+j, at+j*width)
		}
	}
}

// encoder stores the numbers of a tensor, whose parts the slots are.
type encoder func(slots []slot, d tensor.DType, data []float32) ([]byte, error)

// asItIs encodes without more ado.
func asItIs(slots []slot, d tensor.DType, data []float32) ([]byte, error) {
	r, err := tensor.Encode(d, data, slots[0].shape...)
	return r.Data, err
}

// tensors lists the file's tensors for writing, as the types that dtype chooses. Numbers are made when their time comes,
// one tensor at a time; those that are stored as that type already are passed on as they are.
func (l layout) tensors(w *model.Weights, dtype func(slot) tensor.DType, encode encoder) []tensor.Named {
	params := map[string]model.Param{}
	for _, p := range w.Params() {
		params[p.Name] = p
	}
	var list []tensor.Named
	for i := 0; i < len(l.slots); {
		n := 1
		for i+n < len(l.slots) && l.slots[i+n].file == l.slots[i].file {
			n++
		}
		list = append(list, stored(l.slots[i:i+n], params, dtype(l.slots[i]), encode))
		i += n
	}
	return list
}

// stored is the tensor that the slots make up.
func stored(group []slot, params map[string]model.Param, d tensor.DType, encode encoder) tensor.Named {
	t := tensor.Named{Name: group[0].file, Raw: tensor.Raw{DType: d, Shape: group[0].shape}}
	if s, p := group[0], params[group[0].param]; len(group) == 1 && s.plain() && s.param != "" && d == tensor.F32 && p.Data != nil {
		t.Raw = tensor.RawOf(p.Data, s.shape...)
		return t
	}
	t.Make = func() ([]byte, error) {
		if data, ok := passedOn(group, params, t.Raw); ok {
			return data, nil
		}
		n, err := tensor.Elements(t.Shape)
		if err != nil {
			return nil, err
		}
		data, err := encode(group, d, gathered(group, params, n))
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		return data, nil
	}
	return t
}

// gathered is the numbers of the tensor that the slots make up.
func gathered(group []slot, params map[string]model.Param, n int) []float32 {
	file := make([]float32, n)
	for _, s := range group {
		if s.param == "" {
			continue
		}
		src := params[s.param].Float32s()
		s.each(func(ours, theirs int) { file[theirs] = src[ours] })
		if s.plusOne {
			s.each(func(_, theirs int) { file[theirs]-- })
		}
	}
	return file
}

// passedOn makes a tensor of rows that are stored as its type already, if all are.
func passedOn(group []slot, params map[string]model.Param, t tensor.Raw) ([]byte, bool) {
	for _, s := range group {
		p := params[s.param]
		if p.Stored == nil || p.Stored.DType() != t.DType || s.columns != nil || s.plusOne {
			return nil, false
		}
	}
	size, err := tensor.SizeOf(t.DType, t.Shape)
	if err != nil {
		return nil, false
	}
	data := make([]byte, size)
	for _, s := range group {
		p := params[s.param]
		for i := range s.rows {
			row := p.Stored.RowBytes(i)
			copy(data[s.row(i)*len(row):], row)
		}
	}
	return data, true
}
