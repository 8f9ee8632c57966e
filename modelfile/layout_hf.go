package modelfile

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"weft/model"
)

// hfNames translate the parameters' names to those in Hugging Face's files. Blocks' names follow a prefix and number.
type hfNames struct {
	prefix string            // before all but the head: the name of the part without head, which may be saved alone
	block  string            // before a block's number
	top    map[string]string // of what stands outside blocks
	parts  map[string]string // of a block's parts; %d is an expert's number; a key with a suffix is a whole name
}

// with is the names with some changed.
func (n hfNames) with(parts map[string]string) hfNames {
	all := maps.Clone(n.parts)
	maps.Copy(all, parts)
	n.parts = all
	return n
}

// name translates one name, such as blk.3.attn_q.weight. part is the middle of it, such as attn_q.
func (n hfNames) name(param string) (name, part string) {
	dot := strings.LastIndexByte(param, '.')
	stem, suffix := param[:dot], param[dot:]
	rest, inBlock := strings.CutPrefix(stem, "blk.")
	if !inBlock {
		if stem == "output" {
			return n.top[stem] + suffix, stem
		}
		return n.prefix + n.top[stem] + suffix, stem
	}
	number, part, _ := strings.Cut(rest, ".")
	part, expert, _ := strings.Cut(part, ".")
	theirs, whole := n.parts[part+suffix]
	if !whole {
		theirs = n.parts[part] + suffix
	}
	return n.prefix + n.block + number + "." + strings.Replace(theirs, "%d", expert, 1), part
}

// bare are the names in a file that holds the part without head alone, as some old ones do.
func (n hfNames) bare(src model.WeightSource) hfNames {
	if _, err := src.Tensor(n.top["token_embd"] + ".weight"); err == nil {
		n.prefix = ""
	}
	return n
}

// hfLayout is the layout of c's architecture in a safetensors file. src may be nil.
func hfLayout(c model.Config, src model.WeightSource) (layout, error) {
	a, err := byName(c.Arch)
	if err != nil {
		return layout{}, err
	}
	n := a.names
	if src != nil {
		n = n.bare(src)
	}
	l := layout{ignored: ignoredHF(c), copies: map[string]string{}}
	params := c.Params()
	if a.zeros != nil {
		params = a.zeros(c).Params()
	}
	for _, p := range params {
		name, part := n.name(p.Name)
		s := slotOf(name, p)
		if a.arrange != nil {
			s = a.arrange(c, p, part, s)
		}
		if packed, ok := src.(*packedSource); ok && packed.has(name) {
			s = s.untangled()
		}
		l.slots = append(l.slots, s)
	}
	if c.TiedHead {
		head, _ := n.name("output.weight")
		l.copies[head], _ = n.name("token_embd.weight")
	}
	l.gather(c)
	return l, nil
}

// ignoredHF names tensors that follow from the config: masks, and the rotations' frequencies, which old versions
// stored; and blocks behind the last, which predict further tokens in training (DeepSeek-V3).
func ignoredHF(c model.Config) func(string) bool {
	beyond := fmt.Sprintf("model.layers.%d.", c.Layers)
	return func(name string) bool {
		return strings.HasSuffix(name, ".rotary_emb.inv_freq") || strings.HasSuffix(name, ".attn.bias") ||
			strings.HasSuffix(name, ".attn.masked_bias") || strings.HasSuffix(name, ".attention.bias") ||
			strings.HasSuffix(name, ".attention.masked_bias") || c.Arch == "deepseek3" && strings.HasPrefix(name, beyond)
	}
}

