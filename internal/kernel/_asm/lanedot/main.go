// Command lanedot writes the assembly that reads strips of quantised weights:
// products with few columns (dot*.go) and unpacking (unpack*.go). For amd64 it uses
// avo, for arm64 the package neon.
//
// internal/lanes/form.go says how a strip is laid out; the table here repeats what
// of it the assembly has to know, and read*.go turn planes back into codes.
// internal/lanes/dot_asm.go holds the go:generate line.
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"

	"weft/internal/kernel/_asm/neon"
	"weft/internal/kernel/_asm/vex"
)

func main() {
	asm := flag.String("neon", "", "arm64 assembly")
	stubs := flag.String("neonstubs", "", "its declarations")
	flag.Parse()
	if err := arm64().Save(*asm, *stubs, "lanes"); err != nil {
		log.Fatal(err)
	}
	amd64()
	Generate()
	vex.Rewrite()
}

func amd64() {
	ConstraintExpr("amd64,!purego")
	for _, f := range forms {
		for cols := 1; cols <= 12; cols++ {
			dot512(f, cols)
		}
		stream512(f)
		for cols := 1; cols <= 4; cols++ {
			dot256(f, cols, false)
			dot256(f, cols, true)
		}
		unpack256(f)
	}
	for _, f := range unpackedForms {
		dot512(f, 12)
	}
}

func arm64() *neon.Writer {
	w := &neon.Writer{}
	levelsNEON(w)
	for _, f := range forms {
		for cols := 1; cols <= 4; cols++ {
			dotNEON(w, f, cols, true)
			dotNEON(w, f, cols, false)
		}
		unpackNEON(w, f)
	}
	return w
}

// form is a form of internal/lanes.
type form struct {
	name      string
	blocks    int // of 32 weights, in a unit
	low, high int // bits of a code in the low and high planes
	sub       int // weights that share a scale
	mins      bool
	zero      int    // code of 0 in forms without minima and levels
	level     string // name of the table of levels
	unpacked  bool   // laid out as a Kind: see unpack.go
}

var forms = []form{
	{name: "Q8_0", blocks: 1, low: 8, sub: 32, zero: 128},
	{name: "Q4_0", blocks: 1, low: 4, sub: 32, zero: 8},
	{name: "Q4_1", blocks: 1, low: 4, sub: 32, mins: true},
	{name: "Q5_0", blocks: 1, low: 4, high: 1, sub: 32, zero: 16},
	{name: "Q5_1", blocks: 1, low: 4, high: 1, sub: 32, mins: true},
	{name: "IQ4_NL", blocks: 1, low: 4, sub: 32, level: "iq4"},
	{name: "MXFP4", blocks: 1, low: 4, sub: 32, level: "mxfp4"},
	{name: "Q2_K", blocks: 8, low: 2, sub: 16, mins: true},
	{name: "Q3_K", blocks: 8, low: 2, high: 1, sub: 16, zero: 4},
	{name: "Q4_K", blocks: 8, low: 4, sub: 32, mins: true},
	{name: "Q5_K", blocks: 8, low: 4, high: 1, sub: 32, mins: true},
	{name: "Q6_K", blocks: 8, low: 4, high: 2, sub: 16, zero: 32},
	{name: "IQ4_XS", blocks: 8, low: 4, sub: 32, level: "iq4"},
}

// unpackedForms are unpacked strips of the kinds that are worth it: those with a scale per 16, whose codes are the most
// work to take apart.
var unpackedForms = []form{
	{name: "Halves", blocks: 1, low: 8, sub: 16, zero: 128, unpacked: true},
	{name: "HalvesMins", blocks: 1, low: 8, sub: 16, mins: true, unpacked: true},
}

// levels are the tables, by the formats' definitions.
var levels = map[string][16]int{
	"iq4":   {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113},
	"mxfp4": {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12},
}

const rows = 16

// The parts of a unit, in bytes: D and M, then S and T, then codes.

func (f form) dBytes() int {
	if f.level == "mxfp4" {
		return rows
	}
	return 2 * rows
}

func (f form) sAt() int {
	if f.mins || f.blocks > 1 {
		return f.dBytes() + 2*rows
	}
	return f.dBytes()
}

// subs is how many scales a block of 32 has.
func (f form) subs() int { return 32 / f.sub }

// tAt is T's distance from S: 0 where both share a byte.
func (f form) tAt() int {
	if f.blocks == 1 || !f.mins || f.name == "Q2_K" {
		return 0
	}
	return f.blocks * f.subs() * rows
}

func (f form) codesAt() int {
	if f.unpacked {
		return 0
	}
	if f.blocks == 1 {
		return f.sAt()
	}
	return f.sAt() + f.blocks*f.subs()*rows + f.tAt()
}

func (f form) blockBytes() int { return (f.low + f.high) * 32 * rows / 8 }

func (f form) bytes() int {
	if f.unpacked {
		return f.unpackedBytes()
	}
	return f.codesAt() + f.blocks*f.blockBytes()
}

// planeAt is where a plane is, low ones first: in units of one block from the unit, in
// others from the block's codes.
func (f form) planeAt(i int) int {
	if f.blocks == 1 {
		return f.codesAt() + 64*i
	}
	return 64 * i
}

// negated says whether a file's minima are taken away.
func (f form) negated() bool { return f.mins && f.blocks > 1 }

// signed says whether codes stand for signed numbers without an offset.
func (f form) signed() bool { return f.low == 8 || f.level != "" }

// shift is how far the panel's sums, -128·Σq, are shifted to start a product of
// codes: to -zero·Σq.
func (f form) shift() int {
	if f.level != "" {
		return 0
	}
	return map[int]int{128: 0, 32: 2, 16: 3, 8: 4, 4: 5}[f.zero]
}
