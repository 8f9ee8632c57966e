package modelfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"weft/internal/atomicfile"
	"weft/model"
	"weft/safetensors"
	"weft/tensor"
)

const (
	configName     = "config.json"
	weightsName    = "model.safetensors"
	tokenizerName  = "tokenizer.json"
	tokenizerSays  = "tokenizer_config.json"
	generationName = "generation_config.json"
	templateName   = "chat_template.jinja"
)

// maxText bounds the settings and templates that are read whole. The largest real ones, Gemma 3's tokenizer_config.json
// with all its unused tokens, have 1.2 MB.
const maxText = 4 << 20

// openFolder reads a folder in Hugging Face's layout.
func openFolder(dir string) (*Bundle, error) {
	b := &Bundle{Name: nameOf(dir), Path: dir}
	text, err := readText(dir, configName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open model: %s has no %s, so it is no model folder", dir, configName)
	} else if err != nil {
		return nil, err
	}
	c, common, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, configName), err)
	}
	if err := b.readTokenizer(dir); err != nil {
		return nil, err
	}
	if err := b.readGeneration(dir, common); err != nil {
		return nil, err
	}
	b.License = common.License
	if b.License == "" {
		b.License = cardLicense(dir)
	}
	if err := b.readWeights(dir, c); err != nil {
		b.Close()
		return nil, err
	}
	if err := b.complete(); err != nil {
		b.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return b, nil
}

// nameOf is a folder's own name, also for "." and "..".
func nameOf(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

func readText(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxText {
		return nil, fmt.Errorf("%s: %d bytes, mode %v: not a text we would read", path, info.Size(), info.Mode())
	}
	return os.ReadFile(path)
}

// readWeights finds the weights, in one file or in shards, and loads them.
func (b *Bundle) readWeights(dir string, c model.Config) error {
	src, err := openWeights(dir)
	if err != nil {
		return err
	}
	b.source = src
	if b.Weights, err = loadHF(c, src); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if b.Tensors, err = inventory(src); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

// loadHF makes weights of tensors as transformers names them.
func loadHF(c model.Config, src model.WeightSource) (*model.Weights, error) {
	src, err := unpacked(src)
	if err != nil {
		return nil, err
	}
	if err := plausible(c, src); err != nil {
		return nil, err
	}
	l, err := hfLayout(c, src)
	if err != nil {
		return nil, err
	}
	return load(c, src, l)
}

// weights is what [safetensors.File] and [safetensors.Set] have in common.
type weights interface {
	model.WeightSource
	Close() error
}

func openWeights(dir string) (weights, error) {
	single := filepath.Join(dir, weightsName)
	if _, err := os.Stat(single); err == nil {
		return safetensors.Open(single)
	}
	index := filepath.Join(dir, safetensors.IndexName)
	if _, err := os.Stat(index); err == nil {
		return safetensors.OpenIndexed(index)
	}
	for _, pattern := range []string{"*.bin", "*.pt", "*.pth"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) > 0 {
			return nil, unsupported("%s: weights in Python's pickle format are", found[0])
		}
	}
	return nil, fmt.Errorf("open model: %s has neither %s nor %s", dir, weightsName, safetensors.IndexName)
}

func inventory(src model.WeightSource) ([]Tensor, error) {
	var list []Tensor
	for _, name := range src.Names() {
		r, err := src.Tensor(name)
		if err != nil {
			return nil, err
		}
		list = append(list, Tensor{Name: name, DType: r.DType.String(), Shape: r.Shape, Bytes: len(r.Data)})
	}
	return list, nil
}

// readTokenizer reads the tokenizer, and from tokenizer_config.json which tokens start and end a text and the
// template for conversations.
func (b *Bundle) readTokenizer(dir string) error {
	t, err := folderTokenizer(dir)
	if err != nil {
		return err
	}
	b.Tokenizer = t
	text, err := readText(dir, tokenizerSays)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var says hfTokenizer
	if err := json.Unmarshal(text, &says); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, tokenizerSays), err)
	}
	if err := says.apply(t); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, tokenizerSays), err)
	}
	b.ChatTemplate = says.template()
	if text, err := readText(dir, templateName); err == nil {
		b.ChatTemplate = string(text)
	}
	return nil
}

// readGeneration reads generation_config.json. Tokens that end a text may stand there or in config.json.
func (b *Bundle) readGeneration(dir string, common hfCommon) error {
	text, err := readText(dir, generationName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if b.Generation, err = parseGeneration(text); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, generationName), err)
		}
	}
	if len(b.Generation.EOS) == 0 {
		b.Generation.EOS = common.EOS
	}
	return nil
}

// SaveFolder writes a model as a folder that transformers loads as it is, with weights in float32. Every file appears
// whole or not at all, the weights last.
func SaveFolder(dir string, b *Bundle) error {
	bos, eos := b.ends()
	config, err := makeConfig(b.Config(), hfCommon{BOS: bos, EOS: eos, License: b.License})
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := b.complete(); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	text, err := b.Tokenizer.JSON()
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	l, err := hfLayout(b.Config(), nil)
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	tensors := l.tensors(b.Weights, func(slot) tensor.DType { return tensor.F32 }, asItIs)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := b.saveTexts(dir, config, text, makeGeneration(b.Generation, bos, eos)); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := safetensors.Write(filepath.Join(dir, weightsName), tensors, nil); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

// ends are the tokens that start and end a text: what the settings say, else the tokenizer's. transformers' own
// defaults would be wrong for most vocabularies, so they are always written out.
func (b *Bundle) ends() (bos *int32, eos []int32) {
	if b.Tokenizer.BOS >= 0 {
		bos = &b.Tokenizer.BOS
	}
	if eos = b.Generation.EOS; len(eos) == 0 && b.Tokenizer.EOS >= 0 {
		eos = []int32{b.Tokenizer.EOS}
	}
	return bos, eos
}

func (b *Bundle) saveTexts(dir string, config any, tokenizerText []byte, generation hfGeneration) error {
	save := func(name string, value any) error {
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		return atomicfile.WriteBytes(filepath.Join(dir, name), append(text, '\n'))
	}
	if err := save(configName, config); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, tokenizerName), tokenizerText); err != nil {
		return err
	}
	if err := save(tokenizerSays, makeTokenizerConfig(b.Tokenizer, b.Config().Context)); err != nil {
		return err
	}
	if b.ChatTemplate != "" {
		if err := atomicfile.WriteBytes(filepath.Join(dir, templateName), []byte(b.ChatTemplate)); err != nil {
			return err
		}
	}
	return save(generationName, generation)
}
