package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// write makes a file and returns its path.
func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// documents puts the pieces of a corpus together again.
func documents(t *testing.T, c *Corpus) []string {
	t.Helper()
	var docs []string
	var doc []byte
	for p, err := range c.pieces(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if doc = append(doc, p.data...); p.last {
			docs, doc = append(docs, string(doc)), nil
		}
	}
	return docs
}

func open(t *testing.T, paths ...string) *Corpus {
	t.Helper()
	c, err := OpenCorpus(context.Background(), paths, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCorpusKeepsBytes(t *testing.T) {
	dir := t.TempDir()
	invalid := "caf\xe9 \xff\xfe \xf0\x9f\x98 end\r\n"
	c := open(t, write(t, filepath.Join(dir, "latin1.txt"), invalid))
	if docs := documents(t, c); len(docs) != 1 || docs[0] != invalid || c.Bytes != int64(len(invalid)) {
		t.Errorf("read %q, %d bytes", docs, c.Bytes)
	}
}

// TestCorpusMarksAndLineEnds: a byte order mark is no text, line ends are.
func TestCorpusMarksAndLineEnds(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, content, want string }{
		{"mark.txt", "\uFEFFone", "one"},
		{"twice.txt", "\uFEFF\uFEFFone \uFEFF two", "\uFEFFone \uFEFF two"},
		{"half.txt", "\xef\xbbone", "\xef\xbbone"},
		{"windows.txt", "one\r\ntwo\r\n\r\n", "one\r\ntwo\r\n\r\n"},
		{"mac.txt", "one\rtwo\r", "one\rtwo\r"},
		{"mark.jsonl", "\uFEFF{\"text\":\"one\"}\n{\"text\":\"two\"}", "one|two"},
		{"windows.jsonl", "{\"text\":\"a\\r\\nb\"}\r\n\r\n{\"text\":\"c\"}\r\n", "a\r\nb|c"},
	} {
		if got := strings.Join(documents(t, open(t, write(t, filepath.Join(dir, c.name), c.content))), "|"); got != c.want {
			t.Errorf("%s: read %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := OpenCorpus(context.Background(), []string{write(t, filepath.Join(dir, "only.txt"), "\uFEFF")}, ""); !errors.Is(err, ErrData) {
		t.Errorf("a mark and nothing else: %v", err)
	}
}

// TestCorpusLongLines: one line of megabytes is read as it is, with a border to
// cut at or without, as text and in JSON; a JSON line that no memory is sure to
// hold is refused.
func TestCorpusLongLines(t *testing.T) {
	dir := t.TempDir()
	words, letters := strings.Repeat("word ", 600_000), strings.Repeat("x", 3_000_000)
	for _, text := range []string{words, letters} {
		c := open(t, write(t, filepath.Join(dir, "a.txt"), text))
		if docs := documents(t, c); len(docs) != 1 || docs[0] != text {
			t.Error("a long line of text is not what was read")
		}
		c = open(t, write(t, filepath.Join(dir, "a.jsonl"), `{"text":"`+text+`"}`))
		if docs := documents(t, c); len(docs) != 1 || docs[0] != text {
			t.Error("a long line of JSON is not what was read")
		}
	}
	path := write(t, filepath.Join(dir, "endless.jsonl"), "{\"text\":\"a\"}\n")
	if err := os.Truncate(path, maxLine+100); err != nil { // zeros to the end
		t.Fatal(err)
	}
	if err := readJSONL(path, func(piece) bool { return true }); err == nil || !strings.Contains(err.Error(), "line 2: more than 64 MB") {
		t.Errorf("an endless line: error %v", err)
	}
}

// TestCorpusMixed: files of all kinds and a folder, in the order in which they are named.
func TestCorpusMixed(t *testing.T) {
	dir := t.TempDir()
	text := write(t, filepath.Join(dir, "z.txt"), "Z")
	lines := write(t, filepath.Join(dir, "lines.JSONL"), `{"text":"L1"}`+"\n"+`{"text":"L2"}`)
	folder := filepath.Dir(write(t, filepath.Join(dir, "f", "a.txt"), "A"))
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	c := open(t, text, "testdata/text.parquet", folder, lines)
	got := documents(t, c)
	if n := len(got); n != 42 || got[0] != "Z" || got[1] != "first" || got[n-3] != "A" || got[n-2] != "L1" || got[n-1] != "L2" {
		t.Errorf("read %q", got)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "link leads nowhere") {
		t.Errorf("notes %q", c.Notes)
	}
}

// TestParquetFromArrow reads a file of the reference implementation, with what
// large corpora use: a dictionary, zstd, pages of version 2, nulls.
func TestParquetFromArrow(t *testing.T) {
	want := []string{"first", "Grüße, 世界 😀", "first", "line one\r\nline two\n"}
	for i := 6; i < 40; i++ {
		want = append(want, fmt.Sprintf("row %d", i))
	}
	if got := documents(t, open(t, "testdata/text.parquet")); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// FuzzCorpus: whatever the files hold, they are refused with one line, or read
// twice alike, and the two parts are the whole.
func FuzzCorpus(f *testing.F) {
	parquetFile, err := os.ReadFile("testdata/text.parquet")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(parquetFile, byte(2), byte(128))
	f.Add([]byte("{\"text\":\"a\\u00e9\"}\n{\"text\":null}"), byte(1), byte(10))
	f.Add([]byte("\uFEFFplain text, caf\xe9\r\n"), byte(0), byte(200))
	f.Fuzz(func(t *testing.T, data []byte, kind, share byte) {
		path := write(t, filepath.Join(t.TempDir(), "x"+[]string{".txt", ".jsonl", ".parquet"}[kind%3]), string(data))
		c, err := OpenCorpus(context.Background(), []string{path}, "")
		if err != nil {
			if !errors.Is(err, ErrData) {
				t.Fatalf("error %v", err)
			}
			return
		}
		var whole, parts []byte
		collect := func(to *[]byte, from iter.Seq2[piece, error]) {
			for p, err := range from {
				if err != nil {
					t.Fatalf("read well the first time, but then: %v", err)
				}
				*to = append(*to, p.data...)
			}
		}
		collect(&whole, c.pieces(context.Background()))
		cut := c.cutAt(float64(share) / 256)
		collect(&parts, c.part(context.Background(), cut, false))
		collect(&parts, c.part(context.Background(), cut, true))
		if int64(len(whole)) != c.Bytes || !bytes.Equal(whole, parts) {
			t.Fatalf("%d bytes, %d read again, %d in two parts", c.Bytes, len(whole), len(parts))
		}
	})
}

func TestCorpusFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.txt"), "B")
	write(t, filepath.Join(dir, "a", "z.md"), "A/Z")
	write(t, filepath.Join(dir, "c.jsonl"), `{"text":"one \ud83d\ude00","id":1}`+"\n\n"+`{"id":2,"text":""}`+"\n"+`{"text":"two"}`)
	write(t, filepath.Join(dir, ".git", "config"), "hidden")
	write(t, filepath.Join(dir, "image.bin"), "\x00\x01\x02")
	write(t, filepath.Join(dir, "nothing.txt"), "")
	c := open(t, dir)
	if got := strings.Join(documents(t, c), "|"); got != "A/Z|B|one 😀|two" || c.Documents != 4 {
		t.Errorf("read %q, %d documents", got, c.Documents)
	}
	if len(c.Notes) != 2 || !strings.Contains(c.Notes[0], "image.bin is not text") || !strings.Contains(c.Notes[1], "nothing.txt is empty") {
		t.Errorf("notes %q", c.Notes)
	}
}

func TestCorpusParquet(t *testing.T) {
	type row struct {
		ID   int64   `parquet:"id"`
		Text *string `parquet:"text,optional"`
	}
	one, two, empty := "first\xff", "second", ""
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := parquet.WriteFile(path, []row{{1, &one}, {2, nil}, {3, &empty}, {4, &two}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(documents(t, open(t, path)), "|"); got != "first\xff|second" {
		t.Errorf("read %q", got)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 { // damage anywhere is an error or other text, never a crash
		bad := bytes.Clone(data)
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		OpenCorpus(context.Background(), []string{write(t, path, string(bad))}, "")
	}
}

func TestCorpusRefusals(t *testing.T) {
	dir := t.TempDir()
	in := func(name, content string) string { return write(t, filepath.Join(dir, name), content) }
	rng := rand.New(rand.NewPCG(1, 2))
	garbage := make([]byte, 500)
	for i := range garbage {
		garbage[i] = byte(1 + rng.IntN(255))
	}
	if err := os.Mkdir(filepath.Join(dir, "hollow"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{filepath.Join(dir, "absent.txt"), "no such file"},
		{in("empty.txt", ""), "is empty"},
		{in("garbage", string(garbage)), "is not text"},
		{in("zeros", "text\x00text"), "zero bytes"},
		{in("x.gz", "\x1f\x8b\x08rest"), "gzip"},
		{in("utf16.txt", "\xff\xfeh\x00"), "UTF-16"},
		{filepath.Join(dir, "hollow"), "no text files"},
		{in("bad.jsonl", "{\"text\":\"a\"}\n{"), "bad.jsonl: line 2: not a JSON object"},
		{in("field.jsonl", `{"body":"a"}`), `line 1: no "text"`},
		{in("number.jsonl", `{"text":1}`), `line 1: no "text"`},
		{in("chat.jsonl", `{"messages":[]}`), "fine-tuning"},
		{in("utf8.jsonl", "{\"text\":\"\xff\"}"), "invalid UTF-8"},
		{in("half.jsonl", `{"text":"\ud83d"}`), "lone surrogate"},
		{in("void.jsonl", `{"text":""}`), "no text inside"},
		{in("x.parquet", "PAR1 but not really PAR1"), "not a Parquet file"},
	} {
		_, err := OpenCorpus(context.Background(), []string{c.path}, "")
		if err == nil || !errors.Is(err, ErrData) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
	}
}

func TestCorpusHash(t *testing.T) {
	dir := t.TempDir()
	a, b := write(t, filepath.Join(dir, "a"), "one"), write(t, filepath.Join(dir, "b"), "two")
	joined := write(t, filepath.Join(dir, "c"), "onetwo")
	hashes := map[string]bool{}
	for _, c := range []*Corpus{open(t, a, b), open(t, b, a), open(t, joined), open(t, a)} {
		hashes[c.Hash] = true
	}
	if len(hashes) != 4 {
		t.Error("different documents have one fingerprint")
	}
	if first, again := open(t, a, b), open(t, a, b); first.Hash != again.Hash {
		t.Error("the fingerprint is not stable")
	}
}

// TestCutText: pieces put together are the text, and the cuts are between words.
func TestCutText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("aaaé世1   \n\n\r\t'/.\u00a0"))).Draw(t, "text")
		var got []byte
		cutText(strings.NewReader(text), rapid.IntRange(1, 40).Draw(t, "size"), func(p piece) bool {
			if len(got) > 0 && !betweenWords.MatchString(lastRunes(got, 2)+"|"+string(p.data)) {
				t.Fatalf("cut between %q and %q", got, p.data)
			}
			got = append(got, p.data...)
			if p.last != (len(got) == len(text)) {
				t.Fatalf("last is %v after %d of %d bytes", p.last, len(got), len(text))
			}
			return true
		})
		if string(got) != text {
			t.Fatalf("pieces are %q, the text %q", got, text)
		}
	})
}

var betweenWords = regexp.MustCompile(`(\pL\n\||\pL\| )\pL`)

func lastRunes(b []byte, n int) string {
	r := []rune(string(b))
	return string(r[max(0, len(r)-n):])
}

// TestSplit: both parts together are the corpus, the cut is where it should be,
// and no character is cut in half.
func TestSplit(t *testing.T) {
	dir := t.TempDir()
	part := func(c *Corpus, share float64, behind bool) string {
		var got []byte
		for p, err := range c.part(context.Background(), c.cutAt(share), behind) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.data...)
		}
		return string(got)
	}
	text := strings.Repeat("To be, or not to be.\nThat is", 40000)
	long := open(t, write(t, filepath.Join(dir, "long.txt"), text))
	if cut := int(float64(len(text)) * 0.9); part(long, 0.1, false) != text[:cut] || part(long, 0.1, true) != text[cut:] {
		t.Error("one text file is not cut at nine tenths of its bytes")
	}
	many := open(t, write(t, filepath.Join(dir, "many.jsonl"), strings.Repeat(`{"text":"né"}`+"\n", 10)))
	for share := 0.0; share <= 1; share += 1.0 / 64 {
		before, behind := part(many, share, false), part(many, share, true)
		if before+behind != strings.Repeat("né", 10) || strings.HasSuffix(before, "\xc3") {
			t.Fatalf("share %g: %q and %q", share, before, behind)
		}
		if want := int(30 * share); len(behind) < want || len(behind) > want+2 {
			t.Fatalf("share %g: %d bytes behind the cut", share, len(behind))
		}
	}
}

func TestCharStart(t *testing.T) {
	text := []byte("aé世😀\x80\xff")
	want := []int{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11}
	for i, w := range want {
		if got := charStart(text, i); got != w {
			t.Errorf("charStart(%d) = %d, want %d", i, got, w)
		}
	}
}
