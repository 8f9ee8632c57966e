package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tinyRecipe trains in milliseconds per step and turns everything on.
func tinyRecipe() Recipe {
	return Recipe{
		Model:     Shape{Arch: "llama", Layers: 2, Dim: 24, Heads: 4, KVHeads: 2, Hidden: 40, Tied: true},
		Tokenizer: Tokens{Kind: tokensBytes},
		Seq:       16, Batch: 4, Horizon: Horizon{Steps: 40},
		Optimizer: Optimizer{Kind: optimizerMuon, LR: 3e-3, MuonLR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Momentum: 0.95, WeightDecay: 0.01, Clip: 1},
		Schedule:  Schedule{Kind: scheduleWSD, Warmup: 5, Decay: 0.5, Shape: shapeLinear},
		Val:       0.2, EvalEvery: 7, Keep: keepBest, Seed: 1,
	}
}

// tinyRecipes are of both architectures and both optimisers. One learns its
// tokenizer and keeps the last weights rather than the best.
func tinyRecipes() map[string]Recipe {
	recipes := map[string]Recipe{}
	for _, kind := range []string{optimizerMuon, optimizerAdamW} {
		llama := tinyRecipe()
		llama.Optimizer.SetKind(kind)
		gpt2 := llama
		gpt2.Model = Shape{Arch: "gpt2", Layers: 2, Dim: 24, Heads: 3, Hidden: 40, Tied: kind == optimizerMuon, Bias: true}
		gpt2.Tokenizer, gpt2.Keep = Tokens{Kind: tokensBPE, Vocab: 270, Split: "gpt2"}, keepLast
		recipes["llama "+kind], recipes["gpt2 "+kind] = llama, gpt2
	}
	return recipes
}

// verse is text with something to learn in it.
func verse(t testing.TB) string {
	return write(t, filepath.Join(t.TempDir(), "verse.txt"), strings.Repeat("the cat sat on the mat; the dog lay on the log.\n", 40))
}

func train(t testing.TB, o Options) Result {
	t.Helper()
	if o.Threads == 0 {
		o.Threads = 1 // the fastest for models as small as these
	}
	result, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func modelBytes(t testing.TB, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lines reads a log and fails when steps are missing, doubled or out of order.
func lines(t testing.TB, dir string, steps int) []Line {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "train", "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var list []Line
	for _, text := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		var line Line
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %d: %v", len(list)+1, err)
		}
		if list = append(list, line); line.Step != len(list) {
			t.Fatalf("log line %d is of step %d", len(list), line.Step)
		}
	}
	if len(list) != steps {
		t.Fatalf("the log has %d steps, want %d", len(list), steps)
	}
	return list
}

// TestLogFields: a line has the fields that scripts rely on, and each one once.
func TestLogFields(t *testing.T) {
	recipe, out := tinyRecipe(), filepath.Join(t.TempDir(), "m")
	train(t, Options{Data: []string{verse(t)}, Out: out, Recipe: &recipe})
	data, err := os.ReadFile(filepath.Join(out, "train", "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"step", "loss", "val_loss", "lr", "grad_norm", "tokens", "tokens_per_s", "flops_share", "eta_s", // the contract
		"bpb", "val_bpb", "epoch", "elapsed_s"}
	slices.Sort(want)
	for _, text := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) || bytes.Count(text, []byte(`":`)) != len(want) {
			t.Fatalf("fields %v, want %v", got, want)
		}
	}
}

