//go:build linux || darwin || freebsd

package hub

import "golang.org/x/sys/unix"

// freeDisk is how much this user can still write to the disk of a folder, in
// bytes; -1 is unknown.
func freeDisk(dir string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
