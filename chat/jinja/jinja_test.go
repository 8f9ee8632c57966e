package jinja

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// render renders with x from outside.
func render(t *testing.T, source string, o Options) ([]Piece, error) {
	t.Helper()
	tm, err := Parse(source)
	if err != nil {
		return nil, err
	}
	d := NewDict()
	d.Set("k", Text("DaTa"))
	return tm.Render(map[string]Value{"x": Text("DaTa, 1 ß"), "d": d, "l": NewList(Text("b"), Text("a")), "own": Trusted("own"), "bytes": Text("a\xffÉ\xfe")}, o)
}

// marked puts what comes from outside in braces.
func marked(pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		if p.Written {
			b.WriteString(p.Text)
		} else {
			b.WriteString("{" + p.Text + "}")
		}
	}
	return b.String()
}

func TestWhoWroteIt(t *testing.T) {
	for source, want := range map[string]string{
		"a {{ x }} b":                                                      "a {DaTa, 1 ß} b",
		"{{ 'a' ~ x ~ 'b' }}{{ x + 'c' }}":                                 "a{DaTa, 1 ß}b{DaTa, 1 ß}c",
		"{{ (x ~ 'abc')[2:-1] }}":                                          "{Ta, 1 ß}ab",
		"{{ ('<' ~ x ~ '>')[::-1] }}":                                      ">{ß 1 ,aTaD}<",
		"{{ ('<' ~ x)[0] }}{{ ('<' ~ x)[1] }}":                             "<{D}",
		"{{ ('ab' ~ x) | upper }}":                                         "AB{DATA, 1 SS}",
		"{{ ('aB' ~ x).title() }}":                                         "Ab{data, 1 Ss}",
		"{{ ('  a' ~ x ~ ' ') | trim }}":                                   "a{DaTa, 1 ß}",
		"{{ (x ~ ', 2').split(', ') | join('|') }}":                        "{DaTa}|{1 ß}|2",
		"{{ x.replace('a', '#') }}":                                        "{D}#{T}#{, 1 ß}",
		"{{ 'a-b'.replace('-', x) }}":                                      "a{DaTa, 1 ß}b",
		"{{ '%s!' % x }}{{ '<{}>'.format(x) }}":                            "{DaTa, 1 ß}!<{DaTa, 1 ß}>",
		"{{ '%7s' % 'a' }}{{ '{:.2}'.format(x) }}":                         "      a{Da}",
		"{{ d | tojson }}":                                                 `{{"}k{": "DaTa"}}`,
		"{{ {'k': '<s>'} | tojson }}":                                      `{{"}k{": "}<s>{"}}`,
		"{{ [x] }}{{ ['t'] }}":                                             "{['DaTa, 1 ß']['}t{']}",
		"{{ l | sort | join }}{{ l | first }}":                             "{abb}",
		"{{ l | map('upper') | join('<') }}":                               "{B}<{A}",
		"{% for c in 'a' ~ x[:2] %}{{ c }}{% endfor %}":                    "a{Da}",
		"{% set y %}<{{ x[0] }}>{% endset %}{{ y ~ 'z' }}":                 "<{D}>z",
		"{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m(x[0]) }}{{ m('t') }}": "[{D}][t]",
		"{% filter upper %}a{{ x[0:3] }}{% endfilter %}":                   "A{DAT}",
		"{{ 1 }}{{ none }}{{ 1.5 ~ 't' }}":                                 "{1None1.5}t",
		"{{ ('a\\nb' ~ x) | indent(2) }}":                                  "a\n  b{DaTa, 1 ß}",
		"{{ x | e }}{{ '<' | e }}":                                         "{DaTa, 1 ß}&lt;",
		"{{ x if x == 'DaTa, 1 ß' }}{{ 'y' in x }}":                        "{DaTa, 1 ßFalse}",
		"{{ d['k'] }}{{ d.keys() | first }}":                               "{DaTa}k",
		"{{ own ~ x | length }}":                                           "own{9}",
		"{{ bytes }}{{ bytes | lower }}{{ bytes[1] }}{{ bytes | length }}": "{a\xffÉ\xfea\xffé\xfe\xff4}",
		"{{ (bytes | tojson) }}":                                           "{\"a\xffÉ\xfe\"}",
		"{{ strftime_now('%Y<') }}":                                        "{2026}<",
	} {
		if got, err := render(t, source, Options{Now: goldenNow}); err != nil || marked(got) != want {
			t.Errorf("%s: %q, %v, want %q", source, marked(got), err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	deep := strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000)
	for source, what := range map[string]string{
		"{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}":                                                                           "steps",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}":                                                                                                        "deeper",
		"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}":                                                                                                "deeper",
		"{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}":                                                   "deeper",
		"{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}":                                          "deeper",
		"{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}": "steps",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l }}":                                                                                                       "deeper",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l == [l] }}":                                                                                                "deeper",
		"{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}":                                                                                 "steps",
		"{{ 'aaaaaaaaaa' * 999999999 }}":                                                                                                                         "memory",
		"{{ [1] * 99999999999 }}":                                                                                                                                "memory",
		"{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}":                                                        "memory",
		"{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}":                                                                                                "memory",
		"{{ 'a'.center(99999999999) }}":                                                                                                                          "memory",
		"{{ '%999999999d' % 1 }}":                                                                                                                                "width",
		"{{ range(999999) }}":                                                                                                                                    "range",
		"{{ range(1, 99999999999) }}":                                                                                                                            "range",
		"{{ " + deep + " }}":                                                                                                                                     "nests",
		"{{ 1" + strings.Repeat(" + 1", 1000) + " }}":                                                                                                            "nests",
		"{{ x" + strings.Repeat(".a", 1000) + " }}":                                                                                                              "nests",
		"{{ x" + strings.Repeat("|e", 1000) + " }}":                                                                                                              "nests",
		"{{ " + strings.Repeat("not ", 1000) + "1 }}":                                                                                                            "nests",
		"{{ " + strings.Repeat("-", 1000) + "1 }}":                                                                                                               "nests",
		"{{ 1" + strings.Repeat(" if 1 else 1", 1000) + " }}":                                                                                                    "nests",
		strings.Repeat("{% if 1 %}", 1000) + strings.Repeat("{% endif %}", 1000):                                                                                 "nests",
		"{% set " + strings.Repeat("(", 1000) + "a" + strings.Repeat(")", 1000) + " = 1 %}":                                                                      "nests",
		strings.Repeat(" ", maxSource+1):                                                                                                                         "bytes",
	} {
		_, err := render(t, source, Options{Limits: Limits{Steps: 200_000, Output: 8 << 20, Memory: 8 << 20}})
		var located *Error
		if !errors.Is(err, ErrLimit) || !errors.As(err, &located) || located.Line != 1 || !strings.Contains(err.Error(), what) {
			t.Errorf("%.80s: %v, want the limit of %s", source, err, what)
		}
	}
}

