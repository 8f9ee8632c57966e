//go:build !linux

package main

import "runtime"

// peakMemory is about how much memory this process has taken from the system,
// in bytes.
func peakMemory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
