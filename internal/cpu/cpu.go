// Package cpu says which instruction sets the kernels may use and how many
// cores the process may occupy.
//
// Start at [Active]: the kernels ask it on every call and pick an
// implementation. [Best] is what this machine and build could do; the
// environment variable WEFT_CPU=generic|neon|avx2|avx512 lowers Active, and tests
// walk through every level with package cputest. cores.go counts the cores.
package cpu

import (
	"fmt"
	"os"
	"slices"
	"sync/atomic"
)

// Level is an instruction-set level. Those of an architecture are ordered: a machine
// that offers one offers all below it.
type Level uint8

const (
	Generic Level = iota // plain Go
	NEON                 // arm64: Advanced SIMD
	AVX2                 // amd64: AVX2 and FMA3
	AVX512               // amd64: AVX-512 F, BW, DQ, VL (and AVX2, FMA3)
)

// EnvVar lowers the level when set: WEFT_CPU=generic|neon|avx2|avx512.
const EnvVar = "WEFT_CPU"

var levelNames = [...]string{Generic: "generic", NEON: "neon", AVX2: "avx2", AVX512: "avx512"}

// String returns "generic", "neon", "avx2" or "avx512".
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of String.
func ParseLevel(s string) (Level, error) {
	for l, name := range levelNames {
		if s == name {
			return Level(l), nil
		}
	}
	return Generic, fmt.Errorf("cpu: unknown level %q (want generic, neon, avx2 or avx512)", s)
}

var (
	levels           = detect() // from Generic on
	hasVNNI, hasBF16 = detectDots()
	hasAVXVNNI       = detectAVXVNNI()
	hasDotProd       = detectDotProd()
	hasI8MM          = detectI8MM()
	active           atomic.Uint32 // holds a Level
	envErr           error
)

func init() {
	l, err := fromEnv(os.Getenv(EnvVar), levels)
	active.Store(uint32(l))
	envErr = err
}

// fromEnv applies the value of WEFT_CPU. An error leaves the best level.
func fromEnv(value string, levels []Level) (Level, error) {
	best := levels[len(levels)-1]
	if value == "" {
		return best, nil
	}
	l, err := ParseLevel(value)
	if err != nil {
		return best, fmt.Errorf("%s: %w", EnvVar, err)
	}
	if !slices.Contains(levels, l) {
		return best, fmt.Errorf("%s: %s asked for, but this machine and build offer only %s", EnvVar, l, best)
	}
	return l, nil
}

// Best is the highest level that this CPU, operating system and build offer.
// Builds with the tag purego, and other architectures, offer Generic.
func Best() Level { return levels[len(levels)-1] }

// Active is the level that kernels use now. It costs one load.
func Active() Level { return Level(active.Load()) }

// Check reports a WEFT_CPU value that could not be obeyed. Programs call it
// once at the start; the libraries keep working at the best level.
func Check() error { return envErr }

// VNNI says whether kernels may use AVX512_VNNI, int8 dot products, which not
// every AVX-512 CPU has.
func VNNI() bool { return hasVNNI && Active() >= AVX512 }

// BF16 says whether kernels may use AVX512_BF16, bfloat16 dot products, which not
// every AVX-512 CPU has.
func BF16() bool { return hasBF16 && Active() >= AVX512 }

// AVXVNNI says whether kernels may use AVX-VNNI, int8 dot products with 256 bits, which
// not every AVX2 CPU has. Where there is VNNI, that is the better choice.
func AVXVNNI() bool { return hasAVXVNNI && Active() >= AVX2 }

// DotProd says whether kernels may use FEAT_DotProd, int8 dot products, which not
// every arm64 CPU has.
func DotProd() bool { return hasDotProd && Active() == NEON }

// I8MM says whether kernels may use FEAT_I8MM, products of int8 matrices, which not every
// arm64 CPU has.
func I8MM() bool { return hasI8MM && Active() == NEON }

// Levels lists Generic to Best.
func Levels() []Level { return slices.Clone(levels) }

// Force makes l the active level until restore is called. It is meant for
// tests and benchmarks and holds for the whole process. It panics when the
// machine does not offer l.
func Force(l Level) (restore func()) {
	if !slices.Contains(levels, l) {
		panic(fmt.Sprintf("cpu: cannot force %s: this machine and build offer only %s", l, Best()))
	}
	old := active.Swap(uint32(l))
	return func() { active.Store(old) }
}
