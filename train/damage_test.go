package train

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weft/safetensors"
	"weft/tensor"
)

// TestFullDisk: a checkpoint that cannot be written costs nothing but itself.
func TestFullDisk(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	whole, out := filepath.Join(dir, "whole"), filepath.Join(dir, "full")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe})
	full := false
	disk := func(path string, tensors []tensor.Named, metadata map[string]string) error {
		if full {
			return &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
		}
		return safetensors.Write(path, tensors, metadata)
	}
	var notes []string
	o := Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, SaveEvery: 10, OnEvent: func(e Event) {
		switch e := e.(type) {
		case Line:
			full = e.Step > 15
		case Note:
			notes = append(notes, string(e))
		}
	}}
	_, err := start(context.Background(), o, disk)
	if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("the last checkpoint's failure is %v", err)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "no space left on device") || !strings.Contains(notes[0], "previous checkpoint is intact") {
		t.Errorf("notes %q", notes)
	}
	ck, err := openCheckpoint(filepath.Join(out, "train"))
	if err != nil || ck.Step != 10 {
		t.Fatalf("the previous checkpoint: %v", err)
	}
	ck.close()
	o.Resume = true
	train(t, o)
	if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Error("another model")
	}
}

// TestDamagedCheckpoint is named and not loaded; the one before still works.
func TestDamagedCheckpoint(t *testing.T) {
	data, recipe, out := verse(t), tinyRecipe(), filepath.Join(t.TempDir(), "m")
	train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe, SaveEvery: 10})
	steps, err := listCheckpoints(filepath.Join(out, "train"))
	if err != nil || len(steps) != 2 || steps[0] != 40 || steps[1] != 30 {
		t.Fatalf("checkpoints of steps %v, %v", steps, err)
	}
	want := modelBytes(t, out)
	path := checkpointPath(filepath.Join(out, "train"), 40)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{{}, good[:len(good)/2], good[:len(good)-1], append(bytes.Clone(good), 0)}
	for i := 0; i < len(good); i += 1 + i/50 { // the header, and here and there in the tensors
		bad = append(bad, flip(good, i))
	}
	for i, data := range bad {
		write(t, path, string(data))
		_, err := openCheckpoint(filepath.Dir(path))
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "delete it to resume from the one before, of step 30") || strings.Contains(err.Error(), "\n") {
			t.Errorf("damage %d: error %v", i, err)
		}
	}
	if _, err := Run(context.Background(), Options{Threads: 1, Out: out, Resume: true}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	train(t, Options{Out: out, Resume: true})
	if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), want) {
		t.Error("another model")
	}
}

func flip(data []byte, i int) []byte {
	bad := bytes.Clone(data)
	bad[i] ^= 1
	return bad
}

// TestLostFiles: what the data was made into is made again when the data is
// there, and named when it is not.
func TestLostFiles(t *testing.T) {
	data, recipe, out := verse(t), tinyRecipes()["gpt2 "+optimizerMuon], filepath.Join(t.TempDir(), "m")
	for i, name := range []string{"train.bin", "val.bin", "tokenizer.json"} {
		ctx, watch := stopAfter(3 + i)
		if _, err := Run(ctx, Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, Resume: true, OnEvent: watch}); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		path := filepath.Join(out, "train", name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, bad := range map[string][]byte{"flipped": flip(good, 100), "cut": good[:len(good)/2], "empty": {}} {
			write(t, path, string(bad))
			_, err := Run(context.Background(), Options{Threads: 1, Out: out, Resume: true})
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "name the data again") {
				t.Errorf("%s %s: error %v", name, what, err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			noted := false
			_, err = Run(ctx, Options{Threads: 1, Data: []string{data}, Out: out, Resume: true, OnEvent: func(e Event) {
				if n, ok := e.(Note); ok && strings.Contains(string(n), path) {
					noted = true
				}
				if _, ok := e.(Plan); ok {
					cancel()
				}
			}})
			if !errors.Is(err, ErrInterrupted) || !noted {
				t.Errorf("%s %s: error %v, noted: %v", name, what, err, noted)
			}
			if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, good) {
				t.Errorf("%s is not what it was", name)
			}
		}
	}
	train(t, Options{Out: out, Resume: true})
	lines(t, out, 40)
}

