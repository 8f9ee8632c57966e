//go:build !linux

package cpu

import (
	"runtime"

	"github.com/klauspost/cpuid/v2"
)

// physicalCores halves nothing it does not know: without CPUID topology every
// logical CPU counts.
func physicalCores() int {
	n := runtime.NumCPU()
	if t := cpuid.CPU.ThreadsPerCore; t > 1 {
		n = max(1, n/t)
	}
	return n
}

func quota() int { return 0 }
