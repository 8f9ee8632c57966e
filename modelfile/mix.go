package modelfile

import (
	"fmt"
	"strconv"
	"strings"

	"weft/tensor"
)

// A mix says how to quantise a model: most matrices as one type, those that suffer more from it as better ones. The
// mixes, their names and their rules are llama.cpp's, so that a file is what users of such a name expect; what the
// rules favour was found by trying (llama.cpp pull request 1684 and later ones).
type mix struct {
	name     string
	base     tensor.DType
	fileType uint32 // what general.file_type says
}

var mixes = []mix{
	{"f32", tensor.F32, 0}, {"f16", tensor.F16, 1}, {"bf16", tensor.BF16, 32},
	{"q8_0", tensor.Q8_0, 7}, {"q4_0", tensor.Q4_0, 2}, {"q4_1", tensor.Q4_1, 3}, {"q5_0", tensor.Q5_0, 8}, {"q5_1", tensor.Q5_1, 9},
	{"q2_k", tensor.Q2_K, 10}, {"q2_k_s", tensor.Q2_K, 21},
	{"q3_k_s", tensor.Q3_K, 11}, {"q3_k_m", tensor.Q3_K, 12}, {"q3_k_l", tensor.Q3_K, 13},
	{"q4_k_s", tensor.Q4_K, 14}, {"q4_k_m", tensor.Q4_K, 15}, {"q5_k_s", tensor.Q5_K, 16}, {"q5_k_m", tensor.Q5_K, 17},
	{"q6_k", tensor.Q6_K, 18}, {"iq4_nl", tensor.IQ4_NL, 25}, {"iq4_xs", tensor.IQ4_XS, 30}, {"mxfp4_moe", tensor.MXFP4, 38},
}

// findMix finds a mix by name, in either case. The K types' own names mean their medium mix.
func findMix(name string) (mix, error) {
	name = strings.ToLower(name)
	switch name {
	case "q3_k", "q4_k", "q5_k":
		name += "_m"
	}
	for _, m := range mixes {
		if m.name == name {
			return m, nil
		}
	}
	return mix{}, unsupported("the quantisation %q is", name)
}

// mixer applies a mix to a model.
type mixer struct {
	mix
	arch      string
	layers    int
	grouped   int  // query heads for each key and value head
	experts   int  // 0 or 1: the usual one
	tied      bool // the embedding is the output too
	important bool // there is an importance matrix
}

// dtype is the type for a tensor. Vectors, norms, routers and position tables stay F32.
func (m *mixer) dtype(name string, shape []int) (tensor.DType, error) {
	if !quantised(name, shape) {
		return tensor.F32, nil
	}
	if m.base.BlockSize() == 1 {
		return m.base, nil
	}
	layer, err := layerOf(name)
	if err != nil {
		return 0, err
	}
	cols := shape[len(shape)-1]
	return fallback(m.choose(name, layer, len(shape), cols), cols), nil
}

func quantised(name string, shape []int) bool {
	for _, kept := range []string{"_norm.weight", "ffn_gate_inp.weight", "position_embd.weight", "token_types.weight"} {
		if strings.HasSuffix(name, kept) {
			return false
		}
	}
	return len(shape) > 1 && strings.HasSuffix(name, "weight")
}

// layerOf is the number in blk.3.attn_q.weight; 0 for a tensor outside the layers.
func layerOf(name string) (int, error) {
	rest, ok := strings.CutPrefix(name, "blk.")
	if !ok {
		return 0, nil
	}
	number, _, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	if err != nil {
		return 0, fmt.Errorf("tensor %q: no layer: %w", name, err)
	}
	return layer, nil
}

// choose is the type that the mix wants. Its order matters.
func (m *mixer) choose(name string, layer, dims, cols int) tensor.DType {
	is := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case name == "output.weight", name == "token_embd.weight" && m.tied:
		return m.output(cols)
	case m.name == "mxfp4_moe" && dims < 3:
		return tensor.Q8_0
	case m.name == "mxfp4_moe", name == "token_embd.weight":
		return m.base
	case is("attn_v.weight"), is("attn_qkv.weight"), is("attn_kv_b.weight"):
		return m.value(layer)
	case is("attn_k.weight") && m.experts == 8:
		return tensor.Q8_0
	case is("ffn_down"):
		return m.down(layer)
	case is("attn_output.weight"):
		return m.attentionOutput()
	}
	return m.base
}

func (m *mixer) output(cols int) tensor.DType {
	if m.base == tensor.Q8_0 || m.base == tensor.MXFP4 || m.falcon() || cols%m.base.BlockSize() != 0 {
		return tensor.Q8_0
	}
	return tensor.Q6_K
}

