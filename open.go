package weft

import "errors"

// Opener opens models. The zero value uses one thread per core.
type Opener struct {
	Threads int // 0: one per core
}

// Open opens a model; path "" is the built-in one.
func Open(path string) (*Model, error) { return Opener{}.Open(path) }

// Open opens a model; path "" is the built-in one.
func (o Opener) Open(path string) (*Model, error) {
	return nil, errors.New("open a model: no format can be read yet")
}
