"""Which argument forms of directives the cases use.

The forms are read from what `weir -H` says of a directive: each word of `off | on | leaf`,
each `name=` and `name:` of an option, and that it has a value where a value stands. Cases
are the confs that nginx and weir are both asked with (groups, and confs that -t accepts);
for what Debian's nginx does not know, the confs in tests/server.
"""

import glob
import os
import re
import subprocess

from harness.server import weir_binary

from . import dsl

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIXES = ("ssl_", "http2", "proxy_ssl_")
# Newer than Debian's nginx, or weir's own.
NEWER = {"http2", "ssl_certificate_cache", "ssl_certificate_compression",
         "ssl_certificate_reload", "ssl_ech_file", "ssl_key_log", "ssl_light",
         "proxy_ssl_certificate_cache", "proxy_ssl_key_log"}
# Words that nginx's documents have for the form of a value.
OTHER_FORMS = {"ssl_certificate": ["$"], "ssl_certificate_key": ["$"],
               "proxy_ssl_certificate": ["$"], "proxy_ssl_certificate_key": ["$"],
               "proxy_ssl_name": ["$"]}
# Forms that Debian's nginx cannot be asked with.
ALONE = {("ssl_certificate_key", "store:"), ("ssl_certificate_key", "engine:")}


def syntax(name):
    out = subprocess.run([weir_binary(), "-H", name], capture_output=True, text=True,
                         timeout=10).stdout
    return re.search(r"Syntax: +\S+ ?(.*);", out).group(1)


def directives():
    """The names that stand, indented, below the modules in what -M prints."""
    out = subprocess.run([weir_binary(), "-M"], capture_output=True, text=True,
                         timeout=10).stdout
    names = " ".join(re.findall(r"(?m)^ {8}(.*)", out)).split()
    return sorted({n for n in names if n.startswith(PREFIXES)} - {"ssl_engine"})


def forms(name):
    """What an argument may be: words, beginnings (`shared:`, `max=`), "" for any value."""
    text = syntax(name)
    found = set(OTHER_FORMS.get(name, ()))
    for word in re.findall(r"[^\s|\[\]…]+", text.replace("[:size]", "")):
        if re.fullmatch(r"[A-Z_]+|file|text|name|value|url|time|size", word):
            found.add("")
        elif re.match(r"\w+[=:]", word):
            found.add(re.match(r"\w+[=:]", word).group(0))
        else:
            found.add(word)
    if "[:size]" in text:
        found.add("builtin:")
    return found


def arguments(name, texts):
    found = []
    for text in texts:
        for line in re.findall(r"(?<![\w$-])%s\s+([^;{}]*)[;]" % name, text):
            found += line.replace('"', " ").replace("\\", " ").split()
    return found


def covers(form, argument):
    if form == "":
        return True
    if form == "$":
        return "$" in argument
    return argument.startswith(form) if form[-1] in "=:" else argument == form


def confs():
    """What both servers are asked with, and what only weir is."""
    compared = [g.text() for g in dsl.GROUPS.values()] \
        + [text for _, _, text, accepted, _ in dsl.CONF_TESTS if accepted]
    own = []
    for path in glob.glob(os.path.join(HERE, "..", "server", "test_*.py")):
        with open(path, encoding="utf-8") as f:
            own.append(f.read())
    return compared, own


def missing(name):
    """The forms of a directive that no case uses."""
    compared, own = confs()
    used = arguments(name, own if name in NEWER else compared)
    return [form or "a value" for form in sorted(forms(name))
            if not (any(name in text and form in text for text in own)
                    if (name, form) in ALONE else any(covers(form, a) for a in used))]
