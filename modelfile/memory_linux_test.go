//go:build !race

package modelfile

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weft/gguf"
	"weft/model"
	"weft/safetensors"
	"weft/tensor"
	"weft/tokenizer"
)

const openVariable = "WEFT_TEST_OPEN" // what a child of TestMemoryOfOpening opens

// TestMemoryOfOpening: opening a file, however hostile, takes at most twice its size and 64 MiB at any time: pages of the
// file that are mapped, the heap with its garbage, and the process itself.
func TestMemoryOfOpening(t *testing.T) {
	if path := os.Getenv(openVariable); path != "" {
		openAndTell(path)
		return
	}
	for _, c := range []struct {
		name   string
		opens  bool
		create func(t *testing.T, dir string) string
	}{
		{"tensors", false, manyTensors},
		{"index", false, longIndex},
		{"experts", true, manyExperts},
		{"tokens by score", false, func(t *testing.T, dir string) string { return ggufVocabulary(t, dir, "llama") }},
		{"unigrams", true, func(t *testing.T, dir string) string { return ggufVocabulary(t, dir, "t5") }},
		{"tokenizer.json", true, jsonVocabulary},
		{"settings", false, longSettings},
		{"wide vectors", false, wideVectors},
		{"turned", true, turnedHalves},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.create(t, t.TempDir())
			peak, said := peakOfOpening(t, path)
			size := sizeOf(t, path)
			for range 2 { // a busy machine may starve the collector, which works beside the program
				if peak > 2*size+64<<20 {
					peak, said = peakOfOpening(t, path)
				}
			}
			t.Logf("%.1f MiB of files took %.1f MiB: %s", float64(size)/(1<<20), float64(peak)/(1<<20), said)
			if peak > 2*size+64<<20 {
				t.Errorf("%d bytes for %d of files", peak, size)
			}
			if opened := said == "opened"; opened != c.opens {
				t.Errorf("it opens: %v", opened)
			}
		})
	}
}

// openAndTell opens a path in this process and prints what came of it.
func openAndTell(path string) {
	var err error
	if strings.Contains(filepath.Base(path), "tokenizer") {
		_, err = OpenTokenizer(path)
	} else {
		_, err = Open(path)
	}
	said := "opened"
	if err != nil {
		said = err.Error()
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, " kB")
	fmt.Printf("%s kB %.200q\n", strings.TrimSpace(peak), said)
}

