package inspect

import (
	"cmp"
	"math"
	"slices"

	"weft/model"
)

func (w *attributer) attribute() error {
	m, c := w.s.Model, w.s.Model.Config
	said := newAnswer(w.logits)
	w.a.Token = said.top
	if w.o.Token != nil {
		w.a.Token = *w.o.Token
	}
	if err := checkAgainst(w.a.Token, w.a.Against); err != nil {
		return err
	}
	w.a.P = math.Exp(float64(w.logits[w.a.Token]) - said.logZ)
	w.a.Logit = c.Unfinished(float64(w.logits[w.a.Token]))
	w.direction = readDirection(m, w.a.Token, w.scale)
	if id := w.a.Against; id != nil {
		w.a.Logit -= c.Unfinished(float64(w.logits[*id]))
		for i, v := range readDirection(m, *id, w.scale) {
			w.direction[i] -= v
		}
	}
	w.written = make([]float64, c.Dim)
	w.a.Sources = make([]float64, w.a.Position+1)
	w.part(LogitPart{Point: "hook_embed", Layer: -1, Part: Embed})
	if c.Position == model.LearnedPositions {
		w.part(LogitPart{Point: "hook_pos_embed", Layer: -1, Part: Position})
	}
	for l := range c.Layers {
		w.attention(l)
		w.mlp(l)
	}
	w.constants()
	w.keepLargest()
	w.check()
	return nil
}

// part adds a part of the stream, and returns its share.
func (w *attributer) part(p LogitPart) float64 {
	for i, v := range w.got[p.Point] {
		w.written[i] += float64(v)
	}
	p.Value = dot64(w.got[p.Point], w.direction)
	w.a.Parts = append(w.a.Parts, p)
	w.a.Sum += p.Value
	return p.Value
}

// behind is what a part is read along before the norm behind it and the scale of
// what it adds; bias is what that norm's bias adds. The norm is linear once its
// divisor is taken as it was.
func (w *attributer) behind(l int, norm string, n model.Norm) (d []float64, bias float64) {
	c := w.s.Model.Config
	d = slices.Clone(w.direction)
	if scaled(c.ResidScale) {
		for i := range d {
			d[i] *= float64(c.ResidScale)
		}
	}
	if c.Placement == model.PreNorm {
		return d, 0
	}
	if n.Bias != nil {
		bias = dot64(n.Bias, d)
	}
	scale := float64(w.got[block(l, norm+".hook_scale")][0])
	for i := range d {
		if n.Gain != nil {
			d[i] *= float64(n.Gain[i])
		}
		d[i] /= scale
	}
	mean := meanOf(c, d)
	for i := range d {
		d[i] -= mean
	}
	return d, bias
}

// through is Wᵀ·d: what the input of a matrix is read along.
func through(l *model.Linear, d []float64, width int) []float64 {
	out, buf := make([]float64, width), make([]float32, width)
	for i, v := range d {
		for j, x := range l.Row(buf, i) {
			out[j] += v * float64(x)
		}
	}
	return out
}

func (w *attributer) attention(l int) {
	c, layer := w.s.Model.Config, &w.s.Model.W.Layers[l]
	d, bias := w.behind(l, "ln1_post", layer.AttnPostNorm)
	if layer.AttnOut.B != nil {
		bias += dot64(layer.AttnOut.B, d)
	}
	read, width, z := through(&layer.AttnOut, d, c.ZDim()), c.VHead(), w.got[block(l, "attn.hook_z")]
	p := LogitPart{Point: block(l, "hook_attn_out"), Layer: l, Part: Attention, Bias: bias}
	sum := bias
	for h := range c.Heads {
		share := HeadShare{Head: h, Value: dot64(z[h*width:(h+1)*width], read[h*width:])}
		share.Sources = w.brought(l, h, read[h*width:(h+1)*width])
		sum += share.Value
		from := 0.0
		for j, v := range share.Sources {
			w.a.Sources[j] += v
			from += v
		}
		w.sources = worse(w.sources, math.Abs(from-share.Value)/(1e-9+lengthOf(z[h*width:(h+1)*width])*length64(read[h*width:(h+1)*width])))
		p.Heads = append(p.Heads, share)
	}
	w.heads = worse(w.heads, missed(&layer.AttnOut, sum, w.part(p), z, read))
}

// missed is by how much shares miss what a part wrote with a matrix, in parts of what
// rounding explains.
func missed(l *model.Linear, sum, value float64, x []float32, read []float64) float64 {
	return beyond(sum-value, Noise(l.Arithmetic(), x, read)+1e-5*math.Abs(value))
}

// brought is a head's share by the token that it came from.
func (w *attributer) brought(l, h int, read []float64) []float64 {
	c, n := w.s.Model.Config, w.a.Position+1
	width, kv := c.VHead(), h/(c.Heads/c.KVHeads)
	pattern, v := w.got[block(l, "attn.hook_pattern")][h*n:(h+1)*n], w.got[block(l, "attn.hook_v")]
	list := make([]float64, n)
	for j, a := range pattern {
		list[j] = float64(a) * dot64(v[j*c.VDim()+kv*width:][:width], read)
	}
	return list
}

func (w *attributer) mlp(l int) {
	c, layer := w.s.Model.Config, &w.s.Model.W.Layers[l]
	p := LogitPart{Point: block(l, "hook_mlp_out"), Layer: l, Part: MLP}
	if c.HasExperts(l) {
		w.a.NoNeurons = "the experts' neurons have no hook points"
		w.part(p)
		return
	}
	d, bias := w.behind(l, "ln2_post", layer.FFNPostNorm)
	if layer.FFN.Down.B != nil {
		bias += dot64(layer.FFN.Down.B, d)
	}
	p.Bias = bias
	read, post, sum := through(&layer.FFN.Down, d, c.Hidden), w.got[block(l, "mlp.hook_post")], bias
	for i, v := range post {
		share := float64(v) * read[i]
		sum += share
		w.a.Neurons = append(w.a.Neurons, NeuronShare{l, i, float64(v), share})
	}
	w.neurons = worse(w.neurons, missed(&layer.FFN.Down, sum, w.part(p), post, read))
	w.keepLargest()
}

// keepLargest forgets all but the largest neurons.
func (w *attributer) keepLargest() {
	keep := w.o.Neurons
	if keep == 0 {
		keep = 10
	}
	slices.SortStableFunc(w.a.Neurons, func(a, b NeuronShare) int { return cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)) })
	w.a.Neurons = w.a.Neurons[:min(max(keep, 0), len(w.a.Neurons))]
}
