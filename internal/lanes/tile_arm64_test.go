//go:build !purego

package lanes

import (
	"math/rand/v2"
	"testing"

	"weft/internal/cpu"
)

// TestTileNEON: by every instruction that the processor has, and with no byte behind the panel.
func TestTileNEON(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	ways := []way{bySMULL}
	if cpu.DotProd() {
		ways = append(ways, bySDOT)
	}
	if cpu.I8MM() {
		ways = append(ways, byUSMMLA)
	}
	t.Logf("%d ways", len(ways))
	for _, kind := range []Kind{{Whole, 8}, {WholeMins, 5}, {Halves, 6}, {HalvesMins, 5}} {
		for _, blocks := range []int{1, 3, tileStep + 1} {
			w := anyStrip(kind, 2*blocks, rng)
			for n := 1; n <= MaxCols; n++ {
				filled, _ := filled(blocks*BlockLen, n, rng)
				p := PanelOf(guarded[int32](t, len(filled.data)), blocks*BlockLen, n)
				copy(p.data, filled.data)
				for _, rows := range []int{1, 4, 6, 13, 16, 21} {
					for _, by := range ways {
						got := guarded[float32](t, n*rows)
						for i := range got {
							got[i] = float32(i)
						}
						want := append([]float32(nil), got...)
						add := rng.IntN(2) == 0
						kind.tileGeneric(want, rows, w, p, 0, blocks, rows, add)
						kind.tileNEON(got, rows, w, p, 0, blocks, rows, add, by)
						equal(t, got, want, "kind %v, %d blocks, %d×%d, add %v, by %v", kind, blocks, rows, n, add, by)
					}
				}
			}
		}
	}
}
