package train

import (
	"weft/sample"
)

// sampleTokens is how long the texts are that are sampled while training.
const sampleTokens = 96

// sampleText lets the model write a document from its beginning. It uses the
// step's own random numbers, so that watching a run does not change it.
func (t *trainer) sampleText(d *dataset, seed uint64, step int) (string, error) {
	o := sample.Default()
	o.Seed = draw(seed, forSample, uint64(step))
	sampler, err := sample.New(o)
	if err != nil {
		return "", err
	}
	s := t.model.NewSession(0)
	tokens := []int32{d.document}
	for len(tokens) < min(sampleTokens, s.Context()) {
		logits, err := s.Append(tokens[s.Len():])
		if err != nil {
			return "", err
		}
		next, err := sampler.Next(logits, tokens)
		if err != nil {
			return "", err
		}
		if next == d.document {
			break
		}
		tokens = append(tokens, next)
	}
	return string(d.tokenizer.Decode(tokens[1:])), nil
}
