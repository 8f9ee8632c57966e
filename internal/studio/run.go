package studio

import (
	"context"
	"fmt"
	"net/http"
	"sort"

	"weft/chat"
	"weft/inspect"
	"weft/model"
)

type runRequest struct {
	Model  string  `json:"model"`
	Prompt string  `json:"prompt"`
	Chat   bool    `json:"chat"` // through the chat template, as the user's message
	IDs    []int32 `json:"ids"`  // exact tokens instead of a prompt
	Top    int     `json:"top"`
}

type runJSON struct {
	Run        string             `json:"run"`
	Provenance inspect.Provenance `json:"provenance"`
	IDs        []int32            `json:"ids"`
	Pieces     []piece            `json:"pieces"`
	Added      []int              `json:"added"`
	Embedding  normsJSON          `json:"embedding"`
	Blocks     []blockJSON        `json:"blocks"`
	Prediction []candidate        `json:"prediction"`
	Entropy    float64            `json:"prediction_entropy_bits"`
	Points     []pointJSON        `json:"points"`
	Checks     inspect.CheckList  `json:"checks"`
}

type normsJSON struct {
	Norms []float64 `json:"norms"`
}

// blockJSON is what one block did; every list has one entry per token.
type blockJSON struct {
	Layer     int       `json:"layer"`
	ResidNorm []float64 `json:"resid_norm"`
	AttnNorm  []float64 `json:"attn_norm"`
	AttnCos   []float64 `json:"attn_cos"`
	MLPNorm   []float64 `json:"mlp_norm"`
	MLPCos    []float64 `json:"mlp_cos"`
}

// candidate is a token that may come next, spelled.
type candidate struct {
	inspect.Candidate
	Text  string `json:"text"`
	Bytes []int  `json:"bytes,omitempty"` // if the token is not valid UTF-8
}

func (o *opened) candidates(list []inspect.Candidate) []candidate {
	out := make([]candidate, len(list))
	for i, c := range list {
		p := o.pieceOf(c.ID)
		out[i] = candidate{c, p.Text, p.Bytes}
	}
	return out
}

// maxTop is how many candidates a request gets at most.
const maxTop = 100

// run reads a prompt and says what happened.
func (s *Studio) run(w http.ResponseWriter, r *http.Request) error {
	var q runRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.Top == 0 {
		q.Top = 10
	}
	if q.Top < 0 || q.Top > maxTop {
		return bad("top is %d, must be from 1 to %d", q.Top, maxTop)
	}
	return s.long(w, r, func(ctx context.Context, tell progress) (out any, err error) {
		tell("opening", 0, 0)
		err = s.with(ctx, q.Model, func(o *opened) error {
			p, err := o.asked(q.Prompt, q.Chat, q.IDs)
			if err != nil {
				return err
			}
			run, err := s.runOf(ctx, o, p, tell)
			if err == nil {
				out = o.describe(run, p, q.Top)
			}
			return err
		})
		return out, err
	})
}

// asked makes tokens of what a request asks about.
func (o *opened) asked(prompt string, templated bool, ids []int32) (prompted, error) {
	var p prompted
	var err error
	switch {
	case ids != nil && (prompt != "" || templated):
		return p, bad("send a prompt or ids, not both")
	case ids != nil:
		p = prompted{ids: ids, added: []int{}}
	case templated:
		p, err = o.templated([]chat.Message{{Role: chat.User, Content: prompt}})
	default:
		p = o.plain(prompt)
	}
	if err != nil {
		return p, err
	}
	n, c := len(p.ids), o.Core.Config
	switch {
	case n == 0:
		return p, bad("there are no tokens; write something")
	case n > c.Context:
		return p, problem(http.StatusRequestEntityTooLarge, "too_large", "the text has %d tokens, the context of %s %d; shorten it", n, o.name, c.Context)
	}
	for i, id := range p.ids {
		if id < 0 || int(id) >= c.Vocab {
			return p, bad("token %d is %d; the vocabulary of %s has %d", i, id, o.name, c.Vocab)
		}
	}
	return p, nil
}

// runOf is the run of a prompt, made unless it is kept.
func (s *Studio) runOf(ctx context.Context, o *opened, p prompted, tell progress) (*run, error) {
	about := o.subject.Provenance(nil)
	r := &run{id: runID(o.name, about, p.template, p.ids), model: o.name, hash: about.Hash, ids: p.ids, template: p.template,
		streams: map[int][]float32{}, points: map[string]*recorded{}, turn: make(chan struct{}, 1)}
	if kept := s.runs.find(r.id); kept != nil {
		return kept, nil
	}
	if most := mostTokens(o.Core.Config, o.subject.Budget); len(p.ids) > most {
		return nil, problem(http.StatusRequestEntityTooLarge, "over_budget",
			"the text has %d tokens; %d is the most that there is memory for here with %s; shorten it", len(p.ids), most, o.name)
	}
	done, err := s.turn(ctx, tell)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.look(ctx, o, s.runs.budget, tell); err != nil {
		return nil, err
	}
	return s.runs.add(r), nil
}

// lookOptions are how a run looks: of the streams it keeps its own.
var lookOptions = inspect.Options{Top: maxTop, NoLens: true}

// mostTokens is how many tokens of a model can be looked at within a budget.
func mostTokens(c model.Config, budget int64) int {
	return sort.Search(c.Context, func(n int) bool { return inspect.LookBytes(c, n+1, lookOptions) > budget })
}

// look is the one forward pass. Of the streams it keeps as many as three eighths
// of the budget hold: all of most prompts, since what reads them runs what is not there.
func (r *run) look(ctx context.Context, o *opened, budget int64, tell progress) error {
	c, n := o.Core.Config, len(r.ids)
	each := 4 * int64(n) * int64(c.Dim)
	share := budget * 3 / 8
	r.stride = int((each*int64(c.Layers) + share - 1) / share)
	r.stride = max(1, r.stride)
	watch := func(h *model.Hooks) {
		for l := range c.Layers {
			h.On(fmt.Sprintf("blocks.%d.hook_resid_pre", l), func(p *model.Point) error {
				tell("running", l, c.Layers)
				if l%r.stride == 0 {
					r.streams[l] = append([]float32(nil), p.Data...)
				}
				return nil
			})
		}
	}
	options := lookOptions
	options.Budget, options.Watch = o.subject.Budget, watch
	trace, err := inspect.Look(o.Core.Until(ctx), r.ids, options)
	if err != nil {
		return err
	}
	tell("running", c.Layers, c.Layers)
	trace.Attention = inspect.Pattern{} // which is large; patterns are points like others
	r.trace = trace
	r.bytes = each*int64(len(r.streams)) + 8*int64(n)*int64(5*c.Layers+2)
	return nil
}

func (o *opened) describe(r *run, p prompted, top int) runJSON {
	t := r.trace
	about := o.in(context.Background(), r.template).Provenance(r.ids)
	out := runJSON{Run: r.id, Provenance: about, IDs: r.ids, Pieces: o.pieces(r.ids), Added: p.added,
		Embedding: normsJSON{t.Embedding.Norms}, Blocks: make([]blockJSON, len(t.Blocks)),
		Prediction: o.candidates(t.Next.Top[:min(top, len(t.Next.Top))]), Entropy: t.Next.Entropy,
		Points: points(o.Core.Config, len(r.ids)), Checks: t.Proofs}
	for i, b := range t.Blocks {
		out.Blocks[i] = blockJSON{b.Layer, b.After.Norms, b.Attn.Norms, b.Attn.Cosines, b.MLP.Norms, b.MLP.Cosines}
	}
	return out
}
