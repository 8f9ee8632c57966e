package studio

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"weft/train"
)

// alice is Lewis Carroll's Alice's Adventures in Wonderland (1865), which is in the
// public domain, without what editors put around it: a text to learn from for who has
// none at hand.
//
//go:embed alice.txt
var alice string

// sampleName is what requests call it.
const sampleName = "alice"

// trainRequest starts a run. Exactly one of Text and Sample is there.
type trainRequest struct {
	Name     string  `json:"name"` // "": one is found
	Text     string  `json:"text"`
	TextName string  `json:"text_name"` // for people
	Sample   string  `json:"sample"`
	Preset   string  `json:"preset"` // "": nano
	Steps    int     `json:"steps"`
	Minutes  float64 `json:"minutes"` // of neither: usualSteps
	Seed     *uint64 `json:"seed"`    // nil: 1
	LR       float64 `json:"lr"`      // these four: 0 is the preset's
	Batch    int     `json:"batch"`
	Seq      int     `json:"seq"`
	Vocab    int     `json:"vocab"`
	Attached *bool   `json:"attached"` // nil: yes
}

// usualSteps are how long a run is that is not told: a minute or so for nano, some
// minutes for micro on two cores.
func usualSteps(preset string) int {
	switch preset {
	case "nano":
		return 300
	case "micro":
		return 200
	}
	return 0
}

// about is the run that the request describes, and its text.
func (q *trainRequest) about() (a about, text []byte, err error) {
	if a.Text, text, err = q.source(); err != nil {
		return a, nil, err
	}
	if q.Name != "" && !validName(q.Name) {
		return a, nil, bad("a run cannot be called %.60q; use up to 40 letters, digits, - and _", q.Name)
	}
	if q.Preset == "" {
		q.Preset = "nano"
	}
	p, err := train.FindPreset(q.Preset)
	if err != nil {
		return a, nil, bad("%s", err)
	}
	a.Name, a.Preset, a.Recipe, a.Created, a.State = q.Name, q.Preset, p.Recipe, time.Now().UTC().Round(time.Second), stateStopped
	if err := q.bounded(); err != nil {
		return a, nil, err
	}
	q.adjust(&a)
	if n := a.Recipe.Batch * a.Recipe.Seq; n > mostPerStep {
		return a, nil, bad("a step of %d tokens cannot be stopped soon; make batch times seq at most %d", n, mostPerStep)
	}
	if err := a.Recipe.Validate(); err != nil {
		return a, nil, bad("%s", err)
	}
	return a, text, nil
}

// mostPerStep is how many tokens a step may have: who stops a run waits for its step.
const mostPerStep = 1 << 16

// bounded refuses what would take more memory or time than a page may ask for.
func (q *trainRequest) bounded() error {
	if q.Preset == "gpt2" {
		return bad("the preset gpt2 takes days and gigabytes: use weft train --preset gpt2")
	}
	for _, f := range []struct {
		name        string
		value, most float64
	}{
		{"steps", float64(q.Steps), 1e6}, {"minutes", q.Minutes, 24 * 60},
		{"batch", float64(q.Batch), 256}, {"seq", float64(q.Seq), 4096}, {"vocab", float64(q.Vocab), 1 << 16}, {"lr", q.LR, 1e6},
	} {
		if !(f.value >= 0 && f.value <= f.most) {
			return bad("%s is %g, must be from 0 (the usual) to %g", f.name, f.value, f.most)
		}
	}
	return nil
}

// source is the text to learn from.
func (q *trainRequest) source() (t textJSON, text []byte, err error) {
	switch {
	case q.Text != "" && q.Sample != "":
		return t, nil, bad("send a text or name the sample, not both")
	case q.Sample == sampleName:
		q.Text, q.TextName = alice, sampleName
	case q.Sample != "":
		return t, nil, bad("there is no sample text %.40q; there is %s", q.Sample, sampleName)
	case strings.TrimSpace(q.Text) == "":
		return t, nil, bad("there is no text to learn from; send one, or name the sample %s", sampleName)
	case q.TextName == sampleName, q.TextName == "":
		q.TextName = "your text"
	}
	name := strings.ToValidUTF8(q.TextName, "\uFFFD")
	if runes := []rune(name); len(runes) > 80 {
		name = string(runes[:80])
	}
	text = []byte(q.Text)
	return textJSON{name, len(text), hashOf(text)}, text, nil
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// adjust makes the preset's recipe the request's.
func (q *trainRequest) adjust(a *about) {
	r := &a.Recipe
	switch {
	case q.Steps != 0 || q.Minutes != 0:
		r.Horizon = train.Horizon{Steps: q.Steps, Minutes: q.Minutes}
	case usualSteps(q.Preset) > 0:
		r.Horizon = train.Horizon{Steps: usualSteps(q.Preset)}
	}
	set := func(to *int, from int) {
		if from != 0 {
			*to = from
		}
	}
	set(&r.Batch, q.Batch)
	set(&r.Seq, q.Seq)
	set(&r.Tokenizer.Vocab, q.Vocab)
	if q.LR != 0 {
		r.Optimizer.SetLR(q.LR)
	}
	if q.Seed != nil {
		r.Seed = *q.Seed
	}
	r.EvalEvery, a.SampleEvery = 25, 50
	if steps := r.Horizon.Steps; steps > 0 {
		r.EvalEvery, a.SampleEvery = max(1, steps/30), max(1, steps/15)
	}
}

// need says that there is a folder for runs.
func (t *training) need() error {
	if t.dir == "" {
		return problem(http.StatusNotFound, "not_found", "this server has no folder for training runs; start it with one")
	}
	return nil
}
