//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// dot512Func is a product by assembly. Its columns are fixed; core and aux are the panel's
// sections from the first block on, `at` the blocks' numbers in the strips, mask has a bit for each row.
type dot512Func func(c *float32, ldc int, strip *byte, size int, at, core, aux *int32, blocks, strips int, mask uint32, add bool)

// dotFunc is one over all blocks of units.
type dotFunc func(c *float32, ldc int, strip *byte, core, aux *int32, units, strips int, mask uint32, add bool)

// dots512 are those of AVX-512 VNNI: for a type, by columns less 1.
var dots512 = [...][MaxCols]dot512Func{
	quant.Q8_0: {
		dot512Q8_0x1, dot512Q8_0x2, dot512Q8_0x3, dot512Q8_0x4, dot512Q8_0x5, dot512Q8_0x6,
		dot512Q8_0x7, dot512Q8_0x8, dot512Q8_0x9, dot512Q8_0x10, dot512Q8_0x11, dot512Q8_0x12,
	},
	quant.Q4_0: {
		dot512Q4_0x1, dot512Q4_0x2, dot512Q4_0x3, dot512Q4_0x4, dot512Q4_0x5, dot512Q4_0x6,
		dot512Q4_0x7, dot512Q4_0x8, dot512Q4_0x9, dot512Q4_0x10, dot512Q4_0x11, dot512Q4_0x12,
	},
	quant.Q4_1: {
		dot512Q4_1x1, dot512Q4_1x2, dot512Q4_1x3, dot512Q4_1x4, dot512Q4_1x5, dot512Q4_1x6,
		dot512Q4_1x7, dot512Q4_1x8, dot512Q4_1x9, dot512Q4_1x10, dot512Q4_1x11, dot512Q4_1x12,
	},
	quant.Q5_0: {
		dot512Q5_0x1, dot512Q5_0x2, dot512Q5_0x3, dot512Q5_0x4, dot512Q5_0x5, dot512Q5_0x6,
		dot512Q5_0x7, dot512Q5_0x8, dot512Q5_0x9, dot512Q5_0x10, dot512Q5_0x11, dot512Q5_0x12,
	},
	quant.Q5_1: {
		dot512Q5_1x1, dot512Q5_1x2, dot512Q5_1x3, dot512Q5_1x4, dot512Q5_1x5, dot512Q5_1x6,
		dot512Q5_1x7, dot512Q5_1x8, dot512Q5_1x9, dot512Q5_1x10, dot512Q5_1x11, dot512Q5_1x12,
	},
	quant.IQ4_NL: {
		dot512IQ4_NLx1, dot512IQ4_NLx2, dot512IQ4_NLx3, dot512IQ4_NLx4, dot512IQ4_NLx5, dot512IQ4_NLx6,
		dot512IQ4_NLx7, dot512IQ4_NLx8, dot512IQ4_NLx9, dot512IQ4_NLx10, dot512IQ4_NLx11, dot512IQ4_NLx12,
	},
	quant.MXFP4: {
		dot512MXFP4x1, dot512MXFP4x2, dot512MXFP4x3, dot512MXFP4x4, dot512MXFP4x5, dot512MXFP4x6,
		dot512MXFP4x7, dot512MXFP4x8, dot512MXFP4x9, dot512MXFP4x10, dot512MXFP4x11, dot512MXFP4x12,
	},
	quant.Q2_K: {
		dot512Q2_Kx1, dot512Q2_Kx2, dot512Q2_Kx3, dot512Q2_Kx4, dot512Q2_Kx5, dot512Q2_Kx6,
		dot512Q2_Kx7, dot512Q2_Kx8, dot512Q2_Kx9, dot512Q2_Kx10, dot512Q2_Kx11, dot512Q2_Kx12,
	},
	quant.Q3_K: {
		dot512Q3_Kx1, dot512Q3_Kx2, dot512Q3_Kx3, dot512Q3_Kx4, dot512Q3_Kx5, dot512Q3_Kx6,
		dot512Q3_Kx7, dot512Q3_Kx8, dot512Q3_Kx9, dot512Q3_Kx10, dot512Q3_Kx11, dot512Q3_Kx12,
	},
	quant.Q4_K: {
		dot512Q4_Kx1, dot512Q4_Kx2, dot512Q4_Kx3, dot512Q4_Kx4, dot512Q4_Kx5, dot512Q4_Kx6,
		dot512Q4_Kx7, dot512Q4_Kx8, dot512Q4_Kx9, dot512Q4_Kx10, dot512Q4_Kx11, dot512Q4_Kx12,
	},
	quant.Q5_K: {
		dot512Q5_Kx1, dot512Q5_Kx2, dot512Q5_Kx3, dot512Q5_Kx4, dot512Q5_Kx5, dot512Q5_Kx6,
		dot512Q5_Kx7, dot512Q5_Kx8, dot512Q5_Kx9, dot512Q5_Kx10, dot512Q5_Kx11, dot512Q5_Kx12,
	},
	quant.Q6_K: {
		dot512Q6_Kx1, dot512Q6_Kx2, dot512Q6_Kx3, dot512Q6_Kx4, dot512Q6_Kx5, dot512Q6_Kx6,
		dot512Q6_Kx7, dot512Q6_Kx8, dot512Q6_Kx9, dot512Q6_Kx10, dot512Q6_Kx11, dot512Q6_Kx12,
	},
	quant.IQ4_XS: {
		dot512IQ4_XSx1, dot512IQ4_XSx2, dot512IQ4_XSx3, dot512IQ4_XSx4, dot512IQ4_XSx5, dot512IQ4_XSx6,
		dot512IQ4_XSx7, dot512IQ4_XSx8, dot512IQ4_XSx9, dot512IQ4_XSx10, dot512IQ4_XSx11, dot512IQ4_XSx12,
	},
}

