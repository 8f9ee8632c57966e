package jinja

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// corpus names a folder of files that testdata/corpus.py or fuzz.py made.
var corpus = flag.String("corpus", "", "also compare with the files of this folder")

type goldenFile struct {
	Vars json.RawMessage
	Sets []goldenSet
}

type goldenSet struct {
	Name, Template string
	Cases          []struct {
		Name   string
		Vars   json.RawMessage
		Output *string
		Error  string
		Raised *string
	}
}

var goldenNow = time.Date(2026, 3, 4, 15, 6, 7, 0, time.UTC)

// TestGoldens compares with what Jinja2 makes of the same templates.
func TestGoldens(t *testing.T) {
	files := []string{"testdata/golden.json"}
	if *corpus != "" {
		more, err := filepath.Glob(filepath.Join(*corpus, "*.json"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no files in %s: %v", *corpus, err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f goldenFile
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		cases, same := 0, 0
		for _, s := range f.Sets {
			for i, c := range s.Cases {
				cases++
				if golden(t, f.Vars, s, i) {
					same++
				} else {
					t.Errorf("%s: %s: %s differs", filepath.Base(file), s.Name, c.Name)
				}
			}
		}
		t.Logf("%s: %d templates, %d of %d cases the same", filepath.Base(file), len(f.Sets), same, cases)
	}
}

// golden compares one case.
func golden(t *testing.T, vars json.RawMessage, s goldenSet, i int) bool {
	c := s.Cases[i]
	got, err := renderJSON(s.Template, vars, c.Vars)
	var raised *Raised
	switch {
	case c.Output == nil && err == nil:
		t.Logf("%q: want the error %s, got %q", short(s.Template), c.Error, short(got))
	case c.Output == nil && c.Raised != nil && (!errors.As(err, &raised) || raised.Message != *c.Raised):
		t.Logf("want the template to raise %q, got %v", *c.Raised, err)
	case c.Output != nil && err != nil:
		t.Logf("%q: %v, want %q", short(s.Template), err, short(*c.Output))
	case c.Output != nil && got != *c.Output:
		n := 0
		for n < min(len(got), len(*c.Output)) && got[n] == (*c.Output)[n] {
			n++
		}
		t.Logf("%q: after %d bytes:\n got %q\nwant %q", short(s.Template), n, short(got[n:]), short((*c.Output)[n:]))
	default:
		return true
	}
	return false
}

func short(s string) string { return s[:min(len(s), 2000)] }

// renderJSON renders with the variables of several JSON objects.
func renderJSON(source string, vars ...json.RawMessage) (string, error) {
	t, err := Parse(source)
	if err != nil {
		return "", err
	}
	given := map[string]Value{}
	for _, data := range vars {
		if data == nil {
			continue
		}
		v, err := JSON(data)
		if err != nil {
			return "", err
		}
		d := v.(*Dict)
		for i, k := range d.keys {
			given[k.(Str).s] = d.values[i]
		}
	}
	pieces, err := t.Render(given, Options{Now: goldenNow})
	return joined(pieces), err
}

func joined(pieces []Piece) (s string) {
	for _, p := range pieces {
		s += p.Text
	}
	return s
}
