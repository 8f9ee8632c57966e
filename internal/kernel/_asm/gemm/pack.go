package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A transposition takes a few rows of a row-major matrix and writes them k-major:
// dst[k·dstride + r] = src[r·sstride + k]. All strides below are in numbers.
const transposeSig = "func(dst *float32, dstride int, src *float32, sstride int, k int)"

// source addresses rows of src: pointers to rows 0, 4, 8 and 12.
type source struct {
	base   []reg.Register
	s1, s3 reg.Register
}

func loadSource(rows int) source {
	s := source{base: []reg.Register{Load(Param("src"), GP64())}, s1: Load(Param("sstride"), GP64()), s3: GP64()}
	SHLQ(Imm(2), s.s1)
	LEAQ(Mem{Base: s.s1, Index: s.s1, Scale: 2}, s.s3)
	for r := 4; r < rows; r += 4 {
		p := GP64()
		LEAQ(Mem{Base: s.base[len(s.base)-1], Index: s.s1, Scale: 4}, p)
		s.base = append(s.base, p)
	}
	return s
}

func (s source) row(r int) Mem {
	m := Mem{Base: s.base[r/4]}
	switch r % 4 {
	case 1:
		m.Index, m.Scale = s.s1, 1
	case 2:
		m.Index, m.Scale = s.s1, 2
	case 3:
		m.Index, m.Scale = s.s3, 1
	}
	return m
}

func (s source) advance(bytes int) {
	for _, p := range s.base {
		ADDQ(U32(bytes), p)
	}
}

// transpose4 does four rows with AVX2, eight k at a time. k must be a multiple
// of eight.
func transpose4() {
	TEXT("transpose256x4", NOSPLIT, transposeSig)
	Doc("transpose256x4 writes dst[i*dstride+r] = src[r*sstride+i] for r < 4 and i < k, k > 0 a multiple of 8.")
	Pragma("noescape")
	src := loadSource(4)
	dst := Load(Param("dst"), GP64())
	ds, ds3 := Load(Param("dstride"), GP64()), GP64()
	SHLQ(Imm(2), ds)
	LEAQ(Mem{Base: ds, Index: ds, Scale: 2}, ds3)
	k := Load(Param("k"), GP64())
	y := avx2.Vec
	Label("eight")
	for r := range 4 {
		VMOVUPS(src.row(r), y[r])
	}
	inLane4(y[0:4], y[4:8], y[0:4])
	for half := range 2 {
		for j, at := range []Mem{{Base: dst}, {Base: dst, Index: ds, Scale: 1}, {Base: dst, Index: ds, Scale: 2}, {Base: dst, Index: ds3, Scale: 1}} {
			if half == 0 {
				VMOVUPS(y[j].AsX(), at)
			} else {
				VEXTRACTF128(Imm(1), y[j], at)
			}
		}
		LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	}
	src.advance(32)
	SUBQ(Imm(8), k)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}

// inLane4 transposes 4×4 blocks inside each 128-bit lane: lane l of out[j] is
// element 4l+j of in[0..3]. tmp holds the middle; out may be in.
func inLane4(in, tmp, out []reg.VecPhysical) {
	VUNPCKLPS(in[1], in[0], tmp[0])
	VUNPCKHPS(in[1], in[0], tmp[1])
	VUNPCKLPS(in[3], in[2], tmp[2])
	VUNPCKHPS(in[3], in[2], tmp[3])
	VUNPCKLPD(tmp[2], tmp[0], out[0])
	VUNPCKHPD(tmp[2], tmp[0], out[1])
	VUNPCKLPD(tmp[3], tmp[1], out[2])
	VUNPCKHPD(tmp[3], tmp[1], out[3])
}

