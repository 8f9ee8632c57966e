// Package vex gives VPDPBUSD, which Go's assembler and avo encode for AVX-512 only, the
// encoding of AVX-VNNI.
package vex

import (
	"flag"
	"log"
	"os"
	"regexp"
	"strconv"
)

// keep leaves the encoding of AVX-512. It is for a test on processors that have AVX-512
// and not AVX-VNNI: the same instructions with the same operands.
var keep = flag.Bool("evex", false, "encode products of AVX-VNNI for AVX-512, to test them there")

var instruction = regexp.MustCompile(`VPDPBUSD +Y(\d+), Y(\d+), Y(\d+)`)

// Rewrite encodes the instructions on ymm registers in the file that avo has written.
func Rewrite() {
	if *keep {
		return
	}
	path := flag.Lookup("out").Value.String()
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	text = instruction.ReplaceAllFunc(text, encode)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		log.Fatal(err)
	}
}

// encode makes bytes: VEX.256.66.0F38.W0 50 /r, by Intel's Software Developer's Manual,
// volume 2, section 2.3.5. Operands come in Go's order, signed bytes first.
func encode(text []byte) []byte {
	var y [3]byte
	for i, digits := range instruction.FindSubmatch(text)[1:] {
		n, err := strconv.ParseUint(string(digits), 10, 4)
		if err != nil {
			log.Fatalf("%s: there are 16 registers", text)
		}
		y[i] = byte(n)
	}
	signed, unsigned, sum := y[0], y[1], y[2]
	code := []byte{
		0xC4,
		(sum>>3^1)<<7 | 1<<6 | (signed>>3^1)<<5 | 2,
		(unsigned^15)<<3 | 1<<2 | 1,
		0x50,
		0xC0 | sum&7<<3 | signed&7,
	}
	var out []byte
	for i, b := range code {
		if i > 0 {
			out = append(out, "; "...)
		}
		out = append(out, "BYTE $0x"...)
		out = strconv.AppendUint(out, uint64(b), 16)
	}
	return append(append(out, " // "...), text...)
}
