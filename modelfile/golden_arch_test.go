package modelfile

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weft/gguf"
	"weft/internal/modeltest"
	"weft/model"
	"weft/tensor"
)

// golden is what transformers says about a tiny model; testdata/arch/golden.py
// tells how its weights follow from their names.
type archGolden struct {
	Config  json.RawMessage
	Tensors map[string]struct {
		Shape         []int
		Offset, Scale float64
		Low, High     uint64 // of bytes, if there are
	}
	Prompts [][]int32
	Rows    [][]int
	Logits  [][][]float32
}

func readArchGolden(t testing.TB, path string) archGolden {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g archGolden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// madeWeights is the weights of a golden as a source of tensors.
type madeWeights map[string]tensor.Raw

func (m madeWeights) Names() (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

func (m madeWeights) Tensor(name string) (tensor.Raw, error) {
	r, ok := m[name]
	if !ok {
		return r, fmt.Errorf("there is no tensor %q", name)
	}
	return r, nil
}

func (g archGolden) weights() madeWeights {
	m := madeWeights{}
	for name, w := range g.Tensors {
		n, _ := tensor.Elements(w.Shape)
		data, bytes := make([]float32, n), make([]byte, n)
		hash := uint64(0xcbf29ce484222325)
		for _, b := range []byte(name) {
			hash = (hash ^ uint64(b)) * 0x100000001b3
		}
		for i := range data {
			u := float64(splitmix(hash+uint64(i))>>40)/(1<<23) - 1
			data[i] = roundBF16(float32(w.Offset + w.Scale*u))
			bytes[i] = byte(w.Low + splitmix(hash+uint64(i))>>40%(w.High-w.Low+1))
		}
		if m[name] = tensor.RawOf(data, w.Shape...); w.High > 0 {
			m[name] = tensor.Raw{DType: tensor.U8, Shape: w.Shape, Data: bytes}
		}
	}
	return m
}

func splitmix(x uint64) uint64 {
	z := x + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func roundBF16(f float32) float32 {
	b := math.Float32bits(f)
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}

// refusedGoldens are models whose settings we refuse, and the setting that the
// error names.
var refusedGoldens = map[string]string{
	"phi-qknorm": "qk_layernorm", "stablelm-12b": "qk_layernorm", "olmo-clip": "clip_qkv", "gpt2-scaled": "scale_attn_by_inverse_layer_idx",
	"deepseek_v3-half": "attention_bias",
}

// open is a golden's model.
func (g archGolden) open(t *testing.T) *model.Model {
	t.Helper()
	c, _, err := parseConfig(g.Config)
	if err != nil {
		t.Fatal(err)
	}
	w, err := loadHF(c, g.weights())
	if err != nil {
		t.Fatal(err)
	}
	return modeltest.Of(t, w)
}

// TestArchitectures: the logits are transformers', for a prompt read in one go
// and token by token.
func TestArchitectures(t *testing.T) {
	paths, err := filepath.Glob("testdata/arch/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d goldens, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			g := readArchGolden(t, path)
			if key, ok := refusedGoldens[name]; ok {
				if _, _, err := parseConfig(g.Config); err == nil || !strings.Contains(err.Error(), key) {
					t.Fatalf("it should be refused for its %s, got %v", key, err)
				}
				return
			}
			worst := g.compare(t, g.open(t))
			t.Logf("largest difference %.2g", worst)
		})
	}
}

// maxLogitError is how far a logit may be from the reference.
const maxLogitError = 1e-4

// compare checks logits and returns the largest difference.
func (g archGolden) compare(t *testing.T, m *model.Model) (worst float64) {
	t.Helper()
	for i, prompt := range g.Prompts {
		if len(prompt) > m.Config.Context || testing.Short() && len(prompt) > 40 {
			continue
		}
		whole, err := m.Forward(prompt, &model.Run{Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		whole = tensor.Of(append([]float32(nil), whole.Data...), whole.Rows, whole.Cols)
		for k, row := range g.Rows[i] {
			worst = max(worst, difference(t, fmt.Sprintf("prompt %d, row %d", i, row), whole.Row(row), g.Logits[i][k]))
		}
		s := m.NewSession(len(prompt))
		for j, id := range prompt {
			logits, err := s.Append([]int32{id})
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range logits {
				if v != whole.Row(j)[k] {
					t.Fatalf("prompt %d, token %d: step by step logit %d is %g, in one go %g", i, j, k, v, whole.Row(j)[k])
				}
			}
		}
	}
	return worst
}

func difference(t *testing.T, what string, got, want []float32) (worst float64) {
	t.Helper()
	for i, w := range want {
		worst = max(worst, math.Abs(float64(got[i])-float64(w)))
	}
	if !(worst <= maxLogitError) {
		t.Errorf("%s: logits differ by %g", what, worst)
	}
	return worst
}

// TestArchitecturesGGUF: a golden's model written as GGUF, read back, says what
// it said before. With -write-gguf the files stay there, for
// testdata/arch/check_gguf.py.
func TestArchitecturesGGUF(t *testing.T) {
	dir := *writeGGUF
	if dir == "" {
		dir = t.TempDir()
	}
	paths, _ := filepath.Glob("testdata/arch/*.json")
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if _, ok := refusedGoldens[name]; ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			g := readArchGolden(t, path)
			m := g.open(t)
			if m.Config.Latent.KV > 0 { // GGUF has one epsilon for all norms
				m.Config.Latent.NormEps = m.Config.NormEps
				m.W.Config = m.Config
			}
			file := filepath.Join(dir, name+".gguf")
			err := writeBareGGUF(file, m.W)
			if reason, ok := notInGGUF[name]; ok || err != nil {
				if !ok || err == nil || !strings.Contains(err.Error(), reason) {
					t.Errorf("written, the error is %v, want one with %q", err, reason)
				}
				return
			}
			f, err := gguf.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			t.Logf("largest difference %.2g", sameLogits(t, g.Prompts[2], m, openBareGGUF(t, f)))
		})
	}
}

