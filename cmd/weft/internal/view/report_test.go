package view

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"

	"weft/inspect"
	"weft/model"
)

// subject is a small random model under the glass.
func subject(t *testing.T, layers int) *inspect.Subject {
	t.Helper()
	c := model.Config{Arch: "llama", Vocab: 300, Context: 256, Layers: layers, Dim: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Hidden: 96,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	m, err := model.New(model.Init(c, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.NewSubject(m, inspect.About{Name: "a model with quite a long name, longer than fits", BOS: 7})
}

// must is the value of what may fail.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// everything is a report with all views.
func everything(t *testing.T, n, layers int) *Report {
	s, ctx := subject(t, layers), context.Background()
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(i)
	}
	corrupted := append(slices.Clone(tokens[:n-1]), 200)
	right, wrong := int32(3), int32(4)
	r := NewReport("weft look", "The quick", tokens, false, piece)
	r.AddLens(must(s.Lens(ctx, tokens, inspect.LensOptions{}))(t))
	r.AddAttribution(must(s.Attribute(ctx, tokens, inspect.AttributeOptions{Token: &right, Against: &wrong}))(t))
	r.AddSaliency(must(s.Saliency(ctx, tokens, inspect.SaliencyOptions{Token: &right, Against: &wrong}))(t), s.Provenance(tokens))
	r.AddAttention(must(s.Attention(ctx, tokens, inspect.AttentionOptions{}))(t), &inspect.Head{Layer: 1, Head: 2})
	ablation := inspect.Ablation{Targets: []inspect.Target{{Kind: inspect.TargetHead, Layer: 1, Index: 3}}}
	r.AddAblation(&Effect{Effect: must(s.Ablate(ctx, tokens, ablation, inspect.EffectOptions{}))(t), Continuation: [2]string{"as it\nwas", strings.Repeat("long ", 50)}})
	v := must(s.NewSteering(ctx, [][]int32{tokens}, [][]int32{corrupted, {3}}, "blocks.1.hook_resid_post"))(t)
	r.AddSteering(&Effect{Effect: must(s.Steer(ctx, tokens, v, inspect.EffectOptions{}))(t), Vector: v, Promotes: must(s.Promoted(v.Vector, 5))(t)})
	r.AddPatching(must(s.Patch(ctx, tokens, corrupted, inspect.PatchOptions{}))(t))
	r.AddHeads(must(s.Heads(ctx, inspect.HeadOptions{Length: 8, Sequences: 2}))(t))
	w := &Words{Asked: "x", Projection: must(s.Project(inspect.Embedding, []int32{1, 2, 3, 4, 5, 6}))(t), Other: []int32{8}}
	for _, space := range []inspect.Space{inspect.Embedding, inspect.Unembedding} {
		w.Near = append(w.Near, must(s.Neighbours(space, []int32{1, 2}, []int32{3}, 5))(t))
	}
	r.AddWords(w)
	return r
}

// TestReportFits: no line is wider than the terminal, whatever it shows, and every
// view says what it was made of and how it proves itself.
func TestReportFits(t *testing.T) {
	for _, n := range []int{2, 14, 60} {
		r := everything(t, n, 3)
		for _, w := range []int{60, 80, 132, 240} {
			for _, color := range []bool{false, true} {
				out := r.Text(Paint{Color: color, Width: w})
				for line := range strings.Lines(out) {
					if got := lipgloss.Width(strings.TrimSuffix(line, "\n")); got > w {
						t.Errorf("%d tokens, width %d, colour %v: %d columns: %.120q", n, w, color, got, line)
					}
				}
				if !color && strings.Contains(out, "\x1b") {
					t.Error("plain text has escape sequences")
				}
			}
		}
		out := r.Text(Paint{})
		titles := []string{"Lens:", "Attribution:", "Saliency:", "Attention:", "Ablation:", "Steering", "Patching:", "Heads:", "Words:", "the end"}
		for i, title := range titles[:9] {
			_, part, ok := strings.Cut(out, "\n"+title)
			part, _, _ = strings.Cut(part, "\n"+titles[i+1])
			if !ok || !strings.Contains(part, "✓") {
				t.Errorf("%s is missing, or its checks are", title)
			}
		}
		for _, want := range []string{r.Model.Hash[:23], "computed in float32, cache", "no chat template", r.about[0].Types()} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing from\n%.600s", want, out)
			}
		}
	}
}

