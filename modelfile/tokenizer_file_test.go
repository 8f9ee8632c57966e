package modelfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/gguf"
	"weft/tokenizer"
)

// piecesOf is a small SentencePiece vocabulary: unknown, start, end, the bytes and some text.
func piecesOf() (tokens []string, scores []float32, kinds []int32) {
	tokens, kinds = []string{"<unk>", "<s>", "</s>"}, []int32{tokenizer.UnknownToken, tokenizer.ControlToken, tokenizer.ControlToken}
	for b := range 256 {
		tokens, kinds = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(kinds, tokenizer.ByteToken)
	}
	for _, text := range []string{"\u2581", "a", "b", "ab", "\u2581ab", "\u2581a"} {
		tokens, kinds = append(tokens, text), append(kinds, tokenizer.NormalToken)
	}
	for i := range tokens {
		scores = append(scores, -float32(i))
	}
	return tokens, scores, kinds
}

func writeSettings(t *testing.T, list []gguf.Setting) string {
	t.Helper()
	var out bytes.Buffer
	if err := gguf.WriteTo(&out, list, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vocab.gguf")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenTokenizerGGUF(t *testing.T) {
	tokens, scores, kinds := piecesOf()
	set := func(key string, v gguf.Value) gguf.Setting { return gguf.Setting{Key: tokenizerKey + key, Value: v} }
	pieces := []gguf.Setting{set("tokens", gguf.ListOf(tokens)), set("scores", gguf.ListOf(scores)), set("token_type", gguf.ListOf(kinds))}
	words := []string{"[UNK]", "[CLS]", "[SEP]", "\u2581ab", "ab", "\u2581a"}
	for name, c := range map[string]struct {
		settings []gguf.Setting
		text     string
		ids      []int32 // with tokens around
	}{
		"llama":           {append(slices.Clone(pieces), set("model", gguf.Of("llama"))), "ab a\xff", []int32{1, 263, 264, 3 + 0xff}},
		"llama, no space": {append(slices.Clone(pieces), set("model", gguf.Of("llama")), set("add_space_prefix", gguf.Of(false)), set("add_bos_token", gguf.Of(false))), "ab a", []int32{262, 264}},
		"t5": {append(slices.Clone(pieces), set("model", gguf.Of("t5")), set("add_space_prefix", gguf.Of(true)),
			set("remove_extra_whitespaces", gguf.Of(true)), set("eos_token_id", gguf.Of(uint32(2)))), "  ab   a ", []int32{263, 264, 2}},
		"bert": {[]gguf.Setting{set("model", gguf.Of("bert")), set("tokens", gguf.ListOf(words)), set("token_type", gguf.ListOf([]int32{2, 3, 3, 1, 1, 1})),
			set("bos_token_id", gguf.Of(uint32(1))), set("seperator_token_id", gguf.Of(uint32(2))), set("unknown_token_id", gguf.Of(uint32(0)))},
			"ABab a x", []int32{1, 3, 4, 5, 0, 2}},
	} {
		tok, err := OpenTokenizer(writeSettings(t, c.settings))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if ids := tok.Encode(c.text, tokenizer.Encode{AddSpecial: true}); !slices.Equal(ids, c.ids) {
			t.Errorf("%s: %q is %v, want %v", name, c.text, ids, c.ids)
		}
	}
	if _, err := OpenTokenizer(writeSettings(t, []gguf.Setting{set("model", gguf.Of("rwkv"))})); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "vocab.gguf") {
		t.Errorf("rwkv: %v", err)
	}
}

// protoField is a field of a protocol buffer that is text or a message.
func protoField(number byte, data []byte) []byte {
	return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(data))), data...)
}

func TestOpenTokenizerModel(t *testing.T) {
	tokens, scores, kinds := piecesOf()
	file := protoField(2, []byte{3 << 3, 2}) // BPE
	for i, text := range tokens {
		piece := append(protoField(1, []byte(text)), 2<<3|5)
		piece = binary.LittleEndian.AppendUint32(piece, math.Float32bits(scores[i]))
		file = append(file, protoField(1, append(piece, 3<<3, byte(kinds[i])))...)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sentencePieceName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, sentencePieceName)} {
		tok, err := OpenTokenizer(path)
		if err != nil {
			t.Fatal(err)
		}
		if ids := tok.Encode(" ab  a", tokenizer.Encode{}); !slices.Equal(ids, []int32{263, 264}) || tok.BOS != 1 || tok.EOS != 2 {
			t.Errorf("%s: %v, BOS %d, EOS %d", path, ids, tok.BOS, tok.EOS)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, sentencePieceName), file[:len(file)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTokenizer(dir); err == nil || !strings.Contains(err.Error(), sentencePieceName) {
		t.Errorf("half a file: %v", err)
	}
	if _, err := OpenTokenizer(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
