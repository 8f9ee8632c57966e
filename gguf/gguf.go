// Package gguf reads and writes GGUF files, the single-file model format of llama.cpp: named settings, then named
// tensors.
//
//	"GGUF" · version · counts · settings (key, type, value) · tensor list (name, shape, type, offset) · padding · data
//
// [Open] maps a file of version 2 or 3 and checks all of it before handing out a byte: counts against the bytes that
// are left before anything is allocated, products for overflow, every tensor against the end of the file and against
// its neighbours. [Write] writes version 3, atomically. What the settings mean is up to package modelfile.
package gguf

import (
	"errors"
	"fmt"

	"weft/tensor"
)

// File is an open file. Its values and tensors point into mapped memory and die with Close.
type File struct {
	version   int
	alignment int
	settings  []Setting
	tensors   []entry
	byKey     map[string]int
	byName    map[string]int
	data      []byte
	path      string
	mapping   *tensor.Mapping

	parts  []*File          // of a model in several files, those after the first
	holder map[string]*File // which of them has a tensor
}

// Setting is one key of the metadata and its value.
type Setting struct {
	Key   string
	Value Value
}

// entry is one tensor of the list. begin and end are offsets into the data.
type entry struct {
	name       string
	dtype      tensor.DType
	shape      []int
	begin, end int
}

// Open maps the file at path and checks it; of a model that is split into several
// files (NAME-00001-of-00003.gguf), all of them, whichever is named. Errors name
// the file.
func Open(path string) (*File, error) { return openParts(path) }

func openFile(path string) (*File, error) {
	m, err := tensor.Map(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(m.Bytes())
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.path, f.mapping = path, m
	return f, nil
}

// DropPages tells the system that the tensors will not be needed for a while.
func (f *File) DropPages() {
	for _, p := range f.parts {
		p.DropPages()
	}
	if f.mapping != nil {
		f.mapping.DropPages()
	}
}

// Close unmaps the file.
func (f *File) Close() error {
	var errs []error
	for _, p := range f.parts {
		errs = append(errs, p.Close())
	}
	if f.mapping != nil {
		errs = append(errs, f.mapping.Close())
	}
	*f = File{}
	return errors.Join(errs...)
}

// Version is the file's version of the format, 2 or 3.
func (f *File) Version() int { return f.version }

// Settings lists the metadata in the file's order. It must not be changed.
func (f *File) Settings() []Setting { return f.settings }

// Get returns the value of a key, and whether there is one.
func (f *File) Get(key string) (Value, bool) {
	i, ok := f.byKey[key]
	if !ok {
		return Value{}, false
	}
	return f.settings[i].Value, true
}

// Names lists the tensors in the file's order.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, e := range f.tensors {
		names[i] = e.name
	}
	for _, p := range f.parts {
		names = append(names, p.Names()...)
	}
	return names
}

// Tensor returns a tensor of the file, its shape outermost first. Its bytes are read-only.
func (f *File) Tensor(name string) (tensor.Raw, error) {
	if p := f.holder[name]; p != nil {
		return p.Tensor(name)
	}
	i, ok := f.byName[name]
	if !ok && f.path != "" {
		return tensor.Raw{}, fmt.Errorf("%s: no tensor %q", f.path, name)
	} else if !ok {
		return tensor.Raw{}, fmt.Errorf("gguf: no tensor %q", name)
	}
	e := f.tensors[i]
	return tensor.Raw{DType: e.dtype, Shape: e.shape, Data: f.data[e.begin:e.end:e.end]}, nil
}
