package lanes

import "fmt"

//go:generate go run -C ../kernel/_asm ./lanequant -out ../../lanes/quantise_amd64.s -stubs ../../lanes/quantise_amd64_stubs.go -pkg lanes

// A panel holds n columns (tokens) of activations, each blocks·32 numbers rounded to
// 8 bits with a scale per block, as dwords in three sections:
//
//	core   per block: 8 groups × n dwords of 4 codes (int8); n scales d (float32);
//	       n sums -128·Σq (int32)
//	sums   per block: n numbers d·Σq (float32)
//	halves per block: n sums -128·Σq of the first 16 codes and n of the others (int32),
//	       n numbers d·Σq of the first 16 and n of the others (float32)
//
// A scale is the block's largest magnitude over 127, rounded to 11 significant bits as
// llama.cpp stores it (in half precision; float32's range is kept); a code is x·(127/largest) rounded
// to the nearest integer, ties to even. A block whose numbers are not all finite has the
// scale NaN, so that whatever it meets shows it.
const (
	coreDwords  = 10
	sumsDwords  = 1
	halfDwords  = 4
	panelDwords = coreDwords + sumsDwords + halfDwords
)

// PanelLen is how many dwords a panel of n columns of k numbers has.
func PanelLen(k, n int) int { return k / BlockLen * n * panelDwords }

// Panel is a view of a panel's memory.
type Panel struct {
	Cols, Blocks int
	data         []int32 // PanelLen(Blocks·32, Cols)
}

// PanelOf views memory as a panel of n columns of k numbers, which [Quantise] fills.
func PanelOf(data []int32, k, n int) Panel {
	if k < 0 || k%BlockLen != 0 || uint(n-1) >= MaxCols || len(data) != PanelLen(k, n) {
		panic(fmt.Sprintf("lanes: a panel of %d columns of %d numbers in %d dwords", n, k, len(data)))
	}
	return Panel{Cols: n, Blocks: k / BlockLen, data: data}
}

// core, sums and halves are the sections from block b on.
func (p Panel) core(b int) []int32 { return p.data[b*coreDwords*p.Cols : p.Blocks*coreDwords*p.Cols] }

func (p Panel) sums(b int) []int32 {
	return p.data[(p.Blocks*coreDwords+b)*p.Cols : p.Blocks*(coreDwords+sumsDwords)*p.Cols]
}

func (p Panel) halves(b int) []int32 {
	return p.data[(p.Blocks*(coreDwords+sumsDwords)+b*halfDwords)*p.Cols:]
}

// places are where block b of a panel begins in its sections, for column n.
func (p Panel) places(b, n int) (core, sums, halves int) {
	core, sums = coreDwords*b*p.Cols, (coreDwords*p.Blocks+sumsDwords*b)*p.Cols
	halves = ((coreDwords+sumsDwords)*p.Blocks + halfDwords*b) * p.Cols
	return core + n, sums + n, halves + n
}

// Quantise fills column c of a panel with the numbers of x, Blocks·32 of them.
func (p Panel) Quantise(c int, x []float32) {
	if uint(c) >= uint(p.Cols) || len(x) != p.Blocks*BlockLen {
		panic(fmt.Sprintf("lanes: column %d of %d, %d numbers for %d blocks", c, p.Cols, len(x), p.Blocks))
	}
	if p.Blocks > 0 {
		quantise(p, c, x)
	}
}

// set fills block b of column c: its codes, their sums by halves, and its scale.
func (p Panel) set(b, c int, codes *[8]uint32, sums [2]int32, d float32) {
	n, core, halves := p.Cols, p.core(b), p.halves(b)
	for g, q := range codes {
		core[g*n+c] = int32(q)
	}
	whole := sums[0] + sums[1]
	core[8*n+c], core[9*n+c], p.sums(b)[c] = bits(d), -128*whole, bits(d*float32(whole))
	for h, s := range sums {
		halves[h*n+c], halves[(2+h)*n+c] = -128*s, bits(d*float32(s))
	}
}
