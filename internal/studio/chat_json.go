package studio

import (
	"fmt"
	"math"

	"weft"
	"weft/chat"
	"weft/generate"
	"weft/sample"
)

// promptJSON is what a model is given.
type promptJSON struct {
	IDs       []int32        `json:"ids"`
	Pieces    []piece        `json:"pieces"`
	Added     []int          `json:"added"` // indices of tokens that nobody typed
	Text      string         `json:"text"`
	Template  string         `json:"template"` // "": none
	Dropped   int            `json:"dropped"`  // oldest messages left out, for want of room
	Context   int            `json:"context"`
	MaxTokens int            `json:"max_tokens"`
	Sampling  sample.Options `json:"sampling"` // all of it, the seed too: the same again gives the same answer
}

// choiceJSON is a token that could be taken.
type choiceJSON struct {
	ID   int32  `json:"id"`
	Text string `json:"text"`
	P    number `json:"p"`
}

// tokenJSON is a token of an answer. Probabilities are the model's own, over the
// whole vocabulary, before any option; those of steps are what the step left.
type tokenJSON struct {
	ID      int32        `json:"id"` // -1: the broken character that the answer ends with
	Text    string       `json:"text"`
	Piece   *piece       `json:"piece,omitempty"`
	LogProb number       `json:"logprob"` // null: the model would never say it
	P       number       `json:"p"`
	Entropy number       `json:"entropy_bits"`
	Top     []choiceJSON `json:"top"`
	Steps   []stepJSON   `json:"steps,omitempty"`
	Forced  bool         `json:"forced"` // one of the request's prefix
}

// stepJSON is what a step of the sampler left.
type stepJSON struct {
	Name       string       `json:"name"`    // "model", "penalties", "top-k", "top-p", "min-p", "temperature", "greedy" or "draw"
	Setting    string       `json:"setting"` // the option's value, for people
	Kept       int          `json:"kept"`
	Candidates []choiceJSON `json:"candidates"`
	Draw       *drawJSON    `json:"draw,omitempty"`
	Note       string       `json:"note,omitempty"`
}

// drawJSON is how the token was drawn: the candidates lie side by side, each as wide
// as its probability, and U fell on the one that begins at From.
type drawJSON struct {
	U     float64 `json:"u"`
	From  float64 `json:"from"`
	Width float64 `json:"width"`
}

// answerJSON is a whole answer.
type answerJSON struct {
	Text     string     `json:"text"`
	Message  chatTurn   `json:"message"`
	IDs      []int32    `json:"ids"`
	Pieces   []piece    `json:"pieces"`
	Finish   string     `json:"finish"` // "stop", "length" or "context"
	StopText string     `json:"stop_text,omitempty"`
	Stop     *piece     `json:"stop_token,omitempty"`
	Timing   timingJSON `json:"timing"`
}

type timingJSON struct {
	Prompt      int     `json:"prompt_tokens"`
	Reused      int     `json:"reused_tokens"` // of these, known from before
	Prefill     float64 `json:"prefill_s"`
	Decode      float64 `json:"decode_s"`
	PrefillRate float64 `json:"prefill_tokens_per_s"`
	DecodeRate  float64 `json:"decode_tokens_per_s"`
	Proposed    int     `json:"proposed_tokens"` // guessed ahead
	Accepted    int     `json:"accepted_tokens"` // of these, right
}

func (o *opened) choices(list []sample.Candidate) []choiceJSON {
	out := make([]choiceJSON, len(list))
	for i, c := range list {
		out[i] = choiceJSON{c.ID, o.text(c.ID), number(c.P())}
	}
	return out
}

// token is a token as the page is told of it.
func (o *opened) token(t weft.Token, traced bool) tokenJSON {
	if t.ID < 0 {
		return tokenJSON{ID: t.ID, Text: t.Text, P: number(math.NaN()), LogProb: number(math.NaN()), Top: []choiceJSON{}}
	}
	p := o.pieceOf(t.ID)
	out := tokenJSON{ID: t.ID, Text: t.Text, Piece: &p, LogProb: number(t.LogProb), P: number(math.Exp(t.LogProb)),
		Entropy: number(t.Entropy), Top: o.choices(t.Top), Forced: t.Forced}
	if traced && t.Trace != nil {
		out.Steps = o.steps(t)
	}
	return out
}

// steps is the sampler's work, with the draw as its last step.
func (o *opened) steps(t weft.Token) []stepJSON {
	var list []stepJSON
	for _, s := range t.Trace.Steps {
		list = append(list, stepJSON{Name: s.Name, Setting: s.Setting, Kept: s.Kept, Candidates: o.choices(s.Top)})
	}
	chosen := t.Trace.Chosen
	last := stepJSON{Name: "draw", Kept: 1, Note: "one token was left to take"}
	last.Candidates = []choiceJSON{{chosen, o.text(chosen), 1}}
	if d := t.Trace.Draw; t.Trace.Drawn {
		last.Draw = &drawJSON{d.U, d.From, d.Width}
		last.Note = fmt.Sprintf("u = %.4f falls between %.4f and %.4f", d.U, d.From, d.From+d.Width)
	}
	if t.Forced && chosen != t.ID {
		last.Note += "; the page's choice was taken instead"
	}
	return append(list, last)
}

func (o *opened) answerOf(r weft.Reply) answerJSON {
	out := answerJSON{
		Text: r.Text, Message: chatTurn{chat.Assistant, r.Message.Content, r.Message.Reasoning}, IDs: []int32{},
		Finish: string(r.Finish), StopText: r.StopText,
		Timing: timingJSON{r.Result.Prompt, r.Reused, r.Prefill.Seconds(), r.Decode.Seconds(), r.PrefillRate(), r.DecodeRate(), r.Proposed, r.Accepted},
	}
	for _, t := range r.Tokens {
		if t.ID >= 0 {
			out.IDs = append(out.IDs, t.ID)
		}
	}
	out.Pieces = o.pieces(out.IDs)
	if r.Finish == generate.Stop && r.End >= 0 {
		p := o.pieceOf(r.End)
		out.Stop = &p
	}
	return out
}

// chatJSON is all of an answer at once, for requests that want no events.
type chatJSON struct {
	Prompt promptJSON  `json:"prompt"`
	Tokens []tokenJSON `json:"tokens"`
	Result answerJSON  `json:"result"`
}

func (c *chatJSON) prompt(p promptJSON) error { c.Prompt = p; return nil }
func (c *chatJSON) progress(string, int, int) {}
func (c *chatJSON) token(t tokenJSON) error   { c.Tokens = append(c.Tokens, t); return nil }
func (c *chatJSON) result(a answerJSON) error { c.Result = a; return nil }

// stream tells of an answer as events.
type stream struct {
	e    *events
	tell progress
}

func (s stream) prompt(p promptJSON) error        { return s.e.send("prompt", p) }
func (s stream) progress(what string, n, all int) { s.tell(what, n, all) }
func (s stream) token(t tokenJSON) error          { return s.e.send("token", t) }
func (s stream) result(a answerJSON) error        { return s.e.send("result", a) }
