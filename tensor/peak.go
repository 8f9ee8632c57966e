package tensor

import (
	"slices"
	"time"

	"weft/internal/kernel"
	"weft/internal/par"
)

// MeasurePeak is how many f32 operations per nanosecond (GFLOP/s) the threads of
// the pool reach together when they do nothing but fused multiply-adds on
// registers: the ceiling to which products are compared. It takes about 50 ms and
// is the median of several measurements, since other processes disturb some.
func MeasurePeak(p *par.Pool) (gflops float64) {
	const samples = 9
	measure(p, 3*time.Millisecond) // wakes the workers and the clock frequency
	var all [samples]float64
	for i := range all {
		all[i] = measure(p, 5*time.Millisecond)
	}
	slices.Sort(all[:])
	return all[samples/2]
}

// measure adds up the speeds that each thread reaches during d.
func measure(p *par.Pool, d time.Duration) float64 {
	speed := make([]float64, p.Threads())
	p.Run(len(speed), func(_, i int) {
		flops, start := 0.0, time.Now()
		for {
			flops += kernel.PeakFMA(4096)
			if spent := time.Since(start); spent >= d {
				speed[i] = flops / float64(spent.Nanoseconds())
				return
			}
		}
	})
	sum := 0.0
	for _, s := range speed {
		sum += s
	}
	return sum
}
