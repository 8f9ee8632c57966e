package lanes

import (
	"math/rand/v2"
	"testing"

	"weft/internal/cpu/cputest"
)

// TestLongTile: tiles of more blocks than one call of the assembly takes, twice, and not a multiple.
func TestLongTile(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, f := range Forms() {
			if f.Sub == BlockLen {
				continue
			}
			const blocks, rows, ldc = 1024 + 8, 21, 26
			w := anyStrip(f.Kind(), 2*blocks, rng)
			p, _ := filled(blocks*BlockLen, MaxCols, rng)
			for _, add := range []bool{false, true} {
				want, got := make([]float32, (MaxCols-1)*ldc+rows), make([]float32, (MaxCols-1)*ldc+rows)
				for i := range want {
					want[i] = float32(i) / 2
				}
				copy(got, want)
				f.Kind().tileGeneric(want, ldc, w, p, 0, blocks, rows, add)
				f.Kind().Tile(got, ldc, w, p, 0, blocks, rows, add)
				equal(t, got, want, "%v add %v", f.Type, add)
			}
		}
	})
}
