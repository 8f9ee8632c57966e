package studio

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"weft"
	"weft/chat"
	"weft/inspect"
)

// TestOffsets: tokens stand side by side, and spell the text.
func TestOffsets(t *testing.T) {
	_, server := serve(t, Options{})
	for _, text := range []string{"To be, or not to be", "  two  spaces\n\tand a tab", "naïve café — 東京 🙂", "", "\x00\x7f"} {
		var got tokenizeJSON
		ask(t, server, "POST", "/api/tokenize", `{"text":`+jsonText(text)+`}`, 200, &got)
		spelled, at := "", 0
		for i, span := range got.Offsets {
			if span[0] != at && span[0] != span[1] {
				t.Errorf("%q: token %d begins at %d, the one before ended at %d", text, i, span[0], at)
			}
			at = span[1]
			spelled += text[span[0]:span[1]]
		}
		if spelled != text {
			t.Errorf("%q: the tokens spell %q", text, spelled)
		}
		if len(got.IDs) != len(got.Pieces) || len(got.Added) != 0 {
			t.Errorf("%q: %d IDs, %d pieces, added %v", text, len(got.IDs), len(got.Pieces), got.Added)
		}
	}
}

// realModel is SmolLM2-135M-Instruct, in blocks of 4 bits, with a chat template.
func realModel(t *testing.T, o weft.Opener) *weft.Model {
	t.Helper()
	dir := os.Getenv("WEFT_TEST_MODELS")
	if dir == "" {
		t.Skip("NO REAL MODEL IS LOOKED INTO: WEFT_TEST_MODELS is not set; .ci/run models fetches one into ~/.cache/weft-test, which it can be set to")
	}
	m, err := o.Open(filepath.Join(dir, "SmolLM2-135M-Instruct.Q4_1.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestTemplated: of a chat prompt, what the user typed and what the template wrote are
// told apart.
func TestTemplated(t *testing.T) {
	m := realModel(t, weft.Opener{Load: "map"})
	s, _ := serve(t, Options{Default: m, Kind: kindFile})
	o := s.models.open[s.o.Name]
	p, err := o.templated([]chat.Message{{Role: chat.User, Content: "What is <|im_end|> for?"}})
	if err != nil {
		t.Fatal(err)
	}
	typed := ""
	for i, id := range p.ids {
		added := false
		for _, a := range p.added {
			added = added || a == i
		}
		if !added {
			typed += o.text(id)
		}
	}
	if typed != "What is <|im_end|> for?" {
		t.Errorf("typed were %q", typed)
	}
}

// TestBrokenCandidates: a candidate that is part of a character has its bytes.
func TestBrokenCandidates(t *testing.T) {
	s, _ := serve(t, Options{})
	o := s.models.open[s.o.Name]
	broken, whole := 0, 0
	for id := range int32(o.Tokenizer.Size()) {
		raw, got := o.piece(id), o.candidates([]inspect.Candidate{{ID: id}})[0]
		if utf8.Valid(raw) {
			whole++
			if got.Bytes != nil || got.Text != string(raw) {
				t.Errorf("token %d: %+v", id, got)
			}
			continue
		}
		broken++
		var bytes []byte
		for _, b := range got.Bytes {
			bytes = append(bytes, byte(b))
		}
		if string(bytes) != string(raw) {
			t.Errorf("token %d: %+v, want %x", id, got, raw)
		}
	}
	if broken == 0 || whole == 0 {
		t.Errorf("%d broken, %d whole", broken, whole)
	}
}

func TestCapital(t *testing.T) {
	for word, want := range map[string]string{"word": "Word", "über": "Über", "ß": "ß", "Ab": "Ab", "1": "1", "\xc3": "\xc3", "\uFFFDa": "\uFFFDa"} {
		if got := capital(word); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
