"""Random templates from the grammar, with a context. The same seed gives the
same request.

Expressions are made for a wanted type, so that most of them work; now and then
the type is wrong on purpose, so that errors are compared as well. What nobody can
rely on (addresses, chance, integers beyond 64 bits) is kept out.
"""
import random

CONTEXT = {
    "i": 5, "j": -3, "k": 0, "f": 2.5, "g": -0.125, "t": True, "u": False,
    "n": None, "s": "hello world", "e": "", "h": "<b>bold & \"q\"</b>",
    "z": "äöü ß 日本 😀", "m": "one\ntwo\n\n three", "l": [3, 1, 2],
    "w": ["b", "A", "c", "a"], "v": [], "x": [1, "two", None, 3.5, [4]],
    "d": {"a": 1, "b": "two", "C": [1, 2]}, "o": {},
    "r": [{"n": "bob", "a": 30, "p": {"c": "X"}}, {"n": "Al", "a": 25, "p": {}},
          {"n": "cy", "a": 30, "p": {"c": "y"}}],
}

BY_TYPE = {
    "int": ["i", "j", "k"], "float": ["f", "g"], "bool": ["t", "u"],
    "str": ["s", "e", "h", "z", "m"], "list": ["l", "w", "v", "x", "r"],
    "dict": ["d", "o"],
}

WORDS = ["a", "b", "foo", "Bar", "x y", "<i>", "&", "'", "é", "%", "1", "2.5",
         "", " ", "foo bar baz", "a-b", "%s", "{}"]

STR_FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "e", "escape", "safe",
    "string", "striptags", "forceescape", "urlencode", "urlize", "string|reverse", "wordwrap(7, false)",
    "center(9)", "indent", "indent(2, true)", "truncate(8)",
    "truncate(6, true, '', 0)", "replace('o', '0')", "replace('<', '[', 1)",
    "wordwrap(5)", "default('x')", "trim('h')", "join('-')", "pprint",
    "indent('> ')", "tojson",
]
INT_FROM = {
    "str": ["length", "wordcount", "int", "int(7)", "count"],
    "list": ["length", "count"], "dict": ["length"],
    "int": ["abs", "int", "round"], "float": ["int", "round|int"],
}
LIST_FROM = {
    "list": ["list", "map('string')|sort", "reverse|list",
             "map('string')|unique|list", "batch(2)|list",
             "slice(2)|list", "map('string')|list", "select|list",
             "reject('none')|list", "batch(2, 0)|list", "slice(2, 'x')|list",
             "map('upper')|list", "select('string')|list", "map('string')|map('length')|list"],
    "str": ["list", "sort", "batch(3)|list", "unique|list"],
    "dict": ["list", "dictsort", "items|list", "sort", "dictsort(by='value')"],
}
ROWS = [
    "map(attribute='n')|list", "map(attribute='p.c')|list", "sort(attribute='n')",
    "sort(attribute='a,n')|map(attribute='n')|list", "groupby('a')",
    "selectattr('a', 'gt', 26)|list", "rejectattr('p')|map(attribute='n')|list",
    "sum(attribute='a')", "map(attribute='p.c', default='-')|list",
    "groupby('p.c', default='')|map('first')|list", "max(attribute='a')",
    "unique(attribute='a')|map(attribute='n')|join(',')", "join(', ', 'n')",
]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float",
    "mapping", "sequence", "iterable", "boolean", "true", "false", "callable",
    "escaped", "odd", "even", "lower", "upper", "eq 1", "ne 'a'", "in [1, 'a']",
    "divisibleby 2", "lt 3", "ge 0", "sameas none", "filter", "test",
]
NUMERIC = ("odd", "even", "divisibleby 2", "lt 3", "ge 0", "sameas none")
FLOAT_FILTERS = ["round(1)", "round", "abs", "float", "round(1, 'ceil')",
                 "round(method='floor')"]
