package generate

import "fmt"

// memory is an engine and the tokens that it holds.
type memory struct {
	engine Engine
	held   []int32
}

// keep forgets what the engine holds beyond the text's beginning and returns how
// many tokens stay: never all, since the last one's logits come next. Where the
// engine cannot return to, none stay, and parted is how many are the text's.
func (m *memory) keep(text []int32) (n, parted int, err error) {
	if m.engine.Len() == len(m.held) { // else somebody else used it
		n = shared(m.held, text)
	}
	if err = m.engine.Truncate(n); err != nil && n > 0 {
		n, parted, err = 0, n, m.engine.Truncate(0)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("reuse %d tokens: %w", n, err)
	}
	m.held = m.held[:n]
	return n, parted, nil
}

// shared is how many tokens of a text need not run when these are held.
func shared(held, text []int32) (n int) {
	for n < min(len(held), len(text)-1) && held[n] == text[n] {
		n++
	}
	return n
}

// append runs tokens and records those that the engine then holds.
func (m *memory) append(tokens []int32) ([]float32, error) {
	return m.record(tokens, m.engine.Append)
}

// appendAll is append with the logits after every token.
func (m *memory) appendAll(tokens []int32) ([]float32, error) {
	return m.record(tokens, m.engine.AppendAll)
}

func (m *memory) record(tokens []int32, run func([]int32) ([]float32, error)) ([]float32, error) {
	logits, err := run(tokens)
	if err == nil {
		m.held = append(m.held, tokens...)
	}
	return logits, err
}

// truncate forgets all tokens from n on.
func (m *memory) truncate(n int) error {
	if n == len(m.held) {
		return nil
	}
	if err := m.engine.Truncate(n); err != nil {
		return fmt.Errorf("take back tokens: %w", err)
	}
	m.held = m.held[:n]
	return nil
}
