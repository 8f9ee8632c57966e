package inspect

import (
	"context"
	"fmt"
	"slices"

	"weft/model"
)

// AttributeOptions say whose logit. The zero value is the predicted token's,
// after the last token.
type AttributeOptions struct {
	Position *int   // whose prediction; nil: the last token's
	Token    *int32 // nil: what is predicted there
	Against  *int32 // attribute the difference to this token's logit; nil: the logit alone
	Neurons  int    // how many of the largest neurons to list; 0: 10, negative: none
}

// LogitAttribution is the direct logit attribution: the last stream is a sum of
// what every part wrote, and the head is linear once the final norm's divisor is
// taken as it was in this run, so the logit is a sum too. It says who wrote the
// answer into the stream, not who made it necessary.
type LogitAttribution struct {
	Provenance Provenance    `json:"provenance"`
	Tokens     []int32       `json:"tokens"`
	Position   int           `json:"position"`
	Token      int32         `json:"token"`
	Against    *int32        `json:"against"`
	P          float64       `json:"p"`     // of the token
	Logit      float64       `json:"logit"` // or difference; before the scale and soft cap that some models put on logits
	Sum        float64       `json:"sum"`   // of the parts
	Parts      []LogitPart   `json:"parts"`
	Neurons    []NeuronShare `json:"neurons"`              // the largest of all layers, by size
	NoNeurons  string        `json:"no_neurons,omitempty"` // why there are none
	Sources    []float64     `json:"sources"`              // per token: what all heads brought from there
	Checks     CheckList     `json:"checks"`
}

// LogitPart is one part's share of the logit.
type LogitPart struct {
	Point string      `json:"point"`
	Layer int         `json:"layer"` // -1 outside the blocks
	Part  Part        `json:"part"`
	Value float64     `json:"value"`
	Heads []HeadShare `json:"heads,omitempty"` // attention only
	Bias  float64     `json:"bias"`            // of Value, what no head or neuron wrote
}

// HeadShare is one head's share of the logit, and where it brought that from.
type HeadShare struct {
	Head    int       `json:"head"`
	Value   float64   `json:"value"`
	Sources []float64 `json:"sources"` // per token up to the position
}

// NeuronShare is one MLP neuron's share of the logit.
type NeuronShare struct {
	Layer      int     `json:"layer"`
	Neuron     int     `json:"neuron"`
	Activation float64 `json:"activation"`
	Value      float64 `json:"value"`
}

// AttributeBytes is how many bytes Attribute holds for a prompt.
func AttributeBytes(c model.Config, tokens int) int64 {
	caught := floats(c.Layers, 3*c.Dim+c.ZDim()+c.Heads*tokens+c.Hidden+tokens*c.VDim()+16)
	shares := 8 * int64(c.Layers) * int64(c.Heads) * int64(tokens+6)
	reading := 12*int64(c.Dim+c.ZDim()+c.Hidden) + 3*32*int64(c.Hidden) // and a layer's neurons
	return caught + max(forwardBytes(c, 1, tokens, 1), shares+reading) + floats(2, c.Vocab) + recorded*int64(9*c.Layers)
}

// attributer is one attribution on its way.
type attributer struct {
	s         *Subject
	a         *LogitAttribution
	o         AttributeOptions
	got       map[string][]float32
	logits    []float32
	scale     float64   // the final norm's divisor
	direction []float64 // what the stream is read along
	written   []float64 // sum of what parts wrote

	// The worst by which shares miss what was written, relative to the lengths of the
	// factors.
	heads, neurons, sources float64
}

// Attribute says who wrote a logit.
func (s *Subject) Attribute(ctx context.Context, tokens []int32, o AttributeOptions) (*LogitAttribution, error) {
	c := s.Model.Config
	at := len(tokens) - 1
	if o.Position != nil {
		at = *o.Position
	}
	if at < 0 || at >= len(tokens) {
		return nil, fmt.Errorf("%w: position %d of %d tokens", ErrAsk, at, len(tokens))
	}
	if err := checkIDs(c, o.Token, o.Against); err != nil {
		return nil, err
	}
	if err := s.afford("the attribution", AttributeBytes(c, len(tokens))); err != nil {
		return nil, err
	}
	w := &attributer{s: s, o: o, a: &LogitAttribution{Provenance: s.Provenance(tokens), Tokens: tokens, Position: at, Against: o.Against}}
	if err := w.observe(ctx); err != nil {
		return nil, err
	}
	if err := w.attribute(); err != nil {
		return nil, err
	}
	return w.a, w.a.Checks.err()
}

func checkIDs(c model.Config, ids ...*int32) error {
	for _, id := range ids {
		if id != nil && (*id < 0 || int(*id) >= c.Vocab) {
			return fmt.Errorf("%w: %w: %d", ErrAsk, model.ErrToken, *id)
		}
	}
	return nil
}

// checkAgainst refuses the difference of a logit to itself.
func checkAgainst(token int32, against *int32) error {
	if against != nil && *against == token {
		return fmt.Errorf("%w: the difference of token %d's logit to itself is 0; name another to compare with", ErrAsk, token)
	}
	return nil
}

// block names a point of a block.
func block(l int, point string) string { return fmt.Sprintf("blocks.%d.%s", l, point) }

// observe is the one forward pass. What comes after the position cannot matter,
// so it does not run.
func (w *attributer) observe(ctx context.Context) error {
	m, at := w.s.Model, w.a.Position
	known := m.Config.HookPoints()
	caught := newCatcher()
	row := func(names ...string) {
		for _, name := range names {
			if slices.Contains(known, name) {
				caught.row(at, name)
			}
		}
	}
	row("hook_embed", "hook_pos_embed", "ln_final.hook_scale")
	for l := range m.Config.Layers {
		row(block(l, "hook_attn_out"), block(l, "hook_mlp_out"), block(l, "attn.hook_z"), block(l, "attn.hook_pattern"),
			block(l, "mlp.hook_post"), block(l, "ln1_post.hook_scale"), block(l, "ln2_post.hook_scale"), block(l, "hook_resid_post"))
		caught.whole(block(l, "attn.hook_v"))
	}
	logits, err := caught.run(ctx, w.s, w.a.Tokens[:at+1], model.Run{})
	w.got, w.logits = caught.got, logits.Data
	if err == nil {
		w.scale = float64(w.got["ln_final.hook_scale"][0])
	}
	return err
}
