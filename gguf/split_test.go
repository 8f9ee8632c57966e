package gguf

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/tensor"
)

// writeParts writes a model of three tensors in three files; change may spoil one.
func writeParts(t *testing.T, change func(part int, settings []Setting, tensors []tensor.Named) ([]Setting, []tensor.Named)) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 3 {
		settings := []Setting{{splitNo, Of(uint16(i))}, {splitCount, Of(uint16(3))}, {splitTensors, Of(int32(3))}}
		if i == 0 {
			settings = append(settings, Setting{"general.architecture", Of("llama")})
		}
		tensors := []tensor.Named{{Name: fmt.Sprintf("t%d", i), Raw: tensor.RawOf([]float32{float32(i), 2}, 2)}}
		if change != nil {
			settings, tensors = change(i, settings, tensors)
		}
		if err := Write(filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", i+1)), settings, tensors); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSplit(t *testing.T) {
	dir := writeParts(t, nil)
	for i := range 3 { // whichever part is named
		f, err := Open(filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.Names(), []string{"t0", "t1", "t2"}) {
			t.Errorf("tensors %v", f.Names())
		}
		for i, name := range f.Names() {
			r, err := f.Tensor(name)
			if err != nil || !bytes.Equal(r.Data, tensor.RawOf([]float32{float32(i), 2}).Data) {
				t.Errorf("%s: %v, %v", name, r.Data, err)
			}
		}
		if v, ok := f.Get("general.architecture"); !ok {
			t.Errorf("the first part's settings are missing: %v", v)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for want, change := range map[string]func(int, []Setting, []tensor.Named) ([]Setting, []tensor.Named){
		"part 3 of 3, its name says 2": func(i int, s []Setting, ts []tensor.Named) ([]Setting, []tensor.Named) {
			if i == 1 {
				s[0].Value = Of(uint16(2))
			}
			return s, ts
		},
		"in another part too": func(i int, s []Setting, ts []tensor.Named) ([]Setting, []tensor.Named) {
			ts[0].Name = []string{"a", "b", "a"}[i]
			return s, ts
		},
		"have 3 tensors, not 4": func(_ int, s []Setting, ts []tensor.Named) ([]Setting, []tensor.Named) {
			s[2].Value = Of(int32(4))
			return s, ts
		},
	} {
		dir := writeParts(t, change)
		if _, err := Open(filepath.Join(dir, "m-00001-of-00003.gguf")); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q: %v", want, err)
		}
	}
	lonely := filepath.Join(t.TempDir(), "m-00002-of-00003.gguf")
	if err := Write(lonely, []Setting{{splitNo, Of(uint16(1))}, {splitCount, Of(uint16(3))}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(lonely); err == nil || !strings.Contains(err.Error(), "first of 3 parts") {
		t.Errorf("a part alone: %v", err)
	}
}
