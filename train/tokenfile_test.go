package train

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/internal/par"
	"weft/tokenizer"
)

// bytesAs encodes bytes as themselves plus shift.
func bytesAs(shift, vocab int) encoding {
	return encoding{vocab: vocab, document: int32(vocab - 1), encode: func(dst []int32, text []byte) []int32 {
		for _, b := range text {
			dst = append(dst, int32(int(b)+shift))
		}
		return dst
	}}
}

func pieces(list ...piece) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		for _, p := range list {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func ids(f *TokenFile) (list []int32) {
	for i := range f.Len() {
		list = append(list, f.At(i))
	}
	return list
}

func TestTokenFile(t *testing.T) {
	pool := par.New(2)
	defer pool.Close()
	path := filepath.Join(t.TempDir(), "x.bin")
	text := pieces(piece{[]byte("ab"), false}, piece{[]byte("c"), true}, piece{[]byte("d"), true})
	for _, enc := range []encoding{bytesAs(0, 257), bytesAs(70000, 70400)} {
		if err := writeTokens(path, text, enc, [32]byte{1}, pool); err != nil {
			t.Fatal(err)
		}
		f, err := openTokens(path, enc.vocab, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		shift, doc := enc.encode(nil, []byte{0})[0], enc.document
		want := []int32{doc, shift + 'a', shift + 'b', shift + 'c', doc, shift + 'd'}
		if got := ids(f); !slices.Equal(got, want) || f.TextBytes != 4 {
			t.Errorf("tokens %v, want %v; %d bytes of text", got, want, f.TextBytes)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTokenFileThreads: many pieces, any number of threads, one file.
func TestTokenFileThreads(t *testing.T) {
	dir := t.TempDir()
	text := write(t, filepath.Join(dir, "t.txt"), strings.Repeat("line of text\nnext one ", 200_000))
	c := open(t, text)
	var want []byte
	for threads := 1; threads <= 3; threads++ {
		pool := par.New(threads)
		path := filepath.Join(dir, "x.bin")
		if err := writeTokens(path, c.pieces(context.Background()), bytesAs(0, 257), [32]byte{}, pool); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d threads write other bytes", threads)
		}
	}
}

func TestTokenFileRefusals(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.bin")
	if err := writeTokens(path, pieces(piece{[]byte("hello"), true}), bytesAs(0, 257), [32]byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good { // one flipped bit anywhere
		bad := bytes.Clone(good)
		bad[i] ^= 4
		if _, err := openTokens(write(t, path, string(bad)), 257, [32]byte{1}); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("bit flipped in byte %d: error %v", i, err)
		}
	}
	for n := range good {
		if _, err := openTokens(write(t, path, string(good[:n])), 257, [32]byte{1}); err == nil {
			t.Fatalf("the first %d bytes are accepted", n)
		}
	}
	write(t, path, string(good))
	if _, err := openTokens(path, 257, [32]byte{2}); !errors.Is(err, errStale) {
		t.Errorf("another source: %v", err)
	}
	if _, err := openTokens(path, 300, [32]byte{1}); !errors.Is(err, errStale) {
		t.Errorf("another vocabulary: %v", err)
	}
	enc := bytesAs(300, 257) // a tokenizer that lies about its size
	if err := writeTokens(path, pieces(piece{[]byte("x"), true}), enc, [32]byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := openTokens(path, 257, [32]byte{1}); err == nil || !strings.Contains(err.Error(), "token 1 is") {
		t.Errorf("an ID outside the vocabulary: %v", err)
	}
}

// TestPiecesEncodeLikeTheWhole: cutting a long text changes none of its tokens,
// whichever pre-tokenizer a recipe names.
func TestPiecesEncodeLikeTheWhole(t *testing.T) {
	const alphabet = "aeé世1 2.,'\"!?/-\n\n\n\r\t \u00a0\u0301sSlL"
	rng := rand.New(rand.NewPCG(5, 6))
	runes := []rune(alphabet)
	var text strings.Builder
	for range 20_000 {
		text.WriteRune(runes[rng.IntN(len(runes))])
	}
	for name, split := range splits {
		tok, err := tokenizer.Train(func(yield func([]byte) bool) { yield([]byte(text.String())) },
			tokenizer.TrainOptions{Vocab: 500, Split: split, Specials: []string{documentToken}})
		if err != nil {
			t.Fatal(err)
		}
		want := tok.AppendEncode(nil, []byte(text.String()), tokenizer.Encode{})
		var got []int32
		n := 0
		cutText(strings.NewReader(text.String()), 100, func(p piece) bool {
			got = tok.AppendEncode(got, p.data, tokenizer.Encode{})
			n++
			return true
		})
		if !slices.Equal(got, want) || n < 50 {
			t.Errorf("%s: %d pieces have %d tokens, the whole %d", name, n, len(got), len(want))
		}
	}
}
