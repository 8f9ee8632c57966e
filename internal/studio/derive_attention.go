package studio

import (
	"fmt"
	"math"
	"strings"

	"weft/model"
)

// kv is the key/value head that the query head reads.
func (d *deriver) kv() int { return d.head / (d.c.Heads / d.c.KVHeads) }

// projection explains queries, keys and values, with the norm that some models bring
// queries and keys to unit size with.
func (d *deriver) projection() {
	letter := d.point[len(d.point)-1:]
	if d.c.Latent.KV > 0 && !(letter == "q" && d.c.Latent.Q == 0) {
		d.none("latent attention makes this by way of short vectors, which have no hook points")
		return
	}
	width := d.c.HeadDim
	if letter == "v" {
		width = d.c.VHead()
	}
	out := d.head*width + d.col
	x, words := d.attnInput()
	if d.err != nil {
		return
	}
	matrix := d.weight("attn_" + letter)
	d.out.Formula = fmt.Sprintf("%s[%d,%d,%d] = Σ_i x[%d,i]·W[%d·%d+%d,i]%s, %s, W = %s.weight", letter, d.row, d.head, d.col, d.row, d.head, width, d.col,
		d.plusBias(matrix, out), words, matrix)
	value := d.product(x, matrix, out)
	if d.err == nil && d.out.None == "" && letter != "v" {
		d.unit(x, matrix, letter, out, value)
	}
}

func (d *deriver) plusBias(matrix string, out int) string {
	if _, err := d.o.param(matrix + ".bias"); err != nil {
		return ""
	}
	return fmt.Sprintf(" + b[%d]", out)
}

// unit adds the norm of queries and keys.
func (d *deriver) unit(x []float64, matrix, letter string, out int, value float64) {
	gain := d.tensor(d.weight("attn_"+letter+"_norm.weight"), 0)
	if d.c.QKNorm == model.NoQKNorm || gain == nil {
		return
	}
	n := len(gain) // of a head, or of all
	first := out / n * n
	p, err := d.o.param(matrix + ".weight")
	if err != nil {
		d.err = err
		return
	}
	rows, bias := d.o.numbers(p), d.tensor(matrix+".bias", 0)
	buf, squares := make([]float32, rows.width), 0.0
	for i := first; i < first+n; i++ {
		v := 0.0
		for j, w := range rows.row(buf, i) {
			v += x[j] * float64(w)
		}
		if bias != nil {
			v += bias[i]
		}
		squares += v * v / float64(n)
	}
	rms, g := math.Sqrt(squares+float64(d.c.NormEps)), gain[out-first]
	d.then(fmt.Sprintf("Σ / %.6g · %.6g", rms, g), value/rms*g, 2*g/rms)
	d.fromTensor(matrix+".weight", first, 0, rows.cols)
	d.fromTensor(d.weight("attn_"+letter+"_norm.weight"), 0, out-first, out-first+1)
	d.out.Formula += fmt.Sprintf("; then divided by %.6g, the root mean square of the %d sums around it, and multiplied with the gain %.6g", rms, n, g)
}

