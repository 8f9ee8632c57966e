package tokenizer

import "unicode/utf8"

// Split is how text is cut into pieces, across which no merge reaches. The
// pieces in a row are the text. Each is a scanner that does, in one pass and
// without going back, what the published pattern does.
type Split uint8

const (
	GPT2   Split = iota // GPT-2's
	CL100K              // GPT-4's; Llama 3's is the same
	O200K               // GPT-4o's
	Qwen2               // CL100K with one digit at a time
)

// The published patterns, as they stand in tokenizer.json files.
var patterns = map[Split]string{
	GPT2:   `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
	CL100K: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	O200K: `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	Qwen2: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
}

func (s Split) String() string { return [...]string{"gpt2", "cl100k", "o200k", "qwen2"}[s] }

// Pattern is the published regular expression that the split does.
func (s Split) Pattern() string { return patterns[s] }

// next is the length of the first piece of s, which is not empty.
func (k Split) next(s []byte) int {
	switch k {
	case CL100K:
		return nextCL100K(s, 3)
	case Qwen2:
		return nextCL100K(s, 1)
	case O200K:
		return nextO200K(s)
	}
	return nextGPT2(s)
}

func nextGPT2(s []byte) int {
	if s[0] == '\'' {
		if n := contraction(s, false); n > 0 {
			return n
		}
	}
	start := 0
	if s[0] == ' ' {
		start = 1
	}
	c, n := at(s[start:])
	switch {
	case n == 0 || c&space != 0:
		return blank(s)
	case c&letter != 0:
		return start + n + run(s[start+n:], letter)
	case c&number != 0:
		return start + n + run(s[start+n:], number)
	}
	return start + n + runOther(s[start+n:], space|letter|number)
}

func nextCL100K(s []byte, digits int) int {
	if s[0] == '\'' {
		if n := contraction(s, true); n > 0 {
			return n
		}
	}
	c, n := at(s)
	if c&letter != 0 {
		return n + run(s[n:], letter)
	}
	if c&number != 0 {
		return numbers(s, digits)
	}
	if c&newline == 0 {
		if word := run(s[n:], letter); word > 0 {
			return n + word
		}
	}
	return rest(s, newline, 0)
}

func nextO200K(s []byte) int {
	c, n := at(s)
	if c&number != 0 {
		return numbers(s, 3)
	}
	if c&newline == 0 {
		if end := wordO200K(s, c, n); end > 0 {
			return end + contraction(s[end:], true)
		}
	}
	return rest(s, newline, '/')
}

// wordO200K is GPT-4o's word: capitals (or letters without case), then small
// letters, after at most one other character. The pattern's first alternative
// ends in a small or caseless letter, its second need not.
func wordO200K(s []byte, c class, n int) int {
	if c&letter == 0 { // one character that is no letter may lead
		if end := capitalsThenSmall(s[n:]); end > 0 {
			return n + end
		}
	}
	if c&(upper|lower) != 0 {
		if end := capitalsThenSmall(s); end > 0 {
			return end
		}
	}
	start := 0
	if c&letter == 0 {
		start = n
	}
	if end := run(s[start:], upper); end > 0 {
		return start + end
	}
	return 0
}

// capitalsThenSmall is U*L+, U and L sharing the caseless letters: greedy, and
// where no L follows U's run, given back to the last of the run that is in both.
func capitalsThenSmall(s []byte) int {
	i, both := 0, 0
	for {
		c, n := at(s[i:])
		if c&upper == 0 {
			break
		}
		i += n
		if c&lower != 0 {
			both = i
		}
	}
	if small := run(s[i:], lower); small > 0 {
		return i + small
	}
	return both
}

// rest is what all newer patterns end in: punctuation with the newlines (and
// one more character) after it, lines' ends, white space.
func rest(s []byte, after class, also byte) int {
	start := 0
	if s[0] == ' ' {
		start = 1
	}
	if n := runOther(s[start:], space|letter|number); n > 0 {
		i := start + n
		for i < len(s) && s[i] < utf8.RuneSelf && (ascii[s[i]]&after != 0 || also != 0 && s[i] == also) {
			i++
		}
		return i
	}
	n := spaceRun(s)
	for i := n; i > 0; i-- {
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

// contraction is 's|'t|'re|'ve|'m|'ll|'d, or 0. Ignoring case, ſ (U+017F) is an
// s: it folds to one.
func contraction(s []byte, anyCase bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	fold := func(b byte) byte {
		if anyCase && 'A' <= b && b <= 'Z' {
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
	case anyCase && s[1] == 0xC5 && b == 0xBF:
		return 3
	}
	return 0
}