// streams512 are those over all blocks of units, for one column.
var streams512 = [...]dotFunc{
	quant.Q8_0:   stream512Q8_0,
	quant.Q4_0:   stream512Q4_0,
	quant.Q4_1:   stream512Q4_1,
	quant.Q5_0:   stream512Q5_0,
	quant.Q5_1:   stream512Q5_1,
	quant.IQ4_NL: stream512IQ4_NL,
	quant.MXFP4:  stream512MXFP4,
	quant.Q2_K:   stream512Q2_K,
	quant.Q3_K:   stream512Q3_K,
	quant.Q4_K:   stream512Q4_K,
	quant.Q5_K:   stream512Q5_K,
	quant.Q6_K:   stream512Q6_K,
	quant.IQ4_XS: stream512IQ4_XS,
}

// dots256 are those of AVX2.
var dots256 = [...][fewCols]dotFunc{
	quant.Q8_0:   {dot256Q8_0x1, dot256Q8_0x2, dot256Q8_0x3, dot256Q8_0x4},
	quant.Q4_0:   {dot256Q4_0x1, dot256Q4_0x2, dot256Q4_0x3, dot256Q4_0x4},
	quant.Q4_1:   {dot256Q4_1x1, dot256Q4_1x2, dot256Q4_1x3, dot256Q4_1x4},
	quant.Q5_0:   {dot256Q5_0x1, dot256Q5_0x2, dot256Q5_0x3, dot256Q5_0x4},
	quant.Q5_1:   {dot256Q5_1x1, dot256Q5_1x2, dot256Q5_1x3, dot256Q5_1x4},
	quant.IQ4_NL: {dot256IQ4_NLx1, dot256IQ4_NLx2, dot256IQ4_NLx3, dot256IQ4_NLx4},
	quant.MXFP4:  {dot256MXFP4x1, dot256MXFP4x2, dot256MXFP4x3, dot256MXFP4x4},
	quant.Q2_K:   {dot256Q2_Kx1, dot256Q2_Kx2, dot256Q2_Kx3, dot256Q2_Kx4},
	quant.Q3_K:   {dot256Q3_Kx1, dot256Q3_Kx2, dot256Q3_Kx3, dot256Q3_Kx4},
	quant.Q4_K:   {dot256Q4_Kx1, dot256Q4_Kx2, dot256Q4_Kx3, dot256Q4_Kx4},
	quant.Q5_K:   {dot256Q5_Kx1, dot256Q5_Kx2, dot256Q5_Kx3, dot256Q5_Kx4},
	quant.Q6_K:   {dot256Q6_Kx1, dot256Q6_Kx2, dot256Q6_Kx3, dot256Q6_Kx4},
	quant.IQ4_XS: {dot256IQ4_XSx1, dot256IQ4_XSx2, dot256IQ4_XSx3, dot256IQ4_XSx4},
}

