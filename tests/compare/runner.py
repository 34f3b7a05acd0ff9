"""Runs groups of cases on both servers and says what differs.

Each side runs alone, one after the other, in the same folder, on the same ports
and with the same upstreams, so that little has to be normalised: the server's
name and version (and the Content-Length of error pages, which name it), Date,
Expires, which is compared as its distance from Date, and the second in which a case
made a file (the files that cases begin with are old).
"""

import datetime
import difflib
import email.utils
import fnmatch
import gzip
import importlib
import os
import pkgutil
import re
import shutil
import socket
import subprocess
import time
import zlib

from harness import http1, ports
from harness.fronts import CONNECTIONS
from harness.pki import pki
from harness.server import (Problem, Server, make_prefix, nginx_binary,
                            weir_binary, write_files)
from harness.upstream import Upstream

from . import dsl, fronts

HERE = os.path.dirname(os.path.abspath(__file__))
SELF = bool(os.environ.get("COMPARE_SELF"))

LEVELS = ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"]


def load():
    """Import every case file; returns name -> Group, those over other fronts too."""
    from . import cases
    for _, name, _ in pkgutil.iter_modules(cases.__path__):
        importlib.import_module("%s.%s" % (cases.__name__, name))
    return dict(dsl.GROUPS, **fronts.load())


# One side

class Side:
    """What a server is called and how it is started."""

    _version = {}

    def __init__(self, kind):
        self.kind = kind
        self.binary = nginx_binary() if kind == "nginx" else weir_binary()

    @property
    def version(self):
        if self.binary not in self._version:
            out = subprocess.run([self.binary, "-v"], capture_output=True,
                                 text=True, timeout=10)
            found = re.search(r"/(\S+)", out.stderr + out.stdout)
            self._version[self.binary] = found.group(1) if found else "?"
        return self._version[self.binary]

    def plain(self, data):
        """Replace the server's own name and version."""
        name = self.kind.encode()
        version = self.version.encode()
        data = data.replace(name + b"/" + version, b"NAME/VERSION")
        data = re.sub(rb"(?<![\d.])%s(?![\d.])" % re.escape(version),
                      b"VERSION", data)
        return data.replace(b"<center>" + name + b"</center>",
                            b"<center>NAME</center>")


class Result:
    """What one exchange gave, in comparable form: field -> value."""

    def __init__(self):
        self.fields = {}


def delta(value, date):
    """Expires as the distance from Date."""
    try:
        a = email.utils.parsedate_to_datetime(value)
        b = email.utils.parsedate_to_datetime(date)
        return "Date%+d" % (a - b).total_seconds()
    except (TypeError, ValueError):
        return value


def made_now(r, date):
    """The time of the file that the answer is, in hexadecimal as in its ETag, if a
    request made it a moment ago; else None."""
    try:
        made = email.utils.parsedate_to_datetime(r.get("last-modified"))
        age = email.utils.parsedate_to_datetime(date) - made
    except (TypeError, ValueError):
        return None
    return "%x" % int(made.timestamp()) if 0 <= age.total_seconds() < 60 else None


def cookie_time(value, date):
    """What a cookie lives beyond the answer's date; without one as it stands."""
    try:
        until = datetime.datetime.strptime(value, "%a, %d-%b-%y %H:%M:%S GMT")
        now = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        return value
    return "Date+%d" % (until - now).total_seconds() if until.year < 2037 else value


