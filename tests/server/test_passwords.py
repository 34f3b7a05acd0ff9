"""hash_password, verify_password, token: what they make, and how much at once."""

import base64
import hashlib
import json
import re
import threading
import time

import pytest

from harness.http1 import get
from harness.modules import load_module

MODULES = load_module("route", "json")

CONF = """server { listen 127.0.0.1:%%PORT%%;
    route POST /hash { set h = hash_password(json.p); json h; }
    route POST /verify { set ok = verify_password(json.p, json.h); json ok; }
    route GET /token/{n:int} { json token(params.n); }
    route GET /default { json token(); }
    route GET /quick { text quick; }
}"""


def post(s, path, **values):
    return get(s.port(), path, "Content-Type: application/json", method="POST",
               body=json.dumps(values).encode())


def hashed(s, p):
    return json.loads(post(s, "/hash", p=p).text)


def verified(s, p, h):
    r = post(s, "/verify", p=p, h=h)
    assert r.status == 200
    return json.loads(r.text)


def test_hash(server):
    s = server(CONF, main=MODULES)
    h = hashed(s, "secret é")
    found = re.fullmatch(r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)", h)
    ln, r, p = (int(x) for x in found.groups()[:3])
    salt, key = (base64.urlsafe_b64decode(x + "==") for x in found.groups()[3:])
    assert len(salt) == 16 and len(key) == 32 and ln >= 15
    assert hashlib.scrypt("secret é".encode(), salt=salt, n=1 << ln, r=r, p=p,
                          maxmem=1 << 28, dklen=32) == key
    assert hashed(s, "secret é") != h
    assert verified(s, "secret é", h) is True
    assert verified(s, "secret e", h) is False
    assert verified(s, "", h) is False
    assert verified(s, "", hashed(s, "")) is True


def test_hashes_of_others(server):
    s = server(CONF, main=MODULES)
    salt = b"\xff\xfe\xfd12345"
    for n, dklen in ((8, 32), (8, 64), (4, 16)):
        key = hashlib.scrypt(b"pw", salt=salt, n=1 << n, r=8, p=2, dklen=dklen)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            h = "$scrypt$ln=%d,r=8,p=2$%s$%s" % (
                n, encode(salt).decode().rstrip("="), encode(key).decode().rstrip("="))
            assert verified(s, "pw", h) is True and verified(s, "pW", h) is False


@pytest.mark.plain("slow: about hashes")
def test_what_is_no_hash(server):
    s = server(CONF, main=MODULES)
    good = hashed(s, "pw")
    for bad in (None, "", "$", "pw", 7, [], good[:-1], good + "A", good + "$x",
                good.replace("ln=15", "ln=99"), good.replace("ln=15", "ln=-1"),
                good.replace("p=1", "p=1x"), good.replace("scrypt", "bcrypt"),
                "$scrypt$ln=1,r=1,p=1$$", "$scrypt$ln=1,r=1,p=1$AAAA$AAAA", good[1:]):
        assert verified(s, "pw", bad) is False
    assert post(s, "/verify", p="x" * 2000, h=good).text == "false"
    assert post(s, "/hash", p="x" * 2000).status == 400
    assert post(s, "/hash", p=7).status in (400, 500)
    assert post(s, "/verify", p="x").status == 400


def test_no_more_than_fit(server):
    """Those that wait for a hash stop nobody else; too many are refused."""
    s = server(CONF, main=MODULES, http="password_threads 1; password_queue 2;")
    statuses, quick = [], []

    def some():
        r = post(s, "/hash", p="x")
        statuses.append((r.status, r.get("Retry-After")))
    threads = [threading.Thread(target=some) for _ in range(16)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        begin = time.monotonic()
        assert get(s.port(), "/quick").status == 200
        quick.append(time.monotonic() - begin)
    for t in threads:
        t.join()
    assert len(statuses) == 16 and set(statuses) == {(200, None), (503, "1")}
    assert statuses.count((200, None)) >= 3
    assert verified(s, "x", hashed(s, "x")) is True


def test_tokens(server):
    s = server(CONF, main=MODULES)
    for n in (1, 2, 3, 16, 32, 33, 1024):
        text = json.loads(get(s.port(), "/token/%d" % n).text)
        assert re.fullmatch(r"[\w-]+", text)
        assert len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == n
    assert len(json.loads(get(s.port(), "/default").text)) == 43
    seen = {get(s.port(), "/token/16").text for _ in range(50)}
    assert len(seen) == 50
    for n in (0, 1025):
        assert get(s.port(), "/token/%d" % n).status in (400, 500)
