package view

import (
	"fmt"
	"math"
	"strings"

	"weft/inspect"
)

// LookText draws the four pictures and the loop for the terminal.
func LookText(l *Look, p Paint) string {
	d := &drawing{Look: l, Paint: p, w: p.width()}
	d.header()
	d.tokens()
	d.stream()
	if l.layer >= 0 {
		d.block(l.layer)
	}
	d.lens()
	d.attention()
	d.prediction()
	d.written()
	d.loop()
	d.line("")
	d.line("%s", d.bold("Checks"))
	d.proofs(l.Proofs)
	return d.out.String()
}

// drawing is the page being drawn, from top to bottom, w columns wide.
type drawing struct {
	*Look
	Paint
	w   int
	out strings.Builder
}

func (d *drawing) line(format string, args ...any) {
	d.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// title begins a picture.
func (d *drawing) title(number, text string) {
	d.line("")
	d.line("%s  %s", d.bold(number), d.bold(text))
}

// say writes a sentence, broken at the width and indented under its title.
func (d *drawing) say(format string, args ...any) {
	line := "  "
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if len([]rune(line))+1+len([]rune(word)) > d.w && line != "  " {
			d.line("%s", d.ink(faint, line))
			line = "  "
		}
		line += " " + word
	}
	d.line("%s", d.ink(faint, line))
}

func (d *drawing) header() {
	m := d.Model
	d.line("%s  %s", d.bold("weft look"), cut(m.Name, 30))
	design := fmt.Sprintf("%s, %d blocks, vectors of %d, %s, %s, context %s",
		m.Arch, m.Layers, m.Dim, many(m.Heads, "head"), many(m.Vocab, "token"), Count(m.Context))
	d.listed(Chosen, "chosen", design)
	d.line("%s  %s parameters, the same for every prompt", d.ink(Learned, "learned"), Params(m.Params))
	d.line("%s     by this prompt: all the rest", d.ink(Made, "made"))
	a := d.About
	d.listed(faint, "weights", fmt.Sprintf("%.23s…, %s", a.From.Hash, a.Types()))
	d.listed(faint, "reading", fmt.Sprintf("%s; %s", a.Origin, a.Template()))
	d.listed(faint, "numbers", a.Computed())
}

// listed is a line of the heading, gone on with below where it is too long.
func (d *drawing) listed(k Kind, name, text string) {
	room, line := d.w-9, ""
	for _, word := range strings.SplitAfter(text, " ") {
		if line != "" && width(line)+width(strings.TrimSpace(word)) > room {
			d.line("%s %s", d.ink(k, fit(name, 8)), line)
			name, line = "", ""
		}
		line += cut(word, room)
	}
	d.line("%s %s", d.ink(k, fit(name, 8)), line)
}

func (d *drawing) tokens() {
	n := 0
	for _, t := range d.Tokens {
		n += len(t.Bytes)
	}
	d.title("1", "Text becomes tokens, tokens become vectors")
	bos := ""
	if d.AddedBOS {
		bos = " The first is the model's own mark for the beginning."
	}
	bytesAre := many(n, "byte is", "bytes are")
	d.say("%s %s; each looks up its learned vector of %d numbers (%s).%s",
		bytesAre, many(len(d.Tokens), "token"), d.Embedding.Dim, d.Embedding.Hook, bos)
	name, bytes := d.tokenWidth(), min(17, max(5, 3*d.longest()-1))
	cells := min(d.Embedding.Dim, d.w-4-name-8-bytes-10)
	head := fmt.Sprintf("its vector, first %d of %d", d.shown(cells), d.Embedding.Dim)
	d.line("    %s", d.ink(faint, fmt.Sprintf("%s %6s %s  %s %s", pad("token", name), "id", pad("bytes", bytes), fit(head, cells), "length")))
	scale := scaleOf(d.trace.Embedding.Cells...)
	first := d.firstRow()
	for i, t := range d.Tokens[first:] {
		i += first
		d.line("    %s %s %s  %s %s", d.ink(Made, fit(t.visible, name)), padLeft(fmt.Sprint(t.ID), 6),
			fit(hex(t.Bytes), bytes), d.ribbon(d.trace.Embedding.Cells[i], scale, cells), padLeft(short(d.Embedding.Norms[i]), 6))
	}
	d.legend(scale)
	if first > 0 {
		d.say("%s", d.left(first))
	}
}

