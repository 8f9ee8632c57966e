// Package atomicfile writes files that appear whole or not at all.
//
// The bytes go to a temporary file in the same folder, reach the disk, and only then take the final name; whatever
// stops the write (a full disk, a kill, a power cut) leaves the old file, or none, never half of one. Use [WriteFile]
// when the content comes from code and [WriteBytes] when it is already in memory.
package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// bufferSize trades memory for fewer system calls; weights arrive in pieces of many sizes.
const bufferSize = 1 << 20

// prefix marks temporary files. It starts with a dot so that nothing that lists a model folder takes one for content.
const prefix = ".weft-tmp-"

// WriteFile makes path hold what write produces, or leaves it as it was and returns the first error. An existing file
// keeps its permission bits; a new one gets 0644 (cut by the umask). The writer is buffered and valid only during the
// call. A path that is a symbolic link replaces the file that the link points to, not the link.
func WriteFile(path string, write func(io.Writer) error) error {
	path, perm, err := target(path)
	if err != nil {
		return err
	}
	tmp, err := create(path, perm)
	if err != nil {
		return err
	}
	renamed := false
	defer func() { // also when write panics
		if !renamed {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if err := fill(tmp, write); err != nil {
		return failed(path, err)
	}
	if err := tmp.Close(); err != nil {
		return failed(path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return failed(path, err)
	}
	renamed = true
	return syncDir(filepath.Dir(path))
}

// WriteBytes is [WriteFile] for content that is already in memory.
func WriteBytes(path string, data []byte) error {
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Move gives a file that is complete and synced its final name, for writers that need their own temporary file (a
// download that goes on after a stop). Both names must be in one file system. What was at path is replaced.
func Move(from, path string) error {
	if err := os.Rename(from, path); err != nil {
		return failed(path, err)
	}
	return syncDir(filepath.Dir(path))
}

// Clean removes what writers that were killed left behind in dir. Call it only when no other process can be writing
// there: it cannot tell a dead writer's file from a live one's.
func Clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clean %s: %w", dir, err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("clean %s: %w", dir, err)
		}
	}
	return nil
}

// target follows a symbolic link and finds the permissions an existing file has; perm 0 means that there is none.
func target(path string) (real string, perm os.FileMode, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return path, 0, nil // absent, or a dangling link: create says what is wrong, if anything
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("write %s: not a regular file", path)
	}
	real, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", 0, fmt.Errorf("write %s: %w", path, err)
	}
	return real, info.Mode().Perm(), nil
}

// create opens a fresh temporary file beside path. os.CreateTemp would make it private (0600), and nothing can ask for
// the umask safely, so the kernel applies it here.
func create(path string, perm os.FileMode) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%016x", prefix, rand.Uint64()))
	tmp, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, failed(path, err)
	}
	if perm == 0 {
		return tmp, nil
	}
	if err := tmp.Chmod(perm); err != nil {
		tmp.Close()
		os.Remove(name)
		return nil, failed(path, err)
	}
	return tmp, nil
}

// failed names the file that was asked for. What the system says names the temporary one, which tells nobody anything.
func failed(path string, err error) error {
	switch e := err.(type) { // not errors.As: what the caller's writer wrapped stays as it is
	case *fs.PathError:
		err = e.Err
	case *os.LinkError:
		err = e.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// fill runs write into tmp and waits until the bytes are on the disk.
func fill(tmp *os.File, write func(io.Writer) error) error {
	buf := bufio.NewWriterSize(tmp, bufferSize)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return tmp.Sync()
}
