package tensor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// hugeFrom is how many bytes a block must have for huge pages to be asked for.
const hugeFrom = 8 << 20

// huge asks the system to back x with huge pages, before anything was written to
// it: a long read then waits less for page tables. It is advice, so that failing
// does not matter.
func huge(x []float32) {
	if s, ok := spanOf(x); ok && 4*len(x) >= hugeFrom {
		_ = unix.Madvise(s.bytesIn(x), unix.MADV_HUGEPAGE)
	}
}

// collapse moves the span of x to huge pages. What fails is seen by who counts them.
func collapse(x []float32, s span) { _ = unix.Madvise(s.bytesIn(x), unix.MADV_COLLAPSE) }

// hugeBytes is how many bytes of the spans are in huge pages.
func hugeBytes(spans []span) (int, error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, fmt.Errorf("huge pages: %w", err)
	}
	defer f.Close()
	return hugeIn(f, spans)
}

// hugeIn reads it from the system's list of a process's memory: areas, and how much of each is
// in huge pages.
func hugeIn(smaps io.Reader, spans []span) (int, error) {
	sum, said, shared := 0, false, uint64(0)
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		var lo, hi, kib uint64
		switch n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &lo, &hi); {
		case n == 2:
			shared = 0
			for _, s := range spans {
				shared += overlap(lo, hi, uint64(s.lo), uint64(s.hi))
			}
		case bytes.HasPrefix(lines.Bytes(), []byte("AnonHugePages:")):
			if _, err := fmt.Sscanf(lines.Text(), "AnonHugePages: %d kB", &kib); err != nil {
				return 0, fmt.Errorf("huge pages: %q: %w", lines.Text(), err)
			}
			said = true
			sum += int(min(kib<<10, shared))
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("huge pages: %w", err)
	}
	if !said {
		return 0, errors.New("huge pages: this system does not say what is in them")
	}
	return sum, nil
}

func overlap(lo, hi, lo2, hi2 uint64) uint64 {
	lo, hi = max(lo, lo2), min(hi, hi2)
	return hi - min(lo, hi)
}