def headers_of(r, side, counted):
    out = []
    date = r.get("date", "")
    now = made_now(r, date)
    for name, value in r.headers:
        low = name.lower()
        if value is None:
            value = "<no colon>"
        if low == "date":
            value = "DATE" if re.fullmatch(
                r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", value) \
                else value
        elif low == "expires":
            moved = delta(value, date)
            if abs(int(moved[4:] or 0) if moved.startswith("Date")
                   else 0) < 3 * 366 * 86400:
                value = moved
        elif low == "set-cookie":
            value = re.sub(r"expires=([^;]*)", lambda m: "expires=" + cookie_time(
                m.group(1), date), value)
        elif now and low == "last-modified":
            value = "NOW"
        elif now and low == "etag":
            value = value.replace('"%s-' % now, '"NOW-')
        elif low == "server":
            value = side.plain(value.encode("latin-1")).decode("latin-1")
            if value == side.kind:
                value = "NAME"
        elif low == "content-length" and counted is not None:
            value = counted
        elif low == "content-length" and r.status >= 300 \
                and r.framing == "none" and \
                (r.get("content-type") or "").startswith("text/html"):
            value = "LENGTH"
        else:
            value = side.plain(value.encode("latin-1")).decode("latin-1")
        out.append("%s: %s" % (name, value))
    return sorted(out)


def exchange(side, request, server, group, upstreams):
    result = Result()
    f = result.fields
    for u in upstreams.values():
        u.take()
    log_at = len(server.access_log(group.log).splitlines()) if group.log else 0
    responses = []
    address = server.names[request.port] if request.port in server.names \
        else server.port(request.port)
    if isinstance(address, str):
        address = server.path(address)
    sent = 0
    try:
        c = CONNECTIONS[group.front](address, request.timeout, preamble=request.preamble,
                                     **request.tls)
    except http1.Truncated as e:
        f["handshake"] = str(e)
        return result
    with c:
        try:
            for part in request.parts:
                if part == dsl.WAIT100:
                    interim = c.read_interim()
                    f["wait"] = "%s %s" % (interim.status_line,
                                           interim.headers)
                    if not 100 <= interim.status < 200:
                        break
                elif part == dsl.SHUT:
                    c.half_close()
                elif isinstance(part, (int, float)):
                    time.sleep(part)
                else:
                    c.send(part)
                    sent += 1
            for method in request.methods:
                r = c.response(method)
                if r is None:
                    break
                responses.append(r)
                if not r.keeps:
                    break
        except socket.timeout:
            f["end"] = "silence"
        except http1.Truncated as e:
            f["truncated"] = str(e)
        if "end" not in f:
            last = responses[-1] if responses else None
            rest = b""
            if not c.ended and last is not None and not last.keeps:
                rest = c.read_to_end(0.2)
            if c.ended in (None, "timeout"):
                # It keeps the connection, or lingers for what is to come.
                c.ended = None
                c.half_close()
                rest += c.read_to_end(min(request.timeout, 2.0))
            f["end"] = c.ended
            if rest:
                f["rest"] = re.sub(
                    r"(?m)^(Date|Content-Length): .*", r"\1",
                    side.plain(rest).decode("latin-1"))
    for i, r in enumerate(responses):
        p = "" if len(request.methods) == 1 else "%d." % (i + 1)
        body = side.plain(unpacked(r, side))
        counted = None
        if r.framing == "length" and body != r.body \
                and r.get("content-length") == str(len(r.body)):
            counted = str(len(body))
        f[p + "status"] = r.status_line
        f[p + "headers"] = headers_of(r, side, counted)
        f[p + "order"] = [name.lower() for name, _ in r.headers]
        f[p + "framing"] = r.framing + ("" if r.complete else ", cut")
        f[p + "body"] = body.decode("latin-1")
        if r.interim:
            f[p + "interim"] = [s for s, _ in r.interim]
        if r.trailers:
            f[p + "trailers"] = ["%s: %s" % t for t in r.trailers]
    if upstreams:
        f["upstream"] = upstream_text(upstreams, group)
    if group.log:
        f["log"] = log_lines(server, group, log_at, len(responses), side)
    for pattern, replacement in group.norm + request.norm:
        if (group.front or "").startswith("h2"):    # names of fields are in lower case
            pattern = "(?i)" + pattern.replace("(?i)", "")
        for key, value in f.items():
            if isinstance(value, list):
                f[key] = [re.sub(pattern, replacement, v) for v in value]
            elif isinstance(value, str):
                f[key] = re.sub(pattern, replacement, value)
    return result


def unpacked(r, side):
    """A gzipped body that names the server can only be compared unpacked."""
    if r.get("content-encoding") == "gzip":
        try:
            plain = gzip.decompress(r.body)
        except (OSError, EOFError, zlib.error):
            return r.body
        if side.plain(plain) != plain:
            return b"unpacked: " + plain
    return r.body


def upstream_text(upstreams, group):
    """The requests that arrived upstream, one text each."""
    out = []
    for name, u in upstreams.items():
        for q in u.take():
            line = q.head.split(b"\n")[0].strip().decode("latin-1")
            fields = ["%s: %s" % h for h in q.headers]
            if not group.exact_upstream:
                # The newest nginx (and weir) talk HTTP/1.1 with keep-alive
                # by default, Debian's 1.22 talks HTTP/1.0.
                line = line.replace("HTTP/1.0", "HTTP/1.1")
                fields = [h for h in fields if h != "Connection: close"]
            out.append("%s: %s ⏎ %s ⏎ %s%s" % (
                name, line, " ⏎ ".join(fields), q.body.decode("latin-1"),
                "" if q.complete else " (cut)"))
    return out


def log_lines(server, group, at, wanted, side):
    def enough():
        return len(server.access_log(group.log).splitlines()) >= at + wanted
    try:
        http1.wait_until(enough, 0.7, 0.002)
    except AssertionError:
        pass
    if group.unordered:                 # those of subrequests came first
        time.sleep(0.02)
    lines = server.access_log(group.log).splitlines()[at:]
    if group.unordered:
        lines.sort()
    return [side.plain(line.encode("utf-8", "surrogateescape"))
            .decode("utf-8", "surrogateescape") for line in lines]


LOG_LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: "
                      r"(?:\*\d+ )?(.*)")