// sameLogits compares two models that may differ by the rounding of settings.
func sameLogits(t *testing.T, prompt []int32, a, b *model.Model) (worst float64) {
	t.Helper()
	want, err := a.Forward(prompt, &model.Run{Logits: model.AllLogits})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Forward(prompt, &model.Run{Logits: model.AllLogits})
	if err != nil {
		t.Fatal(err)
	}
	return difference(t, "as GGUF", got.Data, want.Data)
}

var writeGGUF = flag.String("write-gguf", "", "keep the goldens' GGUF files in this folder")

// notInGGUF are models that GGUF has no settings for, and what the error says.
var notInGGUF = map[string]string{
	"falcon-serial": "Flow", "gemma2-scalar": "AttnScale", "gemma3_text-scalar": "AttnScale", "gpt_neox-serial": "Activation",
	"gpt_oss-plain": "Blocks", "gpt_oss": "ClampLimit", "olmoe-topk": "Experts", "qwen2-window": "sliding_window",
	"qwen2_moe-sparse": "sliding_window", "qwen3_moe-sparse": "Experts", "smollm3-layers": "Blocks",
	"starcoder2-window": "sliding_window", "gpt_oss-yarn": "Rope",
}

// writeBareGGUF writes a model without a vocabulary.
func writeBareGGUF(path string, w *model.Weights) error {
	config, extra, err := makeConfigGGUF(w.Config)
	if err != nil {
		return err
	}
	l, err := ggufLayout(w.Config, nil)
	if err != nil {
		return err
	}
	settings := append(config, gguf.Setting{Key: "tokenizer.ggml.model", Value: gguf.Of("no_vocab")})
	return gguf.Write(path, settings, append(extra, l.tensors(w, func(slot) tensor.DType { return tensor.F32 }, asItIs)...))
}

func openBareGGUF(t *testing.T, f *gguf.File) *model.Model {
	t.Helper()
	c, err := configGGUF(newSettings(f))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ggufLayout(c, f)
	if err != nil {
		t.Fatal(err)
	}
	w, err := load(c, f, l)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
