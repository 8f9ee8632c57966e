//go:build ignore

// Testreport reads `go test -json` on standard input and prints one line per
// package, the output of what failed, and every test that was skipped. It fails
// on a failure, and on a skip that .ci/skips.txt does not allow: a test that
// nobody runs proves nothing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	r := report{output: map[test]string{}}
	err := r.read(".ci/skips.txt")
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

type test struct{ pkg, name string }

type report struct {
	allowed        map[test]bool
	output         map[test]string // of what has not passed yet
	skipped        []test
	passed, failed int
}

func (r *report) read(skips string) error {
	if err := r.allow(skips); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text()) // from go itself
			continue
		}
		r.add(e)
	}
	return lines.Err()
}

func (r *report) allow(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	r.allowed = map[test]bool{}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] != "#" {
			r.allowed[test{f[0], f[1]}] = true
		}
	}
	return nil
}

func (r *report) add(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		r.output[t] += e.Output
	case "pass":
		delete(r.output, t)
		if e.Test != "" {
			r.passed++
			return
		}
		took := time.Duration(e.Elapsed * float64(time.Second))
		fmt.Printf("ok   %-32s %v\n", e.Package, took.Round(time.Millisecond))
	case "fail":
		r.failed++
		fmt.Printf("FAIL %s %s\n%s", e.Package, e.Test, r.output[t])
	case "skip":
		if e.Test != "" { // else a package without tests
			r.skipped = append(r.skipped, t)
		}
	}
}

func (r *report) finish() error {
	unseen := 0
	for _, t := range r.skipped {
		if r.allowed[t] {
			fmt.Printf("skip %s %s (allowed)\n", t.pkg, t.name)
			continue
		}
		unseen++
		fmt.Printf("SKIP %s %s (not in .ci/skips.txt)\n%s", t.pkg, t.name, r.output[t])
	}
	if len(r.skipped) > 0 {
		fmt.Printf("%d skipped\n", len(r.skipped))
	}
	fmt.Printf("%d passed, %d failed\n", r.passed, r.failed)
	if r.failed+unseen > 0 {
		return fmt.Errorf("%d failed, %d skipped without leave", r.failed, unseen)
	}
	return nil
}