STR_METHODS = [
    "upper()", "title()", "split()|join('_')", "strip('h')", "replace('o', 'O')",
    "center(12, '*')", "zfill(4)", "partition(' ')[0]", "swapcase()",
    "join(['x', 'y'])", "ljust(6)", "splitlines()|join('/')", "casefold()",
    "format(1, a=2)", "expandtabs()", "removeprefix('he')",
]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.depth = 0
        self.names = {kind: list(names) for kind, names in BY_TYPE.items()}
        self.blocks = 0
        self.macros = []
        self.in_loop = 0
        self.templates = {}
        self.extra = []

    def pick(self, items):
        return self.r.choice(items)

    def chance(self, percent):
        return self.r.randrange(100) < percent

    # ---- expressions ----

    def literal(self, kind):
        if kind == "int":
            return str(self.r.randrange(0, 12))
        if kind == "float":
            return self.pick(["0.5", "1.25", "3.0", "1e-5", "100.125", "2.675"])
        if kind == "bool":
            return self.pick(["true", "false"])
        if kind == "str":
            quote = self.pick("\"'")
            text = self.pick(WORDS)
            return quote + text.replace(quote, "\\" + quote) + quote
        if kind == "list":
            items = [self.expr() for _ in range(self.r.randrange(4))]
            if items and self.chance(25):
                return "(" + ", ".join(items) + ",)"
            return "[" + ", ".join(items) + "]"
        if kind == "dict":
            return "{" + ", ".join(
                "%s: %s" % (self.literal(self.pick(["str", "int"])), self.expr())
                for _ in range(self.r.randrange(3))) + "}"
        return "none"

    def atom(self, kind):
        if self.chance(45) and self.names.get(kind):
            return self.pick(self.names[kind])
        return self.literal(kind)

    def kind(self):
        return self.pick(["int", "int", "float", "bool", "str", "str", "str",
                          "list", "list", "dict", "none"])

    def expr(self, kind=None, exact=False):
        if kind is None or (not exact and self.chance(1)):
            kind = self.kind()
        if self.depth >= 4:
            return self.atom(kind)
        self.depth += 1
        try:
            if not exact and self.chance(1):
                return self.pick(["nope", "d.nope", "nope.a", "l[9]", "d['zz']",
                                  "n.x", "(1 if u)"])
            if self.chance(8):
                return "(%s if %s else %s)" % (
                    self.expr(kind), self.expr("bool"), self.expr(kind))
            return getattr(self, "make_" + kind)()
        finally:
            self.depth -= 1

    def make_none(self):
        return "none"

    def make_int(self):
        roll = self.r.randrange(9)
        if roll < 3:
            return self.atom("int")
        if roll < 5:
            return "(%s %s %s)" % (self.expr("int"), self.pick("+-*"),
                                   self.expr("int"))
        if roll == 5:
            return "(%s %s %s)" % (self.expr("int"), self.pick(["//", "%"]),
                                   self.pick("2357"))
        if roll == 6:
            kind = self.pick(list(INT_FROM))
            return "(%s)|%s" % (self.expr(kind), self.pick(INT_FROM[kind]))
        if roll == 7 and self.in_loop:
            return "loop." + self.pick(["index", "index0", "length", "revindex",
                                        "depth", "revindex0"])
        return "-" + self.atom("int") if self.chance(50) else "2 ** " + \
            self.pick(["0", "3", "-1"])

    def make_float(self):
        roll = self.r.randrange(5)
        if roll < 2:
            return self.atom("float")
        if roll == 2:
            return "%s / %s" % (self.atom("int"), self.pick("23478"))
        if roll == 3:
            return "(%s %s %s)" % (self.expr("float"), self.pick("+-*"),
                                   self.expr("int"))
        return "(%s)|%s" % (self.expr("float"), self.pick(FLOAT_FILTERS))

    def make_bool(self):
        roll = self.r.randrange(8)
        if roll == 0:
            return self.atom("bool")
        if roll == 1:
            return "(not %s)" % self.expr("bool")
        if roll == 2:
            return "(%s %s %s)" % (self.expr(), self.pick(["and", "or"]),
                                   self.expr())
        if roll == 3:
            kind = self.pick(["int", "str", "list", "float"])
            if kind == "list":
                return "l < [%s, 2]" % self.literal("int")
            return "(%s %s %s)" % (self.atom(kind), self.pick(
                ["<", "<=", ">", ">="]), self.atom(kind))
        if roll == 4:
            return "(%s) %s (%s)" % (self.expr(), self.pick(["==", "!="]),
                                     self.expr())
        if roll == 5:
            kind = self.pick(["list", "dict", "str"])
            return "(%s %s (%s))" % (self.atom("str"), self.pick(
                ["in", "not in"]), self.expr(kind))
        if roll == 6 and self.in_loop:
            return "loop." + self.pick(["first", "last"])
        test = self.pick(TESTS)
        kind = "int" if test in NUMERIC or self.chance(10) else None
        return "((%s) is %s%s)" % (self.expr(kind), self.pick(
            ["", "", "not "]), test)

    def make_str(self):
        roll = self.r.randrange(10)
        if roll < 2:
            return self.atom("str")
        if roll == 2:
            return "(%s ~ %s)" % (self.expr(), self.expr())
        if roll == 3:
            return "(%s + %s)" % (self.expr("str"), self.expr("str"))
        if roll == 4:
            # of nothing else: Jinja2 would look while it compiles, and fail there
            return "(%s)[%s]" % (self.expr("str", True), self.subscript())
        if roll == 5:
            return "(%s).%s" % (self.expr("str"), self.pick(STR_METHODS))
        if roll == 6:
            kind = self.pick(["str", "int", "float"])
            return "('%s' %% (%s))" % (self.pick(
                ["%d", "%.1f", "%05.1f", "%g", "%s"] if kind != "str" else
                ["%s", "%r", "<%s>", "%5s", "%.2s"]), self.expr(kind))
        if roll == 7:
            return "(%s)|join(%s)" % (self.expr("list"), self.literal("str"))
        if roll == 8 and self.macros:
            return self.macro_call()
        return "(%s)|%s" % (self.expr(self.pick(["str", "str", None])),
                            self.pick(STR_FILTERS))

    def subscript(self):
        return self.pick(["0", "-1", "1:", ":2", "::-1", "1:3", "::2", "-2:",
                          self.pick("0123")])

    def make_list(self):
        roll = self.r.randrange(9)
        if roll < 3:
            return self.atom("list")
        if roll == 3:
            return "range(%s)|list" % self.pick(["3", "1, 5", "6, 0, -2", "0"])
        if roll == 4:
            return "((%s)|list + (%s)|list)" % (self.expr("list"),
                                              self.expr("list"))
        if roll == 5:
            return "(%s)[%s]" % (self.expr("list", True), self.subscript())
        if roll == 6:
            return "r|" + self.pick(ROWS)
        kind = self.pick(list(LIST_FROM))
        return "(%s)|%s" % (self.expr(kind), self.pick(LIST_FROM[kind]))

    def make_dict(self):
        roll = self.r.randrange(5)
        if roll < 3:
            return self.atom("dict")
        if roll == 3:
            return "dict(%s, k=%s)" % (self.expr("dict"), self.expr())
        return self.pick(["r[0]", "r|first", "(r|last).p", "d.copy()",
                          "namespace(a=1)"])

    def macro_call(self):
        name, count = self.pick(self.macros)
        args = [self.expr() for _ in range(self.r.randrange(count + 1))]
        if self.chance(3):
            args.append("p0=" + self.expr())
        return "%s(%s)" % (name, ", ".join(args))

    # ---- statements ----

    def text(self):
        return self.pick(["text", " ", "\n", "a\n", "  ", "<p>", "x y\n", "\n\n",
                          ".", "{ }", "  b", "\t", "é"])

    def tag(self, body):
        return "{%%%s %s %s%%}" % (self.pick(["", "", "", "", "-", "+"]), body,
                                   self.pick(["", "", "", "", "-"]))

    def output(self):
        return "{{%s %s %s}}" % (self.pick(["", "", "", "-"]), self.expr(),
                                 self.pick(["", "", "", "-"]))

    def body(self, level):
        return "".join(self.statement(level + 1)
                       for _ in range(self.r.randrange(1, 4)))

    def statement(self, level):
        roll = self.r.randrange(100)
        if roll < 25 or level > 3:
            return self.text() + self.output()
        if roll < 38:
            return self.text()
        makers = [self.if_, self.for_, self.for_, self.set_, self.with_,
                  self.filter_, self.set_block, self.macro, self.block,
                  self.comment, self.call, self.include, self.autoescape,
                  self.raw, self.namespace]
        return self.pick(makers)(level)

    def scoped(self, kind, name, fn):
        """fn() with one more name of that type."""
        self.names[kind].append(name)
        try:
            return fn()
        finally:
            self.names[kind].remove(name)

    def if_(self, level):
        parts = [self.tag("if " + self.expr("bool")), self.body(level)]
        if self.chance(30):
            parts += [self.tag("elif " + self.expr()), self.body(level)]
        if self.chance(50):
            parts += [self.tag("else"), self.body(level)]
        return "".join(parts) + self.tag("endif")

    def for_(self, level):
        name = self.pick(["q", "it", "i", "y"])
        over = self.expr("list")
        test = " if " + self.expr("bool") if self.chance(15) else ""
        target = name
        if self.chance(10):
            target, over = "k1, " + name, self.pick(["d.items()", "d|dictsort",
                                                     "[[1, 2], [3, 4]]", over])
        self.in_loop += 1
        inner = self.scoped(self.pick(["int", "str"]), name,
                            lambda: self.body(level))
        self.in_loop -= 1
        other = self.tag("else") + self.body(level) if self.chance(20) else ""
        return (self.tag("for %s in %s%s" % (target, over, test)) + inner + other
                + self.tag("endfor"))

    def set_(self, level):
        kind = self.pick(["int", "str", "list"])
        name = self.pick(["aa", "bb", "cc", "i", "s"])
        out = self.tag("set %s = %s" % (name, self.expr(kind)))
        if name not in self.names[kind]:
            self.names[kind].append(name)
        return out

    def set_block(self, level):
        filters = " | " + self.pick(["upper", "trim", "length", "replace('a', 'b')",
                                     "e"]) if self.chance(30) else ""
        return (self.tag("set bl" + filters) + self.body(level)
                + self.tag("endset") + "{{ bl }}")

    def namespace(self, level):
        return (self.tag("set ns = namespace(v=0)")
                + "{% for q in " + self.expr("list") + " %}"
                + "{% set ns.v = ns.v + 1 %}{% endfor %}{{ ns.v }}")

    def with_(self, level):
        name = self.pick(["ww", "i"])
        return (self.tag("with %s = %s" % (name, self.expr("int")))
                + self.scoped("int", name, lambda: self.body(level))
                + self.tag("endwith"))

    def filter_(self, level):
        return (self.tag("filter " + self.pick(
            ["upper", "e", "trim", "indent", "replace('a', '<')", "title",
             "truncate(9)", "safe|upper"])) + self.body(level)
            + self.tag("endfilter"))

    def autoescape(self, level):
        return (self.tag("autoescape " + self.pick(["true", "false", "t"]))
                + self.body(level) + self.tag("endautoescape"))

    def macro(self, level):
        name = "m%d" % len(self.macros)
        count = self.r.randrange(3)
        params = []
        for i in range(count):
            default = "=" + self.expr() if self.chance(40) or \
                any("=" in p for p in params) else ""
            params.append("p%d%s" % (i, default))
        was, self.in_loop = self.in_loop, 0
        saved = {kind: list(names) for kind, names in self.names.items()}
        for i in range(count):
            self.names[self.pick(["int", "str", "list"])].append("p%d" % i)
        inner = self.body(level)
        if self.chance(20):
            inner += "{{ caller() if caller }}"
        if self.chance(15):
            inner += "{{ varargs }}{{ kwargs }}"
        self.names, self.in_loop = saved, was
        out = (self.tag("macro %s(%s)" % (name, ", ".join(params))) + inner
               + self.tag("endmacro"))
        self.macros.append((name, count))
        return out + "{{ " + self.macro_call() + " }}"

    def call(self, level):
        if not self.macros:
            return self.output()
        return (self.tag("call " + self.macro_call()) + self.body(level)
                + self.tag("endcall"))

    def block(self, level):
        name = "b%d" % self.blocks
        self.blocks += 1
        return (self.tag("block %s%s" % (name, self.pick(["", "", " scoped"])))
                + self.body(level) + self.tag("endblock"))

    def comment(self, level):
        return self.pick(["{# c #}", "{#- c -#}", "{# {{ x }} #}\n"])

    def raw(self, level):
        return "{% raw %}{{ a }}{%- endraw %}"

    def include(self, level):
        if level > 1 or len(self.templates) > 2 or self.chance(50):
            return self.output()
        name = "t%d" % len(self.templates)
        self.templates[name] = ""
        macros, self.macros = self.macros, []
        was, self.in_loop = self.in_loop, 0
        self.templates[name] = self.body(2)
        self.macros, self.in_loop = macros, was
        return self.tag("include '%s'%s" % (name, self.pick(
            ["", "", " with context", " ignore missing"])))

    def page(self):
        """A template; sometimes it inherits from another one."""
        main = "".join(self.statement(0) for _ in range(self.r.randrange(2, 6)))
        if self.chance(25) and self.blocks:
            over = ["{%% block b%d %%}%s%s{%% endblock %%}" % (
                i, self.text(), self.pick(["{{ super() }}", "{{ i }}",
                                           "{{ self.b0() if false }}{{ h }}"]))
                    for i in range(self.blocks) if self.chance(60)]
            self.templates["base"] = main
            main = "{% extends 'base' %}" + "\n".join(over)
        self.templates["main"] = main
        return self.templates


def options(r):
    out = {}
    if r.randrange(3) == 0:
        out["autoescape"] = True
    for name in ("trim_blocks", "lstrip_blocks", "keep_trailing_newline"):
        if r.randrange(4) == 0:
            out[name] = True
    if r.randrange(4) == 0:
        out["undefined"] = r.choice(["strict", "chainable", "debug"])
    if r.randrange(10) == 0:
        out["sandbox"] = r.choice([True, "immutable"])
    return out


def request(seed):
    maker = Maker(seed)
    return {"id": "random:%d" % seed, "templates": maker.page(), "main": "main",
            "context": CONTEXT, "options": options(maker.r)}
