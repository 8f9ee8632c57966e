package tokenizer

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// runs is a pattern of alternatives, each a row of characters out of classes,
// of which the first may be optional and the last may repeat: \p{N}{1,3},
// [\r\n], \s?\p{L}+, [^\n]+|[\n]+. That is what pre-tokenizers use beside the
// patterns for whole texts, and no such pattern needs backtracking.
type runs []row

type row struct {
	optional bool // the first class need not be there
	classes  []charset
	most     int // the last class's characters at most
}

// charset is a class of characters.
type charset struct {
	not    bool
	ranges []rune // first and last in turns
	tables []*unicode.RangeTable
	ascii  [utf8.RuneSelf]bool // all of the above, for speed
}

func (c *charset) has(r rune, valid bool) bool {
	if r < utf8.RuneSelf {
		return c.ascii[r]
	}
	if !valid {
		return c.not
	}
	return c.slow(r)
}

func (c *charset) slow(r rune) bool {
	for i := 0; i < len(c.ranges); i += 2 {
		if c.ranges[i] <= r && r <= c.ranges[i+1] {
			return !c.not
		}
	}
	return unicode.In(r, c.tables...) != c.not
}

// next finds the first match; n is its length, or that of what lies before it.
func (p runs) next(s []byte) (n int, match bool) {
	if n := p.match(s); n > 0 {
		return n, true
	}
	for n < len(s) && p.match(s[n:]) == 0 {
		_, size := utf8.DecodeRune(s[n:])
		n += size
	}
	return n, false
}

