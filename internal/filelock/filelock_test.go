//go:build unix

package filelock

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for range 2 {
		f, err := Try(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Try(path); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), path) {
			t.Errorf("a second holder: %v", err)
		}
		f.Close()
	}
	if _, err := Try(filepath.Join(path, "no", "such")); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("a lock that cannot be: %v", err)
	}
}
