"""Random requests of other shapes than generate.py's: each is about one part of
the language and goes further there. The same seed gives the same request.
"""
import random

from generate import CONTEXT

TEXTS = ["'a'", "''", "'<b>'", "' x '", "'abcabc'", "'äÖß'", "'a,b,,c'", "'1'",
         "'%s'", "'{}'", "'{a}'", "'{0[k]}'", "'Hello World'", "'\\t\\n'",
         "'a\\nb\\r\\nc'", "'<'", "'&lt;'", "'ǆ'", "'İ'", "'ﬁ'", "'é'"]
MARKUP = ["(%s|safe)" % text for text in TEXTS] + ["('<'|e)", "(h|e)", "(h|safe)"]
INTS = ["0", "1", "2", "3", "-1", "-2", "5", "10", "true", "false", "100"]
OTHERS = ["none", "1.5", "[]", "[1]", "['a', 'b']", "['<', '>'|e]", "()",
          "('a', 'b')", "('<'|e,)", "{}", "{'a': 1}", "{'a': '<'}", "nope",
          "range(3)", "[1, 2]|map('string')", "w", "h", "s", "d", "l", "z"]
METHODS = {
    "str": ("capitalize casefold center count endswith expandtabs find format"
            " format_map index isalnum isalpha isascii isdecimal isdigit"
            " isidentifier islower isnumeric isprintable isspace istitle isupper"
            " join ljust lower lstrip partition removeprefix removesuffix replace"
            " rfind rindex rjust rpartition rsplit rstrip split splitlines"
            " startswith strip swapcase title upper zfill").split(),
    "markup": "striptags unescape escape __html__".split(),
    "list": "append clear copy count extend index insert pop remove reverse sort"
            .split(),
    "dict": "clear copy fromkeys get items keys pop popitem setdefault update"
            " values".split(),
    "tuple": ["count", "index"],
    "number": "bit_length real imag numerator denominator conjugate bit_count"
              " is_integer hex as_integer_ratio".split(),
}
METHODS["markup"] += METHODS["str"]
OWNERS = {
    "str": TEXTS, "markup": MARKUP, "tuple": ["(1, 2)", "()"],
    "list": ["[3, 1, 2]", "['b', 'a']", "[]", "l", "w", "['<'|e, 'a']"],
    "dict": ["{'a': 1, 'b': 2}", "{}", "d", "o"],
    "number": ["5", "i", "1.5", "f", "true", "none", "nope"],
}
KEYWORDS = ("sep maxsplit keepends tabsize old new count chars width fillchar start"
            " end key reverse default a b x iterable sub prefix suffix").split()
VALUES = ["0", "1", "-7", "255", "12345", "1.5", "-0.0", "2.675", "1e17",
          "1e-7", "123456.789", "true", "false", "none", "'a'", "'<b>'",
          "('<b>'|safe)", "'é日'", "''", "[1, '<']", "(1, 2)", "{'a': '<'}",
          "nope", "range(3)", "'12'", "h", "d", "l", "('<'|e)", "0.1", "1/3",
          "1e15", "1e16", "99999.5", "-1", "3.0", "97", "128512",
          "{'k': 1}", "d.items()", "1234567.891"]
TAGS = [("{%", "%}", "{{", "}}", "{#", "#}")] * 2 + [
    ("<%", "%>", "${", "}", "<#", "#>"), ("[%", "%]", "[[", "]]", "[#", "#]"),
    ("<?", "?>", "<?=", "?>", "<!--", "-->"), ("{", "}", "{{", "}}", "{*", "*}"),
    ("%%", "%%", "$$", "$$", "##", "##"), ("<%", "%>", "<%=", "%>", "<%#", "%>"),
]