def error_lines(text, level, kind):
    """Messages of at least this level, without what is never the same."""
    out = []
    for line in text.splitlines():
        found = LOG_LINE.match(line)
        if not found or LEVELS.index(found.group(1)) < LEVELS.index(level):
            continue
        message = found.group(2)
        if found.group(1) in ("info", "notice") and "client" not in message:
            continue                    # of processes, with their numbers
        message = re.sub(r', (request_)?id: "?[0-9a-f]+"?', "", message)
        out.append("[%s] %s" % (found.group(1), message))
    return sorted(out)


def run_side(kind, group, prefix, names, upstreams):
    """Returns (results by id, problem text or None)."""
    side = Side(kind)
    shutil.rmtree(prefix)
    os.mkdir(prefix, 0o755)
    for name in ("logs", "html", "conf", "data"):
        os.mkdir(os.path.join(prefix, name))
    if group.setup:
        group.setup(prefix)
    files = group.files() if callable(group.files) else group.files
    write_files(prefix, files)
    results = {}
    problem = None
    server = None
    silent = 0
    try:
        server = Server(group.text(), kind=kind, prefix=prefix, names=names,
                        main=group.main, raw=group.conf is not None,
                        wait=False)
        server.start()
        for request in group.requests:
            began = time.monotonic()
            results[request.id] = exchange(side, request, server, group,
                                           upstreams)
            if os.environ.get("COMPARE_SLOW") and \
                    time.monotonic() - began > 0.1:
                print("%.2f s: %s | %s" % (time.monotonic() - began,
                                           group.name, request.id))
            if server.process.poll() is not None:
                problem = "the server died in %s" % request.id
                break
            silent = silent + 1 \
                if results[request.id].fields.get("end") == "silence" else 0
            if silent == 4:
                problem = "no answers any more, from %s on" % request.id
                break
    except (Problem, OSError) as e:
        problem = str(e)
    finally:
        if server is not None:
            try:
                if server.process is not None:
                    server.stop()
                    server.check()
            except AssertionError as e:
                problem = problem or str(e)
            if group.errors:
                r = results.setdefault("@errors", Result())
                r.fields["lines"] = error_lines(
                    server.error_log(), group.errors, kind)
                for pattern, replacement in group.norm:
                    r.fields["lines"] = sorted(
                        re.sub(pattern, replacement, v)
                        for v in r.fields["lines"])
    return results, problem


# Both sides

