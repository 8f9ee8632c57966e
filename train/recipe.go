package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"weft/model"
	"weft/tokenizer"
)

// ErrRecipe is wrapped by every error about a recipe's content.
var ErrRecipe = errors.New("recipe")

// Recipe is everything besides the data that decides what a run makes. Two runs
// of one recipe on the same data end in the same bits.
type Recipe struct {
	Model     Shape     `json:"model"`
	Tokenizer Tokens    `json:"tokenizer"`
	Seq       int       `json:"seq"`   // tokens per example
	Batch     int       `json:"batch"` // examples per step
	Horizon   Horizon   `json:"horizon"`
	Optimizer Optimizer `json:"optimizer"`
	Schedule  Schedule  `json:"schedule"`
	Val       float64   `json:"val"`        // share of the bytes, at the end, that validates
	EvalEvery int       `json:"eval_every"` // steps between two evaluations; 0: only at the end
	Keep      string    `json:"keep"`       // "best": the folder holds the weights that validated best; "last"
	Seed      uint64    `json:"seed"`
}

const (
	keepBest = "best"
	keepLast = "last"
)

// Tokens is how text is cut into tokens: "bpe" trains a byte-level BPE of Vocab
// tokens on the training part, "bytes" takes every byte as a token.
type Tokens struct {
	Kind  string `json:"kind"`
	Vocab int    `json:"vocab,omitempty"` // bpe: tokens in all, the document token included
	Split string `json:"split,omitempty"` // bpe: the pre-tokenizer, "gpt2", "cl100k", "o200k" or "qwen2"
}

const (
	tokensBPE   = "bpe"
	tokensBytes = "bytes"
)

// splits are the pre-tokenizers by name.
var splits = map[string]tokenizer.Split{"gpt2": tokenizer.GPT2, "cl100k": tokenizer.CL100K, "o200k": tokenizer.O200K, "qwen2": tokenizer.Qwen2}

// Shape is a model's architecture as a recipe writes it. The vocabulary comes
// from the tokenizer.
type Shape struct {
	Arch    string  `json:"arch"` // "llama" (RMSNorm, RoPE, SwiGLU) or "gpt2" (LayerNorm, learned positions, GELU)
	Layers  int     `json:"layers"`
	Dim     int     `json:"dim"`
	Heads   int     `json:"heads"`
	KVHeads int     `json:"kv_heads,omitempty"` // 0: as many as heads
	Hidden  int     `json:"hidden"`
	Context int     `json:"context,omitempty"` // 0: the recipe's seq
	Tied    bool    `json:"tied"`              // the head is the embedding
	Bias    bool    `json:"bias,omitempty"`    // gpt2: biases on projections and norms
	GELU    string  `json:"gelu,omitempty"`    // gpt2: "tanh" (default) or "erf"
	Theta   float64 `json:"rope_theta,omitempty"`
	NormEps float64 `json:"norm_eps,omitempty"`
}

// config is the model of this shape with that vocabulary.
func (s Shape) config(vocab, seq int) (model.Config, error) {
	c := model.Config{Arch: s.Arch, Vocab: vocab, Context: s.Context, Layers: s.Layers, Dim: s.Dim, Heads: s.Heads,
		KVHeads: s.KVHeads, Hidden: s.Hidden, NormEps: float32(s.NormEps), TiedHead: s.Tied}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.Context == 0 {
		c.Context = seq
	}
	if c.NormEps == 0 {
		c.NormEps = 1e-5
	}
	if s.Heads < 1 || s.Dim%s.Heads != 0 {
		return c, fmt.Errorf("model: a width of %d is no multiple of %d heads", s.Dim, s.Heads)
	}
	c.HeadDim = s.Dim / s.Heads
	switch {
	case s.Arch == "llama" && !s.Bias && s.GELU == "":
		c.Gated, c.Rope.Theta = true, s.Theta
		if c.Rope.Theta == 0 {
			c.Rope.Theta = 10000
		}
	case s.Arch == "llama":
		return c, errors.New("model: llama has neither biases nor GELU")
	case s.Arch == "gpt2":
		c.Norm, c.Position, c.Activation = model.LayerNorm, model.LearnedPositions, model.GELU
		c.NormBias, c.QKVBias, c.OutBias, c.MLPBias = s.Bias, s.Bias, s.Bias, s.Bias
		switch s.GELU {
		case "", "tanh":
		case "erf":
			c.Activation = model.GELUErf
		default:
			return c, fmt.Errorf("model: gelu %q is tanh or erf", s.GELU)
		}
		if s.KVHeads != 0 && s.KVHeads != s.Heads || s.Theta != 0 {
			return c, errors.New("model: gpt2 has neither shared keys nor RoPE")
		}
	default:
		return c, fmt.Errorf("model: architecture %q is llama or gpt2", s.Arch)
	}
	return c, c.Validate()
}

