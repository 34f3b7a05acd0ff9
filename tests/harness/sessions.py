"""What the tests of sessions share: a site, and a client that keeps cookies."""

import time

from .http1 import get
from .modules import load_module

MODULES = load_module("route", "json", "session", "sqlite")

ROUTES = """
    route GET /set/{k}/{v} { when params.k == "a" { set session.a = params.v; }
        when params.k == "b" { set session.b = params.v; } text ok; }
    route GET /get { json session; }
    route GET /user { text "{{ session.user|default('nobody') }}"; }
    route GET /need { text "{{ session.missing.x }}"; }
    route GET /shape { json [session|length, "a" in session, session.get("zz", 7),
        session.keys()|list, session is mapping]; }
    route GET /unset { unset session.a; text ok; }
    route GET /login { session_regenerate; set session.user = "me"; text in; }
    route GET /logout { session_destroy; text out; }
    route GET /fail { set session.a = "lost"; require false else 500; text no; }
    route GET /refuse { set session.a = "kept"; require false else 403; text no; }
    route GET /var { header X-User "{{ vars.session_user }}"; text "{{ session.user }}"; }
    route GET /same { set session.a = session.a|default("1"); text ok; }
    route GET /off { session off; text ok; }
    route GET / {
        set last = session.last_visit|default(none);
        set session.last_visit = now();
        text "Last visited: {{ ctime(last) if last else last }}";
    }
    route GET,POST /form { csrf on; text "{{ csrf_token() }}"; }
""" + "".join("    route GET /inc%d { set session.k%d = session.k%d|default(0) + 1; text ok; }\n"
              % (i, i, i) for i in range(20))


def conf(store, routes=ROUTES):
    return "server { listen 127.0.0.1:%%PORT%%;\n session " + store + ";\n" + routes + "}"


class Client:
    """Keeps cookies as a browser does."""

    def __init__(self, address):
        self.address = address
        self.cookies = {}

    def __call__(self, target, *headers, **more):
        if self.cookies:
            headers += ("Cookie: " + "; ".join("%s=%s" % c for c in self.cookies.items()),)
        r = get(self.address, target, *headers, **more)
        for line in r.getall("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line or not value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return r

    @property
    def id(self):
        return self.cookies.get("AIOHTTP_SESSION")


def elapsed(f):
    begin = time.monotonic()
    return f(), time.monotonic() - begin
