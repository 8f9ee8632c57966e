//go:build !purego

package lanes

import "weft/internal/cpu"

// rest adds the product with a rest to strips, if there is assembly that finds the blocks in them.
func (f *Form) rest(c []float32, ldc int, strip []byte, size int, r *Rest, rows int) bool {
	if !cpu.VNNI() || r.Blocks > dotStep {
		return false
	}
	f.dot512(c, ldc, strip, size, r.at, r.Panel, 0, r.Blocks, rows, true)
	return true
}
