package hub

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Our own files in a model's folder.
const (
	recordName = "weft.json"
	partial    = ".partial"      // what has arrived of a file
	partialLog = ".partial.json" // which parts of it
)

// checkName refuses names of files that could end up anywhere but in their
// model's folder, on any system, or in a file of ours. Names come from servers.
func checkName(name string) error {
	ok := name != "" && len(name) <= 1024 && utf8.ValidString(name) &&
		filepath.IsLocal(filepath.FromSlash(name)) && !strings.ContainsAny(name, `\:*?"<>|`) && !strings.ContainsFunc(name, unicode.IsControl)
	for _, segment := range strings.Split(name, "/") {
		ok = ok && checkSegment(segment)
	}
	if !ok {
		return fmt.Errorf("the file name %q is not safe to write", name)
	}
	return nil
}

func checkSegment(s string) bool {
	const room = 200 // most systems allow 255 bytes; the endings above need some
	if s == "" || len(s) > room || s[0] == '.' || strings.HasSuffix(s, ".") || strings.HasSuffix(s, " ") {
		return false
	}
	lower := strings.ToLower(s) // the file system may not tell them apart
	return lower != recordName && !strings.HasSuffix(lower, partial) && !strings.HasSuffix(lower, partialLog)
}

// word is an owner, a repository, or a part of an Ollama name.
var word = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?$`)

// checkEntry refuses names of folders that are not OWNER/REPO.
func checkEntry(name string) error {
	owner, repo, ok := strings.Cut(name, "/")
	if !ok || !word.MatchString(owner) || !word.MatchString(repo) {
		return fmt.Errorf("%q is not a name like OWNER/REPO", name)
	}
	return nil
}

var splitName = regexp.MustCompile(`^(.+)-(\d{5})-of-(\d{5})\.gguf$`)

// split reads the name of one part of a split GGUF; whole files are part 1 of 1.
func split(name string) (stem string, part, of int) {
	m := splitName.FindStringSubmatch(name)
	if m == nil {
		return strings.TrimSuffix(name, ".gguf"), 1, 1
	}
	part, _ = strconv.Atoi(m[2])
	of, _ = strconv.Atoi(m[3])
	return m[1], part, of
}

// isModel tells a GGUF model from the other things that come as GGUF.
func isModel(name string) bool {
	base := strings.ToLower(path.Base(name))
	if !strings.HasSuffix(base, ".gguf") {
		return false
	}
	for _, other := range []string{"mmproj", "imatrix", "vocab", "lora", "adapter", "projector"} {
		if strings.Contains(base, other) {
			return false
		}
	}
	return true
}

var quantName = regexp.MustCompile(`(?i)(?:^|[-_./])(IQ[1-4]_(?:XXS|XS|NL|S|M)|Q[2-8]_K(?:_(?:XL|L|M|S))?|Q[458]_[01]|TQ[12]_0|MXFP4|BF16|F(?:P)?(?:16|32))(?:[-_./]|$)`)

// quant is how the numbers of a GGUF are stored, as far as its name says.
func quant(name string) string {
	stem, _, _ := split(name)
	found := ""
	for rest := stem; ; {
		m := quantName.FindStringSubmatchIndex(rest)
		if m == nil {
			return strings.Replace(strings.ToUpper(found), "FP", "F", 1)
		}
		found, rest = rest[m[2]:m[3]], rest[m[3]:]
	}
}

// weightsName is a safetensors file that belongs to a model folder.
var weightsName = regexp.MustCompile(`^model(-\d{5}-of-\d{5})?\.safetensors$`)

// The files of a model folder besides its weights.
const (
	configName = "config.json"
	indexName  = "model.safetensors.index.json"
)

var folderNames = []string{
	configName, "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
	"chat_template.jinja", "vocab.json", "merges.txt", "tokenizer.model", indexName, "README.md", "LICENSE",
}
