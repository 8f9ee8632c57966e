// Package modeltest makes models for tests.
package modeltest

import (
	"math/rand/v2"
	"testing"

	"weft/internal/par"
	"weft/model"
)

// Random is a model whose every parameter is random, gains and biases too, and
// large enough that the blocks matter. Matrices come from init, the rest from seed.
func Random(t testing.TB, c model.Config, init, seed uint64) *model.Model {
	t.Helper()
	w := model.Init(c, init)
	rng := rand.New(rand.NewPCG(seed, 6))
	for _, p := range w.Params() {
		for i := range p.Data {
			switch p.Kind {
			case model.Gain:
				p.Data[i] = 1 + 0.2*float32(rng.NormFloat64())
			case model.Bias:
				p.Data[i] = 0.2 * float32(rng.NormFloat64())
			default:
				p.Data[i] *= 10
			}
		}
	}
	return Of(t, w)
}

// Of is the model of weights, on two threads that end with the test.
func Of(t testing.TB, w *model.Weights) *model.Model {
	t.Helper()
	pool := par.New(2)
	t.Cleanup(pool.Close)
	m, err := model.New(w, pool)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
