package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weft/internal/atomicfile"
	"weft/internal/filelock"
	"weft/internal/par"
	"weft/model"
	"weft/safetensors"
)

// Errors that callers may want to tell apart.
var (
	ErrExists      = errors.New("the folder holds a model already")
	ErrInterrupted = errors.New("interrupted")
	ErrDiverged    = errors.New("training diverged")
)

// Options is one call of Run. What is here changes no bit of the result, except
// for Data and Recipe.
type Options struct {
	Data   []string // files and folders; may be empty when a run with a checkpoint is resumed
	Out    string   // the model folder; working files go to Out/train
	Recipe *Recipe  // nil: that of the run that is resumed
	Resume bool     // continue the run in Out; when there is none, start it

	Threads     int           // 0: one per core
	Micro       int           // examples at once; 0: what fits a few thousand tokens
	Peak        float64       // FLOP/s that this machine can do, for Line.FlopsShare; 0: not known
	SampleEvery int           // steps between two sampled texts; 0: none
	SaveEvery   int           // steps between two checkpoints; 0: by SaveAfter
	SaveAfter   time.Duration // between two checkpoints; 0: a minute, more when writing one takes seconds
	Snapshots   int64         // bytes that the weights of chosen steps may take as models of their own (snapshots.go); 0: none are kept

	OnEvent func(Event) // called in order, on the goroutine of Run; may be nil
}

// Event is something to show while a run goes: Note, Plan, Line, Sample, Saved, Snapshot,
// Dropped.
type Event interface{ event() }

// Note is a line for the user.
type Note string

// Plan is what a run is going to do, before its first step.
type Plan struct {
	Params      int
	Memory      int64 // bytes: weights, gradients, optimiser, activations
	TextBytes   int64 // of the training part
	TrainTokens int
	ValTokens   int
	Vocab       int
	Step, Steps int // done already; in all, 0 when minutes decide
	Threads     int
}

// Sample is a text that the model wrote.
type Sample struct {
	Step int
	Text string
}

// Saved tells of a checkpoint.
type Saved struct{ Step int }

// Snapshot tells of a snapshot, Dropped of one that made room for another.
type (
	Snapshot struct{ Step int }
	Dropped  struct{ Step int }
)

func (Note) event()     {}
func (Plan) event()     {}
func (Line) event()     {}
func (Sample) event()   {}
func (Saved) event()    {}
func (Snapshot) event() {}
func (Dropped) event()  {}

// Result is what a finished run came to.
type Result struct {
	Steps    int
	Tokens   int64
	ElapsedS float64
	ValLoss  float64 // nats per token of the weights in the folder, over the whole validation part; 0 when there is none
	ValBPB   float64 // the same in bits per byte
	Kept     int     // the step whose weights are in the folder
}

// run is a run in progress.
type run struct {
	opts    Options
	dir     string // Out/train
	state   state
	data    *dataset
	trainer *trainer
	log     *logFile
	logLate bool // lines wait for room on the disk
	pace    pace
	before  time.Duration // elapsed in earlier processes
	started time.Time
	saved   time.Time // when the last checkpoint was begun
	every   time.Duration
	write   writeFunc
	room    int  // snapshots that may be there at once
	thinned bool // the user was told that there are more
}

// Run trains, from the beginning or from the last checkpoint, until the
// recipe's horizon. A cancelled ctx saves a checkpoint and returns an error
// that wraps ErrInterrupted.
// Weights or losses that are no numbers end it with an error that wraps
// ErrDiverged; they are never saved.
//
// When a checkpoint cannot be written (a full disk), the previous one stays
// valid, an event says so, training goes on, and the next one is tried when it
// is due; only the last one's failure, at the end or on interruption, is an error.
func Run(ctx context.Context, opts Options) (Result, error) {
	return start(ctx, opts, safetensors.Write)
}

func start(ctx context.Context, opts Options, write writeFunc) (Result, error) {
	r := &run{opts: opts, dir: filepath.Join(opts.Out, "train"), started: time.Now(), write: write}
	corpus, err := r.check(ctx)
	if err != nil {
		return Result{}, explain(ctx, err)
	}
	held, err := filelock.Try(filepath.Join(r.dir, "lock"))
	if errors.Is(err, filelock.ErrHeld) {
		return Result{}, fmt.Errorf("another process is training here: %w", err)
	} else if err != nil {
		return Result{}, err
	}
	defer held.Close()
	pool := par.New(opts.Threads)
	defer pool.Close()
	if err := r.open(ctx, corpus, pool); err != nil {
		return Result{}, explain(ctx, err)
	}
	defer r.data.close()
	defer r.log.close()
	return r.loop(ctx)
}

// explain turns the context's error, from wherever the data was being read, into
// ErrInterrupted.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.Is(err, ErrInterrupted) {
		return fmt.Errorf("%w before the first step; nothing is lost", ErrInterrupted)
	}
	return err
}

