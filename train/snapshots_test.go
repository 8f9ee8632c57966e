package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/modelfile"
)

func snapshots(t testing.TB, out string) []int {
	t.Helper()
	steps, err := Snapshots(out)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestSnapshots: they are models that open, of the steps that were chosen, and
// keeping them changes no bit of the run.
func TestSnapshots(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	recipe.Keep = keepLast
	plain, out := filepath.Join(dir, "plain"), filepath.Join(dir, "m")
	train(t, Options{Data: []string{data}, Out: plain, Recipe: &recipe})
	var kept []int
	train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe, Snapshots: 1 << 30, OnEvent: func(e Event) {
		if k, ok := e.(Snapshot); ok {
			kept = append(kept, k.Step)
		}
	}})
	if !bytes.Equal(modelBytes(t, out), modelBytes(t, plain)) {
		t.Error("with snapshots it is another model")
	}
	want := []int{0, 1, 2, 3, 4, 6, 8, 9, 12, 15, 16, 18, 21, 24, 27, 30, 32, 33, 36, 39, 40}
	if got := snapshots(t, out); !slices.Equal(got, want) || !slices.Equal(kept, want) {
		t.Errorf("steps %v, told of %v, want %v", got, kept, want)
	}
	if !bytes.Equal(modelBytes(t, SnapshotPath(out, 40)), modelBytes(t, out)) || bytes.Equal(modelBytes(t, SnapshotPath(out, 39)), modelBytes(t, out)) {
		t.Error("the last snapshot is not the model that the run made")
	}
	for _, step := range want {
		b, err := modelfile.Open(SnapshotPath(out, step))
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
	if len(snapshots(t, plain)) > 0 {
		t.Error("snapshots that nobody asked for")
	}
}

// TestSnapshotsOfStoppedRuns: stopped and resumed, or killed and resumed from an
// earlier checkpoint, a run has the snapshots of an unbroken one.
func TestSnapshotsOfStoppedRuns(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	whole, out := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	o := Options{Data: []string{data}, Recipe: &recipe, Snapshots: 1 << 30, Threads: 1}
	o.Out = whole
	train(t, o)
	o.Out, o.Resume = out, true
	for _, step := range []int{1, 8, 17} {
		ctx, watch := stopAfter(step)
		o.OnEvent = watch
		if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
	}
	// A killed process was further than its checkpoint, and in the middle of a folder.
	for _, name := range []string{"000020", "half"} {
		if err := os.MkdirAll(filepath.Join(out, "train", "steps", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.OnEvent = nil
	train(t, o)
	steps := snapshots(t, whole)
	if got := snapshots(t, out); !slices.Equal(got, steps) {
		t.Fatalf("steps %v, want %v", got, steps)
	}
	for _, step := range steps {
		if !bytes.Equal(modelBytes(t, SnapshotPath(out, step)), modelBytes(t, SnapshotPath(whole, step))) {
			t.Errorf("step %d: other weights", step)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "train", "steps", "half")); err == nil {
		t.Error("half a folder is left")
	}
}

// TestSnapshotBudget: what has no room is thinned out evenly, or refused, and said.
func TestSnapshotBudget(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	run := func(name string, budget int64) (steps []int, notes string) {
		out := filepath.Join(dir, name)
		train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe, Snapshots: budget, OnEvent: func(e Event) {
			if n, ok := e.(Note); ok {
				notes += string(n) + "\n"
			}
		}})
		return snapshots(t, out), notes
	}
	params := int64(0)
	_, err := Run(context.Background(), Options{Threads: 1, Data: []string{data}, Out: filepath.Join(dir, "probe"), Recipe: &recipe, OnEvent: func(e Event) {
		if p, ok := e.(Plan); ok {
			params = int64(p.Params)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	steps, notes := run("six", 6*4*params)
	if len(steps) != 6 || steps[0] != 0 || steps[5] != 40 || strings.Count(notes, "room for 6 snapshots") != 1 {
		t.Errorf("steps %v; %s", steps, notes)
	}
	if steps, notes := run("two", 2*4*params+1); len(steps) != 0 || !strings.Contains(notes, "no snapshots are kept") {
		t.Errorf("steps %v; %s", steps, notes)
	}
}

func TestStatus(t *testing.T) {
	data, recipe, out := verse(t), tinyRecipe(), filepath.Join(t.TempDir(), "m")
	if s, err := ReadStatus(out); s != nil || err != nil {
		t.Errorf("of nothing: %+v, %v", s, err)
	}
	ctx, watch := stopAfter(9)
	if _, err := Run(ctx, Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, OnEvent: watch}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	s, err := ReadStatus(out)
	if err != nil || s.Step != 9 || s.Steps != 40 || s.Done() || s.Recipe != recipe || s.BestStep != 7 || s.BestBPB <= 0 || s.Tokens != 9*64 {
		t.Errorf("%+v, %v", s, err)
	}
	lines, err := ReadLog(out, s.Step)
	if err != nil || len(lines) != 9 || lines[8].Step != 9 || lines[6].ValBPB == nil {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	train(t, Options{Out: out, Resume: true})
	if s, err = ReadStatus(out); err != nil || !s.Done() {
		t.Errorf("%+v, %v", s, err)
	}
}
