package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stopAfter cancels its context when a step's line is shown.
func stopAfter(step int) (context.Context, func(Event)) {
	ctx, cancel := context.WithCancel(context.Background())
	return ctx, func(e Event) {
		if line, ok := e.(Line); ok && line.Step == step {
			cancel()
		}
	}
}

// TestInterruptAndResume at every kind of step, evaluated or not, with other
// threads after each: same bits, and a log without gaps.
func TestInterruptAndResume(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	whole := filepath.Join(dir, "whole")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe, Threads: 1})
	out := filepath.Join(dir, "parts")
	for i, step := range []int{1, 6, 7, 8, 20, 21, 39} {
		ctx, watch := stopAfter(step)
		_, err := Run(ctx, Options{Data: []string{data}, Out: out, Recipe: &recipe, Resume: i > 0, Threads: 1 + i%3, OnEvent: watch})
		if !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped after step %d: %v", step, err)
		}
		modelBytes(t, out) // there is a model to talk to from the start
	}
	result := train(t, Options{Out: out, Resume: true}) // neither data nor recipe is needed
	if !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Error("stopped and resumed, the run ends in another model")
	}
	got, want := lines(t, out, 40), lines(t, whole, 40)
	for i := range got {
		if got[i].Loss != want[i].Loss || got[i].GradNorm != want[i].GradNorm || (got[i].ValLoss == nil) != (want[i].ValLoss == nil) ||
			got[i].ValLoss != nil && *got[i].ValLoss != *want[i].ValLoss {
			t.Errorf("step %d: %+v, want %+v", i+1, got[i], want[i])
		}
	}
	if again := train(t, Options{Out: out, Resume: true}); again.ValLoss != result.ValLoss || again.Steps != 40 {
		t.Errorf("resuming a finished run gives %+v, want %+v", again, result)
	}
}

// TestInterruptedEvaluation: a run stopped between a step and its evaluation
// does that first when it is resumed.
func TestInterruptedEvaluation(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	whole, out := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe})
	// The loop asks the context once per step, an evaluation once per batch.
	ctx := &patience{Context: context.Background(), asks: 1 << 30}
	started := func(e Event) {
		if line, ok := e.(Line); ok && line.Step == 6 {
			ctx.asks = 2
		}
	}
	_, err := Run(ctx, Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, OnEvent: started})
	if !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	ck, err := openCheckpoint(filepath.Join(out, "train"))
	if err != nil {
		t.Fatal(err)
	}
	if ck.Pending == nil || ck.Step != 7 {
		t.Fatalf("step %d, pending %v", ck.Step, ck.Pending)
	}
	ck.close()
	train(t, Options{Out: out, Resume: true})
	if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Error("another model")
	}
}

// patience is a context that is cancelled after it has been asked a few times.
type patience struct {
	context.Context
	asks int
}

func (p *patience) Err() error {
	if p.asks--; p.asks < 0 {
		return context.Canceled
	}
	return nil
}

// TestInterruptBeforeTheFirstStep: while the data is looked at nothing is left
// behind; while it is prepared, and just before the first step, the same
// command with Resume goes on.
func TestInterruptBeforeTheFirstStep(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipes()["gpt2 "+optimizerMuon], t.TempDir() // it learns a tokenizer
	whole := filepath.Join(dir, "whole")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe})
	for name, at := range map[string]func(Event) bool{
		"looking":   nil,
		"preparing": func(e Event) bool { n, ok := e.(Note); return ok && strings.Contains(string(n), "tokenizer") },
		"ready":     func(e Event) bool { _, ok := e.(Plan); return ok },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		out := filepath.Join(dir, name)
		o := Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, OnEvent: func(e Event) {
			if at(e) {
				cancel()
			}
		}}
		if at == nil {
			cancel()
		}
		_, err := Run(ctx, o)
		cancel()
		if !errors.Is(err, ErrInterrupted) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := os.Stat(out); at == nil && err == nil {
			t.Errorf("%s: there is a folder", name)
		}
		o.Resume, o.OnEvent = true, nil
		train(t, o)
		if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
			t.Errorf("%s: another model", name)
		}
	}
}