func (p runs) match(s []byte) int {
	for i := range p {
		n := p[i].match(s, p[i].classes)
		if n == 0 && p[i].optional {
			n = p[i].match(s, p[i].classes[1:])
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

func (w *row) match(s []byte, classes []charset) int {
	n := 0
	one := func(c *charset) bool {
		r, size := utf8.DecodeRune(s[n:])
		if size == 0 || !c.has(r, r != utf8.RuneError || size > 1) {
			return false
		}
		n += size
		return true
	}
	for i := range classes {
		if !one(&classes[i]) {
			return 0
		}
	}
	for range w.most - 1 {
		if !one(&classes[len(classes)-1]) {
			break
		}
	}
	return n
}

// parseRuns reads a pattern of this form; ok is false for any other.
func parseRuns(pattern string) (p runs, ok bool) {
	for pattern != "" {
		var w row
		if w, pattern, ok = parseRow(pattern); !ok {
			return nil, false
		}
		p = append(p, w)
		if after, more := strings.CutPrefix(pattern, "|"); more && after != "" {
			pattern = after
		} else if pattern != "" {
			return nil, false
		}
	}
	return p, len(p) > 0
}

func parseRow(s string) (w row, rest string, ok bool) {
	w.most = 1
	for s != "" && s[0] != '|' {
		if w.most > 1 {
			return w, s, false // something after a repeat
		}
		var c charset
		if c, s, ok = parseClass(s); !ok {
			return w, s, false
		}
		c.fill()
		w.classes = append(w.classes, c)
		var low, high int
		low, high, s = parseRepeat(s)
		switch {
		case low == 0 && high == 1 && len(w.classes) == 1:
			w.optional = true
		case low >= 1 && low <= 16 && high >= low:
			for range low - 1 {
				w.classes = append(w.classes, c)
			}
			w.most = high - low + 1
		default:
			return w, s, false
		}
	}
	return w, s, len(w.classes) > 0 && !(w.optional && len(w.classes) == 1)
}

// parseRepeat reads +, ?, {n}, {n,} and {n,m}.
func parseRepeat(s string) (low, high int, rest string) {
	const many = 1 << 30
	if s == "" {
		return 1, 1, s
	}
	switch s[0] {
	case '+':
		return 1, many, s[1:]
	case '?':
		return 0, 1, s[1:]
	case '*':
		return 0, many, s[1:]
	case '{':
		body, after, _ := strings.Cut(s[1:], "}")
		from, to, two := strings.Cut(body, ",")
		low, err := strconv.Atoi(from)
		if err != nil {
			return -1, -1, s
		}
		if high = low; two {
			if high, err = strconv.Atoi(to); to == "" {
				high, err = many, nil
			}
		}
		if err != nil {
			return -1, -1, s
		}
		return low, high, after
	}
	return 1, 1, s
}

// parseClass reads a character, an escape or a class in brackets.
func parseClass(s string) (c charset, rest string, ok bool) {
	if s[0] != '[' {
		return c, s[min(len(s), c.addTo(s)):], len(c.ranges)+len(c.tables) > 0
	}
	s = s[1:]
	if c.not = strings.HasPrefix(s, "^"); c.not {
		s = s[1:]
	}
	for s != "" && s[0] != ']' {
		if s[0] == '[' || strings.HasPrefix(s, "&&") || strings.HasPrefix(s, "--") {
			return c, s, false // sets of sets
		}
		before := len(c.ranges)
		n := c.inBrackets(s)
		if n == 0 {
			return c, s, false
		}
		s = s[n:]
		if len(s) > 1 && s[0] == '-' && s[1] != ']' && len(c.ranges) == before+2 {
			from := c.ranges[before]
			if n = c.inBrackets(s[1:]); n == 0 || len(c.ranges) != before+4 || c.ranges[before+2] < from {
				return c, s, false
			}
			c.ranges = append(c.ranges[:before], from, c.ranges[before+2])
			s = s[1+n:]
		}
	}
	return c, strings.TrimPrefix(s, "]"), s != "" && len(c.ranges)+len(c.tables) > 0
}

// addTo is inBrackets outside of brackets, where more characters have a meaning.
func (c *charset) addTo(s string) int {
	if strings.IndexByte(`()*+.?^${}|]`, s[0]) >= 0 {
		return 0
	}
	if strings.HasPrefix(s, `\S`) {
		c.not, c.tables = true, escapedTables['s']
		return 2
	}
	return c.inBrackets(s)
}

var escapedTables = map[byte][]*unicode.RangeTable{'s': {unicode.White_Space}, 'd': {unicode.Nd}}

var escapedRunes = map[byte]rune{'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', 'f': '\f'}

// inBrackets adds the character or escape that s begins with, and is its length.
func (c *charset) inBrackets(s string) int {
	if s[0] != '\\' {
		r, n := utf8.DecodeRuneInString(s)
		c.ranges = append(c.ranges, r, r)
		return n
	}
	if len(s) < 2 {
		return 0
	}
	if tables, ok := escapedTables[s[1]]; ok {
		c.tables = append(c.tables, tables...)
		return 2
	}
	if r, ok := escapedRunes[s[1]]; ok {
		c.ranges = append(c.ranges, r, r)
		return 2
	}
	if s[1] == 'p' {
		name, _, found := strings.Cut(strings.TrimPrefix(s[2:], "{"), "}")
		table := tableNamed(name)
		if !found || table == nil || !strings.HasPrefix(s[2:], "{") {
			return 0
		}
		c.tables = append(c.tables, table)
		return len(name) + 4
	}
	if s[1] < utf8.RuneSelf && !isAlnum(s[1]) {
		c.ranges = append(c.ranges, rune(s[1]), rune(s[1]))
		return 2
	}
	return 0
}

func tableNamed(name string) *unicode.RangeTable {
	if t, ok := unicode.Categories[name]; ok {
		return t
	}
	return unicode.Scripts[name]
}

func isAlnum(b byte) bool { return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' }

// fill makes the table for ASCII.
func (c *charset) fill() {
	c.ranges = slices.Clone(c.ranges)
	for r := range c.ascii {
		c.ascii[r] = c.slow(rune(r))
	}
}
