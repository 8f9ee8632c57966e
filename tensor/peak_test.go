package tensor

import (
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/par"
)

func TestMeasurePeak(t *testing.T) {
	p := par.New(2)
	defer p.Close()
	cputest.All(t, func(t *testing.T) {
		one, two := MeasurePeak(nil), MeasurePeak(p)
		t.Logf("%.1f and %.1f GFLOP/s", one, two)
		if one < 0.01 || one > 10000 || two < one/4 {
			t.Errorf("%v GFLOP/s on one thread, %v on two", one, two)
		}
	})
}
