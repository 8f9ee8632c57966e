//go:build !purego

package lanes

import (
	"math/rand/v2"
	"testing"
)

// TestDotWithoutDotProd: a processor that has FEAT_DotProd tests the products for those that do not, too.
func TestDotWithoutDotProd(t *testing.T) {
	eachForm(t, func(t *testing.T, f *Form) {
		rng := rand.New(rand.NewPCG(13, 14))
		k := 2 * f.Len
		for fill := range 4 {
			strip := guarded[byte](t, f.StripBytes(k))
			for i := range strip {
				strip[i] = [...]byte{0, 0x80, 0xff, byte(rng.Uint32())}[fill]
			}
			finiteHalves(f, strip)
			for n := 1; n <= fewCols; n++ {
				p := PanelOf(guarded[int32](t, PanelLen(k, n)), k, n)
				for c := range n {
					quantiseGeneric(p, c, extreme(k, c, rng))
				}
				want, got := make([]float32, n*Rows), make([]float32, n*Rows)
				f.dotGeneric(want, Rows, strip, p, Rows-1, false)
				f.dotBy(&dotsNEON, got, Rows, strip, p, Rows-1, false)
				equal(t, got, want, "%d columns", n)
			}
		}
	})
}
