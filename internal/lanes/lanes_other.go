//go:build !amd64 || purego

package lanes

func quantise(p Panel, c int, x []float32) { quantiseGeneric(p, c, x) }

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
}

func (f *Form) pack(strip []byte, rows [][]byte, units, size int) {
	f.packRows(strip, rows, units, size)
}
