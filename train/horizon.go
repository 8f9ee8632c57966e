package train

import (
	"errors"
	"time"
)

// Horizon is when a run ends: after steps, tokens, or minutes; exactly one is
// set. Minutes depend on the machine, so the steps they come to are decided
// once, while the run goes, and saved at once: a resumed run keeps them.
type Horizon struct {
	Steps   int     `json:"steps,omitempty"`
	Tokens  int64   `json:"tokens,omitempty"`
	Minutes float64 `json:"minutes,omitempty"`
}

func (h Horizon) validate() error {
	set := 0
	for _, x := range []float64{float64(h.Steps), float64(h.Tokens), h.Minutes} {
		if !(x >= 0 && x < 1e15) {
			return errors.New("horizon: steps, tokens and minutes must be above 0")
		}
		if x > 0 {
			set++
		}
	}
	if set != 1 {
		return errors.New("horizon: one of steps, tokens and minutes says how long to train")
	}
	return nil
}

// steps is the number of steps when it follows from the recipe alone, else 0.
func (h Horizon) steps(tokensPerStep int) int {
	if h.Tokens > 0 {
		return int((h.Tokens + int64(tokensPerStep) - 1) / int64(tokensPerStep))
	}
	return h.Steps
}

// calibration is how long a run is watched before its speed counts, and skipped
// is how many first steps do not: they fault memory in and wake threads.
const (
	calibration = 5 * time.Second
	skipped     = 2
)

// pace is a run's speed: the mean of this process's first steps, then a moving
// mean over about averaged steps, so that it follows a machine that gets busy.
type pace struct {
	steps int
	busy  time.Duration // in the steps that count
	per   float64       // seconds per step
}

const averaged = 50

func (p *pace) step(took time.Duration) {
	if p.steps++; p.steps > skipped {
		p.busy += took
		p.per += (took.Seconds() - p.per) / float64(min(p.steps-skipped, averaged))
	}
}

// margin is the share of the time that evaluations, checkpoints and samples take.
const margin = 0.04

// decide fixes the number of steps of a run of minutes, or returns 0 when it is
// too early. done steps have taken elapsed.
//
// Where the rate is constant until the way down (WSD), the decision waits until
// the way down has to start: then it rests on the whole run's speed. A cosine
// needs its horizon from the end of the warm-up on, so the first seconds decide.
func (h Horizon) decide(s Schedule, done int, elapsed time.Duration, p *pace) int {
	budget := time.Duration(h.Minutes * float64(time.Minute))
	total := h.expect(done, elapsed, p)
	switch {
	case elapsed >= budget:
		return done
	case total == 0:
		return 0
	case s.Kind == scheduleCosine && (done >= s.Warmup || p.busy >= min(calibration, budget/10)):
		return total
	case s.Kind == scheduleWSD && done >= s.Warmup && done >= s.decayStart(total):
		return total
	}
	return 0
}

// expect is about how many steps there will be, or 0 while that is not known.
func (h Horizon) expect(done int, elapsed time.Duration, p *pace) int {
	budget := time.Duration(h.Minutes * float64(time.Minute))
	if p.per == 0 {
		return 0
	}
	left := max(0, budget-elapsed).Seconds()
	return done + int(left*(1-margin)/p.per)
}
