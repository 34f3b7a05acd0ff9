"""Sessions in a real Redis, which stops, hangs, is full and talks nonsense."""

import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.http1 import Connection, build, get, wait_until, within
from harness.sessions import Client, MODULES, ROUTES, conf, elapsed


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


@pytest.mark.parametrize("text", [
    '{"created": 1, "session": {"a": "1", "b": [1.5, {"c": "}}"}]}}',
    '{"created":1,"session":{"a":"1","b":[1.5,{"c":"}}"}]}}',
    '{"session": {"a": "1", "b": [1.5, {"c": "}}"}]}, "created": 1}',
    '{"created": 1, "session": {"a": "1", "b": [1.5, {"c": "}}"}]}, "more": {"x": 1}}',
    '{"created": 1.5, "session": {"a": "1", "b": [1.5, {"c": "\\u007d}"}]}}',
    ' {"created": 1, "session": {"a": "1", "b": [1.5, {"c": "}}"}]}}\n',
    '{"created": 123456789012345678901234567890, "session": {"a": "1", "b": [1.5, {"c": "}}"}]}}'])
def test_redis_texts_of_others(server, redis, text):
    """However another program writes it; what it does not know here is replaced as a whole."""
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    key = "AIOHTTP_SESSION_" + c.id
    r("SET", key, text)
    if "1234567890123456789012" in text:        # beyond what a number holds: no session
        assert c("/get").text == "{}" and r("GET", key) == text.encode()
        return
    assert json.loads(c("/get").text) == {"a": "1", "b": [1.5, {"c": "}}"}]}
    assert r("GET", key) == text.encode()
    c("/set/a/2%22%5C%C3%A9")
    assert json.loads(r("GET", key)) == {"created": 1, "session": {"a": '2"\\\u00e9', "b": [1.5, {"c": "}}"}]}}
    c("/login")
    assert list(json.loads(c("/get").text).items())[2] == ("user", "me")
    assert json.loads(r("GET", "AIOHTTP_SESSION_" + c.id))["created"] == 1
    c("/logout")
    c("/set/a/3")       # another session: it begins now
    again = json.loads(r("GET", "AIOHTTP_SESSION_" + c.id))
    assert again["session"] == {"a": "3"} and abs(again["created"] - time.time()) < 60


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


def test_redis_away_and_back(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 timeout=500ms" % r.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1")
    id = c.id
    r.stop()
    answer, took = elapsed(lambda: c("/get"))
    assert answer.status == 503 and answer.get("Retry-After") and took < within(2)
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
    assert answer.status == 503 and 0.2 < took < within(2)
    assert elapsed(lambda: c("/off"))[1] < within(0.05)
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


# ---- memory while it is away ----

@pytest.fixture
def backed(server, redis):
    r = redis()
    s = server(conf("redis://127.0.0.1:%d/0 timeout=500ms fallback=memory zone=f:1m"
                    % r.port), main=MODULES, workers=2)
    return r, s, Client(s.port())


def back(r, s):
    """Redis is started again, and asked by all workers: one that has failed asks again
    after three seconds at the most."""
    key = "AIOHTTP_SESSION_00000000000000000000"
    r.start()
    r("SET", key, '{"created": %d, "session": {"up": true}}' % time.time())

    time.sleep(3.1)

    def seen():
        return "up" in get(s.port(), "/get",
                           "Cookie: AIOHTTP_SESSION=00000000000000000000").text
    wait_until(seen, 20)


def test_fallback(backed):
    r, s, c = backed
    c("/set/a/1")
    r.stop()
    assert json.loads(c("/get").text) == {"a": "1"}
    assert c("/set/b/2").status == 200
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}
    for i in range(20):
        assert c("/inc%d" % i).status == 200
    assert json.loads(c("/get").text)["k7"] == 1


def test_fallback_is_brought_back(backed):
    r, s, c = backed
    c("/set/a/1")
    id = c.id
    r.stop()
    assert c("/set/b/2").status == 200
    new = Client(s.port())
    assert new("/set/a/new").status == 200 and new.id
    back(r, s)
    r("SET", "AIOHTTP_SESSION_" + id, '{"created": 1, "session": {"a": "1"}}')
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"} and c.id == id
    assert json.loads(new("/get").text) == {"a": "new"}
    for client in (c, new):
        stored = json.loads(r("GET", "AIOHTTP_SESSION_" + client.id))["session"]
        assert stored == json.loads(client("/get").text)
    # And is Redis' again: what others change there is seen.
    r("SET", "AIOHTTP_SESSION_" + id, '{"created": 1, "session": {"a": "other"}}')
    assert json.loads(c("/get").text) == {"a": "other"}


