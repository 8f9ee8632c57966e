package inspect

import (
	"context"
	"math/rand/v2"
	"slices"

	"weft/internal/kernel"
	"weft/model"
)

// examiner adds up what sequences show.
type examiner struct {
	s     *Subject
	card  *HeadCard
	sums  []HeadScores // over sequences
	alone []HeadScores // the first sequence's
	loss  [2]float64
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
