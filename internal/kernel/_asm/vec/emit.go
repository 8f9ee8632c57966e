package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// ctx is one register's worth of one op being written.
type ctx struct {
	*function
	v   []reg.VecVirtual // the vectors' values, loaded on demand
	mem []Mem
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

// function is one op being written for one instruction set.
type function struct {
	op
	isa
	ptrs []reg.Register
	at   reg.GPVirtual    // index of the group
	s    []reg.VecVirtual // scalars, in every lane
	accs []reg.VecVirtual
	// Constants in registers, in the order of their first use, and how many more
	// fit. The others are read from memory.
	held map[uint32]reg.VecVirtual
	uses []uint32
	room int
}

// working is how many registers are left to the allocator for what a body
// computes.
const working = 8

func (o op) emit(set isa) {
	f := &function{op: o, isa: set, held: map[uint32]reg.VecVirtual{}}
	TEXT(o.name+set.name, NOSPLIT, o.signature())
	Pragma("noescape")
	for _, name := range o.vectors {
		f.ptrs = append(f.ptrs, Load(Param(name), GP64()))
	}
	n := Load(Param("n"), GP64())
	for _, name := range o.scalars {
		p, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		v := set.vec()
		VBROADCASTSS(p.Addr, v)
		f.s = append(f.s, v)
	}
	f.startSums()
	f.room = set.registers - len(f.s) - len(f.accs) - working
	f.at = GP64()
	XORQ(f.at, f.at)

	// Which constants there are is known after the loops: they are loaded behind
	// them.
	JMP(LabelRef("constants"))
	Label("loops")
	f.loops(n)
	f.storeSums()
	VZEROUPPER()
	RET()
	Label("constants")
	for _, bits := range f.uses {
		VMOVUPS(constant(bits), f.held[bits])
	}
	JMP(LabelRef("loops"))
}

// loops runs over n numbers, a positive multiple of 16.
func (f *function) loops(n reg.Register) {
	if f.unroll > 1 {
		most := GP64()
		MOVQ(n, most)
		ANDQ(I32(-16*f.unroll), most)
		JZ(LabelRef("one"))
		Label("many")
		f.turn(f.unroll)
		CMPQ(f.at, most)
		JLT(LabelRef("many"))
		CMPQ(f.at, n)
		JGE(LabelRef("done"))
	}
	Label("one")
	f.turn(1)
	CMPQ(f.at, n)
	JLT(LabelRef("one"))
	Label("done")
}

func (f *function) turn(groups int) {
	for i := range groups * 16 / f.lanes {
		c := &ctx{function: f, v: make([]reg.VecVirtual, len(f.ptrs))}
		if f.sums {
			c.acc = f.accs[i]
		}
		for _, p := range f.ptrs {
			c.mem = append(c.mem, Mem{Base: p, Index: f.at, Scale: 4, Disp: i * 4 * f.lanes})
		}
		f.body(c)
	}
	ADDQ(U32(groups*16), f.at)
}

func (f *function) startSums() {
	if !f.sums {
		return
	}
	for range max(1, f.unroll) * 16 / f.lanes {
		acc := f.vec()
		if f.isMax {
			VMOVUPS(constant(0xFF800000), acc) // -Inf
		} else {
			VXORPS(acc, acc, acc)
		}
		f.accs = append(f.accs, acc)
	}
}

// storeSums adds up the unrolled groups, in a fixed tree, and stores 16 lanes.
func (f *function) storeSums() {
	if !f.sums {
		return
	}
	out, parts := Load(Param("lanes"), GP64()), 16/f.lanes
	for half := len(f.accs) / 2; half >= parts; half /= 2 {
		for i := range half {
			if f.isMax {
				VMAXPS(f.accs[i+half], f.accs[i], f.accs[i])
			} else {
				VADDPS(f.accs[i+half], f.accs[i], f.accs[i])
			}
		}
	}
	for i := range parts {
		VMOVUPS(f.accs[i], Mem{Base: out, Disp: i * 4 * f.lanes})
	}
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

// k is a constant in every lane, a register or memory.
func (c *ctx) k(v float64) Op { return c.bits(math.Float32bits(float32(v))) }

func (c *ctx) bits(bits uint32) Op {
	v, ok := c.held[bits]
	switch {
	case ok:
		return v
	case c.room <= 0:
		return constant(bits)
	}
	c.room--
	v = c.vec()
	c.held[bits] = v
	c.uses = append(c.uses, bits)
	return v
}

var constants = map[uint32]Mem{}

// constant is a number in all 16 lanes of memory.
func constant(bits uint32) Mem {
	m, ok := constants[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("vec_%08x", bits), RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(bits))
		}
		constants[bits] = m
	}
	return m
}
