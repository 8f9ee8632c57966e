"""Makes random templates and what Jinja2 makes of them.

    python fuzz.py OUT.json COUNT [SEED]
    go test ./chat/jinja -run Goldens -corpus DIR-OF-OUT.json
"""
import random
import re
import sys

import golden
import oracle

# Output that shows where something is in memory, or integers of more than 64 bits.
FOREIGN = re.compile(r" at 0x|<built-in|<class|<bound|<Macro|<Namespace|<LoopContext|iterator|<function|object>|\d{19}|Cycler|sync_do|SYNC_DO|Sync_Do")

NAMES = ["s", "e", "n", "z", "neg", "f", "t", "none", "xs", "words", "d", "people", "messages", "missing", "x", "y", "ns"]
STRINGS = ["'a'", "'B c'", "''", "' x '", "'a,b,c'", "'é日🙂'", "'<b>'", "'12'", "'1.5'", "'a\\nb\\n'", "'it\\'s'", "'{}-{}'", "'%s'", "'name'", "'age'"]
NUMBERS = ["0", "1", "2", "3", "-1", "10", "1.5", "0.25", "-2.5", "1e3", "7"]
FILTERS = ["upper", "lower", "trim", "title", "capitalize", "length", "first", "last", "list", "join", "join(', ')", "join('-', attribute='name')",
           "default('q')", "default('q', true)", "d(1)", "replace('a', 'b')", "replace('', '.', 2)", "int", "float", "int(5)", "string", "abs", "round",
           "round(1)", "round(1, 'floor')", "sum", "min", "max", "reverse", "sort", "sort(reverse=true)", "sort(attribute='name')", "unique", "unique | list",
           "items | list", "dictsort", "dictsort(by='value')", "tojson", "tojson(indent=2)", "tojson(sort_keys=true)", "map('upper') | list",
           "map(attribute='name') | list", "map(attribute='age', default=0) | list", "map('string') | list", "select | list", "reject | list",
           "select('odd') | list", "select('string') | join", "selectattr('age') | list", "selectattr('name', 'equalto', 'Ann') | list", "rejectattr('tags') | list",
           "groupby('age') | list", "batch(2) | list", "slice(2) | list", "indent", "indent(2, true)", "indent('>', blank=true)", "wordcount", "e", "escape", "safe",
           "urlencode", "format(1)", "format('x', 2)", "truncate(5)", "truncate(5, true, '', 0)", "center(9)", "attr('upper')", "count", "forceescape", "reverse | list", "list | length",
           "tojson(separators=(',', ':'))", "tojson(ensure_ascii=true)", "string | length", "max(attribute='age')", "sum(attribute='age')"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "true", "false", "odd", "even",
         "divisibleby 3", "eq 1", "ne(2)", "lt 2", "gt(1)", "le 2", "ge 1", "in [1, 2, 'a']", "callable", "lower", "upper", "equalto 'a'", "sameas none", "escaped"]
METHODS = ["strip()", "strip('a')", "lstrip()", "rstrip('\\n')", "split()", "split(',')", "split(',', 1)", "rsplit(None, 1)", "split(None, 1)", "splitlines()", "splitlines(true)", "startswith('a')",
           "endswith(('a', 'b'))", "upper()", "lower()", "title()", "capitalize()", "swapcase()", "replace('a', 'x')", "find('b')", "rfind('a')", "count('a')", "join(words)", "join(xs)", "join('abc')",
           "format(1, 2)", "format('x', 'y')", "isdigit()", "isalpha()", "isspace()", "isupper()", "islower()", "isalnum()", "removeprefix('a')", "removesuffix('c')", "partition(',')", "rpartition('b')", "zfill(5)", "center(6)",
           "ljust(4)", "rjust(4, '.')", "index('a')", "items()", "keys()", "values()", "get('a')", "get('b', 1)", "get('q', [])", "copy()", "index(1)", "count(1)",
           "append(1)", "pop()", "pop('a', 0)", "update({'z': 1})", "extend([1])", "insert(0, 5)", "name", "age", "a", "b", "items", "0", "k", "x", "content", "role", "tool_calls"]
