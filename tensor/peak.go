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
func MeasurePeak(p *par.Pool) (gflops float64) { return measurePeak(p, kernel.PeakFMA) }

// MeasurePeakBF16 is MeasurePeak for dot products of bfloat16 in float32, the
// ceiling of products with [BF16] weights.
func MeasurePeakBF16(p *par.Pool) (gflops float64) { return measurePeak(p, kernel.PeakBF16) }

// MeasurePeakInt8 is MeasurePeak for dot products of int8 in int32 (GOP/s), the
// ceiling of products with quantised weights.
func MeasurePeakInt8(p *par.Pool) (gops float64) { return measurePeak(p, kernel.PeakInt8) }

func measurePeak(p *par.Pool, work func(rounds int) float64) float64 {
	const samples = 9
	measure(p, 3*time.Millisecond, work) // wakes the workers and the clock frequency
	var all [samples]float64
	for i := range all {
		all[i] = measure(p, 5*time.Millisecond, work)
	}
	slices.Sort(all[:])
	return all[samples/2]
}

// measure is the speed of all threads together during d.
func measure(p *par.Pool, d time.Duration, work func(rounds int) float64) float64 {
	done := make([]float64, p.Threads())
	start := time.Now()
	p.Run(len(done), func(_, i int) {
		for time.Since(start) < d { // threads without a core of their own come too late
			done[i] += work(4096)
		}
	})
	sum := 0.0
	for _, x := range done {
		sum += x
	}
	return sum / float64(time.Since(start).Nanoseconds())
}

// ReadProbe measures how fast memory is read. Neighbours on the same machine can halve that from one
// second to the next, so it is best measured right before and after what is compared with it.
type ReadProbe struct {
	pool   *par.Pool
	memory []float32
}

// ReadProbeBytes is the memory that a ReadProbe takes, far more than any cache holds.
const ReadProbeBytes = 512 << 20

// NewReadProbe makes a probe of ReadProbeBytes.
func NewReadProbe(p *par.Pool) *ReadProbe { return newReadProbe(p, ReadProbeBytes) }

func newReadProbe(p *par.Pool, bytes int) *ReadProbe {
	x := aligned(bytes / 4)
	p.Range(len(x), 1024, func(lo, hi int) { // pages exist once something was written to them
		for i := lo; i < hi; i += 1024 {
			x[i] = 1
		}
	})
	return &ReadProbe{p, x}
}

// Measure is how many bytes per nanosecond (GB/s) the threads of the pool read together: the
// ceiling of decoding, which reads every weight for every token. It is the best of a few
// passes, which take some 50 ms: what disturbs one only makes it slower.
func (r *ReadProbe) Measure() (gbps float64) {
	const passes = 3
	for range passes {
		gbps = max(gbps, readOnce(r.pool, r.memory))
	}
	return gbps
}

func readOnce(p *par.Pool, x []float32) (gbps float64) {
	const piece = 256 << 10 // numbers that a thread takes at once
	start := time.Now()
	p.Run(panels(len(x), piece), func(_, i int) { kernel.Read(x[i*piece : min((i+1)*piece, len(x))]) })
	return float64(4*len(x)) / float64(time.Since(start).Nanoseconds())
}
