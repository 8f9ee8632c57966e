package inspect

import (
	"math"

	"weft/model"
)

// constants are what is added to a token's logit after the stream: the final norm's
// bias, through the head, and the head's.
func constants(m *model.Model, token int32) (norm, head float64) {
	if bias := m.W.OutputNorm.Bias; bias != nil {
		norm = dot(bias, m.W.Output.Row(make([]float32, len(bias)), int(token)))
	}
	if bias := m.W.Output.B; bias != nil {
		head = float64(bias[token])
	}
	return norm, head
}

func (w *attributer) constants() {
	m := w.s.Model
	norm, head := constants(m, w.a.Token)
	if id := w.a.Against; id != nil {
		n, h := constants(m, *id)
		norm, head = norm-n, head-h
	}
	if m.W.OutputNorm.Bias != nil {
		w.a.Parts = append(w.a.Parts, LogitPart{Point: "ln_final.b", Layer: -1, Part: NormBias, Value: norm, Bias: norm})
	}
	if m.W.Output.B != nil {
		w.a.Parts = append(w.a.Parts, LogitPart{Point: "unembed.b_U", Layer: -1, Part: HeadBias, Value: head, Bias: head})
	}
	w.a.Sum += norm + head
}

func (w *attributer) check() {
	c, l := w.s.Model.Config, &w.a.Checks
	last := w.got[block(c.Layers-1, "hook_resid_post")]
	size, off := largest(last), 0.0
	for i, v := range last {
		off = worse(off, math.Abs(w.written[i]-float64(v)))
		size = max(size, math.Abs(w.written[i]))
	}
	l.add("stream_sum", "what the parts wrote is the last stream, relative to its largest number", off/max(size, 1e-30), 1e-5)
	l.add("final_scale", "the final norm's divisor is that of the last stream, relative", math.Abs(w.scale/scaleOf(c, last)-1), 1e-5)
	parts := 0.0
	for _, p := range w.a.Parts {
		parts += math.Abs(p.Value)
	}
	l.add("sum", "the parts sum to the logit", math.Abs(w.a.Sum-w.a.Logit), 1e-6*parts+w.s.headNoise(last, w.scale, w.a.Token, w.a.Against))
	l.add("heads", "a layer's heads and bias sum to what attention wrote, in parts of what rounding explains", w.heads, explained)
	l.add("sources", "what a head brought from each token sums to its share, relative to the lengths of the factors", w.sources, KVNoise(w.s.Model.KV))
	if w.a.NoNeurons == "" {
		l.add("neurons", "a layer's neurons and bias sum to what the MLP wrote, in parts of what rounding explains", w.neurons, explained)
	}
}

// meanOf is what a norm takes away first: of a LayerNorm the mean, else nothing.
func meanOf[T float32 | float64](c model.Config, x []T) (mean float64) {
	if c.Norm == model.LayerNorm {
		for _, v := range x {
			mean += float64(v) / float64(len(x))
		}
	}
	return mean
}

// scaleOf is a norm's divisor of a vector: its root mean square or deviation.
func scaleOf(c model.Config, x []float32) float64 {
	mean, sum := meanOf(c, x), 0.0
	for _, v := range x {
		sum += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	return math.Sqrt(sum + float64(c.NormEps))
}
