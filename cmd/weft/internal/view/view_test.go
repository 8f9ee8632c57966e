package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"

	"weft/inspect"
	"weft/model"
)

// pieces are tokens that are hard to show.
var pieces = []string{"The", " quick", "\n", "\t", "\xe2", "é", "語", "<|end|>", " conscientiousness", "\u0301", "\u200b", "<b>&", "\x00", ""}

func piece(id int32) []byte { return []byte(pieces[int(id)%len(pieces)]) }

// look traces n tokens through a small random model.
func look(t *testing.T, n, layers int) *Look {
	t.Helper()
	c := model.Config{Arch: "llama", Vocab: 300, Context: 128, Layers: layers, Dim: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Hidden: 96,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true, TiedHead: true}
	m, err := model.New(model.Init(c, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(i)
	}
	tr, err := inspect.Look(m, tokens, inspect.Options{Cells: -1, Top: 4, AllHeads: true})
	if err != nil {
		t.Fatal(err)
	}
	return NewLook(tr, Source{Name: "tiny", Prompt: "The quick", Piece: piece, Layer: 1})
}

// TestTextFits: no line is wider than the terminal, whatever it can show.
func TestTextFits(t *testing.T) {
	for _, n := range []int{1, 5, 14, 100} {
		l := look(t, n, 3)
		for _, w := range []int{60, 80, 81, 132, 240} {
			for _, color := range []bool{false, true} {
				out := LookText(l, Paint{Color: color, Width: w})
				for line := range strings.Lines(out) {
					if got := lipgloss.Width(strings.TrimSuffix(line, "\n")); got > w {
						t.Fatalf("%d tokens, width %d, colour %v: %d columns: %.90q", n, w, color, got, line)
					}
				}
				if !color && strings.Contains(out, "\x1b") {
					t.Error("plain text has escape sequences")
				}
			}
		}
	}
}

// TestTextSays: the pictures have this prompt's numbers.
func TestTextSays(t *testing.T) {
	l := look(t, 5, 3)
	out := LookText(l, Paint{})
	for _, want := range []string{
		"␣quick", "↵", "⇥", "<0xE2>", "20 71 75 69", "blocks.", "300 tokens", "All vectors after block 1",
		short(l.Embedding.Norms[2]), short(l.Blocks[2].ResidNorm[4]), percent(l.Prediction[0].P), "✓ lens_equals_model: the last depth's logits are the model's",
		"The embedding row is no prediction",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from\n%s", want, out)
		}
	}
}

func TestDeepModelsTakeOneRowPerBlock(t *testing.T) {
	out := LookText(look(t, 3, 20), Paint{})
	_, out, _ = strings.Cut(out, "Who wrote")
	if n := strings.Count(out, "block "); n != 20 {
		t.Errorf("%d rows for 20 blocks", n)
	}
}

// TestJSON: the names that scripts rely on are there.
func TestJSON(t *testing.T) {
	data, err := json.Marshal(look(t, 4, 2))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Model struct {
			Name, Arch string
			Params     int
		}
		Tokens []struct {
			ID    int
			Text  string
			Bytes []int
		}
		Embedding struct {
			Dim   int
			Norms []float64
		}
		Blocks []struct {
			Layer     int
			ResidNorm []float64 `json:"resid_norm"`
			Lens      [][]struct {
				ID   int
				Text string
				P    float64
			}
			Resid [][]float64
		}
		Attention struct {
			Layer, Head int
			Pattern     [][]float64
		}
		Prediction []struct {
			ID   int
			Text string
			P    float64
		}
		Checks map[string]float64
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Model.Name != "tiny" || doc.Tokens[1].Text != " quick" || doc.Tokens[1].Bytes[0] != ' ' || doc.Embedding.Dim != 64 ||
		len(doc.Embedding.Norms) != 4 || len(doc.Blocks) != 2 || len(doc.Blocks[1].Lens[3]) != 4 || doc.Blocks[0].ResidNorm[3] <= 0 ||
		len(doc.Attention.Pattern[3]) != 4 || doc.Prediction[0].P <= 0 {
		t.Errorf("%s", data)
	}
	if doc.Blocks[0].Resid != nil || len(doc.Blocks[1].Resid[0]) != 64 {
		t.Error("whole vectors belong to the layer asked for, and only there")
	}
	for _, name := range []string{"lens_equals_model", "attribution_sum_error"} {
		if _, ok := doc.Checks[name]; !ok {
			t.Errorf("check %s is missing", name)
		}
	}
}

