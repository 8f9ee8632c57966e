// Package hub keeps models in plain folders and fetches them from where people
// publish them.
//
// A [Store] is a folder: DIR/OWNER/REPO/FILE, with a small weft.json beside the
// files that says where they came from. What lies there by hand is a model too.
// The cache that Hugging Face's own tools keep is read as well, never written.
//
// A [Puller] downloads. Read pull.go for the order of things: a reference
// (ref.go) becomes a plan (hf.go, ollama.go, web.go; choose.go picks among the
// files of a repository), a plan becomes files (fetch.go, part.go). Files arrive
// in parts beside their final name, go on after an interruption, and take that
// name only when their checksum is right. client.go is what may be asked of
// whom: nothing that a server says leads a request, a token or a file anywhere
// that the user did not name.
package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Errors that callers may want to tell apart.
var (
	ErrOffline  = errors.New("no connection")             // nobody answered: no network, no such host, nobody there
	ErrNotFound = errors.New("no such model here")        // neither in the store nor in the cache
	ErrNotOwned = errors.New("it was not pulled by weft") // so weft does not remove it
)

// Store is where models are.
type Store struct {
	Dir   string // holds OWNER/REPO/FILE; made when the first model is pulled
	Cache string // Hugging Face's cache, or "" for none
}

// DefaultStore is the store that the environment asks for: $WEFT_HOME/models,
// else the folder for a user's data: $XDG_DATA_HOME/weft/models (by default
// ~/.local/share), on macOS ~/Library/Application Support, on Windows
// %LocalAppData%. It is data and not cache, so that nothing that tidies caches
// deletes a model.
func DefaultStore() (Store, error) {
	home := os.Getenv("WEFT_HOME")
	if home == "" {
		data, err := dataDir()
		if err != nil {
			return Store{}, fmt.Errorf("find a folder for models: %w (WEFT_HOME names one)", err)
		}
		home = filepath.Join(data, "weft")
	}
	return Store{Dir: filepath.Join(home, "models"), Cache: hfCache()}, nil
}

func dataDir() (string, error) {
	switch runtime.GOOS {
	case "darwin", "ios":
		return os.UserConfigDir()
	case "windows":
		return os.UserCacheDir()
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // the specification: ignore what is not absolute
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share"), err
}

// entry is the folder of a store's name OWNER/REPO.
func (s Store) entry(name string) string { return filepath.Join(s.Dir, filepath.FromSlash(name)) }
