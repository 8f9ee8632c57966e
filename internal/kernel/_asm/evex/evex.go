// Package evex emits AVX-512 instructions that Go's assembler does not know, as
// bytes.
package evex

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Prefixes (field pp) and vector lengths (field L'L) of the encoding.
const (
	ppF3, ppF2 = 2, 3
	length512  = 2
)

// VDPBF16PS adds the dot products of the pairs of bfloat16 in the 32-bit lanes of
// a and b to the float32 lanes of dst, all zmm. Operands come in Go's order.
func VDPBF16PS(b, a, dst reg.VecPhysical) { emit(ppF3, 0x52, b, a, dst) }

// VCVTNE2PS2BF16 rounds the float32 lanes of lo and hi to bfloat16 in the lower and
// the upper half of dst, all zmm. Operands come in Go's order.
func VCVTNE2PS2BF16(lo, hi, dst reg.VecPhysical) { emit(ppF2, 0x72, lo, hi, dst) }

// emit writes a three-operand zmm instruction of the map 0F38 with W 0. Intel's
// Software Developer's Manual, volume 2, section 2.7 has the bits; most of those
// that name registers are inverted.
func emit(pp, opcode byte, rm, vvvv, r reg.VecPhysical) {
	m, v, d := byte(rm.PhysicalIndex()), byte(vvvv.PhysicalIndex()), byte(r.PhysicalIndex())
	code := [6]byte{
		0x62,
		inverted(d>>3)<<7 | inverted(m>>4)<<6 | inverted(m>>3)<<5 | inverted(d>>4)<<4 | 2,
		(v&15^15)<<3 | 1<<2 | pp,
		length512<<5 | inverted(v>>4)<<3,
		opcode,
		0xC0 | d&7<<3 | m&7,
	}
	put("LONG", operand.U32(uint32(code[0])|uint32(code[1])<<8|uint32(code[2])<<16|uint32(code[3])<<24))
	put("WORD", operand.U16(uint16(code[4])|uint16(code[5])<<8))
}

func inverted(bit byte) byte { return bit&1 ^ 1 }

func put(directive string, bytes operand.Op) {
	build.Instruction(&ir.Instruction{Opcode: directive, Operands: []operand.Op{bytes}})
}