// maxRows is how many tokens a picture lists in the terminal; the page has all.
const maxRows = 32

// firstRow is the first token that a picture with a row per token has.
func (d *drawing) firstRow() int { return max(0, len(d.Tokens)-maxRows) }

// shown is how many numbers of a vector the columns show.
func (d *drawing) shown(columns int) int {
	if d.Color {
		return columns
	}
	return columns / 6
}

// legend explains the diverging scale, once per scale.
func (d *drawing) legend(scale float64) {
	if !d.Color {
		return
	}
	var b strings.Builder
	for i := -8; i <= 8; i++ {
		b.WriteString(d.blank(float64(i) / 8))
	}
	within := "+" + short(scale)
	if d.w >= 72 {
		within += "   98 of 100 numbers lie within"
	}
	d.line("    %s %s %s", d.ink(faint, short(-scale)), b.String(), d.ink(faint, within))
}

func (d *drawing) stream() {
	d.title("2", "Each block adds to the vectors")
	last := len(d.Tokens) - 1
	d.say("The vector of the last token, “%s”, on its way up. Attention and the MLP each add to it; "+
		"the cosine says whether what they add turns back (−1), is new (0) or goes on (+1).", d.Tokens[last].visible)
	cells := d.changesHead("after", 9)
	scale := d.streamScale(last)
	for i := len(d.Blocks) - 1; i >= 0; i-- {
		d.changes(d.ink(Made, fit(fmt.Sprint("block ", i), 9)), i, last, scale, cells)
	}
	d.line("    %s %s  %s", d.ink(Learned, "embedding"), d.ribbon(d.trace.Input.Cells[last], scale, cells), padLeft(short(d.trace.Input.Norms[last]), 6))
	d.legend(scale)
}

// changesHead begins a table of vectors and what a block added to them, and
// says how many columns its ribbons have.
func (d *drawing) changesHead(first string, name int) int {
	cells := min(d.Embedding.Dim, d.w-47-name)
	head := fit(fmt.Sprintf("first %d of %d", d.shown(cells), d.Embedding.Dim), cells)
	d.line("    %s", d.ink(faint, fmt.Sprintf("%s %s  length   attention adds         MLP adds", pad(first, name), head)))
	return cells
}

// changes is a row of that table: a token after a block.
func (d *drawing) changes(name string, layer, token int, scale float64, cells int) {
	b := d.Blocks[layer]
	part := func(length, cosine float64) string { return padLeft(short(length), 6) + " " + padLeft(cos(cosine), 7) }
	d.line("    %s %s  %s   %s   %s", name, d.ribbon(d.trace.Blocks[layer].After.Cells[token], scale, cells), padLeft(short(b.ResidNorm[token]), 6),
		part(b.AttnNorm[token], b.AttnCos[token]), part(b.MLPNorm[token], b.MLPCos[token]))
}

// streamScale is the one range of all of a token's ribbons, bottom to top.
func (d *drawing) streamScale(token int) float64 {
	vectors := [][]float32{d.trace.Input.Cells[token]}
	for _, b := range d.trace.Blocks {
		vectors = append(vectors, b.After.Cells[token])
	}
	return scaleOf(vectors...)
}

// block shows every token's vector after the layer that was asked for.
func (d *drawing) block(layer int) {
	d.title(" ", fmt.Sprintf("All vectors after block %d", layer))
	name := d.tokenWidth()
	cells, scale := d.changesHead("token", name), scaleOf(d.trace.Blocks[layer].After.Cells...)
	for i := d.firstRow(); i < len(d.Tokens); i++ {
		d.changes(d.ink(Made, fit(d.Tokens[i].visible, name)), layer, i, scale, cells)
	}
	d.legend(scale)
}

