//go:build !purego

package lanes

import (
	"sync"

	"weft/internal/cpu"
	"weft/internal/quant"
)

// dotFunc is a product by assembly, added to c: 16 rows of every column. Its columns are
// fixed; core and aux are the panel's sections from the first block on.
type dotFunc func(c *float32, strip *byte, units int, core, aux *int32)

// dotTable has products for a type, by columns less 1.
type dotTable [quant.MXFP4 + 1][fewCols]dotFunc

// dotsSDOT are those of processors with FEAT_DotProd.
var dotsSDOT = dotTable{
	quant.Q8_0:   {dotSDOTQ8_0x1, dotSDOTQ8_0x2, dotSDOTQ8_0x3, dotSDOTQ8_0x4},
	quant.Q4_0:   {dotSDOTQ4_0x1, dotSDOTQ4_0x2, dotSDOTQ4_0x3, dotSDOTQ4_0x4},
	quant.Q4_1:   {dotSDOTQ4_1x1, dotSDOTQ4_1x2, dotSDOTQ4_1x3, dotSDOTQ4_1x4},
	quant.Q5_0:   {dotSDOTQ5_0x1, dotSDOTQ5_0x2, dotSDOTQ5_0x3, dotSDOTQ5_0x4},
	quant.Q5_1:   {dotSDOTQ5_1x1, dotSDOTQ5_1x2, dotSDOTQ5_1x3, dotSDOTQ5_1x4},
	quant.IQ4_NL: {dotSDOTIQ4_NLx1, dotSDOTIQ4_NLx2, dotSDOTIQ4_NLx3, dotSDOTIQ4_NLx4},
	quant.MXFP4:  {dotSDOTMXFP4x1, dotSDOTMXFP4x2, dotSDOTMXFP4x3, dotSDOTMXFP4x4},
	quant.Q2_K:   {dotSDOTQ2_Kx1, dotSDOTQ2_Kx2, dotSDOTQ2_Kx3, dotSDOTQ2_Kx4},
	quant.Q3_K:   {dotSDOTQ3_Kx1, dotSDOTQ3_Kx2, dotSDOTQ3_Kx3, dotSDOTQ3_Kx4},
	quant.Q4_K:   {dotSDOTQ4_Kx1, dotSDOTQ4_Kx2, dotSDOTQ4_Kx3, dotSDOTQ4_Kx4},
	quant.Q5_K:   {dotSDOTQ5_Kx1, dotSDOTQ5_Kx2, dotSDOTQ5_Kx3, dotSDOTQ5_Kx4},
	quant.Q6_K:   {dotSDOTQ6_Kx1, dotSDOTQ6_Kx2, dotSDOTQ6_Kx3, dotSDOTQ6_Kx4},
	quant.IQ4_XS: {dotSDOTIQ4_XSx1, dotSDOTIQ4_XSx2, dotSDOTIQ4_XSx3, dotSDOTIQ4_XSx4},
}

// dotsNEON are those of all others.
var dotsNEON = dotTable{
	quant.Q8_0:   {dotNEONQ8_0x1, dotNEONQ8_0x2, dotNEONQ8_0x3, dotNEONQ8_0x4},
	quant.Q4_0:   {dotNEONQ4_0x1, dotNEONQ4_0x2, dotNEONQ4_0x3, dotNEONQ4_0x4},
	quant.Q4_1:   {dotNEONQ4_1x1, dotNEONQ4_1x2, dotNEONQ4_1x3, dotNEONQ4_1x4},
	quant.Q5_0:   {dotNEONQ5_0x1, dotNEONQ5_0x2, dotNEONQ5_0x3, dotNEONQ5_0x4},
	quant.Q5_1:   {dotNEONQ5_1x1, dotNEONQ5_1x2, dotNEONQ5_1x3, dotNEONQ5_1x4},
	quant.IQ4_NL: {dotNEONIQ4_NLx1, dotNEONIQ4_NLx2, dotNEONIQ4_NLx3, dotNEONIQ4_NLx4},
	quant.MXFP4:  {dotNEONMXFP4x1, dotNEONMXFP4x2, dotNEONMXFP4x3, dotNEONMXFP4x4},
	quant.Q2_K:   {dotNEONQ2_Kx1, dotNEONQ2_Kx2, dotNEONQ2_Kx3, dotNEONQ2_Kx4},
	quant.Q3_K:   {dotNEONQ3_Kx1, dotNEONQ3_Kx2, dotNEONQ3_Kx3, dotNEONQ3_Kx4},
	quant.Q4_K:   {dotNEONQ4_Kx1, dotNEONQ4_Kx2, dotNEONQ4_Kx3, dotNEONQ4_Kx4},
	quant.Q5_K:   {dotNEONQ5_Kx1, dotNEONQ5_Kx2, dotNEONQ5_Kx3, dotNEONQ5_Kx4},
	quant.Q6_K:   {dotNEONQ6_Kx1, dotNEONQ6_Kx2, dotNEONQ6_Kx3, dotNEONQ6_Kx4},
	quant.IQ4_XS: {dotNEONIQ4_XSx1, dotNEONIQ4_XSx2, dotNEONIQ4_XSx3, dotNEONIQ4_XSx4},
}

func (f *Form) dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	switch {
	case cpu.DotProd():
		f.dotBy(&dotsSDOT, c, ldc, strip, p, rows, add)
	case cpu.Active() >= cpu.NEON:
		f.dotBy(&dotsNEON, c, ldc, strip, p, rows, add)
	default:
		f.dotGeneric(c, ldc, strip, p, rows, add)
	}
}

// outs are outputs of dotBy: on the stack they would move to the heap at each call, since
// the compiler cannot know what a function in a table does with them.
var outs = sync.Pool{New: func() any { return new([fewCols][Rows]float32) }}

func (f *Form) dotBy(table *dotTable, c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	do, out := table[f.Type][p.Cols-1], outs.Get().(*[fewCols][Rows]float32)
	defer outs.Put(out)
	for ; rows > 0; rows -= Rows {
		clear(out[:])
		here := min(rows, Rows)
		for n := 0; n < p.Cols && add; n++ {
			copy(out[n][:here], c[n*ldc:])
		}
		for b := 0; b < p.Blocks; b += dotStep {
			units := min(dotStep, p.Blocks-b) / f.Blocks()
			do(&out[0][0], &strip[0], units, &p.core(b)[0], f.aux(p, b))
			strip = strip[units*f.Bytes:]
		}
		for n := range p.Cols {
			copy(c[n*ldc:][:here], out[n][:])
		}
		c = c[here:]
	}
}
