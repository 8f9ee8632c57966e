//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weft"
)

// exitCode is a process's, and -1 after a signal.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -2
}

// interrupt runs weft and presses Ctrl-C after some lines of its stdout, which
// it returns with the exit code.
func interrupt(t *testing.T, lines int, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command("weft", args...)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for scan := bufio.NewScanner(pipe); scan.Scan(); {
		fmt.Fprintln(&out, scan.Text())
		if lines--; lines == 0 {
			cmd.Process.Signal(os.Interrupt)
		}
	}
	code = exitCode(cmd.Wait()) // after which all of stderr is there
	return out.String(), errors.String(), code
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestInterruptedTraining: Ctrl-C saves and says how to go on, and the resumed
// run ends where an unbroken one does.
func TestInterruptedTraining(t *testing.T) {
	text, _ := tiny(t)
	dir := t.TempDir()
	recipe := filepath.Join(dir, "recipe.json")
	write(t, recipe, strings.Replace(tinyRecipe, `"steps": 12`, `"steps": 400`, 1))
	train := func(out string) []string {
		return []string{"train", text, "--config", recipe, "--out", out, "--json"}
	}
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	weftOutput(t, append(train(whole), "-q")...)

	first, said, code := interrupt(t, 20, train(broken)...)
	if code != exitInterrupted || !strings.Contains(said, "which is saved") || !strings.Contains(said, "--resume") {
		t.Fatalf("exit code %d, want %d; it said %q", code, exitInterrupted, said)
	}
	if n := strings.Count(first, "\n"); n < 20 || n >= 400 {
		t.Fatalf("%d steps before the interruption, which came after 20", n)
	}
	if log := read(t, broken, "train", "log.jsonl"); log != first {
		t.Error("the log is not what was printed before the interruption")
	}
	weftOutput(t, "run", broken, "-p", "the", "--max-tokens", "1")

	second := weftOutput(t, append(train(broken), "--resume", "-q")...)
	if log := read(t, broken, "train", "log.jsonl"); log != first+second {
		t.Error("the log is not what both runs printed")
	}
	if read(t, whole, "model.safetensors") != read(t, broken, "model.safetensors") {
		t.Error("the resumed run made another model than the unbroken one")
	}
}

// TestInterruptedAnswer: what came stays, and the exit code says that it is not all.
func TestInterruptedAnswer(t *testing.T) {
	a := &app{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	m, err := a.openModel("", computeFlags{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, stop := interruptible()
	defer stop()
	o := weft.Options{Sampling: &m.Sampling, Context: m.Core.Config.Context}
	err = a.speak(m, o, func(yield func(weft.Token) bool) (weft.Reply, error) {
		res, err := m.Complete(ctx, "To be", o, func(tok weft.Token) bool {
			if ctx.Err() == nil {
				syscall.Kill(os.Getpid(), syscall.SIGINT)
				<-ctx.Done()
			}
			return yield(tok)
		})
		return weft.Reply{Result: res}, err
	})
	if code := a.report("run", err); code != exitInterrupted {
		t.Errorf("%v: exit code %d, want %d", err, code, exitInterrupted)
	}
	if out := a.stdout.(*bytes.Buffer).String(); len(out) < 2 || !strings.HasSuffix(out, "\n") {
		t.Errorf("what came before the interruption is %q", out)
	}
}

// results are commands that print something, each its own way.
func results(text, model, dir string) [][]string {
	return [][]string{
		{"run", "-p", "x", "--max-tokens", "60"}, {"run", "-p", "x", "--json"}, {"chat", "-p", "x", "-q"},
		{"look", "-p", "x"}, {"look", "-p", "x", "--json"}, {"info"}, {"info", "--json"},
		{"tokenize", strings.Repeat("word ", 2000)}, {"tokenize", "--decode", "1"}, {"version"}, {"version", "--json"},
		{"eval", model, text}, {"compare", model, model}, {"compare", model, model, "--json"},
		{"convert", model, filepath.Join(dir, "x.gguf"), "--force", "--json"},
		{"train", text, "--config", filepath.Join(filepath.Dir(text), "tiny.json"), "--out", filepath.Join(dir, "out"), "--json", "-q"},
	}
}

// TestFullOutput: a result that cannot be written is an error, not a success.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Logf("no /dev/full here: %v", err) // Linux has it
		return
	}
	defer full.Close()
	text, model := tiny(t)
	for _, args := range results(text, model, t.TempDir()) {
		var stderr bytes.Buffer
		cmd := exec.Command("weft", args...)
		cmd.Stdout, cmd.Stderr = full, &stderr
		if code := exitCode(cmd.Run()); code != exitFailed || !oneLine.Match(stderr.Bytes()) || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("weft %.40s: exit code %d and %q, want %d and one line", args, code, &stderr, exitFailed)
		}
	}
}

// TestReaderLeaves: weft … | head -1 ends quietly.
func TestReaderLeaves(t *testing.T) {
	text, model := tiny(t)
	dir := t.TempDir()
	for _, args := range results(text, model, dir) {
		var stderr bytes.Buffer
		cmd := exec.Command("weft", args...)
		cmd.Stderr = &stderr
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout = w
		r.Close() // before it begins: the hardest case
		err = cmd.Run()
		w.Close()
		var exit *exec.ExitError
		quiet := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGPIPE && stderr.Len() == 0
		if args[0] == "train" { // it goes on to the end, and only then says so
			quiet = exitCode(err) == exitFailed && oneLine.Match(stderr.Bytes())
		}
		if !quiet {
			t.Errorf("weft %.40s: %v, %q", args, err, &stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "model.safetensors")); err != nil {
		t.Errorf("training stopped when its reader left: %v", err)
	}
}

// TestClosedStreams: a closed stdin is an empty one, and nobody minds a closed stderr.
func TestClosedStreams(t *testing.T) {
	for _, script := range []string{`weft run --max-tokens 2 <&-`, `weft tokenize <&-`, `weft run -p x --max-tokens 2 2>&-`, `weft run -p x --max-tokens 2 >&-`} {
		if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}

// TestFullDisk trains where a checkpoint is larger than a file may be: the run
// says so and goes on, and can be resumed once there is room.
func TestFullDisk(t *testing.T) {
	text, _ := tiny(t)
	config, out := filepath.Join(filepath.Dir(text), "tiny.json"), filepath.Join(t.TempDir(), "out")
	train := []string{"train", text, "--config", config, "--out", out, "--save-every", "5"}
	limited := exec.Command("sh", append([]string{"-c", `ulimit -f 100 && exec weft "$@"`, "sh"}, train...)...)
	said, err := limited.CombinedOutput()
	if code := exitCode(err); code != exitFailed {
		t.Fatalf("exit code %d, want %d: %s", code, exitFailed, said)
	}
	for _, want := range []string{"checkpoint-00000005", "training goes on", "checkpoint-00000010", "\nweft: train: checkpoint: write "} {
		if !strings.Contains(string(said), want) {
			t.Errorf("it did not say %q:\n%s", want, said)
		}
	}
	weftOutput(t, append(train, "--resume", "-q")...)
	if _, model := tiny(t); read(t, out, "model.safetensors") != read(t, model, "model.safetensors") {
		t.Error("the run that began with a full disk made another model")
	}
}