class Wide:
    def __init__(self, seed):
        self.r = random.Random("wide %d" % seed)
        self.options = {}

    def pick(self, items):
        return self.r.choice(items)

    def chance(self, percent):
        return self.r.randrange(100) < percent

    # ---- methods and formats ----

    def value(self):
        return self.pick(self.pick([TEXTS, MARKUP, INTS, OTHERS]))

    def args(self):
        out = [self.value() for _ in range(self.pick([0, 0, 1, 1, 1, 2, 2, 3, 4]))]
        names = self.r.sample(KEYWORDS, 2)
        if self.chance(20):
            out.append(names[0] + "=" + self.value())
        if self.chance(8):
            out.append(names[1] + "=" + self.value())
        if self.chance(4):
            out.append("*" + self.value())
        if self.chance(4):
            out.append("**" + self.value())
        return ", ".join(out)

    def methods(self):
        kind = self.pick(list(METHODS))
        call = "%s.%s(%s)" % (self.pick(OWNERS[kind]), self.pick(METHODS[kind]),
                              self.args())
        if self.chance(25):
            call = "(%s)|%s" % (call, self.pick(
                ["string", "list", "length", "e", "join('<')", "upper", "first",
                 "reverse|list", "replace('a', '<')", "safe", "trim", "indent"]))
        return {"main": "{{ [%s] }}" % call}

    def percent_spec(self):
        spec = "%"
        if self.chance(20):
            spec += "(%s)" % self.pick(["a", "b", "", "a b", "<"])
        for _ in range(self.r.randrange(3)):
            spec += self.pick("-+ 0#")
        if self.chance(33):
            spec += self.pick(["5", "10", "*", "1", "0", "20"])
        if self.chance(33):
            spec += "." + self.pick(["2", "0", "", "*", "10", "1"])
        return spec + self.pick("diouxXeEfFgGcrsa%sssddhlz")

    def format_spec(self):
        spec = ""
        if self.chance(33):
            spec += self.pick(["<", ">", "^", "=", "*<", "x^", "0=", "<>", "é>"])
        if self.chance(33):
            spec += self.pick("+- ")
        for flag in "z#0":
            if self.chance(20):
                spec += flag
        if self.chance(50):
            spec += self.pick(["5", "10", "1", "12", "20", "0"])
        if self.chance(25):
            spec += self.pick(",_")
        if self.chance(33):
            spec += "." + self.pick(["2", "0", "3", "10", "1", ""])
        if self.chance(66):
            spec += self.pick("bcdeEfFgGnosxX%dsfgqN")
        return spec

    def field(self):
        name = self.pick(["", "", "", "0", "1", "a", "b", "0.x", "a.b", "0[0]",
                          "0[a]", "a[k]", "1.real", "0.imag", "a[1]", "2", "0[-1]",
                          "a b", "0.__class__.__name__", "0.a"])
        conversion = self.pick(["", "", "", "", "!r", "!s", "!a", "!x", "!"])
        spec = ""
        if self.chance(50):
            spec = ":" + (self.format_spec() if self.chance(88) else self.pick(
                ["{}", "{0}", "{b}", "{1}{b}", ">{w}", "{:{}}", "{a!r}", "{"]))
        return "{" + name + conversion + spec + "}"

    def formats(self):
        percent = self.chance(50)
        text = "".join(
            self.pick(["", "x", "<", " ", "%%" if percent else "{{", ""])
            + (self.percent_spec() if percent else self.field())
            for _ in range(self.pick([1, 1, 1, 2, 3])))
        text = "'%s'" % text.replace("'", "\\'")
        if self.chance(33):
            text = "(%s|safe)" % text
        v = [self.pick(VALUES) for _ in range(5)]
        named = "{'a': %s, 'b': %s, '': %s}" % (v[0], v[1], v[2])
        args = ", ".join(v[:self.r.randrange(4)]
                         + ["%s=%s" % (k, self.pick(VALUES)) for k in "abw"
                            if self.chance(33)])
        if percent:
            return {"main": "{{ [%s] }}" % self.pick(
                ["%s %% %s" % (text, v[0]), "%s %% %s" % (text, named),
                 "%s %% (%s, %s)" % (text, v[0], v[1]),
                 "%s|format(%s)" % (text, args)])}
        if self.chance(12):
            return {"main": "{{ [%s.format_map(%s)] }}" % (text, named)}
        return {"main": "{{ [%s.format(%s)] }}" % (text, args)}

    # ---- paths, slices, comparisons ----

    def path(self):
        out = self.pick(["d", "r", "x", "s", "h", "l", "o", "n", "nope", "r[0]",
                         "namespace(a=[1, {'b': 2}])", "(h|e)", "(1, [2, 3])", "f",
                         "range(5)", "d.items()", "d.keys()", "i", "w|groupby(0)"])
        for _ in range(self.r.randrange(1, 4)):
            part = self.pick(["1", "0", "-1", "9", "'a'", "'n'", "'p'", "1:", ":-1",
                              "::-1", "::-2", "-2:", "2:0:-1", "-1:-3:-1", "::2",
                              "i:j", "j:", ":none", "none:2:", "true", "1.0", "s",
                              "1, 2", "'upper'", "l", "n", "k:", "99:", ":-99"])
            out += "[%s]" % part if self.chance(60) else "." + self.pick(
                ["a", "n", "p", "c", "b", "items", "0", "1", "real", "upper", "C",
                 "nope", "values", "start", "grouper", "list"])
        if self.chance(20):
            out += "()"
        return out

    def chain(self):
        names = ["i", "j", "k", "f", "3", "2.5", "true", "'a'", "s", "l", "[1]",
                 "none", "d", "nope", "(1, 2)", "h|e", "-1", "range(4)", "x", "w"]
        out = self.pick(names)
        for _ in range(self.r.randrange(1, 4)):
            out += " %s %s" % (self.pick(["<", "<=", ">", ">=", "==", "!=", "in",
                                          "not in"]), self.pick(names))
        return out

    def expressions(self):
        out = []
        for _ in range(self.r.randrange(1, 4)):
            e = self.pick([self.path, self.path, self.chain])()
            out.append("{{ %s }}" % self.pick([
                "%s", "[%s]", "(%s)|default('D')", "(%s) is defined",
                "not (%s)", "(%s)|string", "1 if %s else 2", "(%s) or 'O'",
                "(%s)|list", "(%s) is none"]) % e)
        return {"main": "|".join(out)}

    # ---- loops ----

    def loop_part(self):
        return self.pick([
            "{{ loop.index }}", "{{ loop.previtem }}", "{{ loop.nextitem }}",
            "{{ loop.changed(q) }}", "{{ loop.changed(q, 1) }}",
            "{{ loop.cycle('a', 'b') }}", "{{ loop.cycle() }}", "{{ loop.length }}",
            "{{ loop.revindex0 }}", "{{ loop.last }}", "{{ loop.depth }}",
            "{{ loop.previtem is defined }}", "{{ loop.nextitem.n }}", "{{ q }}",
            "{% set outer = loop %}", "{{ outer.index if outer }}", "{{ loop }}",
            "{% if loop.first %}F{% endif %}", "{% if q %}{{ loop(q) }}{% endif %}",
            "{% break %}", "{% continue %}", "{{ loop.nope }}",
            "{% if loop.index > 1 %}{% break %}{% endif %}",
            "{% if loop.changed(loop.index // 2) %}C{% endif %}",
            "{% if q is iterable and q is not string and loop.depth < 4 %}"
            "[{{ loop(q) }}]{% endif %}", "{{ loop(q.kids) if q.kids }}",
            "{{ [loop(q)] if q is sequence and q is not string }}",
            "{% block b%d scoped %%}{{ q }}{{ loop.index }}{% endblock %}",
            "{% include 'part' %}", "{% macro m() %}{{ loop.index }}{{ q }}"
            "{% endmacro %}{{ m() }}"])

    def loops(self):
        self.options["extensions"] = ["loopcontrols", "do"]
        blocks = 0
        out = []
        for _ in range(self.r.randrange(1, 3)):
            over = self.pick(["l", "w", "x", "[[1, [2]], 3]", "r", "tree", "'abc'",
                              "range(4)", "l|map('string')", "d", "d.items()", "v",
                              "l|select", "nope", "x|batch(2)", "[1, 1, 2, 2, 1]",
                              "i", "r|groupby('a')", "[[], [[]]]"])
            body = []
            for _ in range(self.r.randrange(1, 5)):
                part = self.loop_part()
                if "b%d" in part:
                    part = part.replace("b%d", "b%d" % blocks).replace("%%", "%")
                    blocks += 1
                body.append(part)
            if self.chance(30):
                body.append("{%% for y in %s %%}%s%s{%% endfor %%}" % (
                    self.pick(["q", "l", "[1]"]), self.loop_part(), "{{ y }}"))
            body = "".join(body)
            while "b%d" in body:
                body = body.replace("b%d", "b%d" % blocks, 1).replace("%%", "%")
                blocks += 1
            out.append("{%% for q in %s%s%s %%}%s%s{%% endfor %%}" % (
                over, self.pick(["", "", "", " if q", " if q != 1", " if loop"]),
                self.pick(["", "", " recursive"]), body,
                self.pick(["", "", "{% else %}E", "{% else %}{{ q }}{{ loop }}"])))
        return {"main": "".join(out),
                "part": self.pick(["{{ q }}{{ loop.index }}", "{{ q }}",
                                   "{% if loop %}{{ loop.last }}{% endif %}"])}

    # ---- macros, calls ----

    def macros(self):
        def params():
            names = self.r.sample(["a", "b", "c", "caller"], self.r.randrange(4))
            need = self.r.randrange(len(names) + 1)
            return ", ".join(n if k < need else n + "=" + self.pick(
                ["1", "a", "'<'", "nope", "[b]", "h", "c"]) for k, n in
                enumerate(names))

        def given(names=("a", "b", "c", "z", "caller")):
            out = [self.pick(["1", "'<'", "h|e", "l", "m", "nope", "caller"])
                   for _ in range(self.r.randrange(4))]
            out += [n + "=" + self.pick(["2", "'&'"]) for n in
                    self.r.sample(names, self.pick([0, 0, 1, 2]))]
            if self.chance(8):
                out.append(self.pick(["*l", "**d", "*s", "**o", "*n"]))
            return ", ".join(out)

        def part():
            return self.pick([
                "{{ a }}", "{{ b }}", "{{ c }}", "{{ varargs }}", "{{ kwargs }}",
                "{{ caller() }}", "{{ caller(1) }}", "{{ caller(a, b=2) }}",
                "{{ caller() if caller }}", "{{ [caller()] }}", "<b>",
                "{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}",
                "{{ m.catch_varargs }}{{ m.caller }}", "{{ varargs|length }}",
                "{% set a = 'S' %}", "{{ caller.name }}{{ caller.arguments }}",
                "{% call m2() %}I{{ a }}{% endcall %}", "{{ a|upper }}{{ s }}"])

        out = ""
        for name in ["m", "m2"]:
            out += "{%% macro %s(%s) %%}%s{%% endmacro %%}" % (
                name, params(), "".join(part() for _ in range(
                    self.r.randrange(1, 4)) ) if name == "m" or self.chance(70)
                else "{{ caller() }}")
        for _ in range(self.r.randrange(1, 4)):
            name = self.pick(["m", "m2"])
            out += self.pick([
                "{{ %s(%s) }}" % (name, given()), "{{ [%s(%s)] }}" % (name, given()),
                "{%% call%s %s(%s) %%}C%s{%% endcall %%}" % (
                    self.pick(["", "", "(a)", "(a, b=3)", "(a, a2)", "()"]), name,
                    given(("a", "b", "c", "z")), part())])
        return {"main": out}

    # ---- templates together ----

    def inheritance(self):
        def block(name, depth):
            mods = self.pick(["", "", "", " scoped", " required", " scoped required"])
            inner = "" if "required" in mods else "".join(
                self.pick(["t", "{{ super() }}", "{{ self.a() }}", "{{ i }}",
                           "{{ super.super() }}", "{{ self.b.super() }}", "{{ q }}",
                           "{% set i = 9 %}", "{{ [super()] }}", "{{ self.zz }}",
                           "{{ mm(1) }}", "{{ super }}", "{{ h }}"])
                for _ in range(self.r.randrange(1, 4)))
            if depth < 2 and self.chance(30) and "required" not in mods:
                inner += block(name + "x", depth + 1)
            text = "{%% block %s%s %%}%s{%% endblock%s %%}" % (
                name, mods, inner, self.pick(["", "", " " + name]))
            return text if self.chance(75) else \
                "{% for q in l %}" + text + "{% endfor %}"

        out, names = {}, ["main", "mid", "base"]
        for k, name in enumerate(names):
            text = self.pick(["", "T", "{% set i = 7 %}", "{% macro mm(a) %}{{ a }}"
                              "{{ i }}{% endmacro %}", "{% include 'part' %}"])
            if k < 2 and self.chance(85):
                up = names[k + 1] if self.chance(90) else self.pick(names)
                text = self.pick(["{%% extends '%s' %%}", "{%% extends '%s' %%}",
                                  "{%% if t %%}{%% extends '%s' %%}{%% endif %%}",
                                  "x{%% extends '%s' ~ '' %%}"]) % up + text
            for b in self.r.sample(["a", "b", "c"], self.r.randrange(1, 4)):
                text += block(b, 0) + self.pick(["", " ", "y"])
            if self.chance(20):
                text += self.pick(["{{ self.a() }}", "{{ self.b }}", "{{ i }}"])
            out[name] = text
        out["part"] = self.pick(["P{{ i }}", "{% block a %}PA{% endblock %}",
                                 "{{ self.a() }}", "{% extends 'base' %}"])
        return out

    def imports(self):
        how = ["", "", " with context", " without context"]
        line = lambda: self.pick([
            "{%% import '%s' as lib%s %%}{{ lib.m(1) }}" % (self.pick(
                ["lib", "lib", "lib2", "none", "main"]), self.pick(how)),
            "{%% from '%s' import m%s%s %%}{{ m('<') }}{{ %s }}" % (
                self.pick(["lib", "lib2"]), self.pick(["", ", v as vv", " as mm"]),
                self.pick(how), self.pick(["vv", "m", "mm(2)"])),
            "{%% include %s%s%s %%}" % (self.pick([
                "'part'", "['gone', 'part']", "'gone'", "['gone', 'away']", "[]",
                "nope", "('part',)", "name", "[name, 'part']", "i", "['gone', i]",
                "'main'", "lib"]),
                self.pick(["", "", " ignore missing"]), self.pick(how)),
            "{% set q = 'Q' %}", "{{ lib }}", "{{ lib.v }}{{ lib._p }}{{ lib.w }}",
            "{% for q in l %}{% include 'part' %}{% endfor %}",
            "{% with q = 'W' %}{% include 'part' %}{% import 'lib' as lib with"
            " context %}{{ lib.m() }}{% endwith %}",
            "{% if u %}{% import 'lib2' as lib %}{% endif %}{{ lib.v }}",
            "{% macro k(q) %}{% include 'part' %}{% endmacro %}{{ k(3) }}",
            "{% block b %}{% import 'lib' as lib %}{{ lib.m(q) }}{% endblock %}"
        ])
        out = {"main": ""}
        for _ in range(self.r.randrange(1, 5)):
            part = line()
            if "block b" not in part or "block b" not in out["main"]:
                out["main"] += part
        out["lib"] = self.pick([
            "{% macro m(a) %}[{{ a }}{{ q }}{{ i }}{{ g1 }}]{% endmacro %}"
            "{% set v = q ~ 'v' %}{% set _p = 1 %}T{{ h }}",
            "{% from 'lib2' import m, v %}{% set w = v %}",
            "{% if t %}{% set v = 1 %}{% macro m(a) %}{{ caller }}{% endmacro %}"
            "{% endif %}"])
        out["lib2"] = self.pick([
            "{% import 'lib' as up %}{% macro m() %}{{ up.v }}{% endmacro %}",
            "{% macro m(x) %}2{{ x }}{{ q }}{% endmacro %}{% set v = h %}",
            "{{ nope.x }}", "{% set v %}<{{ h }}{% endset %}{{ v }}"])
        out["part"] = self.pick(["({{ q }}{{ i }}{{ h }})", "{% set q = 5 %}{{ q }}",
                                 "{{ lib.v }}", "{% include 'gone' %}",
                                 "{% include 'lib2' %}{{ m }}"])
        return out

    # ---- translations ----

    def trans(self):
        self.options["extensions"] = ["i18n"]
        self.options["newstyle_gettext"] = self.chance(50)
        self.options["translations"] = {
            "Hi %(name)s": "Hallo %(name)s", "one %(n)s": ["eins %(n)s", "viele %(n)s"],
            "ctx\x04Hi": "Na", "a b": "A<B", "100%%": "hundert %%", "x": "y%"}
        if self.chance(20):
            self.options["policies"] = {"ext.i18n.trimmed": True}
        inside = ["Hi", " {{ name }}", "\n  a\n b ", "100%", "{{ n }}", "{{ count }}",
                  "<b>", "{{ h }}", "%(name)s", "\n", "{{ i }} ", "one {{ n }}", "x"]
        out = []
        for _ in range(self.r.randrange(1, 3)):
            head = self.pick(["", "", " trimmed", " notrimmed", " 'ctx'"])
            names = self.r.sample(["name=h", "n=i", "count=l|length", "i", "s", "n=2",
                                   "h=h|e", "n=1.5", "trimmed=3"], self.r.randrange(3))
            if head and names and "ctx" not in head and self.chance(50):
                head = " " + ", ".join(names) + head
            elif names:
                head += " " + ", ".join(names)
            body = "".join(self.pick(inside) for _ in range(self.r.randrange(1, 4)))
            plural = ""
            if self.chance(40):
                plural = "{%% pluralize%s %%}%s" % (self.pick(["", "", " n", " i"]),
                    "".join(self.pick(inside) for _ in range(self.r.randrange(1, 4))))
            out.append("{%% trans%s %%}%s%s{%% endtrans %%}" % (head, body, plural))
        if self.options["newstyle_gettext"]:
            out.append(self.pick([
                "{{ gettext('Hi %(name)s', name=h) }}",
                "{{ ngettext('one %(n)s', 'many %(n)s', 3, n=4) }}"]))
        out.append(self.pick([
            "", "{{ _('x') }}", "{{ pgettext('ctx', 'Hi') }}", "{{ npgettext('ctx', 'a', 'b', 2) }}",
            "{{ ngettext('one %(num)s', 'many %(num)s', i) }}", "{{ _('100%') }}",
            "{{ [_('a b')] }}", "{{ _('a b')|upper }}", "{{ _('<')|safe }}"]))
        return {"main": "".join(out)}

    # ---- lexing ----

    def lexing(self):
        bs, be, vs, ve, cs, ce = self.pick(TAGS)
        for name, value in zip(
                ("block_start_string", "block_end_string", "variable_start_string",
                 "variable_end_string", "comment_start_string",
                 "comment_end_string"), (bs, be, vs, ve, cs, ce)):
            self.options[name] = value
        line = self.pick([None, None, "#", "%", "##", "-- ", "@", "$"])
        comment = self.pick([None, None, "//", "##", "%%", "#", ";"])
        if line:
            self.options["line_statement_prefix"] = line
        if comment:
            self.options["line_comment_prefix"] = comment
        if self.chance(15):
            self.options["newline_sequence"] = self.pick(["\r\n", "\r"])
        sign = lambda: self.pick(["", "", "", "-", "+"])
        tag = lambda body: bs + sign() + " " + body + " " + self.pick(
            ["", "", "", "-", "+"]) + be
        line_tag = lambda body: (self.pick(["\n", "\n  ", "\n\t", ""])
                                 + (line or "#") + self.pick(["", " ", "-", "  "])
                                 + body + self.pick(["", ":", " ", " " + (
                                     comment or "//") + " c"]) + "\n")
        out = ""
        for _ in range(self.r.randrange(2, 6)):
            white = self.pick(["", " ", "\n", "  \n  ", "a\n", "\t", " \n", "\r\n"])
            kind = self.r.randrange(9)
            make = line_tag if line and self.chance(50) else tag
            if kind == 0:
                out += white + make("if t") + self.pick(["x", " x ", "\n"]) + \
                    (line_tag if line and self.chance(50) else tag)("endif")
            elif kind == 1:
                out += white + make("for q in [1,\n 2]" if self.chance(30)
                                    else "for q in l") + vs + " q " + ve + \
                    white + make("endfor")
            elif kind == 2:
                out += white + cs + sign() + self.pick([" c ", "c", "\n", ""]) + \
                    sign() + ce
            elif kind == 3:
                out += white + tag("raw") + self.pick([
                    "x", " " + vs + " i " + ve, "\n a ", bs + " if ", cs]) + \
                    tag("endraw") + white
            elif kind == 4:
                out += white + vs + self.pick(["", "-", "+"]) + self.pick([
                    " i ", " 'a' ", "l[0]", " {'a': 1}['a'] ", " '" + ve + "' ",
                    " -i", "s|replace('o', '" + be + "')"]) + self.pick(
                        ["", "-"]) + ve
            elif kind == 5:
                out += white + (comment or "//") + " text" + self.pick(["\n", ""])
            elif kind == 6:
                out += white + make("set y = " + self.pick(["1", "[1, 2]", "'\n'"]))
            elif kind == 7:
                out += self.pick([bs, be, vs, ve, cs, ce, "{", "}", "%", "#", "-"])
            else:
                out += white + self.pick(["t", "$", "##", "{ }", "a b\n", "\n\n"])
        return {"main": out}

    # ---- the rest ----

    def sandbox(self):
        self.options["sandbox"] = self.pick([True, "immutable"])
        return {"main": "{{ %s }}" % self.pick([
            "%s.%s" % (self.pick(["s", "l", "d", "n", "i", "f", "lipsum",
                                  "cycler(1)", "(h|e)", "namespace()", "nope", "x"]),
                       self.pick(["__class__", "__init__", "_x", "mro", "__len__",
                                  "append", "update", "pop", "sort", "upper",
                                  "__doc__", "nope", "format", "clear()",
                                  "append(1)", "update(a=1)", "pop(0)", "sort()",
                                  "__class__.__mro__", "__globals__"])),
            "%s['%s']" % (self.pick(["s", "l", "d", "x", "lipsum", "h|e"]),
                          self.pick(["__class__", "append", "a", "__x", "upper"])),
            "%s|attr('%s')" % (self.pick(["s", "l", "d", "n", "(h|e)"]), self.pick(
                ["__class__", "append", "upper", "a", "_x", "nope"])),
            "range(%s)|length" % self.pick(["100000", "100001", "0, 200000", "-5"]),
            "'%s'.format(%s)" % (self.pick(["{0.__class__}", "{0.a}", "{0[a]}",
                                            "{0.upper}", "{a.__init__}"]),
                                 self.pick(["1", "d", "s", "a=s", "h|e"])),
            "l|map(attribute='__class__')|list", "r|map(attribute='__init__')|first",
            "l|sort(attribute='__class__')", "d|items|map('first')|list",
            "r|groupby('__class__')|list", "r|selectattr('__class__')|list"])}

    def policies(self):
        self.options["policies"] = self.pick([
            {"truncate.leeway": 0}, {"truncate.leeway": 2}, {"urlize.rel": "x y"},
            {"urlize.target": "_top"}, {"json.dumps_kwargs": {"sort_keys": False}},
            {"urlize.rel": None}, {"urlize.extra_schemes": ["tel:", "ftp://"]},
            {"json.dumps_kwargs": {"indent": 1}}, {}])
        return {"main": "{{ %s }}" % self.pick([
            "s|truncate(%s)" % self.pick(["5", "8", "9, true", "9, false, '', 1"]),
            "'%s'|urlize(%s)" % (self.pick([
                "www.a.bc", "see (http://x.y/z?a=b&c=<d>).", "mailto:a@b.cd x",
                "a@b.cd", "tel:123 ftp://a.b", "https://a.b/" + "c" * 30,
                "http://[::1]/ www.x", "a.b/c x.org y.com,", "(www.a.net)"]),
                self.pick(["", "9", "nofollow=true", "target='_b'", "rel='a b'",
                           "extra_schemes=['tel:']", "5, true, '_t', 'z'",
                           "extra_schemes=['x']", "rel='noopener'"])),
            "d|tojson(%s)" % self.pick(["", "2", "indent=0", "none"]),
            "r|tojson(%s)" % self.pick(["", "1"]), "[d, h, z, f]|tojson"])}

    def settings(self):
        if self.chance(33):
            self.options["autoescape"] = self.pick([True, True, "select"])
        for name in ("trim_blocks", "lstrip_blocks", "keep_trailing_newline"):
            if self.chance(25):
                self.options[name] = True
        if self.chance(25):
            self.options["undefined"] = self.pick(["strict", "chainable", "debug"])
        if self.chance(10):
            self.options.setdefault("sandbox", self.pick([True, "immutable"]))


KINDS = ("methods", "formats", "expressions", "loops", "macros", "inheritance",
         "imports", "trans", "lexing", "lexing", "sandbox", "policies")

TREE = [{"n": 1, "kids": [{"n": 2, "kids": []}, {"n": 3, "kids": [
    {"n": 4, "kids": []}]}]}, {"n": 5, "kids": []}]


def request(seed):
    """One of each kind in turn, so that a range of seeds has all."""
    wide = Wide(seed)
    templates = getattr(wide, KINDS[seed % len(KINDS)])()
    wide.settings()
    context = dict(CONTEXT, tree=TREE, name="part", nums=[1, 2])
    return {"id": "wide:%d" % seed, "templates": templates, "main": "main",
            "context": context, "globals": {"g1": "G"}, "options": wide.options}
