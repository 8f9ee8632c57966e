// Package filelock keeps two processes from working on the same folder. The
// system gives a lock back when the process that holds it ends, however it ends.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld says that somebody else has the lock.
var ErrHeld = errors.New("locked by another process")

// Try takes the lock that the file at path stands for, making the file if need
// be, and returns it open: closing it gives the lock back. It does not wait: a
// lock that is taken is ErrHeld. The file must not be removed, or somebody could
// make and lock another of that name.
//
// Where the system or the file system has no locks, everybody gets one: that is
// no reason not to work.
func Try(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if held(f) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrHeld)
	}
	return f, nil
}
