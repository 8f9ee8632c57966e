package cpu

import (
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Cores is how many physical cores the process may use: those in its affinity
// mask (hyperthreads of one core count once), within the container's CPU quota
// and GOMAXPROCS. It is at least 1.
func Cores() int {
	n := physicalCores()
	if q := quota(); q > 0 {
		n = min(n, q)
	}
	return max(1, min(n, runtime.GOMAXPROCS(0)))
}

// Name is the CPU's brand string, or the architecture when it has none.
func Name() string {
	if name := strings.TrimSpace(cpuid.CPU.BrandName); name != "" {
		return name
	}
	return runtime.GOARCH
}

// Features lists the CPU's instruction-set extensions, sorted.
func Features() []string { return cpuid.CPU.FeatureSet() }
