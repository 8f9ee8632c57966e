package modelfile

import (
	"fmt"
	"math"

	"weft/model"
)

// rope is how positions turn: of newer files rope_parameters, of older ones
// rope_theta, rope_scaling and a share that turns, under several names.
func (h *hf) rope(headDim int) model.Rope {
	if h.has("rope_parameters") {
		return h.ropeFrom(h.inside("rope_parameters"), headDim)
	}
	return h.ropeFrom(h.inside("rope_scaling"), headDim)
}

// ropeFrom reads p, an object of h. What p does not say of itself h may.
func (h *hf) ropeFrom(p *hf, headDim int) model.Rope {
	theta := p.float("rope_theta", h.float("rope_theta", h.float("rotary_emb_base", 10000)))
	share := p.float("partial_rotary_factor", h.float("partial_rotary_factor", h.float("rotary_pct", 1)))
	r := model.Rope{Theta: theta}
	if share != 1 {
		if r.Dims = int(float64(headDim) * share); r.Dims < 2 {
			h.fail(fmt.Errorf("of a head of %d numbers, the share %g turns", headDim, share))
		}
	}
	kind := p.text("rope_type", p.text("type", "default"))
	if kind == "yarn" && p.has("short_factor") { // as Phi-3's first files call it
		kind = "longrope"
	}
	switch kind {
	case "default":
	case "dynamic": // changes nothing within the context that the config claims
	case "linear":
		r.Scaling = model.Scaling{Kind: model.ScaleLinear, Factor: p.float("factor", 1)}
	case "llama3":
		r.Scaling = model.Scaling{Kind: model.ScaleLlama3, Factor: p.float("factor", 8), Low: p.float("low_freq_factor", 1),
			High: p.float("high_freq_factor", 4), Original: p.int("original_max_position_embeddings", 8192)}
	case "yarn":
		r.Scaling = h.yarn(p)
	case "longrope", "su":
		r.Scaling = h.longRope(p)
	default:
		h.fail(unsupported("the rope type %q is", kind))
	}
	if p.err != nil {
		h.fail(p.err)
	}
	return r
}

func (h *hf) context() int { return h.int("max_position_embeddings", 2048) }

func (h *hf) yarn(p *hf) model.Scaling {
	original := p.int("original_max_position_embeddings", h.context())
	s := model.Scaling{Kind: model.ScaleYaRN, Original: original, Factor: p.float("factor", float64(h.context())/float64(max(1, original))),
		Fast: p.float("beta_fast", 32), Slow: p.float("beta_slow", 1), Plain: !p.bool("truncate", true)}
	scale, all := p.float("mscale", 0), p.float("mscale_all_dim", 0)
	switch {
	case p.has("attention_factor"):
		s.Amplitude = p.float("attention_factor", 1)
	case scale != 0 && all != 0:
		s.Amplitude = yarnScale(s.Factor, scale) / yarnScale(s.Factor, all)
	default:
		s.Amplitude = yarnScale(s.Factor, 1)
	}
	return s
}

// yarnScale is how much YaRN sharpens attention (arXiv 2309.00071, section 3.4).
func yarnScale(factor, scale float64) float64 {
	if factor <= 1 {
		return 1
	}
	return 0.1*scale*math.Log(factor) + 1
}

func (h *hf) longRope(p *hf) model.Scaling {
	original := h.int("original_max_position_embeddings", p.int("original_max_position_embeddings", 0))
	if original < 1 {
		h.fail(fmt.Errorf("longrope without original_max_position_embeddings"))
		return model.Scaling{}
	}
	s := model.Scaling{Kind: model.ScaleDivided, Original: original,
		Divisors: value[[]float64](p, "short_factor", nil), Long: value[[]float64](p, "long_factor", nil)}
	factor := float64(h.context()) / float64(original)
	if p.has("factor") {
		factor = p.float("factor", 1)
	}
	switch {
	case p.has("attention_factor"):
		s.Amplitude = p.float("attention_factor", 1)
	case factor > 1:
		s.Amplitude = math.Sqrt(1 + math.Log(factor)/math.Log(float64(original)))
	}
	return s
}
