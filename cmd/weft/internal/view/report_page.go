package view

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
)

//go:embed report.html
var reportHTML string

//go:embed report.css
var reportCSS string

var report = template.Must(template.New("report").Funcs(template.FuncMap{
	"share": func(v float64) template.CSS { return template.CSS(fmt.Sprintf("%.4f", min(1, math.Abs(v)))) },
	"wide":  func(v float64) template.CSS { return template.CSS(fmt.Sprintf("%.2f%%", 100*min(1, max(0, v)))) },
	"left":  func(v float64) template.CSS { return template.CSS(fmt.Sprintf("%.2f%%", 50*(1+max(-1, min(0, v))))) },
	"half":  func(v float64) template.CSS { return template.CSS(fmt.Sprintf("%.2f%%", 50*min(1, math.Abs(v)))) },
	"tiny":  tiny, "params": Params,
}).Parse(reportHTML))

// Page writes the sheet as one self-contained page without any script: no network,
// the same bytes for the same numbers.
func (s *Sheet) Page(w io.Writer) error {
	data := map[string]any{"CSS": template.CSS(pageCSS + reportCSS), "Command": s.command, "About": s.about, "Prompt": s.prompt, "Sections": s.sections}
	if err := report.ExecuteTemplate(w, "report", data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// Names of the templates.

func (table) Name() string    { return "table" }
func (grid) Name() string     { return "grid" }
func (patterns) Name() string { return "patterns" }
func (cloud) Name() string    { return "cloud" }

// Is lets a template ask for a kind by name.
func (k columnKind) Is(name string) bool {
	return [...]string{word: "word", number: "number", bar: "bar", both: "both"}[k] == name
}

// maxCells bounds what one grid puts on a page.
const maxCells = 2000

// First is the first column that a page shows.
func (g grid) First() int {
	if g.Bands || len(g.Cells) == 0 {
		return 0
	}
	return max(0, len(g.Columns)-max(8, maxCells/len(g.Cells)))
}

func (g grid) Heads() []string { return g.Columns[g.First():] }

// Shown is a row's cells that a page shows.
func (g grid) Shown(row int) []cell { return g.Cells[row][min(g.First(), len(g.Cells[row])):] }

func (g grid) Class() string {
	return map[Kind]string{Looked: "looks", Likely: "lens"}[g.Hue]
}

// Image is the triangle as a picture: transparent where nothing is, so that it
// stands on any ground.
func (p pattern) Image() (template.URL, error) {
	img := image.NewNRGBA(image.Rect(0, 0, p.N, p.N))
	for i := range p.N {
		for j := range i + 1 {
			v := min(1, max(0, float64(p.Data[i*(i+1)/2+j])))
			img.SetNRGBA(j, i, color.NRGBA{0xd0, 0x4f, 0x90, uint8(math.Round(255 * v))})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes())), nil
}

// cloudWide and cloudHigh are a page's drawing of points.
const cloudWide, cloudHigh = 720, 360

// Spots are the points where they are drawn.
func (c cloud) Spots() []spot {
	place := c.placer(cloudWide-160, cloudHigh-40)
	out := make([]spot, len(c.Points))
	for i, p := range c.Points {
		x, y := place(p)
		out[i] = spot{math.Round(10*(x+20)) / 10, math.Round(10*(y+20)) / 10, p.Label, p.Hue}
	}
	return out
}

// LabelX and LabelY are where a point's name stands.
func (s spot) LabelX() float64 { return s.X + 7 }
func (s spot) LabelY() float64 { return s.Y + 4 }

// Class is the kind's name in the style sheet.
func (s spot) Class() string {
	if s.Hue == Likely {
		return "asked"
	}
	return "near"
}
