package modelfile

import (
	"encoding/json"
	"fmt"
)

// Generation is how a model's makers recommend to sample from it. Nil means that they say nothing.
type Generation struct {
	Temperature   *float32
	TopP          *float32
	MinP          *float32
	TopK          *int
	RepeatPenalty *float32
	EOS           []int32 // tokens that end a text
}

// hfGeneration is generation_config.json. bos_token_id and others that only transformers' own loop needs are written
// for it and not read.
type hfGeneration struct {
	Temperature   *float32 `json:"temperature,omitempty"`
	TopP          *float32 `json:"top_p,omitempty"`
	MinP          *float32 `json:"min_p,omitempty"`
	TopK          *int     `json:"top_k,omitempty"`
	RepeatPenalty *float32 `json:"repetition_penalty,omitempty"`
	Sample        *bool    `json:"do_sample,omitempty"`
	BOS           *int32   `json:"bos_token_id,omitempty"`
	EOS           tokenIDs `json:"eos_token_id,omitempty"`
}

func parseGeneration(text []byte) (Generation, error) {
	var h hfGeneration
	if err := json.Unmarshal(text, &h); err != nil {
		return Generation{}, err
	}
	g := Generation{Temperature: h.Temperature, TopP: h.TopP, MinP: h.MinP, TopK: h.TopK, RepeatPenalty: h.RepeatPenalty,
		EOS: h.EOS}
	if h.Sample != nil && !*h.Sample { // greedy; the other settings are then without effect
		g = Generation{Temperature: new(float32), EOS: h.EOS}
	}
	return g, g.check()
}

// check refuses numbers that no sampler can follow.
func (g Generation) check() error {
	switch {
	case g.Temperature != nil && !(*g.Temperature >= 0 && *g.Temperature <= 100):
		return fmt.Errorf("temperature %g", *g.Temperature)
	case g.TopP != nil && !(*g.TopP >= 0 && *g.TopP <= 1):
		return fmt.Errorf("top_p %g", *g.TopP)
	case g.MinP != nil && !(*g.MinP >= 0 && *g.MinP <= 1):
		return fmt.Errorf("min_p %g", *g.MinP)
	case g.TopK != nil && *g.TopK < 0:
		return fmt.Errorf("top_k %d", *g.TopK)
	case g.RepeatPenalty != nil && !(*g.RepeatPenalty > 0 && *g.RepeatPenalty <= 100):
		return fmt.Errorf("repetition_penalty %g", *g.RepeatPenalty)
	}
	return nil
}

func makeGeneration(g Generation, bos *int32, eos tokenIDs) hfGeneration {
	h := hfGeneration{Temperature: g.Temperature, TopP: g.TopP, MinP: g.MinP, TopK: g.TopK, RepeatPenalty: g.RepeatPenalty,
		BOS: bos, EOS: eos}
	if g.Temperature != nil {
		sample := *g.Temperature > 0
		h.Sample = &sample
		if !sample {
			h.Temperature = nil // transformers refuses 0
		}
	}
	return h
}
