package imatrix

import (
	"errors"
	"fmt"
	"strings"

	"weft/gguf"
	"weft/tensor"
)

const (
	sumsSuffix   = ".in_sum2"
	countsSuffix = ".counts"
	datasetsKey  = "imatrix.datasets"
	chunksKey    = "imatrix.chunk_count"
	sizeKey      = "imatrix.chunk_size"
)

func parseGGUF(data []byte) (*Matrix, error) {
	f, err := gguf.Parse(data)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Entries: map[string]Entry{}}
	if err := m.readSettings(f); err != nil {
		return nil, err
	}
	for _, name := range f.Names() {
		of, isSums := strings.CutSuffix(name, sumsSuffix)
		if !isSums {
			if of, isCounts := strings.CutSuffix(name, countsSuffix); !isCounts {
				return nil, fmt.Errorf("the tensor %q is neither sums nor counts", name)
			} else if _, err := f.Tensor(of + sumsSuffix); err != nil {
				return nil, fmt.Errorf("%q has counts and no sums", of)
			}
			continue
		}
		var e Entry
		if e.Sums, err = numbers(f, name); err != nil {
			return nil, err
		}
		if e.Counts, err = numbers(f, of+countsSuffix); err != nil {
			return nil, err
		}
		if err := m.add(of, e); err != nil {
			return nil, err
		}
	}
	if len(m.Entries) == 0 {
		return nil, errors.New("no entries: is this the GGUF file of a model?")
	}
	return m, nil
}

func (m *Matrix) readSettings(f *gguf.File) error {
	for key, n := range map[string]*int{chunksKey: &m.Chunks, sizeKey: &m.ChunkSize} {
		v, ok := f.Get(key)
		if !ok {
			return fmt.Errorf("no %s, so this is not an importance matrix", key)
		}
		i, err := v.Int()
		if err != nil || i < 0 || i > 1<<31-1 {
			return fmt.Errorf("%s %w", key, errors.Join(err, fmt.Errorf("is %d", i)))
		}
		*n = int(i)
	}
	if v, ok := f.Get(datasetsKey); ok {
		var err error
		if m.Datasets, err = v.Texts(); err != nil {
			return fmt.Errorf("%s %w", datasetsKey, err)
		}
	}
	return nil
}

func numbers(f *gguf.File, name string) ([]float32, error) {
	r, err := f.Tensor(name)
	if err != nil {
		return nil, err
	}
	if r.DType != tensor.F32 {
		return nil, fmt.Errorf("%q is %v, not F32", name, r.DType)
	}
	list := make([]float32, r.Elements())
	return list, r.Float32s(list)
}

// Write makes path a GGUF file, atomically, as llama.cpp's tools read it.
func (m *Matrix) Write(path string) error {
	names, err := m.sorted()
	if err != nil {
		return err
	}
	settings := []gguf.Setting{
		{Key: "general.type", Value: gguf.Of("imatrix")},
		{Key: datasetsKey, Value: gguf.ListOf(m.Datasets)},
		{Key: chunksKey, Value: gguf.Of(uint32(m.Chunks))},
		{Key: sizeKey, Value: gguf.Of(uint32(m.ChunkSize))},
	}
	var tensors []tensor.Named
	for _, name := range names {
		e := m.Entries[name]
		n := len(e.Counts)
		tensors = append(tensors,
			tensor.Named{Name: name + sumsSuffix, Raw: tensor.RawOf(e.Sums, n, len(e.Sums)/n)},
			tensor.Named{Name: name + countsSuffix, Raw: tensor.RawOf(e.Counts, n, 1)})
	}
	return gguf.Write(path, settings, tensors)
}
