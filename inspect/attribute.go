package inspect

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"weft/model"
)

// AttributeOptions say whose logit. The zero value is the predicted token's,
// after the last token.
type AttributeOptions struct {
	Position *int   // whose prediction; nil: the last token's
	Token    *int32 // nil: what is predicted there
	Against  *int32 // attribute the difference to this token's logit; nil: the logit alone
	Neurons  int    // how many of the largest neurons to list; 0: 10, negative: none
}

// LogitAttribution is the direct logit attribution: the last stream is a sum of
// what every part wrote, and the head is linear once the final norm's divisor is
// taken as it was in this run, so the logit is a sum too. It says who wrote the
// answer into the stream, not who made it necessary.
type LogitAttribution struct {
	Provenance Provenance    `json:"provenance"`
	Tokens     []int32       `json:"tokens"`
	Position   int           `json:"position"`
	Token      int32         `json:"token"`
	Against    *int32        `json:"against"`
	P          float64       `json:"p"`     // of the token
	Logit      float64       `json:"logit"` // or difference; before the scale and soft cap that some models put on logits
	Sum        float64       `json:"sum"`   // of the parts
	Parts      []LogitPart   `json:"parts"`
	Neurons    []NeuronShare `json:"neurons"`              // the largest of all layers, by size
	NoNeurons  string        `json:"no_neurons,omitempty"` // why there are none
	Sources    []float64     `json:"sources"`              // per token: what all heads brought from there
	Checks     CheckList     `json:"checks"`
}

// LogitPart is one part's share of the logit.
type LogitPart struct {
	Point string      `json:"point"`
	Layer int         `json:"layer"` // -1 outside the blocks
	Part  Part        `json:"part"`
	Value float64     `json:"value"`
	Heads []HeadShare `json:"heads,omitempty"` // attention only
	Bias  float64     `json:"bias"`            // of Value, what no head or neuron wrote
}

// HeadShare is one head's share of the logit, and where it brought that from.
type HeadShare struct {
	Head    int       `json:"head"`
	Value   float64   `json:"value"`
	Sources []float64 `json:"sources"` // per token up to the position
}

// NeuronShare is one MLP neuron's share of the logit.
type NeuronShare struct {
	Layer      int     `json:"layer"`
	Neuron     int     `json:"neuron"`
	Activation float64 `json:"activation"`
	Value      float64 `json:"value"`
}

// AttributeBytes is how many bytes Attribute holds for a prompt.
func AttributeBytes(c model.Config, tokens int) int64 {
	caught := floats(c.Layers, 3*c.Dim+c.ZDim()+c.Heads*tokens+c.Hidden+tokens*c.VDim()+16)
	shares := 8 * int64(c.Layers) * int64(c.Heads) * int64(tokens+6)
	reading := 12*int64(c.Dim+c.ZDim()+c.Hidden) + 3*32*int64(c.Hidden) // and a layer's neurons
	return caught + max(forwardBytes(c, 1, tokens, 1), shares+reading) + floats(2, c.Vocab) + recorded*int64(9*c.Layers)
}

// attributer is one attribution on its way.
type attributer struct {
	s         *Subject
	a         *LogitAttribution
	o         AttributeOptions
	got       map[string][]float32
	logits    []float32
	scale     float64   // the final norm's divisor
	direction []float64 // what the stream is read along
	written   []float64 // sum of what parts wrote

	// The worst by which shares miss what was written, relative to the lengths of the
	// factors.
	heads, neurons, sources float64
}

// Attribute says who wrote a logit.
func (s *Subject) Attribute(ctx context.Context, tokens []int32, o AttributeOptions) (*LogitAttribution, error) {
	c := s.Model.Config
	at := len(tokens) - 1
	if o.Position != nil {
		at = *o.Position
	}
	if at < 0 || at >= len(tokens) {
		return nil, fmt.Errorf("%w: position %d of %d tokens", ErrAsk, at, len(tokens))
	}
	if err := checkIDs(c, o.Token, o.Against); err != nil {
		return nil, err
	}
	if err := s.afford("the attribution", AttributeBytes(c, len(tokens))); err != nil {
		return nil, err
	}
	w := &attributer{s: s, o: o, a: &LogitAttribution{Provenance: s.Provenance(tokens), Tokens: tokens, Position: at, Against: o.Against}}
	if err := w.observe(ctx); err != nil {
		return nil, err
	}
	w.attribute()
	return w.a, w.a.Checks.err()
}

func checkIDs(c model.Config, ids ...*int32) error {
	for _, id := range ids {
		if id != nil && (*id < 0 || int(*id) >= c.Vocab) {
			return fmt.Errorf("%w: %w: %d", ErrAsk, model.ErrToken, *id)
		}
	}
	return nil
}

// block names a point of a block.
func block(l int, point string) string { return fmt.Sprintf("blocks.%d.%s", l, point) }

