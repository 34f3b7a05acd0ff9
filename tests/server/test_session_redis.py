"""Sessions in a real Redis, which stops, hangs, is full and talks nonsense."""

import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.http1 import Connection, build, get, wait_until
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
