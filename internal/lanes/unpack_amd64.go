//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// unpacks512 are the expansions by AVX-512, by type.
var unpacks512 = [...]func(dst, strip *byte, first, blocks int){
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

// unpacks256 are those by AVX2.
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
	var do func(dst, strip *byte, first, blocks int)
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		do = unpacks512[f.Type]
	case level >= cpu.AVX2:
		do = unpacks256[f.Type]
	default:
		f.unpackGeneric(dst, strip, first, blocks)
		return
	}
	f.unpackBy(do, dst, strip, first, blocks)
}
