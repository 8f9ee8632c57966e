package model

import (
	"errors"
	"fmt"
	"slices"

	"weft/internal/kernel"
	"weft/kvcache"
	"weft/tensor"
)

// LogitsMode is which rows of logits a Run wants.
type LogitsMode uint8

const (
	LastLogits LogitsMode = iota // of each sequence's last token
	AllLogits                    // of every token
	NoLogits
)

// Run is what the caller of one forward pass wants of it. The zero value is one
// whole sequence, unwatched, and the logits of its last token.
type Run struct {
	SeqLen int              // tokens are sequences of this length side by side; 0: one sequence, or as many as Caches
	Caches []*kvcache.Cache // sequence i continues the one held in Caches[i], and is added to it
	Cache  *kvcache.Cache   // short for Caches with this one alone
	Hooks  *Hooks           // who watches; what they give to positions that a window has passed and a cache let go is lost
	Logits LogitsMode
	Rows   []int        // the tokens of the one sequence whose logits are wanted; nil: those of Logits
	Acts   *Activations // memory to work in, large enough; nil makes some

	// Stream enters block From in place of what the blocks before would have made: a
	// row of Dim numbers per token. Without one the pass begins with the embeddings.
	Stream tensor.Mat
	From   int
}

// Forward runs tokens through the model. The logits have a row of Vocab numbers
// per wanted token; they live in the Activations and last until those are used
// again. On an error the cache is as it was before.
func (m *Model) Forward(tokens []int32, r *Run) (tensor.Mat, error) {
	if r == nil {
		r = &Run{}
	}
	var p *pass
	if r.Acts != nil {
		p = &r.Acts.pass
	} else {
		p = new(pass)
	}
	*p = pass{hooks: r.Hooks, seqLen: r.SeqLen, caches: r.Caches, layer: -1, from: r.From, stream: r.Stream}
	if r.Cache != nil {
		p.one = [1]*kvcache.Cache{r.Cache}
		p.caches = append(p.one[:], r.Caches...)
	}
	if p.seqLen == 0 {
		p.seqLen = len(tokens) / max(1, len(p.caches))
	}
	if err := m.checkRun(tokens, r, p); err != nil {
		return tensor.Mat{}, err
	}
	a := r.Acts
	if a == nil {
		a = m.newActivations(p.seqs, p.seqLen, false)
	}
	err := m.forward(tokens, a, p)
	var logits tensor.Mat
	if err == nil {
		logits, err = m.logits(len(tokens), a, p, r)
	}
	if errors.Is(err, ErrStop) {
		return tensor.Mat{}, nil
	}
	if err == nil {
		for _, c := range p.caches {
			c.Advance(p.seqLen)
		}
	}
	return logits, err
}

func (m *Model) checkRun(tokens []int32, r *Run, p *pass) error {
	switch n := len(tokens); {
	case n == 0:
		return errors.New("forward: no tokens")
	case p.seqLen < 1 || n%p.seqLen != 0:
		return fmt.Errorf("forward: %d tokens are no multiple of the sequence length %d", n, p.seqLen)
	case len(p.caches) > 0 && n != len(p.caches)*p.seqLen:
		return fmt.Errorf("forward: %d tokens in sequences of %d for %d caches", n, p.seqLen, len(p.caches))
	case r.Acts != nil && n > r.Acts.seqs*r.Acts.seqLen:
		return fmt.Errorf("forward: %d tokens, the activations hold %d", n, r.Acts.seqs*r.Acts.seqLen)
	}
	p.seqs = len(tokens) / p.seqLen
	for _, at := range r.Rows {
		if p.seqs != 1 || at < 0 || at >= len(tokens) {
			return fmt.Errorf("forward: no logits of token %d alone, of %d in %d sequences", at, len(tokens), p.seqs)
		}
	}
	if err := m.checkStream(len(tokens), p); err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	if err := m.checkCaches(p); err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	if n := p.longest(); n > m.Config.Context {
		return fmt.Errorf("forward: %w: position %d of %d", ErrContext, n, m.Config.Context)
	}
	if err := r.Hooks.check(m.Config); err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	if err := m.Config.checkTokens(tokens); err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	return nil
}

