package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "weft"

// listed is what the test reads from `go list -json`.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// platforms see different files of a package, and so different imports.
var platforms = [][]string{
	{"GOOS=linux", "GOARCH=amd64"},
	{"GOOS=linux", "GOARCH=amd64", "GOFLAGS=-tags=purego"},
	{"GOOS=darwin", "GOARCH=arm64"},
	{"GOOS=windows", "GOARCH=amd64"},
}

func TestImportsOnlyGoDown(t *testing.T) {
	level := levels(t)
	for _, env := range platforms {
		for _, p := range list(t, env) {
			room := inside(p.ImportPath)
			from, ok := level[room]
			if !ok {
				t.Errorf("package %s has no place in rooms", p.ImportPath)
				continue
			}
			check := func(kind string, imports []string) {
				for _, path := range imports {
					if !ours(path) || path == p.ImportPath {
						continue
					}
					to, ok := level[inside(path)]
					switch {
					case !ok:
						t.Errorf("%s %s %s, which has no place in rooms", room, kind, path)
					case to <= from:
						t.Errorf("%s %s %s, which is not below it", room, kind, inside(path))
					case kind == "imports" && slices.Contains(alone, room):
						t.Errorf("%s imports %s, but it should stand alone", room, inside(path))
					}
				}
			}
			check("imports", p.Imports)
			check("tests import", p.TestImports)
			check("tests import", p.XTestImports)
		}
	}
}

func TestKeptOut(t *testing.T) {
	for _, p := range list(t, nil) {
		for _, path := range p.Imports {
			if rooms, ok := keptOut[path]; ok && !slices.Contains(rooms, inside(p.ImportPath)) {
				t.Errorf("%s imports %s, which only %q may", p.ImportPath, path, rooms)
			}
		}
	}
}

func levels(t *testing.T) map[string]int {
	level := map[string]int{}
	for i, row := range rooms {
		for _, room := range row {
			if _, ok := level[room]; ok {
				t.Fatalf("room %q is listed twice", room)
			}
			level[room] = i
		}
	}
	return level
}

// list asks the go command for every package of the module.
func list(t *testing.T, env []string) []listed {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// inside is a package's path within the module; the façade's is empty.
func inside(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }
