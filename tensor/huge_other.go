//go:build !linux

package tensor

import "errors"

func huge([]float32) {}

func collapse([]float32, span) {}

func hugeBytes([]span) (int, error) {
	return 0, errors.New("huge pages: this system gives none, or does not say")
}
