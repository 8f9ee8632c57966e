package main

import (
	"fmt"
	"strings"

	"weft/internal/kernel/_asm/strip"
)

const (
	groups = strip.Groups
	plane  = strip.Plane
)

// most is how many columns a tile has at most.
const most = 4

// kind is a kind of strip, for the methods here.
type kind struct{ strip.Kind }

// The general registers.
const (
	rC      = "R0"
	rLdc    = "R1" // bytes
	rW      = "R2"
	rCore   = "R3"
	rBeside = "R4" // where minima need sums of codes, times scales: sums, or halves
	rBlocks = "R5"
	rStride = "R6" // between dwords of a column, in bytes
	rScales = "R7" // of a block's activations
	rSums   = "R8" // of a part's activations
	rAt     = "R9"
)

// signs is a register of 0x80: bytes are 128 more than values.
const signs = 31

// tile is what both ways to multiply have in common. They differ in the rows that they
// take, so many vectors of 4, and in the sums of products.
type tile struct {
	*writer
	kind
	cols, quads int
	products    func(t tile, h int)
	dots        int // the first of their registers
	free        int // the first of 6 that a part's end may use
	halves      int // the first that keep the first parts' sums, where there are two
}

func (t tile) output(n, q int) int { return n*t.quads + q }
func (t tile) dot(n, q int) int    { return t.dots + n*t.quads + q }
func (t tile) half(n, q int) int   { return t.halves + n*t.quads + q }

// tilesDot generates tiles of 8 rows that use SDOT, tiles those of 4 rows that do not.
func (w *writer) tilesDot(k kind) {
	t := tile{writer: w, kind: k, quads: 2, products: tile.productsDot, dots: 8, free: 16, halves: 23}
	t.begin("tileDot"+k.Name, "It needs FEAT_DotProd.")
}

func (w *writer) tiles(k kind) {
	t := tile{writer: w, kind: k, quads: 1, products: tile.productsPlain, dots: 20, free: 24, halves: 4}
	t.begin("tile"+k.Name, "")
}

func (t tile) begin(name, needs string) {
	beside := ""
	if t.Mins {
		beside = "beside *int32, "
	}
	params := "c *float32, ldc int, w *byte, core *int32, " + beside + "blocks int, stride int, cols int, add bool"
	doc := fmt.Sprintf("is Kind.Tile of %d rows and 1 to 4 columns of a panel of stride columns over blocks (> 0) blocks.", 4*t.quads)
	t.Function(name, strings.TrimSpace(doc+" "+needs), params, 0)
	t.Load(params, "c "+rC, "ldc "+rLdc, "w "+rW, "core "+rCore, "blocks "+rBlocks, "stride "+rStride)
	if t.Mins {
		t.Load(params, "beside "+rBeside)
	}
	t.F("LSL $2, %s", rLdc)
	t.F("LSL $2, %s", rStride)
	t.F("VMOVI $0x80, V%d.B16", signs)
	t.Load(params, "cols R10")
	for n := most; n > 1; n-- {
		t.F("CMP $%d, R10", n)
		t.F("BEQ columns%d", n)
	}
	for n := 1; n <= most; n++ {
		t.Label(fmt.Sprint("columns", n))
		t.cols = n
		t.emit(params)
	}
}

func (t tile) emit(params string) {
	for n := range t.cols * t.quads {
		t.zero(n)
	}
	block := fmt.Sprint("block", t.cols)
	t.LoadByte(params, "add", "R10")
	t.F("CBZ R10, %s", block)
	t.eachOutput(func(at string, v int) { t.F("FMOVQ %s, F%d", at, v) })
	t.Label(block)
	t.F("ADD %s<<3, %s, %s", rStride, rCore, rScales)
	for h := range t.Subs {
		t.products(t, h)
		t.scale(h)
	}
	t.F("ADD %s<<1, %s, %s", rStride, rScales, rCore)
	t.F("ADD $%d, %s", t.BlockBytes(), rW)
	if t.Mins {
		t.F("ADD %s<<%d, %s", rStride, 2*(t.Subs-1), rBeside)
	}
	t.F("SUB $1, %s", rBlocks)
	t.F("CBNZ %s, %s", rBlocks, block)
	t.eachOutput(func(at string, v int) { t.F("FMOVQ F%d, %s", v, at) })
	t.F("RET")
}

