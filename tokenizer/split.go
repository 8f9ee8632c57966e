package tokenizer

import "unicode/utf8"

// Split is a published way to cut text into pieces, across which no merge
// reaches, as Train takes it.
type Split uint8

const (
	GPT2   Split = iota // GPT-2's
	CL100K              // GPT-4's; Llama 3's is the same
	O200K               // GPT-4o's
	Qwen2               // CL100K with one digit at a time
)

func (s Split) String() string { return [...]string{"gpt2", "cl100k", "o200k", "qwen2"}[s] }

// Pattern is the published regular expression that the split does.
func (s Split) Pattern() string {
	return [...]string{patternGPT2, patternCL100K, patternO200K, patternQwen2}[s]
}

// scanner is the length of the first piece of s, which is not empty, and
// whether the pattern matches it or it is what lies before a match. It does in
// one pass, without going back, what a published pattern does.
type scanner func(s []byte) (n int, match bool)

// words is the pattern that most models since GPT-4 share: contractions,
// words that one character may lead, numbers, punctuation with the ends of
// lines after it, ends of lines, white space.
type words struct {
	early, late apostrophes // contractions that are pieces, and that end words
	letters     class       // what words are made of
	up, low     class       // if set, words are capitals and then small letters
	first       class       // if set, a run of these is a piece before anything else
	digits      int         // a number's length at most
	after       string      // ASCII that punctuation takes along
}

func (w *words) next(s []byte) (int, bool) {
	if s[0] == '\'' && w.early != noApostrophes {
		if n := contraction(s, w.early); n > 0 {
			return n, true
		}
	}
	c, n := at(s)
	if c&w.first != 0 {
		return run(s, w.first), true
	}
	if c&number != 0 {
		return numbers(s, w.digits), true
	}
	if c&newline == 0 {
		if end := w.word(s, c, n); end > 0 {
			return end, true
		}
	}
	return w.rest(s), true
}

// word is the length of the word that s begins with, whose first character has
// the class c and n bytes.
func (w *words) word(s []byte, c class, n int) int {
	if w.up != 0 {
		end := w.cased(s, c, n)
		if end > 0 && w.late != noApostrophes {
			end += contraction(s[end:], w.late)
		}
		return end
	}
	if rest := run(s[n:], w.letters); rest > 0 || c&w.letters != 0 {
		return n + rest
	}
	return 0
}

// cased is GPT-4o's word: capitals (or letters without case), then small
// letters, after at most one other character. The pattern's first alternative
// ends in a small or caseless letter, its second need not.
func (w *words) cased(s []byte, c class, n int) int {
	if c&letter == 0 { // one character that is no letter may lead
		if end := w.capitalsThenSmall(s[n:]); end > 0 {
			return n + end
		}
	}
	if c&(w.up|w.low) != 0 {
		if end := w.capitalsThenSmall(s); end > 0 {
			return end
		}
	}
	start := 0
	if c&letter == 0 {
		start = n
	}
	if end := run(s[start:], w.up); end > 0 {
		return start + end
	}
	return 0
}

// capitalsThenSmall is U*L+, U and L sharing the caseless letters: greedy, and
// where no L follows U's run, given back to the last of the run that is in both.
func (w *words) capitalsThenSmall(s []byte) int {
	i, both := 0, 0
	for {
		c, n := at(s[i:])
		if c&w.up == 0 {
			break
		}
		i += n
		if c&w.low != 0 {
			both = i
		}
	}
	if small := run(s[i:], w.low); small > 0 {
		return i + small
	}
	return both
}

// rest is punctuation, ends of lines and white space.
func (w *words) rest(s []byte) int {
	start := 0
	if s[0] == ' ' {
		start = 1
	}
	if n := runOther(s[start:], space|number|w.letters|letter); n > 0 {
		return takeAlong(s, start+n, w.after)
	}
	return blankLines(s)
}

// takeAlong extends a piece that ends at i by the ASCII characters of a set.
func takeAlong(s []byte, i int, set string) int {
	for i < len(s) && containsByte(set, s[i]) {
		i++
	}
	return i
}

func containsByte(set string, b byte) bool {
	for i := range len(set) {
		if set[i] == b {
			return true
		}
	}
	return false
}

// blankLines is \s*[\r\n]+|\s+(?!\S)|\s+.
func blankLines(s []byte) int {
	for i := spaceRun(s); i > 0; i-- {
		if s[i-1] == '\n' || s[i-1] == '\r' {
			return i
		}
	}
	return blank(s)
}

// blank is \s+(?!\S)|\s+: a run of white space, without its last character if
// something follows and something is left.
func blank(s []byte) int {
	n := spaceRun(s)
	if n == len(s) {
		return n
	}
	_, last := utf8.DecodeLastRune(s[:n])
	if last == n {
		return n
	}
	return n - last
}

// numbers is \p{N}{1,digits}.
func numbers(s []byte, digits int) int {
	i := 0
	for range digits {
		c, n := at(s[i:])
		if c&number == 0 {
			break
		}
		i += n
	}
	return i
}

func nextGPT2(s []byte) (int, bool) {
	if s[0] == '\'' {
		if n := contraction(s, exactCase); n > 0 {
			return n, true
		}
	}
	start := 0
	if s[0] == ' ' {
		start = 1
	}
	c, n := at(s[start:])
	switch {
	case n == 0 || c&space != 0:
		return blank(s), true
	case c&letter != 0:
		return start + n + run(s[start+n:], letter), true
	case c&number != 0:
		return start + n + run(s[start+n:], number), true
	}
	return start + n + runOther(s[start+n:], space|letter|number), true
}

// apostrophes are the ways to look for 's|'t|'re|'ve|'m|'ll|'d.
type apostrophes uint8

const (
	noApostrophes apostrophes = iota
	exactCase
	anyCase // with ſ (U+017F), which folds to an s
	spelled // '[sS]|…: any case, without ſ
)

// contraction is the length of the contraction that s begins with, or 0.
func contraction(s []byte, how apostrophes) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	fold := func(b byte) byte {
		if how != exactCase && 'A' <= b && b <= 'Z' {
			return b + 'a' - 'A'
		}
		return b
	}
	a, b := fold(s[1]), byte(0)
	if len(s) > 2 {
		b = fold(s[2])
	}
	switch {
	case a == 's', a == 't', a == 'm', a == 'd':
		return 2
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 3
	case how == anyCase && s[1] == 0xC5 && b == 0xBF:
		return 3
	}
	return 0
}