def test_fallback_remembers_the_end(backed):
    r, s, c = backed
    r("CONFIG", "SET", "save", "3600 1")
    c("/set/a/1")
    gone = c.id
    renewed = Client(s.port())
    renewed("/set/a/2")
    former = renewed.id
    r("SAVE")
    r.stop()
    assert c("/logout").status == 200 and c.id is None
    assert renewed("/login").status == 200 and renewed.id != former
    back(r, s)
    assert r("GET", "AIOHTTP_SESSION_" + gone) is not None
    old = Client(s.port())
    for id in (gone, former):
        old.cookies["AIOHTTP_SESSION"] = id

        def ended():        # a worker that has not seen yet that Redis is back leaves it there
            assert old("/get").text == "{}"
            return r("GET", "AIOHTTP_SESSION_" + id) is None
        wait_until(ended, 10)
    assert json.loads(renewed("/get").text) == {"a": "2", "user": "me"}


def test_fallback_takes_nobodys_place(backed):
    """A session that only Redis knows: empty while it is away, but never replaced."""
    r, s, c = backed
    c.cookies["AIOHTTP_SESSION"] = "somebodyssomebodyssomebodys"
    r("CONFIG", "SET", "save", "3600 1")
    r("SET", "AIOHTTP_SESSION_somebodyssomebodyssomebodys",
      '{"created": %d, "session": {"user": "ann"}}' % time.time())
    r("SAVE")
    r.stop()
    assert c("/get").text == "{}"
    answer = c("/set/a/1")
    assert answer.status == 503 and answer.getall("Set-Cookie") == []
    assert c("/logout").status == 503
    back(r, s)
    assert json.loads(c("/get").text) == {"user": "ann"}


# ---- what else it may say ----

class Fake:
    """Answers each command by `answer(words)`; None: not at all. Counts."""

    def __init__(self, answer):
        self.answer = answer
        self.connections = self.commands = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept)]
        self.peers = []
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            self.peers.append(peer)
            self.threads.append(threading.Thread(target=self.serve, args=(peer,)))
            self.threads[-1].start()

    def serve(self, peer):
        f = peer.makefile("rb")
        try:
            while True:
                line = f.readline()
                if not line:
                    return
                words = [f.read(int(f.readline()[1:]) + 2)[:-2]
                         for _ in range(int(line[1:]))]
                self.commands += 1
                answer = self.answer(words)
                if answer is None:
                    continue
                peer.sendall(answer)
        except (OSError, ValueError):
            pass

    def stop(self):
        for s in [self.listener] + self.peers:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for t in self.threads:
            t.join()


@pytest.fixture
def fake():
    started = []

    def start(answer):
        started.append(Fake(answer))
        return started[-1]

    yield start
    for f in started:
        f.stop()


COOKIE = "Cookie: AIOHTTP_SESSION=abcdefghijklmnopqrst"


@pytest.mark.parametrize("error", [
    "-LOADING Redis is loading the dataset in memory", "-NOAUTH Authentication required.",
    "-READONLY You can't write against a read only replica.", "-NOPERM no", "-ERR what",
    "-MASTERDOWN Link with MASTER is down", "-MISCONF disk", "-OOM", "-BUSY script", "-"])
def test_errors(server, fake, error):
    f = fake(lambda words: error.encode() + b"\r\n")
    s = server(conf("redis://127.0.0.1:%d timeout=400ms" % f.port), main=MODULES)
    for _ in range(3):
        answer, took = elapsed(lambda: get(s.port(), "/set/a/1", COOKIE))
        assert answer.status == 503 and answer.get("Retry-After") == "1" and took < within(2)
        assert answer.getall("Set-Cookie") == []
    assert get(s.port(), "/off").status == 200
    assert error[1:] in s.error_log() or "it " in s.error_log()


def test_a_password_that_is_wanted(server, redis):
    r = redis(options=["--requirepass", "secret"])
    s = server(conf("redis://127.0.0.1:%d" % r.port), main=MODULES)
    assert get(s.port(), "/set/a/1").status == 503
    assert "it wants a password" in s.error_log()
    for url in ("redis://:secret@127.0.0.1:%d/5", "redis://default:s%%65cret@127.0.0.1:%d"):
        s = server(conf(url % r.port), main=MODULES)
        assert get(s.port(), "/set/a/1").status == 200
    assert b"keys=1" in r("INFO", "keyspace").split(b"db5:")[1]