// checkStream: a pass that begins in the middle knows nothing of the blocks before,
// so it may not add to a cache.
func (m *Model) checkStream(n int, p *pass) error {
	switch s := p.stream; {
	case s.Data == nil && p.from == 0:
		return nil
	case p.from < 0 || p.from >= m.Config.Layers:
		return fmt.Errorf("there is no block %d to begin with", p.from)
	case s.Rows != n || s.Cols != m.Config.Dim || s.RS != m.Config.Dim || s.CS != 1 || len(s.Data) < n*s.Cols:
		return fmt.Errorf("the stream is %d × %d, want %d × %d", s.Rows, s.Cols, n, m.Config.Dim)
	case len(p.caches) > 0:
		return errors.New("a pass that begins with a stream has no cache")
	}
	return nil
}

func (m *Model) checkCaches(p *pass) error {
	if len(p.caches) == 0 {
		return nil
	}
	shape := m.Config.CacheShape(m.KV)
	for i, c := range p.caches {
		switch {
		case c == nil || !c.Shape().Equal(shape):
			return fmt.Errorf("cache %d is not one of this model (NewCache)", i)
		case slices.Contains(p.caches[:i], c):
			return fmt.Errorf("cache %d is given twice", i)
		case c.Len()+p.seqLen > c.Cap():
			return fmt.Errorf("%w: position %d, cache %d holds %d", ErrContext, c.Len()+p.seqLen, i, c.Cap())
		}
	}
	return nil
}

// forward is the model, from token IDs to the normalised last residual stream
// (a.final). It is one straight page on purpose. Shapes: n tokens; everything
// is n × something.
func (m *Model) forward(tokens []int32, a *Activations, p *pass) error {
	c, n := m.Config, len(tokens)
	branch := rows(a.branch, 0, n)
	m.prepareTurns(a, p)
	for _, c := range p.caches {
		c.Reserve(p.seqLen)
	}

	x := rows(a.layers[p.from].residPre, 0, n)
	if p.stream.Data != nil {
		copy(x.Data, p.stream.Data)
	} else if err := m.embed(x, tokens, p); err != nil {
		return err
	}
	for l := p.from; l < c.Layers; l++ {
		p.layer = l
		w, s := &m.W.Layers[l], a.layers[l].take(n)
		if err := m.ended(); err != nil {
			return err
		}
		if err := p.fire("hook_resid_pre", s.residPre.Data, c.Dim); err != nil {
			return err
		}

		// Attention: each token looks back at the tokens before it.
		if err := m.normBefore("ln1", s.norm1, s.residPre, w.AttnNorm, s.stats1, p); err != nil {
			return err
		}
		if err := m.project(a, s, w, p); err != nil {
			return err
		}
		if err := m.rotate(a, s, p); err != nil {
			return err
		}
		if err := m.attention(a, s, w, p); err != nil {
			return err
		}
		m.linear(s.attnOut, s.z, &w.AttnOut)
		if err := m.normAfter("ln1_post", branch, s.attnOut, w.AttnPostNorm, s.statsPost1, p); err != nil {
			return err
		}
		if err := p.fire("hook_attn_out", branch.Data, c.Dim); err != nil {
			return err
		}
		m.add(s.residMid, s.residPre, branch)

		// The feed-forward network: each token on its own.
		from, err := m.beforeMLP(s, w, p)
		if err != nil {
			return err
		}
		if err := m.mlp(s.mlpOut, from, a, s, w, p); err != nil {
			return err
		}
		if err := m.normAfter("ln2_post", branch, s.mlpOut, w.FFNPostNorm, s.statsPost2, p); err != nil {
			return err
		}
		if err := p.fire("hook_mlp_out", branch.Data, c.Dim); err != nil {
			return err
		}
		x = rows(a.out, 0, n)
		if l+1 < c.Layers {
			x = rows(a.layers[l+1].residPre, 0, n)
		}
		m.add(x, s.residMid, branch)
		if err := p.fire("hook_resid_post", x.Data, c.Dim); err != nil {
			return err
		}
	}
	p.layer = -1
	return m.norm("ln_final", rows(a.final, 0, n), x, m.W.OutputNorm, a.finalStats, p)
}

