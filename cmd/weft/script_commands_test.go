package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommands are what scripts can do beside testscript's own commands.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"fails":    scriptFails,
	"json":     scriptJSON,
	"lines":    scriptLines,
	"bytes":    scriptBytes,
	"flip":     scriptFlip,
	"truncate": scriptTruncate,
	"copydir":  scriptCopyDir,
	"repeat":   scriptRepeat,
	"ids":      scriptIDs,
}

// oneLine is how every error looks.
var oneLine = regexp.MustCompile(`\Aweft: [^\n]+\n\z`)

// scriptFails: "fails CODE PROGRAM ARGS…" expects the exit code, nothing on
// stdout, and on stderr one line, which is no bug's. Notes are kept out with
// --quiet.
func scriptFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("it ended with %v, want exit code %s", err, args[0])
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("it failed but printed %q", out)
	}
	switch said := ts.ReadFile("stderr"); {
	case !oneLine.MatchString(said):
		ts.Fatalf("the error is not one line that begins with weft: %q", said)
	case strings.Contains(said, "bug in weft"), strings.Contains(said, "goroutine "):
		ts.Fatalf("a bug: %s", said)
	case strings.Count(said, ": ") < 2 && args[0] == "1":
		ts.Fatalf("the error lacks WHAT or WHY: %s", said)
	}
}

// scriptLines: "lines FILE N" expects so many lines.
func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	n := strings.Count(ts.ReadFile(args[0]), "\n")
	if (strconv.Itoa(n) == args[1]) == neg {
		ts.Fatalf("%s has %d lines", args[0], n)
	}
}

// scriptBytes: "bytes FILE HEX…" writes bytes; "- HEX" compares.
func scriptBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bytes FILE HEX… or bytes -cmp FILE HEX…")
	}
	compare := args[0] == "-cmp"
	if compare {
		args = args[1:]
	}
	want, err := hex.DecodeString(strings.Join(args[1:], ""))
	ts.Check(err)
	if !compare {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), want, 0o644))
	} else if got := ts.ReadFile(args[0]); got != string(want) {
		ts.Fatalf("%s is % x, want % x", args[0], got, want)
	}
}

// scriptFlip: "flip FILE AT" turns the bits of the byte at that place, counted
// from the end if negative.
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE AT")
	}
	data := []byte(ts.ReadFile(args[0]))
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	data[(at+len(data))%len(data)] ^= 0xff
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

// scriptTruncate: "truncate FILE N" keeps N bytes, or all but N if negative.
func scriptTruncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE N")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	if n < 0 {
		n += int64(len(ts.ReadFile(args[0])))
	}
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// scriptCopyDir: "copydir FROM TO" replaces TO by a copy.
func scriptCopyDir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copydir FROM TO")
	}
	to := ts.MkAbs(args[1])
	ts.Check(os.RemoveAll(to))
	ts.Check(os.CopyFS(to, os.DirFS(ts.MkAbs(args[0]))))
}

// scriptRepeat: "repeat FILE N TEXT" writes a text many times over.
func scriptRepeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(args[2], n)), 0o644))
}

// scriptIDs: "ids DOCUMENT FILE" takes the token IDs out of a document.
func scriptIDs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ids DOCUMENT FILE")
	}
	doc, err := parseDocument(ts.ReadFile(args[0]), false)
	ts.Check(err)
	found, err := lookup(doc, ".ids[*]")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Trim(fmt.Sprint(found), "[]")), 0o644))
}

// scriptJSON: "json FILE PATH TYPE [VALUE]" looks a value up in a document and
// checks its type; see lookup for PATH and typed for TYPE and VALUE. With
// -lines the file is JSON lines, and PATH begins in their list: [*].loss.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	lines := len(args) > 0 && args[0] == "-lines"
	if lines {
		args = args[1:]
	}
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: json [-lines] FILE PATH TYPE [VALUE]")
	}
	doc, err := parseDocument(ts.ReadFile(args[0]), lines)
	if err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	found, err := lookup(doc, args[1])
	ts.Check(err)
	for _, v := range found {
		if err := typed(v, args[2]); err != nil {
			ts.Fatalf("%s: %v", args[1], err)
		}
		if len(args) == 4 {
			if got := valueOf(v); got != args[3] {
				ts.Fatalf("%s is %s, want %s", args[1], got, args[3])
			}
		}
	}
}
