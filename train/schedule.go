package train

import (
	"fmt"
	"math"
)

// Schedule is the course of the learning rate over a run, as a share of its
// peak. Every optimiser of the run follows the same course.
type Schedule struct {
	Kind   string  `json:"kind"`            // "wsd" or "cosine"
	Warmup int     `json:"warmup"`          // steps of the linear way up
	Decay  float64 `json:"decay,omitempty"` // wsd: the share of the run that the way down takes
	Shape  string  `json:"shape,omitempty"` // wsd: "linear" or "1-sqrt" (Hägele et al. 2024, arXiv 2405.18392)
	Floor  float64 `json:"floor"`           // share of the peak at the end
}

const (
	scheduleWSD    = "wsd"
	scheduleCosine = "cosine"
	shapeLinear    = "linear"
	shapeSqrt      = "1-sqrt"
)

func (s Schedule) validate() error {
	switch {
	case s.Kind != scheduleWSD && s.Kind != scheduleCosine:
		return fmt.Errorf("schedule %q: it is wsd or cosine", s.Kind)
	case s.Warmup < 0:
		return fmt.Errorf("schedule: warm-up of %d steps", s.Warmup)
	case !(s.Floor >= 0 && s.Floor <= 1):
		return fmt.Errorf("schedule: the floor %g is no share between 0 and 1", s.Floor)
	case s.Kind == scheduleWSD && !(s.Decay >= 0 && s.Decay <= 1):
		return fmt.Errorf("schedule: the decay %g is no share between 0 and 1", s.Decay)
	case s.Kind == scheduleWSD && s.Shape != shapeLinear && s.Shape != shapeSqrt:
		return fmt.Errorf("schedule: the decay's shape %q is linear or 1-sqrt", s.Shape)
	}
	return nil
}

// At is the share of the peak learning rate that step (from 0) of a run of
// steps uses. While the horizon is not known yet (steps 0) the rate warms up
// and stays at the peak.
func (s Schedule) At(step, steps int) float64 {
	warmup := s.Warmup
	if steps > 0 {
		warmup = min(warmup, steps/2) // a very short run still gets its way down
	}
	switch {
	case step < warmup:
		return float64(step+1) / float64(warmup+1)
	case steps == 0:
		return 1
	case s.Kind == scheduleCosine:
		progress := float64(step-warmup) / float64(max(1, steps-warmup))
		return s.Floor + (1-s.Floor)*(1+math.Cos(math.Pi*min(progress, 1)))/2
	}
	return s.down(step, max(warmup, s.decayStart(steps)), steps)
}

// decayStart is the first step of a WSD schedule's way down.
func (s Schedule) decayStart(steps int) int {
	return steps - int(math.Round(s.Decay*float64(steps)))
}

// down is WSD (warm-up, stable, decay; Hu et al. 2024, arXiv 2404.06395) after
// its warm-up: constant until start, and then the way down.
func (s Schedule) down(step, start, steps int) float64 {
	if step < start {
		return 1
	}
	// The step after the last one would be at the floor: no step is wasted at rate 0.
	progress := min(1, float64(step-start+1)/float64(steps-start+1))
	if s.Shape == shapeSqrt {
		progress = math.Sqrt(progress)
	}
	return s.Floor + (1-s.Floor)*(1-progress)
}
