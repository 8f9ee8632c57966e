package modelfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// hf reads config.json by key and remembers what went wrong first, so that a
// translation can be written as a list. A key that is null is not there.
type hf struct {
	values map[string]json.RawMessage
	err    error
}

func newHF(text []byte) (*hf, error) {
	h := &hf{}
	if err := json.Unmarshal(text, &h.values); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *hf) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

func (h *hf) has(key string) bool { return given(h.values[key]) }

// value decodes a key's value; a key that is not there gives otherwise.
func value[T any](h *hf, key string, otherwise T) T {
	if !h.has(key) {
		return otherwise
	}
	var x T
	if err := json.Unmarshal(h.values[key], &x); err != nil {
		h.fail(fmt.Errorf("%s: %w", key, err))
		return otherwise
	}
	return x
}

func (h *hf) int(key string, otherwise int) int { return value(h, key, otherwise) }

func (h *hf) bool(key string, otherwise bool) bool { return value(h, key, otherwise) }

func (h *hf) text(key, otherwise string) string { return value(h, key, otherwise) }

func (h *hf) float(key string, otherwise float64) float64 {
	f := value(h, key, otherwise)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		h.fail(fmt.Errorf("%s is %g", key, f))
	}
	return f
}

func (h *hf) float32(key string, otherwise float32) float32 {
	return float32(h.float(key, float64(otherwise)))
}

// inside is an object of its own; a key that is not there gives an empty one.
func (h *hf) inside(key string) *hf {
	return &hf{values: value(h, key, map[string]json.RawMessage{})}
}

// refuse fails if a key has a value other than those that change nothing.
func (h *hf) refuse(key string, neutral ...string) {
	if !h.has(key) {
		return
	}
	got := string(h.values[key])
	for _, n := range neutral {
		if got == n {
			return
		}
	}
	h.fail(unsupported("%s %s is", key, got))
}

// otherwise says what a key is where the file leaves it out altogether; null stays null.
func (h *hf) otherwise(key, value string) {
	if _, ok := h.values[key]; !ok {
		h.values[key] = json.RawMessage(value)
	}
}

// rename reads a key's old name where the new one is not there.
func (h *hf) rename(old, key string) {
	if h.has(old) && !h.has(key) {
		h.values[key] = h.values[old]
	}
}
