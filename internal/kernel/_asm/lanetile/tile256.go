package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// AVX2 multiplies unsigned bytes by signed ones and adds two products in 16 bits,
// where nothing over 32767 has room. A code of activations is at most 127, and so it
// depends on the weights how it is done.
type weights struct {
	name string
	bias uint32 // to subtract from a byte, so that
	sums int    // the products of so many planes have room; 0: of none at all
}

var (
	codes  = weights{"", 0, 4}       // kinds with minima: 31 at most
	narrow = weights{"", 96, 2}      // 128 plus -32 to 31
	wide   = weights{"Wide", 128, 0} // magnitudes up to 128; activations take the signs
)

// most256 is how many columns of 8 rows a tile has at most: the planes of a block
// stay in registers, too.
const most256 = 4

// The registers: outputs; planes, or sums and two for a plane; and the rest.
func output(n int) reg.Register    { return ymm[n] }
func planes256(g int) reg.Register { return ymm[most256+g] }
func sum256(n int) reg.Register    { return ymm[most256+n] }
func free(i int) reg.Register      { return ymm[most256+groups+i] }

var value, magnitude = ymm[2*most256], ymm[2*most256+1]

// tile256 is a tile of one number of columns.
type tile256 struct {
	kind
	weights
	cols int

	pointers
	core          [3]reg.Register // dwords 0, 4 and 8 of a block
	stride, three reg.Register    // between a block's dwords, times 3
	step          reg.Register    // between blocks in core
}

func tiles256(k kind, b weights) {
	name := "tile256" + k.Name + b.name
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, w *byte, core *int32, "+k.besideParam()+"blocks int, stride int, rows int, cols int, add bool)")
	Doc(name + " is Kind.Tile of 1 to 8 rows and 1 to 4 columns of a panel of stride columns over blocks (> 0) blocks.")
	Pragma("noescape")
	choose(most256, func(cols int) {
		t := &tile256{kind: k, weights: b, cols: cols, pointers: load(cols, k)}
		t.emit()
	})
}

func (t *tile256) emit() {
	t.panel()
	t.start()
	block := fmt.Sprint("block", t.cols)
	Label(block)
	for h := range t.Subs {
		if t.sums == 0 {
			t.productsWide(h)
		} else {
			t.products(h)
		}
	}
	ADDQ(U32(t.BlockBytes()), t.w)
	for _, p := range t.core {
		ADDQ(t.step, p)
	}
	switch t.extra() {
	case 1:
		ADDQ(t.stride, t.beside)
	case 4:
		LEAQ(Mem{Base: t.beside, Index: t.stride, Scale: 4}, t.beside)
	}
	DECQ(t.blocks)
	JNZ(LabelRef(block))
	t.store()
	VZEROUPPER()
	RET()
}

// panel sets the pointers into core.
func (t *tile256) panel() {
	t.stride, t.three, t.step = Load(Param("stride"), GP64()), GP64(), GP64()
	SHLQ(Imm(2), t.stride)
	LEAQ(Mem{Base: t.stride, Index: t.stride, Scale: 2}, t.three)
	LEAQ(Mem{Base: t.stride, Index: t.stride, Scale: 4}, t.step)
	ADDQ(t.step, t.step)
	t.core[0] = t.pointers.core
	for i := 1; i < 3; i++ {
		t.core[i] = GP64()
		LEAQ(Mem{Base: t.core[i-1], Index: t.stride, Scale: 4}, t.core[i])
	}
}

// at is column n's dword i < 4 after a pointer.
func (t *tile256) at(p reg.Register, i, n int) Mem {
	m := Mem{Base: p, Disp: 4 * n}
	switch i {
	case 1, 2:
		m.Index, m.Scale = t.stride, uint8(i)
	case 3:
		m.Index, m.Scale = t.three, 1
	}
	return m
}

// ofCore is column n's dword i of the block in core.
func (t *tile256) ofCore(i, n int) Mem { return t.at(t.core[i/4], i%4, n) }

// start sets the outputs to zero or to c.
func (t *tile256) start() {
	for n := range t.cols {
		VXORPS(output(n), output(n), output(n))
	}
	add, begin := Load(Param("add"), GP8()), fmt.Sprint("begin", t.cols)
	TESTB(add, add)
	JZ(LabelRef(begin))
	t.mask()
	for n := range t.cols {
		VMASKMOVPS(t.column(n), free(0), output(n))
	}
	Label(begin)
}

func (t *tile256) store() {
	t.mask()
	for n := range t.cols {
		VMASKMOVPS(output(n), free(0), t.column(n))
	}
}

