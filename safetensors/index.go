package safetensors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"weft/tensor"
)

// IndexName is the file that lists the shards of a model that is stored in several files.
const IndexName = "model.safetensors.index.json"

// Bounds of an index file; the largest real ones list some hundred thousand tensors in a few megabytes.
const (
	maxIndex   = 32 << 20
	maxIndexed = 1 << 18
)

// Set is a model stored in several files, read as one.
type Set struct {
	path   string
	files  []*File
	shards map[string]*File // by tensor name
}

// OpenIndexed opens the shards that the index file at path lists. The index and the shards must agree exactly on who
// holds what; shards are files beside the index.
func OpenIndexed(path string) (*Set, error) {
	where, err := readIndex(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Set{path: path, shards: map[string]*File{}}
	for _, name := range slices.Compact(slices.Sorted(maps.Values(where))) {
		if err := s.add(name, where); err != nil {
			s.Close()
			return nil, err
		}
	}
	for tensor, file := range where {
		if s.shards[tensor] == nil {
			s.Close()
			return nil, fmt.Errorf("%s: tensor %q should be in %s and is not", path, tensor, file)
		}
	}
	return s, nil
}

// readIndex returns the shard of every tensor.
func readIndex(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxIndex || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not an index: %d bytes, mode %v", info.Size(), info.Mode())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	where, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("not an index: %w", err)
	}
	if len(where) == 0 {
		return nil, fmt.Errorf("not an index: weight_map is missing or empty")
	}
	for tensor, file := range where {
		if !filepath.IsLocal(file) || filepath.Base(file) != file {
			return nil, fmt.Errorf("tensor %q is said to be in %q, which is no name of a file in this folder", tensor, file)
		}
	}
	return where, nil
}

// parseIndex reads the weight_map, name by name, so that there can be a limit to them.
func parseIndex(data []byte) (map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var where map[string]string
	err := object(dec, func(key string) error {
		if key != "weight_map" {
			return skip(dec)
		}
		where = map[string]string{}
		return object(dec, func(tensor string) error {
			if len(where) == maxIndexed {
				return fmt.Errorf("more than %d tensors", maxIndexed)
			}
			var file string
			err := dec.Decode(&file)
			where[tensor] = file
			return err
		})
	})
	return where, err
}

// skip reads over one value.
func skip(dec *json.Decoder) error {
	for depth := 0; ; {
		t, err := dec.Token()
		if err != nil {
			return clear(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// add opens the shard called name and takes its tensors in.
func (s *Set) add(name string, where map[string]string) error {
	f, err := Open(filepath.Join(filepath.Dir(s.path), name))
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	for _, tensor := range f.Names() {
		if where[tensor] != name {
			return fmt.Errorf("%s: holds tensor %q, which %s places in %q", f.path, tensor, filepath.Base(s.path), where[tensor])
		}
		s.shards[tensor] = f
	}
	return nil
}

// DropPages tells the system that the tensors will not be needed for a while.
func (s *Set) DropPages() {
	for _, f := range s.files {
		f.DropPages()
	}
}

// Close closes every shard.
func (s *Set) Close() error {
	var first error
	for _, f := range s.files {
		if err := f.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Names lists the tensors, shard by shard.
func (s *Set) Names() []string {
	var names []string
	for _, f := range s.files {
		names = append(names, f.Names()...)
	}
	return names
}

// Tensor returns a tensor of whichever shard holds it.
func (s *Set) Tensor(name string) (tensor.Raw, error) {
	f := s.shards[name]
	if f == nil {
		return tensor.Raw{}, fmt.Errorf("%s: no tensor %q", s.path, name)
	}
	return f.Tensor(name)
}
