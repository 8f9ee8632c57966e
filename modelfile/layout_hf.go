package modelfile

import (
	"strings"

	"weft/model"
)

// hfNames translate the parameters' names to those in Hugging Face's files. Blocks' names follow a prefix and number.
type hfNames struct {
	prefix string // before all but the head: the name of the part without head, which may be saved alone
	block  string // before a block's number
	top    map[string]string
	parts  map[string]string
}

var hfLlama = hfNames{
	prefix: "model.", block: "layers.",
	top: map[string]string{"token_embd": "embed_tokens", "output_norm": "norm", "output": "lm_head"},
	parts: map[string]string{
		"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
		"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
		"attn_output": "self_attn.o_proj",
		"ffn_gate":    "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
	},
}

var hfGPT2 = hfNames{
	prefix: "transformer.", block: "h.",
	top: map[string]string{"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f", "output": "lm_head"},
	parts: map[string]string{
		"attn_norm": "ln_1", "ffn_norm": "ln_2",
		"attn_q": "attn.c_attn", "attn_k": "attn.c_attn", "attn_v": "attn.c_attn", "attn_output": "attn.c_proj",
		"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
	},
}

// name translates one name, such as blk.3.attn_q.weight. part is the middle of it, such as attn_q.
func (n hfNames) name(param string) (name, part string) {
	dot := strings.LastIndexByte(param, '.')
	stem, suffix := param[:dot], param[dot:]
	if rest, ok := strings.CutPrefix(stem, "blk."); ok {
		number, part, _ := strings.Cut(rest, ".")
		return n.prefix + n.block + number + "." + n.parts[part] + suffix, part
	}
	if stem == "output" {
		return n.top[stem] + suffix, stem
	}
	return n.prefix + n.top[stem] + suffix, stem
}

// bare are the names in a file that holds the part without head alone, as some old ones do.
func (n hfNames) bare(src model.WeightSource) hfNames {
	if _, err := src.Tensor(n.top["token_embd"] + ".weight"); err == nil {
		n.prefix = ""
	}
	return n
}

// llamaLayout is that of transformers' LlamaForCausalLM.
func llamaLayout(c model.Config, n hfNames) layout {
	l := layout{
		// Old versions stored the rotation's frequencies, which follow from the config.
		ignored: func(name string) bool { return strings.HasSuffix(name, ".rotary_emb.inv_freq") },
		copies:  map[string]string{},
	}
	for _, p := range c.Params() {
		name, _ := n.name(p.Name)
		l.slots = append(l.slots, slotOf(name, p))
	}
	if c.TiedHead {
		l.copies["lm_head.weight"], _ = n.name("token_embd.weight")
	}
	return l
}

// gpt2Layout is that of transformers' GPT2LMHeadModel: matrices as in × out; queries, keys and values in one; and
// biases everywhere, which are zeros for a model that has none.
func gpt2Layout(c model.Config, n hfNames) layout {
	l := layout{
		ignored: func(name string) bool { // the causal mask, as a tensor
			return strings.HasSuffix(name, ".attn.bias") || strings.HasSuffix(name, ".attn.masked_bias")
		},
		copies: map[string]string{},
	}
	for _, p := range withBiases(c) {
		name, part := n.name(p.Name)
		s := slotOf(name, p)
		s.transposed = p.Kind == model.Matrix
		if i, ok := fused[part]; ok {
			s.part, s.parts = i, len(fused)
		}
		l.slots = append(l.slots, s)
	}
	if c.TiedHead {
		l.copies["lm_head.weight"], _ = n.name("token_embd.weight")
	}
	l.finish(c)
	return l
}

// fused is the order of queries, keys and values in the tensor that holds all three.
var fused = map[string]int{"attn_q": 0, "attn_k": 1, "attn_v": 2}

// withBiases lists the parameters of c and of the biases that it lacks.
func withBiases(c model.Config) []model.Param {
	c.NormBias, c.AttnBias, c.MLPBias = true, true, true
	return c.Params()
}

// finish brings the parts of a tensor together and takes the parameter from slots that c has none for.
func (l *layout) finish(c model.Config) {
	has := map[string]bool{}
	for _, p := range c.Params() {
		has[p.Name] = true
	}
	var order []string
	groups := map[string][]slot{}
	for _, s := range l.slots {
		if !has[s.param] {
			s.param = ""
		}
		if groups[s.file] == nil {
			order = append(order, s.file)
		}
		groups[s.file] = append(groups[s.file], s)
	}
	l.slots = l.slots[:0]
	for _, file := range order {
		l.slots = append(l.slots, groups[file]...)
	}
}

// hfLayout is the layout of c's architecture in a safetensors file.
func hfLayout(c model.Config, src model.WeightSource) (layout, error) {
	names := func(n hfNames) hfNames {
		if src != nil {
			n = n.bare(src)
		}
		return n
	}
	switch c.Arch {
	case "llama":
		return llamaLayout(c, names(hfLlama)), nil
	case "gpt2":
		return gpt2Layout(c, names(hfGPT2)), nil
	}
	return layout{}, unsupported("the architecture %q is", c.Arch)
}
