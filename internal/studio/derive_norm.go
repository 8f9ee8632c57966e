package studio

import (
	"fmt"
	"math"
	"strings"

	"weft/inspect"
	"weft/model"
)

// input is what a part reads: a norm's output, gain and bias applied, or the stream
// itself where no norm stands before. It says so in words for a formula.
func (d *deriver) input(norm, gain, stream string) (x []float64, words string) {
	if norm == "" {
		row := wide(d.read(stream, d.row))
		d.from(stream, d.row, 0, len(row))
		return row, "x = " + stream
	}
	row := wide(d.read(norm, d.row))
	d.from(norm, d.row, 0, len(row))
	words = "x = " + norm
	if g := d.tensor(gain+".weight", 0); g != nil {
		for i := range row {
			row[i] *= g[i]
		}
		d.fromTensor(gain+".weight", 0, 0, len(g))
		words += " · " + gain + ".weight"
	}
	if b := d.tensor(gain+".bias", 0); b != nil {
		for i := range row {
			row[i] += b[i]
		}
		d.fromTensor(gain+".bias", 0, 0, len(b))
		words += " + " + gain + ".bias"
	}
	return row, words
}

// attnInput is what queries, keys and values are made of.
func (d *deriver) attnInput() (x []float64, words string) {
	if d.c.Placement == model.PostNorm {
		return d.input("", "", d.block("hook_resid_pre"))
	}
	return d.input(d.block("ln1.hook_normalized"), d.weight("attn_norm"), "")
}

// mlpInput is what the feed-forward network reads.
func (d *deriver) mlpInput() (x []float64, words string) {
	switch {
	case d.c.Flow == model.ParallelOne:
		return d.attnInput()
	case d.c.Placement == model.PostNorm:
		return d.input("", "", d.block("hook_resid_mid"))
	}
	return d.input(d.block("ln2.hook_normalized"), d.weight("ffn_norm"), "")
}

// norm explains hook_scale and hook_normalized.
func (d *deriver) norm() {
	kind, which, ok := strings.Cut(d.point, ".hook_")
	if !ok || which != "scale" && which != "normalized" {
		d.none("there is no formula for " + d.point)
		return
	}
	switch kind {
	case "ln1":
		d.normAt(kind, which, d.block("hook_resid_pre"))
	case "ln2":
		from := "hook_resid_mid"
		if d.c.Flow != model.Sequential {
			from = "hook_resid_pre"
		}
		d.normAt(kind, which, d.block(from))
	case "ln_final":
		d.normAt(kind, which, fmt.Sprintf("blocks.%d.hook_resid_post", d.c.Layers-1))
	case "ln1_post":
		d.behind(kind, which, d.block("attn.hook_z"), d.weight("attn_output"))
	case "ln2_post":
		if d.c.HasExperts(d.layer) {
			d.none("what experts make has no hook points")
			return
		}
		d.behind(kind, which, d.block("mlp.hook_post"), d.weight("ffn_down"))
	}
}

// stored is a row of a point that a norm reads.
func (d *deriver) stored(point string) (x []float64, name string) {
	x = wide(d.read(point, d.row))
	d.from(point, d.row, 0, len(x))
	return x, point
}

