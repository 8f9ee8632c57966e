// Package cputest runs a test once for every instruction-set level that the
// machine offers, so that no implementation of a kernel goes untested.
package cputest

import (
	"runtime"
	"testing"

	"weft/internal/cpu"
)

// All runs f as one subtest per level, named after it, with that level forced; short
// tests on arm64 run the best level alone.
// The level is global to the process: neither the test nor f may be parallel.
func All(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	levels := cpu.Levels()
	if testing.Short() && runtime.GOARCH == "arm64" {
		levels = levels[len(levels)-1:] // emulated, each takes minutes; plain Go is what kernels are compared with
	}
	for _, l := range levels {
		t.Run(l.String(), func(t *testing.T) {
			t.Cleanup(cpu.Force(l))
			f(t)
		})
	}
}
