package tensor

import (
	"fmt"
	"os"
)

// Mapping is a file's content in memory, read-only: mapped where the system can (so that opening is instant and the
// pages are shared and can be dropped), read into the heap where it cannot.
//
// The length is the file's when it was opened. Should another program cut the file short afterwards, touching the lost
// pages ends this process with a fault: replace model files by rename, as everything in Weft does, never in place.
type Mapping struct {
	data  []byte
	unmap func() error // nil when the content is on the heap
}

// Map maps the file at path. It refuses what is not a regular file.
func Map(path string) (*Mapping, error) {
	info, err := os.Stat(path) // before opening, which would wait at a pipe
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := mappable(path, info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer f.Close() // a mapping outlives its descriptor
	if info, err = f.Stat(); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := mappable(path, info); err != nil {
		return nil, err
	}
	if info.Size() == 0 { // which mmap refuses
		return &Mapping{}, nil
	}
	m, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return m, nil
}

func mappable(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("open %s: not a regular file", path)
	}
	if uint64(info.Size()) > uint64(maxInt) {
		return fmt.Errorf("open %s: %d bytes are more than this machine can address", path, info.Size())
	}
	return nil
}

// Bytes is the content. Writing to it faults; so does using it after Close.
func (m *Mapping) Bytes() []byte { return m.data }

// DropPages tells the system that the content will not be needed for a while: it stays
// readable, but no longer counts as this process's memory.
func (m *Mapping) DropPages() {
	if m.unmap != nil {
		dropPages(m.data)
	}
}

// Close gives the memory back. A second Close does nothing.
func (m *Mapping) Close() error {
	unmap := m.unmap
	m.data, m.unmap = nil, nil
	if unmap == nil {
		return nil
	}
	return unmap()
}
