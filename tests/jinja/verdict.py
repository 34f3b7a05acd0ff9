"""Compares the two engines' answers, and shows how they differ."""
import re

ADDRESS = re.compile(r"0x[0-9a-f]+")
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
    return settle(expected) == settle(got)


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
