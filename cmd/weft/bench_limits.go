package main

import (
	"weft/internal/par"
	"weft/model"
	"weft/tensor"
)

// What the machine could do at most changes within seconds where other work runs on it, its own or a neighbour's. So it is
// measured right before and right after what is compared with it.

// peaks is how many tokens of a prompt per second would be read at the peak of the arithmetic they need.
func peaks(p *par.Pool, flops model.FLOPs) float64 {
	least := 0.0 // nanoseconds
	for with, measure := range [...]func(*par.Pool) float64{
		model.Float32: tensor.MeasurePeak, model.BFloat16: tensor.MeasurePeakBF16, model.Int8: tensor.MeasurePeakInt8,
	} {
		if flops[with] > 0 {
			least += flops[with] / measure(p)
		}
	}
	return 1e9 / least
}

// interval is a limit measured twice.
type interval struct{ low, high float64 }

func between(a, b float64) interval { return interval{min(a, b), max(a, b)} }

// steady says whether the limit was the same before and after.
func (i interval) steady() bool { return i.low > 0.85*i.high }

// share is the median of speeds relative to the larger limits, over the rounds in which those were steady, or over
// all if none was.
func share(speeds []float64, limits []interval) float64 {
	var steady, all []float64
	for i, l := range limits {
		all = append(all, speeds[i]/l.high)
		if l.steady() {
			steady = append(steady, speeds[i]/l.high)
		}
	}
	if len(steady) > 0 {
		all = steady
	}
	return spread(all).Median
}

// decodeShare is that of reading what tokens per second need.
func (d *benchDepth) decodeShare(tokens []float64) float64 {
	var read []float64 // GB/s
	for _, t := range tokens {
		read = append(read, t*d.bytes/1e9)
	}
	return share(read, d.reads)
}

// measureLimits adds the peaks of arithmetic to the speed of reading beside decoding.
func measureLimits(p *par.Pool, depths []benchDepth) limitsJSON {
	var reads []float64
	for _, d := range depths {
		for _, r := range d.reads {
			reads = append(reads, r.high)
		}
	}
	return limitsJSON{spread(reads).Median, tensor.MeasurePeak(p), tensor.MeasurePeakBF16(p), tensor.MeasurePeakInt8(p)}
}
