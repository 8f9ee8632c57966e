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
	arm, old, all := []Level{Generic, NEON}, []Level{Generic, AVX2}, []Level{Generic, AVX2, AVX512}
	for _, c := range []struct {
		value  string
		levels []Level
		want   Level
		ok     bool
	}{
		{"", all, AVX512, true},
		{"generic", all, Generic, true},
		{"avx2", all, AVX2, true},
		{"avx512", all, AVX512, true},
		{"avx512", old, AVX2, false},
		{"sse", old, AVX2, false},
		{"AVX2", all, AVX512, false},
		{"neon", arm, NEON, true},
		{"neon", all, AVX512, false},
		{"avx2", arm, NEON, false},
	} {
		got, err := fromEnv(c.value, c.levels)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("fromEnv(%q, %v) = %v, %v; want %v, ok %v", c.value, c.levels, got, err, c.want, c.ok)
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
	t.Logf("VNNI %v, AVX-VNNI %v, BF16 %v, DotProd %v, I8MM %v at %v", VNNI(), AVXVNNI(), BF16(), DotProd(), I8MM(), Active())
	defer Force(Generic)()
	if VNNI() || AVXVNNI() || BF16() || DotProd() || I8MM() {
		t.Errorf("VNNI %v, AVX-VNNI %v, BF16 %v, DotProd %v, I8MM %v in plain Go", VNNI(), AVXVNNI(), BF16(), DotProd(), I8MM())
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