FORMATS = ["%s", "%5s", "%-6s|", "%d", "%05d", "%x", "%.2f", "%8.3f", "%e", "%g", "%r", "%+d", "%c", "%%", "%5.1s"]
BRACES = ["{}", "{:>6}", "{:<6}|", "{:^7}", "{:05}", "{:.2f}", "{:,}", "{:x}", "{!r}", "{:.1}", "{:+}", "{:e}", "{:g}", "{:*^9}", "{:.3%}", "{:s}", "{:d}", "{:10.2f}"]


class Maker:
    def __init__(self, rng):
        self.r = rng
        self.good = []  # expressions that work by themselves
        while len(self.good) < 2000:
            e = self.make(self.r.randint(1, 3))
            if "output" in oracle.render("{% set ns = namespace(v=1) %}{% set x = 1 %}{% set y = 'q' %}{{ " + e + " }}", golden.VARS):
                self.good.append(e)

    def expr(self, depth):
        if self.good and self.r.random() < 0.85:
            return self.r.choice(self.good)
        return self.make(depth)

    def pick(self, *makers):
        return self.r.choice(makers)()

    def some(self, maker, low=0, high=3):
        return ", ".join(maker() for _ in range(self.r.randint(low, high)))

    def atom(self):
        return self.r.choice([self.r.choice(NAMES), self.r.choice(NAMES), self.r.choice(STRINGS), self.r.choice(NUMBERS),
                              self.r.choice(["true", "false", "none", "[]", "{}", "()", "loop.index", "loop.last", "loop.length", "loop.first", "range(4)", "ns.v", "loop.previtem", "loop.nextitem", "loop.revindex0"])])

    def make(self, depth):
        if depth <= 0 or self.r.random() < 0.15:
            return self.atom()
        e = lambda: self.make(depth - 1)
        return self.pick(
            lambda: f"{e()} {self.r.choice(['+', '-', '*', '/', '//', '%', '~', '~', '**'])} {e()}",
            lambda: f"{e()} {self.r.choice(['==', '!=', '<', '>', '<=', '>=', 'in', 'not in'])} {e()}",
            lambda: f"{e()} {self.r.choice(['and', 'or'])} {e()}",
            lambda: f"{self.r.choice(['not ', '-', '+'])}{e()}",
            lambda: f"({e()})", lambda: f"({e()} if {e()} else {e()})", lambda: f"({e()} if {e()})",
            lambda: f"{e()} | {self.r.choice(FILTERS)}", lambda: f"({e()}) | {self.r.choice(FILTERS)}", lambda: f"{self.atom()} | {self.r.choice(FILTERS)} | {self.r.choice(FILTERS)}",
            lambda: f"{e()} is {self.r.choice(['', 'not '])}{self.r.choice(TESTS)}",
            lambda: f"{self.atom()}.{self.r.choice(METHODS)}", lambda: f"({e()}).{self.r.choice(METHODS)}", lambda: f"{self.atom()}.{self.r.choice(METHODS)}.{self.r.choice(METHODS)}",
            lambda: f"({e()})[{e()}]", lambda: f"{self.r.choice(['s', 'xs', 'words', 'people', 'messages', 'e', 'x', 'y'])}[{self.slice()}]", lambda: f"(xs and d and {e()})[{self.slice()}]",
            lambda: f"[{self.some(e)}]", lambda: f"({e()}, {self.some(e, 0, 2)})", lambda: "{" + ", ".join(f"{self.atom()}: {e()}" for _ in range(self.r.randint(0, 2))) + "}",
            lambda: f"'{self.r.choice(FORMATS)}{self.r.choice(FORMATS)}' % {e()}", lambda: f"'{self.r.choice(FORMATS)}' % ({e()},)", lambda: f"'{self.r.choice(BRACES)}'.format({e()})",
            lambda: f"range({self.some(lambda: self.r.choice(NUMBERS), 1, 3)}) | list", lambda: f"m({self.some(e, 0, 3)})", lambda: f"dict(a={e()})")

    def slice(self):
        part = lambda: self.r.choice(["", "", "1", "-1", "2", "-3", "0", "9"])
        return f"{part()}:{part()}" + (f":{self.r.choice(['', '2', '-1', '-2'])}" if self.r.random() < 0.4 else "")

    def tag(self, text):
        left, right = self.r.choice(["", "", "", "-", "+"]), self.r.choice(["", "", "", "-", "+"])
        return f"{{%{left} {text} {right}%}}"

    def text(self):
        return self.r.choice(["", " ", "\n", "  \n  ", "a", "b ", " c\n", "\n\n", "\t", "é\n"])

    def output(self, depth):
        left, right = self.r.choice(["", "", "-"]), self.r.choice(["", "", "-"])
        return f"{{{{{left} {self.expr(depth)} {right}}}}}"

    def body(self, depth):
        return "".join(self.text() + self.statement(depth) for _ in range(self.r.randint(1, 3))) + self.text()

    def statement(self, depth):
        if depth <= 0:
            return self.output(2)
        b, t = lambda: self.body(depth - 1), self.tag
        return self.pick(
            lambda: self.output(3), lambda: self.output(3), lambda: self.output(2),
            lambda: t(f"if {self.expr(2)}") + b() + self.r.choice(["", t(f"elif {self.expr(1)}") + b()]) + self.r.choice(["", t("else") + b()]) + t("endif"),
            lambda: t(f"for {self.r.choice(['x', 'x', 'y', 'x, y'])} in {self.expr(2)}{self.r.choice(['', '', ' if ' + self.expr(1)])}") + b()
            + self.r.choice(["", "", t("if " + self.expr(1)) + t(self.r.choice(["break", "continue"])) + t("endif")]) + self.r.choice(["", t("else") + b()]) + t("endfor"),
            lambda: t(f"set {self.r.choice(['x', 'y'])} = {self.expr(2)}"),
            lambda: t(f"set ns.v = {self.expr(2)}"), lambda: t(f"set x, y = {self.expr(2)}"),
            lambda: t(f"set {self.r.choice(['x', 'y'])}{self.r.choice(['', ' | upper', ' | trim'])}") + b() + t("endset"),
            lambda: t(f"macro m(x, y={self.expr(1)})") + b() + t("endmacro"),
            lambda: t(f"with x = {self.expr(1)}, y = {self.expr(1)}") + b() + t("endwith"),
            lambda: t(f"filter {self.r.choice(['upper', 'trim', 'title', 'indent(1)', 'replace(1, 2)'])}") + b() + t("endfilter"),
            lambda: t("generation") + b() + t("endgeneration"), lambda: "{#" + self.r.choice(["", "-", "+"]) + " c " + self.r.choice(["", "-", "+"]) + "#}",
            lambda: t("call m(" + self.some(lambda: self.expr(1), 0, 2) + ")") + b() + t("endcall"),
            lambda: "{%" + self.r.choice(["", "-", "+"]) + " raw " + self.r.choice(["", "-"]) + "%}" + self.text() + "{{ x }}" + self.text() + self.tag("endraw"))

    def template(self):
        return "{% set ns = namespace(v=1) %}{% macro m(a=1, b='q') %}<{{ a }}|{{ b }}{{ caller and 1 if caller else '' }}>{% endmacro %}" + self.body(self.r.randint(0, 3))


def main(out, count, seed="1"):
    maker = Maker(random.Random(int(seed)))
    sets = [{"name": str(i), "template": maker.template(), "cases": [{}]} for i in range(int(count))]
    oracle.fill(sets, golden.VARS)
    kept = [s for s in sets if not FOREIGN.search(s["cases"][0].get("output", "")) and "OverflowError" not in s["cases"][0].get("error", "")]
    oracle.write(out, kept, golden.VARS)
    print(len(kept), "of", len(sets), "kept,", sum("output" in s["cases"][0] for s in kept), "render")


if __name__ == "__main__":
    main(*sys.argv[1:])