func TestSmallerLimits(t *testing.T) {
	for source, l := range map[string]Limits{
		"{% for i in range(50) %}{% endfor %}":   {Steps: 40},
		"{% for i in range(50) %}ab{% endfor %}": {Output: 40},
		"{% set a = 'ab' * 30 %}":                {Memory: 40},
		"{{ [[[[1]]]] }}":                        {Depth: 3},
		"{% set a %}{{ 'ab' * 30 }}{% endset %}": {Output: 40},
	} {
		if _, err := render(t, source, Options{Limits: l}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", source, err)
		}
		if _, err := render(t, source, Options{}); err != nil {
			t.Errorf("%s without: %v", source, err)
		}
	}
}

func TestErrorsHaveLines(t *testing.T) {
	for source, line := range map[string]int{
		"\n\n{{ missing.x }}":                      3,
		"\n{% if 1 %}\n\n{{ 1 / 0 }}\n{% endif %}": 4,
		"{{ 1\n+\n'a' }}":                          2,
		"\n{{ x | nofilter }}":                     2,
		"\n\n{{ 1 + }}":                            3,
		"\n{% frob %}":                             2,
		"a\n{% for x in [1] %}\n":                  2,
		"\n\n\n{{ 'abc":                            4,
		"{#\n\n#}{% if\n%}":                        4,
		"{% macro m() %}\n\n{{ raise_exception('x') }}{% endmacro %}\n{{ m() }}": 3,
	} {
		_, err := render(t, source, Options{})
		var located *Error
		if !errors.As(err, &located) || located.Line != line {
			t.Errorf("%q: %v, want line %d", source, err, line)
		}
	}
}

func TestRaise(t *testing.T) {
	_, err := render(t, "\n{{ raise_exception('No ' ~ x) }}", Options{})
	var raised *Raised
	if !errors.As(err, &raised) || raised.Message != "No DaTa, 1 ß" || err.Error() != "line 2: No DaTa, 1 ß" {
		t.Errorf("%v", err)
	}
}

