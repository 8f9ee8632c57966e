package studio

import (
	"context"
	"fmt"
	"math"

	"weft/inspect"
	"weft/kvcache"
	"weft/model"
)

// deriver finds where a number came from. It keeps the first error.
type deriver struct {
	ctx            context.Context
	s              *Studio
	o              *opened
	r              *run
	c              model.Config
	name, point    string // whole, and within its block
	layer          int
	head, row, col int
	out            *cellJSON
	err            error
}

// block names a point of the number's block.
func (d *deriver) block(point string) string { return fmt.Sprintf("blocks.%d.%s", d.layer, point) }

// weight names a tensor of the number's block.
func (d *deriver) weight(tensor string) string { return fmt.Sprintf("blk.%d.%s", d.layer, tensor) }

// read is a row of a point, all heads side by side; of patterns and scores a head's.
func (d *deriver) read(point string, row int) []float32 {
	if d.err != nil {
		return nil
	}
	head := 0
	if isPattern(point) {
		head = d.head
	}
	p, err := d.s.point(d.ctx, d.o, d.r, point, head)
	if err != nil {
		d.err = err
		return nil
	}
	return p.data[row*p.cols : (row+1)*p.cols]
}

// value is the number itself.
func (d *deriver) value() float64 {
	if d.name == finalLogits {
		m, err := d.s.logits(d.ctx, d.o, d.r, d.row, d.row+1)
		if err != nil {
			d.err = err
			return 0
		}
		return float64(m.row(nil, d.row)[d.col])
	}
	row := d.read(d.name, d.row)
	if row == nil {
		return 0
	}
	at := d.col
	if heads := headsOf(d.c, d.name); heads > 0 && !isPattern(d.name) {
		at += d.head * len(row) / heads
	}
	return float64(row[at])
}

