package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weft/internal/hub"
)

type pullCommand struct {
	Ref string `arg:"" help:"hf:OWNER/REPO[/FILE][@REVISION], ollama:NAME[:TAG], or an https address."`
	To  string `help:"Put the files into this folder instead of the store." type:"path" placeholder:"DIR"`
}

func (pullCommand) Help() string {
	return `From a repository without FILE, the best GGUF that fits in this machine's memory is chosen, or the model folder if there
is no GGUF. Files come in parts and are checked; after an interruption the same command goes on.

Models are plain files: WEFT_HOME/models/OWNER/REPO/FILE, by default in the folder for your data (~/.local/share/weft on
Linux). What Hugging Face's own cache has is used from there. WEFT_HUB is the address of a mirror; HF_TOKEN lets you at
what is yours or gated.

Examples:

    weft pull hf:HuggingFaceTB/SmolLM2-135M-Instruct
    weft pull ollama:llama3.2:1b
    weft pull https://example.org/model.gguf --to models`
}

type pullJSON struct {
	Name     string         `json:"name"`
	Path     string         `json:"path"`
	Source   string         `json:"source"`
	Revision string         `json:"revision"`
	Commit   string         `json:"commit"`
	Why      string         `json:"why"`
	Bytes    int64          `json:"bytes"`
	Fetched  int64          `json:"fetched_bytes"`
	Cached   bool           `json:"in_hf_cache"`
	Files    []pullFileJSON `json:"files"`
}

type pullFileJSON struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (c *pullCommand) Run(a *app) error {
	store, err := hub.DefaultStore()
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	show := &pullProgress{status: &status{app: a}}
	defer show.clear()
	p := hub.Puller{Store: store, Remote: hub.RemoteFromEnv(), OnEvent: show.event}
	got, err := p.Pull(ctx, c.Ref, c.To)
	show.clear()
	switch {
	case errors.Is(err, context.Canceled):
		a.note("stopped; the same command goes on")
		return errInterrupted
	case errors.Is(err, hub.ErrOffline):
		return fmt.Errorf("%w; %s", err, local(store))
	case errors.Is(err, hub.ErrReference):
		return usageError{err}
	case err != nil:
		return err
	}
	if a.JSON {
		return a.writeJSON(pullDoc(got))
	}
	a.note("%s", pulled(got))
	_, err = fmt.Fprintln(a.stdout, got.Path)
	return err
}

func pullDoc(got hub.Pulled) pullJSON {
	doc := pullJSON{got.Name, got.Path, got.Source, got.Revision, got.Commit, got.Why, got.Size, got.Fetched, got.Cached, []pullFileJSON{}}
	for _, f := range got.Files {
		doc.Files = append(doc.Files, pullFileJSON{f.Name, f.Size, f.SHA256})
	}
	return doc
}

// pulled says what a pull came to, and what to do with it.
func pulled(got hub.Pulled) string {
	name := got.Name
	if name == "" {
		name = got.Path
	}
	was := "is here"
	switch {
	case got.Cached:
		was = "is in Hugging Face's cache already"
	case got.Fetched == 0:
		was = "was here already"
	}
	return fmt.Sprintf("%s %s: weft chat %s", name, was, name)
}

// local says what can be used without a connection.
func local(store hub.Store) string {
	models, _, err := store.List()
	if err != nil || len(models) == 0 {
		return "no other model is here, but the built-in one"
	}
	var names []string
	for i, m := range models {
		if i == 5 {
			names = append(names, "… (weft list)")
			break
		}
		names = append(names, m.Name)
	}
	return "already here: " + strings.Join(names, ", ")
}
