//go:build (!amd64 && !arm64) || purego

package lanes

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
}
