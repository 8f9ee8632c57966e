package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"weft/internal/par"
	"weft/tensor"
	"weft/train"
)

type trainCommand struct {
	Data []string `arg:"" optional:"" help:"Text files, JSONL (\"text\"), Parquet (column \"text\"), or folders of them."`
	Out  string   `help:"Folder for the model." required:"" type:"path" placeholder:"DIR"`

	Preset    string   `help:"What to make: nano (0.2M parameters), micro (1M), mini (5M), small (25M) or gpt2 (124M). Default: micro." placeholder:"P"`
	Config    string   `help:"A recipe of your own instead; see docs/recipes." type:"path" placeholder:"FILE.json"`
	Steps     *int     `help:"Train for so many steps," placeholder:"N"`
	Tokens    *int64   `help:"… or tokens," placeholder:"N"`
	Minutes   *float64 `help:"… or minutes. Unless one is given: the recipe's, ten minutes for presets." placeholder:"N"`
	Seq       int      `help:"Tokens per example." placeholder:"N"`
	Batch     int      `help:"Examples per step." placeholder:"N"`
	Vocab     int      `help:"Tokens in the vocabulary." placeholder:"N"`
	LR        float64  `name:"lr" help:"Peak learning rate (with Muon: the matrices')." placeholder:"X"`
	Optimizer string   `help:"muon or adamw." placeholder:"NAME"`
	Val       *float64 `help:"Share of the text, at its end, to validate on." placeholder:"0.1"`
	EvalEvery *int     `help:"Steps between two evaluations; 0 only at the end." placeholder:"N"`
	Precision string   `help:"Numbers to compute with; only f32 so far." default:"f32" placeholder:"f32"`

	Resume      bool `help:"Continue the run in --out (which need not have begun)."`
	SampleEvery int  `help:"Show what the model writes, every N steps." placeholder:"N"`
	SaveEvery   int  `help:"Steps between two checkpoints; by time unless given." placeholder:"N"`
	KeepSteps   bool `help:"Keep the models of steps 0, 1, 2, 4, 8, … and of every sixteenth of the run, to see how it came about; at most 1 GiB."`
}

func (trainCommand) Help() string {
	return `Trains a tokenizer and a model on the text and writes a folder that every command here, and Hugging Face
transformers, can open. The last tenth of the text is kept back to validate on.

Ctrl-C saves and stops (a second one stops at once); the same command with --resume goes on as if nothing had
happened, to the bit.

Example:

    weft train book.txt --out my-model --minutes 10
    weft chat my-model`
}

// checkPrecision refuses what is not there yet, rather than computing with something else.
func checkPrecision(name string) error {
	switch name {
	case "f32":
		return nil
	case "bf16":
		return usagef("--precision bf16 is not supported yet; f32 is")
	}
	return usagef("--precision %q is f32", name)
}

