package tensor

import (
	"weft/internal/lanes"
	"weft/internal/par"
	"weft/internal/quant"
)

// Quantised is a matrix of a quantised type in the order in which products read it:
// strips of 16 rows, as many bits per weight as the file has. Products with it round
// the other side to 8 bits, a scale for every 32 numbers, and add up integers. It is
// immutable and safe for concurrent use.
type Quantised struct {
	Rows, Cols int
	form       *lanes.Form
	strip      int // bytes
	data       []byte
}

// CanQuantised says whether matrices of this type, with rows of cols numbers, can be a Quantised.
func CanQuantised(t DType, cols int) bool {
	f := lanes.FormOf(quant.Type(t))
	return f != nil && cols > 0 && cols%f.Len == 0
}

// PackQuantised arranges a stored matrix for which CanQuantised holds, in parallel.
func PackQuantised(p *par.Pool, s *Stored) *Quantised { return (*Arena)(nil).PackQuantised(p, s) }

// PackQuantised is the function of this name, into the arena.
func (a *Arena) PackQuantised(p *par.Pool, s *Stored) *Quantised {
	f := lanes.FormOf(quant.Type(s.DType()))
	q := &Quantised{Rows: s.Rows, Cols: s.Cols, form: f, strip: f.StripBytes(s.Cols)}
	strips := panels(q.Rows, lanes.Rows)
	q.data = a.bytes(strips * q.strip)
	p.Range(strips, max(1, (64<<10)/q.strip), func(lo, hi int) {
		var rows [lanes.Rows][]byte
		for i := lo; i < hi; i++ {
			n := min(lanes.Rows, q.Rows-i*lanes.Rows)
			for r := range n {
				rows[r] = s.RowBytes(i*lanes.Rows + r)
			}
			f.Pack(q.stripAt(i), rows[:n], q.Cols)
		}
	})
	return q
}

// DType is the type that the matrix came from.
func (q *Quantised) DType() DType { return DType(q.form.Type) }

// Bytes is how much memory it takes, all of which a product reads.
func (q *Quantised) Bytes() int { return len(q.data) }

func (q *Quantised) strips() int          { return panels(q.Rows, lanes.Rows) }
func (q *Quantised) stripAt(i int) []byte { return q.data[i*q.strip : (i+1)*q.strip] }
