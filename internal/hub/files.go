package hub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"weft/internal/atomicfile"
)

// fetchAll brings every file of the plan here.
func (x *pull) fetchAll(ctx context.Context) error {
	x.at.Total = total(x.files)
	missing := x.missing()
	free := freeDisk(x.dir)
	if free >= 0 && missing+diskMargin > free {
		return fmt.Errorf("%s to fetch, but only %s free on the disk of %s", human(missing), human(free), x.dir)
	}
	for _, f := range x.files {
		if err := x.sweep(f); err != nil {
			return err
		}
		kept, err := x.bring(ctx, f)
		if err != nil {
			return err
		}
		x.keep(kept)
	}
	x.result.Path = filepath.Join(x.dir, filepath.FromSlash(x.model))
	return nil
}

// sweep makes a file's folder, and removes what a process that was killed left
// half written. In a folder elsewhere others may be writing.
func (x *pull) sweep(f file) error {
	if err := x.root.MkdirAll(filepath.FromSlash(path.Dir(f.name)), 0o755); err != nil || x.result.Name == "" {
		return err
	}
	return atomicfile.Clean(filepath.Dir(x.path(f.name)))
}

// diskMargin stays free, for whatever else the machine does meanwhile.
const diskMargin = 64 << 20

func (x *pull) keep(f recordFile) {
	x.result.Size += f.Size
	x.result.Files = append(x.result.Files, PulledFile{f.Name, f.Size, f.SHA256})
}

func (x *pull) path(name string) string { return filepath.Join(x.dir, filepath.FromSlash(name)) }

// missing is how many bytes are to come, as far as sizes are known.
func (x *pull) missing() (n int64) {
	for _, f := range x.files {
		if _, ok := x.have(f); ok || f.size < 0 {
			continue
		}
		n += f.size
		if s, ok := readState(x.path(f.name) + partialLog); ok && s.From == f.identity() && s.Size == f.size {
			n -= s.done()
		}
	}
	return n
}

// have says whether this version of a file is here.
func (x *pull) have(f file) (recordFile, bool) {
	r, ok := x.record.find(f.name)
	info, err := x.root.Stat(filepath.FromSlash(f.name))
	ok = ok && err == nil && info.Mode().IsRegular() && info.Size() == r.Size && r.From != "" && r.From == f.identity()
	return r, ok
}

// errBroken is a file whose checksum is wrong.
var errBroken = errors.New("the file arrived broken")

// bring makes sure that a file is here.
func (x *pull) bring(ctx context.Context, f file) (recordFile, error) {
	x.at.File = f.name
	before := x.at.Done
	if r, ok := x.have(f); ok {
		x.move(r.Size)
		return r, nil
	}
	if r, ok, err := x.adopt(ctx, f); ok || err != nil {
		return r, err
	}
	for restarts := 0; ; restarts++ {
		r, again, err := x.fetch(ctx, f)
		if !again || restarts == 3 || ctx.Err() != nil {
			return r, err
		}
		x.note("%v; starting over", err)
		x.move(before - x.at.Done)
		if f.sum == "" {
			f.size = -1
		}
		f.probed, f.ranges, f.etag = false, false, ""
	}
}

// adopt takes over a file that has the right content but no record: a crash
// came between the two, or the user put it there.
func (x *pull) adopt(ctx context.Context, f file) (r recordFile, ok bool, err error) {
	have, err := x.root.Open(filepath.FromSlash(f.name))
	if err != nil || f.sum == "" {
		return r, false, nil
	}
	defer have.Close()
	if info, err := have.Stat(); err != nil || !info.Mode().IsRegular() || f.size >= 0 && info.Size() != f.size {
		return r, false, nil
	}
	sums, err := x.check(ctx, f, have)
	if err != nil || sums.like != f.sum {
		return r, false, err
	}
	x.move(sums.size)
	r = x.recordOf(f, sums)
	return r, true, x.enter(r)
}

// fetch downloads a file, checks it and gives it its name. again says that an
// error may go away if one starts over.
func (x *pull) fetch(ctx context.Context, f file) (r recordFile, again bool, err error) {
	if !f.probed && (f.size < 0 || f.size > x.c.partSizeFor(f.size)) {
		if f, err = x.c.probe(ctx, f); err != nil {
			return r, false, err
		}
	}
	name := filepath.FromSlash(f.name)
	out, err := x.root.OpenFile(name+partial, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return r, false, err
	}
	defer out.Close()
	w, err := newFetch(x.c, f, out, x.path(f.name)+partialLog, x.room(), x.arrived)
	if err != nil {
		return r, false, err
	}
	kept := w.state.done()
	x.move(kept)
	if err := w.run(ctx); err != nil {
		return r, errors.Is(err, errChanged), fmt.Errorf("%s: %w", f.name, err)
	}
	r, err = x.finish(ctx, f, out, w.state.done())
	return r, kept > 0 && errors.Is(err, errBroken), err
}

// finish checks what has arrived and puts it in its place.
func (x *pull) finish(ctx context.Context, f file, out *os.File, size int64) (r recordFile, err error) {
	if err := out.Truncate(size); err != nil { // a first try may have left more
		return r, err
	}
	sums, err := x.check(ctx, f, out)
	if err != nil {
		return r, err
	}
	if err := verify(f, out, sums); err != nil {
		return r, errors.Join(err, remove(x.path(f.name)+partialLog), remove(x.path(f.name)+partial))
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return r, err
	}
	if err := atomicfile.Move(x.path(f.name)+partial, x.path(f.name)); err != nil {
		return r, err
	}
	if f.sum == "" {
		x.note("%s is unverified: its server gives no checksum (its SHA-256 is %s)", f.name, sums.sha)
	}
	r = x.recordOf(f, sums)
	return r, errors.Join(x.enter(r), remove(x.path(f.name)+partialLog))
}

func verify(f file, out *os.File, sums fileSums) error {
	if f.sum != "" && sums.like != f.sum {
		return fmt.Errorf("%s: %w: its checksum is %s, and should be %s", f.name, errBroken, sums.like, f.sum)
	}
	if !strings.HasSuffix(f.name, ".gguf") {
		return nil
	}
	magic := make([]byte, 4)
	if n, _ := out.ReadAt(magic, 0); string(magic[:n]) != "GGUF" {
		return fmt.Errorf("%s is no GGUF file: it begins with %q", f.name, magic[:n])
	}
	return nil
}

// check computes the checksums of a file that is here.
func (x *pull) check(ctx context.Context, f file, at *os.File) (fileSums, error) {
	info, err := at.Stat()
	if err != nil {
		return fileSums{}, err
	}
	p := Progress{File: f.name, Total: info.Size(), Checking: true}
	sums, err := sumFile(ctx, at, f.sum, func(n int64) {
		p.Done += n
		x.tell(p)
	})
	if err != nil {
		return sums, fmt.Errorf("check %s: %w", f.name, err)
	}
	return sums, nil
}

func (x *pull) recordOf(f file, sums fileSums) recordFile {
	return recordFile{f.name, sums.size, sums.sha, f.identity(), x.commit, time.Now().UTC().Truncate(time.Second)}
}

// enter adds a file to the folder's record.
func (x *pull) enter(r recordFile) error {
	x.record.put(r)
	return x.record.write(x.dir)
}

// room is how much may be written when nobody says how much will come.
func (x *pull) room() int64 {
	if free := freeDisk(x.dir); free >= 0 {
		return max(0, free-diskMargin)
	}
	return math.MaxInt64 / 2
}
