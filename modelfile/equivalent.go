package modelfile

import (
	"math"
	"reflect"
	"slices"

	"weft/model"
)

// differing names the settings in which two configs do not describe the same computation, however they say it. Numbers
// may differ by what rounding to float32 does.
func differing(a, b model.Config) (names []string) {
	fa, fb := numbersOf(&a), numbersOf(&b)
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			names = append(names, va.Type().Field(i).Name)
		}
	}
	for name, list := range fa {
		if !close(list, fb[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func close(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 2e-6*math.Abs(y) })
}

// numbersOf takes the numbers out of a config, leaving whole ones and switches, each in one way to say it.
func numbersOf(c *model.Config) map[string][]float64 {
	out := map[string][]float64{}
	take := func(name string, f *float32, neutral float64) {
		v := float64(*f)
		if v == 0 {
			v = neutral
		}
		out[name], *f = []float64{v}, 0
	}
	take("NormEps", &c.NormEps, 0)
	take("EmbedScale", &c.EmbedScale, 1)
	take("ResidScale", &c.ResidScale, 1)
	take("LogitScale", &c.LogitScale, 1)
	take("AttnScale", &c.AttnScale, 1/math.Sqrt(float64(c.HeadDim)))
	take("AttnSoftCap", &c.AttnSoftCap, 0)
	take("LogitSoftCap", &c.LogitSoftCap, 0)
	take("Experts.Scale", &c.Experts.Scale, 1)
	take("ClampLimit", &c.ClampLimit, 7)
	c.Arch, c.ValueDim = "", c.VHead()
	blocks, local := make([]model.Block, c.Layers), false
	for l := range blocks {
		blocks[l] = c.Block(l)
		blocks[l].Dense = c.Experts.Count > 0 && blocks[l].Dense
		local = local || blocks[l].Local
	}
	c.Blocks = blocks
	if c.Experts.Count > 0 && !anyDense(blocks) {
		c.Hidden = 0 // nobody uses it
	}
	if c.Position == model.RoPE {
		out["Rope"] = turning(c.Rope, c)
		if local {
			out["RopeLocal"] = turning(c.RopeLocal, c)
		}
	}
	c.Rope, c.RopeLocal = model.Rope{}, model.Rope{}
	return out
}

func anyDense(blocks []model.Block) bool {
	for _, b := range blocks {
		if b.Dense {
			return true
		}
	}
	return false
}

// turning is how a rotation comes out.
func turning(r model.Rope, c *model.Config) []float64 {
	list := r.Frequencies(c.HeadDim, false)
	if r.Scaling.Long != nil {
		list = append(list, r.Frequencies(c.HeadDim, true)...)
		list = append(list, float64(r.Scaling.Original))
	}
	amplitude := r.Scaling.Amplitude
	if amplitude == 0 {
		amplitude = 1
	}
	return append(list, amplitude)
}
