//go:build !purego

package lanes

import (
	"weft/internal/cpu"
	"weft/internal/quant"
)

//go:generate go run -C ../kernel/_asm ./lanepack -out ../../lanes/pack_amd64.s -stubs ../../lanes/pack_amd64_stubs.go -pkg lanes

// packs512 are those of AVX-512, by type.
var packs512 = [...]func(strip *byte, rows *[Rows]*byte, units, ahead int){
	quant.Q8_0:   pack512Q8_0,
	quant.Q4_0:   pack512Q4_0,
	quant.Q4_1:   pack512Q4_1,
	quant.Q5_0:   pack512Q5_0,
	quant.Q5_1:   pack512Q5_1,
	quant.IQ4_NL: pack512IQ4_NL,
	quant.MXFP4:  pack512MXFP4,
	quant.Q2_K:   pack512Q2_K,
	quant.Q3_K:   pack512Q3_K,
	quant.Q4_K:   pack512Q4_K,
	quant.Q5_K:   pack512Q5_K,
	quant.Q6_K:   pack512Q6_K,
	quant.IQ4_XS: pack512IQ4_XS,
}

// packStep bounds one call of assembly: bytes of a strip.
const packStep = 64 << 10

func (f *Form) pack(strip []byte, rows [][]byte, units, size int) {
	if cpu.Active() < cpu.AVX512 || len(rows) < Rows {
		f.packRows(strip, rows, units, size)
		return
	}
	step, ahead := max(1, packStep/f.Bytes), Rows*len(rows[0])
	for u := 0; u < units; u += step {
		var at [Rows]*byte
		for r, row := range rows {
			at[r] = &row[u*size]
		}
		packs512[f.Type](&strip[u*f.Bytes], &at, min(step, units-u), ahead)
	}
}
