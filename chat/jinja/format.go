package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxWidth bounds widths and precisions in formats.
const maxWidth = 10_000

// percent is the % operator of strings.
func (in *interp) percent(s Str, v Value) (Value, error) {
	f := percentFormat{in: in, b: builder{in: in}, s: s}
	f.args = []Value{v}
	if l, ok := v.(*List); ok && l.tuple {
		f.args = l.items
	}
	f.dict, _ = v.(*Dict)
	for f.at < len(s.s) {
		i := strings.IndexByte(s.s[f.at:], '%')
		if i < 0 {
			break
		}
		f.b.add(s.cut(f.at, f.at+i))
		f.at += i + 1
		if err := f.spec(); err != nil {
			return nil, err
		}
	}
	if f.used < len(f.args) && f.dict == nil && !(f.used == 0 && isSequence(v) && kind(v) != "tuple" && kind(v) != "str") {
		return nil, errors.New("not all arguments of the format were used")
	}
	f.b.add(s.cut(f.at, len(s.s)))
	return f.b.value()
}

type percentFormat struct {
	in   *interp
	b    builder
	s    Str
	at   int
	args []Value
	used int
	dict *Dict
}

// next is the next argument.
func (f *percentFormat) next() (Value, error) {
	if f.used >= len(f.args) {
		return nil, errors.New("the format needs more arguments")
	}
	f.used++
	return f.args[f.used-1], nil
}

// char is the byte at hand, 0 at the end.
func (f *percentFormat) char() byte {
	if f.at < len(f.s.s) {
		return f.s.s[f.at]
	}
	return 0
}

// number reads digits or a star.
func (f *percentFormat) number() (int64, error) {
	if f.char() == '*' {
		f.at++
		v, err := f.next()
		n, ok := whole(v)
		if err == nil && !ok {
			err = errors.New("* needs an integer")
		}
		return n, err
	}
	n := int64(0)
	for c := f.char(); c >= '0' && c <= '9'; c = f.char() {
		if n = n*10 + int64(c-'0'); n > maxWidth {
			return 0, fmt.Errorf("%w: a width in a format is above %d", ErrLimit, maxWidth)
		}
		f.at++
	}
	return n, nil
}

// spec writes one conversion, whose % has passed.
func (f *percentFormat) spec() error {
	sp := spec{precision: -1, align: '>'}
	var v Value
	var err error
	named := false
	if f.char() == '(' {
		end := strings.IndexByte(f.s.s[f.at:], ')')
		if end < 0 || f.dict == nil {
			return errors.New("a format with names needs a dict")
		}
		name := f.s.s[f.at+1 : f.at+end]
		var ok bool
		if v, ok = f.dict.find(name); !ok {
			return fmt.Errorf("the format's argument %q is missing", name)
		}
		named = true
		f.at += end + 1
	}
	for ; strings.IndexByte("-+ 0#", f.char()) >= 0 && f.char() != 0; f.at++ {
		sp.flag(f.char())
	}
	if sp.width, err = f.number(); err != nil {
		return err
	}
	if sp.width < 0 {
		sp.align, sp.width = '<', -sp.width
	}
	if f.char() == '.' {
		f.at++
		if sp.precision, err = f.number(); err != nil {
			return err
		}
	}
	for f.char() == 'l' || f.char() == 'h' || f.char() == 'L' {
		f.at++
	}
	sp.verb = f.char()
	f.at++
	if sp.verb == '%' {
		f.b.add(f.s.cut(f.at-1, f.at))
		return nil
	}
	if !named {
		if v, err = f.next(); err != nil {
			return err
		}
	}
	return sp.percent(f.in, &f.b, v)
}

// spec is how to write a value in a format.
type spec struct {
	fill      string
	align     byte // < > ^ or = (between sign and digits)
	sign      byte // - + or space
	alt       bool // #
	zero      bool
	comma     string
	width     int64
	precision int64
	verb      byte
}

func (sp *spec) flag(c byte) {
	switch c {
	case '-':
		sp.align = '<'
	case '+':
		sp.sign = '+'
	case ' ':
		if sp.sign == 0 {
			sp.sign = ' '
		}
	case '0':
		sp.zero = true
	case '#':
		sp.alt = true
	}
}

func (sp *spec) percent(in *interp, b *builder, v Value) error {
	var s Str
	var err error
	switch sp.verb {
	case 's':
		s, err = in.str(v)
	case 'r', 'a':
		s, err = in.repr(v)
	case 'c':
		s, err = character(v)
	case 'd', 'i', 'u':
		if f, ok := v.(float64); ok {
			v, ok = toWhole(f)
			if !ok {
				return errors.New("the number does not fit an integer")
			}
		}
		sp.verb = 'd'
		return sp.number(in, b, v)
	case 'x', 'X', 'o', 'e', 'E', 'f', 'F', 'g', 'G':
		return sp.number(in, b, v)
	default:
		return fmt.Errorf("the format has the unknown conversion %q", sp.verb)
	}
	if err != nil {
		return err
	}
	return sp.text(in, b, s)
}

