package tokenizer

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// golden is what testdata/golden.py wrote.
type golden struct {
	Corpus  string
	Texts   []string
	Splits  map[string][][]string // Python's regex module, per text
	Trained []struct {            // Hugging Face's BpeTrainer; tiktoken agreed with the IDs
		Split     string
		Vocab     int
		MinCount  int `json:"min_count"`
		Tokenizer json.RawMessage
		IDs       [][]int32
	}
}

func readGolden(t testing.TB) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func splitNamed(t testing.TB, name string) Split {
	t.Helper()
	for _, s := range splits() {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("no split %q", name)
	return 0
}

func TestScannersCutAsPython(t *testing.T) {
	g := readGolden(t)
	for name, texts := range g.Splits {
		for i, want := range texts {
			if got := scannerPieces(splitNamed(t, name), g.Texts[i]); !slices.Equal(got, want) {
				t.Errorf("%s: %q\n got %q\nwant %q", name, g.Texts[i], got, want)
			}
		}
	}
	if len(g.Splits) != len(splits()) {
		t.Errorf("%d splits in golden.json", len(g.Splits))
	}
}

// sameTokenizer compares tokens and merges by ID and rank.
func sameTokenizer(t *testing.T, got, want *Tokenizer) {
	t.Helper()
	if got.Size() != want.Size() {
		t.Errorf("%d tokens, want %d", got.Size(), want.Size())
	}
	for id := range int32(min(got.Size(), want.Size())) {
		if string(got.Piece(id)) != string(want.Piece(id)) {
			t.Fatalf("token %d is %q, want %q", id, got.Piece(id), want.Piece(id))
		}
	}
	if !slices.Equal(got.merges, want.merges) {
		t.Errorf("merges differ")
	}
}

func TestTrainingIsHuggingFaces(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Trained {
		for _, threads := range []int{1, 3} {
			got, err := Train(corpus(g.Corpus), TrainOptions{Vocab: c.Vocab, Split: splitNamed(t, c.Split), MinCount: c.MinCount,
				Specials: []string{"<|endoftext|>", "<|pad|>"}, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			want, err := Parse(c.Tokenizer)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d tokens", c.Split, got.Size())
			sameTokenizer(t, got, want)
			for i, text := range g.Texts {
				if ids := got.Encode(text, Encode{}); !slices.Equal(ids, c.IDs[i]) {
					t.Errorf("%s %d: %q is %v, want %v", c.Split, c.Vocab, text, ids, c.IDs[i])
				}
			}
		}
	}
}

func corpus(texts ...string) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, t := range texts {
			if !yield([]byte(t)) {
				return
			}
		}
	}
}
