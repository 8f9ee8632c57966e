//go:build (!amd64 && !arm64) || purego

package lanes

func (f *Form) dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	f.dotGeneric(c, ldc, strip, p, rows, add)
}

func (f *Form) unpack(dst, strip []byte, first, blocks int) {
	f.unpackGeneric(dst, strip, first, blocks)
}
