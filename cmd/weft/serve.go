package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"weft/internal/server"
)

type serveCommand struct {
	Models []string `arg:"" optional:"" name:"model" help:"Models to serve; the first answers requests that name none (default: the built-in one)."`
	serverFlags
}

// serverFlags are of the commands that serve.
type serverFlags struct {
	computeFlags
	Addr        string   `help:"Where to listen; port 0 takes a free one. Default: 127.0.0.1:8080, which only this machine reaches." placeholder:"HOST:PORT"`
	APIKeyFile  string   `name:"api-key-file" help:"Ask for one of the keys in this file, one on a line." type:"path" placeholder:"FILE"`
	Parallel    int      `help:"Requests that a model answers at once; more wait." default:"4" placeholder:"N"`
	Ctx         int      `help:"Most tokens of prompt and answer together; 0 is what the model was made for." placeholder:"N" default:"0"`
	AllowHost   []string `help:"Another name that requests may call this server by. May be given several times." sep:"none" placeholder:"NAME"`
	AllowOrigin []string `help:"Let the pages of another origin, such as http://localhost:3000, ask. May be given several times." sep:"none" placeholder:"ORIGIN"`
	Insecure    bool     `help:"Let other machines in without a key."`
}

func (serveCommand) Help() string {
	return `Answers OpenAI's API at /v1/chat/completions and /v1/models, and shows the studio's page. Requests run together, and what a
prompt has in common with an earlier one is not run again. Ctrl-C lets answers end for ten seconds; a second one does not.

Examples:

    weft serve
    weft serve smollm2.gguf out/mine --parallel 8 --ctx 4096
    curl http://127.0.0.1:8080/v1/chat/completions -d '{"messages": [{"role": "user", "content": "Hello"}]}'`
}

func (c *serveCommand) Run(a *app) error {
	return a.serve(c.Models, c.serverFlags, false)
}

// defaultAddr is where a server listens unless told otherwise.
const defaultAddr = "127.0.0.1:8080"

// serve serves models until it is stopped. For the studio it takes another port if the
// default one is taken, and opens the page.
func (a *app) serve(names []string, f serverFlags, studio bool) error {
	keys, err := f.check()
	if err != nil {
		return err
	}
	l, err := a.listen(f.Addr, studio)
	if err != nil {
		return err
	}
	defer l.Close()
	if len(names) == 0 {
		names = []string{""}
	}
	var models []server.Model
	for _, name := range names {
		m, err := a.openModel(name, f.computeFlags)
		if err != nil {
			return err
		}
		defer m.Close()
		if _, err := m.context(f.Ctx); err != nil {
			return err
		}
		models = append(models, server.Model{Name: served(name, m.Name), Model: m.Model})
	}
	log := a.log()
	page, err := a.page(names, models, f, log)
	if err != nil {
		return err
	}
	if c, ok := page.(io.Closer); ok {
		defer c.Close()
	}
	version, _ := built()
	s, err := server.New(server.Options{
		Models: models, Parallel: f.Parallel, Context: f.Ctx, Keys: keys, Version: version, Log: log,
		Addr: cmp.Or(f.Addr, defaultAddr), Hosts: f.AllowHost, Origins: f.AllowOrigin, Insecure: f.Insecure,
		Page: page,
	})
	if err != nil {
		return usageError{err}
	}
	return untilStopped(func(ctx context.Context) error {
		at := "http://" + reachable(l.Addr())
		if err := a.announce(at, models, f, keys, studio); err != nil {
			return err
		}
		if studio && len(keys) == 0 {
			a.browse(at)
		}
		return s.Serve(ctx, l)
	})
}

// check refuses what cannot be meant, and reads the keys.
func (f serverFlags) check() (keys []string, err error) {
	switch {
	case f.Parallel < 1:
		return nil, usagef("--parallel is %d, must be 1 or more", f.Parallel)
	case f.Ctx < 0:
		return nil, usagef("--ctx is %d, must be 0 or more", f.Ctx)
	}
	if _, _, err := net.SplitHostPort(cmp.Or(f.Addr, defaultAddr)); err != nil {
		return nil, usagef("--addr is %q, must be HOST:PORT, such as %s", f.Addr, defaultAddr)
	}
	if f.APIKeyFile != "" {
		if keys, err = readKeys(f.APIKeyFile); err != nil {
			return nil, err
		}
	}
	if server.Exposed(f.Addr) && len(keys) == 0 && !f.Insecure {
		return nil, usagef("--addr %s lets other machines in, and without a key whoever reaches it can use the models and the page: "+
			"give --api-key-file, or --insecure if something else keeps strangers out", f.Addr)
	}
	return keys, nil
}