// transpose16 does 12 or 16 rows with AVX-512, sixteen k at a time and a masked
// rest. dst has exactly rows (12) or 32 numbers per k (16: half a panel).
func transpose16(rows int) {
	TEXT(fmt.Sprintf("transpose512x%d", rows), NOSPLIT, "func(dst *float32, src *float32, sstride int, k int)")
	stride := map[int]int{12: 12, 16: 32}[rows]
	Doc(fmt.Sprintf("transpose512x%d writes dst[i*%d+r] = src[r*sstride+i] for r < %d and i < k, k > 0.", rows, stride, rows))
	Pragma("noescape")
	src := loadSource(rows)
	dst, k := Load(Param("dst"), GP64()), Load(Param("k"), GP64())
	part, lanes := K(), K()
	if rows < 16 {
		m := GP32()
		MOVL(U32(1<<rows-1), m)
		KMOVW(m, lanes)
	}
	put := func(i int, x reg.Register) {
		at := Mem{Base: dst, Disp: i * stride * 4}
		if rows < 16 {
			VMOVUPS(x, lanes, at)
		} else {
			VMOVUPS(x, at)
		}
	}
	JMP(LabelRef("check"))
	Label("sixteen")
	for r := range rows {
		VMOVUPS(src.row(r), avx512.Vec[r])
	}
	for i, x := range transposed(rows) {
		put(i, x)
	}
	src.advance(64)
	ADDQ(U32(16*stride*4), dst)
	SUBQ(Imm(16), k)
	Label("check")
	CMPQ(k, Imm(16))
	JGE(LabelRef("sixteen"))
	TESTQ(k, k)
	JZ(LabelRef("end"))
	m := GP64()
	MOVQ(I64(-1), m)
	BZHIQ(k, m, m)
	KMOVW(m.As32(), part)
	for r := range rows {
		VMOVUPS_Z(src.row(r), part, avx512.Vec[r])
	}
	for i, x := range transposed(rows)[:15] {
		put(i, x)
		if i < 14 {
			DECQ(k)
			JZ(LabelRef("end"))
		}
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// transposed turns rows (in Z0 on, 16 numbers each) into the 16 columns and
// returns the registers that hold them.
func transposed(rows int) []reg.Register {
	z := avx512.Vec
	// In lanes: group g of four rows; lane l of register 4g+j is k = 4l+j.
	for g := range rows / 4 {
		inLane4(z[4*g:4*g+4], z[16:20], z[4*g:4*g+4])
	}
	// Across lanes: register j of every group gives k = j, 4+j, 8+j, 12+j.
	out := make([]reg.Register, 16)
	for j := range 4 {
		in := []reg.VecPhysical{z[j], z[4+j], z[8+j], z[8+j]}
		if rows == 16 {
			in[3] = z[12+j]
		}
		lo, hi := z[16+4*j], z[17+4*j]
		VSHUFF32X4(Imm(0x44), in[1], in[0], lo) // [0.0 0.1 1.0 1.1]
		VSHUFF32X4(Imm(0xEE), in[1], in[0], hi) // [0.2 0.3 1.2 1.3]
		lo2, hi2 := z[18+4*j], z[19+4*j]
		VSHUFF32X4(Imm(0x44), in[3], in[2], lo2)
		VSHUFF32X4(Imm(0xEE), in[3], in[2], hi2)
		VSHUFF32X4(Imm(0x88), lo2, lo, in[0])
		VSHUFF32X4(Imm(0xDD), lo2, lo, in[1])
		out[j], out[4+j] = in[0], in[1]
		VSHUFF32X4(Imm(0x88), hi2, hi, lo)
		VSHUFF32X4(Imm(0xDD), hi2, hi, hi)
		out[8+j], out[12+j] = lo, hi
	}
	return out
}

// copyPanels generates the copy of a block of width·panels columns of a row-major
// matrix into that many panels. Several panels per row read longer pieces of
// memory, and rows are asked for ahead of time: no prefetcher follows a stride of
// thousands of bytes.
func copyPanels(width, panels int) {
	name := fmt.Sprintf("copy256x%dx%d", width, panels)
	TEXT(name, NOSPLIT, "func(dst *float32, pstride int, src *float32, sstride int, k int)")
	Doc(fmt.Sprintf("%s writes dst[p*pstride+i*%d+j] = src[i*sstride+p*%d+j] for p < %d, i < k and j < %d; k > 0.", name, width, width, panels, width))
	Pragma("noescape")
	dst, ps := Load(Param("dst"), GP64()), Load(Param("pstride"), GP64())
	SHLQ(Imm(2), ps)
	to := []Mem{{Base: dst}}
	if panels == 4 {
		ps3 := GP64()
		LEAQ(Mem{Base: ps, Index: ps, Scale: 2}, ps3)
		to = append(to, Mem{Base: dst, Index: ps, Scale: 1}, Mem{Base: dst, Index: ps, Scale: 2}, Mem{Base: dst, Index: ps3, Scale: 1})
	}
	src, ss := Load(Param("src"), GP64()), Load(Param("sstride"), GP64())
	SHLQ(Imm(2), ss)
	k := Load(Param("k"), GP64())
	Label("row")
	for line := 0; line < width*panels*4; line += 64 {
		PREFETCHT0(Mem{Base: src, Index: ss, Scale: 8, Disp: line})
	}
	for p := range panels {
		for at := 0; at < width; at += 8 {
			var r reg.Register = avx2.Vec[(p*width+at)/8%16]
			if width-at < 8 {
				r = avx2.Vec[(p*width+at)/8%16].AsX()
			}
			VMOVUPS(Mem{Base: src, Disp: (p*width + at) * 4}, r)
			VMOVUPS(r, to[p].Offset(at*4))
		}
	}
	ADDQ(ss, src)
	ADDQ(U32(width*4), dst)
	DECQ(k)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
