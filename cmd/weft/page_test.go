package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// lookJSON is what the page test reads of weft look --json.
type lookJSON struct {
	Tokens []struct{ ID int }
	Blocks []struct {
		Layer int
		Resid [][]float64
		Lens  [][]candidate
	}
	Attention struct {
		Layer, Head int
		Pattern     [][]float64
	}
	Prediction []candidate
}

type candidate struct {
	ID int
	P  float64
}

// browser is a page in Chromium.
type browser struct {
	*testing.T
	ctx context.Context
}

// openBrowser starts Chromium. It is the one thing that these tests need beside
// Go; where it is missing they skip, which .ci/run does not allow.
func openBrowser(t *testing.T) browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine: the page is not tested")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own rule for root
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return browser{t, ctx}
}

func (b browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// eval is the value of a JavaScript expression.
func eval[T any](b browser, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b browser) scheme(name string) {
	b.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.Fatal(err)
	}
}

// said is the line of provenance.
func (b browser) said() string {
	b.Helper()
	return eval[string](b, `document.getElementById("read").textContent`)
}

// TestPage opens the page that weft look --html writes and uses it. What it
// shows must be what weft look --json says.
func TestPage(t *testing.T) {
	b := openBrowser(t)
	page := filepath.Join(t.TempDir(), "look.html")
	args := []string{"look", "-p", "To be, or not to be", "--attention", "1.1", "--layer", "1", "--json"}
	look := decode(t, weftOutput(t, append(args, "--html", page, "-q")...))

	console := chromedp.Console(b.ctx)
	b.do(chromedp.EmulateViewport(1400, 1000), chromedp.Navigate("file://"+page))
	if n := eval[int](b, `performance.getEntriesByType("resource").length`); n != 0 {
		t.Errorf("the page loads %d things; it should stand alone", n)
	}
	if n := eval[int](b, `document.querySelectorAll("*").length`); n > 5000 {
		t.Errorf("the page has %d elements", n)
	}
	b.numbers(look)
	b.ribbons(look)
	b.heads(look)
	b.lens(look)
	b.readable()
	b.narrow()

	b.do(chromedp.Evaluate[chromedp.Void](`console.log("the end")`))
	for message, err := range console {
		if err != nil {
			t.Fatal(err)
		}
		if message.Text == "the end" {
			break
		}
		t.Errorf("on the console: %s %s", message.Type, message.Text)
	}
}

func decode(t *testing.T, text string) (look lookJSON) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &look); err != nil {
		t.Fatal(err)
	}
	return look
}

var valueIn = regexp.MustCompile(`= ([−\-0-9.e+]+)`)

// value is the number in a line of provenance.
func (b browser) value(line string) float64 {
	b.Helper()
	m := valueIn.FindStringSubmatch(line)
	if m == nil {
		b.Fatalf("no value in %q", line)
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], "−", "-"), 64)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// near compares numbers of which one was written with some digits.
func near(got, want float64, digits int) bool {
	return math.Abs(got-want) <= math.Abs(want)*math.Pow(10, 1-float64(digits))+1e-9
}

// numbers compares what the page says of attention and prediction.
func (b browser) numbers(look lookJSON) {
	b.Helper()
	b.pattern(look, 6)
	rows := eval[[]string](b, `[...document.querySelectorAll(".probs tr[data-hook=hook_logits]")].map(tr => tr.title)`)
	if len(rows) != len(look.Prediction) {
		b.Fatalf("%d rows of predictions, want %d", len(rows), len(look.Prediction))
	}
	for i, c := range look.Prediction {
		if got := b.value(rows[i]); !near(got, c.P, 6) || !strings.Contains(rows[i], fmt.Sprintf("[%d]", c.ID)) {
			b.Errorf("prediction %d is %q, want token %d with %g", i, rows[i], c.ID, c.P)
		}
	}
}

// pattern compares the attention table with a document's.
func (b browser) pattern(look lookJSON, digits int) {
	b.Helper()
	rows := eval[[][]string](b, `[...document.querySelectorAll(".looks tbody tr")].map(tr => [...tr.querySelectorAll("td")].map(td => td.title))`)
	if len(rows) != len(look.Tokens) {
		b.Fatalf("%d rows of attention for %d tokens", len(rows), len(look.Tokens))
	}
	a := look.Attention
	for i, row := range rows {
		for j, title := range row {
			at := fmt.Sprintf("blocks.%d.attn.hook_pattern[0, %d, %d, %d] = ", a.Layer, a.Head, i, j)
			// The page keeps 16 bits of the heads to choose from.
			if got := b.value(title); !strings.HasPrefix(title, at) || !near(got, a.Pattern[i][j], digits) && math.Abs(got-a.Pattern[i][j]) > 1.0/65535 {
				b.Errorf("the page says %q, the document %s%g", title, at, a.Pattern[i][j])
			}
		}
	}
}

