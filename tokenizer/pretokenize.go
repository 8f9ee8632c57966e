package tokenizer

import (
	"bytes"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// stage finds the matches of a pattern in a text: every part of it is passed to
// emit, in order, with whether it is a match.
type stage interface {
	cut(s []byte, emit func(part []byte, match bool))
}

func (next scanner) cut(s []byte, emit func([]byte, bool)) {
	for len(s) > 0 {
		n, match := next(s)
		emit(s[:n], match)
		s = s[n:]
	}
}

// matchTime is how long an unknown pattern may search a text. After that the
// rest of the text is one piece.
const matchTime = 2 * time.Second

// regex is a pattern that no scanner is known for.
type regex struct{ *regexp2.Regexp }

func (p regex) cut(s []byte, emit func([]byte, bool)) {
	runes, starts := surrogateRunes(s)
	at := 0
	// The only error is that the time is up; what is left stays in one piece.
	_ = p.FindRunesMatches(runes, 0, func(m regexp2.MatchView) bool {
		from, n, _ := m.GroupRange(0)
		if at < from {
			emit(s[starts[at]:starts[from]], false)
		}
		at = from + n
		if n > 0 {
			emit(s[starts[from]:starts[at]], true)
		}
		return true
	})
	if at < len(runes) {
		emit(s[starts[at]:], false)
	}
}

// surrogateRunes are a text's characters and where each begins. A byte that is
// no UTF-8 becomes a surrogate, which is in no class of a pattern.
func surrogateRunes(s []byte) (runes []rune, starts []int) {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			r = 0xDC00 + rune(s[i])
		}
		runes, starts = append(runes, r), append(starts, i)
		i += n
	}
	return runes, append(starts, len(s))
}

// patternStage finds how to search for a pattern.
func patternStage(pattern string) (stage, error) {
	if s, ok := published[pattern]; ok {
		return s, nil
	}
	switch pattern {
	case patternGroups:
		return digitGroups{}, nil
	case patternLeading:
		return leadingSpaces{}, nil
	case patternTrailing:
		return trailingMarks{}, nil
	}
	if r, ok := parseRuns(pattern); ok {
		return scanner(r.next), nil
	}
	re, err := regexp2.Compile(pattern)
	if err != nil {
		return nil, unsupported("pattern %q: %v", pattern, err)
	}
	re.MatchTimeout = matchTime
	return regex{re}, nil
}

// literal is a text to be found.
func literal(text string) scanner {
	return func(s []byte) (int, bool) {
		switch n := bytes.Index(s, []byte(text)); n {
		case 0:
			return len(text), true
		case -1:
			return len(s), false
		default:
			return n, false
		}
	}
}

// oneOf finds characters of a kind, one at a time.
func oneOf(is func(rune) bool) scanner {
	return func(s []byte) (int, bool) {
		r, n := utf8.DecodeRune(s)
		if is(r) {
			return n, true
		}
		for n < len(s) {
			r, size := utf8.DecodeRune(s[n:])
			if is(r) {
				break
			}
			n += size
		}
		return n, false
	}
}

func isPunct(r rune) bool {
	return unicode.IsPunct(r) || r < utf8.RuneSelf && unicode.IsSymbol(r)
}

// wordsAndSigns is \w+|[^\w\s]+.
func wordsAndSigns(s []byte) (int, bool) {
	kind := func(i int) (int, int) {
		r, n := utf8.DecodeRune(s[i:])
		switch {
		case isWord(r):
			return 1, n
		case unicode.IsSpace(r):
			return 0, n
		}
		return 2, n
	}
	first, n := kind(0)
	for n < len(s) {
		k, size := kind(n)
		if k != first {
			break
		}
		n += size
	}
	return n, first > 0
}

// patternGroups cuts numbers into groups of three, counted from their ends.
const patternGroups = `(?=(\d{3})+(?!\d))`

type digitGroups struct{}

func (digitGroups) cut(s []byte, emit func([]byte, bool)) {
	start := 0
	for i := 0; i < len(s); {
		digits, sizes := i, 0
		for r, n := utf8.DecodeRune(s[digits:]); unicode.Is(unicode.Nd, r); r, n = utf8.DecodeRune(s[digits:]) {
			digits, sizes = digits+n, sizes+1
		}
		for left := sizes; left > 0; left-- {
			if left%3 == 0 && i > start {
				emit(s[start:i], false)
				start = i
			}
			_, n := utf8.DecodeRune(s[i:])
			i += n
		}
		if i < len(s) {
			_, n := utf8.DecodeRune(s[i:])
			i += n
		}
	}
	if start < len(s) {
		emit(s[start:], false)
	}
}

