package modelfile

import (
	"fmt"
	"path/filepath"
	"strings"

	"weft/gguf"
	"weft/model"
	"weft/tensor"
)

const (
	nameKey     = "general.name"
	licenseKey  = "general.license"
	templateKey = "tokenizer.chat_template"
	samplingKey = "general.sampling."
)

func openGGUF(path string) (*Bundle, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := bundleGGUF(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b.source = f
	if b.Path = path; b.Name == "" {
		b.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return b, nil
}

// OpenBytes opens a .gguf file that is in memory; name is for messages, and for the model if the file has none for it.
func OpenBytes(name string, data []byte) (*Bundle, error) {
	f, err := gguf.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b, err := bundleGGUF(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if b.Name == "" {
		b.Name = name
	}
	return b, nil
}

func bundleGGUF(f *gguf.File) (*Bundle, error) {
	s := newSettings(f)
	c, err := configGGUF(s)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Name: s.text(nameKey, ""), License: s.text(licenseKey, ""), ChatTemplate: s.text(templateKey, "")}
	if b.Tokenizer, err = tokenizerGGUF(s); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if b.Generation, err = generationGGUF(s); err != nil {
		return nil, err
	}
	l, err := ggufLayout(c, f)
	if err != nil {
		return nil, err
	}
	if b.Weights, err = load(c, f, l); err != nil {
		return nil, err
	}
	if b.Tensors, err = inventory(f); err != nil {
		return nil, err
	}
	return b, b.complete()
}

// generationGGUF reads how to sample, and which tokens end a text.
func generationGGUF(s *settings) (Generation, error) {
	g := Generation{Temperature: s.maybe(samplingKey + "temp"), TopP: s.maybe(samplingKey + "top_p"),
		MinP: s.maybe(samplingKey + "min_p"), RepeatPenalty: s.maybe(samplingKey + "penalty_repeat")}
	if key := samplingKey + "top_k"; s.has(key) {
		k := s.int(key, 0)
		g.TopK = &k
	}
	if g.EOS = s.ids(endsKey); len(g.EOS) == 0 {
		for _, key := range []string{eosKey, eotKey} {
			if s.has(key) {
				g.EOS = append(g.EOS, int32(s.int(key, 0)))
			}
		}
	}
	if s.err != nil {
		return g, s.err
	}
	return g, g.check()
}

// SaveGGUF writes a model as one .gguf file that llama.cpp loads, atomically. Matrices are stored as d (F32, F16, BF16
// or a quantised type), but for the learned positions, which stay F32 as do all vectors. A matrix whose rows are not
// whole blocks of d is stored as F16.
func SaveGGUF(path string, b *Bundle, d tensor.DType) error {
	settings, tensors, err := b.gguf(d)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return gguf.Write(path, settings, tensors)
}

// fileTypes are llama.cpp's numbers for what most of a file is made of.
var fileTypes = map[tensor.DType]uint32{
	tensor.F32: 0, tensor.F16: 1, tensor.Q4_0: 2, tensor.Q4_1: 3, tensor.Q8_0: 7, tensor.BF16: 32,
}

func (b *Bundle) gguf(d tensor.DType) ([]gguf.Setting, []tensor.Named, error) {
	fileType, ok := fileTypes[d]
	if !ok {
		return nil, nil, unsupported("a GGUF file of %v is", d)
	}
	if err := b.complete(); err != nil {
		return nil, nil, err
	}
	c := b.Config()
	config, extra, err := makeConfigGGUF(c)
	if err != nil {
		return nil, nil, err
	}
	_, eos := b.ends()
	vocabulary, err := makeTokenizerGGUF(b.Tokenizer, eos, c.Vocab)
	if err != nil {
		return nil, nil, err
	}
	l, err := ggufLayout(c, nil)
	if err != nil {
		return nil, nil, err
	}
	tensors := append(extra, l.tensors(b.Weights, func(s slot) tensor.DType { return storedAs(d, s) })...)
	list := append(config, gguf.Setting{Key: "general.file_type", Value: gguf.Of(fileType)},
		gguf.Setting{Key: "general.quantization_version", Value: gguf.Of(uint32(2))})
	list = append(list, b.Generation.settingsGGUF()...)
	list = append(list, vocabulary...)
	for _, t := range []struct{ key, text string }{{nameKey, b.Name}, {licenseKey, b.License}, {templateKey, b.ChatTemplate}} {
		if t.text != "" {
			list = append(list, gguf.Setting{Key: t.key, Value: gguf.Of(t.text)})
		}
	}
	return list, tensors, nil
}

func (g Generation) settingsGGUF() []gguf.Setting {
	var list []gguf.Setting
	put := func(key string, x *float32) {
		if x != nil {
			list = append(list, gguf.Setting{Key: samplingKey + key, Value: gguf.Of(*x)})
		}
	}
	put("temp", g.Temperature)
	put("top_p", g.TopP)
	put("min_p", g.MinP)
	put("penalty_repeat", g.RepeatPenalty)
	if g.TopK != nil {
		list = append(list, gguf.Setting{Key: samplingKey + "top_k", Value: gguf.Of(int32(*g.TopK))})
	}
	return list
}

func storedAs(d tensor.DType, s slot) tensor.DType {
	switch {
	case s.vector, s.file == "position_embd.weight", strings.Contains(s.file, ".ffn_gate_inp"):
		return tensor.F32
	case s.shape[len(s.shape)-1]%d.BlockSize() != 0:
		return tensor.F16
	}
	return d
}

var _ model.WeightSource = (*gguf.File)(nil)
