package hub

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Model is a model that is on this machine.
type Model struct {
	Name   string    // OWNER/REPO, with the file if there are several models
	Path   string    // to open it: a .gguf, the first one of a set, or a folder
	Type   string    // "gguf" or "safetensors"
	Quant  string    // how a GGUF's numbers are stored, as its name says
	Size   int64     // bytes of its files
	Source string    // the reference to pull it with; "" if it was put here by hand
	Commit string    // of the source
	Pulled time.Time // zero if it was not
	Cache  bool      // it is in Hugging Face's cache, not in the store

	entry string   // OWNER/REPO
	files []string // in the entry
}

// Unfinished is a download that was interrupted.
type Unfinished struct {
	Name string // OWNER/REPO
	File string
	Done int64
	Size int64
}

// List lists the models of the store, then those of the cache, by name.
func (s Store) List() ([]Model, []Unfinished, error) {
	entries, err := s.entries()
	if err != nil {
		return nil, nil, err
	}
	var models []Model
	var unfinished []Unfinished
	for _, name := range entries {
		found, rest, err := s.inEntry(name)
		if err != nil {
			return nil, nil, err
		}
		models, unfinished = append(models, found...), append(unfinished, rest...)
	}
	repos, err := s.cached()
	if err != nil {
		return nil, nil, err
	}
	for _, repo := range repos {
		if dir, commit, ok := s.snapshot(repo, "main"); ok {
			models = append(models, inSnapshot(repo, dir, commit)...)
		}
	}
	return models, unfinished, nil
}

// entries lists the store's folders, as OWNER/REPO.
func (s Store) entries() ([]string, error) {
	owners, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var names []string
	for _, owner := range owners {
		repos, err := os.ReadDir(filepath.Join(s.Dir, owner.Name()))
		if err != nil {
			continue // a file, or somebody else's folder
		}
		for _, repo := range repos {
			if name := owner.Name() + "/" + repo.Name(); checkEntry(name) == nil {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// inEntry finds the models of one folder of the store.
func (s Store) inEntry(name string) ([]Model, []Unfinished, error) {
	dir := s.entry(name)
	r, err := readRecord(dir)
	if err != nil {
		return nil, nil, err
	}
	files := walk(dir)
	models := group(name, dir, files)
	for i := range models {
		m := &models[i]
		if f, ok := r.find(m.files[0]); ok {
			m.Source, m.Commit, m.Pulled = r.Source, f.Commit, f.Pulled
		}
	}
	var unfinished []Unfinished
	for f := range files {
		base, ok := strings.CutSuffix(f, partial)
		if !ok {
			continue
		}
		st, _ := readState(filepath.Join(dir, filepath.FromSlash(base)) + partialLog)
		unfinished = append(unfinished, Unfinished{name, base, st.done(), st.Size})
	}
	slices.SortFunc(unfinished, func(a, b Unfinished) int { return cmp.Compare(a.File, b.File) })
	return models, unfinished, nil
}

func inSnapshot(repo, dir, commit string) []Model {
	models := group(repo, dir, walk(dir))
	for i := range models {
		models[i].Cache, models[i].Commit, models[i].Source = true, commit, "hf:"+repo
	}
	return models
}

// walk lists the files of a folder and of those in it, with their sizes. Links
// to files count as files: the cache is made of them. What cannot be read is
// not there.
func walk(dir string) map[string]int64 {
	files := map[string]int64{}
	filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		name, err := filepath.Rel(dir, p)
		info, err2 := os.Stat(p)
		if err == nil && err2 == nil && info.Mode().IsRegular() {
			files[filepath.ToSlash(name)] = info.Size()
		}
		return nil
	})
	return files
}

// group makes models of the files of a folder.
func group(name, dir string, sizes map[string]int64) []Model {
	var files []file
	for f, size := range sizes {
		files = append(files, file{name: f, size: size})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	var models []Model
	if m, ok := folderModel(files); ok {
		m.Path = dir
		models = append(models, m)
	}
	ggufs, _ := variants(files)
	for _, v := range ggufs {
		m := Model{Path: filepath.Join(dir, filepath.FromSlash(v.name())), Type: "gguf", Quant: v.quant, Size: v.size}
		for _, f := range v.files {
			m.files = append(m.files, f.name)
		}
		models = append(models, m)
	}
	for i := range models {
		models[i].Name, models[i].entry = name, name
		if len(models) > 1 {
			models[i].Name = path.Join(name, models[i].files[0])
		}
	}
	return models
}

// folderModel is the model that a folder itself is. Its config.json comes first:
// beside GGUF files, the model is called by it.
func folderModel(files []file) (Model, bool) {
	m := Model{Type: "safetensors", files: []string{configName}}
	weights, config := false, false
	for _, f := range files {
		isWeights := weightsName.MatchString(f.name)
		if !isWeights && !slices.Contains(folderNames, f.name) {
			continue
		}
		m.Size += f.size
		if weights = weights || isWeights; f.name == configName {
			config = true
		} else {
			m.files = append(m.files, f.name)
		}
	}
	return m, weights && config
}
