"""A strict reader of Prometheus' text format 0.0.4 and of OpenMetrics 1.0.

`parse(text)` gives {family: Family}; whatever the formats forbid, or what promtool's
linter complains about, is an ExpositionError with its line.
"""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
UNITS = ("milliseconds", "microseconds", "minutes", "hours", "days", "kilobytes")


class ExpositionError(AssertionError):
    pass


class Family:
    def __init__(self, name):
        self.name, self.help, self.type = name, None, None
        self.samples = {}           # (sample name, labels as sorted pairs) -> value

    def value(self, suffix="", **labels):
        """The sum of the samples that have these labels; None if there is none."""
        found = [v for (n, pairs), v in self.samples.items()
                 if n == self.name + suffix
                 and set(labels.items()) <= set(pairs)]
        return sum(found) if found else None


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def sample(line):
    m = NAME.match(line)
    if not m:
        raise ExpositionError("no name: %r" % line)
    name, at, labels = m[0], m.end(), []
    if line[at:at + 1] == "{":
        at += 1
        while line[at:at + 1] != "}":
            m = LABEL.match(line, at)
            if not m:
                raise ExpositionError("bad label: %r" % line[at:])
            labels.append((m[1], unescape(m[2])))
            at = m.end()
            if line[at:at + 1] == ",":
                at += 1
            elif line[at:at + 1] != "}":
                raise ExpositionError("bad label list: %r" % line)
        at += 1
    if line[at:at + 1] != " ":
        raise ExpositionError("no value: %r" % line)
    if len(dict(labels)) != len(labels):
        raise ExpositionError("a label twice: %r" % line)
    return name, labels, float(line[at + 1:].replace("+Inf", "inf"))


def parse(text, open_metrics=False):
    if not text.endswith("\n") or "\r" in text:
        raise ExpositionError("lines end with a line feed")
    lines = text.split("\n")[:-1]
    if open_metrics and lines.pop() != "# EOF":
        raise ExpositionError("no # EOF")
    families, current = {}, None
    for line in lines:
        if line.startswith("# "):
            kind, name, rest = line[2:].split(" ", 2)
            if kind == "HELP":
                if name in families:
                    raise ExpositionError("family in two places: %s" % name)
                current = families[name] = Family(name)
                current.help = rest
            elif kind == "TYPE" and name == current.name and current.type is None:
                current.type = rest
            else:
                raise ExpositionError(line)
            continue
        name, labels, value = sample(line)
        belongs = {"counter": ("_total",) if open_metrics else ("",),
                   "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
        if name not in [current.name + s for s in belongs[current.type]]:
            raise ExpositionError("%s is not of %s" % (name, current.name))
        if "le" in dict(labels) and not name.endswith("_bucket"):
            raise ExpositionError("le outside of a bucket: %r" % line)
        at = (name, tuple(sorted(labels)))
        if at in current.samples:
            raise ExpositionError("a series twice: %r" % line)
        current.samples[at] = value
    for family in families.values():
        check(family, open_metrics)
    return families


def check(f, open_metrics):
    if not f.help or f.type is None:
        raise ExpositionError("%s: HELP and TYPE are wanted" % f.name)
    if not open_metrics and (f.type == "counter") != f.name.endswith("_total"):
        raise ExpositionError("%s: counters end with _total" % f.name)
    if any(unit in f.name for unit in UNITS):
        raise ExpositionError("%s: base units only" % f.name)
    for (name, labels), value in f.samples.items():
        if math.isnan(value) or (f.type != "gauge" and value < 0):
            raise ExpositionError("%s: %r" % (name, value))
    if f.type == "histogram":
        check_histogram(f)


def check_histogram(f):
    rows = {}
    for (name, labels), value in f.samples.items():
        rest = tuple(p for p in labels if p[0] != "le")
        row = rows.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            row["buckets"].append((float(dict(labels)["le"].replace("+Inf", "inf")),
                                   value))
        else:
            row[name[len(f.name):]] = value
    for labels, row in rows.items():
        bounds, counts = zip(*row["buckets"])
        if list(bounds) != sorted(set(bounds)) or bounds[-1] != math.inf:
            raise ExpositionError("%s%r: bounds %r" % (f.name, labels, bounds))
        if list(counts) != sorted(counts) or counts[-1] != row["_count"]:
            raise ExpositionError("%s%r: counts %r" % (f.name, labels, counts))
        if "_sum" not in row:
            raise ExpositionError("%s%r: no _sum" % (f.name, labels))