class Difference:
    def __init__(self, group, id, field, nginx, weir):
        self.group, self.id, self.field = group, id, field
        self.nginx, self.weir = nginx, weir

    def text(self):
        a, b = self.nginx, self.weir
        if isinstance(a, list) and isinstance(b, list):
            lines = ["  - " + x for x in a if x not in b]
            lines += ["  + " + x for x in b if x not in a]
            if not lines:
                lines = ["  - %r" % a, "  + %r" % b]
            return "  %s:\n    %s" % (self.field, "\n    ".join(lines))
        a, b = str(a), str(b)
        if len(a) + len(b) > 300 or ("\n" in a and "\n" in b):
            diff = list(difflib.unified_diff(a.splitlines(), b.splitlines(),
                                             lineterm="", n=0))[2:]
            return "  %s:\n    %s" % (self.field, "\n    ".join(
                d[:300] for d in diff[:30]))
        return "  %s:\n      - %s\n      + %s" % (self.field, ascii(a),
                                                ascii(b))

    def brief(self):
        a, b = self.nginx, self.weir
        if isinstance(a, list) and isinstance(b, list):
            gone = [x for x in a if x not in b]
            a, b = " ".join(gone), " ".join(x for x in b if x not in a)
        a, b = ascii(a), ascii(b)
        at = 0
        while at < min(len(a), len(b)) and a[at] == b[at]:
            at += 1
        at = max(at - 10, 0)
        return "%s %s→%s" % (self.field, a[at:at + 60], b[at:at + 60])


class Outcome:
    def __init__(self, group):
        self.group = group
        self.differences = {}           # id -> [Difference]
        self.problem = None
        self.total = 0

    def brief(self, ids):
        return "\n".join("%s | %s ‖ %s" % (
            self.group.name, i, " ‖ ".join(
                d.brief() for d in self.differences[i][:3])) for i in ids)

    def report(self, ids):
        lines = []
        for id in ids:
            lines.append("%s | %s" % (self.group.name, id))
            for d in self.differences[id][:8]:
                lines.append(d.text())
        return "\n".join(lines)


def run_group(group, allowed=None, self_check=SELF):
    """Both sides; differences without those allowed.  - nginx, + weir."""
    outcome = Outcome(group)
    prefix = make_prefix()
    upstreams = {}
    held = []
    names = {}
    try:
        for name, routes in group.upstreams.items():
            upstreams[name] = Upstream(routes)
            names[name] = upstreams[name].port
        for name in sorted(set(re.findall(r"%%(\w+)%%",
                                          group.text() + group.main))):
            if name.startswith("DEAD"):
                s = ports.refused_port()
                held.append(s)
                names[name] = s.getsockname()[1]
            elif name.startswith("PORT"):
                names[name] = ports.free_port()
            elif name.startswith("SOCK"):
                names[name] = "logs/%s.sock" % name.lower()
        a, problem = run_side("nginx", group, prefix, names, upstreams)
        if problem:
            raise Problem("nginx: " + problem)
        for u in upstreams.values():
            u.drop()
        b, outcome.problem = run_side("nginx" if self_check else "weir",
                                      group, prefix, names, upstreams)
        if outcome.problem:
            keep_log(group, prefix)
    finally:
        for u in upstreams.values():
            u.stop()
        for s in held:
            s.close()
        shutil.rmtree(prefix, ignore_errors=True)
    outcome.total = len(group.requests)
    for id, left in a.items():
        right = b.get(id)
        found = []
        if right is None:
            found.append(Difference(group.name, id, "run", "answered",
                                    "not answered"))
        else:
            for field in list(left.fields) + [
                    x for x in right.fields if x not in left.fields]:
                x, y = left.fields.get(field), right.fields.get(field)
                if field.endswith("order") and x and y and sorted(x) != sorted(y):
                    continue        # `headers` says which one lacks
                if x != y:
                    d = Difference(group.name, id, field, x, y)
                    if not (allowed and allowed.covers(d)):
                        found.append(d)
        if found:
            outcome.differences[id] = found
    return outcome


def run_steadily(group, allowed=None, turns=3):
    """What differs each time. On a machine that is busy either server may miss a time-out,
    and a second may pass between the two: such a difference does not come again."""
    always = None
    for turn in range(turns):
        try:
            outcome = run_group(group, allowed)
        except Problem:
            if turn == turns - 1:
                raise
            continue
        if always is not None and not outcome.problem:
            outcome.differences = {id: found for id, found in outcome.differences.items()
                                   if id in always}
        if not outcome.differences and not outcome.problem:
            break
        if not outcome.problem:
            always = set(outcome.differences)
    return outcome


def keep_log(group, prefix):
    where = os.environ.get("COMPARE_LOGS")
    if where:
        os.makedirs(where, exist_ok=True)
        for name in ("error.log", "stderr"):
            path = os.path.join(prefix, "logs", name)
            if os.path.exists(path):
                shutil.copy(path, os.path.join(
                    where, "%s.%s" % (group.name, name)))


