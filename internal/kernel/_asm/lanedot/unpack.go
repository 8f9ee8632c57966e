package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// unpack512 generates the expansion of a strip into what tiles read; see Kind in
// internal/lanes/tile.go.
func unpack512(f form) {
	name := "unpack512" + f.name
	TEXT(name, NOSPLIT, "func(dst *byte, strip *byte, units int)")
	Doc(fmt.Sprintf("%s unpacks units (> 0) of a %s strip.", name, f.name))
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	r := newReader(f, Load(Param("strip"), GP64()))
	units := Load(Param("units"), GP64())
	raise := 0 // what makes codes of v + 128
	if !f.mins && f.level == "" {
		raise = 128 - f.zero
	}
	more := ZMM()
	if raise > 0 {
		more = bytes(raise)
	}
	size := 512
	r.loop(units, func() {
		for g := range 8 {
			c := r.group(g)
			if raise > 0 {
				VPADDB(more, c, c)
			}
			VMOVDQU32(c, Mem{Base: dst, Disp: 64 * g})
		}
		size = 512
		for h := range f.subs() {
			scale, minimum := r.scales(h)
			VMOVUPS(scale, Mem{Base: dst, Disp: 512 + 64*h})
			size += 64
			if f.mins {
				VMOVUPS(minimum, Mem{Base: dst, Disp: 512 + 64*(f.subs()+h)})
				size += 64
			}
		}
		ADDQ(U32(size), dst)
	})
	VZEROUPPER()
	RET()
}