// TestPage: the same bytes each time, nothing loaded from anywhere, nothing
// from the prompt taken for markup, every cell says where it comes from.
func TestPage(t *testing.T) {
	l := look(t, 14, 3)
	var a, b bytes.Buffer
	if err := LookPage(&a, l); err != nil {
		t.Fatal(err)
	}
	if err := LookPage(&b, l); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two pages of the same trace differ")
	}
	out := a.String()
	if found := regexp.MustCompile(`https?://|\bsrc=|@import|url\(`).FindString(out); found != "" {
		t.Errorf("the page reaches out: %q", found)
	}
	if strings.Contains(out, "<b>&amp;<") || !strings.Contains(out, "&lt;b&gt;&amp;") {
		t.Error("a token was taken for markup")
	}
	if strings.Contains(out, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
	for cell := range strings.SplitSeq(out, "<td ") {
		if strings.Contains(cell[:min(len(cell), 60)], "--p:") && !strings.Contains(cell[:strings.Index(cell, ">")], "title=") {
			t.Errorf("a cell without its origin: %.100s", cell)
		}
	}
}

// TestPageIsBounded: a long prompt does not make a page that a browser chokes on.
func TestPageIsBounded(t *testing.T) {
	var b bytes.Buffer
	if err := LookPage(&b, look(t, 120, 12)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "<td"); n > 6000 || b.Len() > 3<<20 {
		t.Errorf("%d cells, %d bytes", n, b.Len())
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		" a b\n": "␣a␣b↵", "\xe2\x82": "<0xE2><0x82>", "\t\r": "⇥␍", "\u0301": "◌\u0301", "\u200b": "<0xE2><0x80><0x8B>", "日": "日", "\x00": "<0x00>",
	} {
		if got := Visible([]byte(in)); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for in, want := range map[string]string{"conscience": "cons…nce", "日本語日本語": "日本…語", "short": "short"} {
		if got := cut(in, 8); got != want || lipgloss.Width(got) > 8 {
			t.Errorf("%q is cut to %q, want %q", in, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", -0.004: "0.00", 1.234: "1.23", -12.34: "−12.3", 9.996: "10.0", 99.96: "100", 1e9: "1e+09"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{1: "  100%", 0.99999: ">99.9%", 0.371: " 37.1%", 0.0994: " 9.94%", 0.0995: " 9.95%", 0.00001: "<0.01%"} {
		if got := percent(v); got != want {
			t.Errorf("percent(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[int]string{124439808: "124M", 1557611200: "1.56B", 1000: "1K", 999: "999", 999999: "1M", 1e12: "1T", 8030261248: "8.03B"} {
		if got := Params(v); got != want {
			t.Errorf("Params(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := Count(v); got != want {
			t.Errorf("Count(%v) = %q, want %q", v, got, want)
		}
	}
}

// TestScaleIsRobust: one outlier does not turn the rest pale.
func TestScaleIsRobust(t *testing.T) {
	v := make([]float32, 100)
	for i := range v {
		v[i] = float32(math.Sin(float64(i)))
	}
	v[7] = 1000
	if s := scaleOf(v); s > 1.01 || s < 0.9 {
		t.Errorf("scale %g", s)
	}
	if s := scaleOf(make([]float32, 4)); s != 1 {
		t.Errorf("scale of zeros %g", s)
	}
}

func ExampleVisible() {
	fmt.Println(Visible([]byte(" to be\n")))
	// Output: ␣to␣be↵
}
