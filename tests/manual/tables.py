"""The tables of weir (`--print-tables`), and confs around their examples."""

import functools
import json
import os
import re
import subprocess

from harness import ports
from harness.server import make_prefix, weir_binary, write_files

# Where an example is put, of the contexts that its row names: the first of these.
ORDER = ["location", "server", "http", "when", "gather", "fetch", "sqlite", "routes",
         "upstream", "events", "main"]

# What must stand around an example for it to make sense: context -> lines.
NEEDS = {
    "limit_conn": ("http", "limit_conn_zone $binary_remote_addr zone=addr:1m;"),
    "limit_req": ("http", "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/s;"),
    "sqlite_use": ("http", "sqlite blog data/blog.db { schema blog.sql; }"),
    "sql": ("http", "sqlite blog data/blog.db { schema blog.sql; }"),
    "transaction": ("http", "sqlite blog data/blog.db { schema blog.sql; }"),
    "session_regenerate": ("http", "session memory;"),
    "session_destroy": ("http", "session memory;"),
    "csrf": ("http", "session memory;"),
    "template": ("http", "template_root conf/templates;"),
    "rewrite_log": ("http", "error_log logs/error.log notice;"),
}

# Examples that show the block around the directive, or stand one level further out.
CONTEXT = {"location": "server", ("http_route_module", "timeout"): "location"}

FILES = {
    "conf/blog.sql": "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT UNIQUE, "
                     "text TEXT);\n",
    "conf/users.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, password TEXT);\n",
    "conf/migrations/001.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY);\n",
    "conf/users": "ann:{PLAIN}secret\n",
    "conf/passwords": "secret\n",
    "conf/sites/one.conf": "# a site\n",
    "conf/mime.types": "types { text/html html; }\n",
    "conf/ticket.key": b"k" * 80,
    "conf/templates/hello.html": "Hello {{ username }}\n",
}


@functools.lru_cache(None)
def tables():
    out = subprocess.run([weir_binary(), "--print-tables"], capture_output=True,
                         timeout=60, check=False)
    assert out.returncode == 0, out.stderr.decode()
    return json.loads(out.stdout)


def directives():
    """(module, row) of every directive."""
    yield from (({"name": "core_module"}, d) for d in tables()["conf"])
    for module in tables()["modules"]:
        yield from ((module, d) for d in module["directives"])


def rows(kind):
    """Of "functions", "filters", "tests": those of the language and of modules."""
    yield from tables()["language"][kind]
    for module in tables()["modules"]:
        yield from module[kind]


def make_certificates(folder):
    """ca.pem, server.pem, client.pem with their keys, ca.crl, dhparam.pem, ocsp.der."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "9",
            "-subj", "/CN=ca")
    for name in ("server", "client"):
        openssl("req", "-x509", *key, "-keyout", name + ".key", "-out", name + ".pem",
                "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "9", "-subj", "/CN=" + name)
    openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048",
            "-out", "dhparam.pem")
    write_files(folder, {"index": "", "index.attr": "unique_subject = no\n",
                         "ca.conf": "[ca]\ndefault_ca=a\n[a]\ndatabase=index\n"
                                    "default_md=sha256\n"})
    openssl("ca", "-config", "ca.conf", "-gencrl", "-crldays", "9", "-keyfile", "ca.key",
            "-cert", "ca.pem", "-out", "ca.crl")
    openssl("ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey",
            "ca.key", "-issuer", "ca.pem", "-cert", "server.pem", "-ndays", "9",
            "-respout", "ocsp.der")


def make_folder():
    prefix = make_prefix()
    write_files(prefix, FILES)
    make_certificates(os.path.join(prefix, "conf"))
    return prefix


def loads(but=""):
    return "".join("load_module %s;\n" % m["load"] for m in tables()["modules"]
                   if "load" in m and m["load"] not in but)


def free(text):
    """Port 8080, which may be taken, is replaced by one that is not."""
    return re.sub(r"(\blisten\s+(?:\S*:)?)(?:80|443|8080|8443)\b",
                  lambda m: m.group(1) + str(ports.free_port()), text)


def around(lines, context, needs=("", ""), but="", ssl=False):
    """A whole conf with these lines in that context."""
    at = dict.fromkeys(ORDER, "")
    at[needs[0]] = needs[1]
    at[context] = at.get(context, "") + "\n" + lines + "\n"
    inner = "".join("%s { %s }\n" % (name, at[key]) for name, key in (
        ("when 1 == 1", "when"), ("gather", "gather"),
        ("fetch answer = http://127.0.0.1:8000/", "fetch")) if at[key])
    location = "location /example/ { %s %s }" % (at["location"], inner)
    routes = "routes /of { %s }" % at["routes"] if at["routes"] else ""
    listen = "listen 127.0.0.1:%d%s;" % (ports.free_port(), " ssl" if ssl else "")
    if re.search(r"^\s*listen\b", at["server"], re.M):
        listen = ""
    certificate = "ssl_certificate server.pem; ssl_certificate_key server.key;" \
        if ssl else ""
    server = "server { %s %s %s %s }" % (listen, at["server"], location, routes)
    upstream = "upstream group { %s server 127.0.0.1:8000; }" % at["upstream"]
    sqlite = "sqlite example data/example.db { %s }" % at["sqlite"] \
        if at["sqlite"] else ""
    events = "" if re.search(r"^\s*events\b", at["main"], re.M) \
        else "events { %s }\n" % at["events"]
    http = "http { %s %s %s %s %s }\n" % (certificate, at["http"], upstream, sqlite, server)
    if re.search(r"^\s*http\b", at["main"], re.M):
        http = ""
    return free(loads(but) + at["main"] + events + http)


def conf_of(module, row):
    """The conf that the example of a directive is tried in."""
    contexts = row["contexts"].split(", ")
    context = next((c for c in ORDER if c in contexts), "main")
    for key in (row["name"], (module["name"], row["name"])):
        context = CONTEXT.get(key, context)
    return around(row["example"], context, NEEDS.get(row["name"], ("", "")),
                  but=row["example"] if row["name"] == "load_module" else "",
                  ssl=module["name"] == "http_ssl_module")


def check(prefix, conf, name="example.conf"):
    """`weir -t`: the result."""
    path = os.path.join(prefix, "conf", name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(conf)
    return subprocess.run([weir_binary(), "-t", "-p", prefix + "/", "-c", "conf/" + name,
                           "-e", "stderr"], capture_output=True, text=True, timeout=60,
                          check=False)
