// Command laneneon writes the arm64 assembly of package lanes: tiles (tile.go, i8mm.go) and
// the rounding of activations (quantise.go). avo knows amd64 only, and Go's
// assembler few of the instructions; package neon encodes those.
//
// internal/lanes/tile.go holds the go:generate line.
package main

import (
	"flag"
	"log"

	"weft/internal/kernel/_asm/neon"
	"weft/internal/kernel/_asm/strip"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "the assembly file")
	stubs := flag.String("stubs", "", "the Go file with the declarations")
	flag.Parse()
	w := &writer{&neon.Writer{}}
	for _, k := range strip.Kinds {
		w.tilesI8MM(kind{k})
		w.tilesDot(kind{k})
		w.tiles(kind{k})
	}
	w.quantise()
	if err := w.Save(*out, *stubs, "lanes"); err != nil {
		log.Fatal(err)
	}
}

// writer is for the methods here.
type writer struct{ *neon.Writer }