// tensor is a row of a parameter, nil if the model does not have it.
func (d *deriver) tensor(name string, row int) []float64 {
	p, err := d.o.param(name)
	if err != nil {
		return nil
	}
	return wide(d.o.row(p, row))
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// from notes that columns lo to hi of a row of a point were read.
func (d *deriver) from(point string, row, lo, hi int) {
	d.out.Inputs = append(d.out.Inputs, input{Point: point, Rows: [2]int{row, row + 1}, Cols: [2]int{lo, hi}})
}

// fromTensor notes the same of a tensor.
func (d *deriver) fromTensor(name string, row, lo, hi int) {
	d.out.Inputs = append(d.out.Inputs, input{Tensor: name, Rows: [2]int{row, row + 1}, Cols: [2]int{lo, hi}})
}

// none says why a number has no formula here.
func (d *deriver) none(why string) { d.out.None = why }

// explain finds the formula of the number's point.
func (d *deriver) explain() {
	switch d.point {
	case "hook_embed":
		d.embed()
	case "hook_pos_embed":
		d.position()
	case "hook_resid_pre", "hook_resid_mid", "hook_resid_post":
		d.stream()
	case "attn.hook_q", "attn.hook_k", "attn.hook_v":
		d.projection()
	case "attn.hook_rot_q", "attn.hook_rot_k":
		d.rotation()
	case "attn.hook_attn_scores":
		d.score()
	case "attn.hook_pattern":
		d.share()
	case "attn.hook_z":
		d.fetch()
	case "hook_attn_out":
		d.added("ln1_post", "post_attention_norm", d.attnOut)
	case "mlp.hook_pre", "mlp.hook_pre_linear":
		d.hidden()
	case "mlp.hook_post":
		d.activation()
	case "hook_mlp_out":
		d.added("ln2_post", "post_ffw_norm", d.mlpOut)
	case finalLogits:
		d.logit()
	default:
		d.norm()
	}
}

func (d *deriver) embed() {
	id := int(d.r.ids[d.row])
	w := d.tensor("token_embd.weight", id)
	scale, times := 1.0, ""
	if f := d.c.EmbedScale; f != 0 && f != 1 {
		scale, times = float64(f), fmt.Sprintf(" · %g", f)
	}
	d.fromTensor("token_embd.weight", id, d.col, d.col+1)
	d.out.Formula = fmt.Sprintf("embed[%d,%d] = W_E[%d,%d]%s: row %d is token %d's", d.row, d.col, id, d.col, times, id, id)
	d.add(sum{[]float64{w[d.col]}, []float64{scale}, func(int) string { return fmt.Sprintf("W_E[%d,%d]%s", id, d.col, times) }, nil})
}

func (d *deriver) position() {
	w := d.tensor("position_embd.weight", d.row)
	d.fromTensor("position_embd.weight", d.row, d.col, d.col+1)
	d.out.Formula = fmt.Sprintf("pos[%d,%d] = W_pos[%[1]d,%[2]d]", d.row, d.col)
	d.add(sum{[]float64{w[d.col]}, []float64{1}, func(int) string { return fmt.Sprintf("W_pos[%d,%d]", d.row, d.col) }, nil})
}

// stream is a sum of what was there and what was added.
func (d *deriver) stream() {
	var parts []string
	switch {
	case d.point == "hook_resid_pre" && d.layer == 0:
		parts = []string{"hook_embed"}
		if d.c.Position == model.LearnedPositions {
			parts = append(parts, "hook_pos_embed")
		}
	case d.point == "hook_resid_pre":
		parts = []string{fmt.Sprintf("blocks.%d.hook_resid_post", d.layer-1)}
	case d.point == "hook_resid_mid":
		parts = []string{d.block("hook_resid_pre"), d.block("hook_attn_out")}
	case d.c.Flow == model.Sequential:
		parts = []string{d.block("hook_resid_mid"), d.block("hook_mlp_out")}
	default:
		parts = []string{d.block("hook_resid_pre"), d.block("hook_attn_out"), d.block("hook_mlp_out")}
	}
	s := sum{}
	d.out.Formula = fmt.Sprintf("%s[%d,%d] = ", d.point, d.row, d.col)
	for i, part := range parts {
		row := d.read(part, d.row)
		if d.err != nil {
			return
		}
		d.from(part, d.row, d.col, d.col+1)
		if i > 0 {
			d.out.Formula += " + "
		}
		label := fmt.Sprintf("%s[%d,%d]", part, d.row, d.col)
		d.out.Formula += label
		v := number(row[d.col])
		s.more = append(s.more, term{label, v, 1, v})
	}
	d.add(s)
}

// multiplies is what products with a matrix compute with, and its name.
func (d *deriver) multiplies(matrix string) (model.Arithmetic, string) {
	l := d.o.Core.W.Linears()[matrix+".weight"]
	if l == nil { // a head that is the embedding
		l = &d.o.Core.W.Output
	}
	switch with := l.Arithmetic(); with {
	case model.Int8:
		return with, "int8: the vector is rounded to 8 bits, with a scale for every 32 numbers, before the product"
	case model.BFloat16:
		return with, "bfloat16: the vector is rounded to 16 bits before the product"
	default:
		return with, with.String()
	}
}

// rounds says what a product computed with, and how much of it may be rounding.
func (d *deriver) rounds(matrix string, x, w []float64) {
	with, name := d.multiplies(matrix)
	d.out.Arith = name
	d.out.Tolerance += number(inspect.Noise(with, x, w))
}

// fetching is what is computed with keys and values, and how much of it may be
// rounding, by the sizes of the products.
func (d *deriver) fetching() (name string, rounds float64) {
	kv := d.o.Core.KV
	name = "float32"
	if kv != kvcache.F32 {
		name += ", with keys and values kept as " + kv.String()
	}
	return name, inspect.KVNoise(kv)
}

func length(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// product is Σ x[row,i]·W[out,i] + b[out], with the model's matrix.
func (d *deriver) product(x []float64, matrix string, out int) (value float64) {
	w := d.tensor(matrix+".weight", out)
	if w == nil || d.err != nil {
		d.none("this model has no " + matrix + ".weight")
		return 0
	}
	s := sum{x, w, func(i int) string { return fmt.Sprintf("x[%d,%d]·W[%d,%d]", d.row, i, out, i) }, nil}
	d.fromTensor(matrix+".weight", out, 0, len(w))
	if b := d.tensor(matrix+".bias", 0); b != nil {
		s.more = []term{{fmt.Sprintf("b[%d]", out), number(b[out]), 1, number(b[out])}}
		d.fromTensor(matrix+".bias", 0, out, out+1)
	}
	value = d.add(s)
	d.rounds(matrix, x, w)
	return value
}
