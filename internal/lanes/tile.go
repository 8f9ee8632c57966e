package lanes

import (
	"fmt"

	"weft/internal/cpu"
)

//go:generate go run -C ../kernel/_asm ./lanetile -out ../../lanes/tile_amd64.s -stubs ../../lanes/tile_amd64_stubs.go -pkg lanes
//go:generate go run -C ../kernel/_asm ./laneneon -out ../../lanes/lanes_arm64.s -stubs ../../lanes/lanes_arm64_stubs.go

// Layout is how an unpacked strip is laid out. Per block of 32 weights it has 8 planes of 64
// bytes, plane g for group g: a byte per weight; then 16 float32 scales; then, for layouts with
// minima, 16 float32 minima. Layouts with sub-blocks of 16 have two vectors of scales, and two
// of minima.
//
// A byte is the weight's code (layouts with minima), or its integer value plus 128 (layouts
// without). Minima are what is added: weight = scale·byte + minimum.
type Layout uint8

const (
	Whole     Layout = iota // one scale per 32
	WholeMins               // and one minimum
	Halves                  // one scale per 16
	HalvesMins
)

// Kind is how an unpacked strip is laid out, and how many bits its weights have: codes that
// are less than 2^Bits, or integer values from -2^(Bits-1) on that are less than 2^(Bits-1).
type Kind struct {
	Layout
	Bits int
}

// Kind is the kind that the form unpacks to.
func (f *Form) Kind() Kind {
	k := Kind{Bits: f.Low + f.High}
	switch f.level {
	case &iq4:
		k.Bits = 8
	case &mxfp4:
		k.Bits = 5
	}
	if f.Sub == 16 {
		k.Layout = Halves
	}
	if f.Mins {
		k.Layout++
	}
	return k
}

// BlockBytes is the size of an unpacked block of 16 rows.
func (l Layout) BlockBytes() int { return blockBytes[l] }

var blockBytes = [...]int{Whole: 576, WholeMins: 640, Halves: 640, HalvesMins: 768}

// Unpack writes blocks of a strip, from block `from` on, to dst.
func (f *Form) Unpack(dst, strip []byte, from, blocks int) {
	if from < 0 || blocks < 0 || len(strip)/f.Bytes*f.Blocks() < from+blocks || len(dst) < blocks*f.Kind().BlockBytes() {
		panic(fmt.Sprintf("lanes: unpack blocks %d to %d of %v, %d bytes to %d", from, from+blocks, f.Type, len(strip), len(dst)))
	}
	if blocks > 0 {
		f.unpack(dst, strip, from, blocks)
	}
}

// Tile computes c = w·p, or c += w·p when add is set, over blocks of the panel from `from` on, which are
// all that w has, unpacked strips one after the other: c's element (r,n) is c[n·ldc+r] for row r < rows
// of the strips and column n of the panel.
func (k Kind) Tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	if len(w) < strips(rows)*blocks*k.BlockBytes() || !p.fits(c, ldc, from, blocks, rows) {
		panic(fmt.Sprintf("lanes: tile of %d rows × %d columns over blocks %d to %d of %d, stride %d, %d bytes into %d numbers", rows, p.Cols, from, from+blocks, p.Blocks, ldc, len(w), len(c)))
	}
	if blocks == 0 {
		zero(c, ldc, p.Cols, rows, add)
		return
	}
	k.tile(c, ldc, w, p, from, blocks, rows, add)
}

// DotCols is how many columns Dot takes at most: MaxCols where taking strips apart
// costs it little time, as the processor does that beside multiplying, else 4.
func DotCols() int {
	if cpu.VNNI() {
		return MaxCols
	}
	return fewCols
}

const fewCols = 4

// Unpacks says whether strips are sooner multiplied by so many columns when they are unpacked first.
func (f *Form) Unpacks(cols int) bool {
	const few, many = 2 * fewCols, 8 * MaxCols
	if cpu.VNNI() {
		return f.Sub < BlockLen && cols >= many
	}
	return cols > few
}

// Dot is Tile on strips as they are, for a panel of at most DotCols columns: the same
// bits, and the strips are read once. It covers the whole panel.
func (f *Form) Dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	if p.Cols > DotCols() || p.Blocks%f.Blocks() != 0 || len(strip)/f.Bytes < strips(rows)*(p.Blocks/f.Blocks()) || !p.fits(c, ldc, 0, p.Blocks, rows) {
		panic(fmt.Sprintf("lanes: %v strip of %d bytes, %d rows × %d columns of %d blocks, stride %d, into %d numbers", f.Type, len(strip), rows, p.Cols, p.Blocks, ldc, len(c)))
	}
	if p.Blocks == 0 {
		zero(c, ldc, p.Cols, rows, add)
		return
	}
	f.dot(c, ldc, strip, p, rows, add)
}

func (p Panel) fits(c []float32, ldc, from, blocks, rows int) bool {
	return len(p.data) == PanelLen(p.Blocks*BlockLen, p.Cols) && from >= 0 && blocks >= 0 && from+blocks <= p.Blocks && rows > 0 &&
		p.Cols > 0 && len(c) >= rows && (p.Cols == 1 || ldc >= 0 && ldc <= (len(c)-rows)/(p.Cols-1))
}

// strips is how many strips rows take.
func strips(rows int) int { return (rows + Rows - 1) / Rows }

func zero(c []float32, ldc, cols, rows int, add bool) {
	for n := 0; n < cols && !add; n++ {
		clear(c[n*ldc:][:rows])
	}
}
