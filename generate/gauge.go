package generate

import "time"

// guesses is how many tokens are proposed at once: products with four rows of
// activations take little longer than with one, those with more do.
const guesses = 3

// gauge finds out whether proposals pay: whether steps with them, which take
// longer, give so many more tokens. The answer depends on the text, the model and
// the machine, so it is measured, again and again, while the answer is made.
type gauge struct {
	always bool    // propose without asking
	plain  seconds // a step without proposals takes
	plains int     // how many were measured

	drafts int     // steps with proposals so far
	trial  int     // of these, since the last judgement
	spent  seconds // on them
	gained int     // tokens that they gave

	rest  int // steps without proposals to come
	pause int // how many there are if proposals fail the next judgement
}

type seconds float64

const (
	trialSteps = 8   // are judged together
	firstPause = 16  // after the first that failed
	mostPause  = 512 // pauses double up to this
)

// propose says whether the next step should have proposals.
func (g *gauge) propose() bool {
	if g.always {
		return true
	}
	if g.plains < 2 {
		return false
	}
	if g.rest > 0 {
		g.rest--
		return false
	}
	return true
}

// measured records a step that took so long and gave so many tokens.
func (g *gauge) measured(proposed bool, took time.Duration, tokens int) {
	t := seconds(took.Seconds())
	if !proposed {
		if g.plains++; g.plains == 1 {
			g.plain = t
		}
		g.plain += (t - g.plain) / 8
		return
	}
	if g.drafts++; g.drafts == 1 { // in which a draft model has read the prompt
		return
	}
	g.trial, g.spent, g.gained = g.trial+1, g.spent+t, g.gained+tokens
	if g.trial == trialSteps {
		g.judge()
	}
}

// judge ends a trial. One plain step comes after it even if it went well: what it
// takes changes as the text grows.
func (g *gauge) judge() {
	if g.spent < seconds(g.gained)*g.plain {
		g.rest, g.pause = 1, 0
	} else {
		g.pause = max(firstPause, min(2*g.pause, mostPause))
		g.rest = g.pause
	}
	g.trial, g.spent, g.gained = 0, 0, 0
}
