package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// only fails when the folder holds anything but the named files: a leftover temporary file is a bug.
func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("folder holds %q, want %q", got, want)
	}
}

func TestWriteAndReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, content := range []string{"one", "second, longer", ""} {
		if err := WriteBytes(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Fatalf("read %q, want %q", got, content)
		}
	}
	only(t, dir, "f")
}

func TestFailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteBytes(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := WriteFile(path, func(w io.Writer) error {
		w.Write(make([]byte, 3<<20)) // past the buffer, so that half a file is really there
		return boom
	})
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v must wrap the cause and name the file", err)
	}
	if got := read(t, path); got != "old" {
		t.Fatalf("read %q, want the old content", got)
	}
	only(t, dir, "f")
}

func TestPanicLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() { recover() }()
		WriteFile(filepath.Join(dir, "f"), func(io.Writer) error { panic("writer") })
	}()
	only(t, dir)
}

func TestMove(t *testing.T) {
	dir := t.TempDir()
	from, path := filepath.Join(dir, "part"), filepath.Join(dir, "f")
	for _, content := range []string{"one", "two"} {
		if err := os.WriteFile(from, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Move(from, path); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Fatalf("read %q, want %q", got, content)
		}
	}
	if err := Move(from, path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("moving nothing: error %v must name the path", err)
	}
	only(t, dir, "f")
}

func TestCleanTakesOnlyLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"keep", prefix + "0123", prefix + "4567"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	only(t, dir, "keep")
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o640 {
		t.Fatalf("permissions became %v", info.Mode().Perm())
	}
}

func TestSymlinkTargetIsReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "real"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("real", link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := WriteBytes(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
		t.Fatal("the link was replaced by a file")
	}
	if got := read(t, filepath.Join(dir, "real")); got != "new" {
		t.Fatalf("the link's target reads %q", got)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"folder": dir, "no such folder": filepath.Join(dir, "no", "f")} {
		if err := WriteBytes(path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v must name the path", name, err)
		}
	}
	only(t, dir)
}

// TestFullDisk writes to a real full device where the platform has one.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	err = fill(full, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err })
	if err == nil {
		t.Fatal("writing to a full device succeeded")
	}
}