// TestDamagedLog: what stands before the damage stays, and a note says what is lost.
func TestDamagedLog(t *testing.T) {
	data, recipe, out := verse(t), tinyRecipe(), filepath.Join(t.TempDir(), "m")
	ctx, watch := stopAfter(20)
	if _, err := Run(ctx, Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, OnEvent: watch}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	path := filepath.Join(out, "train", "log.jsonl")
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(log, []byte(`{"step":15,`))
	write(t, path, string(log[:at])+"{half of a li\n")
	noted := false
	train(t, Options{Out: out, Resume: true, OnEvent: func(e Event) {
		if n, ok := e.(Note); ok && strings.Contains(string(n), "from step 15 to step 20 are lost") {
			noted = true
		}
	}})
	again, err := os.ReadFile(path)
	if err != nil || !noted || !bytes.HasPrefix(again, log[:at]) || !bytes.HasPrefix(again[at:], []byte(`{"step":21,`)) {
		t.Errorf("noted: %v, the log goes on with %.40s, %v", noted, again[at:], err)
	}
}

// TestDivergence: the error names the step, nothing that is no number is saved,
// and the last good checkpoint and the model folder stay.
func TestDivergence(t *testing.T) {
	for name, bad := range map[string]float32{"no number": float32(math.NaN()), "overflow": 3e38} {
		recipe, out := tinyRecipe(), filepath.Join(t.TempDir(), "m")
		spoil := func(path string, tensors []tensor.Named, metadata map[string]string) error {
			err := safetensors.Write(path, tensors, metadata)
			if strings.Contains(path, "00000010") { // after it, the weights go bad
				for i := 0; i < len(tensors[0].Raw.Data); i += 4 {
					binary.LittleEndian.PutUint32(tensors[0].Raw.Data[i:], math.Float32bits(bad))
				}
			}
			return err
		}
		_, err := start(context.Background(), Options{Threads: 1, Data: []string{verse(t)}, Out: out, Recipe: &recipe, SaveEvery: 5}, spoil)
		if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "at step 11: ") || !strings.Contains(err.Error(), "lower learning rate") {
			t.Errorf("%s: error %v", name, err)
		}
		lines(t, out, 10)
		ck, err := openCheckpoint(filepath.Join(out, "train"))
		if err != nil || ck.Step != 10 {
			t.Fatalf("%s: the last good checkpoint: %v", name, err)
		}
		ck.close()
		train(t, Options{Out: out, Resume: true}) // and this time nothing goes bad
		lines(t, out, 40)
	}
}

// TestFarTooFast: whichever way a run blows up, no file holds what is no number.
func TestFarTooFast(t *testing.T) {
	for _, rate := range []float64{1e9, 1e15, 1e20, 1e30} {
		for name, recipe := range tinyRecipes() {
			recipe.Optimizer.LR, recipe.Optimizer.Clip, recipe.EvalEvery = rate, 0, 1
			if recipe.Optimizer.Kind == optimizerMuon {
				recipe.Optimizer.MuonLR = rate
			}
			out := filepath.Join(t.TempDir(), "m")
			_, err := Run(context.Background(), Options{Threads: 1, Data: []string{verse(t)}, Out: out, Recipe: &recipe, SaveEvery: 1})
			if err != nil && (!errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), " step ")) || err == nil && rate > 1e10 {
				t.Errorf("%s, rate %g: error %v", name, rate, err)
			}
			for _, pattern := range []string{"*.safetensors", "train/*.safetensors"} {
				files, _ := filepath.Glob(filepath.Join(out, pattern))
				for _, path := range files {
					finiteFile(t, path)
				}
			}
		}
	}
}

func finiteFile(t *testing.T, path string) {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		raw, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]float32, raw.Elements())
		if err := raw.Float32s(data); err != nil {
			t.Fatal(err)
		}
		for i, x := range data {
			if !finite(float64(x)) {
				t.Fatalf("%s: %s[%d] is %g", path, name, i, x)
			}
		}
	}
}
