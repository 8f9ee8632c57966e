package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// projectLatent makes queries, keys and values of s.norm1 by way of short
// vectors (DeepSeek-V2, arXiv 2405.04434). A head's first Rope numbers turn; in
// keys they come straight from the input, one for all heads.
func (m *Model) projectLatent(a *Activations, s layerActs, w *Layer) {
	c, n, l := m.Config, s.q.Rows, &w.Latent
	if c.Latent.Q == 0 {
		m.linear(s.q, s.norm1, &w.AttnQ)
	} else {
		short := rows(a.latent.q, 0, n)
		m.linear(short, s.norm1, &l.QA)
		m.eachUnit(short, c.Latent.Q, func(u []float32) { kernel.RMSNorm(u, u, l.QANorm.Gain, c.Latent.NormEps) })
		m.linear(s.q, short, &l.QB)
	}
	both := rows(a.latent.kv, 0, n)
	m.linear(both, s.norm1, &l.KVA)
	short := block(both, 0, n, 0, c.Latent.KV)
	m.eachUnit(short, c.Latent.KV, func(u []float32) { kernel.RMSNorm(u, u, l.KVANorm.Gain, c.Latent.NormEps) })
	plain := rows(a.latent.keys, 0, n)
	m.linears(short, out{plain, &l.KB}, out{s.v, &l.VB})
	still := c.HeadDim - c.Latent.Rope
	for i := range n {
		turning := row(both, i)[c.Latent.KV:]
		for h := range c.Heads {
			key := row(s.k, i)[h*c.HeadDim : (h+1)*c.HeadDim]
			copy(key[copy(key, turning):], row(plain, i)[h*still:(h+1)*still])
		}
	}
}

// latentActs is the working memory of latent attention; tokens rows each.
type latentActs struct {
	q    tensor.Mat // Latent.Q
	kv   tensor.Mat // Latent.KV + Latent.Rope
	keys tensor.Mat // Heads × what of a key does not turn
}

func newLatentActs(c Config, n int) latentActs {
	l := c.Latent
	if l.KV == 0 {
		return latentActs{}
	}
	return latentActs{tensor.New(n, l.Q), tensor.New(n, l.KV+l.Rope), tensor.New(n, c.Heads*(c.HeadDim-l.Rope))}
}
