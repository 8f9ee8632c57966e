//go:build !amd64 || purego

package lanes

func quantise(p Panel, c int, x []float32) { quantiseGeneric(p, c, x) }

func (f *Form) unpack(dst, strip []byte, units int) { f.unpackGeneric(dst, strip, units) }

func (f *Form) dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	f.dotGeneric(c, ldc, strip, p, rows, add)
}

func (f *Form) pack(strip []byte, rows [][]byte, units, size int) {
	f.packRows(strip, rows, units, size)
}
