package tokenizer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder says what bytes a token stands for. All decoders of tokenizer.json
// that are in use can be written so: token by token, and a space less at the
// beginning of the text.
type decoder struct {
	byteLevel bool
	replace   [][2]string
	bytes     bool   // <0x41> is the byte 0x41
	joiner    string // WordPiece: tokens that begin so go on with a word, others follow a space
	cleanUp   bool   // and English punctuation follows none
	strip     int    // spaces that the beginning of a text loses
}

// cleanUps are what transformers calls clean_up_tokenization, in its order.
var cleanUps = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't", " 'm", "'m",
	" do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re")

func (d *decoder) piece(text string) []byte {
	if d.byteLevel {
		if b, ok := unprintable(text); ok {
			return b
		}
		return []byte(text)
	}
	if d.joiner != "" {
		rest, inner := strings.CutPrefix(text, d.joiner)
		if !inner {
			rest = " " + text
		}
		if d.cleanUp {
			rest = cleanUps.Replace(rest)
		}
		return []byte(rest)
	}
	if b, ok := byteToken(text); ok && d.bytes {
		return []byte{b}
	}
	for _, r := range d.replace {
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	return []byte(text)
}

// byteToken is the byte of a token such as <0x41>.
func byteToken(text string) (byte, bool) {
	if len(text) != 6 || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(text[3:5], 16, 8)
	return byte(b), err == nil
}

// parseDecoder reads a decoder of tokenizer.json.
func parseDecoder(raw json.RawMessage) (d decoder, err error) {
	return d, d.parse(raw, false)
}

func (d *decoder) parse(raw json.RawMessage, fused bool) error {
	if isNull(raw) {
		return unsupported("no decoder")
	}
	p, err := parsePart(raw)
	if err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	switch p.Type {
	case "ByteLevel":
		d.byteLevel = true
	case "Sequence":
		for i, inner := range p.Decoders {
			if kindOf(inner) == "Sequence" {
				return unsupported("decoder Sequence in a Sequence")
			}
			if err := d.parse(inner, i > 0 && kindOf(p.Decoders[i-1]) == "Fuse"); err != nil {
				return err
			}
		}
	case "Replace":
		if p.Pattern.String == nil {
			return unsupported("decoder Replace of a regular expression")
		}
		d.replace = append(d.replace, [2]string{*p.Pattern.String, p.Content})
	case "ByteFallback":
		d.bytes = true
	case "Fuse":
	case "Strip":
		if !fused || p.Content != " " || p.Stop != 0 || p.Start < 0 {
			return unsupported("decoder Strip of %q here", p.Content)
		}
		d.strip = p.Start
	case "Metaspace":
		m := p.metaspace()
		d.replace = append(d.replace, [2]string{m.mark, " "})
		if m.prepend != "never" {
			d.strip = 1
		}
	case "WordPiece":
		d.joiner, d.cleanUp, d.strip = p.Prefix, p.CleanUp, 1
	default:
		return unsupported("decoder %s", kindOf(raw))
	}
	return nil
}

// Decode is the text of all tokens in a row, special ones as their text.
// Unknown IDs give nothing. A space that Encode puts before a text goes again.
func (t *Tokenizer) Decode(ids []int32) []byte {
	var out []byte
	left := t.decoder.strip
	for _, id := range ids {
		out = append(out, t.begin(id, &left)...)
	}
	return out
}

// begin is a token's piece, without the spaces that the text's beginning has
// too many; left is the number that can still go.
func (t *Tokenizer) begin(id int32, left *int) []byte {
	p := t.Piece(id)
	if *left == 0 || len(p) == 0 || t.IsSpecial(id) && id != t.unk {
		return p
	}
	if p[0] == ' ' { // one a token, as SentencePiece does it
		p = p[1:]
		*left--
	}
	if len(p) > 0 {
		*left = 0
	}
	return p
}

// Stream decodes tokens as they come. What it gives is always whole UTF-8
// characters: the first bytes of one wait for the rest.
type Stream struct {
	t       *Tokenizer
	pending []byte
	left    int // spaces that the text may still lose
}

// Stream begins the decoding of a text.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t, left: t.decoder.strip} }

// Continue begins a decoding in the middle of a text, where no space is one too
// many.
func (t *Tokenizer) Continue() *Stream { return &Stream{t: t} }

// Push adds a token and returns the characters that are now complete. Bytes
// that can no longer become a character come as U+FFFD.
func (s *Stream) Push(id int32) string {
	s.pending = append(s.pending, s.t.begin(id, &s.left)...)
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