// lensCell is a column of the lens grid: a token and its probability.
const lensCell = 10

func (d *drawing) lens() {
	d.title("3", "What it would say if it stopped here (logit lens)")
	first := max(0, len(d.Tokens)-(d.w-14)/lensCell)
	d.say("Columns are the tokens so far, rows the depth; each cell is the likeliest next token and its probability.%s", d.left(first))
	d.lensHead(first)
	for i := len(d.Blocks) - 1; i >= 0; i-- {
		d.lensRow(fmt.Sprint("block ", i), d.Blocks[i].Lens, i, first)
	}
	d.lensRow("embedding", d.Embedding.Lens, -1, first)
	if d.Embedding.Tied {
		d.say("The embedding row is no prediction: the head is the embedding itself here, so it gives back what went in.")
	}
	if d.Color {
		d.say("Underlined: from here on up the answer stays.")
	} else {
		d.say("A star marks where the answer begins to stay.")
	}
}

func (d *drawing) lensHead(first int) {
	var b strings.Builder
	for _, t := range d.Tokens[first:] {
		b.WriteString(pad(d.ink(Made, cut(t.visible, lensCell-1)), lensCell))
	}
	d.line("    %s %s", pad("", 9), b.String())
}

func (d *drawing) lensRow(name string, lens [][]Candidate, layer, first int) {
	var b strings.Builder
	for i := first; i < len(d.Tokens); i++ {
		best := lens[i][0]
		cell := fit(best.visible, lensCell-4) + padLeft(whole(best.P), 3)
		switch locks := d.LockIn[i] == layer; {
		case d.Color:
			b.WriteString(d.on(Likely, best.P).Underline(locks).Render(cell) + " ")
		case locks:
			b.WriteString(cell + "*")
		default:
			b.WriteString(cell + " ")
		}
	}
	d.line("    %s %s", d.ink(faint, fmt.Sprintf("%-9s", name)), b.String())
}

// left says which tokens a picture has no room for.
func (d *drawing) left(first int) string {
	if first == 0 {
		return ""
	}
	if first == 1 {
		return " The first token is not shown; --json has all."
	}
	return fmt.Sprintf(" The first %s are not shown; --json has all.", many(first, "token"))
}

func (d *drawing) attention() {
	a := d.Attention
	why := "it looks around most; --attention L.H shows another"
	if a.Chosen {
		why = "as asked"
	}
	d.title("4", fmt.Sprintf("Where head %d.%d looks", a.Layer, a.Head))
	name := d.tokenWidth()
	cell := min(9, (d.w-6-name)/len(d.Tokens))
	if least := 4; cell < least && d.Color {
		cell = 2 // colour alone
	} else if cell < least {
		cell = least
	}
	first := max(0, len(d.Tokens)-(d.w-6-name)/cell)
	d.say("Each row is a token, each column a token that it may look back at, in percent (%s; %s).%s", a.Hook, why, d.left(first))
	if cell > 2 {
		var b strings.Builder
		for _, t := range d.Tokens[first:] {
			b.WriteString(padLeft(cut(t.visible, cell-1), cell))
		}
		d.line("    %s%s", pad("", name), d.ink(Made, b.String()))
	}
	for i := first; i < len(d.Tokens); i++ {
		var b strings.Builder
		for _, v := range a.Pattern[i][first:] {
			text := ""
			if cell > 2 {
				text = fmt.Sprintf("%.0f", float64(v)*100)
			}
			b.WriteString(d.tint(Looked, float64(v), padLeft(text, cell)))
		}
		d.line("    %s%s", d.ink(Made, fit(d.Tokens[i].visible, name)), b.String())
	}
}

