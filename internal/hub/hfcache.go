package hub

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// hfCache is where Hugging Face's tools keep what they download, by the
// variables that they read.
func hfCache() string {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir
	}
	if home := hfHome(); home != "" {
		return filepath.Join(home, "hub")
	}
	return ""
}

func hfHome() string {
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache", "huggingface")
}

// RemoteFromEnv is the servers and the token that the environment asks for:
// $WEFT_HUB is a mirror for both kinds of servers; the token is $HF_TOKEN, else
// in the file where Hugging Face's tools put it.
func RemoteFromEnv() Remote {
	mirror := os.Getenv("WEFT_HUB")
	r := Remote{HuggingFace: mirror, Ollama: mirror, Token: strings.TrimSpace(os.Getenv("HF_TOKEN"))}
	if home := hfHome(); r.Token == "" && home != "" {
		if data, err := os.ReadFile(filepath.Join(home, "token")); err == nil {
			r.Token = strings.TrimSpace(string(data))
		}
	}
	return r
}

// cacheFolder is where the cache keeps a repository.
func (s Store) cacheFolder(repo string) string {
	return filepath.Join(s.Cache, "models--"+strings.ReplaceAll(repo, "/", "--"))
}

// snapshot is the folder of a revision that the cache has, and its commit.
func (s Store) snapshot(repo, revision string) (dir, commit string, ok bool) {
	if s.Cache == "" {
		return "", "", false
	}
	folder := s.cacheFolder(repo)
	if data, err := os.ReadFile(filepath.Join(folder, "refs", revision)); err == nil {
		revision = strings.TrimSpace(string(data))
	}
	if !hex40.MatchString(revision) {
		return "", "", false
	}
	dir = filepath.Join(folder, "snapshots", revision)
	info, err := os.Stat(dir)
	return dir, revision, err == nil && info.IsDir()
}

// cached lists the repositories in the cache that have a main revision.
func (s Store) cached() ([]string, error) {
	if s.Cache == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(s.Cache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var repos []string
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "models--")
		owner, repo, two := strings.Cut(name, "--")
		if ok && two && checkEntry(owner+"/"+repo) == nil {
			repos = append(repos, owner+"/"+repo)
		}
	}
	return repos, nil
}

// fromCache says whether the cache has every file of the plan, with the right
// checksums; then there is nothing to fetch.
func (x *pull) fromCache(ctx context.Context, repo string) (bool, error) {
	dir, _, ok := x.Store.snapshot(repo, x.commit)
	if !ok {
		return false, nil
	}
	kept := x.result
	for _, f := range x.files {
		r, ok, err := x.cachedFile(ctx, f, filepath.Join(dir, filepath.FromSlash(f.name)))
		if !ok || err != nil {
			x.result = kept
			return false, err
		}
		x.keep(r)
	}
	x.result.Path, x.result.Cached = filepath.Join(dir, filepath.FromSlash(x.model)), true
	return true, nil
}

func (x *pull) cachedFile(ctx context.Context, f file, path string) (r recordFile, ok bool, err error) {
	have, err := os.Open(path)
	if err != nil || f.sum == "" {
		return r, false, nil
	}
	defer have.Close()
	if info, err := have.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != f.size {
		return r, false, nil
	}
	sums, err := x.check(ctx, f, have)
	return x.recordOf(f, sums), err == nil && sums.like == f.sum, err
}