// What SentencePiece takes away at the ends of a text.
const (
	patternLeading  = `^ +`
	patternTrailing = lowBlock + `+$`
)

type leadingSpaces struct{}

func (leadingSpaces) cut(s []byte, emit func([]byte, bool)) {
	rest := bytes.TrimLeft(s, " ")
	emit(s[:len(s)-len(rest)], true)
	emit(rest, false)
}

type trailingMarks struct{}

func (trailingMarks) cut(s []byte, emit func([]byte, bool)) {
	rest := s
	for bytes.HasSuffix(rest, []byte(lowBlock)) {
		rest = rest[:len(rest)-len(lowBlock)]
	}
	emit(rest, false)
	emit(s[len(rest):], true)
}

// cutter cuts a piece into smaller ones; first says that it begins the text.
type cutter func(s []byte, first bool, emit func(piece []byte))

// behave makes a cutter of a pattern: what becomes of its matches has the
// names of Hugging Face's SplitDelimiterBehavior.
func behave(p stage, behavior string, invert bool) (cutter, error) {
	var c cutter
	switch behavior {
	case "Isolated":
		if next, ok := p.(scanner); ok { // without a closure: the usual case, and the fast one
			return func(s []byte, _ bool, emit func([]byte)) {
				for len(s) > 0 {
					n, _ := next(s)
					emit(s[:n])
					s = s[n:]
				}
			}, nil
		}
		c = func(s []byte, _ bool, emit func([]byte)) { p.cut(s, func(part []byte, _ bool) { emit(part) }) }
	case "Removed":
		c = func(s []byte, _ bool, emit func([]byte)) {
			p.cut(s, func(part []byte, match bool) {
				if match == invert {
					emit(part)
				}
			})
		}
	case "Contiguous", "MergedWithPrevious", "MergedWithNext":
		c = func(s []byte, _ bool, emit func([]byte)) { merged(p, s, behavior, invert, emit) }
	default:
		return nil, unsupported("pre_tokenizer behavior %q", behavior)
	}
	return c, nil
}

// merged joins matches with each other, or with what is before or after them.
func merged(p stage, s []byte, behavior string, invert bool, emit func([]byte)) {
	start, end := 0, 0 // of the piece that may still grow
	last := false      // whether it ends in a match
	p.cut(s, func(part []byte, match bool) {
		match = match != invert
		var join bool
		switch behavior {
		case "Contiguous":
			join = match == last
		case "MergedWithPrevious":
			join = match && !last
		case "MergedWithNext":
			join = !match && last
		}
		if !join && end > start {
			emit(s[start:end])
			start = end
		}
		end += len(part)
		last = match
	})
	if end > start {
		emit(s[start:end])
	}
}

// spaced puts a space before a piece that has none.
func spaced(s []byte, _ bool, emit func([]byte)) {
	if s[0] != ' ' {
		s = append([]byte{' '}, s...)
	}
	emit(s)
}

// metaspace writes spaces as another character, also before the text, and cuts
// there.
type metaspace struct {
	mark    string
	prepend string // "always", "first" or "never"
	split   bool
}

func (m metaspace) cut(s []byte, first bool, emit func([]byte)) {
	s = bytes.ReplaceAll(s, []byte{' '}, []byte(m.mark))
	if (m.prepend == "always" || m.prepend == "first" && first) && !bytes.HasPrefix(s, []byte(m.mark)) {
		s = append([]byte(m.mark), s...)
	}
	if !m.split {
		emit(s)
		return
	}
	merged(literal(m.mark), s, "MergedWithNext", false, emit)
}

// onPrintable has a cutter work on the characters that byte-level tokenizers
// write bytes as: cutters after Hugging Face's ByteLevel see those.
func onPrintable(c cutter) cutter {
	return func(s []byte, first bool, emit func([]byte)) {
		c([]byte(printable(s)), first, func(piece []byte) {
			n := utf8.RuneCount(piece)
			emit(s[:n])
			s = s[n:]
		})
	}
}
