package main

import (
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"weft"
	"weft/internal/hub"
	"weft/internal/server"
	"weft/internal/studio"
)

type studioCommand struct {
	modelArg
	serverFlags
}

func (studioCommand) Help() string {
	return `Does what weft serve does, and opens its page in the browser. If port 8080 is taken, it looks for the next that is free.

Examples:

    weft studio
    weft studio smollm2.gguf --addr 127.0.0.1:9000`
}

func (c *studioCommand) Run(a *app) error {
	return a.serve([]string{c.Model}, c.serverFlags, true)
}

// page is the studio. names are those of the command line.
func (a *app) page(names []string, models []server.Model, f serverFlags, log *slog.Logger) (http.Handler, error) {
	store, err := hub.DefaultStore()
	if err != nil {
		return nil, err
	}
	runs, err := os.UserCacheDir()
	if err != nil {
		a.note("there is no place for training runs: %v", err)
	} else {
		runs = filepath.Join(runs, "weft", "train")
	}
	version, _ := built()
	return studio.New(studio.Options{
		Default: models[0].Model, Name: models[0].Name, Kind: kindOf(names[0]), Models: names[1:],
		Open: func(name string) (*weft.Model, error) {
			m, err := a.openModel(name, f.computeFlags)
			return m.Model, err
		},
		Store: store, TrainDir: runs, Version: version, Threads: a.Threads, Log: log,
	})
}

// kindOf is what a MODEL of the command line is, for the page's list.
func kindOf(name string) string {
	if name == "" {
		return "builtin"
	}
	if _, err := os.Stat(name); err != nil {
		return "store"
	}
	return "file"
}

// browse opens a page in the user's browser, if there is one.
func (a *app) browse(url string) {
	cmd := opener(url)
	if cmd == nil {
		a.note("there is no display here; open %s in a browser", url)
		return
	}
	if err := cmd.Start(); err != nil {
		a.note("no browser opens by itself (%v); open %s in one", err, url)
		return
	}
	go func() {
		if err := cmd.Wait(); err != nil {
			a.note("no browser opens by itself (%s: %v); open %s in one", cmd.Path, err, url)
		}
	}()
}

// opener is how this platform opens a page; nil if it cannot.
func opener(url string) *exec.Cmd {
	switch {
	case runtime.GOOS == "darwin":
		return exec.Command("open", url)
	case runtime.GOOS == "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", url)
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return nil
	}
	return exec.Command("xdg-open", url)
}
