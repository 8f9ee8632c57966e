package studio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"weft/internal/atomicfile"
	"weft/train"
)

// A run's folder holds
//
//	run.json       what it is: about
//	text.txt       what it learns from
//	events.jsonl   what happened besides the lines of the log
//	model/         what package train makes of it; model/train/steps/ the checkpoints

// about is what a run is.
type about struct {
	Name        string       `json:"name"`
	Preset      string       `json:"preset"`
	Recipe      train.Recipe `json:"recipe"`
	SampleEvery int          `json:"sample_every"`
	Text        textJSON     `json:"text"`
	Created     time.Time    `json:"created"`

	State  string  `json:"state"`
	Error  string  `json:"error,omitempty"`
	ValBPB float64 `json:"val_bpb,omitempty"` // of the model that it made
	Kept   int     `json:"kept,omitempty"`
}

// textJSON is a text to learn from.
type textJSON struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// trainEvent is something that happened in a run.
type trainEvent struct {
	ID        int             `json:"id"`
	Name      string          `json:"event"`
	Step      int             `json:"step"` // after which it happened
	Data      json.RawMessage `json:"data"`
	validated bool            // a line with an evaluation
}

// create makes the folder, which must not be there.
func (r *trainRun) create(text []byte) error {
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return fmt.Errorf("training run: %w", err)
	}
	err := atomicfile.WriteBytes(r.textPath(), text)
	if err == nil {
		err = r.save()
	}
	if err != nil {
		os.RemoveAll(r.dir)
		return fmt.Errorf("training run: %w", err)
	}
	return nil
}

// save writes run.json. What it says beyond the creation is only for after a
// restart, so nobody waits for a disk that is full.
func (r *trainRun) save() error {
	data, err := json.MarshalIndent(r.about, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(r.dir, "run.json"), append(data, '\n'))
}

const (
	maxAbout   = 1 << 20
	maxEvents  = 64 << 20
	mostEvents = 1 << 14 // in memory
	eventsName = "events.jsonl"
)

// loadRun reads a run that an earlier server has left; nil if dir holds none.
func loadRun(dir, name string) *trainRun {
	data, err := readSmall(filepath.Join(dir, "run.json"), maxAbout)
	if err != nil {
		return nil
	}
	var a about
	if json.Unmarshal(data, &a) != nil || a.Name != name || a.Recipe.Validate() != nil {
		return nil
	}
	r := newRun(dir, a)
	if a.State != stateDone && a.State != stateFailed {
		r.about.State = stateStopped
	}
	status, err := train.ReadStatus(r.modelDir())
	if err != nil {
		r.about.State, r.about.Error = stateFailed, err.Error()
	}
	if status != nil {
		r.step, r.steps = status.Step, status.Steps
	}
	r.restore()
	return r
}

func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are read", path, info.Size(), limit)
	}
	return os.ReadFile(path)
}

// restore puts the events of earlier servers together: the log's lines and the rest,
// up to the step of the checkpoint. What came after it will come again.
func (r *trainRun) restore() {
	lines, err := train.ReadLog(r.modelDir(), r.step)
	if err != nil {
		lines = nil
	}
	data, _ := readSmall(filepath.Join(r.dir, eventsName), maxEvents)
	put := func(e trainEvent) {
		e.ID = r.next
		r.next++
		r.log = append(r.log, e)
	}
	upTo := func(step int) {
		for len(lines) > 0 && lines[0].Step <= step {
			line := lines[0]
			lines = lines[1:]
			if data, err := json.Marshal(line); err == nil {
				put(trainEvent{Name: "line", Step: line.Step, Data: data, validated: line.ValBPB != nil})
			}
		}
	}
	for text := range bytes.Lines(data) {
		var e trainEvent
		if json.Unmarshal(text, &e) != nil || e.Step > r.step {
			continue
		}
		upTo(e.Step)
		put(e)
	}
	upTo(r.step)
	for len(r.log) > mostEvents {
		r.log = thin(r.log)
	}
}

// openFile begins to keep events again, with those that restore has found. Without
// the file the run trains all the same.
func (r *trainRun) openFile() {
	var kept bytes.Buffer
	for _, e := range r.log {
		if e.Name != "line" && e.Name != "saved" {
			data, _ := json.Marshal(e) // plain numbers and JSON
			kept.Write(append(data, '\n'))
		}
	}
	path := filepath.Join(r.dir, eventsName)
	if atomicfile.WriteBytes(path, kept.Bytes()) == nil {
		r.file, _ = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	}
}

// keep writes an event down.
func (r *trainRun) keep(e trainEvent) {
	if r.file == nil {
		return
	}
	if data, err := json.Marshal(e); err == nil {
		r.file.Write(append(data, '\n'))
	}
}

// thin leaves out every other line of the older three quarters; with an evaluation
// only if that is not enough, and then every other sample too.
func thin(log []trainEvent) []trainEvent {
	out := halve(log, func(e trainEvent) bool { return e.Name == "saved" || e.Name == "line" && !e.validated })
	if len(out) > mostEvents*3/4 {
		out = halve(out, func(e trainEvent) bool { return e.Name == "line" || e.Name == "sample" })
	}
	return out
}

// halve leaves out every other event that is dispensable among the older ones.
func halve(log []trainEvent, dispensable func(trainEvent) bool) []trainEvent {
	out := make([]trainEvent, 0, len(log))
	odd := false
	for i, e := range log {
		if i < len(log)*3/4 && dispensable(e) {
			if odd = !odd; odd {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}
