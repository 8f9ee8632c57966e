// Command vec writes the assembly of the vector kernels, and the Go code that
// chooses between instruction sets and pads the ends of slices.
//
// The assembly sees whole groups of 16 numbers only: one zmm register, or two
// ymm. Both instruction sets do the same operations in the same order on the
// same 16 lanes, so they agree bit for bit.
//
// internal/kernel/vec.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, o := range ops {
		for _, set := range []isa{avx512, avx2} {
			o.emit(set)
		}
	}
	writeDispatch()
	Generate()
}

// isa is an instruction set as the generator sees it.
type isa struct {
	name  string
	lanes int
}

var (
	avx512 = isa{"512", 16}
	avx2   = isa{"256", 8}
)

func (s isa) vec() reg.VecVirtual {
	if s.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// op is one kernel: vectors in and out, scalars that every number meets, and
// what to do with a register's worth.
type op struct {
	name    string
	vectors []string // read and written in place; the first ones are the outputs
	outputs int
	scalars []string
	sums    bool // returns 16 partial results instead of, or besides, writing
	isMax   bool // these are maxima, not sums
	unroll  int  // groups of 16 per turn, each with partial results of its own
	body    func(c *ctx)
}

// ctx is one register's worth of one op being written.
type ctx struct {
	isa
	v   []reg.VecVirtual // the vectors' values, loaded on demand
	mem []Mem
	s   []reg.VecVirtual // scalars, in every lane
	acc reg.VecVirtual
}

func (c *ctx) in(i int) reg.VecVirtual {
	if c.v[i] == nil {
		c.v[i] = c.vec()
		VMOVUPS(c.mem[i], c.v[i])
	}
	return c.v[i]
}

func (c *ctx) out(i int, v reg.VecVirtual) { VMOVUPS(v, c.mem[i]) }

func (o op) emit(set isa) {
	TEXT(o.name+set.name, NOSPLIT, o.signature())
	Pragma("noescape")
	ptrs := make([]reg.Register, len(o.vectors))
	for i, name := range o.vectors {
		ptrs[i] = Load(Param(name), GP64())
	}
	n := Load(Param("n"), GP64())
	scalars := make([]reg.VecVirtual, len(o.scalars))
	for i, name := range o.scalars {
		p, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		scalars[i] = set.vec()
		VBROADCASTSS(p.Addr, scalars[i])
	}
	parts, unroll := 16/set.lanes, max(1, o.unroll)
	accs := make([]reg.VecVirtual, parts*unroll)
	if o.sums {
		for i := range accs {
			accs[i] = set.vec()
			if o.isMax {
				VMOVUPS(constant("negInf", 0xFF800000), accs[i])
			} else {
				zero(accs[i])
			}
		}
	}
	turn := func(groups int) {
		for i := range groups * parts {
			c := &ctx{isa: set, v: make([]reg.VecVirtual, len(ptrs)), s: scalars, acc: accs[i]}
			for _, p := range ptrs {
				c.mem = append(c.mem, Mem{Base: p, Disp: i * 4 * set.lanes})
			}
			o.body(c)
		}
		for _, p := range ptrs {
			ADDQ(U32(groups*64), p)
		}
		SUBQ(U32(groups*16), n)
	}
	id := o.name + set.name
	if unroll > 1 {
		Label(id + "many")
		CMPQ(n, U32(unroll*16))
		JLT(LabelRef(id + "one"))
		turn(unroll)
		JMP(LabelRef(id + "many"))
	}
	Label(id + "one")
	CMPQ(n, Imm(16))
	JLT(LabelRef(id + "done"))
	turn(1)
	JMP(LabelRef(id + "one"))
	Label(id + "done")
	if o.sums {
		out := Load(Param("lanes"), GP64())
		for step := unroll / 2; step >= 1; step /= 2 { // a fixed tree over the unrolled groups
			for i := range step * parts {
				if o.isMax {
					VMAXPS(accs[i+step*parts], accs[i], accs[i])
				} else {
					VADDPS(accs[i+step*parts], accs[i], accs[i])
				}
			}
		}
		for i := range parts {
			VMOVUPS(accs[i], Mem{Base: out, Disp: i * 4 * set.lanes})
		}
	}
	VZEROUPPER()
	RET()
}

func zero(v reg.VecVirtual) {
	if v.Size() == 64 {
		VPXORD(v, v, v)
		return
	}
	VXORPS(v, v, v)
}

func (o op) signature() string {
	s := "func("
	for _, v := range o.vectors {
		s += v + ", "
	}
	s = s[:len(s)-2] + " *float32, n int"
	for _, x := range o.scalars {
		s += ", " + x
	}
	if len(o.scalars) > 0 {
		s += " float32"
	}
	if o.sums {
		s += ", lanes *[16]float32"
	}
	return s + ")"
}

var constants = map[string]Mem{}

// constant is a number in all 16 lanes of memory.
func constant(name string, bits uint32) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL("vec_"+name, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(bits))
	}
	constants[name] = m
	return m
}
