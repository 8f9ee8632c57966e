package modelfile

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weft/model"
	"weft/safetensors"
	"weft/tensor"
	"weft/tokenizer"
)

// golden is what transformers computed for a model of testdata; see testdata/make_hf.py.
type golden struct {
	prompt string
	ids    []int32
	logits []float32 // len(ids) × vocab
}

func readGolden(t *testing.T, name string) (g golden) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name, "prompt.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g.prompt); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(filepath.Join("testdata", name, "logits.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, v := range floats(t, f, "ids") {
		g.ids = append(g.ids, int32(v))
	}
	g.logits = floats(t, f, "logits")
	return g
}

func floats(t *testing.T, src model.WeightSource, name string) []float32 {
	t.Helper()
	r, err := src.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, r.Elements())
	if err := r.Float32s(x); err != nil {
		t.Fatal(err)
	}
	return x
}

// agrees runs a bundle and compares token IDs and logits with the reference.
func agrees(t *testing.T, b *Bundle, g golden, limit float64) {
	t.Helper()
	if ids := b.Tokenizer.Encode(g.prompt, tokenizer.Encode{AddSpecial: true}); !slices.Equal(ids, g.ids) {
		t.Errorf("token IDs %v, want %v", ids, g.ids)
	}
	m, err := model.New(b.Weights, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Forward(g.ids, &model.Run{Logits: model.AllLogits})
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i := range len(g.ids) {
		for j, v := range got.Row(i) {
			worst = max(worst, math.Abs(float64(v-g.logits[i*got.Cols+j])))
		}
	}
	if !(worst <= limit) {
		t.Errorf("logits differ by up to %g", worst)
	}
}

func open(t *testing.T, path string) *Bundle {
	t.Helper()
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenFolder(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		t.Run(name, func(t *testing.T) {
			b := open(t, filepath.Join("testdata", name))
			agrees(t, b, readGolden(t, name), 2e-5)
			if b.Name != name || b.Config().Arch != name || b.Tokenizer.BOS != 0 || b.Tokenizer.EOS != 0 {
				t.Errorf("name %q, arch %q, BOS %d, EOS %d", b.Name, b.Config().Arch, b.Tokenizer.BOS, b.Tokenizer.EOS)
			}
			if n := b.DTypes()["F32"]; n != 4*b.Config().ParamCount() {
				t.Errorf("%d bytes of F32 for %d parameters", n, b.Config().ParamCount())
			}
		})
	}
	g := open(t, "testdata/llama").Generation
	if *g.Temperature != 0.6 || *g.TopP != 0.9 || *g.TopK != 40 || *g.RepeatPenalty != 1.1 || !slices.Equal(g.EOS, []int32{0, 5}) {
		t.Errorf("generation %+v", g)
	}
}

func TestSaveFolder(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		t.Run(name, func(t *testing.T) {
			b := open(t, filepath.Join("testdata", name))
			b.ChatTemplate, b.License = "{{ messages }}", "mit"
			dir := filepath.Join(t.TempDir(), "new", "run")
			if err := SaveFolder(dir, b); err != nil {
				t.Fatal(err)
			}
			again := open(t, dir)
			agrees(t, again, readGolden(t, name), 2e-5)
			sameModel(t, b, again)
			if again.ChatTemplate != b.ChatTemplate || again.License != "mit" || again.Name != "run" {
				t.Errorf("template %q, license %q, name %q", again.ChatTemplate, again.License, again.Name)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 6 {
				t.Errorf("the folder holds %v", entries)
			}
			// What we wrote has the same tensors as what transformers wrote.
			ours, theirs := tensorNames(t, dir), tensorNames(t, filepath.Join("testdata", name))
			if !slices.Equal(ours, theirs) {
				t.Errorf("tensors %q, want %q", ours, theirs)
			}
		})
	}
}

func tensorNames(t *testing.T, dir string) []string {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(dir, weightsName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return slices.Sorted(slices.Values(f.Names()))
}

// sameModel compares everything that a round trip must keep, the weights bit for bit.
func sameModel(t *testing.T, a, b *Bundle) {
	t.Helper()
	if !reflect.DeepEqual(a.Config(), b.Config()) {
		t.Errorf("config %+v, want %+v", b.Config(), a.Config())
	}
	if a.Hash() != b.Hash() {
		t.Error("weights differ")
	}
	ga, _ := json.Marshal(a.Generation)
	gb, _ := json.Marshal(b.Generation)
	if string(ga) != string(gb) {
		t.Errorf("generation %s, want %s", gb, ga)
	}
	if !reflect.DeepEqual(sayings(t, a.Tokenizer), sayings(t, b.Tokenizer)) {
		t.Error("tokenizers differ")
	}
}

// sayings are what a tokenizer.json says that changes tokens; how a file spells the rest may differ.
func sayings(t *testing.T, tok *tokenizer.Tokenizer) []any {
	t.Helper()
	text, err := tok.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	pre, _ := tok.Pre()
	before, after := tok.Ends()
	return []any{doc["model"], doc["added_tokens"], pre, before, after, tok.Normalizes(), tok.BOS, tok.EOS}
}

// made is a model made in memory, as training makes them.
func made(c model.Config) *Bundle {
	w := model.Init(c, 7)
	for i, p := range w.Params() {
		for j := range p.Data { // no zeros and ones, which would hide mistakes
			p.Data[j] += float32(i+j%13) / 100
		}
	}
	return &Bundle{Name: "made", Weights: w, Tokenizer: tokenizer.Bytes()}
}

var (
	llamaConfig = model.Config{Arch: "llama", Vocab: 256, Context: 32, Layers: 2, Dim: 24, Heads: 4, KVHeads: 2, HeadDim: 6,
		Hidden: 40, Norm: model.RMSNorm, NormEps: 1e-6, Position: model.RoPE, Rope: model.Rope{Theta: 10000}, Gated: true, TiedHead: true}
	gpt2Config = model.Config{Arch: "gpt2", Vocab: 256, Context: 32, Layers: 2, Dim: 24, Heads: 4, KVHeads: 4, HeadDim: 6,
		Hidden: 40, Norm: model.LayerNorm, NormEps: 1e-5, Position: model.LearnedPositions, Activation: model.GELUErf, TiedHead: true}
)

// TestConfigsSurvive saves and opens models of every setting that the two architectures have.
func TestConfigsSurvive(t *testing.T) {
	for _, base := range []model.Config{llamaConfig, gpt2Config} {
		for bits := range 32 {
			c := base
			c.TiedHead, c.QKVBias, c.OutBias, c.MLPBias = bits&1 != 0, bits&2 != 0, bits&2 != 0, bits&4 != 0
			c.NormBias = bits&8 != 0 && c.Arch == "gpt2"
			c.Activation = []model.Activation{model.SiLU, model.GELU, model.GELUErf}[bits%3]
			if bits&16 != 0 {
				c.NormEps = 1.3e-3
			}
			b, dir := made(c), t.TempDir()
			if err := SaveFolder(dir, b); err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			sameModel(t, b, open(t, dir))
		}
	}
}

func TestSaveRefuses(t *testing.T) {
	for name, change := range map[string]func(*model.Config){
		"unknown architecture": func(c *model.Config) { c.Arch = "mamba" },
		"llama that is none":   func(c *model.Config) { c.Norm = model.LayerNorm },
		"ungated llama":        func(c *model.Config) { c.Gated = false },
		"uneven heads":         func(c *model.Config) { c.Heads, c.KVHeads = 5, 5 },
	} {
		c := llamaConfig
		change(&c)
		dir := filepath.Join(t.TempDir(), "f")
		if err := SaveFolder(dir, made(c)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: left a folder", name)
		}
	}
	b := made(llamaConfig)
	b.Tokenizer = tokenizer.Bytes("<|more|>")
	if err := SaveFolder(t.TempDir(), b); err == nil || !strings.Contains(err.Error(), "257 tokens") {
		t.Errorf("a tokenizer larger than the model: %v", err)
	}
}

// spoilt copies a model folder and changes a text in one of its files.
func spoilt(t *testing.T, name, file, old, new string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not have %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ model, file, old, new, want string }{
		{"llama", configName, `"model_type": "llama"`, `"model_type": "mamba2"`, `"mamba2"`},
		{"llama", configName, `"model_type": "llama",`, ``, "model_type"},
		{"llama", configName, `LlamaForCausalLM`, `LlamaForSequenceClassification`, `"LlamaForSequenceClassification"`},
		{"llama", configName, `"rope_type": "default"`, `"rope_type": "spiral", "factor": 4`, `"spiral"`},
		{"llama", configName, `"rope_parameters"`, `"rope_scaling": {"type": "spiral"}, "rope_parametres"`, `"spiral"`},
		{"llama", configName, `"use_cache"`, `"partial_rotary_factor": 0.5, "use_cache"`, "RoPE turns 5"},
		{"llama", configName, `"use_cache"`, `"quantization_config": {"bits": 4}, "use_cache"`, "quantization_config"},
		{"llama", configName, `"silu"`, `"relu2"`, `"relu2"`},
		{"llama", configName, `"hidden_size": 32`, `"hidden_size": 48`, "shape"},
		{"llama", configName, `"hidden_size": 32`, `"hidden_size": -1`, "width of -1"},
		{"llama", configName, `"hidden_size": 32`, `"hidden_size": 32.5`, "hidden_size"},
		{"llama", configName, `"num_attention_heads": 4`, `"num_attention_heads": 0`, "heads"},
		{"llama", configName, `"num_hidden_layers": 2`, `"num_hidden_layers": 3`, "layers.2"},
		{"llama", configName, `"num_hidden_layers": 2`, `"num_hidden_layers": 1`, "layers.1"},
		{"llama", configName, `"attention_bias": true`, `"attention_bias": false`, "bias"},
		{"llama", configName, `"tie_word_embeddings": false`, `"tie_word_embeddings": true`, "lm_head"},
		{"llama", configName, `{`, ``, configName},
		{"gpt2", configName, `"scale_attn_weights": true`, `"scale_attn_weights": false`, "scale_attn_weights"},
		{"gpt2", configName, `"scale_attn_by_inverse_layer_idx": false`, `"scale_attn_by_inverse_layer_idx": true`, "inverse_layer"},
		{"gpt2", configName, `"add_cross_attention": false`, `"add_cross_attention": true`, "cross"},
		{"gpt2", configName, `"n_head": 4`, `"n_head": 5`, "5 heads"},
		{"gpt2", configName, `"tie_word_embeddings": true`, `"tie_word_embeddings": false`, "lm_head"},
		{"gpt2", configName, `"use_cache"`, `"weft": {"no_norm_bias": true}, "use_cache"`, "not zero"},
		{"gpt2", weightsName, `wte.weight`, `wtf.weight`, "wte.weight"},
		{"gpt2", generationName, `"eos_token_id": 0`, `"eos_token_id": 290`, "290"},
		{"gpt2", generationName, `"eos_token_id": 0`, `"eos_token_id": [-1]`, "-1"},
		{"gpt2", generationName, `"eos_token_id": 0`, `"temperature": -3`, "temperature"},
		{"gpt2", tokenizerSays, `"eos_token": "<|endoftext|>"`, `"eos_token": "<|other|>"`, "<|other|>"},
	} {
		dir := spoilt(t, c.model, c.file, c.old, c.new)
		_, err := Open(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %s: error %v, want one line with %s and the folder", c.file, c.new, err, c.want)
		}
	}
}

func TestOpenRefusesFolders(t *testing.T) {
	remove := func(name string) string {
		dir := t.TempDir()
		os.CopyFS(dir, os.DirFS("testdata/gpt2"))
		os.Remove(filepath.Join(dir, name))
		return dir
	}
	pickled := remove(weightsName)
	os.WriteFile(filepath.Join(pickled, "pytorch_model.bin"), nil, 0o644)
	for name, c := range map[string]struct{ path, want string }{
		"absent":       {filepath.Join(t.TempDir(), "no"), "no such"},
		"empty folder": {t.TempDir(), "no config.json"},
		"no weights":   {remove(weightsName), "neither"},
		"no tokenizer": {remove(tokenizerName), "no tokenizer.json"},
		"pickle":       {pickled, "pickle"},
		"a part":       {"testdata/gpt2/model.safetensors", "give its folder"},
	} {
		if _, err := Open(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if b, err := Open(remove(generationName)); err != nil || !slices.Equal(b.Generation.EOS, []int32{0}) {
		t.Errorf("without generation_config.json, config.json says what ends a text: %v, %v", b, err)
	}
}

// TestOldFiles: the part without head saved alone, masks as tensors, a copy of a tied head, shards.
func TestOldFiles(t *testing.T) {
	for _, shards := range []bool{false, true} {
		dir := t.TempDir()
		os.CopyFS(dir, os.DirFS("testdata/gpt2"))
		f, err := safetensors.Open("testdata/gpt2/model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var list []tensor.Named
		for _, name := range f.Names() {
			r, _ := f.Tensor(name)
			list = append(list, tensor.Named{Name: strings.TrimPrefix(name, "transformer."), Raw: r})
		}
		head, _ := f.Tensor("transformer.wte.weight")
		mask := tensor.Raw{DType: tensor.Bool, Shape: []int{1, 1, 2, 2}, Data: []byte{1, 0, 1, 1}}
		list = append(list, tensor.Named{Name: "lm_head.weight", Raw: head}, tensor.Named{Name: "h.0.attn.bias", Raw: mask})
		if !shards {
			if err := safetensors.Write(filepath.Join(dir, weightsName), list, nil); err != nil {
				t.Fatal(err)
			}
		} else {
			os.Remove(filepath.Join(dir, weightsName))
			where := map[string]string{}
			for i, half := range [][]tensor.Named{list[:9], list[9:]} {
				name := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}[i]
				if err := safetensors.Write(filepath.Join(dir, name), half, nil); err != nil {
					t.Fatal(err)
				}
				for _, n := range half {
					where[n.Name] = name
				}
			}
			index, _ := json.Marshal(map[string]any{"weight_map": where})
			os.WriteFile(filepath.Join(dir, safetensors.IndexName), index, 0o644)
		}
		agrees(t, open(t, dir), readGolden(t, "gpt2"), 2e-5)
	}
}

// TestDamagedWeights: one bit anywhere in the weights of a folder of ours is noticed.
func TestDamagedWeights(t *testing.T) {
	dir := t.TempDir()
	if err := SaveFolder(dir, made(llamaConfig)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, weightsName)
	data, _ := os.ReadFile(path)
	data[len(data)-1000] ^= 4
	os.WriteFile(path, data, 0o644)
	if _, err := Open(dir); !errors.Is(err, safetensors.ErrChecksum) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}
