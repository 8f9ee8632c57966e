//go:build unix

package guard

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func slice(t testing.TB, n int, side Side) []float32 {
	page := unix.Getpagesize()
	body := (4*n + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, body+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("guard: %v", err)
	}
	t.Cleanup(func() { unix.Munmap(mem) })
	for _, guard := range [][]byte{mem[:page], mem[page+body:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatalf("guard: %v", err)
		}
	}
	if n == 0 {
		return nil
	}
	start := page
	if side == After {
		start = page + body - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[start])), n)
}
