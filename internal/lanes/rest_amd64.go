//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// restFunc is the product with the rest of one column by assembly.
type restFunc func(c *float32, strip *byte, size int, core, aux, at *int32, blocks, strips int, mask uint32)

// rests512 are those of AVX-512 VNNI, by type.
var rests512 = [...]restFunc{
	quant.Q8_0:   rest512Q8_0,
	quant.Q4_0:   rest512Q4_0,
	quant.Q4_1:   rest512Q4_1,
	quant.Q5_0:   rest512Q5_0,
	quant.Q5_1:   rest512Q5_1,
	quant.IQ4_NL: rest512IQ4_NL,
	quant.MXFP4:  rest512MXFP4,
	quant.Q2_K:   rest512Q2_K,
	quant.Q3_K:   rest512Q3_K,
	quant.Q4_K:   rest512Q4_K,
	quant.Q5_K:   rest512Q5_K,
	quant.Q6_K:   rest512Q6_K,
	quant.IQ4_XS: rest512IQ4_XS,
}

// rest adds the product with the rest of one column, if there is assembly for it.
func (f *Form) rest(c []float32, strip []byte, size int, r *Rest, rows int) bool {
	if r.Cols > 1 || r.Blocks > dotStep || !cpu.VNNI() {
		return false
	}
	do, together := rests512[f.Type], max(1, dotStep/r.Blocks)
	for first := 0; first < rows; {
		n, mask := 1, uint32(1)<<min(rows-first, Rows)-1
		if rows-first > Rows {
			n = min((rows-first)/Rows, together)
		}
		do(&c[first], &strip[first/Rows*size], size, &r.core(0)[0], f.aux(r.Panel, 0), &r.at[0], r.Blocks, n, mask)
		first += n * Rows
	}
	return true
}

// rest adds the product with a rest to unpacked strips, if there is assembly that finds the blocks in them.
func (k Kind) rest(c []float32, ldc int, w []byte, blocks int, r *Rest, rows int) bool {
	if r.Blocks > tileStep512 || !cpu.VNNI() {
		return false
	}
	for first := 0; first < rows; {
		n := max(1, min((rows-first)/Rows, tileStep512/r.Blocks))
		k.strips512(c[first:], ldc, w[first/Rows*blocks*k.BlockBytes():], blocks, r.at, r.Panel, 0, r.Blocks, n, min(Rows, rows-first), true)
		first += n * Rows
	}
	return true
}