// rotation explains how a query or key turns with its position.
func (d *deriver) rotation() {
	before := strings.Replace(d.point, "rot_", "", 1)
	letter := d.point[len(d.point)-1:]
	row := d.read(d.block(before), d.row)
	if d.err != nil {
		return
	}
	rope := d.c.Rope
	if d.c.Block(d.layer).Local {
		rope = d.c.RopeLocal
	}
	turned := rope.Dims
	if turned == 0 {
		turned = d.c.HeadDim
	}
	head := row[d.head*d.c.HeadDim : (d.head+1)*d.c.HeadDim]
	d.from(d.block(before), d.row, d.col, d.col+1)
	d.out.Inputs[len(d.out.Inputs)-1].Head = &d.head
	label := func(i int) string { return fmt.Sprintf("%s[%d,%d,%d]", letter, d.row, d.head, i) }
	if d.col >= turned {
		d.out.Formula = fmt.Sprintf("rot_%s[%d,%d,%d] = %s: only the first %d numbers of a head turn", letter, d.row, d.head, d.col, label(d.col), turned)
		v := number(head[d.col])
		d.add(sum{more: []term{{label(d.col), v, 1, v}}})
		return
	}
	half := turned / 2
	pair, other, sign := d.col, d.col+half, -1.0
	if d.col >= half {
		pair, other, sign = d.col-half, d.col-half, 1
	}
	long := rope.Scaling.Original > 0 && len(d.r.ids) > rope.Scaling.Original
	angle := float64(d.row) * rope.Frequencies(d.c.HeadDim, long)[pair]
	amplitude := rope.Scaling.Amplitude
	if amplitude == 0 {
		amplitude = 1
	}
	sin, cos := math.Sincos(angle)
	d.from(d.block(before), d.row, other, other+1)
	d.out.Inputs[len(d.out.Inputs)-1].Head = &d.head
	mark := map[float64]string{-1: "−", 1: "+"}[sign]
	d.out.Formula = fmt.Sprintf("rot_%s[%d,%d,%d] = %s·cos θ %s %s·sin θ, θ = position %d · frequency of pair %d = %.6g", letter, d.row, d.head, d.col,
		label(d.col), mark, label(other), d.row, pair, angle)
	d.add(sum{[]float64{float64(head[d.col]), float64(head[other])}, []float64{cos * amplitude, sign * sin * amplitude}, func(i int) string {
		return [2]string{label(d.col) + "·cos θ", label(other) + "·sin θ"}[i]
	}, nil})
}

// sees is the first position that the row's query sees.
func (d *deriver) sees() int {
	if w := d.c.Block(d.layer).Window; w > 0 {
		return max(0, d.row+1-w)
	}
	return 0
}

// turned is the point that scores are made of.
func (d *deriver) turned(letter string) string {
	if d.c.Position == model.RoPE && !d.c.Block(d.layer).NoRope {
		return d.block("attn.hook_rot_" + letter)
	}
	return d.block("attn.hook_" + letter)
}

// unseen explains a place that a query does not see; false: it sees it.
func (d *deriver) unseen(value float64, words string) bool {
	switch {
	case d.col > d.row:
		d.out.Formula = fmt.Sprintf("%s: token %d does not see token %d, which comes later", words, d.row, d.col)
	case d.col < d.sees():
		d.out.Formula = fmt.Sprintf("%s: token %d sees %d tokens, itself included, and token %d is before them", words, d.row, d.c.Block(d.layer).Window, d.col)
	default:
		return false
	}
	d.out.Sum, d.out.Tolerance = number(value), 0
	return true
}

// score explains q·k.
func (d *deriver) score() {
	if d.unseen(math.Inf(-1), "−∞") {
		return
	}
	qn, kn, width := d.turned("q"), d.turned("k"), d.c.HeadDim
	q, k := d.read(qn, d.row), d.read(kn, d.col)
	if d.err != nil {
		return
	}
	kv := d.kv()
	a, b := wide(q[d.head*width:(d.head+1)*width]), wide(k[kv*width:(kv+1)*width])
	d.from(qn, d.row, 0, width)
	d.from(kn, d.col, 0, width)
	d.out.Inputs[0].Head, d.out.Inputs[1].Head = &d.head, &kv
	value := d.add(sum{a, b, func(i int) string { return fmt.Sprintf("q[%d,%d,%d]·k[%d,%d,%d]", d.row, d.head, i, d.col, kv, i) }, nil})
	var rounds float64
	d.out.Arith, rounds = d.fetching()
	d.out.Tolerance += number(rounds * length(a) * length(b))
	scale, words := 1/math.Sqrt(float64(width)), fmt.Sprintf("1/√%d", width)
	if s := d.c.AttnScale; s > 0 {
		scale, words = float64(s), fmt.Sprintf("%g", s)
	}
	d.then(words+" · Σ", value*scale, scale)
	d.out.Formula = fmt.Sprintf("score[%d,%d,%d] = %s · Σ_i q[%d,%d,i]·k[%d,%d,i]", d.head, d.row, d.col, words, d.row, d.head, d.col, kv)
	if limit := float64(d.c.AttnSoftCap); limit > 0 {
		d.then(fmt.Sprintf("%g·tanh(Σ/%[1]g)", limit), limit*math.Tanh(value*scale/limit), 1)
		d.out.Formula += fmt.Sprintf(", bounded: %g·tanh(score/%[1]g)", limit)
	}
}

