package gguf

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
)

// A model may be split into several files, NAME-00001-of-00003.gguf and so on, of
// which the first holds the model's settings. Each says which part it is.
const (
	splitNo      = "split.no"    // from 0
	splitCount   = "split.count" // 0 or missing: the file is whole
	splitTensors = "split.tensors.count"
)

var splitName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// maxParts bounds the files that one model may have.
const maxParts = 1 << 10

// openParts opens the model that the file at path is, or is a part of.
func openParts(path string) (*File, error) {
	name := splitName.FindStringSubmatch(filepath.Base(path))
	if name == nil {
		return openFile(path)
	}
	count, _ := strconv.Atoi(name[3])
	if count < 2 || count > maxParts {
		return openFile(path)
	}
	part := func(i int) string {
		return filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%05d-of-%05d.gguf", name[1], i+1, count))
	}
	first, err := openFile(part(0))
	if err != nil {
		return nil, fmt.Errorf("the first of %d parts: %w", count, err)
	}
	if first.number(splitCount) == 0 { // a file that happens to be called so
		if part(0) == path {
			return first, nil
		}
		first.Close()
		return openFile(path)
	}
	if err := first.join(part, count); err != nil {
		first.Close()
		return nil, err
	}
	return first, nil
}

// join adds the tensors of the other parts.
func (f *File) join(part func(int) string, count int) error {
	total := len(f.tensors)
	f.holder = map[string]*File{}
	if err := f.isPart(0, count); err != nil {
		return err
	}
	for i := 1; i < count; i++ {
		p, err := openFile(part(i))
		if err != nil {
			return fmt.Errorf("part %d of %d: %w", i+1, count, err)
		}
		f.parts = append(f.parts, p)
		if err := p.isPart(i, count); err != nil {
			return err
		}
		for _, e := range p.tensors {
			if _, err := f.Tensor(e.name); err == nil {
				return fmt.Errorf("%s: tensor %q is in another part too", p.path, e.name)
			}
			f.holder[e.name] = p
		}
		total += len(p.tensors)
	}
	if want := f.number(splitTensors); want != 0 && want != total {
		return fmt.Errorf("%s: the parts have %d tensors, not %d", f.path, total, want)
	}
	return nil
}

func (f *File) isPart(i, count int) error {
	if no, n := f.number(splitNo), f.number(splitCount); no != i || n != count {
		return fmt.Errorf("%s: it says that it is part %d of %d, its name says %d of %d", f.path, no+1, n, i+1, count)
	}
	return nil
}

// number is a setting, 0 if it is missing or no number.
func (f *File) number(key string) int {
	v, _ := f.Get(key)
	n, err := v.Int()
	if err != nil || n < 0 || n > 1<<31 {
		return 0
	}
	return int(n)
}
