package hub

import (
	"fmt"
	"path"
	"strings"
)

// Resolve is the path to open for a model's name: a .gguf or a folder. An error
// that says there is none is [ErrNotFound].
func (s Store) Resolve(name string) (string, error) {
	m, err := s.Find(name)
	return m.Path, err
}

// Find finds a model by name: OWNER/REPO, OWNER/REPO/FILE, the reference that it
// was pulled with, or REPO or FILE alone if nothing else is called that. The
// store is asked before the cache.
func (s Store) Find(name string) (Model, error) {
	models, _, err := s.List()
	if err != nil {
		return Model{}, err
	}
	for _, is := range matches(localName(name)) {
		var found []Model
		for _, m := range models {
			if is(m) && (len(found) == 0 || !m.Cache || found[0].Cache) {
				found = append(found, m)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		}
		var all []string
		for _, m := range found {
			all = append(all, m.Name)
		}
		return Model{}, fmt.Errorf("%s could be any of %s", name, strings.Join(all, ", "))
	}
	err = fmt.Errorf("%q: %w: neither in %s", name, ErrNotFound, s.Dir)
	if s.Cache != "" {
		err = fmt.Errorf("%w nor in %s", err, s.Cache)
	}
	return Model{}, err
}

// localName is the name in the store of what a reference means.
func localName(name string) string {
	src, _, err := parseRef(name)
	if err != nil {
		return name
	}
	switch src := src.(type) {
	case hfSource:
		return path.Join(src.repo, src.file)
	case ollamaSource:
		return src.entry()
	case webSource:
		return src.name()
	}
	return name
}

// matches are the ways to call a model, strictest first.
func matches(name string) []func(Model) bool {
	return []func(Model) bool{
		func(m Model) bool { return m.Name == name },
		func(m Model) bool { return m.entry == name },
		func(m Model) bool { return m.hasFile(func(f string) bool { return path.Join(m.entry, f) == name }) },
		func(m Model) bool { return strings.EqualFold(path.Base(m.entry), name) },
		func(m Model) bool {
			return m.Type == "gguf" && m.hasFile(func(f string) bool {
				stem, _, _ := split(path.Base(f))
				return strings.EqualFold(path.Base(f), name) || strings.EqualFold(stem, name)
			})
		},
	}
}

func (m Model) hasFile(is func(string) bool) bool {
	for _, f := range m.files {
		if is(f) {
			return true
		}
	}
	return false
}
