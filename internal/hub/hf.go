package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// hfSource is a repository of Hugging Face, or of a server that speaks its
// protocol: https://huggingface.co/docs/hub/api.
type hfSource struct {
	repo, file, revision string // file "": choose
}

func (h hfSource) String() string { return "hf:" + h.repo }

func (h hfSource) server(r Remote) (base, token string) { return r.HuggingFace, r.Token }

// hfInfo is what /api/models/OWNER/REPO/revision/REVISION?blobs=true says.
type hfInfo struct {
	SHA      string `json:"sha"`
	Siblings []struct {
		Name   string `json:"rfilename"`
		Size   *int64 `json:"size"`
		BlobID string `json:"blobId"`
		LFS    *struct {
			SHA256 string `json:"sha256"`
			Size   int64  `json:"size"`
		} `json:"lfs"`
	} `json:"siblings"`
}

func (h hfSource) plan(ctx context.Context, c *client, free memory) (plan, error) {
	owner, repo, _ := strings.Cut(h.repo, "/")
	var info hfInfo
	if err := c.json(ctx, c.address("api", "models", owner, repo, "revision", h.revision)+"?blobs=true", nil, &info); err != nil {
		return plan{}, err
	}
	if !hex40.MatchString(info.SHA) {
		return plan{}, errors.New("the server names no commit")
	}
	files, err := info.files()
	if err != nil {
		return plan{}, err
	}
	p := plan{name: h.repo, source: h.String(), revision: h.revision, commit: info.SHA}
	err = h.pick(&p, files, free)
	for i, f := range p.files {
		p.files[i].address = c.address(append([]string{owner, repo, "resolve", info.SHA}, strings.Split(f.name, "/")...)...)
	}
	return p, err
}

// files lists those that may be wanted. The names are safe to write and to show.
func (i hfInfo) files() ([]file, error) {
	var list []file
	for _, s := range i.Siblings {
		if !isModel(s.Name) && !weightsName.MatchString(s.Name) && !slices.Contains(folderNames, s.Name) {
			continue
		}
		if err := checkName(s.Name); err != nil {
			return nil, err
		}
		f := file{name: s.Name, size: -1, sum: gitSum(s.BlobID)}
		if s.Size != nil {
			f.size = *s.Size
		}
		if s.LFS != nil {
			f.size, f.sum = s.LFS.Size, sha256Sum(s.LFS.SHA256)
		}
		list = append(list, f)
	}
	return list, nil
}

// pick fills in which files, and why.
func (h hfSource) pick(p *plan, all []file, free memory) error {
	ggufs, broken := variants(all)
	var v variant
	var err error
	switch {
	case strings.HasSuffix(h.file, ".gguf"):
		v, err = h.named(ggufs, broken)
	case h.file != "":
		if !weightsName.MatchString(h.file) && !slices.Contains(folderNames, h.file) {
			return fmt.Errorf("%s is no file of a model: name a .gguf, or none", h.file)
		}
		return h.folder(p, all, 0)
	case len(ggufs) > 0:
		v, p.why, err = choose(ggufs, free)
	case len(broken) > 0:
		err = fmt.Errorf("parts are missing from %s", strings.Join(broken, ", "))
	default:
		return h.folder(p, all, free)
	}
	if err == nil {
		p.files, p.model = v.files, v.name()
	}
	return err
}

// named is the variant that a file belongs to.
func (h hfSource) named(ggufs []variant, broken []string) (variant, error) {
	for _, v := range ggufs {
		if slices.ContainsFunc(v.files, func(f file) bool { return f.name == h.file }) {
			return v, nil
		}
	}
	stem, _, _ := split(h.file)
	switch {
	case slices.Contains(broken, stem):
		return variant{}, fmt.Errorf("parts are missing from %s", h.file)
	case len(ggufs) == 0:
		return variant{}, errors.New("there is no GGUF model in it")
	}
	return variant{}, fmt.Errorf("there is no %s in it; there is %s", h.file, names(ggufs))
}

// folder picks the files of a model folder. free 0 does not ask whether it fits.
func (h hfSource) folder(p *plan, all []file, free memory) error {
	var weights, others []file
	single := slices.ContainsFunc(all, func(f file) bool { return f.name == "model.safetensors" })
	for _, f := range all {
		switch {
		case weightsName.MatchString(f.name) && (!single || f.name == "model.safetensors"):
			weights = append(weights, f)
		case slices.Contains(folderNames, f.name) && !(single && f.name == indexName):
			others = append(others, f)
		}
	}
	if !slices.ContainsFunc(others, func(f file) bool { return f.name == configName }) {
		return errors.New("there is no model in it: neither a .gguf nor a config.json")
	}
	if len(weights) == 0 {
		return errors.New("there are no weights in it in GGUF or safetensors")
	}
	if size := total(weights); free > 0 && needs(size) > int64(free) {
		return fmt.Errorf("it needs about %s to run and there are %s of free memory; hf:%s/%s pulls it all the same",
			human(needs(size)), human(int64(free)), h.repo, configName)
	}
	p.files, p.model, p.why = append(others, weights...), ".", "the model folder, since there is no GGUF"
	if h.file != "" {
		p.why = "the model folder that it belongs to"
	}
	return nil
}

func (h hfSource) explain(r Remote, err error) error {
	var status *StatusError
	if !errors.As(err, &status) {
		return err
	}
	page := strings.TrimRight(r.HuggingFace, "/") + "/" + h.repo
	login := "set HF_TOKEN to a token of an account that may read it"
	if r.Token != "" {
		login = "the token of this machine (HF_TOKEN) may not read it"
	}
	switch code := status.Code; {
	case status.Kind == "GatedRepo" || code == http.StatusForbidden:
		return fmt.Errorf("it is gated: accept its terms at %s, and %s: %w", page, login, err)
	case status.Kind == "RevisionNotFound":
		return fmt.Errorf("there is no revision %s: %w", h.revision, err)
	case code == http.StatusUnauthorized:
		return fmt.Errorf("it does not exist, or is private: check the name at %s, or %s: %w", page, login, err)
	case code == http.StatusNotFound:
		return fmt.Errorf("it does not exist: check the name at %s: %w", page, err)
	}
	return err
}
