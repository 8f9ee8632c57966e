//go:build amd64 && !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// detect asks CPUID, and XGETBV for whether the operating system saves the
// wide registers (cpuid/v2 folds both into Supports).
func detect() Level {
	c := &cpuid.CPU
	switch {
	case !c.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C):
		return Generic
	case !c.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL):
		return AVX2
	}
	return AVX512
}

// detectDots finds the extensions of AVX-512 that came later.
func detectDots(best Level) (vnni, bf16 bool) {
	c := &cpuid.CPU
	return best >= AVX512 && c.Supports(cpuid.AVX512VNNI), best >= AVX512 && c.Supports(cpuid.AVX512BF16)
}
