package train

import (
	"context"
	"slices"
	"time"

	"weft/internal/par"
	"weft/model"
)

// Speed is how fast a recipe trains on this machine.
type Speed struct {
	StepS      float64 // seconds per step: the median
	TokensPerS float64
	FLOPs      float64 // per second, counted by model.Config.FLOPsPerToken
	Params     int
}

// Bench makes steps of a recipe on random tokens, two to warm up and then
// repeat (at least one), and measures the median.
func Bench(ctx context.Context, r Recipe, pool *par.Pool, repeat int) (Speed, error) {
	if err := r.Validate(); err != nil {
		return Speed{}, err
	}
	vocab := max(r.Tokenizer.Vocab, 257)
	config, err := r.Model.config(vocab, r.Seq)
	if err != nil {
		return Speed{}, err
	}
	m, err := model.New(model.Init(config, r.Seed), pool)
	if err != nil {
		return Speed{}, err
	}
	t := newTrainer(r, m, noise{vocab, r.Seed}, make([]int32, vocab), 0, pool)
	var times []float64
	for n := range skipped + max(1, repeat) {
		if ctx.Err() != nil {
			return Speed{}, ctx.Err()
		}
		began := time.Now()
		if _, _, err := t.step(n, 0.1); err != nil {
			return Speed{}, err
		}
		if n >= skipped {
			times = append(times, time.Since(began).Seconds())
		}
	}
	slices.Sort(times)
	s := Speed{StepS: times[len(times)/2], Params: config.ParamCount()}
	s.TokensPerS = float64(r.Batch*r.Seq) / s.StepS
	s.FLOPs = s.TokensPerS * config.FLOPsPerToken(r.Seq)
	return s, nil
}

// noise is a ring of random tokens.
type noise struct {
	vocab int
	seed  uint64
}

func (noise) Len() int         { return 1 << 20 }
func (n noise) At(i int) int32 { return int32(draw(n.seed, uint64(i)) % uint64(n.vocab)) }
