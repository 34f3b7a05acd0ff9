"""What pages print is escaped sixteen bytes at a time: every length, every place."""
import itertools

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
    # Bytes that differ from a special one by a bit.
    yield "".join(chr(c) for c in range(1, 128)) * 2
    for n in (4090, 4096, 4097, 8192, 10000):
        yield "z" * n
        yield "<" * n
        yield "z" * (n - 1) + "&"


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
