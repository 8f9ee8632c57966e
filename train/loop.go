package train

import (
	"context"
	"fmt"
	"time"
)

// loop makes steps until the horizon and then finishes the run.
func (r *run) loop(ctx context.Context) (Result, error) {
	recipe := r.state.Recipe
	if r.state.Horizon == 0 {
		r.state.Horizon = recipe.Horizon.steps(recipe.Batch * recipe.Seq)
	}
	r.saved = time.Now()
	r.emit(r.plan())
	if r.state.Step == 0 {
		r.snapshot()
	}
	switch {
	case r.state.Pending != nil: // stopped between a step and what follows it
		if err := r.after(ctx); err != nil {
			return Result{}, err
		}
	case r.state.Horizon > 0 && r.state.Step >= r.state.Horizon:
		return r.again(ctx)
	}
	for r.state.Horizon == 0 || r.state.Step < r.state.Horizon {
		if ctx.Err() != nil {
			return Result{}, r.interrupt()
		}
		if err := r.step(); err != nil {
			return Result{}, err
		}
		if err := r.after(ctx); err != nil {
			return Result{}, err
		}
	}
	if err := r.save(); err != nil {
		return Result{}, err
	}
	return r.finish(ctx)
}

// again is for a run that was finished before, but perhaps killed before its
// last weights were in the folder.
func (r *run) again(ctx context.Context) (Result, error) {
	r.note("this run is finished: all its %d steps are done", r.state.Step)
	if r.keepsLast() {
		if err := r.export(); err != nil {
			return Result{}, err
		}
	}
	return r.finish(ctx)
}

// step is one step and its log line, which stays pending until after is done.
func (r *run) step() error {
	recipe, t := r.state.Recipe, r.trainer
	share := recipe.Schedule.At(r.state.Step, r.state.Horizon)
	began := time.Now()
	s, norm, err := t.step(r.state.Step, share)
	took := time.Since(began)
	if err != nil {
		return err
	}
	r.pace.step(took)
	r.state.Step++
	r.state.Tokens += int64(s.tokens)
	line := Line{
		Step: r.state.Step, Loss: s.loss(), BPB: s.bpb(), LR: recipe.Optimizer.rate() * share, GradNorm: norm,
		Tokens: r.state.Tokens, Epoch: float64(r.state.Tokens) / float64(r.data.train.Len()),
		TokensPerS: float64(s.tokens) / took.Seconds(), ElapsedS: r.elapsed().Seconds(),
	}
	if r.opts.Peak > 0 {
		used := t.model.Config.FLOPsPerToken(recipe.Seq) * line.TokensPerS / r.opts.Peak
		line.FlopsShare = &used
	}
	r.state.Pending = &line
	return nil
}

// after is what follows a step: deciding the horizon, evaluating, logging,
// sampling, saving. Interrupted, it leaves the line pending for the next process.
func (r *run) after(ctx context.Context) error {
	recipe, line := r.state.Recipe, r.state.Pending
	decided := r.decide()
	line.EtaS = r.eta()
	last := r.state.Step == r.state.Horizon
	if r.data.val != nil && (last || recipe.EvalEvery > 0 && r.state.Step%recipe.EvalEvery == 0) {
		if err := r.validate(ctx, line); err != nil {
			if ctx.Err() != nil {
				return r.interrupt()
			}
			return err
		}
	}
	if err := r.log.add(*line); err != nil && !r.logLate { // said once, not at every step
		r.note("%v (training goes on; the lines are kept until there is room)", err)
	}
	r.logLate = len(r.log.pending) > 0
	r.state.Pending = nil
	r.emit(*line)
	r.snapshot()
	if n := r.opts.SampleEvery; n > 0 && r.state.Step%n == 0 {
		text, err := r.trainer.sampleText(r.data, recipe.Seed, r.state.Step)
		if err != nil {
			return fmt.Errorf("sample: %w", err)
		}
		r.emit(Sample{r.state.Step, text})
	}
	if !last && (decided || r.due()) { // finish saves the last step
		if err := r.save(); err != nil {
			r.note("%v (training goes on; the previous checkpoint is intact)", err)
		}
	}
	return nil
}

// decide fixes the horizon of a run of minutes when it is time to.
func (r *run) decide() bool {
	if r.state.Horizon > 0 {
		return false
	}
	recipe := r.state.Recipe
	r.state.Horizon = recipe.Horizon.decide(recipe.Schedule, r.state.Step, r.elapsed(), &r.pace)
	if r.state.Horizon == 0 {
		return false
	}
	r.note("%g minutes come to %d steps on this machine", recipe.Horizon.Minutes, r.state.Horizon)
	return true
}