// findRecipe is the recipe of a file, or a preset.
func findRecipe(preset, path string) (train.Recipe, error) {
	if path == "" {
		p, err := train.FindPreset(preset)
		if err != nil {
			return p.Recipe, usageError{err}
		}
		return p.Recipe, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return train.Recipe{}, err
	}
	r, err := train.ReadRecipe(data)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// recipe is what the flags say: nil when they say nothing about it and the run
// that is resumed decides.
func (c *trainCommand) recipe(seed *uint64) (*train.Recipe, error) {
	if c.Preset != "" && c.Config != "" {
		return nil, usagef("--preset and --config are two ways to say the same: give one")
	}
	preset := c.Preset
	if preset == "" {
		preset = "micro"
	}
	r, err := findRecipe(preset, c.Config)
	if err != nil {
		return nil, err
	}
	said := c.Preset != "" || c.Config != "" || seed != nil
	set := func(flag bool, apply func()) {
		if flag {
			said = true
			apply()
		}
	}
	if err := c.checkNumbers(); err != nil {
		return nil, err
	}
	set(c.Steps != nil || c.Tokens != nil || c.Minutes != nil, func() {
		r.Horizon = train.Horizon{Steps: given(c.Steps), Tokens: given(c.Tokens), Minutes: given(c.Minutes)}
	})
	set(c.Seq > 0, func() { r.Seq = c.Seq })
	set(c.Batch > 0, func() { r.Batch = c.Batch })
	set(c.Vocab > 0, func() { r.Tokenizer.Vocab = c.Vocab })
	set(c.Optimizer != "", func() { r.Optimizer.SetKind(c.Optimizer) })
	set(c.LR > 0, func() { r.Optimizer.SetLR(c.LR) })
	set(c.Val != nil, func() { r.Val = *c.Val })
	set(c.EvalEvery != nil, func() { r.EvalEvery = *c.EvalEvery })
	if seed != nil {
		r.Seed = *seed
	}
	if c.Resume && !said {
		return nil, nil
	}
	if err := r.Validate(); err != nil {
		return nil, usageError{err}
	}
	return &r, nil
}

// given is what a flag says, 0 if it was not there.
func given[T any](flag *T) (value T) {
	if flag != nil {
		value = *flag
	}
	return value
}

func (c *trainCommand) checkNumbers() error {
	for _, f := range []struct {
		name  string
		none  bool
		value float64
	}{
		{"steps", c.Steps == nil, float64(given(c.Steps))}, {"tokens", c.Tokens == nil, float64(given(c.Tokens))},
		{"minutes", c.Minutes == nil, given(c.Minutes)},
	} {
		if !f.none && !(f.value > 0 && f.value < 1e15) {
			return usagef("--%s is %g, must be more than 0 and below 1e15", f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"seq", float64(c.Seq)},
		{"batch", float64(c.Batch)}, {"vocab", float64(c.Vocab)}, {"lr", c.LR},
		{"sample-every", float64(c.SampleEvery)}, {"save-every", float64(c.SaveEvery)},
	} {
		if !(f.value >= 0 && f.value < 1e15) {
			return usagef("--%s is %g, must be at least 0 (the preset's) and below 1e15", f.name, f.value)
		}
	}
	return nil
}

func (c *trainCommand) Run(a *app) error {
	if err := checkPrecision(c.Precision); err != nil {
		return err
	}
	if len(c.Data) == 0 && !c.Resume {
		return usagef("there is no text to train on: name files or folders")
	}
	recipe, err := c.recipe(a.Seed)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // who watched the run has left: no reason to lose it
	ctx, stop := interruptible()
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	p := &progress{status: &status{app: a}, out: c.Out}
	defer p.clear()
	result, err := train.Run(ctx, train.Options{
		Data: c.Data, Out: c.Out, Recipe: recipe, Resume: c.Resume, Threads: a.Threads, Peak: a.peak(),
		SampleEvery: c.SampleEvery, SaveEvery: c.SaveEvery, Snapshots: c.snapshots(), OnEvent: p.event,
	})
	p.clear()
	switch {
	case errors.Is(err, train.ErrInterrupted):
		a.note("%v", err)
		a.note("go on with the same command and --resume")
		return errInterrupted
	case errors.Is(err, train.ErrExists) && !c.Resume:
		return fmt.Errorf("%w (--resume continues a run)", err)
	case err != nil:
		return err
	case p.err != nil:
		return fmt.Errorf("write the results: %w", p.err)
	}
	p.done(result)
	return nil
}

// snapshots is how many bytes the models of single steps may take.
func (c *trainCommand) snapshots() int64 {
	if c.KeepSteps {
		return 1 << 30
	}
	return 0
}

// peak measures what the threads can compute, in FLOP/s.
func (a *app) peak() float64 {
	pool := par.New(a.Threads)
	defer pool.Close()
	return 1e9 * tensor.MeasurePeak(pool)
}

// clock writes a duration for people: 42s, 3:05, 2:03:04.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
