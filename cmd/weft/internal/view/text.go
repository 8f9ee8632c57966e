package view

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
)

// Visible shows a token so that nothing in it is invisible: ␣ ↵ ⇥ for white
// space, <0xE2> for a byte that is no character by itself.
func Visible(token []byte) string {
	var b strings.Builder
	for i := 0; i < len(token); {
		r, size := utf8.DecodeRune(token[i:])
		switch {
		case r == ' ':
			b.WriteRune('␣')
		case r == '\n':
			b.WriteRune('↵')
		case r == '\t':
			b.WriteRune('⇥')
		case r == '\r':
			b.WriteRune('␍')
		case unicode.Is(unicode.Mn, r):
			b.WriteString("◌" + string(r)) // an accent needs something to sit on
		case r == utf8.RuneError && size == 1 || !unicode.IsPrint(r):
			for _, c := range token[i : i+size] {
				fmt.Fprintf(&b, "<0x%02X>", c)
			}
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// cut shortens text to some columns by leaving out its middle.
func cut(text string, columns int) string {
	if lipgloss.Width(text) <= columns {
		return text
	}
	runes := []rune(text)
	head, tail := 0, len(runes)
	for width := 1; ; {
		left := head <= len(runes)-tail
		r := runes[head]
		if !left {
			r = runes[tail-1]
		}
		if width += lipgloss.Width(string(r)); width > columns {
			return string(runes[:head]) + "…" + string(runes[tail:])
		}
		if left {
			head++
		} else {
			tail--
		}
	}
}

// width is how many columns text takes.
func width(text string) int { return lipgloss.Width(text) }

// pad fills text with blanks on the right, up to some columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-lipgloss.Width(text)))
}

// padLeft fills text with blanks on the left.
func padLeft(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-lipgloss.Width(text))) + text
}

// fit is cut, then pad: exactly some columns.
func fit(text string, columns int) string { return pad(cut(text, columns), columns) }

// short writes a number in at most five columns, with a true minus sign.
func short(v float64) string {
	a, format := math.Abs(v), "%.2f"
	switch {
	case math.IsNaN(v), math.IsInf(v, 0):
		return "–"
	case a >= 99950:
		format = "%.0e"
	case a >= 99.95:
		format = "%.0f"
	case a >= 9.995:
		format = "%.1f"
	}
	text := fmt.Sprintf(format, a)
	if v < 0 && strings.Trim(text, "0.") != "" {
		return "−" + text
	}
	return text
}

// percent writes a probability in six columns; it rounds nothing to 0 or 100.
func percent(p float64) string {
	switch {
	case p <= 0:
		return "    0%"
	case p >= 1:
		return "  100%"
	case p > 0.9995:
		return ">99.9%"
	case p >= 0.09995:
		return fmt.Sprintf("%5.1f%%", p*100)
	case p >= 0.0001:
		return fmt.Sprintf("%5.2f%%", p*100)
	}
	return "<0.01%"
}

// whole writes a probability as a whole number of percent, never rounded up to 100.
func whole(p float64) string {
	if p >= 1 {
		return "100"
	}
	return strconv.Itoa(int(100 * p))
}

// tiny writes an error figure: 0, or two digits and a power of ten.
func tiny(v float64) string {
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(v, 'e', 1, 64)
}

// Count writes a whole number in groups of three.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Params writes a number of parameters as people say it: 124M, 1.5B.
func Params(n int) string { return scaled(float64(n), 1000, "", "K", "M", "B", "T") }

// Bytes writes a size in binary units.
func Bytes(n int) string {
	return scaled(float64(n), 1024, " B", " KiB", " MiB", " GiB", " TiB", " PiB")
}

func scaled(v, step float64, units ...string) string {
	i := 0
	for v >= 0.9995*step && i+1 < len(units) {
		v, i = v/step, i+1
	}
	digits := 0
	if i > 0 && v < 9.95 {
		digits = 2
	} else if i > 0 && v < 99.5 {
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + units[i]
}

// percentile is the value below which a share of the values lies.
func percentile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(share*float64(len(values)-1))]
}
