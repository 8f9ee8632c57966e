package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"weft"
	"weft/generate"
	"weft/internal/hub"
	"weft/kvcache"
	"weft/sample"
)

// modelArg is the MODEL of a command line.
type modelArg struct {
	Model string `arg:"" optional:"" help:"Model to use (default: the built-in one)."`
}

// computeFlags are of the commands that run a model.
type computeFlags struct {
	Exact bool   `help:"Compute in float32 throughout, also with quantised weights: slower."`
	KV    string `name:"kv" help:"How keys and values of the tokens so far are kept: f32 (4 bytes a number, not rounded), f16 (2, to 11 bits), bf16 (2, to 8 bits, of any size) or q8_0 (1.06, to 8 bits of the largest of each 32). Default: f16, or f32 with --exact." placeholder:"TYPE"`
	Load  string `help:"How weights get into memory: auto (arranged for speed, in huge pages where the system has some), huge (it must give them, or this fails) or map (left in the file: opens at once, computes in float32, slowly)." enum:"auto,huge,map" default:"auto" placeholder:"HOW"`
}

// opened is a model and how long opening it took.
type opened struct {
	*weft.Model
	load  time.Duration
	draft *weft.Model // who guesses ahead for it; may be nil

	changed []string // what --steer and --ablate do to it
}

// Close closes both models.
func (o opened) Close() error {
	if o.draft == nil {
		return o.Model.Close()
	}
	return errors.Join(o.draft.Close(), o.Model.Close())
}

// openModel is how a command gets the MODEL that it runs; "" is the built-in one.
func (a *app) openModel(name string, f computeFlags) (opened, error) {
	if _, err := kvcache.ParseType(f.KV); f.KV != "" && err != nil {
		return opened{}, usagef("--kv: %w", err)
	}
	m, err := a.open(name, weft.Opener{Exact: f.Exact, KV: f.KV, Load: f.Load})
	if err == nil && f.Load == "huge" {
		a.note("%d MiB of weights are in huge pages", m.Huge>>20)
	}
	if err != nil || f.Exact || f.Load == "map" {
		return m, err
	}
	if types := m.Core.Decoded(); len(types) > 0 {
		a.note("there is no fast way for weights in %s yet: they are computed with as float32", strings.Join(types, ", "))
	}
	return m, nil
}

// readModel opens a MODEL that will be read and not run.
func (a *app) readModel(name string) (opened, error) {
	return a.open(name, weft.Opener{Load: "map"})
}

func (a *app) open(name string, o weft.Opener) (opened, error) {
	start := time.Now()
	o.Threads = a.Threads
	path, err := modelPath(name)
	if err != nil {
		return opened{}, err
	}
	m, err := o.Open(path)
	return opened{Model: m, load: time.Since(start)}, err
}

// modelPath is the path that a MODEL means: what exists on the disk, else what
// the store has of that name.
func modelPath(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name, nil // if it cannot be opened, who opens it says why
	}
	store, err := hub.DefaultStore()
	if err != nil {
		return "", err
	}
	path, err := store.Resolve(name)
	switch {
	case !errors.Is(err, hub.ErrNotFound):
		return path, err
	case strings.ContainsAny(name, " \n"): // a newcomer may have meant it as a text
		return "", fmt.Errorf("there is no model %q: no such file or folder; a text goes after -p", name)
	}
	where := "in the store, " + store.Dir
	if store.Cache != "" {
		where += ", or Hugging Face's cache, " + store.Cache
	}
	return "", fmt.Errorf("there is no model %s: no such file or folder, nor a name %s (weft list shows what is here, weft pull fetches more)", name, where)
}

// modelJSON names a model in documents.
type modelJSON struct {
	Name   string `json:"name"`
	Arch   string `json:"arch"`
	Params int    `json:"params"`
}

func (o opened) json() modelJSON {
	return modelJSON{o.Name, o.Core.Config.Arch, o.Params()}
}

