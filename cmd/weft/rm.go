package main

import (
	"fmt"
	"strings"

	"weft/cmd/weft/internal/view"
	"weft/internal/hub"
)

type rmCommand struct {
	Name string `arg:"" help:"Model to remove, by its name in weft list."`
}

func (rmCommand) Help() string {
	return `Removes what "weft pull" put into the store under a name, finished or not. Files that you put there yourself stay, and so
does what is in Hugging Face's cache.

Example:

    weft rm HuggingFaceTB/SmolLM2-135M-Instruct`
}

type rmJSON struct {
	Name  string   `json:"name"`
	Files []string `json:"files"`
	Kept  []string `json:"kept"`
	Bytes int64    `json:"bytes"`
}

func (c *rmCommand) Run(a *app) error {
	store, err := hub.DefaultStore()
	if err != nil {
		return err
	}
	r, err := store.Remove(c.Name)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.writeJSON(rmJSON{r.Name, r.Files, append([]string{}, r.Kept...), r.Bytes})
	}
	if len(r.Kept) > 0 {
		a.note("left what was put there by hand: %s", strings.Join(r.Kept, ", "))
	}
	_, err = fmt.Fprintf(a.stdout, "%s removed, %s freed\n", r.Name, view.Bytes(int(r.Bytes)))
	return err
}
