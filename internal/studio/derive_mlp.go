package studio

import (
	"fmt"
	"math"

	"weft/internal/kernel"
	"weft/model"
)

// hidden explains what goes into the MLP's non-linearity.
func (d *deriver) hidden() {
	matrix := d.weight("ffn_up")
	if d.c.Gated && d.point == "mlp.hook_pre" {
		matrix = d.weight("ffn_gate")
	}
	x, words := d.mlpInput()
	if d.err != nil {
		return
	}
	d.out.Formula = fmt.Sprintf("%s[%d,%d] = Σ_i x[%d,i]·W[%d,i]%s, %s, W = %s.weight", d.point, d.row, d.col, d.row, d.col, d.plusBias(matrix, d.col), words, matrix)
	d.product(x, matrix, d.col)
}

// activation explains what comes out of it.
func (d *deriver) activation() {
	pre := float64(d.read(d.block("mlp.hook_pre"), d.row)[d.col])
	d.from(d.block("mlp.hook_pre"), d.row, d.col, d.col+1)
	up := 1.0
	formula := fmt.Sprintf("post[%d,%d] = %s(pre[%[1]d,%[2]d])", d.row, d.col, activationName(d.c.Activation))
	if d.c.Gated {
		up = float64(d.read(d.block("mlp.hook_pre_linear"), d.row)[d.col])
		d.from(d.block("mlp.hook_pre_linear"), d.row, d.col, d.col+1)
		formula += fmt.Sprintf(" · pre_linear[%d,%d]", d.row, d.col)
	}
	if d.err != nil {
		return
	}
	d.out.Formula = formula
	var act [1]float32
	x := []float32{float32(pre)}
	switch d.c.Activation {
	case model.SiLU:
		kernel.SiLU(act[:], x)
	case model.GELU:
		kernel.GELU(act[:], x)
	case model.GELUErf:
		kernel.GELUErf(act[:], x)
	case model.ReLU:
		kernel.ReLU(act[:], x)
	case model.ClampedSiLU:
		limit := float64(d.c.ClampLimit)
		if limit == 0 {
			limit = 7
		}
		g := min(pre, limit)
		act[0] = float32(g / (1 + math.Exp(-1.702*g)))
		up = max(-limit, min(up, limit)) + 1
		d.out.Formula += fmt.Sprintf(", where clamped SiLU(x) is min(x, %g)·sigmoid(1.702·min(x, %[1]g)), and pre_linear is kept within ±%[1]g and grows by 1", limit)
	}
	d.add(sum{[]float64{float64(act[0])}, []float64{up}, func(int) string { return activationName(d.c.Activation) + "(pre) · pre_linear" }, nil})
	d.out.Tolerance += 1e-7
}

func activationName(a model.Activation) string {
	return [...]string{"SiLU", "GELU", "GELU", "ReLU", "clamped SiLU"}[a]
}

// mlpOut explains what the MLP writes, before a norm behind it.
func (d *deriver) mlpOut() {
	if d.c.HasExperts(d.layer) {
		d.none("the block's experts make this, and what is in them has no hook points")
		return
	}
	matrix, from := d.weight("ffn_down"), d.block("mlp.hook_post")
	x, _ := d.stored(from)
	if d.err != nil {
		return
	}
	d.out.Formula = fmt.Sprintf("mlp_out[%d,%d] = Σ_i x[%d,i]·W[%d,i]%s, x = %s, W = %s.weight", d.row, d.col, d.row, d.col, d.plusBias(matrix, d.col), from, matrix)
	d.product(x, matrix, d.col)
}

// logit explains a final logit.
func (d *deriver) logit() {
	matrix := "output"
	if d.c.TiedHead {
		matrix = "token_embd"
	}
	x, words := d.input("ln_final.hook_normalized", "output_norm", "")
	if d.err != nil {
		return
	}
	d.out.Formula = fmt.Sprintf("logits[%d,%d] = Σ_i x[%d,i]·W[%d,i], %s, W = %s.weight", d.row, d.col, d.row, d.col, words, matrix)
	w := d.tensor(matrix+".weight", d.col)
	s := sum{x, w, func(i int) string { return fmt.Sprintf("x[%d,%d]·W[%d,%d]", d.row, i, d.col, i) }, nil}
	d.fromTensor(matrix+".weight", d.col, 0, len(w))
	if b := d.tensor("output.bias", 0); b != nil {
		s.more = []term{{fmt.Sprintf("b[%d]", d.col), number(b[d.col]), 1, number(b[d.col])}}
		d.fromTensor("output.bias", 0, d.col, d.col+1)
		d.out.Formula += fmt.Sprintf("; + b[%d]", d.col)
	}
	value := d.add(s)
	d.rounds(matrix, x, w)
	if f := float64(d.c.LogitScale); f != 0 && f != 1 {
		value *= f
		d.then(fmt.Sprintf("%g · Σ", f), value, f)
		d.out.Formula += fmt.Sprintf("; all times %g", f)
	}
	if limit := float64(d.c.LogitSoftCap); limit > 0 {
		d.then(fmt.Sprintf("%g·tanh(Σ/%[1]g)", limit), limit*math.Tanh(value/limit), 1)
		d.out.Formula += fmt.Sprintf("; bounded: %g·tanh(logit/%[1]g)", limit)
	}
}
