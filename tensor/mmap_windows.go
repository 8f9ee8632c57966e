package tensor

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

func mapFile(f *os.File, size int) (*Mapping, error) {
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, 0, 0, nil)
	if err != nil {
		return readFile(f, size)
	}
	defer windows.CloseHandle(h) // the view keeps the mapping alive
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return readFile(f, size)
	}
	// The address comes from the kernel, so the collector does not know it; reading it through a pointer says so to vet.
	data := unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), size)
	return &Mapping{data: data, unmap: func() error { return windows.UnmapViewOfFile(addr) }}, nil
}

// dropPages: VirtualUnlock of pages that are not locked takes them out of the working set, and says
// that they were not locked.
func dropPages(data []byte) {
	_ = windows.VirtualUnlock(uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
}
