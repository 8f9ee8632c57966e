package kernel

// PeakFMA runs about rounds·12 independent FMAs of the active level on registers
// alone and returns how many floating-point operations that was (two per FMA and
// lane). Timing it gives the most that one core can do. rounds is cut to what
// takes well under 100 µs.
func PeakFMA(rounds int) (flops float64) {
	rounds = max(1, min(rounds, 4096))
	return float64(rounds) * peakFMA(rounds)
}

// peakGeneric is the plain Go counterpart; the result keeps the loop alive.
func peakGeneric(rounds int) (flops float64) {
	var acc [4]float32
	for range rounds {
		for i := range acc {
			acc[i] = FMA(1, 0.5, acc[i])
		}
	}
	if acc[0] < 0 {
		return 0
	}
	return 2 * float64(len(acc))
}
