package server

import (
	"math/rand/v2"

	"weft"
	"weft/chat"
)

// What a request may ask for at most.
const (
	maxTop  = 20   // alternatives at each place, as OpenAI has it
	maxStop = 16   // stop texts
	maxText = 1024 // bytes of each
)

// plainTokens is how long an answer is, unless the request says, if the model has no
// chat template: nothing ends its turn.
const plainTokens = 128

// options are how the answer is to be generated: the model's own with the request's
// changes.
func (req *chatRequest) options(m *weft.Model) (weft.Options, *apiError) {
	o := weft.Options{Stop: req.Stop, LogProbs: req.LogProbs, Top: req.TopLogProbs}
	s := m.Sampling
	set(&s.Temp, req.Temperature)
	set(&s.TopP, req.TopP)
	set(&s.TopK, req.TopK)
	set(&s.MinP, req.MinP)
	set(&s.RepeatPenalty, req.RepeatPenalty)
	set(&s.PresencePenalty, req.PresencePenalty)
	set(&s.FrequencyPenalty, req.FrequencyPenalty)
	s.Seed = uint64(rand.Uint32())
	if req.Seed != nil {
		s.Seed = uint64(*req.Seed)
	}
	if err := req.checkSampling(); err != nil {
		return o, err
	}
	if err := s.Validate(); err != nil {
		return o, invalid("", "", "%s", err)
	}
	o.Sampling = &s
	if m.Template == chat.Plain {
		o.MaxTokens = plainTokens
	}
	set(&o.MaxTokens, req.MaxTokens)
	set(&o.MaxTokens, req.MaxCompletionTokens)
	return o, req.checkCounts()
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// checkSampling refuses what sample.Options would understand otherwise.
func (req *chatRequest) checkSampling() *apiError {
	for _, f := range []struct {
		name   string
		value  *float32
		lo, hi float32
	}{
		{"temperature", req.Temperature, 0, 2},
		{"top_p", req.TopP, 0, 1},
		{"min_p", req.MinP, 0, 1},
		{"presence_penalty", req.PresencePenalty, -2, 2},
		{"frequency_penalty", req.FrequencyPenalty, -2, 2},
	} {
		if f.value != nil && !(*f.value >= f.lo && *f.value <= f.hi) {
			return invalid(f.name, "", "%s is %g, must be between %g and %g", f.name, *f.value, f.lo, f.hi)
		}
	}
	if req.TopP != nil && *req.TopP == 0 {
		return invalid("top_p", "", "top_p is 0, which leaves no token; 1 is off, temperature 0 always takes the most likely")
	}
	return nil
}

func (req *chatRequest) checkCounts() *apiError {
	for _, p := range []struct {
		name string
		n    *int
	}{{"max_tokens", req.MaxTokens}, {"max_completion_tokens", req.MaxCompletionTokens}} {
		if p.n != nil && *p.n < 1 {
			return invalid(p.name, "", "%s is %d, must be 1 or more", p.name, *p.n)
		}
	}
	switch {
	case req.TopLogProbs < 0 || req.TopLogProbs > maxTop:
		return invalid("top_logprobs", "", "top_logprobs is %d, must be between 0 and %d", req.TopLogProbs, maxTop)
	case req.TopLogProbs > 0 && !req.LogProbs:
		return invalid("top_logprobs", "", "top_logprobs goes with logprobs: true")
	case req.StreamOptions != nil && !req.Stream:
		return invalid("stream_options", "", "stream_options goes with stream: true")
	case len(req.Stop) > maxStop:
		return invalid("stop", "", "%d stop texts, at most %d", len(req.Stop), maxStop)
	}
	for _, text := range req.Stop {
		if text == "" || len(text) > maxText {
			return invalid("stop", "", "a stop text has %d bytes, must have between 1 and %d", len(text), maxText)
		}
	}
	return nil
}
