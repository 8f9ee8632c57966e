package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"weft/internal/atomicfile"
	"weft/internal/filelock"
)

// Removed is what Remove did.
type Removed struct {
	Name  string   // OWNER/REPO
	Files []string // that are gone
	Kept  []string // that were put there by hand
	Bytes int64    // freed
}

// Remove deletes what was pulled under a name, finished or not: all of
// OWNER/REPO, or one of its models. It touches no file that the record does not
// list: what was put there by hand stays, and so does Hugging Face's cache.
func (s Store) Remove(name string) (Removed, error) {
	entry, only, err := s.owned(name)
	if err != nil {
		return Removed{}, err
	}
	dir := s.entry(entry)
	if err := os.MkdirAll(filepath.Dir(s.lockPath(entry)), 0o755); err != nil {
		return Removed{}, err
	}
	lock, err := filelock.Try(s.lockPath(entry))
	if errors.Is(err, filelock.ErrHeld) {
		return Removed{}, fmt.Errorf("%s is being pulled: %w", entry, err)
	} else if err != nil {
		return Removed{}, err
	}
	defer lock.Close()
	root, err := s.openEntry(entry)
	if err != nil {
		return Removed{}, err
	}
	defer root.Close()
	r, err := readRecord(dir)
	if err != nil {
		return Removed{}, err
	}
	if err := atomicfile.Clean(dir); err != nil { // nobody is writing: the lock is ours
		return Removed{}, err
	}
	files := walk(dir)
	doomed := r.doomed(files, only)
	if len(doomed) == 0 {
		return Removed{}, fmt.Errorf("%s: %w; it is %s", name, ErrNotOwned, dir)
	}
	out := Removed{Name: entry}
	for _, f := range doomed {
		if err := root.Remove(filepath.FromSlash(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return out, err
		}
		out.Files, out.Bytes = append(out.Files, f), out.Bytes+files[f]
		r.drop(f)
		delete(files, f)
	}
	delete(files, recordName)
	if err := r.write(dir); err != nil {
		return out, err
	}
	for _, f := range slices.Sorted(maps.Keys(files)) {
		if _, ok := r.find(f); !ok {
			out.Kept = append(out.Kept, f)
		}
	}
	s.tidy(entry, out.Files)
	return out, nil
}

// owned finds the folder of the store that a name means; only lists the files if
// it means one model among several.
func (s Store) owned(name string) (entry string, only []string, err error) {
	want := localName(name)
	if checkEntry(want) == nil {
		if _, err := os.Stat(s.entry(want)); err == nil {
			return want, nil, nil
		}
	}
	m, err := s.Find(name)
	switch {
	case err != nil:
		return "", nil, err
	case m.Cache:
		return "", nil, fmt.Errorf("%s: %w: it is in Hugging Face's cache, %s", m.Name, ErrNotOwned, m.Path)
	case m.Name == m.entry:
		return m.entry, nil, nil
	}
	return m.entry, m.files, nil
}

// doomed lists the files to delete: those of the record, and of downloads that
// were interrupted.
func (r record) doomed(files map[string]int64, only []string) []string {
	var list []string
	for f := range files {
		base := strings.TrimSuffix(strings.TrimSuffix(f, ".json"), partial)
		_, ours := r.find(f)
		ours = ours || strings.HasSuffix(f, partial) || strings.HasSuffix(f, partialLog)
		if ours && (only == nil || slices.Contains(only, f) || slices.Contains(only, base)) {
			list = append(list, f)
		}
	}
	slices.Sort(list)
	return list
}

// openEntry opens a folder of the store; one that a link takes elsewhere is not.
func (s Store) openEntry(entry string) (*os.Root, error) {
	top, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	return top.OpenRoot(filepath.FromSlash(entry))
}

// tidy removes the folders that are empty now; the others refuse.
func (s Store) tidy(entry string, gone []string) {
	dirs := []string{filepath.Dir(s.entry(entry)), s.entry(entry)}
	for _, f := range gone {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			dirs = append(dirs, filepath.Join(s.entry(entry), filepath.FromSlash(dir)))
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) }) // the inner ones first
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() { // not a link that the user made
			os.Remove(dir)
		}
	}
}
