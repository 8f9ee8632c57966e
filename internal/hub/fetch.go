package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// fetch is one file on its way to the disk.
type fetch struct {
	c     *client
	file  file
	out   *os.File // PATH.partial
	log   string   // PATH.partial.json
	limit int64    // the most bytes to write when the size is unknown
	moved func(n int64)

	mu    sync.Mutex
	state state
	saved int64 // bytes that the log knows of
}

// errChanged is a file that is not what its first parts were of, or can suddenly
// not be had in parts.
var errChanged = errors.New("the file changed on the server")

// identity tells this version of a file from others: its checksum, or what the
// server calls it. "" is unknown.
func (f file) identity() string {
	switch {
	case f.sum != "":
		return string(f.sum)
	case f.etag != "":
		address, _, _ := strings.Cut(f.address, "?") // a query may hold a key, and this is written down
		return address + " " + f.etag
	}
	return ""
}

// newFetch continues what is in out, or begins.
func newFetch(c *client, f file, out *os.File, log string, limit int64, moved func(int64)) (*fetch, error) {
	partSize := c.partSizeFor(f.size)
	if f.probed && !f.ranges {
		partSize = 0
	}
	fresh := newState(f.identity(), f.size, partSize)
	x := &fetch{c: c, file: f, out: out, log: log, limit: limit, moved: moved, state: fresh}
	info, err := out.Stat()
	if err != nil {
		return nil, err
	}
	old, ok := readState(log)
	if ok && old.From == fresh.From && old.From != "" && old.Size == f.size && info.Size() == f.size && (f.ranges || !f.probed) {
		x.state, x.saved = old, old.done()
		return x, nil
	}
	return x, x.begin()
}

// begin clears the way for a file from its first byte.
func (x *fetch) begin() error {
	if err := os.Remove(x.log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := x.out.Truncate(0); err != nil {
		return err
	}
	return x.out.Truncate(max(x.file.size, 0))
}

// run fetches what is missing. Whatever ends it, what has arrived is noted.
func (x *fetch) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan int, len(x.state.Done))
	for i := range x.state.Done {
		todo <- i
	}
	close(todo)
	var workers sync.WaitGroup
	for range min(x.c.connections, len(x.state.Done)) {
		workers.Go(func() {
			for i := range todo {
				if err := x.c.retry(ctx, func() (bool, error) { return x.part(ctx, i) }); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { workers.Wait(); close(finished) }()
	x.keepLog(finished, cancel)
	err := context.Cause(ctx)
	return errors.Join(err, x.save())
}

// keepLog notes what has arrived every few seconds.
func (x *fetch) keepLog(finished <-chan struct{}, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(x.c.save)
	defer ticker.Stop()
	for {
		select {
		case <-finished:
			return
		case <-ticker.C:
			if err := x.save(); err != nil {
				cancel(err)
			}
		}
	}
}

// save brings what has arrived to the disk, and then says so in the log. What
// could not be continued is not logged.
func (x *fetch) save() error {
	x.mu.Lock()
	s := x.state
	s.Done = slices.Clone(s.Done)
	x.mu.Unlock()
	if s.done() == x.saved {
		return nil
	}
	if err := x.out.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", x.out.Name(), err)
	}
	x.saved = s.done()
	if s.From == "" || s.Size < 0 || x.file.probed && !x.file.ranges {
		return nil
	}
	return s.write(x.log)
}

// add counts bytes of a part that have been written.
func (x *fetch) add(part int, n int64) {
	x.mu.Lock()
	x.state.Done[part] += n
	x.mu.Unlock()
	x.moved(n)
}

// next is where a part goes on and where it ends.
func (x *fetch) next(part int) (from, end int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	begin, end := x.state.span(part)
	return begin + x.state.Done[part], end
}
