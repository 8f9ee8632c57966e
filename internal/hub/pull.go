package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"weft/internal/filelock"
)

// Remote is whom to ask.
type Remote struct {
	HuggingFace string // "": https://huggingface.co
	Ollama      string // "": https://registry.ollama.ai
	Token       string // for the server HuggingFace alone; "": none
}

// Puller downloads models into a store.
type Puller struct {
	Store   Store
	Remote  Remote
	Memory  int64       // bytes that a model may take, to choose by; 0: what this machine has free
	OnEvent func(Event) // may be nil; calls do not overlap
	tuning  tuning      // zero: usual
}

// Event is something that a pull tells while it runs: a [Note] or [Progress].
type Event interface{ event() }

// Note is a line for the user.
type Note string

// Progress is how far a pull has come.
type Progress struct {
	File     string
	Done     int64 // bytes of all files
	Total    int64 // -1: unknown
	Checking bool  // the file has arrived and its checksum is being computed
}

func (Note) event()     {}
func (Progress) event() {}

// Pulled is a model that is here now.
type Pulled struct {
	Name     string // in the store; "" when it was pulled to a folder elsewhere
	Path     string // to open it: a .gguf or a folder
	Source   string
	Revision string
	Commit   string
	Why      string // these files of a repository, "" when there was no choice
	Size     int64  // of its files
	Fetched  int64  // bytes that came from the net this time
	Cached   bool   // it is in Hugging Face's cache, and was not copied
	Files    []PulledFile
}

// PulledFile is one file of a model, by its name in the model's folder.
type PulledFile struct {
	Name   string
	Size   int64
	SHA256 string
}

// pull is one call of Pull.
type pull struct {
	*Puller
	plan
	src    source
	c      *client
	dir    string
	root   *os.Root // of dir
	record record
	mu     sync.Mutex // of OnEvent and what follows
	at     Progress
	result Pulled
}

// Pull fetches what ref names into the store, or into the folder to if that is
// not empty. Files that are here already are not fetched again, and a pull that
// was interrupted goes on where it stopped. References are
//
//	hf:OWNER/REPO[/FILE][@REVISION]    Hugging Face; OWNER/REPO is the same
//	ollama:[OWNER/]NAME[:TAG]          Ollama's registry
//	https://HOST/PATH.gguf             any server; also config.json or model.safetensors of a model folder
//
// Of a repository without FILE, the best GGUF that fits in memory is pulled, or
// the model folder if there is no GGUF.
func (p *Puller) Pull(ctx context.Context, ref, to string) (Pulled, error) {
	src, remark, err := parseRef(ref)
	if err != nil {
		return Pulled{}, err
	}
	x := &pull{Puller: p, src: src}
	if remark != "" {
		x.note("%s", remark)
	}
	remote := p.Remote.filled()
	tune := p.tuning
	if tune == (tuning{}) {
		tune = usual
	}
	base, token := src.server(remote)
	if x.c, err = newClient(base, token, tune, x.note); err != nil {
		return Pulled{}, err
	}
	defer x.c.close()
	if err := x.run(ctx, to); err != nil {
		return Pulled{}, fmt.Errorf("%s: %w", src, src.explain(remote, err))
	}
	return x.result, nil
}

func (r Remote) filled() Remote {
	if r.HuggingFace == "" {
		r.HuggingFace = huggingFace
	}
	if r.Ollama == "" {
		r.Ollama = ollama
	}
	return r
}

func (x *pull) run(ctx context.Context, to string) (err error) {
	free := memory(x.Memory)
	if free == 0 {
		free = freeMemory()
	}
	if x.plan, err = x.src.plan(ctx, x.c, free); err != nil {
		return err
	}
	if err := x.plan.check(); err != nil {
		return err
	}
	x.announce(free)
	x.result = Pulled{Name: x.name, Source: x.source, Revision: x.revision, Commit: x.commit, Why: x.why}
	if h, ok := x.src.(hfSource); ok && to == "" {
		if found, err := x.fromCache(ctx, h.repo); found || err != nil {
			return err
		}
	}
	unlock, err := x.open(ctx, to)
	if err != nil {
		return err
	}
	defer unlock()
	return x.fetchAll(ctx)
}

// check refuses plans that would write where they should not.
func (p plan) check() error {
	seen := map[string]bool{}
	for _, f := range p.files {
		if err := checkName(f.name); err != nil {
			return err
		}
		lower := strings.ToLower(f.name) // not every file system tells them apart
		if seen[lower] {
			return fmt.Errorf("two files have the name %q", f.name)
		}
		seen[lower] = true
	}
	return checkEntry(p.name)
}

// announce says what will be pulled.
func (x *pull) announce(free memory) {
	size, what := total(x.files), x.model
	if x.model == "." {
		what = fmt.Sprintf("%d files", len(x.files))
	}
	if size >= 0 {
		what += " (" + human(size) + ")"
	}
	if x.why != "" {
		what += ", " + x.why
	}
	x.note("%s", what)
	if free > 0 && needs(size) > int64(free) {
		x.note("running it needs about %s of memory, and %s are free", human(needs(size)), human(int64(free)))
	}
}

// open makes the folder, if need be, and keeps other pulls out of it.
func (x *pull) open(ctx context.Context, to string) (unlock func(), err error) {
	top, folder, lock := x.Store.Dir, filepath.FromSlash(x.name), x.Store.lockPath(x.name)
	if to != "" {
		top, folder, lock, x.result.Name = to, ".", filepath.Join(to, ".weft-lock"), ""
	}
	for _, dir := range []string{top, filepath.Dir(lock)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	held, err := x.lock(ctx, lock)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			held.Close()
		}
	}()
	root, err := os.OpenRoot(top) // from here on nothing can be written outside, whatever it is called
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	if x.root, err = root.OpenRoot(folder); err != nil {
		return nil, err
	}
	x.dir = filepath.Join(top, folder)
	if x.record, err = readRecord(x.dir); err != nil {
		x.root.Close()
		return nil, err
	}
	if was := x.record.Source; was != "" && was != x.source {
		x.root.Close()
		return nil, fmt.Errorf("%s holds a model from %s: remove it first, or use --to", x.dir, was)
	}
	x.record.Source, x.record.Revision = x.source, x.revision
	return func() { x.root.Close(); held.Close() }, nil
}

// lock waits until no other process works on the folder.
func (x *pull) lock(ctx context.Context, path string) (*os.File, error) {
	for said := false; ; said = true {
		f, err := filelock.Try(path)
		if !errors.Is(err, filelock.ErrHeld) {
			return f, err
		}
		if !said {
			x.note("another process is pulling this; waiting for it")
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// lockPath is the lock of a model's folder. It is not in it, so that removing
// the model leaves nothing.
func (s Store) lockPath(name string) string {
	return filepath.Join(s.Dir, ".locks", strings.ReplaceAll(name, "/", "--"))
}

func (x *pull) note(format string, args ...any) { x.tell(Note(fmt.Sprintf(format, args...))) }

func (x *pull) tell(e Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.OnEvent != nil {
		x.OnEvent(e)
	}
}

// move counts bytes.
func (x *pull) move(n int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at.Done += n
	if x.OnEvent != nil {
		x.OnEvent(x.at)
	}
}

// arrived counts bytes from the net; a part that starts over takes some back.
func (x *pull) arrived(n int64) {
	x.mu.Lock()
	x.result.Fetched += max(0, n)
	x.mu.Unlock()
	x.move(n)
}
