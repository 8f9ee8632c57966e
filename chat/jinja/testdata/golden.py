"""Makes golden.json: small templates of our own, one construct each."""
import pathlib

import oracle

VARS = {
    "s": "Hello, wörld\n 日本 \u00a0x", "e": "", "n": 7, "z": 0, "neg": -7, "f": 2.5, "big": 1e16, "t": True, "none": None,
    "xs": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"b": 1, "a": {"k": [1, 2]}, "items": "x", "0": "zero"},
    "people": [{"name": "Ann", "age": 30, "tags": ["x"]}, {"name": "bob", "age": 25, "tags": []}, {"name": "Cy", "age": 30}],
    "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "hi <b> & 'q' \"z\"\t\u2028é\u0001"},
                 {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1, "b": [None, True, 1.5]}}}]}],
}

# One a line; ⏎ is a line break.
TEMPLATES = r"""
{{ 1 + 2 * 3 ** 2 // 4 - -5 % 3 }} {{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 1.5e-5 }} {{ 0.0001 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ big }}
{{ 1 ~ 'a' ~ none ~ true ~ 2.0 }} {{ 'a' 'b' "c" }} {{ 'a' * 3 }} {{ 2 * [1] }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ () }} {{ (1) }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 == true }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ none == false }} {{ 1 != 2 }} {{ 'é' > 'z' }}
{{ 1 and 0 or 'x' }} {{ not 1 }} {{ not not e }} {{ '' or none }} {{ 0 and undefined_thing.x }} {{ 1 or undefined_thing.x }}
{{ 'ell' in s }} {{ 'x' not in words }} {{ 'a' in d }} {{ 3 in xs }} {{ 1 in {1: 2} }} {{ 'a' in undefined_thing }} {{ not 1 in [2] }}
{{ 'y' if n > 5 else 'no' }} {{ 'y' if n > 9 }}| {{ 'a' if z else 'b' if z else 'c' }} {{ ('q' if t) ~ 'r' }}
{{ s[0] }}{{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[8:] }} {{ s[::3] }} {{ xs[1:] }} {{ xs[-1] }} {{ xs[::-1] }} {{ xs[5] }}| {{ s[99] }}|
{{ d.b }} {{ d['b'] }} {{ d.a.k.1 }} {{ d['a']['k'][0] }} {{ d.items() }} {{ d['items'] }} {{ d.0 }} {{ d['0'] }} {{ d.missing }}| {{ xs.0 }}
{{ range(5) | list }} {{ range(2, 9, 3) | list }} {{ range(5, 0, -2) | list }} {{ range(3) }} {{ range(9)[2:8:2] }} {{ range(3)[1] }} {{ range(4) | length }}
{{ {'a': 1, 2: 'b', none: 1.5, true: [1, 'x'], (1, 2): {}} }} {{ [none, true, 'it\'s', "q\"", 'both \' "'] }} {{ ['\n\t\\', 'é', '\x01'] }}
{{ missing }}|{{ missing is defined }} {{ n is defined }} {{ missing is undefined }} {{ [missing] }} {{ missing == nothing }} {{ missing ~ 'x' }}
{{ missing.x }}
{{ missing + 1 }}
{{ none.x }}| {{ none['x'] }}| {{ n.x }}|
{{ n() }}
{{ 'a' + 1 }}
{{ 1 // 0 }}
{{ 9223372036854775807 + 0 }} {{ -9223372036854775807 }}
{% if n > 5 %}a{% elif n %}b{% else %}c{% endif %}{% if e %}x{% elif d %}y{% endif %}{% if 0 %}{% else %}z{% endif %}
{% for x in xs %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}
{% for x in [] %}x{% else %}empty{% endfor %}{% for c in 'aé' %}[{{ c }}]{% endfor %}{% for k in d %}{{ k }};{% endfor %}{% for x in missing %}x{% else %}u{% endfor %}
{% for x in xs if x > 1 %}{{ loop.index0 }}{{ x }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }} {% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a + b + c }}{% endfor %}
{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{{ loop.cycle('o', 'e') }}{{ loop.changed(x > 2) }}{{ loop.depth }} {% endfor %}
{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is iterable else x ~ '@' ~ loop.depth0 }},{% endfor %}
{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% else %}never{% endfor %}
{% for x in xs %}{% for y in words %}{{ loop.index }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}-{{ loop.index }} {% endfor %}
{% set a = 1 %}{% set b, c = 2, 3 %}{% set x = 1, 2 %}{{ a }}{{ b }}{{ c }}{{ x }}{% for i in xs %}{% set a = i %}{{ a }}{% endfor %}{{ a }}
{% set ns = namespace(n=0, l=[]) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.n }}{{ ns.l }}{{ ns.q }}|
{% set b %}  x {{ n }} {% endset %}[{{ b }}]{% set c | trim | upper %}  y {{ n }} {% endset %}[{{ c }}]{{ c is string }}
{% if true %}{% set inner = 1 %}{% endif %}{{ inner }}{% with a = 1, b = n %}{{ a }}{{ b }}{% set inner = 2 %}{% endwith %}{{ inner }}{{ a }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=9) }} {{ m(b=1, a=0) }} {{ m() }} {{ m.name }} {{ m.arguments }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }}{{ m(1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro w(t) %}<{{ t }}>{{ caller('x', 2) }}</{{ t }}>{% endmacro %}{% call(a, b=1) w('p') %}{{ a }}{{ b }}{{ n }}{% endcall %}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}{% set q = f(2) %}{{ q | length }}
{% filter upper %}abc {{ s }}{% endfilter %}{% filter trim | replace('a', 'b') %}  aaa  {% endfilter %}
{% generation %}{{ n }}{% set hidden = 1 %}{% endgeneration %}{{ hidden }}|
{% raw %}{{ not }} {% this %} {# nor #}{% endraw %}{# comment {{ x }} #}x{%- raw -%}  a  {%- endraw -%}  b
a {%- if true -%}  b  {%- endif -%} c {{- ' d ' -}} e {#- x -#} f
  {% if true %}⏎    one⏎  {% endif %}⏎  {{ n }}⏎  {# gone #}⏎  {%+ if true %}kept{% endif +%}⏎end⏎
⏎{% if true %}⏎x⏎{% endif %}⏎⏎trailing⏎⏎
{{ xs | join }} {{ xs | join(', ') }} {{ people | join('-', attribute='name') }} {{ [1, none, 'x'] | join('|') }} {{ missing | join }}|{{ 'abc' | join('.') }}
{{ '  a b ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ s | length }} {{ xs | count }} {{ d | length }} {{ missing | length }} {{ 'ab' | first }}{{ xs | last }}{{ [] | first }}|{{ d | first }}
{{ missing | default('d') }} {{ e | default('d') }}| {{ e | default('d', true) }} {{ none | d('x') }} {{ missing | d }}| {{ d.q | default(1) + 1 }}
{{ s | upper }} {{ s | lower }} {{ 'hello wORLD-foo (bar)' | title }} {{ 'hELLO' | capitalize }} {{ 'straße' | upper }} {{ 'ΑΣ' | lower }} {{ 5 | upper }}
{{ 'a-b-c' | replace('-', '+') }} {{ 'aaa' | replace('a', 'b', 2) }} {{ 'ab' | replace('', '.') }} {{ 123 | replace(2, 'x') }}
{{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ xs | sort(reverse=true) }} {{ people | sort(attribute='age,name') | map(attribute='name') | list }}
{{ people | map(attribute='age') | list }} {{ words | map('upper') | join }} {{ people | map(attribute='tags.0', default='-') | list }} {{ xs | map('string') | list }} {{ [1.5] | map('round', method='floor') | list }}
{{ xs | select('gt', 1) | list }} {{ xs | reject('odd') | list }} {{ people | selectattr('age', 'equalto', 30) | map(attribute='name') | list }} {{ people | rejectattr('tags') | list | length }} {{ [0, 1, ''] | select | list }} {{ people | selectattr('tags', 'defined') | list | length }}
{{ words | unique | list }} {{ [1, 1.0, true, 2] | unique | list }} {{ people | groupby('age') | map('first') | list }} {% for g in people | groupby('age') %}{{ g.grouper }}:{{ g.list | length }};{% endfor %}
{{ xs | min }} {{ xs | max }} {{ words | min }} {{ people | max(attribute='age') }} {{ [] | max }}| {{ xs | sum }} {{ people | sum(attribute='age') }} {{ [[1], [2]] | sum(start=[]) }}
{{ xs | reverse | list }} {{ 'abc' | reverse }} {{ xs | list }} {{ 'ab' | list }} {{ d | list }} {{ d | items | list }} {{ d | dictsort }} {{ {'a': 2, 'B': 1} | dictsort(by='value') }} {{ {'a': 2, 'B': 1} | dictsort(true) }}
{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 0) | list }} {{ [1, 2, 3, 4, 5] | slice(3) | list }} {{ [1, 2] | slice(3, 'x') | list }}
{{ 'a\nb\n\nc' | indent }} {{ 'a\nb' | indent(2, true) }} {{ 'a\n\nb' | indent('> ', blank=true) }} {{ 'a\n' | indent }}|
{{ '42' | int }} {{ '4x' | int }} {{ '4.9' | int }} {{ 4.9 | int }} {{ '1f' | int(base=16) }} {{ 'q' | int(7) }} {{ '1.5' | float }} {{ 'x' | float }} {{ 3 | float }} {{ 3 | string ~ 1 }} {{ none | string }}
{{ -3 | abs }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 2.1 | round(method='ceil') }} {{ 42 | round }} {{ -1.55 | round(1, 'floor') }} {{ 1234 | round(-2) }}
{{ '<a href="x">&\'' | e }} {{ '<' | safe }} {{ ('<' | e) + '<' }} {{ ('<' | safe) ~ '<' }} {{ '&' | escape | escape }} {{ 'x' is escaped }}
{{ 'a b/c?é' | urlencode }} {{ {'a b': 1, 'c': '&'} | urlencode }} {{ 'one two  three' | wordcount }} {{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz' | truncate(8, true, '…', 0) }} {{ 'ab' | center(7) }}|
{{ '%s is %d, %5.2f%% %r' | format('x', 3, 2.5, 'q') }} {{ '%(a)s' | format(a=1) }} {{ '%-5s|%05d|%x|%e|%g|%+d' % ('a', 42, 255, 12345.678, 0.0001, 3) }} {{ '%s' % [1] }}
{{ messages | tojson }} {{ messages[2] | tojson(indent=2) }} {{ {'b': 1, 'a': [], 'c': {}} | tojson(sort_keys=true) }} {{ {'a': 1} | tojson(separators=(',', ':')) }} {{ 'é🙂' | tojson(ensure_ascii=true) }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ (1, 2) | tojson(indent=0) }} {{ 1e300 * 1e10 }}
{{ missing | tojson }}
{{ xs | nofilter }}
{{ xs is notest }}
{{ n is number }} {{ n is integer }} {{ f is float }} {{ t is number }} {{ t is integer }} {{ t is boolean }} {{ s is string }} {{ d is mapping }} {{ d is sequence }} {{ xs is sequence }} {{ s is iterable }} {{ n is iterable }} {{ none is none }} {{ t is true }} {{ 1 is true }} {{ z is false }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ 'a' is lower }} {{ 'A1' is upper }} {{ none is sameas none }} {{ range is callable }} {{ 'upper' is filter }}
{{ not n is odd }} {{ n is odd and t }} {{ n is not none or x }} {{ 'a' if n is defined else 'b' }} {{ n is divisibleby 7 == true }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b c '.split(none, 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a\nb\r\nc\n'.splitlines() }}
{{ '  x '.strip() }}|{{ '  x '.lstrip() }}|{{ '  x '.rstrip() }}|{{ 'abcab'.strip('ab') }}|{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith('b', 1) }} {{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.find('z') }} {{ 'aXbX'.count('X') }} {{ 'é x'.index('x') }}
{{ 'abc'.upper() }} {{ 'aBc'.title() }} {{ "they're bill's".title() }} {{ 'ABC'.lower() }} {{ 'abc'.capitalize() }} {{ 'aBc'.swapcase() }} {{ 'aa'.replace('a', 'b', 1) }} {{ '-'.join(['a', 'b']) }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }}
{{ '12'.isdigit() }} {{ '1a'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'ab'.islower() }} {{ ''.isdigit() }} {{ '5'.zfill(3) }} {{ '-5'.zfill(4) }} {{ 'x'.center(4, '*') }} {{ 'x'.ljust(3) }}| {{ 'x'.rjust(3) }}
{{ '{} {1} {a}'.replace('{} ', '').format(0, 1, a=2) }} {{ '{}-{}'.format('x', 2) }} {{ '{0[a]} {b.c:>5}|{d:.2f}|{e!r}'.format({'a': 1}, b={'c': 2}, d=1.005, e='q') }} {{ '{:05d} {:x} {:,} {:^7}|{:<4}|{:+.1e} {:%}'.format(42, 255, 1234567, 'mid', 'l', 12345.6, 0.5) }} {{ '{{}}'.format() }}
{{ d.keys() | list }} {{ d.values() | list | length }} {{ d.get('b') }} {{ d.get('q') }} {{ d.get('q', 5) }} {{ dict(a=1, b=2) }} {{ dict(d, b=9).b }} {{ d.copy() == d }} {{ xs.index(1) }} {{ xs.count(3) }} {{ (1, 2, 1).count(1) }}
{% set l = [1] %}{% set _ = l.append(2) %}{% set _ = l.extend([3, 4]) %}{% set _ = l.insert(0, 0) %}{{ l }} {{ l.pop() }} {{ l.pop(0) }} {{ l }}{% set m = {} %}{% set _ = m.update({'a': 1}, b=2) %}{{ m }} {{ m.pop('a') }} {{ m.setdefault('c', 3) }} {{ m }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('; ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}
{{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %B %a %A %y %j %I %p %-d %-m %e') }}
{{ raise_exception('No ' ~ n) }}
{{ "a\tb\x41\u00e9\U0001F600\101\q" }} {{ 'a\⏎b' }} {{ '\'' "\"" }}
{{ {'a': {'b': 1}}['a']['b'] }} {{ {'x': [1, {'y': 2}]}.x.1.y }} {{ [[1, 2], [3]][0][1] }} {{ (1, 2)[0] }} {{ 'abc'[1] }} {{ ('a' ~ 'b') | upper }} {{ -f | abs }} {{ (n + 1) | string }}
{% set f2 = namespace(**{'a': 1}) %}{{ f2.a }} {{ dict(*[[('x', 1)]]) }} {{ '%s%s' | format(*['a', 'b']) }}
{{ true and 'x' or 'y' }} {{ True }} {{ None }} {{ False }} {{ [true, none] }} {{ true + 1 }} {{ true == 1 }} {{ {1: 'a'}[true] }}
{{ xs | map('nofilter') | list }}
{% for x in 5 %}{% endfor %}
{% set a, b = [1, 2, 3] %}
{{ [1, 2] == (1, 2) }} {{ {'a': 1} == {'a': 1.0} }} {{ [1, [2]] == [1, [2.0]] }} {{ 'a' == 1 }} {{ range(3) == [0, 1, 2] }}
{{ [1
{{ 1 + }}
{% if %}{% endif %}
{% endif %}
{% for x in xs %}
{{ 'abc }}
{# open
{% raw %} open
{% frob %}
{{ a b }}
{{ 1 is }}
{{ x[1:2:3:4] }}
{% set 1 = 2 %}
{% break %}
{{ f(a=1, 2) }}
""".strip("\n")


def main():
    sets = [{"name": str(i), "template": t.replace("⏎", "\n"), "cases": [{}]}
            for i, t in enumerate(TEMPLATES.split("\n"))]
    oracle.fill(sets, VARS)
    oracle.write(pathlib.Path(__file__).with_name("golden.json"), sets, VARS)


if __name__ == "__main__":
    main()
