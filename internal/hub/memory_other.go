//go:build !linux && !darwin

package hub

// freeMemory is unknown.
func freeMemory() memory { return 0 }
