package tensor

import (
	"io"
	"os"
)

// readFile is the way without mmap: the content on the heap.
func readFile(f *os.File, size int) (*Mapping, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	return &Mapping{data: data}, nil
}
