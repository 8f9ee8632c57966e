//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

// unpacksNEON are the expansions by type.
var unpacksNEON = [...]func(dst, strip *byte, first, blocks int){
	quant.Q8_0:   unpackNEONQ8_0,
	quant.Q4_0:   unpackNEONQ4_0,
	quant.Q4_1:   unpackNEONQ4_1,
	quant.Q5_0:   unpackNEONQ5_0,
	quant.Q5_1:   unpackNEONQ5_1,
	quant.IQ4_NL: unpackNEONIQ4_NL,
	quant.MXFP4:  unpackNEONMXFP4,
	quant.Q2_K:   unpackNEONQ2_K,
	quant.Q3_K:   unpackNEONQ3_K,
	quant.Q4_K:   unpackNEONQ4_K,
	quant.Q5_K:   unpackNEONQ5_K,
	quant.Q6_K:   unpackNEONQ6_K,
	quant.IQ4_XS: unpackNEONIQ4_XS,
}

func (f *Form) unpack(dst, strip []byte, first, blocks int) {
	if cpu.Active() < cpu.NEON {
		f.unpackGeneric(dst, strip, first, blocks)
		return
	}
	f.unpackBy(unpacksNEON[f.Type], dst, strip, first, blocks)
}
