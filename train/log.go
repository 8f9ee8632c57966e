package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Line is what is known after a step: a line of train/log.jsonl and of --json.
// Losses are nats per token; bpb is bits per byte of text.
type Line struct {
	Step       int      `json:"step"`     // steps done, from 1
	Loss       float64  `json:"loss"`     // of this step's batch, before the step
	BPB        float64  `json:"bpb"`      //
	ValLoss    *float64 `json:"val_loss"` // null where there was no evaluation
	ValBPB     *float64 `json:"val_bpb"`
	LR         float64  `json:"lr"`
	GradNorm   float64  `json:"grad_norm"` // before clipping
	Tokens     int64    `json:"tokens"`    // trained on so far
	Epoch      float64  `json:"epoch"`     // times that the training part was seen
	TokensPerS float64  `json:"tokens_per_s"`
	FlopsShare *float64 `json:"flops_share"` // of the measured peak; null when that is not known
	EtaS       *float64 `json:"eta_s"`       // null while the speed is not known
	ElapsedS   float64  `json:"elapsed_s"`
}

// logFile appends lines. When the disk is full it keeps them until there is
// room again, and never leaves half a line.
type logFile struct {
	f       *os.File
	size    int64  // of whole lines in the file
	last    int    // the step of the last line when it was opened
	pending []byte // lines not yet in the file
}

// openLog opens the log at path for the steps after step: what a run that was
// killed wrote beyond its last checkpoint is cut off, for those steps come again.
func openLog(path string, step int) (*logFile, error) {
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	size, last := keepLines(data, step)
	l := &logFile{f: f, size: int64(size), last: last}
	if err := f.Truncate(l.size); err != nil {
		f.Close()
		return nil, fmt.Errorf("log: %w", err)
	}
	return l, nil
}

// keepLines is the length of the lines of steps 1, 2, … up to step that stand
// at the beginning of a log, and the last of these steps.
func keepLines(data []byte, step int) (size, last int) {
	for last < step {
		n := bytes.IndexByte(data[size:], '\n')
		var line Line
		if n < 0 || json.Unmarshal(data[size:size+n], &line) != nil || line.Step != last+1 {
			break
		}
		size, last = size+n+1, line.Step
	}
	return size, last
}

func (l *logFile) add(line Line) error {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	l.pending = append(append(l.pending, data...), '\n')
	return l.flush()
}

func (l *logFile) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	if _, err := l.f.WriteAt(l.pending, l.size); err != nil {
		l.f.Truncate(l.size)
		return fmt.Errorf("log: %w", err)
	}
	l.size += int64(len(l.pending))
	l.pending = l.pending[:0]
	return nil
}

// sync makes the lines as durable as a checkpoint that is about to be written.
func (l *logFile) sync() error {
	if err := l.flush(); err != nil {
		return err
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

func (l *logFile) close() error { return l.f.Close() }
