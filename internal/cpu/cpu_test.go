package cpu

import (
	"runtime"
	"testing"
)

func TestLevels(t *testing.T) {
	all := Levels()
	if len(all) == 0 || all[0] != Generic || all[len(all)-1] != Best() {
		t.Fatalf("Levels() = %v, want generic to %v", all, Best())
	}
	for _, l := range all {
		if got, err := ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("ParseLevel(%q) = %v, %v", l.String(), got, err)
		}
	}
}

func TestFromEnv(t *testing.T) {
	for _, c := range []struct {
		value string
		best  Level
		want  Level
		ok    bool
	}{
		{"", AVX512, AVX512, true},
		{"generic", AVX512, Generic, true},
		{"avx2", AVX512, AVX2, true},
		{"avx512", AVX512, AVX512, true},
		{"avx512", AVX2, AVX2, false},
		{"sse", AVX2, AVX2, false},
		{"AVX2", AVX512, AVX512, false},
	} {
		got, err := fromEnv(c.value, c.best)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("fromEnv(%q, %v) = %v, %v; want %v, ok %v", c.value, c.best, got, err, c.want, c.ok)
		}
	}
}

func TestForce(t *testing.T) {
	before := Active()
	restore := Force(Generic)
	if Active() != Generic {
		t.Errorf("Active() = %v after Force(Generic)", Active())
	}
	restore()
	if Active() != before {
		t.Errorf("Active() = %v after restore, want %v", Active(), before)
	}
}

// TestDots: the later extensions go away with the level that they extend.
func TestDots(t *testing.T) {
	t.Logf("VNNI %v, BF16 %v at %v", VNNI(), BF16(), Active())
	defer Force(Generic)()
	if VNNI() || BF16() {
		t.Errorf("VNNI %v, BF16 %v in plain Go", VNNI(), BF16())
	}
}

func TestCores(t *testing.T) {
	if n := Cores(); n < 1 || n > runtime.NumCPU() {
		t.Errorf("Cores() = %d with %d logical CPUs", n, runtime.NumCPU())
	}
	if Name() == "" {
		t.Error("Name() is empty")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if n := Cores(); n != 1 {
		t.Errorf("Cores() = %d with GOMAXPROCS 1", n)
	}
}
