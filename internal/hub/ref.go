package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// The servers that references mean.
const (
	huggingFace = "https://huggingface.co"
	ollama      = "https://registry.ollama.ai"
)

// source is a place that a model can be pulled from.
type source interface {
	// server is the server to ask and the token for it.
	server(Remote) (base, token string)
	// plan finds out what there is to fetch.
	plan(ctx context.Context, c *client, free memory) (plan, error)
	// explain adds to a server's refusal what the user can do about it.
	explain(r Remote, err error) error
	fmt.Stringer
}

// plan is what a pull has to do.
type plan struct {
	name     string // in the store, OWNER/REPO
	source   string // the reference without file and revision
	revision string // that was asked for
	commit   string // that it means now
	files    []file
	model    string // the file to open, or "." for the folder
	why      string // these files, in a line
}

// file is one file of a plan.
type file struct {
	name    string // in the model's folder, with slashes
	address string
	size    int64 // -1: unknown
	sum     sum

	probed bool   // the following is known
	etag   string // a strong one: the file has not changed while it stays
	ranges bool   // parts can be asked for
}

// ErrReference is wrapped by errors about what is no reference to a model on the net. Its text says what one is.
var ErrReference = errors.New("hf:OWNER/REPO[/FILE][@REVISION], ollama:NAME[:TAG] or https://…")

// parseRef reads what a user calls a model on the net; remark says how it was
// understood where that is not plain.
func parseRef(s string) (src source, remark string, err error) {
	kind, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && kind == "hf":
		src, err = parseHF(rest)
	case ok && kind == "ollama":
		src, err = parseOllama(rest)
	case ok && (kind == "https" || kind == "http"):
		src, err = parseWeb(s)
	case !ok && strings.Count(s, "/") >= 1:
		if src, err = parseHF(s); err == nil {
			remark = fmt.Sprintf("taking %s as hf:%s", s, s)
		}
	default:
		err = fmt.Errorf("not a reference")
	}
	if err != nil {
		return nil, "", fmt.Errorf("%q: %w: want %w", s, err, ErrReference)
	}
	return src, remark, nil
}

// parseHF reads OWNER/REPO[/FILE][@REVISION].
func parseHF(s string) (source, error) {
	s, revision, pinned := strings.Cut(s, "@")
	if !pinned {
		revision = "main"
	}
	parts := strings.SplitN(s, "/", 3)
	if len(parts) < 2 {
		return nil, fmt.Errorf("a repository has an owner")
	}
	h := hfSource{repo: parts[0] + "/" + parts[1], revision: revision}
	if err := checkEntry(h.repo); err != nil {
		return nil, err
	}
	if err := checkRevision(revision); err != nil {
		return nil, err
	}
	if len(parts) == 3 {
		h.file = parts[2]
		return h, checkName(h.file)
	}
	return h, nil
}

// checkRevision refuses what would be another path on the server.
func checkRevision(s string) error {
	for _, segment := range strings.Split(s, "/") {
		if !word.MatchString(segment) {
			return fmt.Errorf("%q is not a revision", s)
		}
	}
	return nil
}

// parseOllama reads [OWNER/]NAME[:TAG].
func parseOllama(s string) (source, error) {
	name, tag, tagged := strings.Cut(s, ":")
	if !tagged {
		tag = "latest"
	}
	owner, base, owned := strings.Cut(name, "/")
	if !owned {
		owner, base = "library", name
	}
	for _, w := range []string{owner, base, tag} {
		if !word.MatchString(w) {
			return nil, fmt.Errorf("%q is not an Ollama name", s)
		}
	}
	return ollamaSource{owner, base, tag}, nil
}

// parseWeb reads an address; the pages of Hugging Face mean its repositories.
func parseWeb(s string) (source, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("not an address")
	case u.User != nil:
		return nil, fmt.Errorf("an address with a password in it is not supported")
	case u.Host == "huggingface.co" || u.Host == "hf.co":
		return parsePage(strings.Trim(u.Path, "/"))
	}
	u.Fragment = ""
	w := webSource{u}
	if err := checkName(w.base()); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(w.base(), ".gguf") && w.base() != configName && !weightsName.MatchString(w.base()) && w.base() != indexName {
		return nil, fmt.Errorf("the address does not end in .gguf, config.json or model.safetensors")
	}
	return w, checkEntry(w.name())
}

// parsePage reads OWNER/REPO[/(blob|resolve|tree)/REVISION[/FILE]].
func parsePage(p string) (source, error) {
	parts := strings.SplitN(p, "/", 5)
	if len(parts) < 4 {
		return parseHF(p)
	}
	switch parts[2] {
	case "blob", "resolve", "tree":
		return parseHF(path.Join(parts[0], parts[1], strings.Join(parts[4:], "")) + "@" + parts[3])
	}
	return nil, fmt.Errorf("not a page of a model")
}
