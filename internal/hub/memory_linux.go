package hub

import (
	"bytes"
	"os"
	"strconv"
)

// freeMemory is what programs can still have without swapping, and no more than
// the container may use; 0 is unknown.
func freeMemory() memory {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(info, []byte("\nMemAvailable:"))
	free := number(rest) << 10
	limit, err := os.ReadFile("/sys/fs/cgroup/memory.max") // "max" reads as 0
	if most := number(limit); err == nil && most > 0 {
		free = min(free, most)
	}
	return memory(free)
}

// number is the first word of a text, 0 if it is none.
func number(text []byte) int64 {
	fields := bytes.Fields(text)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 53)
	if err != nil {
		return 0
	}
	return n
}
