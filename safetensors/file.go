// Package safetensors reads and writes Hugging Face's tensor files.
//
// A file is eight bytes of header length (little-endian), a JSON header, and the tensors' bytes:
//
//	{"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
//
// Offsets count from the end of the header. [Open] maps one file, [OpenIndexed] the shards that a
// model.safetensors.index.json lists; both check everything before handing out a byte. [Write] writes a file
// atomically.
//
// The format has no checksum, so [Write] adds one to the metadata that others ignore and [Open] verifies: see
// [ChecksumKey].
package safetensors

import (
	"fmt"

	"weft/tensor"
)

// Named is a tensor to be written.
type Named = tensor.Named

// File is an open file. Its tensors point into mapped memory and die with Close.
type File struct {
	path     string
	metadata map[string]string
	tensors  []entry // in the order of the data
	byName   map[string]int
	data     []byte // what follows the header
	mapping  *tensor.Mapping
}

// Open maps the file at path and checks it: the header against the limits and the data, and the checksum when there is
// one. Errors name the file.
func Open(path string) (*File, error) {
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

// Parse is [Open] for a file that is already in memory. The result points into data.
func Parse(data []byte) (*File, error) {
	header, rest, err := split(data)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f := &File{data: rest}
	if err := f.parseHeader(header); err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	if err := f.place(); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	if err := f.verify(header); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

// DropPages tells the system that the tensors will not be needed for a while.
func (f *File) DropPages() {
	if f.mapping != nil {
		f.mapping.DropPages()
	}
}

// Close unmaps the file.
func (f *File) Close() error {
	f.data, f.tensors, f.byName = nil, nil, nil
	if f.mapping == nil {
		return nil
	}
	return f.mapping.Close()
}

// Names lists the tensors in the order of their data.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, e := range f.tensors {
		names[i] = e.name
	}
	return names
}

// Tensor returns a tensor of the file. Its bytes are read-only.
func (f *File) Tensor(name string) (tensor.Raw, error) {
	i, ok := f.byName[name]
	if !ok {
		return tensor.Raw{}, fmt.Errorf("%sno tensor %q", f.prefix(), name)
	}
	e := f.tensors[i]
	return tensor.Raw{DType: e.dtype, Shape: e.shape, Data: f.data[e.begin:e.end:e.end]}, nil
}

func (f *File) prefix() string {
	if f.path == "" {
		return "safetensors: "
	}
	return f.path + ": "
}

// Metadata is the file's free text, such as "format". It must not be changed.
func (f *File) Metadata() map[string]string { return f.metadata }
