//go:build !amd64 || purego

package lanes

func quantise(p Panel, c int, x []float32) { quantiseGeneric(p, c, x) }

func (f *Form) pack(strip []byte, rows [][]byte, units, size int) {
	f.packRows(strip, rows, units, size)
}
