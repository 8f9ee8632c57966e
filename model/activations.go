package model

import "weft/tensor"

// Activations is the working memory of a forward pass: what this prompt makes
// of the parameters. All matrices have a row per token, sequence after sequence.
//
// Kept for training, every layer has memory of its own, which Backward reads.
// Otherwise all layers share one layer's memory and overwrite each other.
type Activations struct {
	seqs, seqLen int // capacity; a run may use fewer rows
	keep         bool

	layers     []layerActs
	out        tensor.Mat // the last residual stream; tokens × Dim
	final      tensor.Mat // after the final norm; tokens × Dim
	finalStats normStats

	branch  tensor.Mat // what attention or the MLP adds to the stream; tokens × Dim
	latent  latentActs
	experts expertActs
	turns   [2]rotations // of this pass: the common one, the local one
	runs    []turnRun    // the positions of its sequences
	logits  tensor.Mat   // a chunk of rows of the head; chunk × Vocab
	attn    *attnRun
	scratch []attnScratch // of the backward pass
	grads   *backActs     // made by the first backward pass
	pass    pass          // the one that runs
}

// layerActs is what one block makes.
type layerActs struct {
	residPre               tensor.Mat // the stream that enters; tokens × Dim
	norm1                  tensor.Mat // normalised, for attention; residPre without a norm before it
	rawQ, rawK             tensor.Mat // before their norms; q and k unless both are kept
	q, k, v                tensor.Mat // tokens × QDim, KVDim, VDim; q and k rotated
	z                      tensor.Mat // heads' outputs side by side; tokens × ZDim
	attnOut                tensor.Mat // what attention makes, before a norm behind it; branch if there is none
	residMid               tensor.Mat // the stream after attention
	norm2                  tensor.Mat // normalised, for the MLP; residMid without a norm before it
	gate, up               tensor.Mat // tokens × Hidden
	post                   tensor.Mat // after the activation; tokens × Hidden
	mlpOut                 tensor.Mat // as attnOut
	stats1, stats2         normStats
	statsPost1, statsPost2 normStats // of the norms behind
}

// normStats is what a norm's backward needs of its forward, per token.
type normStats struct{ mean, rstd []float32 }

// attnScratch is one worker's tile of the pattern, its gradient and, if they have
// a soft cap, the scores: attnRows × positions.
type attnScratch struct{ p, dp, capped []float32 }

// backActs is the working memory of a backward pass; tokens rows each.
type backActs struct {
	resid, branch, norm tensor.Mat // Dim
	q, k, v, z          tensor.Mat
	gate, up, post      tensor.Mat
}

// NewActivations makes memory for training batches of up to seqs sequences of
// up to seqLen tokens.
func (m *Model) NewActivations(seqs, seqLen int) *Activations {
	return m.newActivations(seqs, seqLen, true)
}

// NewScratch makes memory for batches that are only run, not learned from: one
// layer's, whatever the depth.
func (m *Model) NewScratch(seqs, seqLen int) *Activations {
	return m.newActivations(seqs, seqLen, false)
}

func (m *Model) newActivations(seqs, seqLen int, keep bool) *Activations {
	c, n := m.Config, seqs*seqLen
	a := &Activations{seqs: seqs, seqLen: seqLen, keep: keep,
		final: tensor.New(n, c.Dim), branch: tensor.New(n, c.Dim),
		finalStats: newStats(n), scratch: make([]attnScratch, max(1, m.Pool.Threads())), latent: newLatentActs(c, n), experts: newExpertActs(c, n), attn: newAttnRun()}
	var shared layerActs
	stream := tensor.New(n, c.Dim)
	for l := range c.Layers {
		if keep || l == 0 {
			shared = newLayerActs(c, n, keep)
		}
		shared.residPre = stream
		switch c.Placement {
		case PreNorm:
			shared.attnOut, shared.mlpOut = a.branch, a.branch
		case PostNorm:
			shared.norm1, shared.norm2 = shared.residPre, shared.residMid
		}
		if keep {
			stream = tensor.New(n, c.Dim)
		}
		a.layers = append(a.layers, shared)
	}
	a.out = stream
	return a
}

func newLayerActs(c Config, n int, keep bool) layerActs {
	l := layerActs{
		q: tensor.New(n, c.QDim()), k: tensor.New(n, c.KVDim()), v: tensor.New(n, c.VDim()),
		z: tensor.New(n, c.ZDim()), residMid: tensor.New(n, c.Dim),
		up: tensor.New(n, c.Hidden), post: tensor.New(n, c.Hidden),
	}
	if c.Placement != PostNorm {
		l.norm1, l.norm2, l.stats1, l.stats2 = tensor.New(n, c.Dim), tensor.New(n, c.Dim), newStats(n), newStats(n)
	}
	if c.Placement != PreNorm {
		l.attnOut, l.statsPost1, l.statsPost2 = tensor.New(n, c.Dim), newStats(n), newStats(n)
		if l.mlpOut = l.attnOut; keep {
			l.mlpOut = tensor.New(n, c.Dim)
		}
	}
	if l.rawQ, l.rawK = l.q, l.k; keep && c.QKNorm != NoQKNorm {
		l.rawQ, l.rawK = tensor.New(n, c.QDim()), tensor.New(n, c.KVDim())
	}
	if c.Gated {
		l.gate = tensor.New(n, c.Hidden)
	}
	return l
}

func newBackActs(c Config, n int) *backActs {
	b := &backActs{
		resid: tensor.New(n, c.Dim), branch: tensor.New(n, c.Dim), norm: tensor.New(n, c.Dim),
		q: tensor.New(n, c.QDim()), k: tensor.New(n, c.KVDim()), v: tensor.New(n, c.VDim()), z: tensor.New(n, c.ZDim()),
		up: tensor.New(n, c.Hidden), post: tensor.New(n, c.Hidden),
	}
	if c.Gated {
		b.gate = tensor.New(n, c.Hidden)
	}
	return b
}

func newStats(n int) normStats {
	return normStats{mean: make([]float32, n), rstd: make([]float32, n)}
}

// take views the first n rows of everything.
func (l layerActs) take(n int) layerActs {
	for _, m := range []*tensor.Mat{&l.residPre, &l.norm1, &l.rawQ, &l.rawK, &l.q, &l.k, &l.v, &l.z, &l.attnOut, &l.residMid, &l.norm2, &l.gate, &l.up, &l.post, &l.mlpOut} {
		if m.Data != nil {
			*m = rows(*m, 0, n)
		}
	}
	return l
}
