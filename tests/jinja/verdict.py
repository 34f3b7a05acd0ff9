"""Compares the two engines' answers, and shows how they differ."""
import re

ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+")
FIELDS = ("output", "error", "message", "line", "template")


def settle(answer):
    """What of an answer must be equal; addresses are not."""
    out = {}
    for field in FIELDS:
        value = answer.get(field)
        if isinstance(value, str):
            value = ADDRESS.sub("0x0", value)
        if value is not None:
            out[field] = value
    return out


def same(expected, got):
    expected, got = settle(expected), settle(got)
    for field in ("line", "template"):
        if field not in expected:       # the reference does not know either
            got.pop(field, None)
    if expected.get("error") == "RecursionError":
        # where the stack ends is an accident of the engine
        return got.get("error") in ("RecursionError", "LimitError")
    return expected == got


def show(request, expected, got):
    lines = ["case " + request["id"]]
    for name, text in request["templates"].items():
        lines.append("  %-9s %r" % (name, text))
    for field in ("context", "globals", "options"):
        if request.get(field):
            lines.append("  %-9s %r" % (field, request[field]))
    lines.append("  expected  %r" % settle(expected))
    lines.append("  got       %r" % settle(got))
    return "\n".join(lines)
