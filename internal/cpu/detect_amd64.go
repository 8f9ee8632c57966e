//go:build amd64 && !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// detect asks CPUID, and XGETBV for whether the operating system saves the
// wide registers (cpuid/v2 folds both into Supports).
func detect() []Level {
	c := &cpuid.CPU
	switch {
	case !c.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C):
		return []Level{Generic}
	case !c.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL):
		return []Level{Generic, AVX2}
	}
	return []Level{Generic, AVX2, AVX512}
}

// detectDots finds the extensions of AVX-512 that came later.
func detectDots() (vnni, bf16 bool) {
	c := &cpuid.CPU
	return c.Supports(cpuid.AVX512VNNI), c.Supports(cpuid.AVX512BF16)
}

func detectAVXVNNI() bool { return cpuid.CPU.Supports(cpuid.AVXVNNI) }

func detectDotProd() bool { return false }

func detectI8MM() bool { return false }