// TestVariablesStay: what a template sets is gone afterwards.
func TestVariablesStay(t *testing.T) {
	tm, err := Parse("{% set x = 1 %}{{ x }}")
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]Value{"x": Text("a")}
	for range 2 {
		if got, err := tm.Render(vars, Options{}); err != nil || joined(got) != "1" || vars["x"].(Str).s != "a" {
			t.Errorf("%v, %v, %v", got, err, vars)
		}
	}
}

func TestJSONFromOutside(t *testing.T) {
	v, err := JSON([]byte(`{"b": [1, 2.0, -0.0, 1e400, 12345678901234567890123], "a": {"c": null, "d": true}, "é": "\ud83d\ude42"}`))
	if err != nil {
		t.Fatal(err)
	}
	tm, err := Parse("{{ v | tojson }}")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"b": [1, 2.0, -0.0, Infinity, 12345678901234567890123], "a": {"c": null, "d": true}, "é": "🙂"}`
	if got, err := tm.Render(map[string]Value{"v": v}, Options{}); err != nil || joined(got) != want {
		t.Errorf("%q, %v", joined(got), err)
	}
	for _, bad := range []string{"", "{", `{"a": 1} x`, "[1,]", strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		if _, err := JSON([]byte(bad)); err == nil {
			t.Errorf("took %.30q", bad)
		}
	}
}

func TestStrftime(t *testing.T) {
	tm, err := Parse("{{ strftime_now('%a %A %w %u %d %-d %e %b %B %m %y %Y %H %I %l %M %S %p %j %U %W %f %D %F %T %R %c %x %X %Z%z%%') }}")
	if err != nil {
		t.Fatal(err)
	}
	// As Python's datetime(2024, 2, 9, 23, 5, 6, 70).strftime gives it.
	const want = "Fri Friday 5 5 09 9  9 Feb February 02 24 2024 23 11 11 05 06 PM 040 05 06 000070 02/09/24 2024-02-09 23:05:06 23:05 Fri Feb  9 23:05:06 2024 02/09/24 23:05:06 %"
	got, err := tm.Render(nil, Options{Now: time.Date(2024, 2, 9, 23, 5, 6, 70_000, time.UTC)})
	if err != nil || joined(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, joined(got), want)
	}
	if _, err := render(t, "{{ strftime_now('%Q') }}", Options{}); err == nil {
		t.Error("took an unknown directive")
	}
}

// FuzzTemplate runs whatever parses, in little time and memory, and checks that
// the text of a variable is never taken for the template's.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"{% for m in messages %}{{ m.role ~ m['content'] | upper }}{% if loop.last %}{{ x[1:-1:2] }}{% endif %}{% endfor %}",
		"{% macro m(a, b=1) %}{{ a }}{{ caller(1) }}{% endmacro %}{% call(z) m(x) %}{{ z }}{% endcall %}{{ '%5s' % x }}",
		"{% set ns = namespace(a=1) %}{% set ns.a = ns.a + 1 %}{{ [x, {'a': x}] | tojson(indent=2) }}{{ '{:>9}'.format(x) }}",
		"{{ x.split()|map('title')|join('-') }}{% raw %}{{{% endraw %}{#- -#}{{ d.items()|list }}{{ xs|sort|groupby('a') }}",
		"{% filter replace('a', x) %}abc{% endfilter %}{% with a = x %}{{ a is string and a not in 'b' }}{% endwith %}",
	} {
		f.Add(s)
	}
	const outside = "\u2603" // only the variable has it
	f.Fuzz(func(t *testing.T, source string) {
		tm, err := Parse(source)
		if err != nil {
			var located *Error
			if !errors.As(err, &located) || located.Line < 1 {
				t.Fatalf("%v", err)
			}
			return
		}
		d := NewDict()
		d.Set("a", Text(outside))
		x := Text("a " + outside + "b")
		l := NewList(x, d, int64(3))
		pieces, err := tm.Render(map[string]Value{"x": x, "d": d, "xs": l, "messages": l}, Options{Limits: Limits{Steps: 20_000, Output: 1 << 16, Memory: 1 << 20}})
		if err != nil {
			return
		}
		for _, p := range pieces {
			if p.Written && strings.Contains(p.Text, outside) && !strings.Contains(source, outside) && !strings.Contains(source, "\\") {
				t.Errorf("%q: %q counts as the template's", source, p.Text)
			}
		}
	})
}
