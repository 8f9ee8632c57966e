// Package imatrix reads and writes importance matrices: how large the inputs of a model's weight matrices were over
// some text, column by column. Quantising spends its precision where inputs are large.
//
// llama.cpp's imatrix tool makes such files, formerly in a format of its own (.dat), now as GGUF. [Open] reads both,
// [Matrix.Write] writes GGUF, [Matrix.WriteDat] the old one.
package imatrix

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
)

// Matrix is what was collected, by the names of the weight tensors.
type Matrix struct {
	Entries   map[string]Entry
	Chunks    int      // pieces of text that were read
	ChunkSize int      // tokens in each; 1 if the file does not say, and then counts are in pieces
	Datasets  []string // the names of the text files
}

// Entry belongs to one tensor, which may be several matrices: experts that did not see every token.
type Entry struct {
	Sums   []float32 // of the squares of each column's inputs, matrix by matrix
	Counts []float32 // tokens that each matrix saw; one count may stand for all matrices
}

// Importance is each column's mean square, matrix by matrix. For a matrix that saw nothing it is 1 everywhere.
func (e Entry) Importance() []float32 {
	list := make([]float32, len(e.Sums))
	cols := len(e.Sums) / len(e.Counts)
	for i, s := range e.Sums {
		if n := e.Counts[i/cols]; n > 0 {
			list[i] = s / n
		} else {
			list[i] = 1
		}
	}
	return list
}

// check refuses what could not have been collected.
func (e Entry) check() error {
	if len(e.Counts) == 0 || len(e.Sums) == 0 || len(e.Sums)%len(e.Counts) != 0 {
		return fmt.Errorf("%d sums and %d counts", len(e.Sums), len(e.Counts))
	}
	for what, list := range map[string][]float32{"sum": e.Sums, "count": e.Counts} {
		for i, f := range list {
			if !(f >= 0 && f <= math.MaxFloat32) {
				return fmt.Errorf("%s %d is %g", what, i, f)
			}
		}
	}
	return nil
}

// Open reads a file of either format. Errors name it.
func Open(path string) (*Matrix, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse is [Open] for a file in memory.
func Parse(data []byte) (*Matrix, error) {
	parse := parseDat
	if bytes.HasPrefix(data, []byte("GGUF")) {
		parse = parseGGUF
	}
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("imatrix: %w", err)
	}
	return m, nil
}

// add takes an entry from a file.
func (m *Matrix) add(name string, e Entry) error {
	if name == "" {
		return errors.New("an entry without a name")
	}
	if _, ok := m.Entries[name]; ok {
		return fmt.Errorf("%q is there twice", name)
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	m.Entries[name] = e
	return nil
}

// sorted lists the names for writing, in the same order every time, and checks what they name.
func (m *Matrix) sorted() ([]string, error) {
	var names []string
	for name, e := range m.Entries {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("imatrix: %q: %w", name, err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}