func (d *drawing) prediction() {
	d.title("5", "What comes next")
	d.say("Probabilities over all %s tokens; the uncertainty is %.2f bits, as among %s equally likely ones.",
		Count(d.Model.Vocab), d.Entropy, short(math.Exp2(d.Entropy)))
	columns, rest := d.w-41, 1.0
	for _, c := range d.Prediction {
		rest -= c.P
		d.line("    %s %s %s %s", d.bold(fit(c.visible, 16)), percent(c.P), d.bar(Likely, c.P, columns), d.ink(faint, "logit "+padLeft(short(float64(c.Logit)), 5)))
	}
	if others := d.Model.Vocab - len(d.Prediction); others > 0 {
		d.line("    %s %s %s", d.ink(faint, fit(Count(others)+" others", 16)), percent(max(0, rest)), d.bar(faint, rest, columns))
	}
}

// written is the direct logit attribution: who wrote the answer.
func (d *drawing) written() {
	d.title(" ", fmt.Sprintf("Who wrote “%s” into the last vector", d.Prediction[0].visible))
	d.say("Its logit %s is the sum of what each part wrote (they sum to %s).", short(d.Parts.Logit), short(d.Parts.Sum))
	parts := d.Parts.Parts
	if len(d.Blocks) > 16 {
		parts = blockTotals(parts)
	}
	largest := 0.0
	for _, p := range parts {
		largest = max(largest, math.Abs(p.Value))
	}
	columns := min(60, d.w-32)
	for _, p := range parts {
		d.line("    %s %s %s", fit(partName(p), 20), padLeft(short(p.Value), 6), d.signed(p.Value/max(largest, 1e-30), columns))
	}
}

// blockTotals puts a block's attention and MLP into one row, for models so deep
// that two would be too many to read.
func blockTotals(parts []Part) []Part {
	var out []Part
	for _, p := range parts {
		if last := len(out) - 1; p.Layer >= 0 && last >= 0 && out[last].Layer == p.Layer {
			out[last].Value += p.Value
			out[last].Part = ""
			continue
		}
		out = append(out, p)
	}
	return out
}

func partName(p Part) string {
	if p.Layer < 0 {
		return p.Part
	}
	part := p.Part
	if part == "mlp" {
		part = "MLP"
	}
	return fmt.Sprintf("block %d %s", p.Layer, part)
}

func (d *drawing) loop() {
	best := d.Prediction[0]
	d.title("↻", "And again")
	d.say("The likeliest is “%s”. Choosing a token (this one, or one drawn by chance), appending it and reading everything once more is all that generating text is:", best.visible)
	var b strings.Builder
	for _, t := range d.Tokens {
		b.WriteString(t.visible)
	}
	d.line("    %s%s", cut(b.String(), d.w-8-len([]rune(best.visible))), d.ink(Likely, "["+best.visible+"]"))
}

// proofs are checks with their errors.
func (d *drawing) proofs(list inspect.CheckList) {
	for _, c := range list {
		mark := "✓"
		if !c.OK {
			mark = "✗"
		}
		d.say("%s %s: %s. Off by %s, allowed %s.", mark, c.Name, c.What, tiny(c.Error), tiny(c.Tolerance))
	}
}

// tokenWidth is the room that the tokens' names get.
func (d *drawing) tokenWidth() int {
	w := 5
	for _, t := range d.Tokens {
		w = max(w, width(t.visible))
	}
	return min(w, d.w/6, 14)
}

// longest is the most bytes that a token has.
func (d *drawing) longest() int {
	n := 0
	for _, t := range d.Tokens {
		n = max(n, len(t.Bytes))
	}
	return n
}

func hex(bytes []int) string {
	parts := make([]string, len(bytes))
	for i, b := range bytes {
		parts[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(parts, " ")
}

// cos writes a cosine with its sign.
func cos(v float64) string {
	text := short(v)
	if v > 0 && text != "0.00" {
		text = "+" + text
	}
	return "(" + text + ")"
}

// many counts things: 1 token, 2 tokens; an irregular plural is given.
func many(n int, one string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(plural) > 0:
		return Count(n) + " " + plural[0]
	}
	return Count(n) + " " + one + "s"
}
