package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"weft/cmd/weft/internal/view"
)

// TestReportPages opens the page of every view, as weft look --html writes it.
func TestReportPages(t *testing.T) {
	_, tiny := tiny(t)
	b := openBrowser(t)
	for name, args := range map[string][]string{
		"text":  {"look", "-p", "To be, or not to be", "--lens", "--attribute", " so", "--against", " not", "--saliency", " so", "--attention", "--ablate", "L1.H0"},
		"patch": {"look", "--patch", "The king said that the", "The girl said that the", "--right", " king", "--wrong", " girl"},
		"heads": {"look", tiny, "--heads"},
		"words": {"look", "--words", " man - boy + girl"},
		"two":   {"compare", tiny, tiny},
	} {
		page := filepath.Join(t.TempDir(), name+".html")
		var doc view.Report
		out := weftOutput(t, append(args, "--json", "--html", page, "-q")...)
		if args[0] == "look" {
			if err := json.Unmarshal([]byte(out), &doc); err != nil {
				t.Fatal(err)
			}
		}
		b.do(chromedp.EmulateViewport(1400, 1000), chromedp.Navigate("file://"+page))
		if n := eval[int](b, `performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length + document.scripts.length`); n != 0 {
			t.Errorf("%s: the page loads or runs %d things", name, n)
		}
		if n := eval[int](b, `document.querySelectorAll(".checks dt").length`); n == 0 || eval[int](b, `document.querySelectorAll(".failed").length`) != 0 {
			t.Errorf("%s: %d checks, or some failed", name, n)
		}
		if n := eval[int](b, `[...document.images].filter(i => !i.naturalWidth).length`); n != 0 {
			t.Errorf("%s: %d pictures are broken", name, n)
		}
		if hash := eval[string](b, `document.querySelector(".hash").textContent.trim()`); len(hash) != len("sha256:")+64 {
			t.Errorf("%s: the weights are %q", name, hash)
		}
		b.shows(&doc)
		if name == "text" || name == "patch" { // these have every kind of cell
			b.readable()
		}
		b.narrow()
	}
}

// shows compares what the page says with the document.
func (b browser) shows(doc *view.Report) {
	b.Helper()
	has := func(what, title string) {
		b.Helper()
		if !eval[bool](b, fmt.Sprintf(`[...document.querySelectorAll("[title]")].some(e => e.title.includes(%q))`, title)) {
			b.Errorf("%s: nothing on the page says %q", what, title)
		}
	}
	if l := doc.Lens; l != nil {
		d := l.Depths[2]
		r := d.Readings[3]
		has("lens", fmt.Sprintf("%s[0, 3]: “%s”", d.Point, view.Visible([]byte(doc.Texts[r.Top[0].ID]))))
		has("lens", fmt.Sprintf("entropy %.2f bits, the final answer has rank %d", r.Entropy, r.Rank))
		h := doc.Attention.Heads[0]
		has("attribution", fmt.Sprintf("%s[0, 6]: %.6g", doc.Attribution.Parts[1].Point, doc.Attribution.Parts[1].Value))
		has("saliency", fmt.Sprintf("token 5: %.6g", doc.Saliency.Shares[5]))
		has("attention", fmt.Sprintf("head 0.0: mean attention to the first token %.6g", h.First))
		has("ablation", fmt.Sprintf("after token 6: %.6g bits", doc.Ablation.KL[6]))
	}
	if g := doc.Patching; g != nil {
		has("patching", fmt.Sprintf("resid_pre of block 3, position 2: %.6g restored", g.Grid[3][2]))
	}
	if c := doc.Heads; c != nil {
		has("heads", fmt.Sprintf("previous %.3f, duplicate %.3f, induction %.3f", c.Heads[3].Previous, c.Heads[3].Duplicate, c.Heads[3].Induction))
	}
	if w := doc.Words; w != nil {
		has("words", fmt.Sprintf("cosine %.6g", w.Near[0].Near[1].Cosine))
	}
}
