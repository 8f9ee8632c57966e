package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The expansion of a strip into what tiles read; Kind in internal/lanes/tile.go says
// how it is laid out.

func beginUnpack(level string, f form) (dst, strip, units reg.Register) {
	name := fmt.Sprintf("unpack%s%s", level, f.name)
	TEXT(name, NOSPLIT, "func(dst *byte, strip *byte, units int)")
	Doc(fmt.Sprintf("%s unpacks units (> 0) of a %s strip.", name, f.name))
	Pragma("noescape")
	return Load(Param("dst"), GP64()), Load(Param("strip"), GP64()), Load(Param("units"), GP64())
}

// raise is what makes codes of numbers + 128.
func (f form) raise() int {
	if f.mins || f.level != "" {
		return 0
	}
	return 128 - f.zero
}

// vector is where the scale (0) or the minimum (1) of half h is in an unpacked
// block.
func (f form) vector(which, h int) int { return 512 + 64*(which*f.subs()+h) }

func (f form) unpackedBytes() int {
	if f.mins {
		return f.vector(2, 0)
	}
	return f.vector(1, 0)
}

func unpack512(f form) {
	dst, strip, units := beginUnpack("512", f)
	r, more := newReader512(f, strip), reg.VecVirtual(nil)
	if f.raise() > 0 {
		more = bytes(f.raise())
	}
	r.loop(units, r.head, func() {
		r.readPlanes()
		for g := range 8 {
			c := r.group(g)
			if f.raise() > 0 {
				VPADDB(more, c, c)
			}
			VMOVDQU32(c, Mem{Base: dst, Disp: 64 * g})
		}
		for h := range f.subs() {
			scale, minimum := r.scales(h)
			VMOVUPS(scale, Mem{Base: dst, Disp: f.vector(0, h)})
			if f.mins {
				VMOVUPS(minimum, Mem{Base: dst, Disp: f.vector(1, h)})
			}
		}
		ADDQ(U32(f.unpackedBytes()), dst)
	})
	VZEROUPPER()
	RET()
}

func unpack256(f form) {
	dst, strip, units := beginUnpack("256", f)
	r := newReader256(f, strip, func() Mem { return raised(f.level) })
	r.loop(units, r.head, func() {
		for part := range 2 {
			for g := range 8 {
				c := r.group(part, g)
				if f.raise() > 0 {
					VPADDB(bytes256(f.raise()), c, c)
				}
				VMOVDQU(c, Mem{Base: dst, Disp: 64*g + 32*part})
			}
			for h := range f.subs() {
				scale, minimum := r.scales(part, h)
				VMOVUPS(scale, Mem{Base: dst, Disp: f.vector(0, h) + 32*part})
				if f.mins {
					VMOVUPS(minimum, Mem{Base: dst, Disp: f.vector(1, h) + 32*part})
				}
			}
		}
		ADDQ(U32(f.unpackedBytes()), dst)
	})
	VZEROUPPER()
	RET()
}
