package inspect

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"weft/model"
)

// Record is the activations of some prompts at some points.
type Record struct {
	Provenance  Provenance   `json:"provenance"`
	Prompts     [][]int32    `json:"prompts"`
	Activations []Activation `json:"activations"` // by prompt, then in the order of the pass
	Checks      CheckList    `json:"checks"`
}

// Activation is the numbers of one point for one prompt. Shape is the hook's
// without the batch: [position, …], of a pattern [head, query, key].
type Activation struct {
	Prompt int       `json:"prompt"`
	Point  string    `json:"point"`
	Shape  []int     `json:"shape"`
	Data   []float32 `json:"data"`
}

// At finds an activation; nil if it was not recorded.
func (r *Record) At(prompt int, point string) *Activation {
	for i, a := range r.Activations {
		if a.Prompt == prompt && a.Point == point {
			return &r.Activations[i]
		}
	}
	return nil
}

// RecordBytes is how many bytes Record holds for prompts of these lengths: what it
// keeps, and its largest pass.
func RecordBytes(c model.Config, lengths []int, points ...string) (int64, error) {
	names, err := expand(c, points)
	if err != nil {
		return 0, err
	}
	patterns, logits := 0, slices.Contains(names, "hook_logits")
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, "hook_attn_scores"):
			patterns = 3 // as they are, as they are shown, and as they were
		case isPattern(name):
			patterns = max(patterns, 1)
		}
	}
	kept := func(n int) (bytes int64) {
		for _, name := range names {
			bytes += recorded + floats(size(c.PointShape(name, 1, n)))*9/8 // Go rounds up what it allocates
		}
		return bytes
	}
	total := int64(0)
	for _, n := range lengths {
		total += kept(n)
	}
	if len(lengths) == 0 {
		return total, nil
	}
	rows := func(n int) int64 { // of logits
		if logits {
			return floats(n, c.Vocab)
		}
		return floats(c.Vocab)
	}
	first := lengths[0]
	pass := kept(first) + 2*rows(first) + forwardBytes(c, 1, first, patterns) // it runs alone, and unwatched
	for _, batch := range batches(lengths) {
		n := lengths[batch[0]]
		pass = max(pass, rows(n*len(batch))+forwardBytes(c, len(batch), n, patterns))
	}
	return total + pass, nil
}

// recorded is how many bytes an activation takes besides its numbers.
const recorded = 512

// expand finds the points that patterns mean, in the order of the pass.
func expand(c model.Config, patterns []string) ([]string, error) {
	used := make([]bool, len(patterns))
	var names []string
	for _, name := range c.HookPoints() {
		found := false
		for i, pattern := range patterns {
			if ok, err := path.Match(pattern, name); err != nil {
				return nil, fmt.Errorf("%w: %q: %w", ErrAsk, pattern, err)
			} else if ok {
				used[i], found = true, true
			}
		}
		if found {
			names = append(names, name)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, fmt.Errorf("%w: %s models have no hook point %q", ErrAsk, c.Arch, patterns[i])
	}
	return names, nil
}

// batchTokens is how many tokens run side by side, unless one prompt is longer.
const batchTokens = 512

// Record runs prompts, each through the whole model, and keeps the named
// activations. A name may hold * for anything: "blocks.*.hook_resid_post". Prompts
// of equal length run side by side, which changes no bit.
func (s *Subject) Record(ctx context.Context, prompts [][]int32, points ...string) (*Record, error) {
	c := s.Model.Config
	names, err := expand(c, points)
	if err != nil {
		return nil, err
	}
	if len(prompts) == 0 || len(names) == 0 {
		return nil, fmt.Errorf("%w: a record of %d prompts at %d points", ErrAsk, len(prompts), len(names))
	}
	lengths := make([]int, len(prompts))
	for i, p := range prompts {
		lengths[i] = len(p)
	}
	bytes, err := RecordBytes(c, lengths, points...)
	if err == nil {
		err = s.afford("the record", bytes)
	}
	if err != nil {
		return nil, err
	}
	r := &Record{Prompts: prompts}
	for _, batch := range batches(lengths) {
		if err := s.recordBatch(ctx, r, batch, names); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(r.Activations, func(a, b Activation) int { return a.Prompt - b.Prompt })
	r.Provenance = s.Provenance(prompts[0])
	if err := s.checkRecord(ctx, r, names); err != nil {
		return nil, err
	}
	return r, r.Checks.err()
}

// checkRecord runs the first prompt again: alone, and with nobody watching.
func (s *Subject) checkRecord(ctx context.Context, r *Record, names []string) error {
	run := model.Run{}
	if slices.Contains(names, "hook_logits") {
		run.Logits = model.AllLogits
	}
	alone, watched, err := s.caught(ctx, r.Prompts[0], run, names...)
	if err != nil {
		return err
	}
	off := 0.0
	for name, data := range alone {
		if !slices.Equal(data, r.At(0, name).Data) { // scores hold -Inf, which has no difference
			off = worse(off, worst(data, r.At(0, name).Data))
		}
	}
	r.Checks.add("alone", "the first prompt's activations are the same alone as in its batch, to the bit", off, 0)
	unwatched, err := s.Model.Forward(r.Prompts[0], &run)
	if err == nil {
		r.Checks.add("unwatched", "the logits are the same when nobody watches, to the bit", worst(watched.Data, unwatched.Data), 0)
	}
	return err
}

// batches puts indices of prompts of one length together.
func batches(lengths []int) (list [][]int) {
	open := map[int]int{} // by length: the batch that has room
	for i, n := range lengths {
		b, ok := open[n]
		if !ok || (len(list[b])+1)*n > batchTokens {
			b = len(list)
			list, open[n] = append(list, nil), b
		}
		list[b] = append(list[b], i)
	}
	return list
}

func (s *Subject) recordBatch(ctx context.Context, r *Record, batch []int, names []string) error {
	var tokens []int32
	for _, i := range batch {
		tokens = append(tokens, r.Prompts[i]...)
	}
	length := len(r.Prompts[batch[0]])
	caught := newCatcher()
	caught.whole(names...)
	logits := model.NoLogits
	if slices.Contains(names, "hook_logits") {
		logits = model.AllLogits
	}
	if _, err := caught.run(ctx, s, tokens, model.Run{SeqLen: length, Logits: logits}); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for _, name := range names {
		data := caught.got[name]
		shape := s.Model.Config.PointShape(name, 1, length)[1:]
		each := size(shape)
		if len(data) != each*len(batch) {
			return fmt.Errorf("record: %s has %d numbers, want %d for each of %d prompts", name, len(data), each, len(batch))
		}
		for j, i := range batch {
			r.Activations = append(r.Activations, Activation{i, name, shape, data[j*each : (j+1)*each]})
		}
	}
	return nil
}

func isPattern(point string) bool {
	return strings.HasSuffix(point, "hook_pattern") || strings.HasSuffix(point, "hook_attn_scores")
}
