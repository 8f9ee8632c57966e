package train

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// insideEnv tells the test binary that it has a mount namespace of its own.
const insideEnv = "WEFT_TEST_DISK"

// TestRealFullDisk trains on a file system of a few megabytes that fills up. It
// mounts it in a process with mounts of its own, which vanish with it.
func TestRealFullDisk(t *testing.T) {
	if os.Getenv(insideEnv) != "" {
		fullDisks(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRealFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM) || bytes.Contains(out, []byte(mayNot)):
		t.Skip("this process may not mount a file system; TestFullDisk has a disk that only says that it is full")
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
}

const mayNot = "may not mount"

// disk is a small file system.
type disk string

func mount(t *testing.T) disk {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m")
	if errors.Is(err, unix.EPERM) {
		t.Skip(mayNot)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return disk(dir)
}

func (d disk) ballast() string { return filepath.Join(string(d), "ballast") }

// fill leaves room for that many bytes.
func (d disk) fill(t *testing.T, room int64) {
	t.Helper()
	f, err := os.Create(d.ballast())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(info.Size() - room); err != nil {
		t.Fatal(err)
	}
}

func (d disk) empty(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		t.Fatal(err)
	}
}

func fullDisks(t *testing.T) {
	t.Run("for a while", func(t *testing.T) { fullForAWhile(t, 0, map[string]int{"log": 1, "checkpoint": 3, "save model": 2}) })
	t.Run("nearly", func(t *testing.T) { fullForAWhile(t, 40<<10, map[string]int{"checkpoint": 3, "save model": 2}) })
	t.Run("to the end", fullToTheEnd)
	t.Run("at the start", fullAtTheStart)
}

// fullForAWhile: with no room at all the log and the checkpoints fail, with a
// little room the files break off in the middle. Each is noted and made up for.
func fullForAWhile(t *testing.T, room int64, want map[string]int) {
	d, data, recipe := mount(t), verse(t), tinyRecipe()
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(string(d), "m")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe})
	got := map[string]int{}
	train(t, Options{Data: []string{data}, Out: out, Recipe: &recipe, SaveEvery: 5, OnEvent: func(e Event) {
		switch e := e.(type) {
		case Note:
			what, why, _ := strings.Cut(string(e), ": ")
			if !strings.Contains(why, "no space left on device (training goes on; ") {
				t.Errorf("note %q", e)
			}
			got[what]++
		case Line:
			switch e.Step {
			case 12:
				d.fill(t, room)
			case 27:
				valid(t, out, 10, 5)
				d.empty(t)
			}
		}
	}})
	if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Error("another model")
	}
	if !maps.Equal(got, want) {
		t.Errorf("notes %v, want %v", got, want)
	}
}

// valid fails unless the folder holds checkpoints of these steps, all intact.
func valid(t *testing.T, out string, steps ...int) {
	t.Helper()
	dir := filepath.Join(out, "train")
	list, err := listCheckpoints(dir)
	if err != nil || !slices.Equal(list, steps) {
		t.Errorf("checkpoints of steps %v, want %v: %v", list, steps, err)
	}
	for _, step := range list {
		ck, err := readCheckpoint(checkpointPath(dir, step))
		if err != nil {
			t.Fatal(err)
		}
		ck.close()
	}
}

// fullToTheEnd: what was saved stays, one error says why there is no more, and
// with room again the run can be finished.
func fullToTheEnd(t *testing.T) {
	d, data, recipe := mount(t), verse(t), tinyRecipe()
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(string(d), "m")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe})
	o := Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, SaveEvery: 5, OnEvent: func(e Event) {
		if line, ok := e.(Line); ok && line.Step == 33 {
			d.fill(t, 0)
		}
	}}
	if _, err := Run(context.Background(), o); !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
	valid(t, out, 30, 25)
	d.empty(t)
	train(t, Options{Out: out, Resume: true})
	if lines(t, out, 40); !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Error("another model")
	}
}

// fullAtTheStart: one clear error, nothing half written, and room is all that
// is missing.
func fullAtTheStart(t *testing.T) {
	d, recipe := mount(t), tinyRecipe()
	recipe.Horizon.Steps = 3
	data := write(t, filepath.Join(t.TempDir(), "long.txt"), strings.Repeat("the cat sat on the mat; the dog lay on the log.\n", 4000))
	out := filepath.Join(string(d), "m")
	if err := os.MkdirAll(filepath.Join(out, "train"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := Options{Threads: 1, Data: []string{data}, Out: out, Recipe: &recipe, Resume: true}
	for _, c := range []struct {
		room int64
		file string
	}{{0, "tokenizer.json"}, {100 << 10, "train.bin"}, {340 << 10, "val.bin"}} {
		d.fill(t, c.room)
		_, err := Run(context.Background(), o)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), filepath.Join(out, "train", c.file)+": no space left") || strings.Contains(err.Error(), "\n") {
			t.Errorf("room for %d bytes: error %v", c.room, err)
		}
		if beingWritten(filepath.Join(out, "train")) {
			t.Errorf("room for %d bytes: a half-written file is still there", c.room)
		}
		d.empty(t)
	}
	train(t, o)
	lines(t, out, 3)
}
