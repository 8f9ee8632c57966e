package studio

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"

	"weft/internal/par"
	"weft/internal/quant"
)

// matrix is numbers by rows. Reading a row may use buf, which has room for one of the
// whole matrix; several goroutines may read, each with its own.
type matrix struct {
	rows, cols int
	row        func(buf []float32, i int) []float32
	pool       *par.Pool // helps to go through all of it; nil: one goroutine does
	width      int       // of buf; 0: none is needed
}

// dense is a matrix of which all is in memory.
func dense(data []float32, rows, cols int) matrix {
	return matrix{rows: rows, cols: cols, row: func(_ []float32, i int) []float32 { return data[i*cols : (i+1)*cols] }}
}

// columns is the columns lo to hi of a matrix.
func (m matrix) columns(lo, hi int) matrix {
	whole := m.row
	m.cols, m.row = hi-lo, func(buf []float32, i int) []float32 { return whole(buf, i)[lo:hi] }
	return m
}

// parts calls f for ranges of rows, with a buffer to read them, until all are done.
func (m matrix) parts(rows int, f func(buf []float32, lo, hi int)) {
	m.pool.Range(rows, max(1, partNumbers/max(1, m.cols)), func(lo, hi int) { f(make([]float32, m.width), lo, hi) })
}

// partNumbers is how many numbers are worth another goroutine.
const partNumbers = 1 << 18

// region is the part of a matrix that a tile shows, in at most h × w cells.
type region struct{ r0, r1, c0, c1, h, w int }

// maxTile is how many cells a tile has at most, maxSide how many in one direction.
const (
	maxTile = 1 << 21
	maxSide = 1 << 16
)

// region reads which part of a rows × cols matrix is asked for; all of it, in as many
// cells as fit, if nothing is said. What ends behind the matrix is cut.
func (q *query) region(rows, cols int) region {
	g := region{r0: q.int("r0", 0, 0, rows-1), c0: q.int("c0", 0, 0, cols-1)}
	g.r1 = min(rows, q.int("r1", rows, 1, math.MaxInt32))
	g.c1 = min(cols, q.int("c1", cols, 1, math.MaxInt32))
	if q.err == nil && (g.r0 >= g.r1 || g.c0 >= g.c1) {
		q.fail("rows %d to %d and columns %d to %d are none; r1 and c1 are behind the last", g.r0, g.r1, g.c0, g.c1)
	}
	g.h, g.w = q.int("h", 0, 1, maxSide), q.int("w", 0, 1, maxSide)
	if q.err == nil {
		g.fit()
	}
	return g
}

// fit makes h and w no larger than the region; those not given become as large as a
// tile may be.
func (g *region) fit() {
	rows, cols := g.r1-g.r0, g.c1-g.c0
	askedH, askedW := g.h > 0, g.w > 0
	if !askedH {
		g.h = rows
	}
	if !askedW {
		g.w = cols
	}
	g.h, g.w = min(g.h, rows), min(g.w, cols)
	side := int(math.Sqrt(maxTile))
	if !askedH && g.h*g.w > maxTile {
		g.h = max(1, min(g.h, max(side, maxTile/g.w)))
	}
	if !askedW && g.h*g.w > maxTile {
		g.w = max(1, maxTile/g.h)
	}
}

// check refuses tiles that are too large.
func (g region) check() error {
	if g.h*g.w > maxTile {
		return problem(http.StatusRequestEntityTooLarge, "too_large", "a tile of %d × %d cells is more than %d; ask for fewer rows or columns, or a smaller h and w", g.h, g.w, maxTile)
	}
	return nil
}

// reduce fills cells with a matrix's region. Cell (i, j) stands for rows i·R/h to
// (i+1)·R/h of the region's R, and columns likewise, and is the number of largest
// size there, so that outliers survive; the first of equals. What is not finite
// counts only where nothing else is.
func (g region) reduce(m matrix) []float32 {
	rows, cols := g.r1-g.r0, g.c1-g.c0
	cells := make([]float32, g.h*g.w)
	m.pool.Range(g.h, max(1, partNumbers/(cols*(1+rows/g.h))), func(from, to int) {
		buf := make([]float32, m.width)
		for i := from; i < to; i++ {
			line := cells[i*g.w : (i+1)*g.w]
			lo, hi := i*rows/g.h, (i+1)*rows/g.h
			for r := lo; r < hi; r++ {
				g.into(line, m.row(buf, g.r0+r)[g.c0:g.c1], r == lo)
			}
		}
	})
	return cells
}

// into takes a row into a line of cells; first says that nothing is there yet.
func (g region) into(line, row []float32, first bool) {
	for j := range line {
		part := row[j*len(row)/g.w : (j+1)*len(row)/g.w]
		most := line[j]
		if first {
			most = part[0]
		}
		for _, v := range part {
			if larger(v, most) {
				most = v
			}
		}
		line[j] = most
	}
}

// larger says whether v stands for a cell rather than old.
func larger(v, old float32) bool {
	switch {
	case v-v != 0:
		return false
	case old-old != 0:
		return true
	}
	return abs(v) > abs(old)
}

func abs(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}

// writeTile sends a region of a matrix. point is what it shows.
func writeTile(w http.ResponseWriter, q *query, point string, m matrix, s spread) error {
	g := q.region(m.rows, m.cols)
	format := q.text("format")
	if format != "" && format != "f32" && format != "f16" {
		q.fail("format is %.20q, must be f32 or f16", format)
	}
	if q.err != nil {
		return q.err
	}
	if err := g.check(); err != nil {
		return err
	}
	if format == "f16" && max(abs(s.Min), abs(s.Max)) > 65504 {
		return bad("%s holds numbers up to %g, which are too large for f16; ask for format=f32", point, max(abs(s.Min), abs(s.Max)))
	}
	cells := g.reduce(m)
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Weft-Point", point)
	h.Set("X-Weft-Shape", fmt.Sprintf("%d,%d", g.h, g.w))
	h.Set("X-Weft-Full", fmt.Sprintf("%d,%d", m.rows, m.cols))
	h.Set("X-Weft-Range", fmt.Sprintf("%g,%g", s.Min, s.Max))
	h.Set("X-Weft-Robust", fmt.Sprintf("%g,%g", s.Lo, s.Hi))
	w.Write(encode(cells, format == "f16")) // an error means that nobody reads any more
	return nil
}

// encode is the numbers little-endian.
func encode(cells []float32, half bool) []byte {
	data := make([]byte, 0, 4*len(cells))
	for _, v := range cells {
		if half {
			data = binary.LittleEndian.AppendUint16(data, quant.F32ToF16(v))
		} else {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	return data
}
