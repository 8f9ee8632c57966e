package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"weft/internal/kernel/_asm/evex"
)

// Kind is the type of a tile's operands.
type Kind int

const (
	Float32  Kind = iota
	Float16       // b is half precision, which converts to float32 exactly; a is float32
	Wide16        // b is bfloat16, which does so too; a is float32
	BFloat16      // both are bfloat16, two k in each 32-bit word, the lower one in the lower half
)

func (k Kind) prefix() string { return [...]string{"", "F16x", "Wide16x", "BF16x"}[k] }

func (k Kind) doc() string {
	return [...]string{"", " with b in half precision", " with b in bfloat16", " of pairs of bfloat16; k counts pairs"}[k]
}

// columnBytes is what one step of k takes in b, per column.
func (k Kind) columnBytes() int { return [...]int{4, 2, 2, 4}[k] }

// part is the part of a step that one FMA does.
type part int

const (
	whole part = iota
	odd        // the upper half of each word, which VDPBF16PS adds first
	even
)

// emulated says whether bfloat16 is multiplied as float32: AVX2 has no VDPBF16PS.
func (t *tiler) emulated() bool { return t.Kind == BFloat16 && t.Lanes == 8 }

func (t *tiler) parts() []part {
	if t.emulated() {
		return []part{odd, even}
	}
	return []part{whole}
}

func (t *tiler) loadB(from Mem, part part, to reg.VecPhysical) {
	switch t.Kind {
	case Float16:
		VCVTPH2PS(from, to)
	case Wide16:
		VPMOVZXWD(from, to)
		VPSLLD(Imm(16), to, to)
	default:
		VMOVUPS(from, to)
		take(part, to)
	}
}

func (t *tiler) loadA(from Mem, part part, to reg.VecPhysical) {
	VBROADCASTSS(from, to)
	take(part, to)
}

// take leaves one half of each word as a float32.
func take(part part, x reg.VecPhysical) {
	switch part {
	case odd:
		VANDPS(Words("odd", 8, func(int) uint32 { return 0xFFFF0000 }), x, x)
	case even:
		VPSLLD(Imm(16), x, x)
	}
}

func (t *tiler) fma(b, a, acc reg.VecPhysical) {
	if t.Kind == BFloat16 && !t.emulated() {
		evex.VDPBF16PS(b, a, acc)
		return
	}
	VFMADD231PS(b, a, acc)
}

// enter and leave surround the loop with the arithmetic that VDPBF16PS has.
func (t *tiler) enter() {
	if t.emulated() {
		t.mode = Flush()
	}
}

func (t *tiler) leave() {
	if t.emulated() {
		LDMXCSR(t.mode)
	}
}

// Flush makes numbers below the normal range zero, where they are read and where
// they are computed, as the bfloat16 instructions do whatever the mode. The result
// is where the caller's MXCSR waits to be loaded again.
func Flush() (mode Mem) {
	mode = AllocLocal(8)
	STMXCSR(mode)
	LDMXCSR(Words("flush", 1, func(int) uint32 { return 0x1F80 | 1<<15 | 1<<6 })) // FTZ and DAZ
	return mode
}

var constants = map[string]Mem{}

// Words is read-only data of n words, made at its first use.
func Words(name string, n int, word func(i int) uint32) Mem {
	if _, ok := constants[name]; !ok {
		constants[name] = GLOBL(name, RODATA|NOPTR)
		for i := range n {
			DATA(i*4, U32(word(i)))
		}
	}
	return constants[name]
}
