package jinja

import (
	"fmt"
	"strconv"
	"time"
)

// directives are C's strftime in the C locale, as layouts of Go's time.
var directives = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'm': "01", 'M': "04",
	'p': "PM", 'P': "pm", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006",
}

// strftime writes the time now. What the layout says in letters is its own text.
func (in *interp) strftime(layout Str) (Value, error) {
	b := builder{in: in}
	s := layout.s
	from := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			continue
		}
		b.add(layout.cut(from, i))
		n := 1
		if s[i+1] == '-' && i+2 < len(s) { // without padding
			n = 2
		}
		text, ok := directive(in.now, s[i+n], n == 2)
		if !ok {
			return nil, fmt.Errorf("strftime does not know %%%c", s[i+n])
		}
		b.data(text)
		i += n
		from = i + 1
	}
	b.add(layout.cut(from, len(s)))
	return b.value()
}

// directive writes one part of a time.
func directive(t time.Time, c byte, unpadded bool) (string, bool) {
	n, width := 0, 2
	switch c {
	case 'd', 'e':
		n = t.Day()
	case 'm':
		n = int(t.Month())
	case 'H', 'k':
		n = t.Hour()
	case 'I', 'l':
		n = (t.Hour()+11)%12 + 1
	case 'M':
		n = t.Minute()
	case 'S':
		n = t.Second()
	case 'y':
		n = t.Year() % 100
	case 'j':
		n, width = t.YearDay(), 3
	case 'U':
		n = (t.YearDay() + 6 - int(t.Weekday())) / 7
	case 'W':
		n = (t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 'z', 'Z': // datetime.now has no zone
		return "", true
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	default:
		layout, ok := directives[c]
		return t.Format(layout), ok
	}
	switch {
	case unpadded:
		return strconv.Itoa(n), true
	case c == 'e', c == 'k', c == 'l':
		return fmt.Sprintf("%2d", n), true
	}
	return fmt.Sprintf("%0*d", width, n), true
}
