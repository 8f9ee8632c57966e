package modelfile

import (
	"fmt"
	"math"

	"weft/gguf"
	"weft/tensor"
)

// ggufSource is what settings are read from: a [gguf.File], or one that is yet to be written.
type ggufSource interface {
	Settings() []gguf.Setting
	Get(key string) (gguf.Value, bool)
	Tensor(name string) (tensor.Raw, error)
}

// settings reads a GGUF file's metadata and remembers what was read and what went wrong first, so that a translation
// can be written as a list.
type settings struct {
	file ggufSource
	arch string // general.architecture
	used map[string]bool
	err  error
}

func newSettings(f ggufSource) *settings { return &settings{file: f, used: map[string]bool{}} }

// maxList bounds the lists that are decoded whole; the largest real vocabularies have a quarter of a million tokens, made
// by half a million merges.
const maxList = 5 << 17

func (s *settings) fail(key string, err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("setting %s %w", key, err)
	}
}

func (s *settings) get(key string) (gguf.Value, bool) {
	s.used[key] = true
	return s.file.Get(key)
}

// key is an architecture's own setting.
func (s *settings) key(name string) string { return s.arch + "." + name }

// tensor says whether the file has a tensor.
func (s *settings) tensor(name string) bool { _, err := s.file.Tensor(name); return err == nil }

func (s *settings) has(key string) bool { _, ok := s.file.Get(key); return ok }

// read decodes a value with one of gguf.Value's methods; a key that is not there gives otherwise.
func read[T any](s *settings, key string, otherwise T, decode func(gguf.Value) (T, error)) T {
	v, ok := s.get(key)
	if !ok {
		return otherwise
	}
	if v.Len > maxList {
		s.fail(key, fmt.Errorf("has %d elements, which no model needs", v.Len))
		return otherwise
	}
	x, err := decode(v)
	if err != nil {
		s.fail(key, err)
		return otherwise
	}
	return x
}

func (s *settings) text(key, otherwise string) string {
	return read(s, key, otherwise, gguf.Value.Text)
}

func (s *settings) bool(key string, otherwise bool) bool {
	return read(s, key, otherwise, gguf.Value.Bool)
}

func (s *settings) float(key string, otherwise float64) float64 {
	return read(s, key, otherwise, gguf.Value.Float)
}

// int reads a whole number of at most 32 bits, which all counts and token IDs are.
func (s *settings) int(key string, otherwise int) int {
	return read(s, key, otherwise, func(v gguf.Value) (int, error) {
		n, err := v.Int()
		if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
			err = fmt.Errorf("is %d, which is out of range", n)
		}
		return int(n), err
	})
}

// want is int for a key that must be there.
func (s *settings) want(key string) int {
	if !s.has(key) {
		s.fail(key, fmt.Errorf("is missing"))
	}
	return s.int(key, 0)
}

func (s *settings) texts(key string) []string {
	return read(s, key, nil, gguf.Value.Texts)
}

func (s *settings) ids(key string) []int32 {
	return read(s, key, nil, func(v gguf.Value) ([]int32, error) {
		list, err := v.Ints()
		ids := make([]int32, len(list))
		for i, n := range list {
			if n < math.MinInt32 || n > math.MaxInt32 {
				return nil, fmt.Errorf("has %d, which is out of range", n)
			}
			ids[i] = int32(n)
		}
		return ids, err
	})
}

// maybe is a number that a file may leave out.
func (s *settings) maybe(key string) *float32 {
	if !s.has(key) {
		return nil
	}
	f := float32(s.float(key, 0))
	return &f
}

// flag is a yes or no that a file may leave out.
func (s *settings) flag(key string) *bool {
	if !s.has(key) {
		return nil
	}
	b := s.bool(key, false)
	return &b
}

func (s *settings) floats(key string) []float32 {
	return read(s, key, nil, func(v gguf.Value) ([]float32, error) {
		list, err := v.Floats()
		small := make([]float32, len(list))
		for i, x := range list {
			small[i] = float32(x)
		}
		return small, err
	})
}

// bytes reads a list of numbers of 8 bits, with or without a sign.
func (s *settings) bytes(key string) []byte {
	return read(s, key, nil, func(v gguf.Value) ([]byte, error) {
		list, err := v.Ints()
		b := make([]byte, len(list))
		for i, n := range list {
			if n < math.MinInt8 || n > math.MaxUint8 {
				return nil, fmt.Errorf("has %d, which is no byte", n)
			}
			b[i] = byte(n)
		}
		return b, err
	})
}
