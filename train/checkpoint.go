package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"weft/model"
	"weft/safetensors"
	"weft/tensor"
)

// A checkpoint is one safetensors file, DIR/train/checkpoint-STEP.safetensors:
// the weights, what the optimiser remembers, and in its metadata the state. It
// appears whole or not at all and carries a checksum. The newest two are kept.

// state is what a run is besides its tensors.
type state struct {
	Version   int         `json:"version"`
	Recipe    Recipe      `json:"recipe"`
	Data      fingerprint `json:"data"`
	Step      int         `json:"step"`      // steps done; with the seed it is also the place in the data
	Horizon   int         `json:"horizon"`   // steps in all; 0: not decided yet
	Tokens    int64       `json:"tokens"`    // trained on
	ElapsedS  float64     `json:"elapsed_s"` // of all processes of this run
	Best      *best       `json:"best,omitempty"`
	Pending   *Line       `json:"pending,omitempty"` // of a step that was made but not evaluated and logged yet
	Tokenizer string      `json:"tokenizer"`         // SHA-256 of train/tokenizer.json
}

// fingerprint says what a run's data is.
type fingerprint struct {
	Hash string `json:"sha256"`
	Cut  int64  `json:"cut"` // byte where the validation part starts
}

// best is the evaluation whose weights the folder holds.
type best struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"`
	BPB  float64 `json:"bpb"`
}

const (
	stateVersion  = 1
	stateKey      = "weft.train"
	keptCheckpts  = 2
	checkpointFmt = "checkpoint-%08d.safetensors"
)

func checkpointPath(dir string, step int) string {
	return filepath.Join(dir, fmt.Sprintf(checkpointFmt, step))
}

// listCheckpoints returns the steps of the checkpoints in dir, newest first.
func listCheckpoints(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		var step int
		if n, _ := fmt.Sscanf(e.Name(), checkpointFmt, &step); n == 1 && e.Name() == fmt.Sprintf(checkpointFmt, step) {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	slices.Reverse(steps)
	return steps, nil
}

// writeFunc writes a checkpoint's file; tests put a full disk here.
type writeFunc func(path string, tensors []tensor.Named, metadata map[string]string) error

// saveCheckpoint writes a checkpoint and then drops the oldest.
func saveCheckpoint(dir string, s state, w *model.Weights, o *optimizer, write writeFunc) error {
	meta, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var tensors []tensor.Named
	for _, p := range w.Params() {
		tensors = append(tensors, tensor.Named{Name: "weights." + p.Name, Raw: tensor.RawOf(p.Data, p.Rows, p.Cols)})
	}
	tensors = append(tensors, o.state()...)
	if err := write(checkpointPath(dir, s.Step), tensors, map[string]string{stateKey: string(meta)}); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	steps, err := listCheckpoints(dir)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	for _, step := range steps[min(keptCheckpts, len(steps)):] {
		if err := os.Remove(checkpointPath(dir, step)); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return nil
}

// checkpoint is an open one. Close it.
type checkpoint struct {
	state
	file *safetensors.File
}

// openCheckpoint opens the newest checkpoint in dir; nil when there is none. A
// damaged one is an error: what to do about it is the user's decision.
func openCheckpoint(dir string) (*checkpoint, error) {
	steps, err := listCheckpoints(dir)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	path := checkpointPath(dir, steps[0])
	c, err := readCheckpoint(path)
	if err == nil {
		return c, nil
	}
	hint := "there is no earlier one, so the run must start again in another folder"
	if len(steps) > 1 {
		hint = fmt.Sprintf("delete it to resume from the one before, of step %d", steps[1])
	}
	return nil, fmt.Errorf("checkpoint: %w (%s)", err, hint)
}

func readCheckpoint(path string) (*checkpoint, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{file: f}
	if err := c.parse(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *checkpoint) parse() error {
	meta := c.file.Metadata()
	if _, ok := meta[safetensors.ChecksumKey]; !ok {
		return errors.New("no checksum: not a checkpoint, or damaged")
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(meta[stateKey])))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c.state); err != nil {
		return fmt.Errorf("not a checkpoint that this version reads: %w", err)
	}
	if c.Version != stateVersion {
		return fmt.Errorf("checkpoint version %d, this version reads %d", c.Version, stateVersion)
	}
	return c.Recipe.Validate()
}

// weights reads the model's weights.
func (c *checkpoint) weights(config model.Config) (*model.Weights, error) {
	w, err := model.Load(config, weightsOnly{c.file}, nil)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return w, nil
}

func (c *checkpoint) close() error { return c.file.Close() }

// weightsOnly shows a checkpoint's weights under the model's names.
type weightsOnly struct{ file *safetensors.File }

const weightsPrefix = "weights."

func (w weightsOnly) Names() (names []string) {
	for _, name := range w.file.Names() {
		if len(name) > len(weightsPrefix) && name[:len(weightsPrefix)] == weightsPrefix {
			names = append(names, name[len(weightsPrefix):])
		}
	}
	return names
}

func (w weightsOnly) Tensor(name string) (tensor.Raw, error) {
	return w.file.Tensor(weightsPrefix + name)
}
