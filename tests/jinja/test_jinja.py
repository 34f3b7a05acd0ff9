"""weir-render against python3-jinja2, case by case, byte for byte.

    WEIR_RENDER=…   the renderer (default objs/weir-render)
    JINJA_RANDOM=N  how many random templates of each generator (default 2000)
    JINJA_SEED=N    the first seed of them (default 1)
"""
import os

import pytest

import verdict
import corpus
import engine
import generate
import wide

SHOWN = 25      # differences that a failure lists


@pytest.fixture(scope="module")
def engines():
    pair = engine.reference(), engine.weir()
    yield pair
    for e in pair:
        e.stop()


def run(engines, cases):
    """The cases that differ though they should not, or the other way round."""
    reference, weir = engines
    wrong = []
    for case in cases:
        expected = case.expect or reference.ask(case.request)
        got = weir.ask(case.request)
        equal = verdict.same(expected, got)
        crashed = got.get("error") in ("CRASH", "HANG", "BADJSON")
        if crashed or (not equal and not case.differs):
            wrong.append(verdict.show(case.request, expected, got))
        elif equal and case.differs:
            wrong.append("case %s: is said to differ (%s) but does not"
                         % (case.id, case.differs))
    return wrong


def report(wrong, total):
    if wrong:
        pytest.fail("%d of %d differ\n%s" % (
            len(wrong), total, "\n".join(wrong[:SHOWN])), pytrace=False)


@pytest.mark.parametrize(
    "path", corpus.files(),
    ids=lambda p: os.path.splitext(os.path.basename(p))[0])
def test_cases(engines, path):
    cases = corpus.load(path)
    assert cases
    report(run(engines, cases), len(cases))


@pytest.mark.parametrize("maker", [generate, wide], ids=["generate", "wide"])
def test_random(engines, maker):
    count = int(os.environ.get("JINJA_RANDOM", "2000"))
    seed = int(os.environ.get("JINJA_SEED", "1"))
    cases = [corpus.Case("random:%d" % i, maker.request(i))
             for i in range(seed, seed + count)]
    report(run(engines, cases), count)