// maxKeys bounds what is read of a file of keys.
const maxKeys = 1 << 20

// readKeys reads keys, one a line; empty lines and those that begin with # do not count.
func readKeys(path string) (keys []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	if info.Size() > maxKeys {
		return nil, fmt.Errorf("read the keys: %s is larger than %d KiB", path, maxKeys>>10)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	for line := range bytes.Lines(data) {
		if key := strings.TrimSpace(string(line)); key != "" && key[0] != '#' {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("read the keys: %s has none", path)
	}
	return keys, nil
}

// nextPorts is how many ports after the default one are tried.
const nextPorts = 100

// listen begins to listen at addr; "" is the default, or another port there if next
// says so.
func (a *app) listen(addr string, next bool) (net.Listener, error) {
	l, err := net.Listen("tcp", cmp.Or(addr, defaultAddr))
	switch {
	case err == nil:
		return l, nil
	case addr == "" && next:
		return a.listenNext(err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w; --addr 127.0.0.1:0 takes a free port", err)
	}
	return nil, err
}

// listenNext takes the first port after the default one that it can get.
func (a *app) listenNext(why error) (net.Listener, error) {
	at := netip.MustParseAddrPort(defaultAddr)
	for i := range uint16(nextPorts) {
		l, err := net.Listen("tcp", netip.AddrPortFrom(at.Addr(), at.Port()+1+i).String())
		if err == nil {
			a.note("port %d is taken; this is port %d", at.Port(), at.Port()+1+i)
			return l, nil
		}
	}
	return nil, why
}

// served is what requests call a model: as the user did, without folders and .gguf
// if that is a path.
func served(arg, name string) string {
	if arg == "" {
		return name
	}
	if _, err := os.Stat(arg); err == nil {
		if abs, err := filepath.Abs(arg); err == nil {
			arg = abs // of "." too
		}
		return strings.TrimSuffix(filepath.Base(arg), ".gguf")
	}
	return arg
}

// reachable is an address to call a listener at from this machine.
func reachable(a net.Addr) string {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil || !ap.Addr().IsUnspecified() {
		return a.String()
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
}

// log writes what happens: with --json as JSON lines on stdout, else as text on stderr.
func (a *app) log() *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.Quiet {
		o.Level = slog.LevelWarn
	}
	if a.JSON {
		return slog.New(slog.NewJSONHandler(a.stdout, o))
	}
	return slog.New(slog.NewTextHandler(a.stderr, o))
}

// announce says where the server is: the address alone is the result, for the studio
// with a key, without which the page shows nothing. It goes into no log, and nobody opens
// it, since other users see the arguments of what is started.
func (a *app) announce(at string, models []server.Model, f serverFlags, keys []string, studio bool) error {
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
	}
	if a.JSON {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "listening", 0)
		r.Add("url", at, "models", names, "parallel", f.Parallel)
		return slog.NewJSONHandler(a.stdout, nil).Handle(context.Background(), r)
	}
	a.note("serving %s; Ctrl-C ends", strings.Join(names, ", "))
	if server.Exposed(f.Addr) {
		a.note("what is said travels unencrypted: put a proxy with TLS before it where others may listen")
	}
	switch {
	case len(keys) > 0 && studio:
		at = withKey(at, keys[0])
		a.note("open this address in a browser; it holds your key, so it is not opened for you, where the list of processes would show it")
	case len(keys) > 0:
		a.note("for the page, append /#key=YOURKEY to the address")
	}
	_, err := fmt.Fprintln(a.stdout, at)
	return err
}

// withKey is the page's address that brings a key along, in a part that browsers do
// not send.
func withKey(at, key string) string {
	return at + "/#key=" + strings.ReplaceAll(url.QueryEscape(key), "+", "%20")
}

// untilStopped runs something until Ctrl-C, which is an interruption, or until a
// polite kill, which is how servers are told that they are done. It ends by itself; the
// second signal ends the process.
func untilStopped(run func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	stopped := make(chan os.Signal, 1)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			stopped <- s
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := run(ctx); err != nil {
		return err
	}
	if s := <-stopped; s == os.Interrupt {
		return errInterrupted
	}
	return nil
}
