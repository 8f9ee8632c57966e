package train

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"weft/internal/atomicfile"
	"weft/modelfile"
)

// A snapshot is the weights after a step as a model folder of its own,
// OUT/train/steps/STEP, for looking at how a model came about. The first steps are
// dense, because most changes then: 0, 1, 2, 4, 8, …, and every sixteenth of the run.
// A folder appears whole or not at all, and goes so.

const (
	snapshotsName = "steps"
	snapshotFmt   = "%06d"
	sixteenths    = 16 // snapshots of a run besides the doublings
	fewest        = 3  // snapshots that are worth having
)

// SnapshotPath is the model folder of the weights after a step of the run in out.
func SnapshotPath(out string, step int) string {
	return filepath.Join(out, "train", snapshotsName, fmt.Sprintf(snapshotFmt, step))
}

// Snapshots lists the steps of which the run in out keeps the weights, in order.
func Snapshots(out string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(out, "train", snapshotsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		step, err := strconv.Atoi(e.Name())
		if err == nil && step >= 0 && e.IsDir() && e.Name() == fmt.Sprintf(snapshotFmt, step) {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// wantsSnapshot says whether a step's weights are kept. Of a run of minutes the
// sixteenths begin when its length is known.
func wantsSnapshot(step, horizon int) bool {
	every := (horizon + sixteenths - 1) / sixteenths
	return bits.OnesCount(uint(step)) <= 1 || horizon > 0 && (step%every == 0 || step == horizon)
}

// snapshot keeps the weights of the step that is done, if they are wanted and there
// is room. What goes wrong is no reason to stop training.
func (r *run) snapshot() {
	if r.room < fewest || !wantsSnapshot(r.state.Step, r.state.Horizon) {
		return
	}
	if err := r.keepSnapshot(); err != nil {
		r.note("%v (training goes on without this snapshot)", err)
	}
}

func (r *run) keepSnapshot() error {
	steps, err := Snapshots(r.opts.Out)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	step := r.state.Step
	if slices.Contains(steps, step) {
		return nil
	}
	if len(steps) == r.room && !r.thinned {
		r.thinned = true
		r.note("there is room for %d snapshots: from here on, new ones replace others", r.room)
	}
	for len(steps) >= r.room {
		i := crowded(append(steps, step))
		if err := dropSnapshot(SnapshotPath(r.opts.Out, steps[i])); err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
		r.emit(Dropped{steps[i]})
		steps = slices.Delete(steps, i, i+1)
	}
	path := SnapshotPath(r.opts.Out, step)
	fresh := halfDone(path)
	bundle := &modelfile.Bundle{Name: fmt.Sprintf("%s at step %d", r.name(), step), Weights: r.trainer.model.W, Tokenizer: r.data.tokenizer}
	err = modelfile.SaveFolder(fresh, bundle)
	if err == nil {
		err = atomicfile.Move(fresh, path)
	}
	if err != nil {
		os.RemoveAll(fresh)
		return fmt.Errorf("snapshot: %w", err)
	}
	r.emit(Snapshot{step})
	return nil
}

// halfDone is where a snapshot's folder is before it is whole, and when it no longer
// is. Whoever opens the run removes what a killed process has left there.
func halfDone(path string) string { return filepath.Join(filepath.Dir(path), "half") }

// dropSnapshot removes a snapshot at once, as others see it.
func dropSnapshot(path string) error {
	if err := os.Rename(path, halfDone(path)); err != nil {
		return err
	}
	return os.RemoveAll(halfDone(path))
}

// crowded is the place of the step, neither the first nor the last, that leaves the
// smallest gap when it goes, on a scale where the doublings and the sixteenths are
// each one apart.
func crowded(steps []int) (place int) {
	last := float64(max(1, steps[len(steps)-1]))
	at := func(i int) float64 { return math.Log2(1+float64(steps[i])) + sixteenths*float64(steps[i])/last }
	least := math.Inf(1)
	for i := 1; i < len(steps)-1; i++ {
		if gap := at(i+1) - at(i-1); gap < least {
			place, least = i, gap
		}
	}
	return place
}

// openSnapshots removes what a killed process, or one that got further than the
// checkpoint, left behind, and sees how many snapshots there is room for.
func (r *run) openSnapshots() error {
	steps, err := Snapshots(r.opts.Out)
	if err != nil {
		return fmt.Errorf("snapshots: %w", err)
	}
	if err := os.RemoveAll(halfDone(SnapshotPath(r.opts.Out, 0))); err != nil {
		return fmt.Errorf("snapshots: %w", err)
	}
	for _, step := range steps {
		if step <= r.state.Step && r.state.Step > 0 {
			continue
		}
		if err := dropSnapshot(SnapshotPath(r.opts.Out, step)); err != nil {
			return fmt.Errorf("snapshots: %w", err)
		}
	}
	if r.opts.Snapshots <= 0 {
		return nil
	}
	each := 4 * int64(r.trainer.model.Config.ParamCount())
	r.room = int(min(r.opts.Snapshots/each, math.MaxInt32))
	if r.room < fewest {
		r.note("no snapshots are kept: each takes %d bytes, all may take %d", each, r.opts.Snapshots)
	}
	return nil
}