// ribbons points at one with the mouse, and reads another with the keyboard.
func (b browser) ribbons(look lookJSON) {
	b.Helper()
	box := eval[[]float64](b, `(() => { const c = document.querySelector(".ribbon"); c.scrollIntoView({block: "center"}); const r = c.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()`)
	b.do(chromedp.MouseEvent("mouseMoved", box[0]+box[2]/2, box[1]+box[3]/2))
	if line := b.said(); !strings.HasPrefix(line, "hook_embed[0, 0, ") {
		b.Errorf("pointing at the first ribbon says %q", line)
	}

	resid := look.Blocks[1].Resid
	last := len(resid) - 1
	ribbon := fmt.Sprintf(`#thread canvas[data-depth="3"][data-token="%d"]`, last) // depths 0 and 1 are before block 0
	b.do(chromedp.Focus(ribbon))
	for i := range 3 {
		at := fmt.Sprintf("blocks.1.hook_resid_post[0, %d, %d] = ", last, i)
		if line := b.said(); !strings.HasPrefix(line, at) || !near(b.value(line), resid[last][i], 4) {
			b.Errorf("the ribbon says %q, the document %s%g", line, at, resid[last][i])
		}
		b.do(chromedp.KeyEvent(kb.ArrowRight))
	}
	b.do(chromedp.Click(`[data-pick="0"]`))
	if n := eval[int](b, `document.querySelectorAll('#thread canvas[data-token="0"]').length`); n != len(look.Blocks)+1 {
		b.Errorf("the thread of token 0 has %d ribbons for %d blocks", n, len(look.Blocks))
	}
}

// heads chooses another head, with the mouse and with the keyboard.
func (b browser) heads(look lookJSON) {
	b.Helper()
	other := decode(b.T, weftOutput(b.T, "look", "-p", "To be, or not to be", "--attention", "0.1", "--json"))
	b.do(chromedp.Click(`[data-head="0.1"]`))
	b.pattern(other, 4)
	b.do(chromedp.Focus(`[data-head="1.1"]`), chromedp.KeyEvent(kb.Enter))
	b.pattern(look, 4)
	if pressed := eval[string](b, `[...document.querySelectorAll("[data-head][aria-pressed=true]")].map(e => e.dataset.head).join()`); pressed != "1.1" {
		b.Errorf("the chosen head is %q, want 1.1", pressed)
	}
	if line := b.said(); !strings.Contains(line, "blocks.1.attn.hook_pattern[0, 1]") {
		b.Errorf("the focus on a head says %q", line)
	}
}

// lens opens a cell of the logit lens and moves on with the arrow keys.
func (b browser) lens(look lookJSON) {
	b.Helper()
	block := look.Blocks[0]
	b.do(chromedp.Click(`.lens tr[data-layer="0"] td[data-token="2"]`))
	text := eval[string](b, `document.getElementById("lens").textContent`)
	if want := 100 * block.Lens[2][0].P; !near(firstPercent(text), want, 3) {
		b.Errorf("the cell says %q, the document %g%%", text, want)
	}
	b.do(chromedp.Focus(`.lens td[tabindex="0"]`), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown))
	if at := eval[string](b, `document.activeElement.dataset.token + " " + document.activeElement.parentElement.dataset.layer`); at != fmt.Sprint("1 ", len(look.Blocks)-2) {
		b.Errorf("right and down of the first cell lies %q", at)
	}
	if line := b.said(); !strings.HasPrefix(line, fmt.Sprintf("blocks.%d.hook_resid_post[0, 1]", len(look.Blocks)-2)) {
		b.Errorf("the focus on a cell says %q", line)
	}
}

var percentIn = regexp.MustCompile(`” ([0-9.e+-]+)%`)

func firstPercent(text string) float64 {
	if m := percentIn.FindStringSubmatch(text); m != nil {
		v, _ := strconv.ParseFloat(m[1], 64)
		return v
	}
	return math.NaN() // near nothing
}

// contrasts lists cells whose text has a contrast with its ground below 4.5 to
// 1, which is what WCAG 2 asks for at level AA.
const contrasts = `(() => {
  const g = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});
  const luminance = color => {
    g.fillStyle = color; g.fillRect(0, 0, 1, 1);
    const [r, gr, b] = [...g.getImageData(0, 0, 1, 1).data].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * gr + 0.0722 * b;
  };
  return [...document.querySelectorAll(".grid td")].map(td => {
    const s = getComputedStyle(td), a = luminance(s.color), b = luminance(s.backgroundColor);
    return [td.textContent, s.color, s.backgroundColor, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  }).filter(c => !(c[3] >= 4.5)).map(String);
})()`

// readable checks contrasts in both themes.
func (b browser) readable() {
	b.Helper()
	for _, theme := range []string{"light", "dark"} {
		b.scheme(theme)
		if n := eval[int](b, `document.querySelectorAll(".grid td").length`); n == 0 {
			b.Error("no cells to check")
		}
		for _, cell := range eval[[]string](b, contrasts) {
			b.Errorf("%s: hard to read: %s", theme, cell)
		}
	}
}

// narrow looks at the page in a phone's width: wide pictures scroll by
// themselves, the page does not.
func (b browser) narrow() {
	b.Helper()
	b.do(chromedp.EmulateViewport(390, 800))
	if w := eval[int](b, `document.documentElement.scrollWidth`); w > 390 {
		b.Errorf("the page is %d wide in a window of 390", w)
	}
}
