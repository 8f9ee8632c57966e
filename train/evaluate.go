package train

import "context"

// evalTokens is how much of a long validation split the evaluations during a
// run read: always the same first windows. The last evaluation reads all.
const evalTokens = 1 << 17

// evaluate scores data in windows of seq tokens side by side, each with no
// context but its own beginning; limit > 0 stops after about that many tokens.
// The sum runs over tokens in order, whatever the number of windows at once.
func (t *trainer) evaluate(ctx context.Context, data tokenReader, limit int) (score, error) {
	w := windows{tokens: data, seq: t.seq}
	count := (data.Len() - 1 + t.seq - 1) / t.seq
	if limit > 0 {
		count = min(count, max(1, limit/t.seq))
	}
	var s score
	for first := 0; first < count; first += t.micro {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		n := min(t.micro, count-first) * t.seq
		tokens, targets := t.tokens[:n], t.targets[:n]
		w.fillInOrder(tokens, targets, first)
		if _, err := t.model.Loss(t.acts, tokens, targets, t.perToken[:n]); err != nil {
			return s, err
		}
		for i, id := range targets {
			if id >= 0 {
				s.nats += t.perToken[i]
				s.tokens++
			}
		}
		s.bytes += t.countBytes(targets)
	}
	return s, nil
}
