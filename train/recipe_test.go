package train

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weft/model"
)

// TestPresets: every preset is valid and has about the parameters it claims.
func TestPresets(t *testing.T) {
	want := map[string][2]float64{"nano": {0.17e6, 0.24e6}, "micro": {0.9e6, 1.2e6}, "mini": {4.5e6, 5.5e6}, "small": {23e6, 27e6}, "gpt2": {124.4e6, 124.5e6}}
	for _, p := range Presets() {
		if err := p.Recipe.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		c, err := p.Recipe.Model.config(p.Recipe.Tokenizer.Vocab, p.Recipe.Seq)
		if err != nil {
			t.Fatal(err)
		}
		if n := float64(c.ParamCount()); n < want[p.Name][0] || n > want[p.Name][1] {
			t.Errorf("%s has %g parameters", p.Name, n)
		}
	}
	if _, err := FindPreset("huge"); !errors.Is(err, ErrRecipe) || !strings.Contains(err.Error(), "nano, micro, mini, small, gpt2") {
		t.Errorf("unknown preset: %v", err)
	}
}

// TestCommittedRecipes: those in docs are valid and survive a round trip.
func TestCommittedRecipes(t *testing.T) {
	files, err := filepath.Glob("../docs/recipes/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recipes: %v", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ReadRecipe(data)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadRecipe(again)
		if err != nil || len(differences(r, back)) > 0 {
			t.Errorf("%s: round trip: %v %v", path, err, differences(r, back))
		}
	}
}

func TestNanoGPTRecipe(t *testing.T) {
	data, err := os.ReadFile("../docs/recipes/nanogpt-cpu.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadRecipe(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Model.config(257, r.Seq)
	if err != nil {
		t.Fatal(err)
	}
	if c.Norm != model.LayerNorm || c.NormBias || c.QKVBias || c.OutBias || c.MLPBias || c.Activation != model.GELUErf || !c.TiedHead || c.Gated {
		t.Errorf("config %+v", c)
	}
}

func TestRecipeRefusals(t *testing.T) {
	good, err := json.Marshal(tinyRecipe())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRecipe(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"seq":`, `"sequence":`, "sequence"},
		{`"seq":16`, `"seq":-1`, "-1 tokens"},
		{`"kind":"bytes"`, `"kind":"words"`, `"words"`},
		{`"kind":"bytes"`, `"kind":"bytes","vocab":300`, "leave vocab out"},
		{`"kind":"bytes"`, `"kind":"bpe","vocab":100`, "at least 257"},
		{`"arch":"llama"`, `"arch":"mamba"`, `"mamba"`},
		{`"heads":4`, `"heads":5`, "no multiple of 5 heads"},
		{`"kv_heads":2`, `"kv_heads":3`, "no multiple of 3 kv heads"},
		{`"dim":24`, `"dim":24,"bias":true`, "neither biases"},
		{`"dim":24`, `"dim":24,"context":8`, "do not fit"},
		{`{"steps":40}`, `{}`, "says how long"},
		{`{"steps":40}`, `{"steps":40,"minutes":1}`, "says how long"},
		{`"val":0.2`, `"val":1`, "validation share"},
		{`"keep":"best"`, `"keep":"all"`, `"all"`},
		{`"warmup":5`, `"warmup":-5`, "warm-up"},
		{`"seed":1}`, `"seed":1} {}`, "after the JSON object"},
		{`{`, `[`, "recipe"},
	} {
		bad := strings.Replace(string(good), c.old, c.new, 1)
		if bad == string(good) {
			t.Fatalf("%s is not in %s", c.old, good)
		}
		if _, err := ReadRecipe([]byte(bad)); !errors.Is(err, ErrRecipe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
}

func TestDifferences(t *testing.T) {
	a, b := tinyRecipe(), tinyRecipe()
	b.Optimizer.Beta2, b.Horizon = 0.99, Horizon{Minutes: 3}
	got := strings.Join(differences(a, b), "; ")
	if got != "horizon.minutes is not set, now 3; horizon.steps is 40, now not set; optimizer.beta2 is 0.95, now 0.99" {
		t.Errorf("differences: %s", got)
	}
}

func TestSetters(t *testing.T) {
	o := tinyRecipe().Optimizer
	o.SetLR(0.02)
	near(t, "muon's rate", o.MuonLR, 0.02, 1e-12)
	near(t, "adamw's rate beside it", o.LR, 6e-3, 1e-12)
	o.SetKind(optimizerAdamW)
	o.SetLR(1e-3)
	if o.LR != 1e-3 || o.MuonLR != 0 || o.validate() != nil {
		t.Errorf("adamw: %+v", o)
	}
	o.SetKind(optimizerMuon)
	if o.LR != 1e-3 || o.MuonLR != muonLR || o.validate() != nil {
		t.Errorf("muon again: %+v", o)
	}
}
