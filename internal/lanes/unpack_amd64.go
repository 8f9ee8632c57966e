//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// unpacks256 are the expansions by AVX2, by type.
var unpacks256 = [...]func(dst, strip *byte, first, blocks int){
	quant.Q8_0:   unpack256Q8_0,
	quant.Q4_0:   unpack256Q4_0,
	quant.Q4_1:   unpack256Q4_1,
	quant.Q5_0:   unpack256Q5_0,
	quant.Q5_1:   unpack256Q5_1,
	quant.IQ4_NL: unpack256IQ4_NL,
	quant.MXFP4:  unpack256MXFP4,
	quant.Q2_K:   unpack256Q2_K,
	quant.Q3_K:   unpack256Q3_K,
	quant.Q4_K:   unpack256Q4_K,
	quant.Q5_K:   unpack256Q5_K,
	quant.Q6_K:   unpack256Q6_K,
	quant.IQ4_XS: unpack256IQ4_XS,
}

func (f *Form) unpack(dst, strip []byte, first, blocks int) {
	if cpu.Active() < cpu.AVX2 {
		f.unpackGeneric(dst, strip, first, blocks)
		return
	}
	f.unpackBy(unpacks256[f.Type], dst, strip, first, blocks)
}
