package tokenizer

import "slices"

// pre is a pre-tokenizer that GGUF has a name for.
type pre struct {
	patterns []string // text is cut at one after the other
	whole    bool     // a piece that is a token is not merged
	bos      bool     // texts begin with BOS unless the file says otherwise
}

// Patterns that come one after the other.
const (
	patternLines   = "[\\r\\n]"
	patternDigit   = `\p{N}`
	patternNumber  = `\p{N}+`
	patternThree   = `[0-9][0-9][0-9]`
	patternHanKana = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
	patternAsian   = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
	patternSigns   = `[\p{P}\$\+<=>\^~\|]+`
	patternFalcon  = "[\\p{P}\\$\\+<=>\\^~\\|`]+"
	patternBloom   = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
	patternWide    = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"
	patternCased   = "\\s?[" + casedLetters + "]+" // letters that have a case, as of Unicode 12
	casedLetters   = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376" +
		"\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f" +
		"\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77" +
		"\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d" +
		"\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4" +
		"\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139" +
		"\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d" +
		"\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a" +
		"\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2" +
		"\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
)

var (
	gpt2Pre  = pre{patterns: []string{patternGPT2}}
	digitPre = pre{patterns: []string{patternDigit, patternGPT2}}
	llama3   = pre{patterns: []string{patternCL100K}, whole: true, bos: true}
	cl100k   = pre{patterns: []string{patternCL100K}}
	qwen2    = pre{patterns: []string{patternQwen2}}
	gpt4o    = pre{patterns: []string{patternO200K}}
	deepSeek = pre{patterns: []string{`\p{N}{1,3}`, patternHanKana, patternDeepSeek}}
	bloom    = pre{patterns: []string{patternBloom}}
)

// pres are the names in use, with the patterns that the models were published
// with.
var pres = map[string]pre{
	"default": {patterns: []string{patternSigns, patternGPT2, patternNumber, patternThree}},

	"llama-bpe": llama3, "llama3": llama3, "llama-v3": llama3, "falcon3": llama3, "falcon-h1": llama3, "pixtral": llama3,
	"midm-2.0": llama3, "lfm2": llama3, "jina-v5-nano": llama3,
	"dbrx": cl100k, "smaug-bpe": cl100k, "chatglm-bpe": cl100k, "glm4": cl100k,
	"qwen2": qwen2, "deepseek-r1-qwen": qwen2, "kormo": qwen2, "f2llmv2": qwen2, "megrez": qwen2, "stablelm2": qwen2,
	"hunyuan": qwen2, "solar-open": qwen2, "grok-2": qwen2, "bailingmoe": qwen2, "bailingmoe2": qwen2, "llada-moe": qwen2,
	"qwen35": {patterns: []string{patternQwen35}},
	"gpt-4o": gpt4o, "llama4": gpt4o, "kanana2": gpt4o, "talkie": gpt4o, "minimax-m2": gpt4o,
	"granite-embed-multi-97m": {patterns: []string{patternO200K}, whole: true},
	"tekken":                  {patterns: []string{patternTekken}, whole: true, bos: true},
	"kimi-k2":                 {patterns: []string{patternKimi}},

	"gpt-2": gpt2Pre, "phi-2": gpt2Pre, "mpt": gpt2Pre, "olmo": gpt2Pre, "jais": gpt2Pre, "trillion": gpt2Pre, "granite-docling": gpt2Pre,
	"exaone4": gpt2Pre, "gigachat": gpt2Pre, "a.x-4.0": gpt2Pre, "mellum": gpt2Pre, "modern-bert": gpt2Pre,
	"jina-es": gpt2Pre, "jina-de": gpt2Pre, "jina-v2-es": gpt2Pre, "jina-v2-de": gpt2Pre,
	"starcoder": digitPre, "refact": digitPre, "command-r": digitPre, "smollm": digitPre, "codeshell": digitPre, "exaone": digitPre,
	"minerva-7b": digitPre, "mellum2": digitPre,
	"falcon": {patterns: []string{patternFalcon, patternGPT2, patternThree}},

	"deepseek-llm":   {patterns: []string{patternLines, patternCased, patternWide, `\s+$`, patternAsian, patternNumber}},
	"deepseek-coder": {patterns: []string{patternLines, `\s?\p{L}+`, `\s?\p{P}+`, patternAsian, patternDigit}},
	"deepseek-v3":    deepSeek, "hunyuan-dense": deepSeek, "joyai-llm": deepSeek, "hy_v4": deepSeek,

	"bloom": bloom, "poro-chat": bloom, "gpt3-finnish": bloom,
	"viking":     {patterns: []string{patternBloom, patternDigit}},
	"superbpe":   {patterns: []string{patternNumber, patternGroups}},
	"seed-coder": {patterns: []string{patternSeed}},
	"minicpm5":   {patterns: []string{`\p{N}{1,3}`, patternMiniCPM}, whole: true},
	"ufakzeka":   {patterns: []string{patternTurkish}},
	"laguna":     {patterns: []string{`[^\n]+|[\n]+`, patternQwen2}},
}

// preNames are the names that Pre looks for, the most usual of a kind first.
var preNames = []string{"gpt-2", "llama-bpe", "dbrx", "gpt-4o", "qwen2", "tekken", "smollm", "deepseek-v3", "deepseek-llm", "deepseek-coder",
	"qwen35", "kimi-k2", "falcon", "bloom", "viking", "superbpe", "seed-coder", "minicpm5", "ufakzeka", "laguna", "default"}

// Pre is GGUF's name for how a byte-level tokenizer cuts text; ok is false if it has none.
func (t *Tokenizer) Pre() (name string, ok bool) {
	parts, err := flatten(t.spec.PreTokenizer, "", 0)
	if err != nil || !t.byteLevel {
		return "", false
	}
	var patterns []string
	for _, p := range parts {
		switch {
		case p.Type == "Split" && p.Pattern.Regex != nil && (p.Behavior == "Isolated" || p.Behavior == "Removed" && p.Invert):
			patterns = append(patterns, *p.Pattern.Regex)
		case p.Type == "Digits" && p.Individual:
			patterns = append(patterns, patternDigit)
		case p.Type == "ByteLevel" && p.AddPrefixSpace != nil && !*p.AddPrefixSpace:
			if p.UseRegex == nil || *p.UseRegex {
				patterns = append(patterns, patternGPT2)
			}
		default:
			return "", false
		}
	}
	for _, name := range preNames {
		if p := pres[name]; p.whole == t.spec.Model.IgnoreMerges && slices.Equal(p.patterns, patterns) {
			return name, true
		}
	}
	return "", false
}
