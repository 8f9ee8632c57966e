package modelfile

import (
	"fmt"
	"strings"

	"weft/gguf"
	"weft/imatrix"
	"weft/internal/par"
	"weft/tensor"
)

// GGUFOptions say how to store a model's numbers. The zero value is half precision.
type GGUFOptions struct {
	Type       string          // one of [GGUFTypes]; empty: f16
	Importance *imatrix.Matrix // which columns matter more; may be nil
	Threads    int             // 0: one per core
}

// GGUFTypes lists the ways to store a model: plain types, and mixes that store what suffers more from it with more bits.
func GGUFTypes() []string {
	var names []string
	for _, m := range mixes {
		names = append(names, m.name)
	}
	return names
}

// SaveGGUF writes a model as one .gguf file that llama.cpp loads, atomically. Which tensor gets which type is
// llama.cpp's choice for that name; vectors stay F32. What is stored as its type already is passed on as it is.
func SaveGGUF(path string, b *Bundle, o GGUFOptions) error {
	pool := par.New(o.Threads)
	defer pool.Close()
	settings, tensors, err := b.gguf(o, pool)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return gguf.Write(path, settings, tensors)
}

func (b *Bundle) gguf(o GGUFOptions, pool *par.Pool) ([]gguf.Setting, []tensor.Named, error) {
	if o.Type == "" {
		o.Type = "f16"
	}
	mix, err := findMix(o.Type)
	if err != nil {
		return nil, nil, err
	}
	if err := b.complete(); err != nil {
		return nil, nil, err
	}
	settings, extra, err := makeConfigGGUF(b.Config())
	if err != nil {
		return nil, nil, err
	}
	more, err := b.settingsGGUF(mix)
	if err != nil {
		return nil, nil, err
	}
	tensors, err := b.tensorsGGUF(mix, o.Importance, pool)
	return append(settings, more...), append(extra, tensors...), err
}

// settingsGGUF is what a file says besides the architecture.
func (b *Bundle) settingsGGUF(m mix) ([]gguf.Setting, error) {
	_, eos := b.ends()
	vocabulary, err := makeTokenizerGGUF(b.Tokenizer, eos, b.Config().Vocab)
	if err != nil {
		return nil, err
	}
	list := []gguf.Setting{{Key: "general.file_type", Value: gguf.Of(m.fileType)}, {Key: "general.quantization_version", Value: gguf.Of(uint32(2))}}
	list = append(list, b.Generation.settingsGGUF()...)
	list = append(list, vocabulary...)
	for _, t := range []struct{ key, text string }{{nameKey, b.Name}, {licenseKey, b.License}, {templateKey, b.ChatTemplate}} {
		if t.text != "" {
			list = append(list, gguf.Setting{Key: t.key, Value: gguf.Of(t.text)})
		}
	}
	return list, nil
}

// tensorsGGUF lists the tensors, each as the type that the mix has for it.
func (b *Bundle) tensorsGGUF(chosen mix, importance *imatrix.Matrix, pool *par.Pool) ([]tensor.Named, error) {
	c := b.Config()
	l, err := ggufLayout(c, nil)
	if err != nil {
		return nil, err
	}
	a, err := byName(c.Arch)
	if err != nil {
		return nil, err
	}
	m := &mixer{mix: chosen, arch: a.gguf.name, layers: c.Layers, grouped: c.Heads / c.KVHeads, experts: c.Experts.Count,
		tied: c.TiedHead, important: importance != nil}
	if c.Latent.KV > 0 {
		m.grouped = c.Heads // one key and value head, as files have it
	}
	types := map[string]tensor.DType{}
	for _, s := range l.slots {
		if types[s.file], err = m.dtype(s.file, s.shape); err != nil {
			return nil, err
		}
		if s.vector || strings.HasPrefix(s.file, "position_embd") {
			types[s.file] = tensor.F32
		}
	}
	q := quantiser{pool: pool, importance: importance}
	return l.tensors(b.Weights, func(s slot) tensor.DType { return types[s.file] }, q.encode), nil
}

// quantiser encodes tensors, in parallel.
type quantiser struct {
	pool       *par.Pool
	importance *imatrix.Matrix
}

// encode stores a tensor of a layout; slots are its parts.
func (q quantiser) encode(slots []slot, d tensor.DType, data []float32) ([]byte, error) {
	shape := slots[0].shape
	size, err := tensor.SizeOf(d, shape)
	if err != nil {
		return nil, err
	}
	cols := shape[len(shape)-1]
	rows, perRow := len(data)/cols, size/(len(data)/cols)
	weights, err := q.weights(slots, cols, rows)
	if err != nil {
		return nil, err
	}
	perMatrix := rows
	if weights != nil {
		perMatrix = rows * cols / len(weights)
	}
	out, failed := make([]byte, size), make([]error, rows)
	q.pool.Range(rows, max(1, (64<<10)/cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			raw, err := tensor.Raw{}, error(nil)
			if row := data[r*cols : (r+1)*cols]; weights == nil {
				raw, err = tensor.Encode(d, row, 1, cols)
			} else {
				at := r / perMatrix * cols
				raw, err = tensor.EncodeWeighted(d, row, weights[at:at+cols], 1, cols)
			}
			failed[r] = err
			copy(out[r*perRow:], raw.Data)
		}
	})
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// weights is the importance of a tensor's columns, one list or one for each of its matrices; nil if there is none.
func (q quantiser) weights(slots []slot, cols, rows int) ([]float32, error) {
	if q.importance == nil || slots[0].vector {
		return nil, nil
	}
	for _, name := range []string{slots[0].file, slots[0].param} {
		e, ok := q.importance.Entries[name]
		if !ok {
			continue
		}
		w := e.Importance()
		if len(w)%cols != 0 || rows%(len(w)/cols) != 0 {
			return nil, fmt.Errorf("the importance matrix has %d numbers for %s, whose rows have %d", len(w), name, cols)
		}
		return w, nil
	}
	return nil, nil
}
