package inspect

import (
	"math"

	"weft/kvcache"
	"weft/model"
)

// block8 is how many numbers share a scale where activations are rounded to 8 bits.
const block8 = 32

// sixSigma is how many standard deviations an error may have that is called rounding.
const sixSigma = 6

// Noise is how much of Σ x·w may be rounding where a matrix is multiplied so (see
// [model.Linear.Arithmetic]; in one model they differ): six standard deviations of what
// rounding x takes off, as if that were spread evenly between two numbers that can be
// held, and what float32 loses in adding up.
func Noise[T float32 | float64](with model.Arithmetic, x []T, w []float64) float64 {
	variance, xx, ww := 0.0, 0.0, 0.0
	for lo := 0; lo < len(x); lo += block8 {
		hi, most := min(lo+block8, len(x)), 0.0
		for _, v := range x[lo:hi] {
			most = max(most, math.Abs(float64(v)))
		}
		for i := lo; i < hi; i++ {
			step := 0.0
			switch with {
			case model.Int8:
				step = most / 127
			case model.BFloat16:
				step = math.Abs(float64(x[i])) / 128
			}
			variance += step * step / 12 * w[i] * w[i]
			xx += float64(x[i]) * float64(x[i])
			ww += w[i] * w[i]
		}
	}
	return sixSigma*math.Sqrt(variance) + 1e-5*math.Sqrt(xx*ww)
}

// headNoise is [Noise] of a token's logit, or of the difference of two: the head reads the
// stream behind the final norm.
func (s *Subject) headNoise(stream []float32, scale float64, token int32, against *int32) float64 {
	m := s.Model
	read, w := make([]float32, len(stream)), make([]float64, len(stream))
	mean := meanOf(m.Config, stream)
	for i, g := range m.W.OutputNorm.Gain {
		read[i] = float32((float64(stream[i]) - mean) / scale * float64(g))
	}
	row := make([]float32, len(stream))
	for i, v := range m.W.Output.Row(row, int(token)) {
		w[i] = float64(v)
	}
	if against != nil {
		for i, v := range m.W.Output.Row(row, int(*against)) {
			w[i] -= float64(v)
		}
	}
	return Noise(m.W.Output.Arithmetic(), read, w)
}

// KVNoise is how much of what is read from keys and values may be rounding, relative to
// the sizes of the factors: they are as the cache keeps them.
func KVNoise(kv kvcache.Type) float64 {
	switch kv {
	case kvcache.F16:
		return 2e-3
	case kvcache.BF16, kvcache.Q8_0:
		return 1e-2
	}
	return 1e-5
}

// beyond is an error in parts of the noise that explains it.
func beyond(off, noise float64) float64 { return math.Abs(off) / (1e-9 + noise) }

// explained is what such errors are held to.
const explained = 1