// dotsVNNI are those of AVX-VNNI.
var dotsVNNI = [...][fewCols]dotFunc{
	quant.Q8_0:   {dotVNNIQ8_0x1, dotVNNIQ8_0x2, dotVNNIQ8_0x3, dotVNNIQ8_0x4},
	quant.Q4_0:   {dotVNNIQ4_0x1, dotVNNIQ4_0x2, dotVNNIQ4_0x3, dotVNNIQ4_0x4},
	quant.Q4_1:   {dotVNNIQ4_1x1, dotVNNIQ4_1x2, dotVNNIQ4_1x3, dotVNNIQ4_1x4},
	quant.Q5_0:   {dotVNNIQ5_0x1, dotVNNIQ5_0x2, dotVNNIQ5_0x3, dotVNNIQ5_0x4},
	quant.Q5_1:   {dotVNNIQ5_1x1, dotVNNIQ5_1x2, dotVNNIQ5_1x3, dotVNNIQ5_1x4},
	quant.IQ4_NL: {dotVNNIIQ4_NLx1, dotVNNIIQ4_NLx2, dotVNNIIQ4_NLx3, dotVNNIIQ4_NLx4},
	quant.MXFP4:  {dotVNNIMXFP4x1, dotVNNIMXFP4x2, dotVNNIMXFP4x3, dotVNNIMXFP4x4},
	quant.Q2_K:   {dotVNNIQ2_Kx1, dotVNNIQ2_Kx2, dotVNNIQ2_Kx3, dotVNNIQ2_Kx4},
	quant.Q3_K:   {dotVNNIQ3_Kx1, dotVNNIQ3_Kx2, dotVNNIQ3_Kx3, dotVNNIQ3_Kx4},
	quant.Q4_K:   {dotVNNIQ4_Kx1, dotVNNIQ4_Kx2, dotVNNIQ4_Kx3, dotVNNIQ4_Kx4},
	quant.Q5_K:   {dotVNNIQ5_Kx1, dotVNNIQ5_Kx2, dotVNNIQ5_Kx3, dotVNNIQ5_Kx4},
	quant.Q6_K:   {dotVNNIQ6_Kx1, dotVNNIQ6_Kx2, dotVNNIQ6_Kx3, dotVNNIQ6_Kx4},
	quant.IQ4_XS: {dotVNNIIQ4_XSx1, dotVNNIIQ4_XSx2, dotVNNIIQ4_XSx3, dotVNNIIQ4_XSx4},
}

func (f *Form) dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	size := p.Blocks / f.Blocks() * f.Bytes
	switch {
	case cpu.VNNI() && p.Cols == 1:
		f.dotUnits(streams512[f.Type], c, ldc, strip, size, p, rows, add)
	case cpu.VNNI():
		for b := 0; b < p.Blocks; b += dotStep {
			f.dot512(c, ldc, strip[b/f.Blocks()*f.Bytes:], size, counting[:], p, b, min(dotStep, p.Blocks-b), rows, add || b > 0)
		}
	case cpu.AVXVNNI():
		f.dotUnits(dotsVNNI[f.Type][p.Cols-1], c, ldc, strip, size, p, rows, add)
	case cpu.Active() >= cpu.AVX2:
		f.dotUnits(dots256[f.Type][p.Cols-1], c, ldc, strip, size, p, rows, add)
	default:
		f.dotGeneric(c, ldc, strip, p, rows, add)
	}
}

// dotUnits multiplies all of the strips.
func (f *Form) dotUnits(do dotFunc, c []float32, ldc int, strip []byte, size int, p Panel, rows int, add bool) {
	together := max(1, dotStep/p.Blocks) // strips of one call
	for r := 0; r < rows; {
		n, mask := stripsAndMask(rows-r, together)
		at := strip[r/Rows*size:]
		for b := 0; b < p.Blocks; b += dotStep {
			units := min(dotStep, p.Blocks-b) / f.Blocks()
			do(&c[r], ldc, &at[b/f.Blocks()*f.Bytes], &p.core(b)[0], f.aux(p, b), units, n, mask, add || b > 0)
		}
		r += n * Rows
	}
}

// stripsAndMask is how many strips the next call takes, and their rows.
func stripsAndMask(rows, together int) (n int, mask uint32) {
	if rows > Rows {
		return min(rows/Rows, together), 1<<Rows - 1
	}
	return 1, 1<<rows - 1
}

// counting is 0, 1, 2 …: blocks one after the other.
var counting = func() (list [dotStep]int32) {
	for i := range list {
		list[i] = int32(i)
	}
	return list
}()

// dot512 multiplies blocks of strips, whose numbers are at `at`, by those of the panel from block `from` on.
func (f *Form) dot512(c []float32, ldc int, strip []byte, size int, at []int32, p Panel, from, blocks, rows int, add bool) {
	do, core, aux := dots512[f.Type][p.Cols-1], &p.core(from)[0], f.aux(p, from)
	for r := 0; r < rows; {
		n, mask := stripsAndMask(rows-r, max(1, dotStep/blocks))
		do(&c[r], ldc, &strip[r/Rows*size], size, &at[0], core, aux, blocks, n, mask, add)
		r += n * Rows
	}
}
