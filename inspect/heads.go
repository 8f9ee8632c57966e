package inspect

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"weft/internal/kernel"
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
	Threshold  float64           `json:"threshold"`
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

// examiner adds up what sequences show.
type examiner struct {
	s     *Subject
	card  *HeadCard
	sums  []HeadScores // over sequences
	alone []HeadScores // the first sequence's
	loss  [2]float64
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
	e := &examiner{s: s, card: &HeadCard{Length: o.Length, Sequences: o.Sequences, Seed: o.Seed, Threshold: o.Threshold,
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

// draw makes the sequences: different tokens, then the same again.
func (e *examiner) draw() {
	c, rng := e.s.Model.Config, rand.New(rand.NewPCG(e.card.Seed, 1))
	for range e.card.Sequences {
		begin, seen := e.s.About.BOS, map[int32]bool{}
		next := func() int32 {
			for {
				if id := int32(rng.IntN(c.Vocab)); !seen[id] {
					seen[id] = true
					return id
				}
			}
		}
		if begin < 0 {
			begin = next()
		}
		seen[begin] = true
		part := make([]int32, e.card.Length)
		for i := range part {
			part[i] = next()
		}
		e.card.Tokens = append(e.card.Tokens, slices.Concat([]int32{begin}, part, part))
	}
}

func (e *examiner) batch(ctx context.Context, sequences [][]int32, n int) error {
	c, h := e.s.Model.Config, &model.Hooks{}
	for l := range c.Layers {
		h.On(block(l, "attn.hook_pattern"), func(p *model.Point) error {
			for i := range sequences {
				for head := range c.Heads {
					rows := p.Data[(i*c.Heads+head)*n*n:][:n*n]
					e.sums[l*c.Heads+head].look(rows, n, e.card.Length)
				}
			}
			if &sequences[0] == &e.card.Tokens[0] {
				for head := range c.Heads {
					e.alone[l*c.Heads+head].look(p.Data[head*n*n:][:n*n], n, e.card.Length)
				}
			}
			return nil
		})
	}
	tokens := slices.Concat(sequences...)
	logits, err := e.s.forward(ctx, tokens, model.Run{SeqLen: n, Hooks: h, Logits: model.AllLogits})
	if err != nil {
		return err
	}
	for i := range tokens {
		if at := i % n; at+1 < n { // predicts at+1, which is in the second copy from Length+1 on
			second := 0
			if at+1 > e.card.Length {
				second = 1
			}
			row := logits.Row(i)
			e.loss[second] += kernel.LogSumExp(row) - float64(row[tokens[i+1]])
		}
	}
	return nil
}

// look adds what one pattern shows, in means over its tokens.
func (s *HeadScores) look(rows []float32, n, length int) {
	at := func(i, j int) float64 { return float64(rows[i*n+j]) }
	for p := 1; p < n; p++ {
		s.First += at(p, 0) / float64(n-1)
		if p >= 2 {
			s.Previous += at(p, p-1) / float64(n-2)
		}
		if p > length {
			s.Duplicate += at(p, p-length) / float64(length)
			s.Induction += at(p, p-length+1) / float64(length)
		}
	}
}

func (e *examiner) finish(ctx context.Context, o HeadOptions) error {
	card, n := e.card, float64(e.card.Sequences)
	maps, err := e.s.Attention(ctx, card.Tokens[0], AttentionOptions{})
	if err != nil {
		return err
	}
	card.Checks = append(card.Checks, maps.Checks...)
	off, length := 0.0, len(card.Tokens[0])
	rows := make([]float32, length*length)
	for i, head := range maps.Heads {
		again := HeadScores{}
		for at := range length {
			copy(rows[at*length:], head.Pattern[at*(at+1)/2:][:at+1])
		}
		again.look(rows, length, card.Length)
		for _, d := range []float64{again.Previous - e.alone[i].Previous, again.Duplicate - e.alone[i].Duplicate,
			again.Induction - e.alone[i].Induction, again.First - e.alone[i].First} {
			off = worse(off, max(d, -d))
		}
	}
	card.Checks.add("alone", "the first sequence's scores are the same alone as in the batch, to the bit", off, 0)
	card.LossFirst = e.loss[0] / (n * float64(card.Length))
	card.LossSecond = e.loss[1] / (n * float64(card.Length))
	for _, s := range e.sums {
		s.Previous, s.Duplicate, s.Induction, s.First = s.Previous/n, s.Duplicate/n, s.Induction/n, s.First/n
		card.Heads = append(card.Heads, s)
	}
	tried := rand.New(rand.NewPCG(o.Seed, 2)).Perm(e.s.Model.Config.Vocab)[:o.Copied]
	if err := e.s.scoreCopying(ctx, card, tried); err != nil {
		return err
	}
	card.sort()
	return nil
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
	list(KindCopy, copies, func(h HeadScores) float64 { return h.Copy })
}
