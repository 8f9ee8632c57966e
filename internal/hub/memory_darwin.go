package hub

import "golang.org/x/sys/unix"

// freeMemory is three quarters of what the machine has: what is free at the
// moment says little, since the system fills it with what it can give up.
func freeMemory() memory {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return memory(n / 4 * 3)
}
