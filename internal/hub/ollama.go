package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ollamaSource is a model of Ollama's registry, which speaks the distribution
// protocol of container images, version 2: a manifest lists layers, a layer is a
// blob named by its SHA-256.
type ollamaSource struct {
	owner, name, tag string // owner "library" for those without one
}

func (o ollamaSource) String() string {
	if o.owner == "library" {
		return "ollama:" + o.name + ":" + o.tag
	}
	return "ollama:" + o.owner + "/" + o.name + ":" + o.tag
}

// entry is the model's name in the store.
func (o ollamaSource) entry() string {
	if o.owner == "library" {
		return "ollama/" + o.name + "-" + o.tag
	}
	return "ollama/" + o.owner + "-" + o.name + "-" + o.tag
}

func (o ollamaSource) server(r Remote) (base, token string) { return r.Ollama, "" }

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

type manifest struct {
	Layers []struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int64  `json:"size"`
	} `json:"layers"`
}

// layerNames are the files that layers become.
var layerNames = map[string]string{
	"model": ".gguf", "template": "template.txt", "system": "system.txt", "params": "params.json",
	"license": "license.txt", "messages": "messages.json",
}

func (o ollamaSource) plan(ctx context.Context, c *client, _ memory) (plan, error) {
	var m manifest
	err := c.json(ctx, c.address("v2", o.owner, o.name, "manifests", o.tag), http.Header{"Accept": {manifestType}}, &m)
	if err != nil {
		return plan{}, err
	}
	p := plan{name: o.entry(), source: o.String(), revision: o.tag}
	seen := map[string]int{}
	for _, l := range m.Layers {
		if l.MediaType == "application/vnd.ollama.image.projector" {
			p.why = "without the part that reads pictures, which weft cannot use"
			continue
		}
		kind, ours := strings.CutPrefix(l.MediaType, "application/vnd.ollama.image.")
		name, known := layerNames[kind]
		if !ours || !known {
			return plan{}, fmt.Errorf("it has a part of the type %q, which weft cannot use", printable(l.MediaType))
		}
		sum := sha256Sum(strings.TrimPrefix(l.Digest, "sha256:"))
		if sum == "" || l.Size < 0 {
			return plan{}, fmt.Errorf("the manifest names a blob %q of %d bytes", printable(l.Digest), l.Size)
		}
		if kind == "model" {
			_, stem, _ := strings.Cut(o.entry(), "/")
			name = stem + name
		}
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%d-%s", seen[name], name)
		}
		if kind == "model" {
			p.model, p.commit = name, strings.TrimPrefix(l.Digest, "sha256:")
		}
		p.files = append(p.files, file{name: name, address: c.address("v2", o.owner, o.name, "blobs", l.Digest), size: l.Size, sum: sum})
	}
	if p.model == "" || seen[p.model] != 1 {
		return plan{}, errors.New("it does not hold one GGUF model")
	}
	return p, nil
}

func (o ollamaSource) explain(r Remote, err error) error {
	var status *StatusError
	switch {
	case !errors.As(err, &status):
	case status.Code == http.StatusNotFound:
		return fmt.Errorf("it does not exist on %s: %w", r.Ollama, err)
	case status.Code == http.StatusUnauthorized, status.Code == http.StatusForbidden:
		return fmt.Errorf("it is private or does not exist, and weft has no login for %s: %w", r.Ollama, err)
	}
	return err
}