// TestReportJSON: the document has the library's numbers, and spells every token.
func TestReportJSON(t *testing.T) {
	r := everything(t, 6, 2)
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var doc Report
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"lens": {doc.Lens, r.Lens}, "attribute": {doc.Attribution, r.Attribution}, "saliency": {doc.Saliency, r.Saliency}, "attention": {doc.Attention, r.Attention},
		"ablate": {doc.Ablation.Effect, r.Ablation.Effect}, "patch": {doc.Patching, r.Patching}, "heads": {doc.Heads, r.Heads},
		"words": {doc.Words, r.Words}, "steer": {doc.Steering.Vector, r.Steering.Vector}, "model": {doc.Model, r.Model},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is not what the library said", name)
		}
	}
	for _, d := range doc.Lens.Depths {
		for _, reading := range d.Readings {
			for _, c := range reading.Top {
				if _, ok := doc.Texts[c.ID]; !ok {
					t.Fatalf("token %d is not spelled", c.ID)
				}
			}
		}
	}
}

// TestReportSays: the drawings have the library's numbers.
func TestReportSays(t *testing.T) {
	r := everything(t, 6, 2)
	var page bytes.Buffer
	if err := r.Page(&page); err != nil {
		t.Fatal(err)
	}
	text := r.Text(Paint{})
	last := r.Lens.Depths[2].Readings[5]
	for _, want := range []string{percent(last.Top[0].P), short(last.Entropy), short(r.Attribution.Logit), short(r.Attribution.Parts[1].Value), short(r.Saliency.Shares[2]),
		short(float64(r.Attention.Heads[6].Written[20])), short(r.Ablation.KL[5]), hundredths(r.Patching.Grid[1][5]), short(r.Heads.Heads[0].Copy), short(r.Words.Near[1].Near[0].Cosine)} {
		if !strings.Contains(page.String(), ">"+strings.TrimSpace(want)) && !strings.Contains(page.String(), want) {
			t.Errorf("%q is missing from the page", want)
		}
		if !strings.Contains(text, want) && want != short(r.Heads.Heads[0].Copy) {
			t.Errorf("%q is missing from the text", want)
		}
	}
}

// TestReportPage: the same bytes each time, no script, nothing loaded from anywhere,
// nothing from the prompt taken for markup, and small enough for any browser.
func TestReportPage(t *testing.T) {
	for _, n := range []int{6, 100} {
		r := everything(t, n, 3)
		var a, b bytes.Buffer
		if err := r.Page(&a); err != nil {
			t.Fatal(err)
		}
		if err := everything(t, n, 3).Page(&b); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("two pages of the same numbers differ")
		}
		out := a.String()
		if found := regexp.MustCompile(`https?://|<script|@import|url\(|src="[^d]| on[a-z]+=`).FindString(out); found != "" {
			t.Errorf("the page reaches out or runs: %q", found)
		}
		if strings.Contains(out, "<b>&amp;<") || n > 12 && !strings.Contains(out, "&lt;b&gt;&amp;") {
			t.Error("a token was taken for markup")
		}
		if strings.Contains(out, "ZgotmplZ") {
			t.Error("the template refused a value")
		}
		if n := strings.Count(out, "<td"); n > 12000 || a.Len() > 4<<20 {
			t.Errorf("%d cells, %d bytes", n, a.Len())
		}
	}
}

// TestFailedCheckShows: what does not prove itself is not shown as if it did.
func TestFailedCheckShows(t *testing.T) {
	r := NewReport("weft look", "", nil, false, piece)
	r.add(inspect.Provenance{}, inspect.CheckList{{Name: "sum", What: "the parts sum", Error: 3, Tolerance: 1}}, section{Title: "Test"})
	if out := r.Text(Paint{}); !strings.Contains(out, "✗ sum: the parts sum. Off by 3.0e+00") {
		t.Error(out)
	}
}

// TestComparisonWithoutNumbers: few tokens leave no debiased CKA, and JSON has null.
func TestComparisonWithoutNumbers(t *testing.T) {
	c := NewComparison(inspect.Provenance{Name: "a"}, inspect.Provenance{Name: "b"}, &inspect.Comparison{Tokens: 2, CKA: []float64{1}, Debiased: []float64{math.NaN()}}, nil)
	c.NoLayers = "Left out."
	c.Draw()
	if data, err := json.Marshal(c); err != nil || !bytes.Contains(data, []byte(`"cka_debiased":[null]`)) {
		t.Errorf("%s, %v", data, err)
	}
	if out := c.Text(Paint{}); !strings.Contains(out, "–") || !strings.Contains(out, "Left out.") {
		t.Error(out)
	}
}