// value is for what makes the values of attention, which are few when heads share them.
func (m *mixer) value(layer int) tensor.DType {
	d := m.base
	switch shared := m.grouped >= 4; {
	case m.name == "q2_k" && !shared:
		d = tensor.Q3_K
	case m.name == "q2_k", m.name == "q2_k_s" && shared:
		d = tensor.Q4_K
	case m.name == "q3_k_m" && layer >= 2:
		d = tensor.Q4_K
	case m.name == "q3_k_m", m.name == "q3_k_l", m.name == "q4_k_s" && layer < 4:
		d = tensor.Q5_K
	case (m.name == "iq4_nl" || m.name == "iq4_xs") && shared:
		d = tensor.Q5_K
	case m.medium() && m.favoured(layer):
		d = tensor.Q6_K
	}
	if m.seventyBillion() && (d == tensor.Q3_K || d == tensor.Q4_K) {
		d = tensor.Q5_K
	}
	if m.experts == 8 {
		d = tensor.Q8_0
	}
	return d
}

func (m *mixer) medium() bool { return m.name == "q4_k_m" || m.name == "q5_k_m" }

// favoured are the first and last eighth of the layers, and every third between.
func (m *mixer) favoured(layer int) bool {
	eighth := m.layers / 8
	return layer < eighth || layer >= 7*m.layers/8 || (layer-eighth)%3 == 2
}

// seventyBillion recognises the models of 70 billion parameters, whose 8 query heads share one of values.
func (m *mixer) seventyBillion() bool {
	return m.layers == 80 && (m.arch == "llama" && m.grouped > 1 || m.arch == "qwen2" || m.arch == "olmo")
}

func (m *mixer) falcon() bool { return m.arch == "falcon" }

func (m *mixer) down(layer int) tensor.DType {
	if m.falcon() {
		if d, ok := m.falconDown(layer); ok {
			return d
		}
	}
	early := layer < m.layers/8
	switch {
	case m.name == "q2_k":
		return tensor.Q3_K
	case m.name == "q2_k_s" && early:
		return tensor.Q4_K
	case m.name == "q3_k_m" && layer >= m.layers/16:
		return tensor.Q4_K
	case m.name == "q3_k_m", m.name == "q3_k_l", m.name == "q4_k_s" && early:
		return tensor.Q5_K
	case (m.name == "iq4_nl" || m.name == "iq4_xs") && early && !m.important:
		return tensor.Q5_K
	case m.medium() && m.favoured(layer):
		return tensor.Q6_K
	case m.name == "q4_0" && early && m.important:
		return tensor.Q4_1
	case m.name == "q5_0" && early && m.important:
		return tensor.Q5_1
	}
	return m.base
}

// falconDown is what the rules for Falcon's models have of their own.
func (m *mixer) falconDown(layer int) (tensor.DType, bool) {
	first, favoured := layer < m.layers/16, m.favoured(layer)
	switch m.name {
	case "q3_k_m":
		return either(first, tensor.Q5_K, either(favoured, tensor.Q4_K, tensor.Q3_K)), true
	case "q3_k_l":
		return tensor.Q4_K, true
	case "q4_k_s":
		return tensor.Q4_K, true
	case "q4_k_m":
		return either(first, tensor.Q6_K, either(favoured, tensor.Q5_K, tensor.Q4_K)), true
	}
	return 0, false
}

func either(yes bool, a, b tensor.DType) tensor.DType {
	if yes {
		return a
	}
	return b
}

func (m *mixer) attentionOutput() tensor.DType {
	if m.falcon() {
		return either(m.name == "q3_k_l", tensor.Q4_K, m.base)
	}
	if m.experts == 8 {
		switch m.name {
		case "q2_k", "q3_k_s", "q3_k_m", "q4_k_s", "q4_k_m", "iq4_nl", "iq4_xs":
			return tensor.Q5_K
		}
		return m.base
	}
	switch m.name {
	case "q2_k":
		return tensor.Q3_K
	case "q3_k_m":
		return tensor.Q4_K
	case "q3_k_l":
		return tensor.Q5_K
	}
	return m.base
}

// fallback is d, or what is left to rows that are not whole blocks of it.
func fallback(d tensor.DType, cols int) tensor.DType {
	if cols%d.BlockSize() == 0 {
		return d
	}
	switch d {
	case tensor.Q2_K, tensor.Q3_K:
		d = tensor.Q4_0
	case tensor.Q4_K:
		d = tensor.Q5_0
	case tensor.Q5_K:
		d = tensor.Q5_1
	case tensor.Q6_K:
		d = tensor.Q8_0
	case tensor.IQ4_XS:
		d = tensor.IQ4_NL
	}
	if cols%d.BlockSize() != 0 {
		return tensor.F16
	}
	return d
}
