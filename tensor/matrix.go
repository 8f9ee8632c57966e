package tensor

import "fmt"

// Mat is a view of a matrix of float32: element (i,j) is Data[i*RS+j*CS]. One of
// RS and CS is 1: CS for a row-major matrix, RS for its transpose. Data may be
// shared with other views and longer than the matrix needs.
type Mat struct {
	Data       []float32
	Rows, Cols int
	RS, CS     int
}

// New makes a row-major matrix of zeros.
func New(rows, cols int) Mat {
	return Of(make([]float32, rows*cols), rows, cols)
}

// Of views data as a row-major rows × cols matrix. It panics when data is too short.
func Of(data []float32, rows, cols int) Mat {
	if rows < 0 || cols < 0 || len(data) < rows*cols {
		panic(fmt.Sprintf("tensor: %d numbers for a %d×%d matrix", len(data), rows, cols))
	}
	return Mat{Data: data[:rows*cols], Rows: rows, Cols: cols, RS: cols, CS: 1}
}

// T views the transpose; nothing moves.
func (m Mat) T() Mat {
	return Mat{Data: m.Data, Rows: m.Cols, Cols: m.Rows, RS: m.CS, CS: m.RS}
}

// Slice views rows [lo,hi).
func (m Mat) Slice(lo, hi int) Mat {
	if lo < 0 || hi < lo || hi > m.Rows {
		panic(fmt.Sprintf("tensor: rows [%d,%d) of %d", lo, hi, m.Rows))
	}
	m.Data, m.Rows = m.from(lo*m.RS), hi-lo
	return m
}

// Columns views columns [lo,hi).
func (m Mat) Columns(lo, hi int) Mat {
	if lo < 0 || hi < lo || hi > m.Cols {
		panic(fmt.Sprintf("tensor: columns [%d,%d) of %d", lo, hi, m.Cols))
	}
	m.Data, m.Cols = m.from(lo*m.CS), hi-lo
	return m
}

// from drops the first n numbers; an empty view at the very end may lie past them.
func (m Mat) from(n int) []float32 { return m.Data[min(n, len(m.Data)):] }

// Row is row i of a row-major matrix, sharing its memory.
func (m Mat) Row(i int) []float32 {
	if m.CS != 1 {
		panic("tensor: Row of a transposed matrix")
	}
	if i < 0 || i >= m.Rows {
		panic(fmt.Sprintf("tensor: row %d of %d", i, m.Rows))
	}
	return m.Data[i*m.RS : i*m.RS+m.Cols : i*m.RS+m.Cols]
}

// At is element (i,j). It is for tests and displays; loops use Row.
func (m Mat) At(i, j int) float32 { return m.Data[i*m.RS+j*m.CS] }

// check panics unless the strides and the length of Data fit the shape: it is
// the door in front of assembly, which has no bounds checks.
func (m Mat) check(name string) {
	ok := m.Rows >= 0 && m.Cols >= 0
	if ok && m.Rows > 0 && m.Cols > 0 {
		switch {
		case m.CS == 1 && (m.RS >= m.Cols || m.Rows == 1):
		case m.RS == 1 && (m.CS >= m.Rows || m.Cols == 1):
		default:
			ok = false
		}
		// Division, not multiplication: a product of hostile sizes may overflow.
		n := len(m.Data) - 1
		ok = ok && n >= 0 && inside(m.Rows-1, m.RS, &n) && inside(m.Cols-1, m.CS, &n)
	}
	if !ok {
		panic(fmt.Sprintf("tensor: %s is no matrix: %d×%d, strides %d and %d, %d numbers",
			name, m.Rows, m.Cols, m.RS, m.CS, len(m.Data)))
	}
}

// inside says whether count steps of stride stay within left numbers, and uses them up.
func inside(count, stride int, left *int) bool {
	if count == 0 {
		return true
	}
	if stride < 1 || count > *left/stride {
		return false
	}
	*left -= count * stride
	return true
}