// gather brings the parts of a tensor together and takes the parameter from slots that c has none for.
func (l *layout) gather(c model.Config) {
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

// expertOf is the number of the expert that a parameter belongs to.
func expertOf(param string) int {
	fields := strings.Split(param, ".")
	n, err := strconv.Atoi(fields[len(fields)-2])
	if err != nil {
		return 0
	}
	return n
}

// inOrder is a part of the tensor that holds queries, keys and values one after the other.
func inOrder(c model.Config, part string, s slot) slot {
	all := c.QDim() + c.KVDim() + c.VDim()
	switch part {
	case "attn_q":
		return s.part(0, all)
	case "attn_k":
		return s.part(c.QDim(), all)
	}
	return s.part(c.QDim()+c.KVDim(), all)
}

// inGroups is a part of the tensor that holds, for each key/value head, its queries' heads, the key and the value.
func inGroups(c model.Config, part string, s slot) slot {
	per, d := c.Heads/c.KVHeads, c.HeadDim
	from, n := 0, per
	switch part {
	case "attn_k":
		from, n = per, 1
	case "attn_v":
		from, n = per+1, 1
	}
	var rows []int32
	for group := range c.KVHeads {
		first := (group*(per+2) + from) * d
		for i := range n * d {
			rows = append(rows, int32(first+i))
		}
	}
	return s.gather(rows, (per+2)*c.KVHeads*d)
}

func isQKV(part string) bool { return part == "attn_q" || part == "attn_k" || part == "attn_v" }

// halves is the order of rows that brings a head's turning pairs from neighbours to halves: the turning ones, which
// stand from first on in each head of width d, come first.
func halves(heads, d, first, turning int) []int32 {
	rows := make([]int32, 0, heads*d)
	for h := range heads {
		at := func(i int) { rows = append(rows, int32(h*d+i)) }
		for i := 0; i < turning; i += 2 {
			at(first + i)
		}
		for i := 1; i < turning; i += 2 {
			at(first + i)
		}
		for i := range d {
			if i < first || i >= first+turning {
				at(i)
			}
		}
	}
	return rows
}

func arrangePhi3(c model.Config, _ model.Param, part string, s slot) slot {
	switch part {
	case "attn_q", "attn_k", "attn_v":
		return inOrder(c, part, s)
	case "ffn_gate":
		return s.part(0, 2*c.Hidden)
	case "ffn_up":
		return s.part(c.Hidden, 2*c.Hidden)
	}
	return s
}

func arrangeGrouped(c model.Config, _ model.Param, part string, s slot) slot {
	if isQKV(part) {
		return inGroups(c, part, s)
	}
	return s
}

func arrangeGemma(_ model.Config, p model.Param, _ string, s slot) slot {
	s.plusOne = p.Kind == model.Gain
	return s
}

// arrangeGPT2: matrices are in × out; queries, keys and values are one.
func arrangeGPT2(c model.Config, p model.Param, part string, s slot) slot {
	index, width := 0, p.Rows
	if isQKV(part) {
		index, width = map[string]int{"attn_q": 0, "attn_k": 1, "attn_v": 2}[part], 3*c.Dim
	}
	switch {
	case p.Kind == model.Matrix:
		return s.turned(columns{first: index * c.Dim, step: 1}, p.Cols, width)
	case p.Kind == model.Bias && isQKV(part):
		return s.part(index*c.Dim, 3*c.Dim)
	}
	return s
}

// arrangeGPTOSS: experts are stacked, in × out, gate and up alternating.
func arrangeGPTOSS(c model.Config, p model.Param, part string, s slot) slot {
	e, bias := c.Experts, p.Kind == model.Bias
	expert := expertOf(p.Name)
	second := 0
	switch part {
	case "ffn_up_exps":
		second = 1
		fallthrough
	case "ffn_gate_exps":
		if bias { // each number is a column of a tensor with one row per expert
			s.rows, s.cols = e.Hidden, 1
			return s.turned(columns{matrix: expert, first: second, step: 2}, e.Count, 2*e.Hidden)
		}
		return s.turned(columns{matrix: expert, first: second, step: 2}, e.Count, c.Dim, 2*e.Hidden)
	case "ffn_down_exps":
		if bias {
			return s.stacked(expert, e.Count)
		}
		return s.turned(columns{matrix: expert, step: 1}, e.Count, e.Hidden, c.Dim)
	}
	return s
}

// arrangeDeepSeek: the turning part of a head comes last, in pairs of neighbours; what keys and values are made of
// is one matrix.
func arrangeDeepSeek(c model.Config, _ model.Param, part string, s slot) slot {
	l := c.Latent
	still, each := c.HeadDim-l.Rope, c.HeadDim-l.Rope+c.VHead()
	switch part {
	case "attn_q", "attn_q_b":
		return s.gather(halves(c.Heads, c.HeadDim, still, l.Rope), c.QDim())
	case "attn_kv_a_mqa":
		rows := halves(1, l.KV+l.Rope, l.KV, l.Rope)
		return s.gather(append(rows[l.Rope:], rows[:l.Rope]...), l.KV+l.Rope)
	case "attn_k_b":
		return s.gather(pick(c.Heads, each, 0, still), c.Heads*each)
	case "attn_v_b":
		return s.gather(pick(c.Heads, each, still, c.VHead()), c.Heads*each)
	}
	return s
}

// pick is n rows from first on of every head's d.
func pick(heads, d, first, n int) []int32 {
	var rows []int32
	for h := range heads {
		for i := range n {
			rows = append(rows, int32(h*d+first+i))
		}
	}
	return rows
}

// arrangeFalcon: queries, keys and values are one; where each part has a norm of its own, they have other names.
func arrangeFalcon(c model.Config, p model.Param, part string, s slot) slot {
	if c.Flow == model.ParallelEach {
		s.file = strings.NewReplacer("input_layernorm", "ln_attn", "post_attention_layernorm", "ln_mlp").Replace(s.file)
	}
	return arrangeGrouped(c, p, part, s)
}
