package modelfile

import (
	"strings"

	"weft/model"
)

// ggufLayout is the layout of c's architecture in a GGUF file, whose names are ours.
func ggufLayout(c model.Config) (layout, error) {
	var l layout
	switch c.Arch {
	case "llama": // queries and keys are in the order of interleaved rotation
		for _, p := range c.Params() {
			s := slotOf(p.Name, p)
			switch {
			case strings.Contains(p.Name, ".attn_q."):
				s.heads = c.Heads
			case strings.Contains(p.Name, ".attn_k."):
				s.heads = c.KVHeads
			}
			l.slots = append(l.slots, s)
		}
		return l, nil
	case "gpt2": // queries, keys and values are one tensor, and there are biases everywhere
		for _, p := range withBiases(c) {
			s := slotOf(p.Name, p)
			for part, i := range fused {
				if strings.Contains(p.Name, "."+part+".") {
					s.file = strings.Replace(p.Name, part, "attn_qkv", 1)
					s.part, s.parts = i, len(fused)
				}
			}
			l.slots = append(l.slots, s)
		}
		l.finish(c)
		return l, nil
	}
	return layout{}, unsupported("the architecture %q is", c.Arch)
}