// mean is what LayerNorm takes away; RMSNorm takes nothing.
func (d *deriver) mean(x []float64) float64 {
	if d.c.Norm == model.RMSNorm {
		return 0
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// less writes a mean that is taken away.
func less(mean float64) string {
	switch {
	case mean == 0:
		return ""
	case mean < 0:
		return fmt.Sprintf(" + %.6g", -mean)
	}
	return fmt.Sprintf(" − %.6g", mean)
}

// normAt explains a norm of a point's row.
func (d *deriver) normAt(kind, which, point string) {
	x, name := d.stored(point)
	d.normOf(kind, which, x, name)
}

// normOf explains a norm of x.
func (d *deriver) normOf(kind, which string, x []float64, name string) {
	if d.err != nil {
		return
	}
	mean, n := d.mean(x), float64(len(x))
	if which == "scale" {
		d.divisor(kind, x, mean, name)
		return
	}
	scale := float64(d.read(d.prefix()+kind+".hook_scale", d.row)[0])
	d.from(d.prefix()+kind+".hook_scale", d.row, 0, 1)
	d.out.Formula = fmt.Sprintf("%s[%d,%d] = (x[%d,%d]%s) / %.6g, x = %s", d.point, d.row, d.col, d.row, d.col, less(mean), scale, name)
	v := x[d.col] - mean
	d.add(sum{[]float64{v}, []float64{1 / scale}, func(int) string {
		return fmt.Sprintf("(x[%d,%d]%s) · 1/scale", d.row, d.col, less(mean))
	}, nil})
	d.out.Tolerance += number(1e-6 * (math.Abs(mean) + length(x)/math.Sqrt(n)) / scale)
}

func (d *deriver) prefix() string {
	if d.layer < 0 {
		return ""
	}
	return fmt.Sprintf("blocks.%d.", d.layer)
}

// divisor explains a norm's scale: the root of the mean square, around the mean or 0.
func (d *deriver) divisor(kind string, x []float64, mean float64, name string) {
	n := float64(len(x))
	a, b := make([]float64, len(x)), make([]float64, len(x))
	for i, v := range x {
		a[i], b[i] = v-mean, (v-mean)/n
	}
	total := d.add(sum{a, b, func(i int) string { return fmt.Sprintf("(x[%d,%d]%s)²/%d", d.row, i, less(mean), len(x)) }, nil})
	eps := float64(d.c.NormEps)
	root := math.Sqrt(total + eps)
	d.then(fmt.Sprintf("√(Σ + %g)", eps), root, 1/(2*root))
	d.out.Formula = fmt.Sprintf("%s.hook_scale[%d] = √(Σ_i (x[%d,i]%s)²/%d + %g), x = %s", kind, d.row, d.row, less(mean), len(x), eps, name)
	d.out.Tolerance += number(1e-5 * root)
}

// behind explains a norm behind a part. What it reads has no point of its own: it is
// the part's product, made again.
func (d *deriver) behind(kind, which, point, matrix string) {
	x, _ := d.stored(point)
	if d.err != nil {
		return
	}
	u := make([]float64, d.c.Dim)
	tolerance := 0.0
	bias := d.tensor(matrix+".bias", 0)
	p, err := d.o.param(matrix + ".weight")
	if err != nil {
		d.err = err
		return
	}
	with, name := d.multiplies(matrix)
	rows := d.o.numbers(p)
	buf := make([]float32, rows.width)
	for i := range u {
		if which == "normalized" && d.c.Norm == model.RMSNorm && i != d.col {
			continue // it needs no other
		}
		row := wide(rows.row(buf, i))
		for j, w := range row {
			u[i] += x[j] * w
		}
		if bias != nil {
			u[i] += bias[i]
		}
		tolerance = max(tolerance, inspect.Noise(with, x, row))
	}
	d.fromTensor(matrix+".weight", 0, 0, rows.cols)
	d.normOf(kind, which, u, fmt.Sprintf("%s · %s", point, matrix))
	d.out.Arith = name
	if which == "normalized" && d.err == nil {
		tolerance /= float64(d.read(d.block(kind+".hook_scale"), d.row)[0])
	}
	d.out.Tolerance += number(2 * tolerance)
}

// added explains what a part adds to the stream: its product, or the norm behind that.
func (d *deriver) added(norm, gain string, product func()) {
	scale := 1.0
	if f := d.c.ResidScale; f != 0 && f != 1 {
		scale = float64(f)
	}
	if d.c.Placement == model.PreNorm {
		product()
	} else {
		x, words := d.input(d.block(norm+".hook_normalized"), d.weight(gain), "")
		if d.err != nil {
			return
		}
		d.out.Formula = fmt.Sprintf("%s[%d,%d] = x[%d,%d], %s", d.point, d.row, d.col, d.row, d.col, words)
		d.add(sum{[]float64{x[d.col]}, []float64{1}, func(int) string { return fmt.Sprintf("x[%d,%d]", d.row, d.col) }, nil})
	}
	if scale != 1 && d.out.None == "" && d.err == nil {
		d.then(fmt.Sprintf("%g · Σ", scale), scale*float64(d.out.Sum), scale)
		d.out.Formula += fmt.Sprintf("; all times %g", scale)
	}
}
