package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be weft, too: scripts run it by that name.
func TestMain(m *testing.M) {
	testscript.Main(cleaned{m}, map[string]func(){"weft": main})
}

// cleaned runs the tests and removes what they share.
type cleaned struct{ *testing.M }

func (c cleaned) Run() int {
	defer func() { os.RemoveAll(trained.dir) }()
	return c.M.Run()
}

// TestScripts runs testdata/script: the commands as a user types them. Beside
// testscript's own, scripts have the commands of script_commands_test.go, the
// model folder $TINY and the text it learned from, $TEXT.
func TestScripts(t *testing.T) {
	text, model := tiny(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TEXT", text)
			e.Setenv("TINY", model)
			e.Setenv("WEFT_HOME", filepath.Join(e.WorkDir, "home")) // not the user's store
			e.Setenv("HF_HOME", filepath.Join(e.WorkDir, "hf"))
			return nil
		},
		Cmds:               scriptCommands,
		RequireUniqueNames: true,
	})
}

// tinyRecipe is the smallest model that has all parts: training takes a moment.
const tinyRecipe = `{
  "model": {"arch": "llama", "layers": 2, "dim": 16, "heads": 2, "kv_heads": 1, "hidden": 24, "tied": true},
  "tokenizer": {"kind": "bpe", "vocab": 270, "split": "gpt2"},
  "seq": 32, "batch": 2, "horizon": {"steps": 12},
  "optimizer": {"kind": "adamw", "lr": 3e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1, "clip": 1},
  "schedule": {"kind": "wsd", "warmup": 2, "decay": 0.5, "shape": "linear", "floor": 0},
  "val": 0.1, "eval_every": 4, "keep": "last", "seed": 1
}
`

var trained struct {
	sync.Once
	dir, output string
	err         error
}

// tiny trains a model once per test binary, as a user would, and returns its
// text and its folder, which tests copy before they change it.
func tiny(t *testing.T) (text, model string) {
	t.Helper()
	trained.Do(func() {
		// Not t.TempDir: other tests use the model after this one.
		if trained.dir, trained.err = os.MkdirTemp("", "weft-tiny-"); trained.err != nil {
			return
		}
		write(t, filepath.Join(trained.dir, "text.txt"), strings.Repeat("the cat sat on the mat; the dog lay on the log.\n", 100))
		write(t, filepath.Join(trained.dir, "tiny.json"), tinyRecipe)
		cmd := exec.Command("weft", "train", "text.txt", "--config", "tiny.json", "--out", "tiny")
		cmd.Dir = trained.dir
		var output []byte
		output, trained.err = cmd.CombinedOutput()
		trained.output = string(output)
	})
	if trained.err != nil {
		t.Fatalf("train the model of the tests: %v\n%s", trained.err, trained.output)
	}
	return filepath.Join(trained.dir, "text.txt"), filepath.Join(trained.dir, "tiny")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
