package studio

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"weft/inspect"
)

// builtIn is the name of the built-in model where it is not the default.
const builtIn = "built-in"

// Kinds of models, as they are listed.
const (
	kindBuiltIn = "builtin"
	kindFile    = "file"
	kindStore   = "store"
	kindTrain   = "train"
)

// models keeps models open within a budget; the longest unused is closed first.
type models struct {
	o          Options
	loading    sync.Mutex // one model opens at a time, so that two do not both find room
	mu         sync.Mutex
	open       map[string]*opened
	clock      int64
	closed     bool
	checkpoint func(run, step string) (name, path string, err error) // of a training run; nil: there are none
}

func newModels(o Options) *models {
	m := &models{o: o, open: map[string]*opened{}}
	d := &opened{Model: o.Default, name: o.Name, kind: o.Kind, ready: make(chan struct{}), users: 1}
	close(d.ready)
	m.prepare(d)
	d.bytes = 0
	m.open[d.name] = d
	return m
}

// prepare fills what a model is asked for.
func (m *models) prepare(o *opened) {
	name := o.Name
	if o.kind == kindTrain {
		name = o.name
	}
	o.subject = inspect.NewSubject(o.Core, inspect.About{Name: name, BOS: o.Tokenizer.BOS})
	o.subject.Budget = m.o.RunBytes
	o.bytes = weightBytes(o.Model) // what is arranged for speed takes what the file takes; the file's pages can go
}

// use opens a model unless it is open, and keeps it open until done is called.
func (m *models) use(ctx context.Context, name string) (o *opened, done func(), err error) {
	name, path, kind, err := m.resolve(name)
	if err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, nil, problem(http.StatusServiceUnavailable, "busy", "the server is stopping; start it again")
	}
	o = m.open[name]
	if o == nil {
		o = &opened{name: name, kind: kind, ready: make(chan struct{})}
		m.open[name] = o
		go m.load(o, path)
	}
	m.clock++
	o.users, o.used = o.users+1, m.clock
	m.mu.Unlock()
	done = sync.OnceFunc(func() { m.leave(o) })
	select {
	case <-o.ready:
	case <-ctx.Done():
		done()
		return nil, nil, ctx.Err()
	}
	if o.err != nil {
		done()
		return nil, nil, o.err
	}
	return o, done, nil
}

// resolve finds what a name means. Only what is listed has one: a page must not open
// any file that it can think of.
func (m *models) resolve(name string) (canonical, path, kind string, err error) {
	switch {
	case name == "" || name == m.o.Name:
		return m.o.Name, "", m.o.Kind, nil
	case name == builtIn:
		return name, "", kindBuiltIn, nil
	case slices.Contains(m.o.Models, name):
		return name, name, kindFile, nil
	}
	if run, ok := strings.CutPrefix(name, "train:"); ok && m.checkpoint != nil {
		run, step, _ := strings.Cut(run, "@")
		if canonical, path, err = m.checkpoint(run, step); err != nil {
			return "", "", "", problem(http.StatusNotFound, "not_found", "%s", err)
		}
		return canonical, path, kindTrain, nil
	}
	stored, err := m.stored()
	if err != nil {
		return "", "", "", err
	}
	for _, s := range stored {
		if s.Name == name {
			return name, s.Path, kindStore, nil
		}
	}
	return "", "", "", problem(http.StatusNotFound, "not_found", "there is no model %.80q here; /api/models lists those there are", name)
}

// load opens a model for those who wait for it.
func (m *models) load(o *opened, path string) {
	m.loading.Lock()
	defer m.loading.Unlock()
	defer close(o.ready)
	if o.err = m.fits(o, fileBytes(path)); o.err == nil {
		o.Model, o.err = m.o.Open(path)
	}
	if o.err == nil {
		m.prepare(o)
		if o.err = m.fits(o, o.bytes); o.err != nil {
			o.Model.Close()
		}
	} else if o.Model == nil && refusal(o.err).Code == "internal" {
		o.err = problem(http.StatusUnprocessableEntity, "bad_request", "%s cannot be opened: %s", o.name, o.err)
	}
	if o.err != nil {
		m.mu.Lock()
		delete(m.open, o.name)
		m.mu.Unlock()
	}
}

// fileBytes is the size of a file, 0 for a folder or if it is not known.
func fileBytes(path string) int64 {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// fits makes room for a model by closing those that nobody uses.
func (m *models) fits(o *opened, bytes int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.held(o)+bytes > m.o.ModelBytes {
		if !m.closeOldest() {
			return problem(http.StatusRequestEntityTooLarge, "over_budget",
				"%s takes %d MiB; models may take %d MiB together, and %d are in use. Close other tabs, or start weft with a larger budget",
				o.name, mib(bytes), mib(m.o.ModelBytes), mib(m.held(o)))
		}
	}
	return nil
}

func mib(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// grow counts what a model takes besides its weights.
func (m *models) grow(o *opened, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o.bytes += bytes
}

// held is what open models take, besides o and the default's weights.
func (m *models) held(o *opened) int64 {
	sum := int64(0)
	for _, other := range m.open {
		if other != o && isReady(other) {
			sum += other.bytes
		}
	}
	return sum
}

func isReady(o *opened) bool {
	select {
	case <-o.ready:
		return o.err == nil
	default:
		return false
	}
}

// closeOldest closes the idle model that was used longest ago, if there is one.
func (m *models) closeOldest() bool {
	var oldest *opened
	for _, o := range m.open {
		if o.users == 0 && isReady(o) && (oldest == nil || o.used < oldest.used) {
			oldest = o
		}
	}
	if oldest == nil {
		return false
	}
	delete(m.open, oldest.name)
	oldest.Close()
	return true
}

func (m *models) leave(o *opened) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o.users--
	if m.closed && o.users == 0 && isReady(o) {
		o.Close()
	}
}

// close closes all but the default as soon as they are idle.
func (m *models) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var errs []error
	for _, o := range m.open {
		if o.users == 0 && isReady(o) {
			errs = append(errs, o.Close())
		}
	}
	return errors.Join(errs...)
}