// eta is how many seconds are left.
func (r *run) eta() *float64 {
	total := r.state.Horizon
	if total == 0 {
		total = r.state.Recipe.Horizon.expect(r.state.Step, r.elapsed(), &r.pace)
	}
	if r.pace.per == 0 || total == 0 {
		return nil
	}
	left := float64(total-r.state.Step) * r.pace.per / (1 - margin)
	return &left
}

// validate scores the validation part and keeps weights that are the best so far.
func (r *run) validate(ctx context.Context, line *Line) error {
	s, err := r.trainer.evaluate(ctx, r.data.val, evalTokens)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	loss, bpb := s.loss(), s.bpb()
	if !finite(loss) {
		return fmt.Errorf("%w after step %d: its validation loss is %g; %s", ErrDiverged, line.Step, loss, divergedHint)
	}
	line.ValLoss, line.ValBPB = &loss, &bpb
	if r.state.Recipe.Keep == keepLast || r.state.Best != nil && loss >= r.state.Best.Loss {
		return nil
	}
	if err := r.export(); err != nil {
		r.note("%v (training goes on; the folder keeps what it held)", err)
		return nil
	}
	r.state.Best = &best{line.Step, loss, bpb}
	return nil
}

// due says whether it is time for a checkpoint.
func (r *run) due() bool {
	if r.opts.SaveEvery > 0 {
		return r.state.Step%r.opts.SaveEvery == 0
	}
	return time.Since(r.saved) >= max(r.every, r.interval())
}

func (r *run) interval() time.Duration {
	if r.opts.SaveAfter > 0 {
		return r.opts.SaveAfter
	}
	return time.Minute
}

// save writes a checkpoint, after the log lines that it stands on, and where the
// folder holds the newest weights, the folder.
func (r *run) save() error {
	began := time.Now()
	r.saved = began
	if err := r.log.sync(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	r.state.ElapsedS = r.elapsed().Seconds()
	if err := saveCheckpoint(r.dir, r.state, r.trainer.model.W, r.trainer.opt, r.write); err != nil {
		return err
	}
	r.every = 50 * time.Since(began) // at most 2 % of the time
	r.emit(Saved{r.state.Step})
	if r.keepsLast() {
		return r.export()
	}
	return nil
}

// keepsLast says whether the folder holds the newest weights rather than the best.
func (r *run) keepsLast() bool { return r.state.Recipe.Keep == keepLast || r.data.val == nil }

// interrupt saves everything and says how far the run got.
func (r *run) interrupt() error {
	if err := r.save(); err != nil {
		return fmt.Errorf("%w after step %d, but not all of it could be saved: %w", ErrInterrupted, r.state.Step, err)
	}
	if r.state.Best == nil && !r.keepsLast() { // something to talk to, even so early
		if err := r.export(); err != nil {
			return fmt.Errorf("%w after step %d, which is saved, but the model folder is not written: %w", ErrInterrupted, r.state.Step, err)
		}
	}
	return fmt.Errorf("%w after step %d, which is saved", ErrInterrupted, r.state.Step)
}

// finish scores the weights that the folder holds, as they are read back from
// it, over the whole validation part.
func (r *run) finish(ctx context.Context) (Result, error) {
	result := Result{Steps: r.state.Step, Tokens: r.state.Tokens, ElapsedS: r.elapsed().Seconds(), Kept: r.state.Step}
	if r.data.val == nil {
		return result, nil
	}
	if !r.keepsLast() {
		if r.state.Best == nil {
			return result, fmt.Errorf("%s: the model folder could not be written; the last checkpoint holds the weights: free some space and resume", r.opts.Out)
		}
		result.Kept = r.state.Best.Step
	}
	w, err := r.exported()
	if err != nil {
		return result, fmt.Errorf("read back the model: %w", err)
	}
	r.trainer.model.W = w
	s, err := r.trainer.evaluate(ctx, r.data.val, 0)
	if ctx.Err() != nil {
		return result, fmt.Errorf("%w during the last evaluation; the model is complete", ErrInterrupted)
	} else if err != nil {
		return result, fmt.Errorf("evaluate: %w", err)
	}
	result.ValLoss, result.ValBPB = s.loss(), s.bpb()
	return result, nil
}

// plan is what is known before the first step.
func (r *run) plan() Plan {
	recipe, c := r.state.Recipe, r.trainer.model.Config
	p := Plan{
		Params: c.ParamCount(), Memory: r.trainer.memory(), TextBytes: r.data.train.TextBytes, TrainTokens: r.data.train.Len(),
		Vocab: c.Vocab, Step: r.state.Step, Steps: r.state.Horizon, Threads: r.trainer.model.Pool.Threads(),
	}
	if r.data.val != nil {
		p.ValTokens = r.data.val.Len()
		if p.ValTokens > evalTokens && recipe.EvalEvery > 0 {
			r.note("evaluations read the first %d of %d validation tokens, the last one all", evalTokens, p.ValTokens)
		}
	}
	return p
}