// peakOfOpening opens a path in a process of its own and returns the most memory that this had resident.
func peakOfOpening(t *testing.T, path string) (peak int, said string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryOfOpening$")
	// One processor: with two, a busy machine may run the program and not its collector, and garbage grows without bound.
	cmd.Env = append(os.Environ(), openVariable+"="+path, "GOMAXPROCS=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := fmt.Sscanf(string(out), "%d kB %q", &peak, &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return peak << 10, said
}

// sizeOf is the bytes of a file, or of all in a folder.
func sizeOf(t *testing.T, path string) (size int) {
	t.Helper()
	err := filepath.Walk(path, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += int(info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// hollow writes a safetensors file of zeros, or the header alone of one that is cut off.
func hollow(t *testing.T, path string, shapes map[string][]int, dtype string, each int) {
	t.Helper()
	header, at := map[string]any{}, 0
	for name, shape := range shapes {
		n, _ := tensor.Elements(shape)
		header[name] = map[string]any{"dtype": dtype, "shape": shape, "data_offsets": []int{at, at + n*each}}
		at += n * each
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...))
	if err := os.Truncate(path, int64(8+len(text)+at)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// folderOf is a folder with a config and a tokenizer of bytes.
func folderOf(t *testing.T, dir, config string) string {
	t.Helper()
	text, err := tokenizer.Bytes().JSON()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, tokenizerName), text)
	write(t, filepath.Join(dir, configName), []byte(config))
	return dir
}

const tinyLlama = `{"model_type": "llama", "vocab_size": 256, "hidden_size": 1, "intermediate_size": %d, "num_hidden_layers": %d,
	"num_attention_heads": 1, "head_dim": 2, "mlp_bias": true, "tie_word_embeddings": true}`

// manyTensors is a file of as many tensors of nothing as a header may list.
func manyTensors(t *testing.T, dir string) string {
	shapes := map[string][]int{}
	for i := range 1 << 16 {
		shapes[fmt.Sprintf("%05x", i)] = []int{0, 0, 0}
	}
	hollow(t, filepath.Join(dir, weightsName), shapes, "U8", 1)
	return folderOf(t, dir, fmt.Sprintf(tinyLlama, 1, 1))
}

// longIndex lists a million tensors.
func longIndex(t *testing.T, dir string) string {
	text := []byte(`{"weight_map":{"":"a"`)
	for i := range 1 << 20 {
		text = fmt.Appendf(text, `,"%x":"a"`, i)
	}
	write(t, filepath.Join(dir, safetensors.IndexName), append(text, "}}"...))
	return folderOf(t, dir, fmt.Sprintf(tinyLlama, 1, 1))
}

// manyExperts is the most experts that a small file may have, of one number each.
func manyExperts(t *testing.T, dir string) string {
	c := model.Config{Arch: "mixtral", Vocab: 256, Context: 8, Layers: 2, Dim: 1, Heads: 1, KVHeads: 1, HeadDim: 2, Hidden: 1, Gated: true,
		TiedHead: true, Rope: model.Rope{Theta: 1e4}, Experts: model.Experts{Count: 1 << 12, Used: 2, Hidden: 1, Normed: true}}
	l, err := hfLayout(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	for _, s := range l.slots {
		shapes[s.file] = s.shape
	}
	hollow(t, filepath.Join(dir, weightsName), shapes, "F32", 4)
	return folderOf(t, dir, `{"model_type": "mixtral", "vocab_size": 256, "hidden_size": 1, "intermediate_size": 1, "num_hidden_layers": 2,
		"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 2, "num_local_experts": 4096, "tie_word_embeddings": true, "max_position_embeddings": 8}`)
}

// shortNames are as many different short texts as a vocabulary may have.
func shortNames() []string {
	names := []string{"<unk>"}
	for i := range 5<<16 - 1 {
		names = append(names, fmt.Sprintf("%04x", i))
	}
	return names
}

// lettersOf is the n'th of all words of a few letters, the shorter ones first.
func lettersOf(n int) (word string) {
	for ; n >= 0; n = n/24 - 1 {
		word = string(rune('a'+n%24)) + word
	}
	return word
}

// ggufVocabulary is a file of the largest vocabulary alone.
func ggufVocabulary(t *testing.T, dir, kind string) string {
	names := shortNames()
	if kind == "llama" { // every way to cut a token gives two tokens
		for i := range names[1:] {
			names[1+i] = lettersOf(i)
		}
	}
	kinds := make([]int32, len(names))
	for i := range kinds {
		kinds[i] = tokenizer.NormalToken
	}
	kinds[0] = tokenizer.UnknownToken
	path := filepath.Join(dir, "tokenizer.gguf")
	settings := []gguf.Setting{{Key: tokenizerKey + "model", Value: gguf.Of(kind)}, {Key: tokenizerKey + "tokens", Value: gguf.ListOf(names)},
		{Key: tokenizerKey + "scores", Value: gguf.ListOf(make([]float32, len(names)))}, {Key: tokenizerKey + "token_type", Value: gguf.ListOf(kinds)}}
	if err := gguf.Write(path, settings, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// jsonVocabulary is the largest vocabulary of a byte-level BPE.
func jsonVocabulary(t *testing.T, dir string) string {
	text, err := tokenizer.Bytes().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	vocab := doc["model"].(map[string]any)["vocab"].(map[string]any)
	for i, name := range shortNames()[256:] {
		vocab[name] = 256 + i
	}
	doc["model"].(map[string]any)["ignore_merges"] = true
	if text, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, tokenizerName)
	write(t, path, text)
	return path
}

// longSettings is a config of short texts.
func longSettings(t *testing.T, dir string) string {
	return folderOf(t, dir, `{"model_type": "llama", "layer_types": [""`+strings.Repeat(`,""`, 1<<20)+`]}`)
}

// wideVectors is a model that is mostly vectors, of a type that is a quarter as large as their numbers.
func wideVectors(t *testing.T, dir string) string {
	shapes := map[string][]int{"model.embed_tokens.weight": {256, 1}, "model.norm.weight": {1}}
	for l := range 16 {
		p := fmt.Sprintf("model.layers.%d.", l)
		for _, name := range []string{"input_layernorm", "post_attention_layernorm"} {
			shapes[p+name+".weight"] = []int{1}
		}
		for _, name := range []string{"q_proj", "k_proj", "v_proj"} {
			shapes[p+"self_attn."+name+".weight"] = []int{2, 1}
		}
		shapes[p+"self_attn.o_proj.weight"] = []int{1, 2}
		for _, name := range []string{"gate_proj", "up_proj"} {
			shapes[p+"mlp."+name+".weight"], shapes[p+"mlp."+name+".bias"] = []int{1 << 20, 1}, []int{1 << 20}
		}
		shapes[p+"mlp.down_proj.weight"], shapes[p+"mlp.down_proj.bias"] = []int{1, 1 << 20}, []int{1}
	}
	hollow(t, filepath.Join(dir, weightsName), shapes, "I8", 1)
	return folderOf(t, dir, fmt.Sprintf(tinyLlama, 1<<20, 16))
}

// turnedHalves is a GPT-2 in half precision, whose matrices lie turned in their file.
func turnedHalves(t *testing.T, dir string) string {
	c := gpt2Config
	c.Layers, c.Dim, c.Heads, c.KVHeads, c.HeadDim, c.Hidden = 8, 512, 8, 8, 64, 2048
	c.QKVBias, c.OutBias, c.MLPBias, c.NormBias = true, true, true, true
	l, err := hfLayout(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	for _, s := range l.slots {
		shapes[s.file] = s.shape
	}
	hollow(t, filepath.Join(dir, weightsName), shapes, "F16", 2)
	config, err := makeConfig(c, hfCommon{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return folderOf(t, dir, string(text))
}
