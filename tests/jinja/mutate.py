"""Random requests made of the cases: their tags and tokens put together anew.
The same seed gives the same request.

What generate.py and wide.py make comes from a grammar, so mostly parses; this
takes what people thought of and breaks it: tokens left out, doubled, swapped or
taken from another case, expressions put where another was.
"""
import functools
import random
import re

import corpus

TOKEN = re.compile(r"""
    (?P<open>\{[%{\#][-+]?) | (?P<close>[-+]?[%}\#]\}) | (?P<string>'[^']*'|"[^"]*")
  | (?P<number>\d+(?:\.\d+)?) | (?P<name>[^\W\d]\w*) | (?P<space>\s+)
  | (?P<sign>\*\*|//|[=!<>]=|.)""", re.X | re.S)
OPTIONS = [("autoescape", True), ("undefined", "strict"), ("undefined", "debug"),
           ("undefined", "chainable"), ("trim_blocks", True), ("lstrip_blocks", True),
           ("sandbox", True)]
# nobody can rely on these: chance, addresses, the translations' own methods
LEFT_OUT = re.compile(r"random|lipsum|debug %|\d{7}|\*\*|1e\d\d|gettext")


def tokens(text):
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def load():
    cases = []
    for path in corpus.files():
        for case in corpus.load(path):
            text = "".join(case.request["templates"].values())
            if len(text) < 2000 and not case.differs and not LEFT_OUT.search(text):
                cases.append(case.request)
    return cases


class Pool:
    """All tokens by kind, and all expressions printed."""

    def __init__(self):
        self.cases = load()
        self.kinds, self.expressions, self.tags = {}, [], []
        for case in self.cases:
            for text in case["templates"].values():
                for kind, token in tokens(text):
                    self.kinds.setdefault(kind, []).append(token)
                self.expressions += re.findall(r"\{\{[-+]?(.*?)[-+]?\}\}", text, re.S)
                self.tags += re.findall(r"\{%.*?%\}", text, re.S)


def change(r, pool, parts):
    """One small change of a list of tokens, in place."""
    at = r.randrange(len(parts))
    kind, token = parts[at]
    what = r.randrange(8)
    if what == 0:
        del parts[at]
    elif what == 1:
        parts.insert(at, parts[r.randrange(len(parts))])
    elif what == 2:
        other = r.randrange(len(parts))
        parts[at], parts[other] = parts[other], parts[at]
    elif what == 3:
        parts.insert(at, ("tag", r.choice(pool.tags)))
    elif what == 4:
        parts.insert(at, ("tag", "{{" + r.choice(pool.expressions) + "}}"))
    elif what == 5 and kind in ("name", "string", "number"):
        parts[at] = ("tag", "(" + r.choice(pool.expressions) + ")")
    elif kind in pool.kinds:
        parts[at] = (kind, r.choice(pool.kinds[kind]))


@functools.lru_cache(None)
def pool_of_all():
    return Pool()


def request(seed):
    pool = pool_of_all()
    r = random.Random("mutate %d" % seed)
    case = r.choice(pool.cases)
    templates = dict(case["templates"])
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        name = r.choice(list(templates))
        parts = tokens(templates[name])
        if parts:
            change(r, pool, parts)
        templates[name] = "".join(text for _, text in parts)
    options = dict(case.get("options", {}))
    if r.randrange(3) == 0:
        name, value = r.choice(OPTIONS)
        options.setdefault(name, value)
    return dict(case, id="mutate:%d" % seed, templates=templates, options=options)
