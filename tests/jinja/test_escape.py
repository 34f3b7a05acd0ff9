"""What pages print is escaped sixteen bytes at a time: every length, every place."""
import itertools

import jinja2
from markupsafe import escape

import engine

SPECIALS = "&<>'\""


def texts():
    for n in range(70):
        yield "x" * n
        yield "ä" * n
        for k in {0, 1, n // 2, n - 2, n - 1, 15, 16, 17} & set(range(n)):
            for c in SPECIALS:
                yield "x" * k + c + "y" * (n - k - 1)
        yield "".join(itertools.islice(itertools.cycle(SPECIALS), n))
        yield "".join(itertools.islice(itertools.cycle("a" + SPECIALS + "bcd"), n))
    for first, second in itertools.combinations(range(50), 2):
        t = ["x"] * 50
        t[first] = SPECIALS[first % 5]
        t[second] = SPECIALS[second % 5]
        yield "".join(t)
    # Bytes that differ from a special one by a bit.
    yield "".join(chr(c) for c in range(1, 128)) * 2
    for n in (4090, 4096, 4097, 8192, 10000):
        yield "z" * n
        yield "<" * n
        yield "z" * (n - 1) + "&"


def test_values_of_a_run_are_those_of_str():
    """Names and attributes one behind the other, of all types, with texts of all lengths
    between them."""
    values = [0, 7, 9, 10, 42, 99, 100, 101, -1, -42, 2**31, -2**63, 2**63 - 1, 1.5, None, True,
              "", "a", "<b>", "x" * 17, "&" * 40, "y" * 100, [1, "<"], {"k": "'"}]
    names = ["v%d" % i for i in range(len(values))]
    template = "".join("x" * (i * 2) + "{{ %s }}{{ o.%s }}" % (n, n)
                       for i, n in enumerate(names)) + "tail"
    context = dict(zip(names, values))
    e = engine.weir()
    try:
        for on in (True, False):
            for source in (template, "{{ o.v0 }}", "{{ nothing }}{{ o.nothing }}", template * 30):
                got = e.ask({"templates": {"main": source}, "main": "main",
                             "options": {"autoescape": on},
                             "context": dict(context, o=context)})
                want = jinja2.Environment(autoescape=on).from_string(source).render(
                    dict(context, o=context))
                assert got.get("output", got) == want
    finally:
        e.stop()


def test_escapes_are_those_of_markupsafe():
    e = engine.weir()
    some = list(texts())
    template = ("{% for t in texts %}{{ t }}\n{% endfor %}"
                "{% for o in objects %}{{ o.t }}\n{% endfor %}")
    try:
        got = e.ask({"templates": {"main": template}, "main": "main",
                     "options": {"autoescape": True},
                     "context": {"texts": some, "objects": [{"t": t} for t in some]}})
    finally:
        e.stop()
    want = [str(escape(t)) for t in some]
    assert got.get("output", got) == "".join(w + "\n" for w in want + want)