// observe is the one forward pass. What comes after the position cannot matter,
// so it does not run.
func (w *attributer) observe(ctx context.Context) error {
	m, at := w.s.Model, w.a.Position
	known := m.Config.HookPoints()
	caught := newCatcher()
	row := func(names ...string) {
		for _, name := range names {
			if slices.Contains(known, name) {
				caught.row(at, name)
			}
		}
	}
	row("hook_embed", "hook_pos_embed", "ln_final.hook_scale")
	for l := range m.Config.Layers {
		row(block(l, "hook_attn_out"), block(l, "hook_mlp_out"), block(l, "attn.hook_z"), block(l, "attn.hook_pattern"),
			block(l, "mlp.hook_post"), block(l, "ln1_post.hook_scale"), block(l, "ln2_post.hook_scale"), block(l, "hook_resid_post"))
		caught.whole(block(l, "attn.hook_v"))
	}
	logits, err := caught.run(ctx, w.s, w.a.Tokens[:at+1], model.Run{})
	w.got, w.logits = caught.got, logits.Data
	if err == nil {
		w.scale = float64(w.got["ln_final.hook_scale"][0])
	}
	return err
}

func (w *attributer) attribute() {
	m, c := w.s.Model, w.s.Model.Config
	said := newAnswer(w.logits)
	w.a.Token = said.top
	if w.o.Token != nil {
		w.a.Token = *w.o.Token
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
}

// part adds a part of the stream.
func (w *attributer) part(p LogitPart) {
	for i, v := range w.got[p.Point] {
		w.written[i] += float64(v)
	}
	p.Value = dot64(w.got[p.Point], w.direction)
	w.a.Parts = append(w.a.Parts, p)
	w.a.Sum += p.Value
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
	scale, mean := float64(w.got[block(l, norm+".hook_scale")][0]), 0.0
	for i := range d {
		if n.Gain != nil {
			d[i] *= float64(n.Gain[i])
		}
		d[i] /= scale
		mean += d[i] / float64(len(d))
	}
	if c.Norm == model.LayerNorm {
		for i := range d {
			d[i] -= mean
		}
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

func length64(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
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
	w.part(p)
	w.heads = worse(w.heads, w.off(sum, p.Point, z, read))
}

// off is by how much shares miss what the part wrote, relative to the lengths of
// the factors: a product's rounding grows with these.
func (w *attributer) off(sum float64, point string, x []float32, read []float64) float64 {
	value := dot64(w.got[point], w.direction)
	return math.Abs(sum-value) / (1e-9 + lengthOf(x)*length64(read) + 1e-2*math.Abs(value))
}

// worse keeps what is no number, too.
func worse(a, b float64) float64 {
	if b > a || b != b {
		return b
	}
	return a
}

func lengthOf(x []float32) float64 { return math.Sqrt(dot(x, x)) }

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
	w.part(p)
	w.neurons = worse(w.neurons, w.off(sum, p.Point, post, read))
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

// constants are what is added after the stream.
func (w *attributer) constants() {
	m := w.s.Model
	sign := []struct {
		id   *int32
		sign float64
	}{{&w.a.Token, 1}, {w.a.Against, -1}}
	norm, head := 0.0, 0.0
	for _, t := range sign {
		if t.id == nil {
			continue
		}
		if bias := m.W.OutputNorm.Bias; bias != nil {
			norm += t.sign * dot(bias, m.W.Output.Row(make([]float32, len(bias)), int(*t.id)))
		}
		if bias := m.W.Output.B; bias != nil {
			head += t.sign * float64(bias[*t.id])
		}
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
	rounding := w.s.rounding()
	l.add("stream_sum", "what the parts wrote is the last stream, relative to its largest number", off/max(size, 1e-30), 1e-5)
	l.add("final_scale", "the final norm's divisor is that of the last stream, relative", math.Abs(w.scale/scaleOf(c, last)-1), 1e-5)
	parts := 0.0
	for _, p := range w.a.Parts {
		parts += math.Abs(p.Value)
	}
	l.add("sum", "the parts sum to the logit", math.Abs(w.a.Sum-w.a.Logit), 1e-6*parts+rounding*lengthOf(last)*length64(w.direction))
	l.add("heads", "a layer's heads and bias sum to what attention wrote, relative to the lengths of the factors", w.heads, 2*rounding)
	l.add("sources", "what a head brought from each token sums to its share, relative likewise", w.sources, w.s.fetching())
	if w.a.NoNeurons == "" {
		l.add("neurons", "a layer's neurons and bias sum to what the MLP wrote, relative likewise", w.neurons, 2*rounding)
	}
}

// scaleOf is a norm's divisor of a vector: its root mean square or deviation.
func scaleOf(c model.Config, x []float32) float64 {
	mean, sum := 0.0, 0.0
	if c.Norm == model.LayerNorm {
		for _, v := range x {
			mean += float64(v) / float64(len(x))
		}
	}
	for _, v := range x {
		sum += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	return math.Sqrt(sum + float64(c.NormEps))
}