// ReadRecipe reads a recipe's JSON, such as those in docs/recipes. Unknown
// fields are refused, so that a misspelt one is not silently the default.
func ReadRecipe(data []byte) (Recipe, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	r := Recipe{Val: 0.1, Keep: keepBest, Seed: 1, Tokenizer: Tokens{Split: "gpt2"}}
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r, fmt.Errorf("%w: text after the JSON object", ErrRecipe)
	}
	if r.Tokenizer.Kind == tokensBytes {
		r.Tokenizer.Split = ""
	}
	return r, r.Validate()
}

// Validate reports the first thing that makes the recipe unusable.
func (r Recipe) Validate() error {
	if err := r.validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	return nil
}

func (r Recipe) validate() error {
	switch {
	case r.Seq < 1 || r.Batch < 1 || r.Seq > 1<<20 || r.Batch > 1<<20:
		return fmt.Errorf("a step of %d examples of %d tokens: both must be between 1 and %d", r.Batch, r.Seq, 1<<20)
	case r.Model.Context != 0 && r.Model.Context < r.Seq:
		return fmt.Errorf("examples of %d tokens do not fit in a context of %d", r.Seq, r.Model.Context)
	case !(r.Val >= 0 && r.Val < 1):
		return fmt.Errorf("the validation share %g must be at least 0 and below 1", r.Val)
	case r.EvalEvery < 0:
		return fmt.Errorf("evaluation every %d steps: must be 0 or more", r.EvalEvery)
	case r.Keep != keepBest && r.Keep != keepLast:
		return fmt.Errorf("keep %q is best or last", r.Keep)
	}
	if err := r.Tokenizer.validate(); err != nil {
		return err
	}
	for _, err := range []error{r.Horizon.validate(), r.Optimizer.validate(), r.Schedule.validate()} {
		if err != nil {
			return err
		}
	}
	_, err := r.Model.config(max(257, r.Tokenizer.Vocab), r.Seq)
	return err
}

func (t Tokens) validate() error {
	switch {
	case t.Kind == tokensBytes && t.Vocab == 0:
		return nil
	case t.Kind == tokensBytes:
		return errors.New("tokenizer: bytes have a vocabulary of their own (257): leave vocab out")
	case t.Kind != tokensBPE:
		return fmt.Errorf("tokenizer %q: it is bpe or bytes", t.Kind)
	case t.Vocab < 257 || t.Vocab > 1<<20:
		return fmt.Errorf("tokenizer: a vocabulary of %d; it takes at least 257: the bytes and the document token", t.Vocab)
	}
	if _, ok := splits[t.Split]; !ok {
		return fmt.Errorf("tokenizer: the split %q is one of %s", t.Split, strings.Join(slices.Sorted(maps.Keys(splits)), ", "))
	}
	return nil
}

// differences lists the fields in which two recipes differ, as JSON paths.
func differences(a, b Recipe) []string {
	flat := func(r Recipe) map[string]string {
		var tree map[string]any
		data, _ := json.Marshal(r) // plain numbers and strings
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber() // a seed has more digits than a float64
		dec.Decode(&tree)
		out := map[string]string{}
		flatten("", tree, out)
		return out
	}
	was, is := flat(a), flat(b)
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	var list []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if was[key] != is[key] {
			list = append(list, fmt.Sprintf("%s is %s, now %s", key, orNone(was[key]), orNone(is[key])))
		}
	}
	return list
}

func flatten(prefix string, tree map[string]any, out map[string]string) {
	for key, value := range tree {
		if sub, ok := value.(map[string]any); ok {
			flatten(prefix+key+".", sub, out)
			continue
		}
		out[prefix+key] = strings.TrimSpace(fmt.Sprint(value))
	}
}

func orNone(s string) string {
	if s == "" {
		return "not set"
	}
	return s
}

// finite says whether x is a number that a step can use.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
