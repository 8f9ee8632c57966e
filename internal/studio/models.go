package studio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"weft"
	"weft/inspect"
	"weft/model"
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

// opened is a model that is open, for as many requests as want it.
type opened struct {
	*weft.Model
	name  string
	kind  string
	bytes int64

	subject *inspect.Subject
	floats  sync.Mutex       // one makes floated, others wait
	floated *inspect.Subject // in float32, for gradients; nil until somebody asks

	naming   sync.Once
	params   map[string]model.Param
	counting sync.Mutex
	counted  map[string]*statistics // by tensor

	ready chan struct{} // closed when it is open, or err says why not
	err   error
	users int
	used  int64 // by the clock of models
}

// in is the subject for one request, whose analyses end with it. template is the chat
// template that the prompt went through, or "".
func (o *opened) in(ctx context.Context, template string) *inspect.Subject {
	u := o.subject.Until(ctx)
	u.About.Template = template
	return u
}

// piece spells a token.
func (o *opened) piece(id int32) []byte { return o.Tokenizer.Piece(id) }

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

// weightBytes is what a model's weights take.
func weightBytes(m *weft.Model) int64 {
	bytes := int64(0)
	for _, t := range m.Stored {
		bytes += int64(t.Bytes)
	}
	if bytes == 0 { // made in memory
		bytes = 4 * int64(m.Params())
	}
	return bytes
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

// held is what open models take, besides the default and o.
func (m *models) held(o *opened) int64 {
	sum := int64(0)
	for _, other := range m.open {
		if other != o && other.name != m.o.Name && isReady(other) {
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

// listed is a model that requests may name.
type listed struct {
	Name    string `json:"name"`
	Kind    string `json:"path_kind"`
	Open    bool   `json:"open"`
	Default bool   `json:"default"`
	Bytes   int64  `json:"bytes"` // of its files; 0: not known
}

// list is every model but the training runs' checkpoints.
func (m *models) list() ([]listed, error) {
	list := []listed{{Name: m.o.Name, Kind: m.o.Kind, Default: true, Bytes: weightBytes(m.o.Default)}}
	if m.o.Kind != kindBuiltIn {
		list = append(list, listed{Name: builtIn, Kind: kindBuiltIn})
	}
	for _, name := range m.o.Models {
		list = append(list, listed{Name: name, Kind: kindFile, Bytes: fileBytes(name)})
	}
	stored, err := m.stored()
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	for _, s := range stored {
		list = append(list, listed{Name: s.Name, Kind: kindStore, Bytes: s.Size})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(l listed) bool {
		again := seen[l.Name]
		seen[l.Name] = true
		return again
	})
	for i := range list {
		o := m.open[list[i].Name]
		list[i].Open = o != nil && isReady(o)
	}
	return list, nil
}
