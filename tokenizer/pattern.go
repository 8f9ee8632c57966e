package tokenizer

import "strings"

// The published patterns, as they stand in tokenizer.json files.
const (
	anyContraction     = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	spelledContraction = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	blankPattern       = `|\s*[\r\n]+|\s+(?!\S)|\s+`
	upperPattern       = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	lowerPattern       = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	upperXPattern      = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	lowerXPattern      = `[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	leadPattern        = `[^\r\n\p{L}\p{N}]?`
	wordPattern        = leadPattern + `\p{L}+`
	signsPattern       = ` ?[^\s\p{L}\p{N}]+[\r\n]*`

	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternCL100K = anyContraction + `|` + wordPattern + `|\p{N}{1,3}|` + signsPattern + blankPattern
	patternQwen2  = anyContraction + `|` + wordPattern + `|\p{N}|` + signsPattern + blankPattern
	patternO200K  = leadPattern + upperPattern + `*` + lowerPattern + `+` + anyContraction + `?|` +
		leadPattern + upperPattern + `+` + lowerPattern + `*` + anyContraction + `?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + blankPattern

	patternTekken = leadPattern + upperPattern + `*` + lowerPattern + `+|` + leadPattern + upperPattern + `+` + lowerPattern +
		`*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + blankPattern
	patternKimi = `[\p{Han}]+|` + leadPattern + upperXPattern + `*` + lowerXPattern + `+` + anyContraction + `?|` +
		leadPattern + upperXPattern + `+` + lowerXPattern + `*` + anyContraction + `?|\p{N}{1,3}|` + signsPattern + blankPattern
	patternQwen35  = anyContraction + `|` + leadPattern + `[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*` + blankPattern
	patternMiniCPM = anyContraction + `|` + wordPattern + `|\p{N}+|` + signsPattern + blankPattern
	patternSeed    = anyContraction + `|` + wordPattern + `|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+` + blankPattern
	patternBailing = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
	patternTurkish = wordPattern + `|\p{N}|` + signsPattern + blankPattern

	asciiPunct      = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	patternDeepSeek = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+" +
		"| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
)

// published has a scanner for each pattern. Equal ones are spelled in several ways.
var published = func() map[string]scanner {
	cl100k := &words{early: anyCase, letters: letter, digits: 3, after: "\r\n"}
	qwen2 := &words{early: anyCase, letters: letter, digits: 1, after: "\r\n"}
	many := &words{early: anyCase, letters: letter, digits: 1 << 30, after: "\r\n"}
	m := map[string]scanner{
		patternGPT2:     nextGPT2,
		patternCL100K:   cl100k.next,
		patternQwen2:    qwen2.next,
		patternMiniCPM:  many.next,
		patternBailing:  qwen2.next,
		patternO200K:    (&words{late: anyCase, up: upper, low: lower, digits: 3, after: "\r\n/"}).next,
		patternTekken:   (&words{up: upper, low: lower, digits: 1, after: "\r\n/"}).next,
		patternKimi:     (&words{late: anyCase, up: upperX, low: lowerX, first: han, digits: 3, after: "\r\n"}).next,
		patternQwen35:   (&words{early: anyCase, letters: letter | mark, digits: 1, after: "\r\n"}).next,
		patternSeed:     (&words{early: anyCase, letters: letter, digits: 1}).next,
		patternTurkish:  (&words{letters: letter, digits: 1, after: "\r\n"}).next,
		patternDeepSeek: nextDeepSeek,
		`\s+$`:          lastBlank,
	}
	spell := func(pattern string, w words) {
		w.early, w.late = min(w.early, 1)*spelled, min(w.late, 1)*spelled
		m[strings.ReplaceAll(pattern, anyContraction, spelledContraction)] = w.next
	}
	spell(patternCL100K, *cl100k)
	spell(patternQwen2, *qwen2)
	spell(patternO200K, words{late: anyCase, up: upper, low: lower, digits: 3, after: "\r\n/"})
	for pattern, s := range m { // \r and \n may stand for themselves
		m[strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(pattern)] = s
		m[strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(pattern)] = s
	}
	return m
}()

// nextDeepSeek is DeepSeek-V3's main pattern, which leaves numbers and control
// characters alone.
func nextDeepSeek(s []byte) (int, bool) {
	if n := matchDeepSeek(s); n > 0 {
		return n, true
	}
	i := 0
	for i < len(s) && matchDeepSeek(s[i:]) == 0 {
		_, n := at(s[i:])
		i += n
	}
	return i, false
}

func matchDeepSeek(s []byte) int {
	if containsByte(asciiPunct, s[0]) {
		i := 1
		for i < len(s) && s[i] < 0x80 && ascii[s[i]]&letter != 0 {
			i++
		}
		if i > 1 {
			return i
		}
	}
	const inWord = letter | mark
	c, n := at(s)
	if rest := run(s[n:], inWord); c&inWord != 0 || rest > 0 && c&(newline|punct|symbolic) == 0 {
		return n + rest
	}
	start := 0
	if s[0] == ' ' {
		start = 1
	}
	if signs := run(s[start:], punct|symbolic); signs > 0 {
		return takeAlong(s, start+signs, "\r\n")
	}
	if c&space != 0 {
		return blankLines(s)
	}
	return 0
}

// lastBlank is \s+$.
func lastBlank(s []byte) (int, bool) {
	if n := trimRight(s); n > 0 {
		return n, false
	}
	return len(s), true
}
