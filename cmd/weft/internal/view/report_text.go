package view

import (
	"fmt"
	"math"
	"strings"
)

// Text draws the sheet for the terminal.
func (s *Sheet) Text(p Paint) string {
	d := &sheetText{drawing{Paint: p, w: p.width()}}
	d.line("%s", d.bold(s.command))
	for _, a := range s.about {
		d.about(a)
	}
	if len(s.prompt) > 0 {
		d.field("prompt", fmt.Sprintf("%s: %s", many(len(s.prompt), "token"), strings.Join(s.prompt, "")), Made)
	}
	for _, section := range s.sections {
		d.section(section)
	}
	return d.out.String()
}

// sheetText is a drawing of any figures.
type sheetText struct{ drawing }

// field is a line of the heading.
func (d *sheetText) field(name, text string, k Kind) {
	d.line("%s %s", d.ink(faint, fit(name, 8)), d.ink(k, cut(text, d.w-9)))
}

func (d *sheetText) about(a about) {
	d.field(a.Name, fmt.Sprintf("%s: %s, %s parameters", cut(a.From.Name, 40), a.From.Arch, Params(a.From.Params)), Learned)
	d.field("", a.Types(), Learned)
	if a.Idle {
		d.field("", fmt.Sprintf("%.23s…", a.From.Hash), Learned)
	} else {
		d.field("", fmt.Sprintf("%.23s…; %s", a.From.Hash, a.Computed()), Learned)
	}
	if a.Made != nil {
		d.field("", fmt.Sprintf("gradients: %.23s…; %s", a.Made.From.Hash, a.Made.Computed()), Learned)
	}
	d.field("", fmt.Sprintf("%s; %s", a.Origin, a.Template()), faint)
}

func (d *sheetText) section(s section) {
	d.line("")
	d.line("%s", d.bold(cut(s.Title, d.w)))
	if s.Say != "" {
		d.say("%s", s.Say)
	}
	for _, f := range s.Figures {
		f.text(d)
	}
	if s.After != "" {
		d.say("%s", s.After)
	}
	d.proofs(s.Checks)
}

func (d *sheetText) head(title string) {
	if title != "" {
		d.line("")
		d.line("  %s", cut(title, d.w-2))
	}
}

func (t table) text(d *sheetText) {
	d.head(t.Title)
	widths := t.widths(d.w - 4)
	line := func(write func(i int, c column) string) {
		var parts []string
		for i, c := range t.Columns {
			parts = append(parts, write(i, c))
		}
		d.line("    %s", strings.Join(parts, "  "))
	}
	if t.Headed() {
		line(func(i int, c column) string {
			if c.Kind == number {
				return d.ink(faint, padLeft(cut(c.Head, widths[i]), widths[i]))
			}
			return d.ink(faint, fit(c.Head, widths[i]))
		})
	}
	for _, row := range t.Rows {
		line(func(i int, c column) string {
			switch c.Kind {
			case number:
				return padLeft(cut(row[i].Text, widths[i]), widths[i])
			case bar:
				return d.bar(Likely, row[i].V, widths[i])
			case both:
				return d.signed(row[i].V, widths[i])
			}
			return d.ink(Made, fit(row[i].Text, widths[i]))
		})
	}
}

// widths gives words and numbers what they need and bars what is left.
func (t table) widths(room int) []int {
	list, bars := make([]int, len(t.Columns)), 0
	room -= 2 * (len(list) - 1)
	for i, c := range t.Columns {
		if c.Kind == bar || c.Kind == both {
			bars++
			continue
		}
		list[i] = width(c.Head)
		for _, row := range t.Rows {
			list[i] = max(list[i], width(row[i].Text))
		}
		room -= list[i]
	}
	for least := 10 * bars; room < least; { // shorten the widest
		widest := 0
		for i, w := range list {
			if w > list[widest] {
				widest = i
			}
		}
		list[widest]--
		room++
	}
	for i, c := range t.Columns {
		if c.Kind == bar || c.Kind == both {
			list[i] = min(40, room/bars)
		}
	}
	return list
}

func (g grid) text(d *sheetText) {
	d.head(g.Title)
	name := width(g.Corner)
	for _, n := range g.Names {
		name = max(name, width(n))
	}
	name = min(name, 14, d.w/6)
	fits := max(1, (d.w-5-name)/g.Wide)
	if !g.Bands {
		first := max(0, len(g.Columns)-fits)
		g.band(d, name, first, len(g.Columns))
		if first > 0 {
			d.say("%s", d.left(first))
		}
	} else {
		for first := 0; first < len(g.Columns); first += fits {
			g.band(d, name, first, min(len(g.Columns), first+fits))
		}
	}
	if g.Marks != "" {
		mark := "A star"
		if d.Color {
			mark = "Underlined"
		}
		d.say("%s: %s.", mark, g.Marks)
	}
}

func (g grid) band(d *sheetText, name, first, end int) {
	var b strings.Builder
	for _, c := range g.Columns[first:end] {
		b.WriteString(padLeft(cut(c, g.Wide-1), g.Wide-1) + " ")
	}
	d.line("    %s %s", d.ink(faint, fit(g.Corner, name)), d.ink(Made, b.String()))
	for i, row := range g.Cells {
		if first > 0 && first >= len(row) {
			continue // all of a triangle's row is left out
		}
		b.Reset()
		for _, c := range row[min(first, len(row)):min(end, len(row))] {
			b.WriteString(d.gridCell(g, c))
		}
		d.line("    %s %s", d.ink(faint, fit(g.Names[i], name)), b.String())
	}
}

func (d *sheetText) gridCell(g grid, c cell) string {
	text := padLeft(cut(c.Text, g.Wide-1), g.Wide-1)
	switch {
	case d.Color:
		k := g.Hue
		if c.V < 0 {
			k = negative
		}
		return d.on(k, math.Abs(c.V)).Underline(c.Mark).Render(text) + " "
	case c.Mark:
		return text + "*"
	}
	return text + " "
}

func (patterns) text(*sheetText) {}

// cloudRows is how many lines of a terminal a cloud of points takes.
const cloudRows = 16

func (c cloud) text(d *sheetText) {
	d.head(c.Title)
	wide := d.w - 6
	lines := make([][]rune, cloudRows)
	for i := range lines {
		lines[i] = []rune(strings.Repeat(" ", wide))
	}
	place := c.placer(float64(wide-1), cloudRows-1)
	for _, p := range c.Points {
		x, y := place(p)
		label := []rune("·" + cut(p.Label, 14))
		if width(string(label)) != len(label) {
			label = label[:1] // a wide character would shift the line
		}
		at := min(int(math.Round(x)), wide-len(label))
		for _, row := range []int{0, 1, -1, 2, -2} {
			if row += int(math.Round(y)); row >= 0 && row < cloudRows && strings.TrimSpace(string(lines[row][at:at+len(label)])) == "" {
				copy(lines[row][at:], label)
				break
			}
		}
	}
	for _, l := range lines {
		d.line("    %s", string(l))
	}
}

// placer puts points into a rectangle, y downwards.
func (c cloud) placer(w, h float64) func(spot) (x, y float64) {
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, p := range c.Points {
		for i, v := range [2]float64{p.X, p.Y} {
			low[i], high[i] = min(low[i], v), max(high[i], v)
		}
	}
	share := func(v float64, i int) float64 {
		if high[i] <= low[i] {
			return 0.5
		}
		return (v - low[i]) / (high[i] - low[i])
	}
	return func(p spot) (float64, float64) { return w * share(p.X, 0), h * (1 - share(p.Y, 1)) }
}
