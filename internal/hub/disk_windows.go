package hub

import "golang.org/x/sys/windows"

// freeDisk is how much this user can still write to the disk of a folder, in
// bytes; -1 is unknown.
func freeDisk(dir string) int64 {
	var free uint64
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil || windows.GetDiskFreeSpaceEx(path, &free, nil, nil) != nil {
		return -1
	}
	return int64(min(free, 1<<62))
}
