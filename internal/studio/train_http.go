package studio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"weft/train"
)

// trainJSON is a run in the list of all.
type trainJSON struct {
	Run         string   `json:"run"`
	Preset      string   `json:"preset"`
	Seed        uint64   `json:"seed"`
	Text        textJSON `json:"text"`
	Created     string   `json:"created"`
	State       string   `json:"state"` // "waiting", "training", "stopped", "done" or "failed"
	Error       string   `json:"error,omitempty"`
	Step        int      `json:"step"`
	Steps       int      `json:"steps"` // 0: not known yet
	Checkpoints []int    `json:"checkpoints"`
	ValBPB      float64  `json:"val_bpb,omitempty"` // of the model that it made
	Kept        int      `json:"kept,omitempty"`    // the step of that model
	Attached    bool     `json:"attached"`          // it stops when nobody listens
}

func (r *trainRun) json() (trainJSON, error) {
	steps, err := train.Snapshots(r.modelDir())
	if err != nil {
		return trainJSON{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.about
	return trainJSON{r.name, a.Preset, a.Recipe.Seed, a.Text, a.Created.Format("2006-01-02T15:04:05Z07:00"), a.State, a.Error, r.step, r.steps,
		append([]int{}, steps...), a.ValBPB, a.Kept, r.attached && r.cancel != nil}, nil
}

type presetJSON struct {
	Name     string `json:"name"`
	About    string `json:"about"`
	Steps    int    `json:"steps"`    // unless told otherwise; 0: ten minutes
	Expected bool   `json:"expected"` // there is a band for the sample text
}

type trainListJSON struct {
	Enabled bool         `json:"enabled"`
	Runs    []trainJSON  `json:"runs"` // the newest first
	Presets []presetJSON `json:"presets"`
	Samples []textJSON   `json:"samples"`
	MaxText int          `json:"max_text_bytes"`
}

func (s *Studio) listTraining(w http.ResponseWriter, r *http.Request) error {
	out := trainListJSON{Enabled: s.train.dir != "", Runs: []trainJSON{}, MaxText: maxBody * 3 / 4, // JSON escapes some
		Samples: []textJSON{{sampleName, len(stories), hashOf([]byte(stories))}}}
	for _, run := range s.train.list() {
		j, err := run.json()
		if err != nil {
			return err
		}
		out.Runs = append(out.Runs, j)
	}
	known := map[string]bool{}
	for _, name := range measuredPresets() {
		known[name] = true
	}
	for _, p := range train.Presets() {
		if (&trainRequest{Preset: p.Name}).bounded() != nil {
			continue
		}
		out.Presets = append(out.Presets, presetJSON{p.Name, p.About, usualSteps(p.Name), known[p.Name]})
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Studio) startTraining(w http.ResponseWriter, r *http.Request) error {
	if err := s.train.need(); err != nil {
		return err
	}
	var q trainRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	a, text, err := q.about()
	if err != nil {
		return err
	}
	if err := s.train.room(); err != nil {
		return err
	}
	run, err := s.train.make(a, text)
	if err != nil {
		return err
	}
	if err := s.train.start(run, true, q.Attached == nil || *q.Attached); err != nil { // another was faster
		os.RemoveAll(run.dir)
		return err
	}
	return s.tell(w, run)
}

func (s *Studio) tell(w http.ResponseWriter, run *trainRun) error {
	j, err := run.json()
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, j)
}

// oneJSON is all of a run.
type oneJSON struct {
	trainJSON
	Recipe   train.Recipe      `json:"recipe"`
	Lines    []json.RawMessage `json:"lines"` // of the log; of long runs not all, but all with an evaluation
	Samples  []json.RawMessage `json:"samples"`
	Expected bandJSON          `json:"expected"`
	Plan     json.RawMessage   `json:"plan,omitempty"` // as in the event
	Why      string            `json:"why,omitempty"`  // it ended, if it did
	Next     int               `json:"next"`           // the events from here on are news
}

// mostLines is about how many lines without an evaluation a run shows.
const mostLines = 1000

func (s *Studio) oneTraining(w http.ResponseWriter, r *http.Request) error {
	run, err := s.train.find(r.PathValue("run"))
	if err != nil {
		return err
	}
	j, err := run.json()
	if err != nil {
		return err
	}
	out := oneJSON{trainJSON: j, Lines: []json.RawMessage{}, Samples: []json.RawMessage{}}
	a := run.what()
	if out.Expected, err = bandOf(a); err != nil {
		return err
	}
	events, _, _ := run.since(0)
	out.Recipe = a.Recipe
	every := 1 + len(events)/mostLines
	for _, e := range events {
		switch {
		case e.Name == "line" && (e.validated || e.Step%every == 0 || e.Step == 1):
			out.Lines = append(out.Lines, e.Data)
		case e.Name == "sample":
			out.Samples = append(out.Samples, e.Data)
		case e.Name == "plan":
			out.Plan = e.Data
		case e.Name == "state": // it goes on
			out.Why = ""
		case e.Name == "done":
			var done doneJSON
			if json.Unmarshal(e.Data, &done) == nil {
				out.Why = done.Why
			}
		}
		out.Next = e.ID + 1
	}
	return writeJSON(w, http.StatusOK, out)
}

// since are the events from a number on, what tells of more, and whether there may be
// more.
func (r *trainRun) since(from int) (list []trainEvent, changed <-chan struct{}, active bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(r.log)
	for i > 0 && r.log[i-1].ID >= from {
		i--
	}
	return append(list, r.log[i:]...), r.changed, r.cancel != nil
}

// trainingEvents streams what has happened in a run, and then what happens, until it
// ends. Who comes back asks for what came after the last event seen.
func (s *Studio) trainingEvents(w http.ResponseWriter, r *http.Request) error {
	run, err := s.train.find(r.PathValue("run"))
	if err != nil {
		return err
	}
	q := newQuery(r)
	from := q.int("from", 0, 0, 1<<40)
	if q.err != nil {
		return q.err
	}
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		from = max(from, last+1)
	}
	defer run.join()()
	list, changed, active := run.since(from)
	if !active && len(list) == 0 { // an EventSource that has heard all does not come again
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	e := newEvents(w)
	defer e.keep(beatEvery)()
	for {
		for _, ev := range list {
			if err := e.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", ev.ID, ev.Name, ev.Data)); err != nil {
				return nil
			}
			from = ev.ID + 1
		}
		if len(list) == 0 {
			if !active {
				return nil
			}
			select {
			case <-changed:
			case <-r.Context().Done():
				return nil
			}
		}
		list, changed, active = run.since(from)
	}
}

// stopTraining answers when the run has saved a checkpoint.
func (s *Studio) stopTraining(w http.ResponseWriter, r *http.Request) error {
	run, err := s.train.find(r.PathValue("run"))
	if err != nil {
		return err
	}
	if ended := run.stop(errAskedToStop); ended != nil {
		select {
		case <-ended:
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	return s.tell(w, run)
}

func (s *Studio) resumeTraining(w http.ResponseWriter, r *http.Request) error {
	run, err := s.train.find(r.PathValue("run"))
	if err != nil {
		return err
	}
	q := newQuery(r)
	attached := q.text("attached") != "false"
	switch {
	case q.err != nil:
		return q.err
	case run.isDone():
		return bad("%s is done; start another run to train longer", run.name)
	}
	if err := s.train.start(run, false, attached); err != nil {
		return err
	}
	return s.tell(w, run)
}

func (s *Studio) removeTraining(w http.ResponseWriter, r *http.Request) error {
	run, err := s.train.find(r.PathValue("run"))
	if err != nil {
		return err
	}
	if err := s.train.remove(run, s.models); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"removed": run.name})
}