// share explains a number of a pattern: the softmax of the row's scores.
func (d *deriver) share() {
	if d.unseen(0, "0") {
		return
	}
	scores := wide(d.read(d.block("attn.hook_attn_scores"), d.row))
	if d.err != nil {
		return
	}
	first, most := d.sees(), math.Inf(-1)
	for _, s := range scores[first : d.row+1] {
		most = max(most, s)
	}
	z := 0.0
	for _, s := range scores[first : d.row+1] {
		z += math.Exp(s - most)
	}
	words := ""
	if d.c.Sinks {
		sink := d.tensor(d.weight("attn_sinks.weight"), 0)[d.head]
		z += math.Exp(sink - most)
		words = fmt.Sprintf(" and exp(%.6g − %.6g) of the sink", sink, most)
		d.fromTensor(d.weight("attn_sinks.weight"), 0, d.head, d.head+1)
	}
	d.from(d.block("attn.hook_attn_scores"), d.row, first, d.row+1)
	d.out.Inputs[len(d.out.Inputs)-1].Head = &d.head
	d.out.Formula = fmt.Sprintf("pattern[%d,%d,%d] = exp(%.6g − %.6g) / %.6g: the score less the row's largest; the divisor is the sum of the same over tokens %d to %d%s",
		d.head, d.row, d.col, scores[d.col], most, z, first, d.row, words)
	d.add(sum{[]float64{math.Exp(scores[d.col] - most)}, []float64{1 / z}, func(int) string {
		return fmt.Sprintf("exp(score[%d,%d] − largest) · 1/sum", d.row, d.col)
	}, nil})
	d.out.Tolerance += 1e-6
}

// fetch explains what a head fetched.
func (d *deriver) fetch() {
	first, kv, width := d.sees(), d.kv(), d.c.VHead()
	pattern := wide(d.read(d.block("attn.hook_pattern"), d.row))
	if d.err != nil {
		return
	}
	values := make([]float64, 0, d.row+1-first)
	sizes := 0.0
	for j := first; j <= d.row; j++ {
		v := d.read(d.block("attn.hook_v"), j)
		if d.err != nil {
			return
		}
		values = append(values, float64(v[kv*width+d.col]))
		sizes += math.Abs(pattern[j] * values[j-first])
	}
	d.from(d.block("attn.hook_pattern"), d.row, first, d.row+1)
	d.out.Inputs = append(d.out.Inputs, input{Point: d.block("attn.hook_v"), Head: &kv, Rows: [2]int{first, d.row + 1}, Cols: [2]int{d.col, d.col + 1}})
	d.out.Inputs[0].Head = &d.head
	d.out.Formula = fmt.Sprintf("z[%d,%d,%d] = Σ_j pattern[%d,%d,j]·v[j,%d,%d], j = %d … %d", d.row, d.head, d.col, d.head, d.row, kv, d.col, first, d.row)
	d.add(sum{pattern[first : d.row+1], values, func(i int) string {
		return fmt.Sprintf("pattern[%d,%d,%d]·v[%d,%d,%d]", d.head, d.row, first+i, first+i, kv, d.col)
	}, nil})
	var rounds float64
	d.out.Arith, rounds = d.fetching()
	d.out.Tolerance += number(rounds * sizes)
}

// attnOut explains what attention writes, before a norm behind it.
func (d *deriver) attnOut() {
	matrix, from := d.weight("attn_output"), d.block("attn.hook_z")
	x, _ := d.stored(from)
	if d.err != nil {
		return
	}
	d.out.Formula = fmt.Sprintf("attn_out[%d,%d] = Σ_i x[%d,i]·W[%d,i]%s, x = %s, all heads side by side, W = %s.weight", d.row, d.col, d.row, d.col,
		d.plusBias(matrix, d.col), from, matrix)
	d.product(x, matrix, d.col)
}
