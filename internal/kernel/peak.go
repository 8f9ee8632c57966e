package kernel

// The functions of this file do nothing useful as fast as the machine can: timing
// them gives the limits to which kernels are compared.

// PeakFMA runs about rounds·12 independent FMAs of the active level on registers
// alone and returns how many floating-point operations that was (two per FMA and
// lane). rounds is cut to what takes well under 100 µs.
func PeakFMA(rounds int) (flops float64) {
	rounds = peakRounds(rounds)
	return float64(rounds) * peakFMA(rounds)
}

// PeakBF16 is PeakFMA for the dot products of bfloat16 pairs: VDPBF16PS, or the
// FMAs that stand in for it where the CPU has none.
func PeakBF16(rounds int) (flops float64) {
	rounds = peakRounds(rounds)
	return float64(rounds) * peakBF16(rounds)
}

// PeakInt8 is PeakFMA for dot products of int8 in int32: VPDPBUSD, or the three
// AVX2 instructions that come nearest. Operations are multiplications and
// additions.
func PeakInt8(rounds int) (ops float64) {
	rounds = peakRounds(rounds)
	return float64(rounds) * peakInt8(rounds)
}

func peakRounds(rounds int) int { return max(1, min(rounds, 4096)) }

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

// peakInt8Generic is the same for integers.
func peakInt8Generic(rounds int) (ops float64) {
	x, acc := [4]int8{1, 2, 3, 4}, [4]int32{}
	for i := range rounds {
		x[i%4]++
		for j := range acc {
			acc[j] += int32(x[j]) * int32(x[3-j])
		}
	}
	if acc[0] == -1 {
		return 0
	}
	return 2 * float64(len(acc))
}

// readStep bounds one call of the reading loop: some 10 µs of memory traffic.
const readStep = 64 << 10

// Read loads every whole cache line of x once, in order.
func Read(x []float32) {
	for len(x) >= 16 {
		n := min(len(x), readStep) &^ 15
		read(x[:n])
		x = x[n:]
	}
}

// readGeneric loads one number of each line. Inlined, the loads would go away with
// the sum that nobody wants.
//
//go:noinline
func readGeneric(x []float32) (sum float32) {
	for i := 0; i < len(x); i += 16 {
		sum += x[i]
	}
	return sum
}
