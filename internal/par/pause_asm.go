//go:build (amd64 || arm64) && !purego

package par

// pause tells the CPU n times (n > 0) that this is a spin loop: it saves power
// and leaves the core to a hyperthread. About 25 ns each on Zen 4.
//
//go:noescape
func pause(n uint32)
