//go:build (amd64 || arm64) && !purego

package lanes

//go:generate go run -C ../kernel/_asm ./lanedot -out ../../lanes/dot_amd64.s -stubs ../../lanes/dot_amd64_stubs.go -pkg lanes -neon ../../lanes/dot_arm64.s -neonstubs ../../lanes/dot_arm64_stubs.go

// dotStep bounds one call of assembly: blocks, which take 5 to 25 µs.
const dotStep = 512

// aux is what the form's products need of the panel beside core.
func (f *Form) aux(p Panel, b int) *int32 {
	if f.Sub == BlockLen {
		return &p.sums(b)[0]
	}
	return &p.halves(b)[0]
}

// unpackBy unpacks by assembly, as many blocks in a call as dot takes.
func (f *Form) unpackBy(do func(dst, strip *byte, first, blocks int), dst, strip []byte, first, blocks int) {
	size := f.Kind().BlockBytes()
	for done := 0; done < blocks; done += dotStep {
		at := first + done
		do(&dst[done*size], &strip[at/f.Blocks()*f.Bytes], at%f.Blocks(), min(dotStep, blocks-done))
	}
}
