package kernel

import "fmt"

//go:generate go run -C _asm ./gemm -out ../gemm_amd64.s -stubs ../gemm_amd64_stubs.go -pkg kernel

// The matrix product c = a·b is cut into tiles of at most TileRows × TileCols
// elements of c, which a kernel holds in registers while it runs over k. Its
// operands are packed into panels first, so that it reads both in one straight line:
//
//   - an A panel holds at most TileRows rows, k-major: k × rows numbers;
//   - a B panel holds at most TileCols columns, k-major: k × TileCols numbers,
//     the missing columns zero.
//
// The layout is the same for every instruction set. Package tensor owns the loops
// around the tiles.
const (
	TileRows = 12
	TileCols = 32
	// TileK is the largest k of one tile: it bounds a call, which cannot be
	// preempted, to 30 µs of arithmetic. Longer sums go on with add.
	TileK = 4096
)

// Tile computes c = a·b, or c += a·b when add is set: rows × cols elements of c,
// row-major with stride ldc, from an A panel and a B panel over k. Each element is
// one chain of FMAs over ascending k that starts from 0 or from the old c.
//
// It panics when a slice is too short or a size is out of range.
func Tile(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	checkTile(c, ldc, a, b, rows, cols, k, TileCols)
	tile(c, ldc, a, b, rows, cols, k, add)
}

// fits says whether n numbers hold rows rows of cols with that stride.
func fits(n, rows, cols, stride int) bool {
	return n >= cols && (rows == 1 || stride >= 0 && stride <= (n-cols)/(rows-1))
}

// PackA writes the A panels of the rows × k matrix whose element (r,i) is
// a[r*rs+i*cs], one after the other: rows*k numbers. One of rs and cs must be 1.
func PackA(dst, a []float32, rs, cs, rows, k int) {
	if rows < 0 || k < 0 || !strided(len(a), rows, k, rs, cs) || rows > 0 && len(dst)/rows < k {
		panic(fmt.Sprintf("kernel: A panels of %d×%d, strides %d and %d, from %d to %d numbers", rows, k, rs, cs, len(a), len(dst)))
	}
	if rows > 0 && k > 0 {
		packA(dst, a, rs, cs, rows, k)
	}
}

// PackB writes the B panels of the k × cols matrix whose element (i,j) is
// b[i*rs+j*cs], one after the other: k*TileCols numbers each. One of rs and cs must
// be 1.
func PackB(dst, b []float32, rs, cs, k, cols int) {
	if k < 0 || cols < 0 || !strided(len(b), k, cols, rs, cs) || k > 0 && len(dst)/k/TileCols < (cols+TileCols-1)/TileCols {
		panic(fmt.Sprintf("kernel: B panels of %d×%d, strides %d and %d, from %d to %d numbers", k, cols, rs, cs, len(b), len(dst)))
	}
	if cols > 0 && k > 0 {
		packB(dst, b, rs, cs, k, cols)
	}
}

// strided says whether n numbers hold a rows × cols matrix with those strides.
func strided(n, rows, cols, rs, cs int) bool {
	switch {
	case rows == 0 || cols == 0:
		return true
	case cs == 1:
		return fits(n, rows, cols, rs)
	}
	return rs == 1 && fits(n, cols, rows, cs)
}
