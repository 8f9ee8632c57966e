// Package view is Weft's picture language, for the terminal and for a page: a
// vector is a ribbon of cells on one diverging scale around zero, a probability
// is a bar with its number, and the three kinds of data (learned parameters,
// activations, hyperparameters) keep one colour each, which text repeats.
//
//   - [Look] is everything that `weft look` shows, as data. [LookText] draws it
//     in the terminal, [LookPage] writes it as one self-contained page, and its
//     JSON is the command's --json.
//   - [Info] is the same for `weft info`, with [InfoText].
//   - [Visible] shows a token's bytes so that nothing in it is invisible.
//
// It only draws. The numbers come from package inspect and from the model.
package view

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
)

// Paint says what the output can show. The zero value is plain text, 80 wide.
type Paint struct {
	Color bool // else numbers stand where cells would be
	Light bool // the background is light
	Width int  // columns; 0: 80
}

func (p Paint) width() int {
	if p.Width <= 0 {
		return 80
	}
	return max(p.Width, 60)
}

// Kind is one of the kinds of data that have a colour of their own.
type Kind int

const (
	Learned Kind = iota // parameters: the same for every prompt
	Made                // activations: made by this prompt
	Chosen              // hyperparameters: chosen by whoever designed the model
	Looked              // attention
	Likely              // probability
	negative
	positive
	faint
)

// hues are the kinds' colours on dark and on light grounds. Blue and orange
// stay apart in every common form of colour blindness; text has a contrast of
// at least 4.5 on either ground.
var hues = [...][2]string{
	Learned:  {"#b79cf0", "#6b46b8"},
	Made:     {"#4fc7a2", "#0b7558"},
	Chosen:   {"#d8b452", "#7d5c00"},
	Looked:   {"#f08ab5", "#b02a6a"},
	Likely:   {"#6fb1f2", "#1d62ad"},
	negative: {"#5b9bf0", "#2468c9"},
	positive: {"#f29a3f", "#c45a00"},
	faint:    {"#8b93a1", "#616975"},
}

func (p Paint) hue(k Kind) string {
	if p.Light {
		return hues[k][1]
	}
	return hues[k][0]
}

// ground is the colour that a cell fades into where its number is zero.
func (p Paint) ground() string {
	if p.Light {
		return "#e9ebee"
	}
	return "#262a31"
}

// ink writes text in a kind's colour.
func (p Paint) ink(k Kind, text string) string {
	if !p.Color {
		return text
	}
	return lipgloss.NewStyle().Foreground(lipgloss.Color(p.hue(k))).Render(text)
}

func (p Paint) bold(text string) string {
	if !p.Color {
		return text
	}
	return lipgloss.NewStyle().Bold(true).Render(text)
}

// tint writes text on a kind's colour at a strength of 0 (ground) to 1.
func (p Paint) tint(k Kind, strength float64, text string) string {
	if !p.Color {
		return text
	}
	return p.on(k, strength).Render(text)
}

// blank is a ribbon's cell on the diverging scale: -1 is all blue, +1 all orange.
func (p Paint) blank(v float64) string {
	k := positive
	if v < 0 {
		k = negative
	}
	return lipgloss.NewStyle().Background(lipgloss.Color(mix(p.ground(), p.hue(k), min(1, math.Abs(v))))).Render(" ")
}

// on is the style of tint, with ink that can be read on it.
func (p Paint) on(k Kind, strength float64) lipgloss.Style {
	strength = min(1, max(0, strength))
	ink := "#e6e9ee"
	switch {
	case strength > 0.55 && p.Light:
		ink = "#ffffff"
	case strength > 0.55:
		ink = "#101216"
	case p.Light:
		ink = "#20242b"
	}
	ground := lipgloss.Color(mix(p.ground(), p.hue(k), strength))
	return lipgloss.NewStyle().Foreground(lipgloss.Color(ink)).Background(ground)
}

// mix is the colour a share of the way from one to another, both "#rrggbb".
func mix(from, to string, share float64) string {
	channel := func(hex string, i int) float64 {
		v, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		return float64(v)
	}
	out := "#"
	for i := range 3 {
		a, b := channel(from, i), channel(to, i)
		out += fmt.Sprintf("%02x", int(math.Round(a+(b-a)*share)))
	}
	return out
}

// ribbon draws a vector's leading numbers, one column each; without colour it
// writes as many of the numbers as fit.
func (p Paint) ribbon(v []float32, scale float64, columns int) string {
	if !p.Color {
		return numbers(v, columns)
	}
	var b strings.Builder
	for _, x := range v[:min(len(v), columns)] {
		b.WriteString(p.blank(float64(x) / scale))
	}
	return b.String() + strings.Repeat(" ", max(0, columns-len(v)))
}

// numbers writes the leading numbers in six columns each.
func numbers(v []float32, columns int) string {
	var b strings.Builder
	for _, x := range v[:min(len(v), columns/6)] {
		fmt.Fprintf(&b, "%6s", short(float64(x)))
	}
	return pad(b.String(), columns)
}

// eighths are the steps of a bar's last column.
var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar is a share of the columns, in steps of an eighth of one; what is not
// nothing shows at least the first step.
func (p Paint) bar(k Kind, share float64, columns int) string {
	n := int(math.Round(min(1, max(0, share)) * float64(columns) * 8))
	if n == 0 && share > 0 {
		n = 1
	}
	text := strings.Repeat("█", n/8) + eighths[n%8]
	return p.ink(k, text) + strings.Repeat(" ", max(0, columns-(n+7)/8))
}

// signed is a bar that grows from the middle, to the left if negative, in steps
// of half a column.
func (p Paint) signed(v float64, columns int) string {
	half := (columns - 1) / 2
	n := min(2*half, int(math.Round(math.Abs(v)*2*float64(half))))
	blocks, blank := strings.Repeat("█", n/2), strings.Repeat(" ", half-(n+1)/2)
	if v < 0 {
		return blank + p.ink(negative, strings.Repeat("▐", n%2)+blocks) + "│" + strings.Repeat(" ", half)
	}
	return strings.Repeat(" ", half) + "│" + p.ink(positive, blocks+strings.Repeat("▌", n%2)) + blank
}

// scaleOf is the 98th percentile of the numbers' sizes: a robust range, so that
// one outlier does not turn all the rest pale.
func scaleOf(vectors ...[]float32) float64 {
	var sizes []float64
	for _, v := range vectors {
		for _, x := range v {
			sizes = append(sizes, math.Abs(float64(x)))
		}
	}
	if s := percentile(sizes, 0.98); s > 0 {
		return s
	}
	return 1
}
