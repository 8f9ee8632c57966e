package modelfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/gguf"
	"weft/model"
	"weft/tensor"
	"weft/tokenizer"
)

func TestGGUFRoundTrip(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		t.Run(name, func(t *testing.T) {
			b := open(t, filepath.Join("testdata", name))
			b.License, b.ChatTemplate = "mit", "{{ messages }}"
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := SaveGGUF(path, b, GGUFOptions{Type: "f32"}); err != nil {
				t.Fatal(err)
			}
			again := open(t, path)
			agrees(t, again, readGolden(t, name), 2e-5)
			sameModel(t, b, again)
			if again.Name != name || again.License != "mit" || again.ChatTemplate != b.ChatTemplate {
				t.Errorf("name %q, license %q, template %q", again.Name, again.License, again.ChatTemplate)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			embedded, err := OpenBytes("built in", data)
			if err != nil {
				t.Fatal(err)
			}
			sameModel(t, b, embedded)
		})
	}
}

// TestGGUFTypes: what is stored smaller is close, and what is said about it true.
func TestGGUFTypes(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		for d, limit := range map[tensor.DType]float64{tensor.F16: 0.02, tensor.BF16: 0.2, tensor.Q8_0: 0.3} {
			b := open(t, filepath.Join("testdata", name))
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := SaveGGUF(path, b, GGUFOptions{Type: d.String()}); err != nil {
				t.Fatal(err)
			}
			again := open(t, path)
			agrees(t, again, readGolden(t, name), limit)
			vectors, matrices := 0, 0
			for _, p := range b.Weights.Params() {
				if n := len(p.Data); p.Rows == 1 || p.Name == "position_embd.weight" {
					vectors += 4 * n
				} else {
					matrices += n
				}
			}
			got := again.DTypes()
			if got["F32"] != vectors || got[d.String()] == 0 || name == "gpt2" && got[d.String()]*d.BlockSize() != matrices*d.BlockBytes() {
				t.Errorf("%s as %v: bytes %v for %d of vectors and %d numbers", name, d, got, vectors, matrices)
			}
			if name == "llama" && d == tensor.Q8_0 && got["F16"] == 0 { // heads of 10 make rows of 40
				t.Errorf("rows that are no whole blocks: %v", got)
			}
			if err := SaveFolder(filepath.Join(t.TempDir(), "f"), again); err != nil {
				t.Errorf("back to a folder: %v", err)
			}
		}
	}
}