// beforeMLP is what the feed-forward network reads: the stream after attention,
// or in a parallel block the stream that entered it, normalised.
func (m *Model) beforeMLP(s layerActs, w *Layer, p *pass) (tensor.Mat, error) {
	switch m.Config.Flow {
	case ParallelOne:
		return s.norm1, nil
	case ParallelEach:
		return s.norm2, m.norm("ln2", s.norm2, s.residPre, w.FFNNorm, s.stats2, p)
	}
	if err := p.fire("hook_resid_mid", s.residMid.Data, m.Config.Dim); err != nil {
		return s.norm2, err
	}
	err := m.normBefore("ln2", s.norm2, s.residMid, w.FFNNorm, s.stats2, p)
	return s.norm2, err
}

// backward takes the gradient of the normalised last residual stream
// (a.grads.norm) down to every parameter below it, adding to g; what g has no room
// for is left out. It is forward read from the bottom up; d is the gradient of the
// residual stream.
func (m *Model) backward(tokens []int32, a *Activations, g *Weights, p *pass) error {
	n := len(tokens)
	b := a.grads
	d, dn, branch := rows(b.resid, 0, n), rows(b.norm, 0, n), rows(b.branch, 0, n)
	clear(d.Data)
	copy(d.Data, p.last.Data)
	m.normBack(d, dn, rows(a.out, 0, n), m.W.OutputNorm, &g.OutputNorm, a.finalStats)
	if err := p.showBack(len(m.W.Layers), d); err != nil {
		return err
	}
	for l := len(m.W.Layers) - 1; l >= 0; l-- {
		p.layer = l
		w, gw, s := &m.W.Layers[l], &g.Layers[l], a.layers[l].take(n)

		dout := m.normAfterBack(branch, d, s.mlpOut, w.FFNPostNorm, &gw.FFNPostNorm, s.statsPost2)
		m.mlpBack(dn, dout, s, b, w, gw)
		m.normBeforeBack(d, dn, s.residMid, w.FFNNorm, &gw.FFNNorm, s.stats2)

		dq, dk, dv, dz := rows(b.q, 0, n), rows(b.k, 0, n), rows(b.v, 0, n), rows(b.z, 0, n)
		dout = m.normAfterBack(branch, d, s.attnOut, w.AttnPostNorm, &gw.AttnPostNorm, s.statsPost1)
		m.linearBack(dz, dout, s.z, &w.AttnOut, &gw.AttnOut, false)
		m.attentionBack(dq, dk, dv, dz, a, s, p)
		m.rotateBack(dq, dk, a, p)
		m.normQKBack(dq, dk, s, w, gw)
		m.linearBack(dn, dq, s.norm1, &w.AttnQ, &gw.AttnQ, false)
		m.linearBack(dn, dk, s.norm1, &w.AttnK, &gw.AttnK, true)
		m.linearBack(dn, dv, s.norm1, &w.AttnV, &gw.AttnV, true)
		m.normBeforeBack(d, dn, s.residPre, w.AttnNorm, &gw.AttnNorm, s.stats1)
		if err := p.showBack(l, d); err != nil {
			return err
		}
	}
	p.layer = -1
	if g.TokenEmbd.W.Data != nil {
		m.embedBack(d, tokens, g, p)
	}
	return nil
}

// grain is how many numbers are worth handing to another worker. So few are worked on without a closure, which would be an
// allocation for each token.
const grain = 16 << 10

func few(x tensor.Mat) bool { return len(x.Data) <= grain }

func rowGrain(cols int) int { return max(1, grain/cols) }

// add: dst = x + y.
func (m *Model) add(dst, x, y tensor.Mat) {
	if few(dst) {
		kernel.Add(dst.Data, x.Data, y.Data)
		return
	}
	m.Pool.Range(len(dst.Data), grain, func(lo, hi int) {
		kernel.Add(dst.Data[lo:hi], x.Data[lo:hi], y.Data[lo:hi])
	})
}
