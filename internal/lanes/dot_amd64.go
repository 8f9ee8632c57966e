//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// dotFunc is a product by assembly. Its columns are fixed; core and aux are the panel's
// sections from the first block on, mask has a bit for each row.
type dotFunc func(c *float32, ldc int, strip *byte, core, aux *int32, units, strips int, mask uint32, add bool)

// dots512 are those of AVX-512 VNNI: for a type, by columns less 1.
var dots512 = [...][DotCols]dotFunc{
	quant.Q8_0:   {dot512Q8_0x1, dot512Q8_0x2, dot512Q8_0x3, dot512Q8_0x4},
	quant.Q4_0:   {dot512Q4_0x1, dot512Q4_0x2, dot512Q4_0x3, dot512Q4_0x4},
	quant.Q4_1:   {dot512Q4_1x1, dot512Q4_1x2, dot512Q4_1x3, dot512Q4_1x4},
	quant.Q5_0:   {dot512Q5_0x1, dot512Q5_0x2, dot512Q5_0x3, dot512Q5_0x4},
	quant.Q5_1:   {dot512Q5_1x1, dot512Q5_1x2, dot512Q5_1x3, dot512Q5_1x4},
	quant.IQ4_NL: {dot512IQ4_NLx1, dot512IQ4_NLx2, dot512IQ4_NLx3, dot512IQ4_NLx4},
	quant.MXFP4:  {dot512MXFP4x1, dot512MXFP4x2, dot512MXFP4x3, dot512MXFP4x4},
	quant.Q2_K:   {dot512Q2_Kx1, dot512Q2_Kx2, dot512Q2_Kx3, dot512Q2_Kx4},
	quant.Q3_K:   {dot512Q3_Kx1, dot512Q3_Kx2, dot512Q3_Kx3, dot512Q3_Kx4},
	quant.Q4_K:   {dot512Q4_Kx1, dot512Q4_Kx2, dot512Q4_Kx3, dot512Q4_Kx4},
	quant.Q5_K:   {dot512Q5_Kx1, dot512Q5_Kx2, dot512Q5_Kx3, dot512Q5_Kx4},
	quant.Q6_K:   {dot512Q6_Kx1, dot512Q6_Kx2, dot512Q6_Kx3, dot512Q6_Kx4},
	quant.IQ4_XS: {dot512IQ4_XSx1, dot512IQ4_XSx2, dot512IQ4_XSx3, dot512IQ4_XSx4},
}

// dots256 are those of AVX2.
var dots256 = [...][DotCols]dotFunc{
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

func (f *Form) dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	var do dotFunc
	switch {
	case cpu.VNNI():
		do = dots512[f.Type][p.Cols-1]
	case cpu.Active() >= cpu.AVX2:
		do = dots256[f.Type][p.Cols-1]
	default:
		f.dotGeneric(c, ldc, strip, p, rows, add)
		return
	}
	size, together := p.Blocks/f.Blocks()*f.Bytes, max(1, dotStep/p.Blocks) // strips of one call
	for r := 0; r < rows; {
		n, mask := 1, uint32(1)<<(min(rows-r, Rows))-1
		if rows-r > Rows {
			n = min((rows-r)/Rows, together)
		}
		at := strip[r/Rows*size:]
		for b := 0; b < p.Blocks; b += dotStep {
			blocks := min(dotStep, p.Blocks-b)
			do(&c[r], ldc, &at[b/f.Blocks()*f.Bytes], &p.core(b)[0], f.aux(p, b), blocks/f.Blocks(), n, mask, add || b > 0)
		}
		r += n * Rows
	}
}
