"""Every group of cases on nginx and on weir; see dsl.py and runner.py."""

import pytest

from . import dsl, forms, runner

GROUPS = runner.load()
PENDING = runner.pending()
ALLOWED = runner.allowed()


def judge(different, expected, report):
    """Pending cases must still differ, all others must not."""
    new = [i for i in different if i not in expected]
    fixed = sorted(i for i in expected if i not in different)
    text = []
    if new:
        text.append("different (- nginx, + weir):\n" + report(new))
    if fixed:
        text.append("the same now, remove it from pending.txt:\n  "
                    + "\n  ".join(fixed))
    if text:
        pytest.fail("\n\n".join(text), pytrace=False)


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_group(name):
    group = GROUPS[name]
    outcome = runner.run_steadily(group, ALLOWED)
    expected = set() if runner.SELF else PENDING.of(name)
    if "*" in expected:
        # The whole group does not work yet: say so when it starts to.
        if not outcome.differences and not outcome.problem:
            pytest.fail("the same now, remove `%s | *` from pending.txt"
                        % name, pytrace=False)
        return
    if outcome.problem and "*" not in PENDING.plainly(name):
        pytest.fail("weir: " + outcome.problem, pytrace=False)
    plainly = PENDING.plainly(name)
    if "*" in plainly:
        return
    judge([i for i in outcome.differences if i not in plainly or i in expected], expected,
          outcome.report)


@pytest.mark.parametrize("test", dsl.CONF_TESTS, ids=lambda t: t[0])
def test_conf(test):
    difference = runner.run_conf_test(test)
    expected = set() if runner.SELF else PENDING.of("conf")
    if difference and ALLOWED.covers(difference):
        return
    judge([test[0]] if difference else [],
          {test[0]} & expected, lambda _: difference.text())


def over(front, groups):
    return sum(len(GROUPS[front + ":" + g.name].requests) for g in groups
               if front + ":" + g.name in GROUPS)


def test_every_front_carries_the_cases():
    """TLS all of them, HTTP/2 what is no matter of HTTP/1's bytes; see fronts.py."""
    plain = [g for g in dsl.GROUPS.values() if g.front is None and not g.only]
    total = sum(len(g.requests) for g in plain)
    assert over("tls", plain) == total - len(dsl.GROUPS["ssl-plain-on-tls"].requests)
    assert over("h2", plain) == over("h2s", plain) > total * 0.9
    secure = [g for g in dsl.GROUPS.values() if g.front == "tls" and not g.only]
    assert over("h2s", secure) > sum(len(g.requests) for g in secure) * 0.8


def test_every_form_of_an_argument_is_used():
    """Of the directives of TLS and HTTP/2; see forms.py."""
    names = forms.directives()
    assert len(names) > 60 and "proxy_ssl_verify" in names
    assert {n: forms.missing(n) for n in names if forms.missing(n)} == {}


def test_lists_name_what_exists():
    """A line of pending.txt that names no case would never be noticed."""
    known = {(g.name, r.id) for g in GROUPS.values() for r in g.requests}
    known |= {(g.name, "@errors") for g in GROUPS.values() if g.errors}
    known |= {(g.name, "*") for g in GROUPS.values()}
    known |= {("conf", t[0]) for t in dsl.CONF_TESTS}
    unknown = [row for row in PENDING.rows if tuple(row[:2]) not in known]
    assert not unknown
    assert all(len(row) == 4 and row[3] for row in ALLOWED.rows)