def test_silence_stops_nobody(server, fake):
    """Requests that need no session go on; those that do end in time, and while it
    is silent they are refused at once, and few connections are tried."""
    f = fake(lambda words: None)
    s = server(conf("redis://127.0.0.1:%d timeout=300ms" % f.port), main=MODULES)
    answer, took = elapsed(lambda: get(s.port(), "/get", COOKIE))
    assert answer.status == 503 and 0.25 < took < within(2)
    begin = time.monotonic()
    refused = 0
    while time.monotonic() - begin < 1.5:
        answer, took = elapsed(lambda: get(s.port(), "/get", COOKIE))
        assert answer.status == 503
        refused += took < within(0.1)
        assert get(s.port(), "/off").status == 200
    assert refused > 10
    assert f.connections <= 12


def test_no_storm(server, fake):
    """Many requests at once, and a server that closes at once."""
    f = fake(lambda words: b"")
    f.answer = lambda words: (_ for _ in ()).throw(ValueError)      # closes
    original = f.serve

    def closing(peer):
        original(peer)
        peer.close()
    f.serve = closing
    s = server(conf("redis://127.0.0.1:%d timeout=300ms" % f.port), main=MODULES)
    end = time.monotonic() + 1.5
    statuses = []

    def some():
        while time.monotonic() < end:
            statuses.append(get(s.port(), "/get", COOKIE).status)
    threads = [threading.Thread(target=some) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) == {503} and len(statuses) > 100
    assert f.connections <= 40


def test_old_servers(server, fake):
    """Without GETEX and without scripts that stay."""
    kept = {}

    def answer(words):
        name = words[0].upper()
        if name in (b"GETEX", b"HELLO"):
            return b"-ERR unknown command 'GETEX'\r\n"
        if name == b"EVALSHA":
            return b"-NOSCRIPT No matching script.\r\n"
        if name == b"GET":
            v = kept.get(words[1])
            return b"$-1\r\n" if v is None else b"$%d\r\n%s\r\n" % (len(v), v)
        if name == b"SET":
            kept[words[1]] = words[2]
            return b"+OK\r\n"
        assert name == b"EVAL"
        if kept.get(words[3]) != words[4]:
            return b"$-1\r\n"
        kept[words[3]] = words[5]
        return b":1\r\n"
    f = fake(answer)
    s = server(conf("redis://127.0.0.1:%d" % f.port), main=MODULES)
    c = Client(s.port())
    c("/set/a/1"), c("/set/b/2")
    assert json.loads(c("/get").text) == {"a": "1", "b": "2"}


def test_a_destroyed_session_is_not_renewed(server, fake):
    """It ends between the load and the save of a login: the login begins anew, with
    nothing of the former session."""
    kept = {}

    def answer(words):
        name = words[0].upper()
        if name == b"GETEX":
            v = b'{"created": 1, "session": {"cart": "full"}}'
            return b"$%d\r\n%s\r\n" % (len(v), v)
        if name == b"SET":
            kept[words[1]] = words[2]
            return b"+OK\r\n"
        return b"$-1\r\n"         # of the script: the key is gone
    f = fake(answer)
    s = server(conf("redis://127.0.0.1:%d" % f.port), main=MODULES)
    c = Client(s.port())
    c.cookies["AIOHTTP_SESSION"] = "abcdefghijklmnopqrst"
    assert c("/login").status == 200
    assert [json.loads(v)["session"] for v in kept.values()] == [{"user": "me"}]
    assert ("AIOHTTP_SESSION_" + c.id).encode() in kept
    kept.clear()
    c.cookies["AIOHTTP_SESSION"] = "abcdefghijklmnopqrst"
    answer = c("/set/a/1")
    assert answer.status == 200 and answer.getall("Set-Cookie") == [] and not kept


def test_a_store_that_never_agrees(server, fake):
    text = b'{"created": 1, "session": {}}'
    f = fake(lambda words: b"$%d\r\n%s\r\n" % (len(text), text))
    s = server(conf("redis://127.0.0.1:%d" % f.port), main=MODULES)
    assert get(s.port(), "/set/a/1", COOKIE).status == 503
    assert "changed by others all the time" in s.error_log()


# ---- requests that cross ----

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
            assert r.status in (200, 503) and took < within(2)
            if r.status == 200:
                assert r.text == "{}"
        assert get(s.port(), "/off").status == 200
    finally:
        ended.set()
        fake.shutdown(socket.SHUT_RDWR)
        fake.close()
        t.join()