// answerJSON is the document of `weft run --json` and `weft chat -p --json`.
type answerJSON struct {
	Model        modelJSON      `json:"model"`
	PromptTokens []int32        `json:"prompt_tokens"`
	Tokens       []tokenJSON    `json:"tokens"`
	Text         string         `json:"text"`
	Finish       string         `json:"finish"`
	StopText     string         `json:"stop_text,omitempty"`
	StopToken    *int32         `json:"stop_token,omitempty"`
	Dropped      int            `json:"dropped_messages,omitempty"`
	Context      int            `json:"context"`
	Changed      []string       `json:"changed,omitempty"` // what --steer and --ablate did to the model
	Sampling     sample.Options `json:"sampling"`
	Timing       timingJSON     `json:"timing"`
}

type tokenJSON struct {
	ID      int32           `json:"id"`
	Text    string          `json:"text"`
	LogProb float64         `json:"logprob"`
	Top     []candidateJSON `json:"top"`
}

type candidateJSON struct {
	ID      int32   `json:"id"`
	Text    string  `json:"text"`
	LogProb float64 `json:"logprob"`
}

type timingJSON struct {
	Load        float64 `json:"load_s"`
	Prefill     float64 `json:"prefill_s"`
	Decode      float64 `json:"decode_s"`
	PrefillRate float64 `json:"prefill_tokens_per_s"`
	DecodeRate  float64 `json:"decode_tokens_per_s"`
	Proposed    int     `json:"proposed_tokens"` // guessed ahead
	Accepted    int     `json:"accepted_tokens"` // of these, right
}

// answer makes the document of a reply.
func (o opened) answer(res weft.Reply, s sample.Options, context int) answerJSON {
	doc := answerJSON{
		Model: o.json(), PromptTokens: res.Prompt, Tokens: []tokenJSON{}, Text: res.Text,
		Finish: string(res.Finish), StopText: res.StopText, Dropped: res.Dropped, Context: context, Changed: o.changed, Sampling: s,
		Timing: timingJSON{o.load.Seconds(), res.Prefill.Seconds(), res.Decode.Seconds(), res.PrefillRate(), res.DecodeRate(), res.Proposed, res.Accepted},
	}
	if res.End >= 0 {
		doc.StopToken = &res.End
	}
	for _, t := range res.Tokens {
		j := tokenJSON{t.ID, t.Text, t.LogProb, []candidateJSON{}}
		for _, c := range t.Top {
			if c.P() > 0 { // JSON has no number for the logarithm of nothing
				j.Top = append(j.Top, candidateJSON{c.ID, string(o.Tokenizer.Piece(c.ID)), c.LogProb})
			}
		}
		doc.Tokens = append(doc.Tokens, j)
	}
	return doc
}

// explain adds the next step to errors that have one.
func (o opened) explain(err error, context int) error {
	var tooLong *generate.ContextError
	switch most := o.Core.Config.Context; {
	case errors.As(err, &tooLong) && context < most:
		return fmt.Errorf("%w; --ctx can be up to %d", err, most)
	case errors.As(err, &tooLong):
		return fmt.Errorf("%w, the most this model can", err)
	}
	return err
}

// remark says on stderr what the answer itself does not show.
func (a *app) remark(r weft.Reply, o weft.Options) {
	if r.Dropped > 0 {
		a.note("%s", dropped(r.Dropped, o.Context))
	}
	switch {
	case r.Finish == generate.Context:
		a.note("the answer stops here: the context of %d tokens is full", o.Context)
	case r.Finish == generate.Length && terminal(a.stderr) != nil:
		a.note("stopped after %d tokens; --max-tokens sets how many", o.MaxTokens)
	}
}

// dropped says what the model was not given.
func dropped(n, context int) string {
	messages := "the oldest message was"
	if n > 1 {
		messages = fmt.Sprintf("the %d oldest messages were", n)
	}
	return fmt.Sprintf("%s left out: the conversation no longer fits in %d tokens", messages, context)
}
