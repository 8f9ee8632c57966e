package studio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"weft/train"
)

// States of a run.
const (
	stateWaiting  = "waiting" // for its turn
	stateTraining = "training"
	stateStopped  = "stopped" // can be resumed
	stateDone     = "done"
	stateFailed   = "failed" // error says why; it may be resumed
)

// Why runs stop.
var (
	errAskedToStop = errors.New("stopped by the page")
	errAllLeft     = errors.New("stopped because the page was closed")
	errServerStops = errors.New("stopped because the server was")
)

// trainRun is a training run: what is on the disk, and, while it is active, who
// trains and who listens.
type trainRun struct {
	name, dir string

	mu        sync.Mutex
	about     about // Created and what comes before it never change
	step      int
	steps     int // in all; 0: not known yet
	log       []trainEvent
	next      int           // the number of the next event
	changed   chan struct{} // closed when there is news
	file      *os.File      // where events are kept, while active
	cancel    context.CancelCauseFunc
	ended     chan struct{} // closed when it is not active any more
	attached  bool          // it stops when nobody listens
	soon      time.Duration
	listeners int
	leaving   *time.Timer
}

func newRun(dir string, a about) *trainRun {
	return &trainRun{name: a.Name, dir: dir, about: a, steps: a.Recipe.Horizon.Steps, changed: make(chan struct{})}
}

func (r *trainRun) textPath() string { return filepath.Join(r.dir, "text.txt") }
func (r *trainRun) modelDir() string { return filepath.Join(r.dir, "model") }

// what is what the run is now.
func (r *trainRun) what() about {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.about
}

func (r *trainRun) isActive() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancel != nil
}

func (r *trainRun) isDone() bool { return r.what().State == stateDone }

// begin makes the run active; false if it is.
func (r *trainRun) begin(cancel context.CancelCauseFunc, attached bool, soon, first time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return false
	}
	r.cancel, r.attached, r.soon, r.ended = cancel, attached, soon, make(chan struct{})
	r.about.Error = ""
	r.openFile()
	r.set(stateWaiting)
	r.wait(first)
	return true
}

// enter changes the state of an active run.
func (r *trainRun) enter(state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(state)
}

func (r *trainRun) set(state string) {
	r.about.State = state
	r.save()
	r.add("state", map[string]any{"state": state})
}

// stop ends an active run, once it has saved a checkpoint. ended is closed then; nil
// if it is not active.
func (r *trainRun) stop(why error) (ended <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return nil
	}
	r.cancel(why)
	return r.ended
}

// doneJSON is how a run ended.
type doneJSON struct {
	State  string  `json:"state"` // "done", "stopped" or "failed"
	Step   int     `json:"step"`
	Why    string  `json:"why,omitempty"`
	ValBPB float64 `json:"val_bpb,omitempty"` // of the model it made, over the whole validation part
	Kept   int     `json:"kept,omitempty"`    // the step whose weights the model has
}

// finish takes note of how the training ended.
func (r *trainRun) finish(result train.Result, ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := doneJSON{State: stateDone, Step: r.step, ValBPB: result.ValBPB, Kept: result.Kept}
	switch {
	case errors.Is(err, train.ErrInterrupted):
		done.State, done.Why = stateStopped, context.Cause(ctx).Error()
	case err != nil:
		done.State, done.Why = stateFailed, err.Error()
		r.about.Error = err.Error()
	default:
		r.about.ValBPB, r.about.Kept = result.ValBPB, result.Kept
	}
	r.about.State = done.State
	r.save()
	r.add("done", done)
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
	if r.leaving != nil {
		r.leaving.Stop()
	}
	r.cancel = nil
	close(r.ended)
}

// hear takes a training run's events.
func (r *trainRun) hear(e train.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case train.Plan:
		r.step, r.steps = e.Step, e.Steps
		r.add("plan", planJSON{e.Params, e.Memory, e.TextBytes, e.TrainTokens, e.ValTokens, e.Vocab, e.Step, e.Steps, e.Threads})
	case train.Line:
		r.step = e.Step
		r.add("line", e)
	case train.Sample:
		r.add("sample", sampleJSON{e.Step, strings.ToValidUTF8(e.Text, "\uFFFD")})
	case train.Saved:
		r.add("saved", stepOnly{e.Step})
	case train.Snapshot:
		r.add("checkpoint", stepOnly{e.Step})
	case train.Dropped:
		r.add("dropped", stepOnly{e.Step})
	case train.Note:
		r.add("note", map[string]string{"text": string(e)})
	}
}

type planJSON struct {
	Params      int   `json:"params"`
	Memory      int64 `json:"memory"`
	TextBytes   int64 `json:"text_bytes"`
	TrainTokens int   `json:"train_tokens"`
	ValTokens   int   `json:"val_tokens"`
	Vocab       int   `json:"vocab"`
	Step        int   `json:"step"`
	Steps       int   `json:"steps"` // 0: minutes decide
	Threads     int   `json:"threads"`
}

type sampleJSON struct {
	Step int    `json:"step"`
	Text string `json:"text"`
}

type stepOnly struct {
	Step int `json:"step"`
}

// join counts a listener until leave is called.
func (r *trainRun) join() (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners++
	if r.leaving != nil {
		r.leaving.Stop()
	}
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.listeners--
		r.wait(r.soon)
	})
}

// wait stops an attached run that nobody listens to after a while, in which a page
// that is loaded again has come back.
func (r *trainRun) wait(long time.Duration) {
	if !r.attached || r.cancel == nil || r.listeners > 0 {
		return
	}
	if r.leaving != nil {
		r.leaving.Stop()
	}
	cancel := r.cancel
	r.leaving = time.AfterFunc(long, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.listeners == 0 {
			cancel(errAllLeft)
		}
	})
}

// add appends an event and wakes the listeners.
func (r *trainRun) add(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil { // a line whose numbers are none is never handed out
		data = fmt.Appendf(nil, `{"text":%q}`, err)
		name = "note"
	}
	e := trainEvent{ID: r.next, Name: name, Step: r.step, Data: data}
	if line, ok := v.(train.Line); ok {
		e.validated = line.ValBPB != nil
	} else if name != "saved" {
		r.keep(e)
	}
	r.next++
	r.log = append(r.log, e)
	if len(r.log) > mostEvents {
		r.log = thin(r.log)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}
