//go:build !(amd64 || arm64) || purego

package par

import "runtime"

// pause stands in for the PAUSE instruction: other goroutines get a chance.
func pause(n uint32) { runtime.Gosched() }