// check looks at everything that can be wrong before the folder is touched.
func (r *run) check(ctx context.Context) (*Corpus, error) {
	if r.opts.Out == "" {
		return nil, errors.New("no folder for the model")
	}
	if r.opts.Recipe != nil {
		if err := r.opts.Recipe.Validate(); err != nil {
			return nil, err
		}
	}
	steps, err := listCheckpoints(r.dir)
	if err != nil {
		return nil, err
	}
	if err := r.free(len(steps)); err != nil {
		return nil, err
	}
	if len(steps) == 0 && (r.opts.Recipe == nil || len(r.opts.Data) == 0) {
		return nil, fmt.Errorf("%s: no checkpoint to resume: data and a recipe are needed", r.opts.Out)
	}
	var corpus *Corpus
	if len(r.opts.Data) > 0 {
		if corpus, err = OpenCorpus(ctx, r.opts.Data, r.opts.Out); err != nil {
			return nil, err
		}
		for _, note := range corpus.Notes {
			r.note("%s", note)
		}
	}
	return corpus, os.MkdirAll(r.dir, 0o755)
}

// free says whether the folder may be written to: it holds no model, or that of
// the run that is resumed. Who names the folder of a model that came from
// elsewhere must not lose it.
func (r *run) free(checkpoints int) error {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(r.opts.Out, name))
		return err == nil
	}
	occupied := checkpoints > 0 || has("config.json") || has("model.safetensors")
	ours := checkpoints > 0 || has("train/tokenizer.json") // stopped before its first checkpoint
	switch {
	case occupied && !ours:
		return fmt.Errorf("%s: %w, and no run to resume: choose another folder", r.opts.Out, ErrExists)
	case occupied && !r.opts.Resume:
		return fmt.Errorf("%s: %w: resume its run, or choose another folder", r.opts.Out, ErrExists)
	}
	return nil
}

// open brings the run to where its next step can be made.
func (r *run) open(ctx context.Context, corpus *Corpus, pool *par.Pool) error {
	for _, dir := range []string{r.opts.Out, r.dir} {
		if err := atomicfile.Clean(dir); err != nil {
			return err
		}
	}
	ck, err := openCheckpoint(r.dir)
	if err != nil {
		return err
	}
	var resumed *state
	if ck != nil {
		defer ck.close()
		if !r.opts.Resume { // another process has trained here since check
			return fmt.Errorf("%s: %w", r.opts.Out, ErrExists)
		}
		if err := r.accept(ck); err != nil {
			return err
		}
		resumed = &ck.state
	} else {
		if r.opts.Resume {
			r.note("no checkpoint yet in %s: starting from the beginning", r.opts.Out)
		}
		r.state = state{Version: stateVersion, Recipe: *r.opts.Recipe}
	}
	if r.data, err = prepare(ctx, r.dir, r.state.Recipe, corpus, resumed, pool, r.note); err != nil {
		return err
	}
	if err := r.build(ck, pool); err != nil {
		r.data.close()
		return err
	}
	if err := r.openSnapshots(); err != nil {
		r.log.close()
		r.data.close()
		return err
	}
	return nil
}

// accept takes over a checkpoint's state, unless the recipe says otherwise.
func (r *run) accept(ck *checkpoint) error {
	r.state = ck.state
	r.before = time.Duration(ck.ElapsedS * float64(time.Second))
	if r.opts.Recipe == nil {
		return nil
	}
	if diff := differences(ck.Recipe, *r.opts.Recipe); len(diff) > 0 {
		return fmt.Errorf("%w: a resumed run keeps its recipe, but %s", ErrRecipe, strings.Join(diff, "; "))
	}
	return nil
}

// build makes the model and the trainer, fresh or from a checkpoint.
func (r *run) build(ck *checkpoint, pool *par.Pool) error {
	recipe := r.state.Recipe
	config, err := recipe.Model.config(r.data.tokenizer.Size(), recipe.Seq)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	var weights *model.Weights
	if ck == nil {
		weights = model.Init(config, recipe.Seed)
		r.state.Data, r.state.Tokenizer = r.data.print, r.data.sum
	} else if weights, err = ck.weights(config); err != nil {
		return err
	}
	m, err := model.New(weights, pool)
	if err != nil {
		return err
	}
	r.trainer = newTrainer(recipe, m, r.data.train, r.data.bytes, r.opts.Micro, pool)
	if ck != nil {
		if err := r.trainer.opt.load(ck.file); err != nil {
			return err
		}
	}
	logged := r.state.Step
	if r.state.Pending != nil {
		logged-- // the line of this step is still to come
	}
	path := filepath.Join(r.dir, "log.jsonl")
	if r.log, err = openLog(path, logged); err != nil {
		return err
	}
	if r.log.last != logged {
		r.note("%s is damaged: the lines from step %d to step %d are lost", path, r.log.last+1, logged)
	}
	return nil
}

func (r *run) emit(e Event) {
	if r.opts.OnEvent != nil {
		r.opts.OnEvent(e)
	}
}

func (r *run) note(format string, args ...any) { r.emit(Note(fmt.Sprintf(format, args...))) }

// elapsed is the time that this run has taken, over all its processes.
func (r *run) elapsed() time.Duration { return r.before + time.Since(r.started) }
