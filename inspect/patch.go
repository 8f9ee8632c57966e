package inspect

import (
	"context"
	"fmt"
	"slices"

	"weft/model"
)

// Site is where a patch goes.
type Site string

const (
	SiteResidPre Site = "resid_pre" // the stream that enters a block, by layer and position
	SiteAttnOut  Site = "attn_out"  // what attention adds, by layer and position
	SiteMLPOut   Site = "mlp_out"   // what the MLP adds, by layer and position
	SiteHeads    Site = "z"         // what a head fetched, at all positions, by layer and head
)

// PatchOptions say what to patch. The zero value is the stream, judged by the two
// prompts' own predictions.
type PatchOptions struct {
	Site   Site   // "": SiteResidPre
	Right  *int32 // nil: what the clean prompt predicts
	Wrong  *int32 // nil: what the corrupted one predicts
	Layers []int  // nil: all
	Batch  int    // runs side by side; 0: chosen

	OnRun func(done, total int) // may be nil
}

// PatchGrid is the metric for every place: (difference − corrupted) / (clean −
// corrupted), the difference being logit(right) − logit(wrong) after the last
// token. 0: the patch changes nothing, 1: it restores the clean answer.
type PatchGrid struct {
	Provenance    Provenance  `json:"provenance"`
	Site          Site        `json:"site"`
	Clean         []int32     `json:"clean"`
	Corrupted     []int32     `json:"corrupted"`
	Differ        []int       `json:"differ"` // positions where the prompts do
	Right         int32       `json:"right"`
	Wrong         int32       `json:"wrong"`
	CleanDiff     float64     `json:"clean_difference"`
	CorruptedDiff float64     `json:"corrupted_difference"`
	Layers        []int       `json:"layers"`  // of the rows
	Columns       string      `json:"columns"` // "position" or "head"
	Grid          [][]float64 `json:"grid"`
	Checks        CheckList   `json:"checks"`
}

// minDifference is the least that the two prompts' metrics must lie apart, in
// units of logits, for a share of it to mean anything.
const minDifference = 0.1

// PatchBytes is how many bytes Patch holds for prompts of so many tokens.
func PatchBytes(c model.Config, tokens int, o PatchOptions) int64 {
	width := c.Dim // of what is kept of both prompts, per layer
	switch o.Site {
	case SiteHeads:
		width += c.Dim + c.ZDim()
	case SiteAttnOut, SiteMLPOut:
		width += 2 * c.Dim
	}
	side := o.batch(tokens)
	runs := forwardBytes(c, side, tokens, 0) + floats(side*tokens, c.Dim+1) + floats(2*side, c.Vocab)
	return floats(2, c.Layers, tokens, width) + max(runs, forwardBytes(c, 1, tokens, 0)+floats(2, c.Vocab)) + floats(2, c.Vocab) + recorded*int64(3*c.Layers)
}

func (o PatchOptions) batch(tokens int) int {
	if o.Batch > 0 {
		return o.Batch
	}
	return max(1, batchTokens/max(1, tokens))
}

// patcher is one grid on its way.
type patcher struct {
	s              *Subject
	o              PatchOptions
	g              *PatchGrid
	clean, corrupt map[string][]float32 // streams before every block, and what the site needs
	said           [2][]float32         // logits of the two prompts
	acts           *model.Activations
	done, total    int
}

// Patch puts activations of the clean prompt into a run of the corrupted one, one
// place at a time. A run begins at the patched block, with the corrupted prompt's
// own stream; runs of a block go side by side.
func (s *Subject) Patch(ctx context.Context, clean, corrupted []int32, o PatchOptions) (*PatchGrid, error) {
	c := s.Model.Config
	if o.Site == "" {
		o.Site = SiteResidPre
	}
	if err := o.check(c, clean, corrupted); err != nil {
		return nil, err
	}
	if err := s.afford("the patching", PatchBytes(c, len(clean), o)); err != nil {
		return nil, err
	}
	p := &patcher{s: s, o: o, g: &PatchGrid{Provenance: s.Provenance(clean), Site: o.Site, Clean: clean, Corrupted: corrupted,
		Layers: all(o.Layers, c.Layers), Columns: "position"}}
	if o.Site == SiteHeads {
		p.g.Columns = "head"
	}
	for i, id := range clean {
		if corrupted[i] != id {
			p.g.Differ = append(p.g.Differ, i)
		}
	}
	if err := p.observe(ctx); err != nil {
		return nil, err
	}
	if err := p.prove(ctx); err != nil {
		return nil, err
	}
	if err := p.g.Checks.err(); err != nil { // before the work
		return nil, err
	}
	return p.g, p.fill(ctx)
}

func (o PatchOptions) check(c model.Config, clean, corrupted []int32) error {
	switch {
	case !slices.Contains([]Site{SiteResidPre, SiteAttnOut, SiteMLPOut, SiteHeads}, o.Site):
		return fmt.Errorf("%w: there is no patching site %q", ErrAsk, o.Site)
	case len(clean) != len(corrupted):
		return fmt.Errorf("%w: the prompts have %d and %d tokens; a patch needs the same number, so that positions correspond", ErrAsk, len(clean), len(corrupted))
	case len(clean) == 0:
		return fmt.Errorf("%w: the prompts are empty", ErrAsk)
	case slices.Equal(clean, corrupted):
		return fmt.Errorf("%w: the prompts are the same", ErrAsk)
	}
	for _, l := range o.Layers {
		if l < 0 || l >= c.Layers {
			return fmt.Errorf("%w: layer %d of %d", ErrAsk, l, c.Layers)
		}
	}
	return checkIDs(c, o.Right, o.Wrong)
}