func (t tile) zero(v int) { t.F("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v) }

// eachOutput goes through c.
func (t tile) eachOutput(do func(at string, v int)) {
	t.F("MOVD %s, %s", rC, rAt)
	for n := range t.cols {
		for q := range t.quads {
			do(fmt.Sprintf("%d(%s)", 16*q, rAt), t.output(n, q))
		}
		t.F("ADD %s, %s", rLdc, rAt)
	}
}

// weights loads 4 rows of plane g.
func (t tile) weights(g, q, v int) {
	t.F("FMOVQ %d(%s), F%d", g*plane+16*q, rW, v)
	if !t.Mins {
		t.F("VEOR V%d.B16, V%d.B16, V%d.B16", signs, v, v)
	}
}

// productsDot sums part h of a block: a vector has the codes of 4 columns, those that
// are not there too.
func (t tile) productsDot(h int) {
	for n := range t.cols * t.quads {
		t.zero(t.dots + n)
	}
	if h == 0 {
		t.F("MOVD %s, %s", rCore, rAt)
	}
	for g := h * groups / t.Subs; g < (h+1)*groups/t.Subs; g++ {
		weights, x := 16+g%2*2, 20+g%2
		t.F("FMOVQ (%s), F%d", rAt, x)
		t.F("ADD %s, %s", rStride, rAt)
		for q := range t.quads {
			t.weights(g, q, weights+q)
		}
		for n := range t.cols {
			for q := range t.quads {
				t.SDOT(t.dot(n, q), weights+q, x, n)
			}
		}
	}
}

// productsPlain sums part h of a block. Products of values have room in 16 bits for
// two planes, those of codes up to 31 for eight.
func (t tile) productsPlain(h int) {
	const planes, words, pairs, x = 8, 16, 18, 24
	count, room := groups/t.Subs, 2
	if t.Mins {
		room = groups
	}
	for g := range count {
		t.weights(h*count+g, 0, planes+g)
	}
	for n := range t.cols {
		t.F("ADD $%d, %s, %s", 4*n, rCore, rAt)
		if h == 1 {
			t.F("ADD %s<<2, %s", rStride, rAt)
		}
		for g := range count {
			t.F("VLD1R (%s), [V%d.S4]", rAt, x+g%2)
			t.F("ADD %s, %s", rStride, rAt)
			for upper := range 2 {
				if g%room == 0 {
					t.SMULL(upper == 1, words+upper, planes+g, x+g%2)
				} else {
					t.SMLAL(upper == 1, words+upper, planes+g, x+g%2)
				}
			}
			if (g+1)%room != 0 && g+1 != count {
				continue
			}
			for upper := range 2 {
				if g < room {
					t.SADDLP(pairs+upper, words+upper)
				} else {
					t.SADALP(pairs+upper, words+upper)
				}
			}
		}
		t.ADDP(t.dot(n, 0), pairs, pairs+1)
	}
}

// scale adds the sums of part h to the outputs.
func (t tile) scale(h int) {
	scales, minima := t.free, t.free+t.quads
	product, number := t.free+2*t.quads, t.free+2*t.quads+1
	for q := range t.quads {
		t.F("FMOVQ %d(%s), F%d", t.Vector(h)+16*q, rW, scales+q)
		if t.Mins {
			t.F("FMOVQ %d(%s), F%d", t.Vector(t.Subs+h)+16*q, rW, minima+q)
		}
	}
	if t.Mins {
		t.sums(h)
	}
	for n := range t.cols {
		t.F("FMOVS %d(%s), F%d", 4*n, rScales, number)
		for q := range t.quads {
			dot, out := t.dot(n, q), t.output(n, q)
			t.SCVTF(dot, dot)
			switch {
			case t.Subs == 1:
				t.FMULElement(product, scales+q, number, 0)
				t.FMLA(out, dot, product)
			case h == 0:
				t.FMUL(t.half(n, q), dot, scales+q)
			default:
				t.FMLA(t.half(n, q), dot, scales+q)
				t.FMLAElement(out, t.half(n, q), number, 0)
			}
		}
		if !t.Mins {
			continue
		}
		t.F("FMOVS %d(%s), F%d", 4*n, rSums, number)
		for q := range t.quads {
			t.FMLAElement(t.output(n, q), minima+q, number, 0)
		}
	}
}

// sums points to the sums of part h of a block.
func (t tile) sums(h int) {
	t.F("MOVD %s, %s", rBeside, rSums)
	if t.Subs == 2 { // after 2 of integers
		t.F("ADD %s<<1, %s", rStride, rSums)
	}
	if h == 1 {
		t.F("ADD %s, %s", rStride, rSums)
	}
}