func TestRunLearns(t *testing.T) {
	out, recipe := filepath.Join(t.TempDir(), "m"), tinyRecipe()
	recipe.Horizon.Steps = 300
	recipe.EvalEvery = 50
	var events []Event
	result := train(t, Options{Data: []string{verse(t)}, Out: out, Recipe: &recipe, SampleEvery: 150, SaveEvery: 100,
		Peak: 1e12, OnEvent: func(e Event) { events = append(events, e) }})
	log := lines(t, out, 300)
	if first := log[0]; first.Loss < 5 || first.Loss > 6 || first.Tokens != 64 || first.FlopsShare == nil || first.ValLoss != nil {
		t.Errorf("first line %+v", first)
	}
	if last := log[299]; last.ValLoss == nil || *last.ValLoss > 0.5 || last.EtaS == nil || *last.EtaS != 0 {
		t.Errorf("last line %+v", last)
	}
	if result.Steps != 300 || result.Kept == 0 || result.ValLoss > 0.5 || result.ValBPB > 0.5/0.69 || result.ValBPB < result.ValLoss {
		t.Errorf("result %+v", result)
	}
	var samples, saves int
	for _, e := range events {
		switch e := e.(type) {
		case Sample:
			samples++
		case Saved:
			saves++
		case Plan:
			if e.Vocab != 257 || e.TextBytes != 1536 || e.TrainTokens != 1537 || e.ValTokens != 385 || e.Memory < 12*int64(e.Params) {
				t.Errorf("plan %+v", e)
			}
		}
	}
	if samples != 2 || saves != 3 {
		t.Errorf("%d samples, %d checkpoints", samples, saves)
	}
}

// TestSameBits: threads, micro-batches, checkpoints and sampling change no bit.
func TestSameBits(t *testing.T) {
	data := verse(t)
	for name, recipe := range tinyRecipes() {
		recipe.Horizon.Steps = 20
		var want []byte
		for _, o := range []Options{
			{Threads: 1}, {Threads: 2}, {Threads: 3}, {Threads: 3, Micro: 1}, {Threads: 2, Micro: 2},
			{Threads: 1, Micro: 3, SaveEvery: 1, SampleEvery: 3},
		} {
			o.Data, o.Out, o.Recipe = []string{data}, filepath.Join(t.TempDir(), "m"), &recipe
			train(t, o)
			got := modelBytes(t, o.Out)
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %d threads, %d at once: another model", name, o.Threads, o.Micro)
			}
		}
	}
}

func TestRunRefusals(t *testing.T) {
	data, other, recipe, dir := verse(t), write(t, filepath.Join(t.TempDir(), "o.txt"), "other text, long enough to be split\n"), tinyRecipe(), t.TempDir()
	recipe.Horizon.Steps = 2
	out := filepath.Join(dir, "m")
	changed := recipe
	changed.Optimizer.LR = 0.5
	fail := func(o Options, want string, is error) {
		t.Helper()
		_, err := Run(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), want) || is != nil && !errors.Is(err, is) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	fail(Options{Data: []string{data}, Recipe: &recipe}, "no folder", nil)
	fail(Options{Data: []string{filepath.Join(dir, "absent")}, Out: out, Recipe: &recipe}, "no such file", ErrData)
	if _, err := os.Stat(out); err == nil {
		t.Error("a run that could not start left a folder")
	}
	fail(Options{Out: out, Resume: true}, "no checkpoint", nil)
	fail(Options{Data: []string{write(t, filepath.Join(dir, "x"), "x")}, Out: out, Recipe: &recipe}, "too little text", ErrData)
	train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe, Resume: true})
	fail(Options{Data: []string{data}, Out: out, Recipe: &recipe}, "holds a model already", ErrExists)
	fail(Options{Data: []string{other}, Out: out, Recipe: &recipe, Resume: true}, "fingerprint", ErrData)
	fail(Options{Data: []string{data}, Out: out, Recipe: &changed, Resume: true}, "optimizer.lr is 0.003, now 0.5", ErrRecipe)
	bad := recipe
	bad.Batch = 0
	fail(Options{Data: []string{data}, Out: filepath.Join(dir, "n"), Recipe: &bad}, "0 examples", ErrRecipe)
}

func TestTwoRunsInOneFolder(t *testing.T) {
	data, recipe, out := verse(t), tinyRecipe(), filepath.Join(t.TempDir(), "m")
	tried := false
	train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe, OnEvent: func(e Event) {
		if _, ok := e.(Line); ok && !tried {
			tried = true
			_, err := Run(context.Background(), Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, Resume: true})
			if err == nil || !strings.Contains(err.Error(), "another process") {
				t.Errorf("error %v", err)
			}
		}
	}})
}
