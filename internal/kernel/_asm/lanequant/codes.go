package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set.
type isa struct {
	name  string // in function names
	bytes int    // of a vector

	abs, ones8, ones16, least8 reg.VecVirtual
}

var (
	avx512 = &isa{name: "512", bytes: 64}
	avx2   = &isa{name: "256", bytes: 32}
)

func (s *isa) vec() reg.VecVirtual {
	if s.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

func (s *isa) constants() {
	constant := func(value uint32) reg.VecVirtual {
		v := s.vec()
		VPBROADCASTD(fours(value), v)
		return v
	}
	s.abs, s.least8 = constant(math.MaxInt32), constant(0x80808080)
	s.ones8, s.ones16 = constant(0x01010101), constant(0x00010001)
}

// and is VPAND of any width.
func (s *isa) and(m Op, x, to reg.VecVirtual) {
	if s.bytes == 64 {
		VPANDD(m, x, to)
	} else {
		VPAND(m, x, to)
	}
}

// largest makes the largest magnitudes of four blocks, as bits: without its sign, a
// number is ordered by its bits, infinities and NaNs above all others.
func (s *isa) largest(x reg.Register) reg.VecVirtual {
	var m [4]reg.VecVirtual
	for b := range m {
		m[b] = s.vec()
		for at := 0; at < blockBytes; at += s.bytes {
			v := s.vec()
			s.and(Mem{Base: x, Disp: b*blockBytes + at}, s.abs, v)
			if at == 0 {
				m[b] = v
			} else {
				VPMAXUD(v, m[b], m[b])
			}
		}
	}
	s.join(m[0], m[1], ops{VPUNPCKLDQ, VPUNPCKHDQ})
	s.join(m[2], m[3], ops{VPUNPCKLDQ, VPUNPCKHDQ})
	s.join(m[0], m[2], ops{VPUNPCKLQDQ, VPUNPCKHQDQ})
	return s.across(m[0], VPMAXUD)
}

type ops [2]func(...Op)

// join leaves in a the larger numbers of a and b, half as many of each.
func (s *isa) join(a, b reg.VecVirtual, unpack ops) {
	high := s.vec()
	unpack[1](b, a, high)
	unpack[0](b, a, a)
	VPMAXUD(high, a, a)
}

// across joins the 128-bit lanes of x.
func (s *isa) across(x reg.VecVirtual, join func(...Op)) reg.VecVirtual {
	t := YMM()
	if s.bytes == 64 {
		VEXTRACTI64X4(Imm(1), x, t)
		join(t, x.AsY(), x.AsY())
	}
	VEXTRACTI128(Imm(1), x.AsY(), t.AsX())
	join(t.AsX(), x.AsX(), x.AsX())
	return x.AsX().(reg.VecVirtual)
}

// codes stores the codes of two blocks and returns their sums: of the first block's
// halves, then of the second's.
func (s *isa) codes(c column, x reg.Register, inverses Mem, pair int) reg.VecVirtual {
	from := func(b int) []reg.VecVirtual {
		return s.round(Mem{Base: x, Disp: (2*pair + b) * blockBytes}, inverses.Offset(4*(2*pair+b)))
	}
	if s.bytes == 64 {
		words, second := from(0)[0], from(1)[0]
		VPACKSSWB(second, words, words)
		s.finite(words)
		s.store(words, func(x reg.Register, lane, i int) { c.code(x, i, i/2, lane+i%2*4) })
		return s.across(s.add(words), VPADDD)
	}
	var sums [2]reg.VecVirtual
	for b := range sums {
		words := from(b)
		VPACKSSWB(words[1], words[0], words[0])
		s.finite(words[0])
		s.store(words[0], func(x reg.Register, lane, i int) { c.code(x, i, b, 2*i+lane) })
		sums[b] = s.across(s.add(words[0]), VPADDD)
	}
	VPHADDD(sums[1], sums[0], sums[0])
	return sums[0]
}

// round makes words of a block: each vector holds two of numbers, 128 bits of one
// beside 128 of the other.
func (s *isa) round(x, inverse Mem) (words []reg.VecVirtual) {
	times := s.vec()
	VBROADCASTSS(inverse, times)
	for at := 0; at < blockBytes; at += 2 * s.bytes {
		a, b := s.vec(), s.vec()
		VMULPS(x.Offset(at), times, a)
		VMULPS(x.Offset(at+s.bytes), times, b)
		VCVTPS2DQ(a, a)
		VCVTPS2DQ(b, b)
		VPACKSSDW(b, a, a)
		words = append(words, a)
	}
	return words
}

// finite clears codes of -128: what was not finite has become one, nothing else can.
func (s *isa) finite(codes reg.VecVirtual) {
	if s.bytes == 64 {
		k := K()
		VPCMPB(Imm(4), s.least8, codes, k)
		VMOVDQU8_Z(codes, k, codes)
		return
	}
	t := s.vec()
	VPCMPEQB(s.least8, codes, t)
	VPANDN(codes, t, codes)
}

// store gives the codes to put, 128 bits at a time: lane, and dword in it.
func (s *isa) store(codes reg.VecVirtual, put func(x reg.Register, lane, i int)) {
	for lane := range s.bytes / 16 {
		x := codes.AsX()
		if lane > 0 {
			x = XMM()
			if s.bytes == 64 {
				VEXTRACTI32X4(Imm(uint64(lane)), codes, x)
			} else {
				VEXTRACTI128(Imm(uint64(lane)), codes, x)
			}
		}
		for i := range 4 {
			put(x, lane, i)
		}
	}
}

// add sums the codes of each dword.
func (s *isa) add(codes reg.VecVirtual) reg.VecVirtual {
	sums := s.vec()
	VPMADDUBSW(codes, s.ones8, sums)
	VPMADDWD(s.ones16, sums, sums)
	return sums
}
