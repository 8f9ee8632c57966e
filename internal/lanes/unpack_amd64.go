//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// unpacks512 are the expansions by AVX-512, by type.
var unpacks512 = [...]func(dst, strip *byte, units int){
	quant.Q8_0:   unpack512Q8_0,
	quant.Q4_0:   unpack512Q4_0,
	quant.Q4_1:   unpack512Q4_1,
	quant.Q5_0:   unpack512Q5_0,
	quant.Q5_1:   unpack512Q5_1,
	quant.IQ4_NL: unpack512IQ4_NL,
	quant.MXFP4:  unpack512MXFP4,
	quant.Q2_K:   unpack512Q2_K,
	quant.Q3_K:   unpack512Q3_K,
	quant.Q4_K:   unpack512Q4_K,
	quant.Q5_K:   unpack512Q5_K,
	quant.Q6_K:   unpack512Q6_K,
	quant.IQ4_XS: unpack512IQ4_XS,
}

// unpackStep bounds one call of assembly, as dotStep does: blocks.
const unpackStep = 1024

func (f *Form) unpack(dst, strip []byte, units int) {
	if !cpu.VNNI() {
		f.unpackGeneric(dst, strip, units)
		return
	}
	size := f.Blocks() * f.Kind().BlockBytes()
	for step := unpackStep / f.Blocks(); units > 0; units -= step {
		n := min(step, units)
		unpacks512[f.Type](&dst[0], &strip[0], n)
		dst, strip = dst[n*size:], strip[n*f.Bytes:]
	}
}
