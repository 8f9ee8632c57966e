//go:build !linux && !darwin && !freebsd && !windows

package hub

// freeDisk is unknown.
func freeDisk(string) int64 { return -1 }
