package inspect

import (
	"math"

	"weft/model"
)

// Part is which part of the model wrote something into the residual stream.
type Part string

const (
	Embed     Part = "embedding"
	Position  Part = "position"
	Attention Part = "attention"
	MLP       Part = "mlp"
	NormBias  Part = "final norm's bias"
	HeadBias  Part = "head's bias"
)

// Attribution is the direct logit attribution of the predicted token: the last
// stream is a sum of what every part wrote, and the head is linear once the
// final norm's divisor is taken as it was in this run, so the logit is a sum
// too. It says who wrote the answer into the stream, not who made it necessary.
type Attribution struct {
	Token int32
	Logit float64 // the model's own, before the scale and soft cap that some models put on logits
	Sum   float64 // of the contributions
	Parts []Contribution
}

// Contribution is one part's share of the logit.
type Contribution struct {
	Hook  string
	Layer int // -1 outside the blocks
	Part  Part
	Value float64
	Heads []float64 // attention only: each head's share; a bias is the rest
}

// attribute says who wrote the predicted token's logit, and returns how much of the
// sum may be rounding. value(c) = ⟨c − mean(c), gain ⊙ U_t⟩ / σ, σ being the final norm's
// divisor for the last token; RMSNorm takes no mean. Sums are in float64.
func (t *Trace) attribute(s *Subject, w *watcher, last []float32) (tolerance float64) {
	m, best := s.Model, t.Next.Top[0]
	t.Attribution = Attribution{Token: best.ID, Logit: m.Config.Unfinished(float64(best.Logit))}
	direction := readDirection(m, best.ID, w.scale)
	for _, wrote := range w.writers {
		c := Contribution{Hook: wrote.hook, Layer: wrote.layer, Part: wrote.kind, Value: dot64(wrote.v, direction)}
		if wrote.kind == Attention && m.Config.Placement == model.PreNorm && !scaled(m.Config.ResidScale) {
			t.Checks.splits = true
			t.Checks.HeadsSum = worse(t.Checks.HeadsSum, c.share(s, wrote, direction))
		}
		t.Attribution.add(c)
	}
	norm, head := constants(m, best.ID)
	if m.W.OutputNorm.Bias != nil {
		t.Attribution.add(Contribution{Hook: "ln_final.b", Layer: -1, Part: NormBias, Value: norm})
	}
	if m.W.Output.B != nil {
		t.Attribution.add(Contribution{Hook: "unembed.b_U", Layer: -1, Part: HeadBias, Value: head})
	}
	t.Checks.AttributionSum = math.Abs(t.Attribution.Sum - t.Attribution.Logit)
	for _, p := range t.Attribution.Parts {
		tolerance += 1e-6 * math.Abs(p.Value)
	}
	return tolerance + s.headNoise(last, w.scale, best.ID, nil)
}

// share splits attention's share by head: the output projection is linear, so head h
// wrote W_O's columns of that head times its z. With a norm behind it (see
// model.Placement), that is its share before the norm, not of the logit, so there are
// no shares then. It returns by how much heads and bias miss what attention wrote, in parts of what rounding explains.
func (c *Contribution) share(s *Subject, wrote writer, direction []float64) float64 {
	m := s.Model
	out, width := &m.W.Layers[wrote.layer].AttnOut, m.Config.VHead()
	read, sum := through(out, direction, len(wrote.z)), 0.0
	for h := range m.Config.Heads {
		c.Heads = append(c.Heads, dot64(wrote.z[h*width:(h+1)*width], read[h*width:]))
		sum += c.Heads[h]
	}
	if out.B != nil {
		sum += dot64(out.B, direction)
	}
	return missed(out, sum, c.Value, wrote.z, read)
}

func (a *Attribution) add(c Contribution) {
	a.Parts = append(a.Parts, c)
	a.Sum += c.Value
}

// readDirection is the vector whose product with a part of the last stream is
// that part's share of the token's logit. Taking the mean of a LayerNorm's
// input away is a projection, so it may be applied to this side instead.
func readDirection(m *model.Model, token int32, scale float64) []float64 {
	gain := m.W.OutputNorm.Gain
	unembed := m.W.Output.Row(make([]float32, len(gain)), int(token))
	d := make([]float64, len(gain))
	for i, g := range gain {
		d[i] = float64(g) * float64(unembed[i]) / scale
	}
	mean := meanOf(m.Config, d)
	for i := range d {
		d[i] -= mean
	}
	return d
}
