//go:build unix

package tensor

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) (*Mapping, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return readFile(f, size) // some network and FUSE file systems cannot map
	}
	return &Mapping{data: data, unmap: func() error { return unix.Munmap(data) }}, nil
}

// dropPages is advice: failing does not matter.
func dropPages(data []byte) { _ = unix.Madvise(data, unix.MADV_DONTNEED) }
