// Command lanepack writes the assembly that arranges rows of quantised weights, as
// files have them, into strips: AVX-512, 16 rows at a time. internal/lanes/pack.go and
// packsuper.go do the same in Go, and say more about the layouts; unit.go here has
// the forms, packer.go what they are made of.
//
// internal/lanes/pack_amd64.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, f := range forms {
		pack(f)
	}
	Generate()
}

// form is a form of internal/lanes: the size of a block in a file, and of its unit
// of 16 rows in a strip; unit emits one.
type form struct {
	name        string
	size, bytes int
	unit        func(p *packer)
}

// ahead is how far ahead rows are asked for: a strip further on, where the rows of a
// matrix go on.
func pack(f form) {
	name := "pack512" + f.name
	TEXT(name, NOSPLIT, "func(strip *byte, rows *[16]*byte, units int, ahead int)")
	Doc(name + " packs units (> 0) of 16 rows of " + f.name + ", and prefetches what is ahead bytes after row 0.")
	Pragma("noescape")
	p := newPacker()
	units := Load(Param("units"), GP64())
	Label("unit")
	for at := 0; at < 16*f.size; at += 64 {
		PREFETCHT1(Mem{Base: p.next, Disp: at})
	}
	f.unit(p)
	ADDQ(U32(16*f.size), p.next)
	ADDQ(U32(f.size), p.at)
	ADDQ(U32(f.bytes), p.strip)
	DECQ(units)
	JNZ(LabelRef("unit"))
	VZEROUPPER()
	RET()
}
