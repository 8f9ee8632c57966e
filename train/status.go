package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Status is how far the run in a folder got, by its newest checkpoint.
type Status struct {
	Recipe   Recipe
	Step     int     // steps done
	Steps    int     // in all; 0: not decided yet
	Tokens   int64   // trained on
	ElapsedS float64 // of all processes of the run
	BestBPB  float64 // the best validation so far, in bits per byte; 0: none yet
	BestStep int
}

// Done says whether all steps are made.
func (s Status) Done() bool { return s.Steps > 0 && s.Step >= s.Steps }

// ReadStatus reads how far the run in out got; nil if it has no checkpoint.
func ReadStatus(out string) (*Status, error) {
	c, err := openCheckpoint(filepath.Join(out, "train"))
	if c == nil || err != nil {
		return nil, err
	}
	defer c.close()
	s := &Status{Recipe: c.Recipe, Step: c.Step, Steps: c.Horizon, Tokens: c.Tokens, ElapsedS: c.ElapsedS}
	if c.Best != nil {
		s.BestBPB, s.BestStep = c.Best.BPB, c.Best.Step
	}
	return s, nil
}

// ReadLog reads the lines of the first steps of the run in out, at most limit of them.
func ReadLog(out string, limit int) ([]Line, error) {
	data, err := os.ReadFile(filepath.Join(out, "train", "log.jsonl"))
	if os.IsNotExist(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	size, last := keepLines(data, limit)
	lines := make([]Line, 0, last)
	for text := range bytes.Lines(data[:size]) {
		var line Line
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, fmt.Errorf("log: %w", err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}
