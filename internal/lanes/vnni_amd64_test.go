//go:build !purego

package lanes

import (
	"math/rand/v2"
	"testing"

	"weft/internal/cpu"
)

// byAVX2 are the ways to multiply with 256 bits: without AVX-VNNI, and with it if there is
// any. The step twin of .ci/run has this test believe so where there is AVX-512.
func byAVX2() map[string]bool {
	ways := map[string]bool{}
	if cpu.Best() >= cpu.AVX2 {
		ways["AVX2"] = false
	}
	if cpu.AVXVNNI() {
		ways["AVX-VNNI"] = true
	}
	return ways
}

// TestTileAVX2: with both, and with no byte behind the panel.
func TestTileAVX2(t *testing.T) {
	for name, vnni := range byAVX2() {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(15, 16))
			for _, kind := range []Kind{{Whole, 4}, {Whole, 8}, {WholeMins, 5}, {Halves, 6}, {HalvesMins, 4}} {
				for _, blocks := range []int{1, 3, tileStep + 1} {
					w := anyStrip(kind, 2*blocks, rng)
					for n := 1; n <= MaxCols; n++ {
						filled, _ := filled(blocks*BlockLen, n, rng)
						p := PanelOf(guarded[int32](t, len(filled.data)), blocks*BlockLen, n)
						copy(p.data, filled.data)
						for _, rows := range []int{1, 13, 16, 21} {
							got := guarded[float32](t, n*rows)
							for i := range got {
								got[i] = float32(i)
							}
							want := append([]float32(nil), got...)
							add := rng.IntN(2) == 0
							kind.tileGeneric(want, rows, w, p, 0, blocks, rows, add)
							kind.tile256(got, rows, w, p, 0, blocks, rows, add, vnni)
							equal(t, got, want, "kind %v, %d blocks, %d×%d, add %v", kind, blocks, rows, n, add)
						}
					}
				}
			}
		})
	}
}

// TestDotAVX2: with both, codes and activations as large as they can be.
func TestDotAVX2(t *testing.T) {
	for name, vnni := range byAVX2() {
		t.Run(name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, f *Form) {
				table := &dots256
				if vnni {
					table = &dotsVNNI
				}
				rng := rand.New(rand.NewPCG(13, 14))
				k := 2 * f.Len
				size := f.StripBytes(k)
				for fill := range 4 {
					strip := guarded[byte](t, 2*size)
					for i := range strip {
						strip[i] = [...]byte{0, 0x80, 0xff, byte(rng.Uint32())}[fill]
					}
					finiteHalves(f, strip)
					for n := 1; n <= fewCols; n++ {
						p := PanelOf(guarded[int32](t, PanelLen(k, n)), k, n)
						for c := range n {
							quantiseGeneric(p, c, extreme(k, c, rng))
						}
						for _, rows := range []int{Rows - 1, 2 * Rows} {
							want, got := make([]float32, n*2*Rows), make([]float32, n*2*Rows)
							f.dotGeneric(want, 2*Rows, strip, p, rows, false)
							f.dotUnits(table[f.Type][n-1], got, 2*Rows, strip, size, p, rows, false)
							equal(t, got, want, "%d columns, %d rows", n, rows)
						}
					}
				}
			})
		})
	}
}
