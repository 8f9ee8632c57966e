package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"weft/cmd/weft/internal/view"
	"weft/train"
)

// progress shows a training run on stderr: on a terminal one line that is
// written over, otherwise a line every ten seconds. With --json every step is a
// document on stdout.
type progress struct {
	*status
	out   string
	plan  train.Plan
	val   *train.Line // the last that was evaluated
	timed bool        // the user was told how long it will take
	err   error       // of stdout
}

func (p *progress) event(e train.Event) {
	switch e := e.(type) {
	case train.Note:
		p.say("%s", string(e))
	case train.Plan:
		p.plan, p.last = e, time.Now()
		p.say("%s", planText(e))
	case train.Line:
		p.line(e)
	case train.Sample:
		p.say("step %d writes:\n%s", e.Step, indent(e.Text))
	}
}

func planText(e train.Plan) string {
	s := fmt.Sprintf("%s parameters, about %s of memory, %d threads; %s of text: %s tokens to train on, %s to validate, a vocabulary of %d",
		view.Params(e.Params), view.Bytes(int(e.Memory)), e.Threads, view.Bytes(int(e.TextBytes)), view.Count(e.TrainTokens), view.Count(e.ValTokens), e.Vocab)
	if e.Step > 0 {
		s += fmt.Sprintf("; resuming after step %d", e.Step)
	}
	return s
}

func (p *progress) line(l train.Line) {
	if p.JSON && p.err == nil {
		p.err = p.writeJSON(l)
	}
	if l.ValLoss != nil {
		p.val = &l
	}
	if !p.timed && l.EtaS != nil && l.Step >= 10 {
		p.timed = true
		p.say("about %s to go", clock(seconds(*l.EtaS)))
	}
	p.show(func() string { return p.where(l) })
}

// where is where the run is, in one line.
func (p *progress) where(l train.Line) string {
	step := fmt.Sprint(l.Step)
	if p.plan.Steps > 0 {
		step += fmt.Sprintf("/%d", p.plan.Steps)
	}
	parts := []string{"step " + step, fmt.Sprintf("loss %.3f (%.3f bits/byte)", l.Loss, l.BPB)}
	if p.val != nil {
		parts = append(parts, fmt.Sprintf("validation %.3f (%.3f)", *p.val.ValLoss, *p.val.ValBPB))
	}
	parts = append(parts, fmt.Sprintf("lr %.2g", l.LR), view.Count(int(l.TokensPerS))+" tokens/s")
	if l.FlopsShare != nil {
		parts = append(parts, fmt.Sprintf("%.0f %% of peak", 100**l.FlopsShare))
	}
	if l.EtaS != nil {
		parts = append(parts, clock(seconds(*l.EtaS))+" left")
	}
	return strings.Join(parts, " · ")
}

// done says what the run came to.
func (p *progress) done(r train.Result) {
	p.note("%d steps, %s tokens, %s", r.Steps, view.Count(int(r.Tokens)), clock(seconds(r.ElapsedS)))
	if r.ValLoss > 0 {
		p.note("validation: %.4f nats per token, %.4f bits per byte (the weights of step %d)", r.ValLoss, r.ValBPB, r.Kept)
	}
	if steps, err := train.Snapshots(p.out); err == nil && len(steps) > 0 {
		p.note("the models of %d steps are in %s", len(steps), filepath.Dir(train.SnapshotPath(p.out, 0)))
	}
	p.note("%s is ready: weft chat %s", p.out, p.out)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// indent sets a text off from the lines around it. What could move the cursor
// is made visible.
func indent(text string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		b.WriteString("    ")
		for _, r := range line {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				r = '\uFFFD'
			}
			b.WriteRune(r)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
