//go:build !purego

package kernel

import "weft/internal/cpu"

// peakFMA returns the operations of one round.
func peakFMA(rounds int) float64 {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		peak512(rounds)
		return 2 * 12 * 16
	case level >= cpu.AVX2:
		peak256(rounds)
		return 2 * 12 * 8
	}
	return peakGeneric(rounds)
}

func peakBF16(rounds int) float64 {
	if cpu.BF16() {
		peakBF16x512(rounds)
		return 2 * 12 * 32
	}
	return peakFMA(rounds)
}

func peakInt8(rounds int) float64 {
	switch {
	case cpu.VNNI():
		peakInt8x512(rounds)
		return 2 * 12 * 64
	case cpu.Active() >= cpu.AVX2:
		peakInt8x256(rounds)
		return 2 * 12 * 32
	}
	return peakInt8Generic(rounds)
}

func read(x []float32) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		read512(&x[0], len(x)/16)
	case level >= cpu.AVX2:
		read256(&x[0], len(x)/16)
	default:
		readGeneric(x)
	}
}
