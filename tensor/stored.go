package tensor

import (
	"fmt"
	"unsafe"

	"weft/internal/par"
	"weft/internal/quant"
)

// Stored is a matrix that stays as a file holds it, quantised or not: its rows
// are rows of a Raw, in an order of their own, and become float32 when they are
// needed. It is immutable and safe for concurrent use.
type Stored struct {
	Rows, Cols int
	raw        Raw
	order      []int32 // rows of raw; nil: all in their order
	rowBytes   int
}

// NewStored views rows of raw; order lists which, nil is all of them. Everything
// is checked here, so that reading rows cannot fail.
func NewStored(raw Raw, order []int32) (*Stored, error) {
	if err := raw.Check(); err != nil {
		return nil, err
	}
	if !raw.DType.CanDecode() {
		return nil, fmt.Errorf("reading numbers stored as %v is not supported", raw.DType)
	}
	s := &Stored{Rows: raw.Rows(), Cols: raw.Cols(), raw: raw, order: order}
	var err error
	if s.rowBytes, err = raw.DType.Bytes(s.Cols); err != nil {
		return nil, err
	}
	for _, r := range order {
		if r < 0 || int(r) >= s.Rows {
			return nil, fmt.Errorf("row %d of %d", r, s.Rows)
		}
	}
	if order != nil {
		s.Rows = len(order)
	}
	return s, nil
}

// DType is how the numbers are stored.
func (s *Stored) DType() DType { return s.raw.DType }

// Row decodes row i into dst, which holds Cols numbers.
func (s *Stored) Row(dst []float32, i int) {
	if len(dst) != s.Cols {
		panic(fmt.Sprintf("tensor: a row of %d numbers into %d", s.Cols, len(dst)))
	}
	if err := quant.Decode(quant.Type(s.raw.DType), dst, s.RowBytes(i)); err != nil {
		panic("tensor: " + err.Error()) // NewStored has checked all of it
	}
}

// RowBytes is row i as it is stored. The caller must not change it.
func (s *Stored) RowBytes(i int) []byte {
	if uint(i) >= uint(s.Rows) {
		panic(fmt.Sprintf("tensor: row %d of %d", i, s.Rows))
	}
	if s.order != nil {
		i = int(s.order[i])
	}
	return s.raw.Data[i*s.rowBytes : (i+1)*s.rowBytes : (i+1)*s.rowBytes]
}

// Mat views the matrix without decoding or copying it, where that is possible:
// float32 numbers in order, at an address that is a multiple of four. It must
// not be written to.
func (s *Stored) Mat() (Mat, bool) {
	data := unsafe.SliceData(s.raw.Data)
	if s.raw.DType != F32 || s.order != nil || len(s.raw.Data) == 0 || uintptr(unsafe.Pointer(data))%4 != 0 || !littleEndian {
		return Mat{}, false
	}
	return Of(unsafe.Slice((*float32)(unsafe.Pointer(data)), len(s.raw.Data)/4), s.Rows, s.Cols), true
}

// Float32s decodes all of it, in parallel.
func (s *Stored) Float32s(p *par.Pool) Mat {
	m := Of(aligned(s.Rows*s.Cols), s.Rows, s.Cols)
	p.Range(s.Rows, max(1, (64<<10)/max(1, s.Cols)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s.Row(m.Row(i), i)
		}
	})
	return m
}

// stripRows is how many rows of a stored matrix are decoded at once.
const stripRows = 32

// GemmStored computes c = a·bᵀ, or c += a·bᵀ when add is set: a is M×K, b N×K, c
// M×N. Rows of b are decoded a strip at a time, so that memory for all of them
// is never needed. The bits are those of Gemm on the decoded matrix.
func GemmStored(p *par.Pool, c, a Mat, b *Stored, add bool) {
	checkShapes(c, a, b.Cols, b.Rows)
	if b.Rows == 0 || b.Cols == 0 {
		Gemm(p, c, a, Mat{Rows: b.Cols, Cols: b.Rows, RS: 1, CS: max(1, b.Cols)}, add)
		return
	}
	p.Run(panels(b.Rows, stripRows), func(_, i int) {
		lo, hi := i*stripRows, min((i+1)*stripRows, b.Rows)
		s := getScratch((hi - lo) * b.Cols)
		defer putScratch(s)
		strip := Of(s.data, hi-lo, b.Cols)
		for r := lo; r < hi; r++ {
			b.Row(strip.Row(r-lo), r)
		}
		Gemm(nil, c.Columns(lo, hi), a, strip.T(), add)
	})
}
