package modelfile

import (
	"fmt"
	"path/filepath"
	"strings"

	"weft/gguf"
	"weft/model"
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
	if err := plausible(c, f); err != nil {
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

var _ model.WeightSource = (*gguf.File)(nil)
