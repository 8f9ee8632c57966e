package studio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weft/internal/par"
	"weft/tensor"
	"weft/train"
)

// training is the training runs in a folder. They belong to the server, not to a
// page. One trains at a time; others wait for their turn.
type training struct {
	dir     string // "": there is no training
	threads int
	turn    chan struct{}
	peak    func() float64 // FLOP/s of this machine, measured once
	soon    time.Duration  // after its last listener has left, an attached run stops
	first   time.Duration  // so long it waits for the first

	mu     sync.Mutex
	runs   map[string]*trainRun
	closed bool
	active sync.WaitGroup
}

const (
	leaveSoon  = 5 * time.Second
	leaveFirst = 30 * time.Second
	maxActive  = 3  // runs at once, all but one waiting: a page hears each on one of a browser's six connections
	maxRuns    = 50 // that are kept
)

// newTraining finds the runs that earlier servers have left in dir.
func newTraining(dir string, threads int) (*training, error) {
	t := &training{dir: dir, threads: threads, turn: make(chan struct{}, 1), soon: leaveSoon, first: leaveFirst, runs: map[string]*trainRun{}}
	t.peak = sync.OnceValue(func() float64 {
		pool := par.New(threads)
		defer pool.Close()
		return 1e9 * tensor.MeasurePeak(pool)
	})
	entries, err := os.ReadDir(dir)
	if dir == "" || errors.Is(err, os.ErrNotExist) {
		return t, nil
	} else if err != nil {
		return nil, fmt.Errorf("training runs: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !validName(e.Name()) {
			continue
		}
		if r := loadRun(filepath.Join(dir, e.Name()), e.Name()); r != nil {
			t.runs[r.name] = r
		}
	}
	return t, nil
}

// validName says whether a run, and so its folder, may have that name.
func validName(name string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	return name != "" && len(name) <= 40 && name[0] != '-' && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0
}

// find is the run of that name.
func (t *training) find(name string) (*trainRun, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[name]; r != nil {
		return r, nil
	}
	return nil, problem(http.StatusNotFound, "not_found", "there is no training run %.60q here; GET /api/train lists those there are", name)
}

// list is all runs, the newest first.
func (t *training) list() []*trainRun {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*trainRun
	for _, r := range t.runs {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *trainRun) int {
		if c := b.about.Created.Compare(a.about.Created); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return list
}

// make makes the folder of a run that start is to begin. The name is free, or an error
// says that it is not.
func (t *training) make(a about, text []byte) (*trainRun, error) {
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return nil, fmt.Errorf("training runs: %w", err)
	}
	given := a.Name != ""
	for n := 1; ; n++ {
		if !given {
			a.Name = fmt.Sprintf("%s-%d", a.Preset, n)
		}
		r := newRun(filepath.Join(t.dir, a.Name), a)
		switch err := r.create(text); {
		case err == nil:
			return r, nil
		case !errors.Is(err, os.ErrExist):
			return nil, err
		case given:
			return nil, problem(http.StatusConflict, "bad_request", "there is a training run %s already; choose another name, or remove it first", a.Name)
		}
	}
}

// room refuses what would be too much, before anything is made.
func (t *training) room() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refuse(true)
}

// refuse says why no run may begin now.
func (t *training) refuse(another bool) error {
	active := 0
	for _, r := range t.runs {
		if r.isActive() {
			active++
		}
	}
	switch {
	case t.closed:
		return problem(http.StatusServiceUnavailable, "busy", "the server is stopping; start it again")
	case active >= maxActive:
		return problem(http.StatusConflict, "busy", "%d runs train or wait already, which is the most; stop one first", active)
	case another && len(t.runs) >= maxRuns:
		return problem(http.StatusConflict, "busy", "%d training runs are kept, which is the most; remove one first", len(t.runs))
	}
	return nil
}

// start lets a run train as soon as it is its turn. another is one that make has made.
func (t *training) start(r *trainRun, another, attached bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refuse(another); err != nil {
		return err
	}
	if !another && t.runs[r.name] != r {
		return problem(http.StatusNotFound, "not_found", "%s was removed", r.name)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	if !r.begin(cancel, attached, t.soon, t.first) {
		cancel(nil)
		return problem(http.StatusConflict, "busy", "%s trains already", r.name)
	}
	t.runs[r.name] = r
	t.active.Add(1)
	go func() {
		defer t.active.Done()
		defer cancel(nil)
		t.train(ctx, r)
	}()
	return nil
}

// train waits for a run's turn and trains.
func (t *training) train(ctx context.Context, r *trainRun) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		r.finish(train.Result{}, ctx, train.ErrInterrupted)
		return
	}
	defer func() { <-t.turn }()
	r.enter(stateTraining)
	_, err := os.Stat(filepath.Join(r.modelDir(), "train"))
	recipe := r.about.Recipe
	result, err := train.Run(ctx, train.Options{
		Data: []string{r.textPath()}, Out: r.modelDir(), Recipe: &recipe, Resume: err == nil, Threads: t.threads, Peak: t.peak(),
		SampleEvery: r.about.SampleEvery, Snapshots: snapshotBytes, OnEvent: r.hear,
	})
	r.finish(result, ctx, err)
}

// snapshotBytes is what the checkpoints of a run may take.
const snapshotBytes = 1 << 30

// close stops all runs; each saves a checkpoint first.
func (t *training) close() {
	t.mu.Lock()
	t.closed = true
	for _, r := range t.runs {
		r.stop(errServerStops)
	}
	t.mu.Unlock()
	t.active.Wait()
}

// remove deletes a run that is not active. Nobody finds it meanwhile; if it cannot be
// deleted it is there again.
func (t *training) remove(r *trainRun, m *models) error {
	if err := t.hide(r); err != nil {
		return err
	}
	err := m.forget("train:" + r.name + "@")
	if err == nil {
		if err = os.RemoveAll(r.dir); err == nil {
			return nil
		}
		err = fmt.Errorf("remove %s: %w", r.name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.runs[r.name] == nil {
		t.runs[r.name] = r
	}
	return err
}

func (t *training) hide(r *trainRun) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.isActive():
		return problem(http.StatusConflict, "busy", "%s trains; stop it first", r.name)
	case t.runs[r.name] != r:
		return problem(http.StatusNotFound, "not_found", "%s is removed already", r.name)
	}
	delete(t.runs, r.name)
	return nil
}

// checkpoint finds the model of a run's step: a number, "last" for the newest, or
// "best" for the model that a finished run made. canonical is its full name.
func (t *training) checkpoint(run, step string) (canonical, path string, err error) {
	r, err := t.find(run)
	if err != nil {
		return "", "", err
	}
	steps, err := train.Snapshots(r.modelDir())
	if err != nil {
		return "", "", err
	}
	n, err := strconv.Atoi(step)
	switch {
	case step == "best" && r.isDone():
		return "train:" + run + "@best", r.modelDir(), nil
	case (step == "last" || step == "") && len(steps) > 0:
		n = steps[len(steps)-1]
	case err != nil || !slices.Contains(steps, n):
		return "", "", fmt.Errorf("%s has no checkpoint %.20q; it has those of the steps %s", run, step, words(steps))
	}
	return fmt.Sprintf("train:%s@%d", run, n), train.SnapshotPath(r.modelDir(), n), nil
}

// words lists numbers for people.
func words(steps []int) string {
	if len(steps) == 0 {
		return "(none yet)"
	}
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(steps)), ", "), "[]")
}
