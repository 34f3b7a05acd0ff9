"""Sessions: in shared memory and in a real Redis, beside aiohttp-session."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from harness import ports
from harness.http1 import Connection, build, get, wait_until
from harness.modules import load_module

MODULES = load_module("route", "json", "session")

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


class Redis:
    def __init__(self, port=None, unix=False, options=()):
        self.dir = tempfile.mkdtemp(prefix="weir-redis-")
        os.chmod(self.dir, 0o755)
        self.port = 0 if unix else port or ports.free_port()
        self.socket = os.path.join(self.dir, "redis.sock")
        self.options = list(options)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--unixsocket", self.socket, "--unixsocketperm", "777",
             "--save", "", "--dir", self.dir, "--logfile", "log", *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, 10)

    def answers(self):
        try:
            return self("PING") in (b"+PONG", b"-NOAUTH Authentication required.")
        except OSError:
            return False

    def __call__(self, *args):
        """The reply as text; only the content of a string."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.socket)
            s.sendall(b"*%d\r\n" % len(args) + b"".join(
                b"$%d\r\n%s\r\n" % (len(a), a)
                for a in (x.encode() if isinstance(x, str) else x for x in args)))
            f = s.makefile("rb")
            line = f.readline().rstrip(b"\r\n")
            if line[:1] == b"$":
                n = int(line[1:])
                return None if n < 0 else f.read(n)
            if line[:1] == b"*":
                return [f.read(int(f.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
            return line

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def redis():
    started = []

    def start(**more):
        started.append(Redis(**more))
        return started[-1]

    yield start
    for r in started:
        r.remove()


@pytest.fixture(params=["memory", "redis"])
def site(request, server, redis):
    """A server with either store."""
    if request.param == "memory":
        store = "memory zone=s:1m"
    else:
        store = "redis://127.0.0.1:%d/0" % redis().port
    return server(conf(store), main=MODULES, workers=2)


# ---- what both stores do ----

def test_values(site):
    c = Client(site.port())
    assert c("/get").text == "{}" and c.id is None       # nothing is stored for nothing
    assert c("/set/a/1").status == 200
    assert re.fullmatch(r"[\w-]{22,}", c.id)
    first = c.id
    assert c("/set/b/2").getall("Set-Cookie") == []
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}
    assert json.loads(c("/shape").text) == [2, True, 7, ["a", "b"], True]
    c("/unset")
    assert json.loads(c("/get").text) == {"b": "2"} and c.id == first
    r = Client(site.port())("/need")
    assert r.status == 500
    assert Client(site.port())("/get").text == "{}"


def test_unknown_ids_are_not_adopted(site):
    c = Client(site.port())
    c.cookies["AIOHTTP_SESSION"] = "attackersattackersattackers12345"
    c("/set/a/1")
    assert c.id != "attackersattackersattackers12345"
    for bad in ("../../x", "a" * 500, "*", "", "\"", "x\ty"):
        c.cookies["AIOHTTP_SESSION"] = bad
        assert c("/get").text == "{}"


def test_regenerate_and_destroy(site):
    c = Client(site.port())
    c("/set/a/1")
    before = c.id
    assert c("/login").text == "in"
    assert c.id != before
    assert json.loads(c("/get").text) == {"a": "1", "user": "me"}
    old = Client(site.port())
    old.cookies["AIOHTTP_SESSION"] = before
    assert old("/get").text == "{}"
    after = c.id
    r = c("/logout")
    assert "Max-Age=0" in r.get("Set-Cookie") and c.id is None
    old.cookies["AIOHTTP_SESSION"] = after
    assert old("/get").text == "{}"


def test_failures_save_nothing(site):
    c = Client(site.port())
    c("/set/a/1")
    assert c("/fail").status == 500
    assert json.loads(c("/get").text) == {"a": "1"}
    assert c("/refuse").status == 403
    assert json.loads(c("/get").text) == {"a": "kept"}


def test_variable(site):
    c = Client(site.port())
    c("/login")
    assert c("/var").get("X-User") == "me"


def test_concurrent_increments(site):
    c = Client(site.port())
    c("/set/a/1")
    errors = []

    def some(i):
        for _ in range(10):
            r = get(site.port(), "/inc%d" % i, "Cookie: AIOHTTP_SESSION=" + c.id)
            if r.status != 200:
                errors.append(r.status)

    threads = [threading.Thread(target=some, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert json.loads(c("/get").text) == {"a": "1", **{"k%d" % i: 10 for i in range(20)}}


def test_concurrent_increments_of_one_key(site):
    c = Client(site.port())
    c("/set/a/1")
    threads = [threading.Thread(target=get, args=(
        site.port(), "/inc0", "Cookie: AIOHTTP_SESSION=" + c.id)) for _ in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert json.loads(c("/get").text)["k0"] == 60


def test_csrf(site):
    c = Client(site.port())
    token = c("/form").text
    assert len(token) == 64 and c("/form").text != token

    def post(*headers, body=b"", who=c):
        return who("/form", *headers, method="POST", body=body).status

    form = "Content-Type: application/x-www-form-urlencoded"
    assert post() == 403
    assert post("X-CSRF-Token: " + token) == 200
    assert post("X-CSRF-Token: " + c("/form").text) == 200
    assert post("X-CSRF-Token: " + token[:-1] + ("0" if token[-1] != "0" else "1")) == 403
    assert post("X-CSRF-Token: " + "0" * 64) == 403
    assert post("X-CSRF-Token: " + token, who=Client(site.port())) == 403
    assert post(form, body=b"csrf_token=" + token.encode()) == 200
    assert post(form, body=b"csrf_token=x") == 403
    assert post("Content-Type: application/json", body=b"{}") == 403
    assert post("Sec-Fetch-Site: same-origin") == 200
    assert post("Sec-Fetch-Site: none") == 200
    for other in ("cross-site", "same-site", "x"):
        assert post("Sec-Fetch-Site: " + other, "X-CSRF-Token: " + token) == 403
    assert post("Origin: http://localhost") == 200
    assert post("Origin: http://localhost:80") == 200
    for other in ("http://localhost:81", "null", "http://evil", "http://localhost.evil"):
        assert post("Origin: " + other, "X-CSRF-Token: " + token) == 403


# ---- the cookie ----

@pytest.mark.parametrize("options, wanted, unwanted", [
    ("", ["HttpOnly", "SameSite=Lax", "Path=/"], ["Secure", "Max-Age", "Domain"]),
    ("secure=on samesite=strict path=/ domain=a.b max_age=1h",
     ["Secure", "SameSite=Strict", "Domain=a.b", "Max-Age=3600"], []),
    ("secure=on httponly=off samesite=off cookie=__Host-s", ["Secure", "__Host-s="],
     ["HttpOnly", "SameSite"]),
])
def test_cookie(server, options, wanted, unwanted):
    s = server(conf("memory zone=s:1m " + options), main=MODULES)
    line = get(s.port(), "/set/a/1").get("Set-Cookie")
    assert all(w in line for w in wanted) and not any(w in line for w in unwanted)


@pytest.mark.parametrize("store, message", [
    ("nowhere", "sessions are kept in"), ("memory path=x", "invalid parameter"),
    ("memory samesite=none secure=off", "needs secure"), ("memory ttl=0", "invalid parameter"),
    ("memory timeout=1s", "invalid parameter"), ("redis://:99999/", "invalid address"),
    ("memory cookie=__Host-x domain=a.b", "__Host-"),
    ("memory \"domain=a; Secure\"", "invalid parameter"), ("redis://127.0.0.1/x", "database"),
])
def test_conf_errors(server, store, message):
    s = server("server { listen 127.0.0.1:%%PORT%%; }", main=MODULES)
    s.write_conf(conf(store), name="bad.conf")
    r = subprocess.run([s.binary, "-p", s.prefix + "/", "-c", "bad.conf",
                        "-e", "stderr", "-t"],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode != 0 and message in r.stderr


def test_no_store(server):
    s = server("server { listen 127.0.0.1:%%PORT%%; route GET / { json session; } }",
               main=MODULES)
    assert get(s.port(), "/").status == 500
    assert "there is no session here" in s.error_log()


# ---- memory ----

def test_memory_over_reload(server):
    s = server(conf("memory zone=s:1m"), main=MODULES, workers=2)
    c = Client(s.port())
    c("/set/a/1")
    before = s.workers()
    s.signal("HUP")
    wait_until(lambda: len(s.workers()) == 2 and not set(s.workers()) & set(before), 10)
    assert json.loads(c("/get").text) == {"a": "1"}


def test_memory_ttl_and_max_age(server):
    s = server(conf("memory zone=s:1m ttl=2s max_age=5s"), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    for _ in range(3):      # it is used: it lives on
        time.sleep(1.1)
        assert json.loads(c("/get").text) == {"a": "1"}
    time.sleep(2)           # but not beyond max_age
    assert c("/get").text == "{}"
    c("/set/a/1")
    time.sleep(3.1)
    assert c("/get").text == "{}"


def test_memory_full(server):
    s = server(conf("memory zone=s:64k"), main=MODULES)
    first, last = Client(s.port()), None
    first("/set/a/1")
    for i in range(600):
        last = Client(s.port())
        assert last("/set/a/" + "x" * 300).status == 200
    assert json.loads(last("/get").text) == {"a": "x" * 300}
    assert first("/get").text == "{}"


# ---- Redis ----

def test_redis_unix_auth_and_db(server, redis):
    r = redis(unix=True, options=["--requirepass", "p@ss"])
    s = server(conf("unix:%s password=p@ss db=3 ttl=100s" % r.socket), main=MODULES)
    c = Client(s.port())
    assert c("/set/a/1").status == 200
    assert json.loads(c("/get").text) == {"a": "1"}
    bad = server(conf("unix:%s password=no" % r.socket), main=MODULES)
    assert bad.start is not None and get(bad.port(), "/set/a/1").status == 503
    assert "WRONGPASS" in bad.error_log()


def test_redis_format(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 ttl=100s" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/%C3%A9")
    text = r("GET", "AIOHTTP_SESSION_" + c.id).decode()
    assert re.fullmatch(r'\{"created": \d+, "session": \{"a": "\\u00e9"\}\}', text)
    assert 90 <= int(r("TTL", "AIOHTTP_SESSION_" + c.id)[1:]) <= 100
    r("EXPIRE", "AIOHTTP_SESSION_" + c.id, "10")
    c("/get")
    assert int(r("TTL", "AIOHTTP_SESSION_" + c.id)[1:]) >= 90
    for garbage in ("{}", "", "[1]", "{\"session\": 1}", "\xff", "{" * 5000):
        r("SET", "AIOHTTP_SESSION_" + c.id, garbage)
        assert c("/get").text == "{}"
        assert r("GET", "AIOHTTP_SESSION_" + c.id) == garbage.encode()
    r("DEL", "AIOHTTP_SESSION_" + c.id)
    r("LPUSH", "AIOHTTP_SESSION_" + c.id, "x")
    assert c("/get").text == "{}"


def test_redis_saved_only_when_changed(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    r("CONFIG", "RESETSTAT")
    for _ in range(5):
        c("/same"), c("/get"), c("/set/a/1")
    stats = subprocess.run(["redis-cli", "-s", r.socket, "INFO", "commandstats"],
                           capture_output=True, text=True).stdout
    assert "cmdstat_getex:calls=15," in stats
    assert "cmdstat_set" not in stats and "cmdstat_eval" not in stats


def test_redis_destroyed_meanwhile(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    # Destroyed again and again, so also between load and save.
    gone = "AIOHTTP_SESSION_" + c.id
    stop = threading.Event()

    def deleter():
        while not stop.is_set():
            r("DEL", gone)
    t = threading.Thread(target=deleter)
    t.start()
    try:
        for i in range(50):
            get(s.port(), "/set/a/%d" % i, "Cookie: AIOHTTP_SESSION=" + c.id)
    finally:
        stop.set()
        t.join()
    assert r("GET", gone) is None


def elapsed(f):
    begin = time.monotonic()
    return f(), time.monotonic() - begin


def test_redis_away_and_back(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 timeout=500ms" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    id = c.id
    r.stop()
    answer, took = elapsed(lambda: c("/get"))
    assert answer.status == 503 and answer.get("Retry-After") and took < 2
    assert answer.getall("Set-Cookie") == [] and c.id == id
    assert c("/set/a/2").status == 503
    assert c("/off").status == 200
    r.start()
    wait_until(lambda: c("/set/a/3").status == 200, 10)


def test_redis_restart_is_not_noticed(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
    c = Client(s.port())
    for _ in range(3):
        assert c("/set/a/1").status == 200
        r("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert c("/set/a/1").status == 200
    r.stop()
    r.start()
    assert c("/set/a/1").status == 200


def test_redis_silent(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 timeout=300ms" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    r.process.send_signal(signal.SIGSTOP)
    answer, took = elapsed(lambda: c("/get"))
    assert answer.status == 503 and 0.2 < took < 2
    assert elapsed(lambda: c("/off"))[1] < 0.25
    r.process.send_signal(signal.SIGCONT)
    wait_until(lambda: c("/get").status == 200, 10)
    assert json.loads(c("/get").text) == {"a": "1"}


def test_redis_full(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    r("CONFIG", "SET", "maxmemory", "1")
    assert c("/set/a/2").status == 503
    assert json.loads(c("/get").text) == {"a": "1"}
    assert "OOM" in s.error_log()
    r("CONFIG", "SET", "maxmemory", "0")
    assert c("/set/a/2").status == 200


def test_redis_fallback(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 timeout=500ms fallback=memory zone=f:1m"
                    % r.port), main=MODULES, workers=2)
    c = Client(s.port())
    c("/set/a/1")
    r.stop()
    assert json.loads(c("/get").text) == {"a": "1"}
    assert c("/set/b/2").status == 200
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}


def test_clients_that_leave(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 timeout=400ms" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    for stopped in (True, False):
        if stopped:
            r.process.send_signal(signal.SIGSTOP)
        for i in range(20):
            with Connection(s.port()) as gone:
                gone.send(build("/inc%d" % i, "Cookie: AIOHTTP_SESSION=" + c.id))
                if i % 2:
                    time.sleep(0.01)
                gone.abort()
        r.process.send_signal(signal.SIGCONT)
        wait_until(lambda: c("/get").status == 200, 10)
    assert json.loads(c("/get").text)["a"] == "1"


def test_parts_of_a_page_share_the_session(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0" % r.port, ROUTES + """
        location /page { ssi on; types { text/html html; } root html; }
        location = /allow { set session.seen = session.seen|default(0) + 1; text ok; }
        location = /guarded { auth_request /allow; set session.own = 1; json session; }
        """), main=MODULES, files={"html/page/a.html": "".join(
            '<!--# include virtual="/inc%d" -->' % i for i in range(5))})
    c = Client(s.port())
    assert json.loads(c("/guarded").text) == {"seen": 1, "own": 1} and c.id
    assert json.loads(c("/guarded").text) == {"seen": 2, "own": 1}
    assert c("/page/a.html").text == "ok" * 5
    assert json.loads(c("/get").text) == {
        "seen": 2, "own": 1, **{"k%d" % i: 1 for i in range(5)}}


@pytest.mark.parametrize("answer", [
    b"hello\r\n", b"*1000000000\r\n", b"$999999999\r\n", b"+OK\r\n+OK\r\n", b":1\r\n",
    b"$5\r\nab", b"", b"-LOADING Redis is loading\r\n", b"*1\r\n*1\r\n*1\r\n:1\r\n",
    b"$-1\r\n$-1\r\n$-1\r\n", b"\x00" * 100, b"x" * 5000000], ids=[str(i) for i in range(12)])
def test_redis_garbage(server, answer):
    fake = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve():
        while True:
            try:
                peer = fake.accept()[0]
            except OSError:
                return
            with peer:
                try:
                    peer.recv(4096)
                    peer.sendall(answer)
                    ended.wait(0.1)
                except OSError:
                    pass

    t = threading.Thread(target=serve)
    t.start()
    try:
        s = server(conf("redis://127.0.0.1:%d/0 timeout=300ms" % fake.getsockname()[1]),
                   main=MODULES)
        for _ in range(3):
            r, took = elapsed(lambda: get(
                s.port(), "/get", "Cookie: AIOHTTP_SESSION=abcdefghijklmnopqrst"))
            assert r.status in (200, 503) and took < 2
            if r.status == 200:
                assert r.text == "{}"
        assert get(s.port(), "/off").status == 200
    finally:
        ended.set()
        fake.shutdown(socket.SHUT_RDWR)
        fake.close()
        t.join()


# ---- beside aiohttp-session ----

class SharedStorage:
    """aiohttp-session's own Redis storage over a client with the two methods that
    it uses (the packaged one wants a client library that is not packaged)."""

    def __new__(cls, redis):
        from aiohttp_session import redis_storage

        class Pool:
            async def get(self, key):
                return redis("GET", key)

            async def set(self, key, value, ex=None):
                redis("SET", key, value, *(["EX", str(ex)] if ex else []))

        class Library:
            Redis = Pool
            __version__ = "2.0.0"

        redis_storage.aioredis = Library
        return redis_storage.RedisStorage(Pool(), cookie_name="AIOHTTP_SESSION")


def aiohttp_site(redis, port):
    from aiohttp import web
    import aiohttp_session

    async def home(request):
        session = await aiohttp_session.get_session(request)
        last = session.get("last_visit")
        session["last_visit"] = time.time()
        return web.Response(text="Last visited: %s" % (time.ctime(last) if last else last))

    async def values(request):
        session = await aiohttp_session.get_session(request)
        session["seen"] = ["é", 1, 1.5, None, {"x": True}]
        return web.json_response(dict(session))

    async def run():
        app = web.Application()
        aiohttp_session.setup(app, SharedStorage(redis))
        app.add_routes([web.get("/", home), web.get("/values", values)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.02)
        await runner.cleanup()

    ready, over = threading.Event(), threading.Event()
    t = threading.Thread(target=lambda: asyncio.run(run()))
    t.start()
    assert ready.wait(10)

    def end():
        over.set()
        t.join()
    return end


@pytest.mark.filterwarnings("ignore")
def test_beside_aiohttp(server, redis):
    pytest.importorskip("aiohttp_session")
    r = redis()
    port = ports.free_port()
    end = aiohttp_site(r, port)
    try:
        s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
        ours, theirs = Client(s.port()), Client(port)
        assert ours("/").text == theirs("/").text == "Last visited: None"
        for client, one, other in ((ours, s.port(), port), (theirs, port, s.port())):
            last = None
            id = client.id
            for turn in range(4):
                client.address = other if turn % 2 == 0 else one
                stored = json.loads(r("GET", "AIOHTTP_SESSION_" + client.id))
                assert client("/").text == "Last visited: " + time.ctime(
                    stored["session"]["last_visit"])
                assert client.id == id
            client.address = port
            client("/values")
            client.address = s.port()
            client("/set/a/1")
            got = json.loads(client("/get").text)
            assert got["seen"] == ["é", 1, 1.5, None, {"x": True}] and got["a"] == "1"
            client.address = port
            assert json.loads(client("/values").text) == got
    finally:
        end()