func character(v Value) (Str, error) {
	if s, ok := v.(Str); ok && s.length() == 1 {
		return s, nil
	}
	if n, ok := whole(v); ok && n >= 0 && n < 0x110000 {
		return Text(string(rune(n))), nil
	}
	return Str{}, errors.New("a character is one letter or its number")
}

// toWhole cuts off the decimals.
func toWhole(f float64) (Value, bool) {
	if math.IsNaN(f) || math.Abs(f) >= 1<<63 {
		return nil, false
	}
	return int64(f), true
}

// text writes a string, cut to the precision and filled to the width.
func (sp *spec) text(in *interp, b *builder, s Str) error {
	if sp.precision >= 0 && int64(s.length()) > sp.precision {
		s = s.cut(0, s.offset(int(sp.precision)))
	}
	where := map[byte]int{'<': padRight, '>': padLeft, '^': padBoth}[sp.align]
	fill := Trusted(" ")
	if sp.fill != "" {
		fill = Trusted(sp.fill)
	}
	if where == padBoth { // a format puts the odd one on the right
		missing := max(sp.width-int64(s.length()), 0)
		left, err := in.pad(s, fill, sp.width-missing+missing/2, padLeft)
		if err != nil {
			return err
		}
		s, where = left.(Str), padRight
	}
	v, err := in.pad(s, fill, sp.width, where)
	if err == nil {
		b.add(v.(Str))
	}
	return err
}

// number writes a number.
func (sp *spec) number(in *interp, b *builder, v Value) error {
	digits, negative, err := sp.digits(v)
	if err != nil {
		return err
	}
	sign := ""
	switch {
	case negative:
		sign = "-"
	case sp.sign == '+' || sp.sign == ' ':
		sign = string(sp.sign)
	}
	if sp.alt {
		sign += map[byte]string{'x': "0x", 'X': "0X", 'o': "0o", 'b': "0b"}[sp.verb]
	}
	missing := int(sp.width) - len(sign) - len(digits)
	if sp.zero && sp.align != '<' && sp.fill == "" || sp.align == '=' {
		fill := "0"
		if sp.fill != "" {
			fill = sp.fill
		}
		digits = strings.Repeat(fill, max(missing, 0)) + digits
	}
	plain := *sp
	plain.precision = -1
	return plain.text(in, b, Text(sign+digits))
}

// digits writes a number without its sign.
func (sp *spec) digits(v Value) (s string, negative bool, err error) {
	if base := map[byte]int{'d': 10, 'x': 16, 'X': 16, 'o': 8, 'b': 2}[sp.verb]; base != 0 {
		if n, ok := v.(number); ok && base == 10 {
			s, negative = strings.CutPrefix(string(n), "-")
			return sp.grouped(s), negative, nil
		}
		n, ok := whole(v)
		if !ok {
			return "", false, operandError("a format", v, v)
		}
		s, negative = strings.CutPrefix(strconv.FormatInt(n, base), "-")
		if sp.verb == 'X' {
			s = strings.ToUpper(s)
		}
		if n := int(sp.precision) - len(s); n > 0 {
			s = strings.Repeat("0", n) + s
		}
		return sp.grouped(s), negative, nil
	}
	f, ok := asFloat(v)
	if !ok {
		return "", false, operandError("a format", v, v)
	}
	s = sp.float(math.Abs(f))
	if sp.verb == 'E' || sp.verb == 'F' || sp.verb == 'G' {
		s = strings.ToUpper(s)
	}
	return sp.grouped(s), math.Signbit(f) && !math.IsNaN(f), nil
}

func (sp *spec) float(f float64) string {
	precision := int(sp.precision)
	if precision < 0 {
		precision = 6
	}
	switch {
	case math.IsInf(f, 0):
		return "inf"
	case math.IsNaN(f):
		return "nan"
	}
	percent := ""
	verb := sp.verb | 0x20
	if sp.verb == '%' {
		f, percent, verb = f*100, "%", 'f'
	}
	if verb == 'g' {
		return general(f, max(precision, 1))
	}
	return strconv.FormatFloat(f, verb, precision, 64) + percent
}

// general is C's %g: so many digits, without zeros at the end.
func general(f float64, digits int) string {
	e := strconv.FormatFloat(f, 'e', digits-1, 64)
	mantissa, exponent, _ := strings.Cut(e, "e")
	x, _ := strconv.Atoi(exponent)
	if x < -4 || x >= digits {
		return shorten(mantissa) + "e" + exponent
	}
	return shorten(strconv.FormatFloat(f, 'f', digits-1-x, 64))
}

func shorten(s string) string {
	if strings.Contains(s, ".") {
		return strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// grouped puts commas between thousands.
func (sp *spec) grouped(s string) string {
	if sp.comma == "" {
		return s
	}
	end := strings.IndexAny(s, ".e")
	if end < 0 {
		end = len(s)
	}
	for i := end - 3; i > 0; i -= 3 {
		s = s[:i] + sp.comma + s[i:]
	}
	return s
}
