package main

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"weft/cmd/weft/internal/view"
	"weft/internal/hub"
)

type listCommand struct{}

func (listCommand) Help() string {
	return `Lists the models of the local store and of Hugging Face's cache: the name to use as MODEL, the size, how the numbers are
stored, and where it came from. Any folder OWNER/REPO that you put into the store yourself is listed too.

Example:

    weft list`
}

type listJSON struct {
	Store      string           `json:"store"`
	HFCache    string           `json:"hf_cache"`
	Models     []listedJSON     `json:"models"`
	Unfinished []unfinishedJSON `json:"unfinished"`
}

type listedJSON struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Type   string `json:"type"` // gguf, safetensors
	Quant  string `json:"quant,omitempty"`
	Bytes  int64  `json:"bytes"`
	Source string `json:"source,omitempty"`
	Commit string `json:"commit,omitempty"`
	Pulled string `json:"pulled,omitempty"`
	Cached bool   `json:"in_hf_cache"`
}

type unfinishedJSON struct {
	Name  string `json:"name"`
	File  string `json:"file"`
	Done  int64  `json:"done_bytes"`
	Bytes int64  `json:"bytes"`
}

func (listCommand) Run(a *app) error {
	store, err := hub.DefaultStore()
	if err != nil {
		return err
	}
	models, unfinished, err := store.List()
	if err != nil {
		return err
	}
	if a.JSON {
		return a.writeJSON(listDoc(store, models, unfinished))
	}
	if len(models)+len(unfinished) == 0 {
		a.note("no models in %s; weft pull fetches one", store.Dir)
		return nil
	}
	return a.listText(models, unfinished)
}

func listDoc(store hub.Store, models []hub.Model, unfinished []hub.Unfinished) listJSON {
	doc := listJSON{store.Dir, store.Cache, []listedJSON{}, []unfinishedJSON{}}
	for _, m := range models {
		j := listedJSON{Name: m.Name, Path: m.Path, Type: m.Type, Quant: m.Quant, Bytes: m.Size, Source: m.Source, Commit: m.Commit, Cached: m.Cache}
		if !m.Pulled.IsZero() {
			j.Pulled = m.Pulled.Format(time.RFC3339)
		}
		doc.Models = append(doc.Models, j)
	}
	for _, u := range unfinished {
		doc.Unfinished = append(doc.Unfinished, unfinishedJSON{u.Name, u.File, u.Done, u.Size})
	}
	return doc
}

func (a *app) listText(models []hub.Model, unfinished []hub.Unfinished) error {
	var rows [][4]string
	for _, m := range models {
		rows = append(rows, [4]string{m.Name, view.Bytes(int(m.Size)), stored(m), origin(m)})
	}
	for _, u := range unfinished {
		size := "some of it"
		if u.Size > 0 {
			size = fmt.Sprintf("%d %% of %s", 100*u.Done/u.Size, view.Bytes(int(u.Size)))
		}
		rows = append(rows, [4]string{u.Name, size, "unfinished", u.File})
	}
	var wide [3]int
	for _, r := range rows {
		for i := range wide {
			wide[i] = max(wide[i], len([]rune(r[i])))
		}
	}
	out := bufio.NewWriter(a.stdout)
	for _, r := range rows {
		fmt.Fprintf(out, "%-*s  %*s  %-*s  %s\n", wide[0], r[0], wide[1], r[1], wide[2], r[2], r[3])
	}
	return out.Flush()
}

// stored is how a model's numbers are stored, as far as names tell.
func stored(m hub.Model) string {
	return strings.TrimSpace(m.Type + " " + m.Quant)
}

// origin is where a model came from.
func origin(m hub.Model) string {
	switch {
	case m.Cache:
		return m.Source + ", in Hugging Face's cache"
	case m.Source == "":
		return "put there by hand"
	}
	s := m.Source
	if m.Commit != "" {
		s += "@" + m.Commit[:min(8, len(m.Commit))]
	}
	return s + ", " + m.Pulled.Format(time.DateOnly)
}
