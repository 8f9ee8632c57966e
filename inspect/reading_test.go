package inspect

import (
	"math"
	"testing"
)

func TestDistribution(t *testing.T) {
	d := newDistribution([]float32{1, 3, 3, -200})
	top := d.top(3)
	if top[0].ID != 1 || top[1].ID != 2 || top[2].ID != 0 {
		t.Errorf("top %v", top)
	}
	if d.rank(1) != 1 || d.rank(2) != 2 || d.rank(3) != 4 {
		t.Errorf("ranks %d %d %d", d.rank(1), d.rank(2), d.rank(3))
	}
	uniform := newDistribution(make([]float32, 64))
	if e := uniform.entropy(); math.Abs(e-6) > 1e-12 {
		t.Errorf("64 equal tokens have %g bits", e)
	}
	if k := kl(d, d); k != 0 {
		t.Errorf("a distribution differs from itself by %g", k)
	}
	two := newDistribution([]float32{0, float32(math.Log(3))}) // 1/4, 3/4
	if k, want := kl(two, newDistribution([]float32{0, 0})), 0.25*math.Log2(0.5)+0.75*math.Log2(1.5); math.Abs(k-want) > 1e-7 {
		t.Errorf("kl %g, want %g", k, want)
	}
}

func TestEntropyOfCertainty(t *testing.T) {
	d := newDistribution([]float32{float32(math.Inf(-1)), 1000})
	if e := d.entropy(); e != 0 {
		t.Errorf("entropy %g", e)
	}
	if k := kl(d, d); k != 0 {
		t.Errorf("kl %g", k)
	}
}

func TestLockIn(t *testing.T) {
	for _, test := range []struct {
		ranks []int
		want  int
	}{{[]int{1, 1, 1}, 0}, {[]int{1, 2, 1}, 2}, {[]int{7, 1, 1}, 1}} {
		if got := lockIn(test.ranks); got != test.want {
			t.Errorf("ranks %v lock in at depth %d, want %d", test.ranks, got, test.want)
		}
	}
}
