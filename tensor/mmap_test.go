package tensor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMap(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"empty": {}, "one": {7}, "pages": bytes.Repeat([]byte("weft"), 5000),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Map(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Bytes(), content) {
			t.Errorf("%s: content differs", name)
		}
		if err := m.Close(); err != nil || m.Bytes() != nil {
			t.Errorf("%s: close: %v", name, err)
		}
		if err := m.Close(); err != nil {
			t.Errorf("%s: second close: %v", name, err)
		}
	}
}

// TestMapSurvivesReplacement: a file replaced by rename keeps its old content in those who hold it.
func TestMapSurvivesReplacement(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	os.WriteFile(path, []byte("old"), 0o644)
	m, err := Map(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	os.WriteFile(path+".new", []byte("new"), 0o644)
	if err := os.Rename(path+".new", path); err != nil {
		t.Skip("this system does not replace a mapped file:", err)
	}
	if string(m.Bytes()) != "old" {
		t.Errorf("the mapping reads %q", m.Bytes())
	}
}

func TestMapRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"absent": filepath.Join(dir, "no"), "folder": dir, "device": os.DevNull} {
		if _, err := Map(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v must name the path", name, err)
		}
	}
}

func TestReadFileFallback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	os.WriteFile(path, []byte("content"), 0o644)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := readFile(f, 7)
	if err != nil || string(m.Bytes()) != "content" || m.Close() != nil {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := readFile(f, 8); err == nil {
		t.Error("a file shorter than announced was read")
	}
}
