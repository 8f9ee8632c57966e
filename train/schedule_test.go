package train

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

func TestCosineSchedule(t *testing.T) {
	s := Schedule{Kind: scheduleCosine, Warmup: 100, Floor: 0.1}
	near(t, "first step", s.At(0, 2000), 1.0/101, 1e-12)
	near(t, "last of the warm-up", s.At(99, 2000), 100.0/101, 1e-12)
	near(t, "top", s.At(100, 2000), 1, 1e-12)
	near(t, "middle", s.At(1050, 2000), 0.55, 1e-12)
	near(t, "end", s.At(1999, 2000), 0.1, 1e-5)
	near(t, "beyond the end", s.At(5000, 2000), 0.1, 1e-12)
	for step := 101; step < 2000; step++ {
		if s.At(step, 2000) >= s.At(step-1, 2000) {
			t.Fatalf("does not fall at step %d", step)
		}
	}
}

func TestWSDSchedule(t *testing.T) {
	for _, shape := range []string{shapeLinear, shapeSqrt} {
		s := Schedule{Kind: scheduleWSD, Warmup: 10, Decay: 0.2, Shape: shape}
		for _, step := range []int{10, 500, 799} {
			near(t, "stable", s.At(step, 1000), 1, 0)
		}
		for step := 800; step < 1000; step++ {
			if now := s.At(step, 1000); now >= s.At(step-1, 1000) || now <= 0 {
				t.Fatalf("%s: %g at step %d", shape, now, step)
			}
		}
	}
	linear := Schedule{Kind: scheduleWSD, Decay: 0.2, Shape: shapeLinear, Floor: 0.1}
	near(t, "linear, half way down", linear.At(899, 1000), 1-0.9*100.0/201, 1e-12)
	sqrt := Schedule{Kind: scheduleWSD, Decay: 0.2, Shape: shapeSqrt}
	near(t, "1-sqrt, half way down", sqrt.At(899, 1000), 1-math.Sqrt(100.0/201), 1e-12)
}

// TestUnknownHorizon: before the horizon is fixed the rate is what it will be
// for every horizon whose way down starts later, so fixing it changes no step.
func TestUnknownHorizon(t *testing.T) {
	s := Schedule{Kind: scheduleWSD, Warmup: 50, Decay: 0.3, Shape: shapeLinear}
	for step := range 700 {
		near(t, "rate", s.At(step, 0), s.At(step, 1000), 0)
	}
}

func TestShortRunsWarmUpLess(t *testing.T) {
	s := Schedule{Kind: scheduleCosine, Warmup: 100}
	if top := s.At(10, 20); top != 1 {
		t.Errorf("a run of 20 steps is at %g half way", top)
	}
	for _, steps := range []int{1, 2, 3} {
		if r := s.At(0, steps); !(r > 0 && r <= 1) {
			t.Errorf("the first of %d steps uses the rate %g", steps, r)
		}
	}
}

// TestScheduleBorders: a schedule without some of its parts, and parts that meet.
func TestScheduleBorders(t *testing.T) {
	constant := Schedule{Kind: scheduleWSD, Shape: shapeLinear}
	for _, step := range []int{0, 1, 9} {
		near(t, "no warm-up, no way down", constant.At(step, 10), 1, 0)
	}
	falling := Schedule{Kind: scheduleWSD, Decay: 1, Shape: shapeLinear}
	near(t, "only down: first", falling.At(0, 9), 0.9, 1e-12)
	near(t, "only down: last", falling.At(8, 9), 0.1, 1e-12)
	near(t, "only down: beyond", falling.At(9, 9), 0, 0)
	floor := Schedule{Kind: scheduleWSD, Decay: 0.5, Shape: shapeSqrt, Floor: 0.25}
	near(t, "last before the way down", floor.At(4, 10), 1, 0)
	near(t, "beyond the end", floor.At(10, 10), 0.25, 0)
	// A warm-up that would end after the way down had to start: up to the top, then down, without a jump.
	meet := Schedule{Kind: scheduleWSD, Warmup: 40, Decay: 0.9, Shape: shapeLinear}
	top := 0.0
	for step := range 100 {
		now, next := meet.At(step, 100), meet.At(step+1, 100)
		if math.Abs(now-next) > 1.0/40 {
			t.Errorf("jumps from %g to %g after step %d", now, next, step)
		}
		top = max(top, now)
	}
	if top < 0.97 {
		t.Errorf("goes up to %g only", top)
	}
	cosine := Schedule{Kind: scheduleCosine, Floor: 0.1}
	near(t, "cosine without warm-up: first", cosine.At(0, 100), 1, 0)
	near(t, "cosine of one step", cosine.At(0, 1), 1, 0)
}

func TestScheduleRefusals(t *testing.T) {
	good := Schedule{Kind: scheduleWSD, Decay: 0.2, Shape: shapeLinear}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []func(*Schedule){
		func(s *Schedule) { s.Kind = "step" }, func(s *Schedule) { s.Warmup = -1 },
		func(s *Schedule) { s.Floor = math.NaN() }, func(s *Schedule) { s.Decay = 1.5 },
		func(s *Schedule) { s.Shape = "square" },
	} {
		s := good
		if bad(&s); s.validate() == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}
