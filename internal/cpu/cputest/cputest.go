// Package cputest runs a test once for every instruction-set level that the
// machine offers, so that no implementation of a kernel goes untested.
package cputest

import (
	"testing"

	"weft/internal/cpu"
)

// All runs f as one subtest per level, named after it, with that level forced.
// The level is global to the process: neither the test nor f may be parallel.
func All(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, l := range cpu.Levels() {
		t.Run(l.String(), func(t *testing.T) {
			t.Cleanup(cpu.Force(l))
			f(t)
		})
	}
}