// TestFinishedRun says that it is finished, writes no checkpoint, and scores the
// folder again; a folder that was lost since is made again where it can be.
func TestFinishedRun(t *testing.T) {
	for name, recipe := range tinyRecipes() {
		data, out := verse(t), filepath.Join(t.TempDir(), "m")
		result := train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe})
		log, weights := lines(t, out, 40), modelBytes(t, out)
		if kept := log[result.Kept-1]; kept.ValLoss == nil || *kept.ValLoss != result.ValLoss {
			t.Errorf("%s: the folder scores %g, in the log step %d has %v", name, result.ValLoss, result.Kept, kept.ValLoss)
		}
		var notes, saves int
		o := Options{Threads: 1, Out: out, Resume: true, OnEvent: func(e Event) {
			switch e := e.(type) {
			case Note:
				if strings.Contains(string(e), "finished: all its 40 steps") {
					notes++
				}
			case Saved:
				saves++
			}
		}}
		again := train(t, o)
		if again.ValLoss != result.ValLoss || again.Kept != result.Kept || notes != 1 || saves != 0 {
			t.Errorf("%s: %+v and then %+v, %d notes, %d checkpoints", name, result, again, notes, saves)
		}
		if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), weights) {
			t.Errorf("%s: another model", name)
		}
		if err := os.Remove(filepath.Join(out, "model.safetensors")); err != nil {
			t.Fatal(err)
		}
		_, err := Run(context.Background(), o)
		if lost := recipe.Keep == keepBest; lost != (err != nil) || lost && !strings.Contains(err.Error(), "read back") {
			t.Errorf("%s: the folder has no weights: error %v", name, err)
		}
	}
}

// TestInterruptedAtTheEnd: all steps are done, but not the last evaluation.
func TestInterruptedAtTheEnd(t *testing.T) {
	data, recipe, out := verse(t), tinyRecipe(), filepath.Join(t.TempDir(), "m")
	ctx, watch := stopAfter(40)
	_, err := Run(ctx, Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, OnEvent: watch})
	if !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "the model is complete") {
		t.Errorf("error %v", err)
	}
	if result := train(t, Options{Out: out, Resume: true}); result.ValLoss == 0 {
		t.Errorf("result %+v", result)
	}
}

// TestForeignFolder: a model that no run here made is not replaced, with Resume
// or without.
func TestForeignFolder(t *testing.T) {
	data, recipe := verse(t), tinyRecipe()
	for _, name := range []string{"model.safetensors", "config.json"} {
		out := t.TempDir()
		path := write(t, filepath.Join(out, name), "precious")
		for _, resume := range []bool{false, true} {
			_, err := Run(context.Background(), Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, Resume: resume})
			if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "choose another folder") {
				t.Errorf("%s, resume %v: error %v", name, resume, err)
			}
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
			t.Errorf("%s is now %q", path, text)
		}
	}
}

// TestModelInsideItsData: the folder for the model lies in the folder of texts,
// and is no part of them when the run goes on.
func TestModelInsideItsData(t *testing.T) {
	dir, recipe := t.TempDir(), tinyRecipe()
	text, err := os.ReadFile(verse(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "verse.txt"), string(text))
	out := filepath.Join(dir, "m")
	ctx, watch := stopAfter(9)
	if _, err := Run(ctx, Options{Threads: 1, Data: []string{dir}, Out: out, Recipe: &recipe, OnEvent: watch}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	train(t, Options{Data: []string{dir}, Out: out, Recipe: &recipe, Resume: true})
	lines(t, out, 40)
	_, err = Run(context.Background(), Options{Threads: 1, Data: []string{out}, Out: out, Recipe: &recipe, Resume: true})
	if !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "is where the model goes") {
		t.Errorf("a model trained on its own files: error %v", err)
	}
}
