package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// webSource is a file on any web server, with what belongs to it beside it: the
// other parts of a split GGUF, the other files of a model folder.
type webSource struct{ *url.URL }

// String leaves out the query, which may hold a key.
func (w webSource) String() string { return w.Scheme + "://" + w.Host + w.Path }

func (w webSource) base() string { return path.Base(w.Path) }

func (w webSource) server(Remote) (base, token string) { return w.Scheme + "://" + w.Host, "" }

var notWord = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// name is the model's in the store: the host, then the file, or the folder that
// it is in.
func (w webSource) name() string {
	stem, _, _ := split(w.base())
	if !strings.HasSuffix(w.base(), ".gguf") {
		stem = path.Base(path.Dir(w.Path))
	}
	stem = strings.Trim(notWord.ReplaceAllString(stem, "-"), "-._/")
	if stem == "" {
		stem = "model"
	}
	return strings.Trim(notWord.ReplaceAllString(w.Hostname(), "-"), "-._") + "/" + stem
}

// beside is a file in the same folder.
func (w webSource) beside(name string) file {
	u := *w.URL
	u.Path, u.RawPath = path.Join(path.Dir(w.Path), name), ""
	return file{name: name, address: u.String(), size: -1}
}

func (w webSource) plan(ctx context.Context, c *client, _ memory) (plan, error) {
	p := plan{name: w.name(), source: w.String(), model: w.base()}
	stem, part, of := split(w.base())
	switch {
	case !strings.HasSuffix(w.base(), ".gguf"):
		p.model = "."
		return w.folder(ctx, c, p)
	case of > 1000 || part > of || part < 1:
		return p, fmt.Errorf("%s is not a part of a model", w.base())
	case of == 1:
		f, err := c.probe(ctx, file{name: w.base(), address: w.URL.String(), size: -1})
		p.files = []file{f}
		return p, err
	}
	for i := range of {
		f, err := c.probe(ctx, w.beside(fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i+1, of)))
		if err != nil {
			return p, err
		}
		p.files = append(p.files, f)
	}
	p.model = p.files[0].name
	return p, nil
}

// folder looks for the files that a model folder may have.
func (w webSource) folder(ctx context.Context, c *client, p plan) (plan, error) {
	for _, name := range append(slices.Clone(folderNames), "model.safetensors") {
		f, err := c.probe(ctx, w.beside(name))
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusNotFound && name != configName {
			continue
		} else if err != nil {
			return p, err
		}
		p.files = append(p.files, f)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(p.files, func(f file) bool { return f.name == name })
	}
	if has("model.safetensors") {
		p.files = slices.DeleteFunc(p.files, func(f file) bool { return f.name == indexName })
		return p, nil
	}
	if !has(indexName) {
		return p, fmt.Errorf("there is neither model.safetensors nor %s beside it", indexName)
	}
	return w.shards(ctx, c, p)
}

// shards adds the files that the index names.
func (w webSource) shards(ctx context.Context, c *client, p plan) (plan, error) {
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := c.json(ctx, w.beside(indexName).address, nil, &index); err != nil {
		return p, err
	}
	shards := map[string]bool{}
	for _, name := range index.Map {
		if !weightsName.MatchString(name) {
			return p, fmt.Errorf("%s names a file %q, which is not a shard", indexName, name)
		}
		shards[name] = true
	}
	var list []string
	for name := range shards {
		list = append(list, name)
	}
	slices.Sort(list)
	for _, name := range list {
		f, err := c.probe(ctx, w.beside(name))
		if err != nil {
			return p, err
		}
		p.files = append(p.files, f)
	}
	return p, nil
}

func (w webSource) explain(_ Remote, err error) error { return err }
