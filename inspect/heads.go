package inspect

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"

	"weft/model"
)

// HeadOptions say how heads are examined. The zero value is eight random
// sequences of 50 tokens, each written twice.
type HeadOptions struct {
	Length    int // of the part that repeats; 0: 50, or what fits twice
	Sequences int // 0: 8
	Seed      uint64
	Copied    int     // tokens that the copying score tries; 0: 256
	Threshold float64 // from which on a score names a head; 0: 0.4
}

// HeadCard is what kind each head is, measured on random tokens that repeat after
// the beginning mark, where nothing but the repetition can be known.
type HeadCard struct {
	Provenance Provenance        `json:"provenance"`
	Method     string            `json:"method"`
	Length     int               `json:"length"`
	Sequences  int               `json:"sequences"`
	Seed       uint64            `json:"seed"`
	Threshold  float64           `json:"threshold"`      // of attention
	Copies     float64           `json:"copy_threshold"` // of Copy
	Heads      []HeadScores      `json:"heads"`
	Found      map[string][]Head `json:"found"`             // by kind, strongest first; a kind without heads is there, and empty
	Tokens     [][]int32         `json:"tokens"`            // the sequences
	NoCopy     string            `json:"no_copy,omitempty"` // why Copy is not measured
	LossFirst  float64           `json:"loss_first"`        // nats per token, of the first copy
	LossSecond float64           `json:"loss_second"`       // of the second: lower if the model uses the repetition
	Checks     CheckList         `json:"checks"`
}

// HeadScores are one head's. All but Copy are mean attention.
type HeadScores struct {
	Layer     int     `json:"layer"`
	Head      int     `json:"head"`
	Previous  float64 `json:"previous"`  // to the token before, from every token of index 2 on
	Duplicate float64 `json:"duplicate"` // from the second copy to the same token in the first
	Induction float64 `json:"induction"` // from the second copy to the token after the same token in the first
	First     float64 `json:"first"`     // to the first token, from all others
	Copy      float64 `json:"copy"`      // how far moving a token's vector raises that very token: share of other tokens that it beats; 0.5 is chance
	Kind      string  `json:"kind"`      // "previous", "duplicate", "induction", "first" or ""
}

// Kinds of heads, as HeadCard.Found lists them.
const (
	KindPrevious  = "previous"
	KindDuplicate = "duplicate"
	KindInduction = "induction"
	KindFirst     = "first"
	KindCopy      = "copy"
)

// copies is the copying score from which on a head is listed.
const copies = 0.9

func (o *HeadOptions) complete(c model.Config) error {
	if o.Length <= 0 {
		o.Length = min(50, (c.Context-1)/2, (c.Vocab-1)/2)
	}
	if o.Sequences <= 0 {
		o.Sequences = 8
	}
	if o.Copied <= 0 {
		o.Copied = 256
	}
	if o.Threshold <= 0 {
		o.Threshold = 0.4
	}
	o.Copied = min(o.Copied, c.Vocab)
	if o.Length < 4 || 1+2*o.Length > c.Context || o.Length >= c.Vocab {
		return fmt.Errorf("%w: %d tokens, twice, after a beginning: the context is %d, the vocabulary %d; 4 tokens are the least", ErrAsk, o.Length, c.Context, c.Vocab)
	}
	return nil
}

// HeadsBytes is how many bytes Heads holds.
func HeadsBytes(c model.Config, o HeadOptions) int64 {
	if o.complete(c) != nil {
		return 0
	}
	n := 1 + 2*o.Length
	side := max(1, min(o.Sequences, batchTokens/n))
	batch := forwardBytes(c, side, n, 1) + floats(side*n, c.Vocab)
	alone := AttentionBytes(c, n, c.Layers) + floats(n, n)
	workers := min(c.Heads, runtime.GOMAXPROCS(0))
	copying := floats(o.Copied, 3*c.Dim+c.VDim()) + floats(c.ZDim()+c.VDim(), c.Dim) + floats(workers, o.Copied, c.Dim+o.Copied) + 8*int64(c.Vocab)
	card := int64(c.Layers*c.Heads) * 4 * 64 // what is added up, the scores, and lists of them
	return card + max(batch, alone, copying)
}

// Heads is the card of heads.
func (s *Subject) Heads(ctx context.Context, o HeadOptions) (*HeadCard, error) {
	c := s.Model.Config
	if err := o.complete(c); err != nil {
		return nil, err
	}
	if err := s.afford("the card of heads", HeadsBytes(c, o)); err != nil {
		return nil, err
	}
	e := &examiner{s: s, card: &HeadCard{Length: o.Length, Sequences: o.Sequences, Seed: o.Seed, Threshold: o.Threshold, Copies: copies,
		Method: "attention on random tokens that appear twice, after the beginning mark"}}
	if s.About.BOS < 0 {
		e.card.Method = "attention on random tokens that appear twice, after one more random token: the model has no beginning mark"
	}
	e.draw()
	e.card.Provenance = s.Provenance(e.card.Tokens[0])
	for l := range c.Layers {
		for h := range c.Heads {
			e.sums = append(e.sums, HeadScores{Layer: l, Head: h})
		}
	}
	e.alone = slices.Clone(e.sums)
	n := 1 + 2*o.Length
	for batch := range slices.Chunk(e.card.Tokens, max(1, batchTokens/n)) {
		if err := e.batch(ctx, batch, n); err != nil {
			return nil, err
		}
	}
	if err := e.finish(ctx, o); err != nil {
		return nil, err
	}
	return e.card, e.card.Checks.err()
}

// sort names each head by its strongest score, and lists heads by kind.
func (c *HeadCard) sort() {
	c.Found = map[string][]Head{}
	list := func(kind string, least float64, score func(HeadScores) float64) {
		heads := slices.DeleteFunc(slices.Clone(c.Heads), func(h HeadScores) bool { return score(h) < least })
		slices.SortStableFunc(heads, func(a, b HeadScores) int { return cmp.Compare(score(b), score(a)) })
		c.Found[kind] = []Head{}
		for _, h := range heads {
			c.Found[kind] = append(c.Found[kind], Head{h.Layer, h.Head})
		}
	}
	kinds := map[string]func(HeadScores) float64{
		KindPrevious:  func(h HeadScores) float64 { return h.Previous },
		KindDuplicate: func(h HeadScores) float64 { return h.Duplicate },
		KindInduction: func(h HeadScores) float64 { return h.Induction },
		KindFirst:     func(h HeadScores) float64 { return h.First },
	}
	for i := range c.Heads {
		best := c.Threshold
		for _, kind := range []string{KindPrevious, KindDuplicate, KindInduction, KindFirst} {
			if s := kinds[kind](c.Heads[i]); s >= best {
				best, c.Heads[i].Kind = s, kind
			}
		}
	}
	for kind, score := range kinds {
		list(kind, c.Threshold, score)
	}
	list(KindCopy, c.Copies, func(h HeadScores) float64 { return h.Copy })
}