// mask makes the mask of the rows there are.
func (t *tile256) mask() {
	rows, x := Load(Param("rows"), GP64()).(reg.GPVirtual), free(0).(reg.VecPhysical)
	VMOVD(rows.As32(), x.AsX())
	VPBROADCASTD(x.AsX(), x)
	VPCMPGTD(rowNumbers, x, x)
}

// products adds part h of a block, with its planes in registers.
func (t *tile256) products(h int) {
	n := groups / t.Subs
	for g := range n {
		VMOVDQU(Mem{Base: t.w, Disp: (h*n + g) * plane}, planes256(g))
		if t.bias > 0 {
			VPSUBB(constant(t.bias*0x01010101), planes256(g), planes256(g))
		}
	}
	dots, words := free(0), free(1)
	for c := range t.cols {
		for g := range n {
			x := free(2 + g%2)
			VPBROADCASTD(t.ofCore(h*n+g, c), x)
			if g%t.sums == 0 {
				VPMADDUBSW(x, planes256(g), words)
			} else {
				VPMADDUBSW(x, planes256(g), x)
				VPADDW(x, words, words)
			}
			if g%t.sums == t.sums-1 {
				t.add(words, dots, g < t.sums)
			}
		}
		if t.bias > 0 {
			x := free(1)
			VPBROADCASTD(t.correction(h, c), x)
			VPSRAD(Imm(2), x, x) // -32·Σ codes
			VPADDD(x, dots, dots)
		}
		t.scale(h, c, dots, free(1))
	}
}

// correction is -128·Σ codes of part h.
func (t *tile256) correction(h, c int) Mem {
	if t.Subs == 1 {
		return t.ofCore(groups+1, c)
	}
	return t.at(t.beside, h, c)
}

// add adds words in pairs to dots, or makes that dots.
func (t *tile256) add(words, dots reg.Register, first bool) {
	if first {
		VPMADDWD(constant(0x00010001), words, dots)
		return
	}
	VPMADDWD(constant(0x00010001), words, words)
	VPADDD(words, dots, dots)
}

// productsWide does it plane by plane.
func (t *tile256) productsWide(h int) {
	n := groups / t.Subs
	for g := range n {
		VMOVDQU(Mem{Base: t.w, Disp: (h*n + g) * plane}, value)
		VPXOR(constant(0x80808080), value, value)
		VPABSB(value, magnitude)
		for c := range t.cols {
			x := free(c % 4)
			VPBROADCASTD(t.ofCore(h*n+g, c), x)
			VPSIGNB(value, x, x)
			VPMADDUBSW(x, magnitude, x)
			t.add(x, sum256(c), g == 0)
		}
	}
	for c := range t.cols {
		t.scale(h, c, sum256(c), free(c%4))
	}
}

// scale adds the sums of part h of column c to the output; x is free.
func (t *tile256) scale(h, c int, dots, x reg.Register) {
	VCVTDQ2PS(dots, dots)
	VBROADCASTSS(t.ofCore(groups, c), x)
	VMULPS(Mem{Base: t.w, Disp: t.Vector(h)}, x, x)
	VFMADD231PS(x, dots, output(c))
	if t.Mins {
		at := 0 // in sums
		if t.Subs == 2 {
			at = 2 + h // in halves
		}
		VBROADCASTSS(t.at(t.beside, at, c), x)
		VFMADD231PS(Mem{Base: t.w, Disp: t.Vector(t.Subs + h)}, x, output(c))
	}
}

// narrow256 generates the function that looks for values that fit narrow.
func narrow256() {
	TEXT("narrow256", NOSPLIT, "func(w *byte, blocks int, size int) bool")
	Doc("narrow256 says whether all bytes of blocks (> 0) blocks of so many bytes are 128 plus -32 to 31.")
	Pragma("noescape")
	w, blocks, size := Load(Param("w"), GP64()), Load(Param("blocks"), GP64()), Load(Param("size"), GP64())
	bias, all := YMM(), YMM()
	VMOVDQU(constant(narrow.bias*0x01010101), bias)
	VPXOR(all, all, all)
	Label("block")
	for at := 0; at < groups*plane; at += 32 {
		x := YMM()
		VMOVDQU(Mem{Base: w, Disp: at}, x)
		VPSUBB(bias, x, x)
		VPOR(x, all, all)
	}
	ADDQ(size, w)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VPTEST(constant(0xc0c0c0c0), all)
	fits, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	SETEQ(fits.Addr)
	VZEROUPPER()
	RET()
}

var rowNumbers Mem

var constants = map[uint32]Mem{}

// constant is a dword in each lane.
func constant(value uint32) Mem {
	m, ok := constants[value]
	if !ok {
		m = GLOBL(fmt.Sprintf("lanes%08x", value), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(value))
		}
		constants[value] = m
	}
	return m
}
