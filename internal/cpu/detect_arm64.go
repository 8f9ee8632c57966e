//go:build arm64 && !purego

package cpu

import (
	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

// detect has nothing to ask: every arm64 CPU that Go runs on has Advanced SIMD.
func detect() []Level { return []Level{Generic, NEON} }

func detectDots() (vnni, bf16 bool) { return false, false }

// detectDotProd believes the operating system; Windows says nothing, and has none then.
func detectDotProd() bool { return cpuid.CPU.Supports(cpuid.ASIMDDP) }

// detectI8MM asks the operating system, too: HWCAP2 on Linux, which cpuid/v2 does not read.
func detectI8MM() bool { return cpu.ARM64.HasI8MM }

func detectAVXVNNI() bool { return false }