# Confs that -t judges

def message_of(text):
    """The words of the first [emerg] line and the line number."""
    found = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*)", text)
    if not found:
        return None, None
    words = found.group(1)
    at = re.match(r"(.*?) in \S+?:(\d+)", words)
    if at:
        return at.group(1), int(at.group(2))
    return words, None


WRAPS = {
    "main": "%s\nevents { }\n",
    "events": "events { %s }\n",
    "http": "events { }\nhttp {\n%s\n}\n",
    "server": "events { }\nhttp {\nserver {\nlisten 127.0.0.1:%%PORT%%;\n%s\n"
              "}\n}\n",
    "location": "events { }\nhttp {\nserver {\nlisten 127.0.0.1:%%PORT%%;\n"
                "location / {\n%s\n}\n}\n}\n",
    "whole": "%s",
}


def conf_files(conf):
    files = {"more.conf": "gzip on;\n", "broken.conf": "gzip on\n"}
    return dict(files, **pki()) if ".pem" in conf else files


def run_conf_test(test, self_check=SELF):
    """Returns None or the difference: of the field `line` if it is only that."""
    id, where, text, accepted, _ = test
    conf = WRAPS[where].replace("%s", text)
    prefix = make_prefix()
    names = {n: ports.free_port()
             for n in sorted(set(re.findall(r"%%(PORT\d*)%%", conf)))}
    got = {}
    try:
        for kind in ("nginx", "nginx" if self_check else "weir"):
            s = Server(conf, kind=kind, prefix=prefix, names=names, raw=True,
                       wait=False, files=conf_files(conf))
            extra = [] if kind == "weir" else [
                "-g", "pid %s/logs/server.pid;" % prefix]
            if re.search(r"^\s*pid\b", conf, re.M) or where == "whole":
                extra = []
            out = s.run("-t", *extra)
            words, line = message_of(out.stderr)
            if words:
                words = words.replace(prefix, "PREFIX")
            got.setdefault("a" if "a" not in got else "b",
                           (out.returncode, words, line, out.stderr))
    finally:
        shutil.rmtree(prefix, ignore_errors=True)
    a, b = got["a"], got["b"]
    if (a[0] == 0) != accepted:
        raise Problem("nginx: exit %s\n%s" % (a[0], a[3]))
    # Where nginx names no line, weir may.
    if a[:2] == b[:2] and a[2] in (None, b[2]):
        return None
    return Difference(
        "conf", id, "line" if a[:2] == b[:2] else "conf",
        "exit %s, %s, line %s" % a[:3], "exit %s, %s, line %s" % b[:3])


# The two lists

class List:
    """Lines `group | id | …`; # starts a comment.  Both may be patterns."""

    def __init__(self, path):
        self.rows = []
        self.used = set()
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                for line in f:
                    line = line.rstrip("\n")
                    if line.strip() and not line.startswith("#"):
                        self.rows.append([c.strip()
                                          for c in line.split(" | ")])


def glob_match(text, pattern):
    """fnmatch without the brackets."""
    pattern = "".join(".*" if c == "*" else re.escape(c) for c in pattern)
    return re.fullmatch(pattern, text, re.S) is not None


class Allowed(List):
    """group | id | field | reason"""

    def covers(self, d):
        for row in self.rows:
            # What is allowed over plain HTTP/1 is over the other fronts.
            names = {d.group, d.group.partition(":")[2] or d.group}
            if any(fnmatch.fnmatchcase(name, row[0]) for name in names) \
                    and glob_match(d.id, row[1]) \
                    and glob_match(d.field, row[2]):
                self.used.add(tuple(row))
                return True
        return False


class Pending(List):
    """group | id"""

    def of(self, group):
        return {row[1] for row in self.rows if row[0] == group}

    def plainly(self, group):
        """What is not the same over plain HTTP/1 need not be over another front."""
        return self.of(group.partition(":")[2]) if ":" in group else set()


def pending():
    return Pending(os.path.join(HERE, "pending.txt"))


def allowed():
    return Allowed(os.path.join(HERE, "allowed.txt"))
