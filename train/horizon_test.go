package train

import (
	"testing"
	"time"
)

// simulate runs steps of varying cost by the clock of a fake machine and
// returns the horizon, when it was decided, and how long the run took.
func simulate(h Horizon, s Schedule, cost func(step int) time.Duration) (steps, decided int, took time.Duration) {
	p := &pace{}
	for done := 0; steps == 0 || done < steps; {
		c := cost(done)
		took += c
		done++
		p.step(c)
		if steps == 0 {
			steps, decided = h.decide(s, done, took, p), done
		}
	}
	return steps, decided, took
}

func TestMinutes(t *testing.T) {
	steady := func(int) time.Duration { return 100 * time.Millisecond }
	slowing := func(step int) time.Duration {
		if step > 200 {
			return 200 * time.Millisecond
		}
		return 100 * time.Millisecond
	}
	for _, c := range []struct {
		s        Schedule
		cost     func(int) time.Duration
		min, max time.Duration // a run of one minute takes
	}{
		{Schedule{Kind: scheduleWSD, Warmup: 20, Decay: 0.4}, steady, 56 * time.Second, time.Minute},
		{Schedule{Kind: scheduleWSD, Warmup: 20, Decay: 0.4}, slowing, 54 * time.Second, 66 * time.Second},
		{Schedule{Kind: scheduleCosine, Warmup: 100}, steady, 56 * time.Second, time.Minute},
		{Schedule{Kind: scheduleWSD, Warmup: 5000, Decay: 0.4}, steady, 56 * time.Second, 62 * time.Second}, // never warm
	} {
		steps, decided, took := simulate(Horizon{Minutes: 1}, c.s, c.cost)
		if took < c.min || took > c.max {
			t.Errorf("%+v: a minute takes %v (%d steps, decided at %d)", c.s, took, steps, decided)
		}
		if c.s.Kind == scheduleWSD && c.s.Warmup < steps && decided > c.s.decayStart(steps)+1 {
			t.Errorf("decided at step %d, after the way down should have started at %d", decided, c.s.decayStart(steps))
		}
	}
	if steps, _, _ := simulate(Horizon{Minutes: 0.001}, Schedule{Kind: scheduleWSD}, steady); steps != 1 {
		t.Errorf("a run of no time makes %d steps, want 1", steps)
	}
}

func TestHorizonSteps(t *testing.T) {
	if n := (Horizon{Tokens: 1001}).steps(100); n != 11 {
		t.Errorf("1001 tokens are %d steps of 100", n)
	}
	for _, bad := range []Horizon{{}, {Steps: 1, Minutes: 1}, {Steps: -1}, {Minutes: -1, Steps: 5}} {
		if bad.validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
