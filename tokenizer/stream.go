package tokenizer

import "unicode/utf8"

// Stream decodes tokens as they come. What it gives is always whole UTF-8
// characters: the first bytes of one wait for the rest.
type Stream struct {
	t       *Tokenizer
	pending []byte
}

// Stream begins a decoding.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t} }

// Push adds a token and returns the characters that are now complete. Bytes
// that can no longer become a character come as U+FFFD.
func (s *Stream) Push(id int32) string {
	s.pending = append(s.pending, s.t.Piece(id)...)
	var out []byte
	for len(s.pending) > 0 && utf8.FullRune(s.pending) {
		r, n := utf8.DecodeRune(s.pending)
		out = utf8.AppendRune(out, r)
		s.pending = s.pending[n:]
	}
	return string(out)
}

// Flush ends the decoding: what still waits becomes U+FFFD.
func (s *Stream) Flush() string {
	if len(s.pending) == 0 {
		return ""
	}
	s.pending = nil
	return string(utf8.RuneError)
}
