package model

import "fmt"

// each visits every parameter in their one fixed order: its description, and
// where it is kept.
func (w *Weights) each(visit func(p Param, at place)) {
	c, v := w.Config, visitor{visit}
	v.matrix("token_embd", Embedding, c.Vocab, c.Dim, &w.TokenEmbd)
	if c.Position == LearnedPositions {
		v.matrix("position_embd", Embedding, c.Context, c.Dim, &w.PosEmbd)
	}
	for i := range w.Layers {
		v.layer(c, i, &w.Layers[i])
	}
	v.norm(c, "output_norm", &w.OutputNorm)
	if !c.TiedHead {
		v.matrix("output", Head, c.Vocab, c.Dim, &w.Output)
	}
	if c.HeadBias {
		v.vector("output.bias", Bias, c.Vocab, &w.Output.B)
	}
}

// visitor describes parameters to a visit function.
type visitor struct{ visit func(p Param, at place) }

func (v visitor) vector(name string, kind Kind, n int, data *[]float32) {
	v.visit(Param{Name: name, Kind: kind, Rows: 1, Cols: n}, place{vector: data})
}

func (v visitor) matrix(name string, kind Kind, out, in int, l *Linear) {
	v.visit(Param{Name: name + ".weight", Kind: kind, Rows: out, Cols: in}, place{linear: l})
}

func (v visitor) linear(name string, l *Linear, out, in int, bias bool) {
	v.matrix(name, Matrix, out, in, l)
	if bias {
		v.vector(name+".bias", Bias, out, &l.B)
	}
}

// norm is one of the residual stream's norms.
func (v visitor) norm(c Config, name string, n *Norm) {
	if !c.NormPlain {
		v.vector(name+".weight", Gain, c.Dim, &n.Gain)
	}
	if c.NormBias {
		v.vector(name+".bias", Bias, c.Dim, &n.Bias)
	}
}

func (v visitor) layer(c Config, i int, l *Layer) {
	b := fmt.Sprintf("blk.%d.", i)
	if c.Placement != PostNorm {
		v.norm(c, b+"attn_norm", &l.AttnNorm)
	}
	if c.Latent.KV > 0 {
		v.latent(c, b, l)
	} else {
		v.linear(b+"attn_q", &l.AttnQ, c.QDim(), c.Dim, c.QKVBias)
		v.linear(b+"attn_k", &l.AttnK, c.KVDim(), c.Dim, c.QKVBias)
		v.linear(b+"attn_v", &l.AttnV, c.VDim(), c.Dim, c.QKVBias)
	}
	switch c.QKNorm {
	case QKNormHead:
		v.vector(b+"attn_q_norm.weight", Gain, c.HeadDim, &l.AttnQNorm.Gain)
		v.vector(b+"attn_k_norm.weight", Gain, c.HeadDim, &l.AttnKNorm.Gain)
	case QKNormWhole:
		v.vector(b+"attn_q_norm.weight", Gain, c.QDim(), &l.AttnQNorm.Gain)
		v.vector(b+"attn_k_norm.weight", Gain, c.KVDim(), &l.AttnKNorm.Gain)
	}
	if c.Sinks {
		v.vector(b+"attn_sinks.weight", Bias, c.Heads, &l.AttnSinks)
	}
	v.linear(b+"attn_output", &l.AttnOut, c.Dim, c.ZDim(), c.OutBias)
	if c.Placement != PreNorm {
		v.norm(c, b+"post_attention_norm", &l.AttnPostNorm)
	}
	if c.Placement != PostNorm && c.Flow != ParallelOne {
		v.norm(c, b+"ffn_norm", &l.FFNNorm)
	}
	if c.HasExperts(i) {
		v.experts(c, b, &l.Experts)
	} else {
		v.ffn(b, "", "", &l.FFN, c.Hidden, c.Dim, c.Gated, c.MLPBias)
	}
	if c.Placement != PreNorm {
		v.norm(c, b+"post_ffw_norm", &l.FFNPostNorm)
	}
}

// ffn is a feed-forward network; kind and number are part of an expert's names.
func (v visitor) ffn(b, kind, number string, f *FFN, hidden, dim int, gated, bias bool) {
	if gated {
		v.linear(b+"ffn_gate"+kind+number, &f.Gate, hidden, dim, bias)
	}
	v.linear(b+"ffn_up"+kind+number, &f.Up, hidden, dim, bias)
	v.linear(b+"ffn_down"+kind+number, &f.Down, dim, hidden, bias)
}

func (v visitor) experts(c Config, b string, l *ExpertLayer) {
	e := c.Experts
	v.linear(b+"ffn_gate_inp", &l.Router, e.Count, c.Dim, e.RouterBias)
	if e.Correction {
		v.vector(b+"exp_probs_b.bias", Bias, e.Count, &l.Correction)
	}
	for i := range l.List {
		v.ffn(b, "_exps", fmt.Sprintf(".%d", i), &l.List[i], e.Hidden, c.Dim, true, e.Bias)
	}
	if e.Shared > 0 {
		v.ffn(b, "_shexp", "", &l.Shared, e.Shared, c.Dim, true, false)
	}
	if e.SharedGate {
		v.matrix(b+"ffn_gate_inp_shexp", Matrix, 1, c.Dim, &l.SharedGate)
	}
}

func (v visitor) latent(c Config, b string, l *Layer) {
	a := c.Latent
	if a.Q > 0 {
		v.linear(b+"attn_q_a", &l.Latent.QA, a.Q, c.Dim, false)
		v.vector(b+"attn_q_a_norm.weight", Gain, a.Q, &l.Latent.QANorm.Gain)
		v.linear(b+"attn_q_b", &l.Latent.QB, c.QDim(), a.Q, false)
	} else {
		v.linear(b+"attn_q", &l.AttnQ, c.QDim(), c.Dim, false)
	}
	v.linear(b+"attn_kv_a_mqa", &l.Latent.KVA, a.KV+a.Rope, c.Dim, false)
	v.vector(b+"attn_kv_a_norm.weight", Gain, a.KV, &l.Latent.KVANorm.Gain)
	v.linear(b+"attn_k_b", &l.Latent.KB, c.Heads*(c.HeadDim-a.Rope), a.KV, false)
	v.linear(b+"attn_v_b", &l.Latent.VB, c.VDim(), a.KV, false)
}