// TestGGUFTokenizers: every split, marks, holes and tokens around a text survive.
func TestGGUFTokenizers(t *testing.T) {
	docs := func(yield func([]byte) bool) { yield([]byte(strings.Repeat("It's 1234 and don't. naïve ∞\n", 20))) }
	for _, split := range []tokenizer.Split{tokenizer.GPT2, tokenizer.CL100K, tokenizer.O200K, tokenizer.Qwen2} {
		tok, err := tokenizer.Train(docs, tokenizer.TrainOptions{Vocab: 290, Split: split, Specials: []string{"<|s|>", "<|e|>"}})
		if err != nil {
			t.Fatal(err)
		}
		tok.BOS, tok.EOS = 0, 1
		c := llamaConfig
		c.Vocab = 300
		b := made(c)
		b.Tokenizer = tok
		b.Generation.EOS = []int32{1, 5, 7}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := SaveGGUF(path, b, GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		again := open(t, path)
		for _, o := range []tokenizer.Encode{{}, {ParseSpecial: true, AddSpecial: true}} {
			text := "<|s|>It's 99999 naïve ∞ dons\n\n\xff🙂"
			if a, b := tok.Encode(text, o), again.Tokenizer.Encode(text, o); !slices.Equal(a, b) {
				t.Errorf("%v: token IDs %v, want %v", split, b, a)
			}
		}
		if again.Tokenizer.BOS != 0 || again.Tokenizer.EOS != 1 || !slices.Equal(again.Generation.EOS, []int32{1, 5, 7}) {
			t.Errorf("BOS %d, EOS %d, ends %v", again.Tokenizer.BOS, again.Tokenizer.EOS, again.Generation.EOS)
		}
	}
}

// TestGGUFKeepsPieces: a SentencePiece tokenizer that came from a GGUF file goes into the next one with its scores,
// by which it merges, and its flags; a model with more rows than it has tokens gets unused ones.
func TestGGUFKeepsPieces(t *testing.T) {
	tokens, scores, kinds := piecesOf()
	no := false
	for name, v := range map[string]tokenizer.Vocabulary{
		"plain":  {Model: "llama", BOS: 1, EOS: 2},
		"flags":  {Model: "llama", BOS: 2, EOS: 1, AddBOS: &no, SpacePrefix: &no},
		"t5":     {Model: "t5", BOS: -1, EOS: 1, CollapseSpace: true},
		"no end": {Model: "llama", Pre: "default", BOS: 1, EOS: 2, AddEOS: &no},
	} {
		v.Tokens, v.Scores, v.Kinds, v.SEP, v.Unknown = tokens, scores, kinds, -1, 0
		tok, err := tokenizer.FromVocabulary(&v)
		if err != nil {
			t.Fatal(err)
		}
		c := llamaConfig
		c.Vocab = 300
		b := made(c)
		b.Tokenizer, b.Generation.EOS = tok, []int32{2, 1}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := SaveGGUF(path, b, GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		again := open(t, path)
		for _, o := range []tokenizer.Encode{{}, {ParseSpecial: true, AddSpecial: true}} {
			text := "  ab ba</s> a\xff∞"
			want, got := tok.Encode(text, o), again.Tokenizer.Encode(text, o)
			if !slices.Equal(got, want) || !bytes.Equal(again.Tokenizer.Decode(got), tok.Decode(want)) {
				t.Errorf("%s: token IDs %v, want %v", name, got, want)
			}
		}
		if a := again.Tokenizer; a.BOS != tok.BOS || a.EOS != tok.EOS || a.Size() != 300 || a.Piece(299) != nil {
			t.Errorf("%s: BOS %d, EOS %d, %d tokens, the last is %q", name, a.BOS, a.EOS, a.Size(), a.Piece(299))
		}
	}
}

// changed is a GGUF model with some settings replaced (a nil value removes) and a tensor renamed.
func changed(t *testing.T, name string, settings map[string]*gguf.Value, rename map[string]string) []byte {
	t.Helper()
	b := open(t, filepath.Join("testdata", name))
	list, tensors, err := b.gguf(GGUFOptions{Type: "f32"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var kept []gguf.Setting
	for _, s := range list {
		if v, ok := settings[s.Key]; !ok {
			kept = append(kept, s)
		} else if v != nil {
			kept = append(kept, gguf.Setting{Key: s.Key, Value: *v})
		}
		delete(settings, s.Key)
	}
	for key, v := range settings {
		kept = append(kept, gguf.Setting{Key: key, Value: *v})
	}
	for i := range tensors {
		if to, ok := rename[tensors[i].Name]; ok {
			tensors[i].Name = to
		}
	}
	var out bytes.Buffer
	if err := gguf.WriteTo(&out, kept, tensors); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGGUFRefuses(t *testing.T) {
	set := func(v gguf.Value) *gguf.Value { return &v }
	u32 := func(n uint32) *gguf.Value { return set(gguf.Of(n)) }
	text := func(s string) *gguf.Value { return set(gguf.Of(s)) }
	for _, c := range []struct {
		model, key string
		value      *gguf.Value
		want       string
	}{
		{"llama", archKey, text("mamba"), `"mamba"`},
		{"llama", archKey, nil, archKey},
		{"llama", archKey, u32(3), archKey},
		{"llama", "llama.rope.scaling.type", text("spiral"), "spiral"},
		{"llama", "llama.rope.scaling.type", set(gguf.Of(true)), "rope.scaling.type"},
		{"llama", "llama.rope.dimension_count", u32(4), "dimension_count"},
		{"llama", "llama.expert_count", u32(8), "expert_used_count"},
		{"llama", "llama.something_new", set(gguf.Of(true)), "llama.something_new"},
		{"llama", "llama.attention.value_length", u32(12), "attn_v"},
		{"llama", "llama.block_count", u32(3), "blk.2"},
		{"llama", "llama.block_count", u32(1), "blk.1"},
		{"llama", "llama.block_count", nil, "block_count"},
		{"llama", "llama.block_count", text("2"), "block_count"},
		{"llama", "llama.block_count", set(gguf.Of(uint64(1 << 40))), "block_count"},
		{"llama", "llama.block_count", set(gguf.Of(int32(-1))), "layers"},
		{"llama", "llama.embedding_length", u32(1 << 30), "dim"},
		{"llama", "llama.attention.head_count", u32(0), "heads"},
		{"llama", "llama.attention.head_count_kv", u32(4), "shape"},
		{"llama", "llama.vocab_size", u32(1000), "vocab_size"},
		{"gpt2", "gpt2.attention.head_count", u32(5), "head_count"},
		{"gpt2", "gpt2.attention.head_count_kv", u32(2), "head_count"},
		{"gpt2", "gpt2.context_length", u32(65), "position_embd"},

		{"gpt2", tokenizerKey + "model", text("rwkv"), `"rwkv"`},
		{"gpt2", tokenizerKey + "pre", text("nonesuch"), `"nonesuch"`},
		{"gpt2", tokenizerKey + "pre", nil, "pre-tokenizer"},
		{"gpt2", tokenizerKey + "tokens", nil, "tokens"},
		{"gpt2", tokenizerKey + "tokens", set(gguf.ListOf([]string{"a", "a"})), "types"},
		{"gpt2", tokenizerKey + "merges", set(gguf.ListOf([]string{"ab"})), "merge 0"},
		{"gpt2", tokenizerKey + "merges", set(gguf.ListOf([]string{"a Ω"})), "merge 0"},
		{"gpt2", bosKey, u32(0xffffffff), "bos_token_id"},
		{"gpt2", eosKey, u32(290), "290"},
		{"gpt2", eotKey, u32(290), "290"},
		{"gpt2", endsKey, set(gguf.ListOf([]int32{-2})), "-2"},
		{"gpt2", samplingKey + "temp", set(gguf.Of(float32(-1))), "temperature"},
	} {
		data := changed(t, c.model, map[string]*gguf.Value{c.key: c.value}, nil)
		_, err := OpenBytes("some.gguf", data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "some.gguf: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %s and the name", c.key, err, c.want)
		}
	}
	types := slices.Repeat([]int32{tokenizer.NormalToken}, 290)
	types[9] = 6
	if _, err := OpenBytes("x", changed(t, "gpt2", map[string]*gguf.Value{tokenizerKey + "token_type": set(gguf.ListOf(types))}, nil)); err == nil || !strings.Contains(err.Error(), "type 6") {
		t.Errorf("a token of a type that this kind has not: %v", err)
	}
	for _, rename := range []map[string]string{{"output_norm.weight": "output_norm.gain"}, {"blk.1.ffn_up.weight": "rope_freqs.weight"}} {
		if _, err := OpenBytes("x", changed(t, "llama", nil, rename)); err == nil {
			t.Errorf("%v: no error", rename)
		}
	}
	for key, v := range map[string]*gguf.Value{"llama.rope.scaling.type": text("none"), "llama.expert_count": u32(0)} {
		if _, err := OpenBytes("x", changed(t, "llama", map[string]*gguf.Value{key: v}, nil)); err != nil {
			t.Errorf("%s, which changes nothing: %v", key, err)
		}
	}
}

func TestSaveGGUFRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	llama := made(llamaConfig)
	for name, c := range map[string]struct {
		change func(*Bundle)
		dtype  tensor.DType
	}{
		"a type for integers":      {func(*Bundle) {}, tensor.I32},
		"a type we cannot write":   {func(*Bundle) {}, tensor.IQ2_XS},
		"an activation":            {func(b *Bundle) { b.Weights.Config.Activation = model.GELU }, tensor.F32},
		"an unknown architecture":  {func(b *Bundle) { b.Weights.Config.Arch = "rwkv" }, tensor.F32},
		"too large for a half":     {func(b *Bundle) { b.Weights.Layers[0].AttnQ.W.Data[3] = 1e6 }, tensor.F16},
		"tokens beyond the model":  {func(b *Bundle) { b.Tokenizer = tokenizer.Bytes("<|x|>") }, tensor.F32},
		"an end beyond the tokens": {func(b *Bundle) { b.Generation.EOS = []int32{256} }, tensor.F32},
	} {
		w := *llama.Weights
		w.Layers = slices.Clone(w.Layers)
		w.Layers[0].AttnQ.W = tensor.Of(slices.Clone(w.Layers[0].AttnQ.W.Data), w.Layers[0].AttnQ.W.Rows, w.Layers[0].AttnQ.W.Cols)
		b := *llama
		b.Weights = &w
		c.change(&b)
		if err := SaveGGUF(path, &b, GGUFOptions{Type: c.dtype.String()}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v must name the file", name, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: left a file", name)
		}
	}
}

// smallest are models of a few kilobytes, so that a fuzzer's changes hit every part of them.
func smallest(t testing.TB) [][]byte {
	var files [][]byte
	for _, c := range []model.Config{llamaConfig, gpt2Config} {
		c.Vocab, c.Context, c.Layers, c.Dim, c.Heads, c.KVHeads, c.HeadDim, c.Hidden = 257, 4, 1, 4, 2, 2, 2, 4
		c.Activation = map[string]model.Activation{"llama": model.SiLU, "gpt2": model.GELU}[c.Arch]
		b := made(c)
		b.Tokenizer = tokenizer.Bytes("<e>")
		settings, tensors, err := b.gguf(GGUFOptions{Type: "f32"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := gguf.WriteTo(&out, settings, tensors); err != nil {
			t.Fatal(err)
		}
		files = append(files, out.Bytes())
	}
	return files
}

func FuzzOpenBytes(f *testing.F) {
	for _, data := range smallest(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := OpenBytes("fuzz", data)
		if err != nil {
			return
		}
		b.Tokenizer.Encode("ab<e>c", tokenizer.Encode{ParseSpecial: true, AddSpecial: true})
		m, err := model.New(b.Weights, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Forward([]int32{0}, &model.Run{}); err != nil {
			t.Fatal(err)
		}
	})
}
