//go:build !unix

package train

import (
	"fmt"
	"os"
)

// lock only marks the folder: this system has no advisory locks that end with
// the process.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}
