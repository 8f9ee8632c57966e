package hub

import (
	"context"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// hostile are names of files that a server may list in order to write elsewhere.
var hostile = []string{
	"../evil.gguf", "../../evil.gguf", "a/../../evil.gguf", "/etc/evil.gguf", "a//b.gguf", "./a.gguf", "a/./b.gguf",
	`..\evil.gguf`, `C:\evil.gguf`, "C:evil.gguf", "a:b.gguf", "evil.gguf\x00", "a\nb.gguf", ".hidden.gguf", ".git/x.gguf",
	"a./b.gguf", "a /b.gguf", strings.Repeat("a", 300) + ".gguf", "\xff.gguf",
}

func TestHostileNames(t *testing.T) {
	for _, name := range append(hostile, "", ".", "..", "weft.json", "WEFT.json", "x.gguf.partial", "x.partial.json", "a/Weft.JSON") {
		if checkName(name) == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	for _, name := range []string{"a.gguf", "Q4/a-00001-of-00002.gguf", "Übung 1.gguf", "a..b.gguf", "100%.gguf"} {
		if err := checkName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range hostile {
		if strings.HasPrefix(name, "\xff") {
			continue // JSON cannot say it
		}
		f := newFakeHub(t, map[string][]byte{name: model(1000, 1)})
		p := f.puller(t)
		if got, err := p.Pull(context.Background(), "hf:acme/tiny", ""); err == nil {
			t.Errorf("%q was written to %s", name, got.Path)
		}
		if left := tree(filepath.Dir(p.Store.Dir)); len(left) > 0 {
			t.Errorf("%q left %q", name, left)
		}
	}
}

func TestQuant(t *testing.T) {
	for name, want := range map[string]string{
		"a-Q4_K_M.gguf": "Q4_K_M", "a.q8_0.gguf": "Q8_0", "Q6_K/a-Q6_K-00001-of-00002.gguf": "Q6_K", "a-IQ2_XXS.gguf": "IQ2_XXS",
		"a-f16.gguf": "F16", "a-fp16.gguf": "F16", "a-BF16.gguf": "BF16", "a-UD-Q4_K_XL.gguf": "Q4_K_XL", "model.gguf": "",
		"a-F16-Q5_K_S.gguf": "Q5_K_S", "Q40_X.gguf": "", "BF16/m.gguf": "BF16",
	} {
		if got := quant(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	const gib = 1 << 30
	repo := []file{
		{name: "m-F16.gguf", size: 16 * gib}, {name: "m-Q8_0.gguf", size: 8 * gib}, {name: "m-Q6_K.gguf", size: 6 * gib},
		{name: "m-Q4_K_M.gguf", size: 5 * gib}, {name: "m-Q4_K_S.gguf", size: 4 * gib}, {name: "m-IQ1_S.gguf", size: 2 * gib},
		{name: "mmproj-m-F16.gguf", size: gib}, {name: "imatrix.gguf", size: 1}, {name: "half-Q8_0-00001-of-00002.gguf", size: gib},
	}
	all, broken := variants(repo)
	if len(all) != 6 || len(broken) != 1 {
		t.Fatalf("%d variants, %d broken", len(all), len(broken))
	}
	for free, want := range map[memory]string{
		64 * gib: "m-Q8_0.gguf", 9 * gib: "m-Q6_K.gguf", 7 * gib: "m-Q4_K_M.gguf", 5 * gib: "m-Q4_K_S.gguf", 3 * gib: "m-IQ1_S.gguf",
		0: "m-Q6_K.gguf", // 8 GiB are assumed
	} {
		v, why, err := choose(all, free)
		if err != nil || v.name() != want || !strings.Contains(why, "6 GGUF files") {
			t.Errorf("%d: %v, %q, %v", free, v.files, why, err)
		}
	}
	if _, _, err := choose(all, gib); err == nil || !strings.Contains(err.Error(), "m-IQ1_S.gguf") {
		t.Errorf("nothing fits: %v", err)
	}
	if v, _, err := choose(all[:1], 64*gib); err != nil || v.quant != "F16" {
		t.Errorf("only one: %v, %v", v, err)
	}
	all[0].size = -1
	if _, _, err := choose(all, gib); err == nil || !strings.Contains(err.Error(), "name one") {
		t.Errorf("unknown sizes: %v", err)
	}
}

func TestParseRef(t *testing.T) {
	for s, want := range map[string]source{
		"hf:a/b":                      hfSource{"a/b", "", "main"},
		"a/b":                         hfSource{"a/b", "", "main"},
		"hf:a/b@v1.0":                 hfSource{"a/b", "", "v1.0"},
		"hf:a/b/sub/c.gguf@refs/pr/1": hfSource{"a/b", "sub/c.gguf", "refs/pr/1"},
		"ollama:llama3.2":             ollamaSource{"library", "llama3.2", "latest"},
		"ollama:me/x:1b-q4_K_M":       ollamaSource{"me", "x", "1b-q4_K_M"},
		"https://huggingface.co/a/b":  hfSource{"a/b", "", "main"},
		"https://hf.co/a/b/tree/v2":   hfSource{"a/b", "", "v2"},
		"https://huggingface.co/a/b/blob/main/c.gguf": hfSource{"a/b", "c.gguf", "main"},
	} {
		if got, _, err := parseRef(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "a", "hf:", "hf:a", "hf:a/b/../c.gguf", "hf:../b", "hf:a/..", "hf:a/b@", "hf:a/b@../x", "hf:a/b@x?y", "hf:a/b/", "hf:-a/b",
		"ollama:", "ollama:../x", "ollama:a/b/c", "ollama:x:", "ollama:x:a/b", "https:///x.gguf", "https://h/", "https://h/..gguf/..",
		"https://huggingface.co/a/b/discussions/1", "file:///x.gguf", "http://[::1/x.gguf",
	} {
		if got, _, err := parseRef(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
	if src, _, err := parseRef("http://[::1]:8080/x/My Model!.gguf?k=v"); err != nil || src.(webSource).name() != "1/My-Model" || src.String() != "http://[::1]:8080/x/My Model!.gguf" {
		t.Errorf("%v, %v", src, err)
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"hf:a/b/c.gguf@main", "a/b", "ollama:a/b:c", "https://h/x.gguf", "https://huggingface.co/a/b/blob/m/c.gguf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		src, _, err := parseRef(s)
		if err != nil {
			return
		}
		name := localName(s)
		if o, ok := src.(hfSource); ok {
			name = o.repo
			if o.file != "" && checkName(o.file) != nil || checkRevision(o.revision) != nil {
				t.Errorf("%q: %+v", s, o)
			}
		}
		if checkEntry(name) != nil {
			t.Errorf("%q is kept as %q", s, name)
		}
	})
}

func FuzzCheckName(f *testing.F) {
	for _, s := range append(hostile, "a/b.gguf") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkName(name) != nil {
			return
		}
		if joined := path.Join("/store/m", name); !strings.HasPrefix(joined, "/store/m/") || joined != "/store/m/"+name || !filepath.IsLocal(name) {
			t.Errorf("%q is at %q", name, joined)
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"from":"sha256:x","size":10,"part_size":4,"done":[4,0,2]}`))
	f.Add([]byte(`{"size":0,"part_size":0,"done":[0]}`))
	f.Add([]byte(`{"size":9223372036854775807,"part_size":1,"done":[1]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := parseState(data)
		if !ok {
			return
		}
		at := int64(0)
		for i := range s.Done {
			begin, end := s.span(i)
			if begin != at || end < begin || s.Done[i] < 0 || s.Done[i] > end-begin {
				t.Fatalf("part %d of %+v is %d to %d", i, s, begin, end)
			}
			at = end
		}
		if at != s.Size || s.done() > s.Size {
			t.Fatalf("%+v ends at %d", s, at)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-0/10")
	f.Add("bytes 5-9/*")
	f.Fuzz(func(t *testing.T, s string) {
		first, all, err := contentRange(s)
		if err == nil && (first < 0 || all < -1 || all >= 0 && first >= all) {
			t.Errorf("%q: %d of %d", s, first, all)
		}
	})
}
