package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"weft/internal/atomicfile"
)

// record is weft.json: where the files of a folder came from. Files that it does
// not list were put there by hand.
type record struct {
	Source   string       `json:"source"` // the reference to pull again
	Revision string       `json:"revision,omitempty"`
	Files    []recordFile `json:"files"`
}

type recordFile struct {
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	From   string    `json:"from,omitempty"` // what the server called this version
	Commit string    `json:"commit,omitempty"`
	Pulled time.Time `json:"pulled"`
}

// readRecord reads the record of a folder; none is an empty one.
func readRecord(dir string) (record, error) {
	var r record
	path := filepath.Join(dir, recordName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	} else if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	for _, f := range r.Files {
		if err := checkName(f.Name); err != nil {
			return r, fmt.Errorf("%s: %w", path, err)
		}
	}
	return r, nil
}

// write saves the record; one that lists no file is removed.
func (r record) write(dir string) error {
	path := filepath.Join(dir, recordName)
	if len(r.Files) == 0 {
		return remove(path)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, append(data, '\n'))
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// find is what the record says of a file.
func (r record) find(name string) (recordFile, bool) {
	i := slices.IndexFunc(r.Files, func(f recordFile) bool { return f.Name == name })
	if i < 0 {
		return recordFile{}, false
	}
	return r.Files[i], true
}

// put adds a file, or replaces what was said of it.
func (r *record) put(f recordFile) {
	r.drop(f.Name)
	r.Files = append(r.Files, f)
	slices.SortFunc(r.Files, func(a, b recordFile) int { return strings.Compare(a.Name, b.Name) })
}

func (r *record) drop(name string) {
	r.Files = slices.DeleteFunc(r.Files, func(f recordFile) bool { return f.Name == name })
}
