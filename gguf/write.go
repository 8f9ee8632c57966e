package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"weft/internal/atomicfile"
	"weft/tensor"
)

// writeName is the longest name that llama.cpp accepts.
const writeName = 63

// Write makes path hold a file of version 3 with the settings and tensors in the order given, atomically: it appears
// whole or not at all. The same input gives the same bytes. Nothing larger than one tensor is held in memory.
func Write(path string, settings []Setting, tensors []tensor.Named) error {
	head, err := makeHead(settings, tensors)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.WriteFile(path, func(w io.Writer) error { return writeAll(w, head, tensors) })
}

// WriteTo is [Write] into a stream, which is not atomic.
func WriteTo(w io.Writer, settings []Setting, tensors []tensor.Named) error {
	head, err := makeHead(settings, tensors)
	if err != nil {
		return fmt.Errorf("gguf: write: %w", err)
	}
	if err := writeAll(w, head, tensors); err != nil {
		return fmt.Errorf("gguf: write: %w", err)
	}
	return nil
}

func writeAll(w io.Writer, head []byte, tensors []tensor.Named) error {
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, t := range tensors {
		data, err := t.Bytes()
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, aligned(len(data))-len(data))); err != nil {
			return err
		}
	}
	return nil
}

func aligned(n int) int { return (n + defaultAlignment - 1) / defaultAlignment * defaultAlignment }

// makeHead is everything before the data.
func makeHead(settings []Setting, tensors []tensor.Named) ([]byte, error) {
	le := binary.LittleEndian
	b := append([]byte(magic), 3, 0, 0, 0)
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(len(settings)))
	seen := map[string]bool{}
	for _, s := range settings {
		if err := checkText(s.Key, maxKey, seen); err != nil {
			return nil, fmt.Errorf("setting %q: %w", s.Key, err)
		}
		if s.Key == alignmentKey {
			return nil, fmt.Errorf("setting %q: is the writer's to choose", s.Key)
		}
		if s.Value.Type != Array && len(s.Value.data) == 0 {
			return nil, fmt.Errorf("setting %q has no value", s.Key)
		}
		b = encode(b, s.Key)
		b = le.AppendUint32(b, uint32(s.Value.Type))
		if s.Value.Type == Array {
			b = le.AppendUint32(b, uint32(s.Value.Elem))
			b = le.AppendUint64(b, uint64(s.Value.Len))
		}
		b = append(b, s.Value.data...)
	}
	clear(seen)
	offset := 0
	for _, t := range tensors {
		size, err := checkTensor(t, seen)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		b = appendEntry(b, t, offset)
		offset += aligned(size)
	}
	return append(b, make([]byte, aligned(len(b))-len(b))...), nil
}

func appendEntry(b []byte, t tensor.Named, offset int) []byte {
	le := binary.LittleEndian
	b = encode(b, t.Name)
	b = le.AppendUint32(b, uint32(len(t.Shape)))
	for i := range t.Shape {
		b = le.AppendUint64(b, uint64(t.Shape[len(t.Shape)-1-i]))
	}
	b = le.AppendUint32(b, dtypeNumbers[t.DType])
	return le.AppendUint64(b, uint64(offset))
}

func checkTensor(t tensor.Named, seen map[string]bool) (size int, err error) {
	if err := checkText(t.Name, writeName, seen); err != nil {
		return 0, err
	}
	if _, ok := dtypeNumbers[t.DType]; !ok {
		return 0, fmt.Errorf("GGUF cannot hold %v", t.DType)
	}
	if len(t.Shape) < 1 || len(t.Shape) > maxDims {
		return 0, fmt.Errorf("%d dimensions", len(t.Shape))
	}
	for _, d := range t.Shape {
		if d < 1 {
			return 0, fmt.Errorf("a dimension of %d", d)
		}
	}
	return tensor.SizeOf(t.DType, t.Shape)
}

func checkText(s string, limit int, seen map[string]bool) error {
	switch {
	case s == "" || len(s) > limit:
		return fmt.Errorf("%d bytes of name", len(s))
	case !utf8.ValidString(s):
		return errors.New("the name is not UTF-8")
	case seen[s]:
		return errors.New("there are two")
	}
	seen[s] = true
	return nil
}
