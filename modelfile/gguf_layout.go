package modelfile

import (
	"strings"

	"weft/gguf"
	"weft/model"
)

// ggufLayout is the layout of c's architecture in a GGUF file, whose names are ours. f is the file to be read, nil for
// one to be written.
func ggufLayout(c model.Config, f *gguf.File) (layout, error) {
	a, err := byName(c.Arch)
	if err != nil {
		return layout{}, err
	}
	g := ggufShape{c: c, arch: a.gguf, fused: a.gguf.fused}
	if f != nil {
		_, err := f.Tensor("blk.0.attn_qkv.weight")
		g.fused = err == nil
		if g.fused && g.arch.interleaved {
			return layout{}, unsupported("queries and keys of a %s model in one tensor are", a.gguf.name)
		}
		_, err = f.Tensor("blk.0.attn_kv_b.weight")
		g.whole = err == nil
	}
	l := layout{ignored: func(name string) bool {
		return strings.HasPrefix(name, "rope_f") // settings in the shape of tensors
	}}
	params := c.Params()
	if a.zeros != nil {
		params = a.zeros(c).Params()
	}
	for _, p := range params {
		l.slots = append(l.slots, g.slot(p))
	}
	l.gather(c)
	return l, nil
}

// ggufShape is what decides where a GGUF file keeps parameters.
type ggufShape struct {
	c     model.Config
	arch  ggufArch
	fused bool // queries, keys and values are one tensor
	whole bool // what latent keys and values are made of is one tensor
}

func (g ggufShape) slot(p model.Param) slot {
	c, s := g.c, slotOf(p.Name, p)
	stem, part := p.Name, ""
	if fields := strings.Split(p.Name, "."); fields[0] == "blk" {
		part = fields[2]
		stem = strings.Join(fields[:2], ".") + "."
	}
	suffix := p.Name[strings.LastIndexByte(p.Name, '.'):]
	switch {
	case isQKV(part) && c.Latent.KV == 0 && g.fused:
		s.file = stem + "attn_qkv" + suffix
		return inOrder(c, part, s)
	case part == "attn_q" && g.arch.interleaved:
		return s.gather(halves(c.Heads, c.HeadDim, 0, c.HeadDim), c.QDim())
	case part == "attn_k" && g.arch.interleaved:
		return s.gather(halves(c.KVHeads, c.HeadDim, 0, c.HeadDim), c.KVDim())
	case strings.HasSuffix(part, "_exps"):
		s.file = stem + part + suffix
		return s.stacked(expertOf(p.Name), c.Experts.Count)
	case part == "ffn_gate_inp_shexp":
		s.shape = []int{c.Dim}
		return s
	case c.Latent.KV > 0:
		return g.latent(part, stem, s)
	case g.arch.name == "phi3":
		switch part {
		case "ffn_gate":
			s.file = stem + "ffn_up" + suffix
			return s.part(0, 2*c.Hidden)
		case "ffn_up":
			return s.part(c.Hidden, 2*c.Hidden)
		}
	case g.arch.name == "falcon" && c.Flow == model.ParallelEach:
		switch part {
		case "attn_norm":
			s.file = stem + "attn_norm_2" + suffix
		case "ffn_norm":
			s.file = stem + "attn_norm" + suffix
		}
	case g.arch.name == "gpt-oss" && part == "ffn_norm":
		s.file = stem + "post_attention_norm" + suffix
	}
	return s
}

// latent is where latent attention is kept; heads' turning parts come last, in pairs of neighbours.
func (g ggufShape) latent(part, stem string, s slot) slot {
	c, l := g.c, g.c.Latent
	still := c.HeadDim - l.Rope
	switch {
	case g.whole && (part == "attn_k_b" || part == "attn_v_b"):
		s.file = stem + "attn_kv_b.weight"
		return arrangeDeepSeek(c, model.Param{}, part, s)
	case part == "attn_k_b": // each head's is turned
		return s.turned(columns{step: 1, per: still}, c.Heads, l.KV, still)
	case part == "attn_v_b":
		s.shape = []int{c.Heads, c.VHead(), l.KV}
		return s
	}
	return arrangeDeepSeek(c, model.Param{}, part, s)
}
