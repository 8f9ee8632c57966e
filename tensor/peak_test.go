package tensor

import (
	"testing"

	"weft/internal/cpu"
	"weft/internal/cpu/cputest"
	"weft/internal/par"
)

func TestMeasurePeak(t *testing.T) {
	p := par.New(2)
	defer p.Close()
	cputest.All(t, func(t *testing.T) {
		for name, f := range map[string]func(*par.Pool) float64{
			"f32": MeasurePeak, "bf16": MeasurePeakBF16, "int8": MeasurePeakInt8,
			"read": func(p *par.Pool) float64 { return newReadProbe(p, 64<<20).Measure() },
		} {
			one, two := f(nil), f(p)
			t.Logf("%s: %.1f and %.1f", name, one, two)
			if !(one > 0 && two > 0) || one > 1e5 || two > 1e5 { // a busy machine may be slow, and is not wrong
				t.Errorf("%s: %v per ns on one thread, %v on two", name, one, two)
			}
		}
	})
}

func BenchmarkReadProbe(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, level := range cpu.Levels()[1:] {
			b.Run(level.String()+"/t"+string(rune('0'+threads)), func(b *testing.B) {
				defer cpu.Force(level)()
				p := par.New(threads)
				defer p.Close()
				best, probe := 0.0, NewReadProbe(p)
				for b.Loop() {
					best = max(best, probe.Measure())
				}
				b.ReportMetric(best, "GB/s")
			})
		}
	}
}
