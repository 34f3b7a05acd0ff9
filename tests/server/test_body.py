"""Bodies: JSON, urlencoded and multipart; charsets, limits, what broke and where."""

import glob
import gzip
import json
import os
import random
import time
import zlib

import pytest

from harness.http1 import Connection, wait_until
from harness.modules import load_module

MODULES = load_module("route", "json", "template", "fetch")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def app(server):
    def start(conf, **more):
        return server("server { listen 127.0.0.1:%%PORT%%;\n" + conf + "\n}", main=MODULES,
                      **more)
    return start


def post(s, target, body, kind="application/json", *headers):
    if isinstance(body, str):
        body = body.encode()
    return s.get(target, "Content-Type: " + kind, *headers, method="POST", body=body)


def part(name, content, filename=None, kind=None):
    head = b'--B\r\nContent-Disposition: form-data; name="%s"' % name.encode()
    if filename is not None:
        head += b'; filename="%s"' % filename.encode()
    if kind:
        head += b"\r\nContent-Type: " + kind.encode()
    return head + b"\r\n\r\n" + content + b"\r\n"


ALL = """
route POST /json { json json; }
route POST /form { json {"form": form, "tags": form.getall("t"), "n": files|length}; }
route POST /files { json {"f": files.f.filename, "n": files.f.name, "t": files.f.content_type,
                          "s": files.f.size, "p": files.f.path, "all": files.getall("f")|length}; }
route POST /body { json [request.body, request.method]; }
"""


@pytest.mark.parametrize("body,place", [
    ('{"a": 1,}', "line 1, column 9"), ('{\n "a": x}', "line 2"), ("[1 2]", "line 1"),
    ('"\\ud800"', "line 1"), ('{"a":1}x', "end of file"), ("01", ""), ("[1e999]", ""),
    ('{"k": 1, "k": 2}', "duplicate"), ("nul", ""), ('["\xff"]', ""), ("\ufeff[]", ""),
    ("[" * 65 + "]" * 65, "deeper than 64 (line 1, column 65)"),
    ('{"[[": "\\"[",\n "a": ' + "[" * 64 + "]" * 64 + "}", "deeper than 64 (line 2, column 70)"), ('{"a": "\t"}', "")])
def test_broken_json(app, body, place):
    s = app(ALL)
    r = post(s, "/json", body if "\xff" not in body else body.encode("latin-1"))
    assert r.status == 400
    error = json.loads(r.text)["error"]
    assert "not JSON" in error and place in error


def test_json_limits(app):
    s = app(ALL + "json_max_depth 3; client_max_body_size 1k;")
    assert post(s, "/json", "[[[1]]]").text == "[[[1]]]"
    assert post(s, "/json", "[[[[1]]]]").status == 400
    assert post(s, "/json", '"%s"' % ("x" * 2000)).status == 413
    with s.connect() as c:          # chunked: nobody says how long
        c.send("POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            c.send("200\r\n" + "x" * 512 + "\r\n")
        assert c.response().status == 413
    assert post(s, "/form", "a=" + "x" * 2000, FORM).status == 413


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "iso-8859-1", '"latin1"', "utf-16"])
def test_charsets_of_bodies(app, charset):
    s = app(ALL)
    name = charset.strip('"')
    body = json.dumps({"k": "é"}, ensure_ascii=False).encode(name)
    assert json.loads(post(s, "/json", body, "application/json; charset=" + charset).text) == {
        "k": "é"}
    if name != "utf-16":
        quoted = "".join("%%%02X" % b for b in "é".encode(name))
        r = post(s, "/form", "t=" + quoted, FORM + ";charset=" + charset)
        assert json.loads(r.text)["form"] == {"t": "é"}
    body = part("t", "é".encode(name), kind="text/plain; charset=" + charset) + b"--B--\r\n"
    assert json.loads(post(s, "/form", body, "multipart/form-data; boundary=B").text)[
        "tags"] == ["é"]
    assert post(s, "/json", "1", "application/json; charset=nope").status == 415
    assert post(s, "/json", "1", "application/json; charset=../x").status == 415


@pytest.mark.parametrize("body,form,tags", [
    ("a=1&t=2&t=3", {"a": "1", "t": "2"}, ["2", "3"]), ("", {}, []), ("a", {"a": ""}, []),
    ("a=b=c", {"a": "b=c"}, []), ("&&a=1&", {"a": "1"}, []), ("a=%zz", {"a": "%zz"}, []),
    ("a+b=c+d%2B", {"a b": "c d+"}, []), ("%C3%A9=%F0%9F%98%80", {"é": "\U0001f600"}, []),
    ("a=%FF", {"a": "\ufffd"}, [])])
def test_urlencoded(app, body, form, tags):
    r = json.loads(post(app(ALL), "/form", body, FORM).text)
    assert (r["form"], r["tags"], r["n"]) == (form, tags, 0)


def test_fields_are_counted(app):
    s = app(ALL + "form_max_fields 3;")
    assert post(s, "/form", "a=1&b=2&c=3", FORM).status == 200
    assert post(s, "/form", "a=1&b=2&c=3&d=4", FORM).status == 400
    many = b"".join(part("f%d" % i, b"x", filename="x") for i in range(4)) + b"--B--\r\n"
    assert post(s, "/form", many, "multipart/form-data; boundary=B").status == 400


@pytest.mark.parametrize("size", [0, 10, 70000, 300000])
def test_uploads(app, size):
    s = app(ALL + "client_max_body_size 1m; client_body_buffer_size 16k;")
    content = random.Random(size).randbytes(size)
    body = (b"preamble\r\n" if size == 10 else b"") + part("x", b"1") + part(
        "f", content, filename='a "q" b.bin'.replace('"', '\\"'), kind="image/png") + part(
        "f", b"second", filename="2") + b"--B--\r\nepilogue"
    r = post(s, "/files", body, "multipart/form-data; boundary=B")
    assert r.status == 200
    f = json.loads(r.text)
    assert (f["f"], f["n"], f["t"], f["s"], f["all"]) == ('a "q" b.bin', "f", "image/png",
                                                         size, 2)
    # The files go with the request.
    end = time.monotonic() + 5
    while os.path.exists(f["p"]) and time.monotonic() < end:
        time.sleep(0.01)
    assert not glob.glob(os.path.dirname(f["p"]) + "/upload-*")


def threads(s):
    return sum(len(os.listdir("/proc/%d/task" % pid)) for pid in s.workers())


def test_long_forms_are_read_on_a_thread(app):
    s = app(ALL + """client_max_body_size 4m;
    route POST /none { text {{ json|default("") }}; }
    route POST /path { json [files.f.size, form.x, files.f.path]; }""")
    kind = "multipart/form-data; boundary=B"
    short = part("x", b"1") + part("f", b"y" * 100, filename="f") + b"--B--\r\n"
    long = part("x", b"1") + part("f", b"y" * 1000000, filename="f") + b"--B--\r\n"
    before = threads(s)
    assert json.loads(post(s, "/path", short, kind).text)[:2] == [100, "1"]
    assert post(s, "/none", long, kind).status == 400       # it is no form there
    assert threads(s) == before
    size, x, path = json.loads(post(s, "/path", long, kind).text)
    assert (size, x) == (1000000, "1")
    assert threads(s) > before
    # What is broken in it is said where it is asked for, and leaves nothing.
    r = post(s, "/path", long[:-8] + b"oops", kind)
    assert r.status == 400 and "the multipart form does not end" in r.text
    assert not glob.glob(os.path.dirname(path) + "/upload-*")


def gz(data):
    return gzip.compress(data, 6)


def raw_deflate(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


CODINGS = {"gzip": gz, "x-gzip": gz, "GZip": gz, "deflate": zlib.compress, " deflate ": raw_deflate,
           "identity, gzip": gz, "deflate, gzip": lambda d: gz(zlib.compress(d)),
           "members": lambda d: gz(d[:3]) + gz(d[3:])}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [1, 30000, 900000])
def test_encoded_bodies_are_decoded(app, coding, size):
    """For every reader of a body, in memory or in a file, by the loop or by a thread."""
    s = app(ALL + "client_max_body_size 4m;")
    text = "".join(random.Random(size).choices("abcdefghij ", k=size)).strip() + "x"
    header = "Content-Encoding: " + (coding if coding != "members" else "gzip")
    multi = part("t", text.encode()) + part("f", text.encode(), filename="f") + b"--B--\r\n"

    def ask(target, kind, body):
        r = post(s, target, CODINGS[coding](body), kind, header)
        assert r.status == 200, r.text
        return json.loads(r.text)
    assert ask("/json", "application/json", json.dumps([text]).encode()) == [text]
    form = ask("/form", FORM, ("t=" + text.replace(" ", "+")).encode())
    assert form == {"form": {"t": text}, "tags": [text], "n": 0}
    form = ask("/form", "multipart/form-data; boundary=B", multi)
    assert form == {"form": {"t": text}, "tags": [text], "n": 1}
    assert ask("/body", "text/plain", text.encode()) == [text, "POST"]
    wait_until(lambda: not glob.glob(s.path("client_body_temp/*")), 10)


def test_encoded_bodies_in_chunks(app):
    s = app(ALL)
    body = gz(b'{"a": "' + b"y" * 50000 + b'"}')
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:1], body[1:11], body[11:]))
    c = Connection(s.port())
    c.send(
        b"POST /json HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/json\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert json.loads(c.response().text) == {"a": "y" * 50000}


@pytest.mark.parametrize("target,kind", [
    ("/json", "application/json"), ("/form", FORM), ("/body", "text/plain"),
    ("/form", "multipart/form-data; boundary=B")])
def test_unknown_encodings_are_refused(app, target, kind):
    """As RFC 9110 §15.5.16 has it: the answer says what would be taken."""
    s = app(ALL)
    for encoding in ("br", "zstd", "gzip, br", "compress", "gzip, gzip, gzip"):
        r = post(s, target, b"{}", kind, "Content-Encoding: " + encoding)
        assert r.status == 415 and encoding in r.text
        assert r.get("Accept-Encoding") == "gzip, deflate"
    r = post(s, target, b"{}", kind.replace("form-data", "other"), "Content-Encoding: Identity")
    assert r.get("Accept-Encoding") is None     # that was something else, if anything


@pytest.mark.parametrize("body,message", [
    (b"{}", "incorrect header check"), (gz(b"{}")[:-9], "does not end"), (gz(b"{}")[:-1], "does not end"),
    (b"\x1f", "does not end"), (gz(b"{}")[:-8] + b"\0" * 8, "incorrect data check"), (gz(b"{}") + b"!", "behind its end"),
    (gz(b"{}") + b"\x1f", "does not end"), (gz(b"{}")[:10] + b"\xff" * 20, "invalid block type"),
    (gz(random.Random(1).randbytes(60000))[:-50], "does not end"), (gz(bytes(range(256)) * 400)[:200] + b"\xff" * 2000, "")],
    ids=range(10))
def test_broken_encodings(app, body, message):
    s = app(ALL)
    r = post(s, "/json", body, "application/json", "Content-Encoding: gzip")
    assert r.status == 400
    error = json.loads(r.text)["error"]
    assert error.startswith("the body's gzip is broken: ") and message in error
    assert post(s, "/form", body, FORM, "Content-Encoding: gzip").status == 400
    if len(body) < 100:
        assert post(s, "/json", body, "application/json", "Content-Encoding: deflate").status == 400


@pytest.mark.plain("slow: about the decoder")
def test_the_decoded_size_is_limited(app):
    """A bomb is not unpacked: neither one that is a kilobyte nor one within another."""
    s = app(ALL + "client_max_body_size 1m; client_body_buffer_size 8k; "
            "route POST /big { client_max_body_size 3m; text {{ request.body|length }}; }")
    assert post(s, "/big", gz(b" " * (3 << 20)), "text/plain", "Content-Encoding: gzip").text == str(3 << 20)
    assert post(s, "/big", gz(b" " * (3 << 20) + b" "), "text/plain", "Content-Encoding: gzip").status == 413
    bomb = gz(b"[" + b" " * (64 << 20) + b"]")
    twice = gz(gz(b"[" + b" " * (512 << 20) + b"]"))
    assert len(bomb) < 100000 and len(twice) < 10000
    for body, coding in ((bomb, "gzip"), (twice, "gzip, gzip"), (zlib.compress(b" " * (1 << 20)) , "deflate")):
        before = s.resident()
        if coding == "deflate":
            r = post(s, "/body", body, "text/plain", "Content-Encoding: " + coding)
            assert r.status == 200              # exactly as much as may be
            r = post(s, "/body", zlib.compress(b" " * ((1 << 20) + 1)), "text/plain", "Content-Encoding: deflate")
        else:
            r = post(s, "/json", body, "application/json", "Content-Encoding: " + coding)
        assert r.status == 413 and "too large when it is decoded" in r.text
        assert s.resident() - before < 8 << 20
    for target, kind in (("/form", FORM), ("/form", "multipart/form-data; boundary=B"), ("/body", "text/plain")):
        assert post(s, target, bomb, kind, "Content-Encoding: gzip").status == 413
    wait_until(lambda: not glob.glob(s.path("client_body_temp/*")), 10)


def test_a_proxied_body_stays_encoded(app, server):
    """Also where a step before has read it."""
    echo = server("server { listen 127.0.0.1:%%PORT%%; location / { client_body_in_single_buffer on; "
                  "proxy_pass http://127.0.0.1:%%PORT2%%; } } server { listen 127.0.0.1:%%PORT2%%; "
                  "route POST / { json [headers['content-encoding']|default('none'), headers['content-length'], "
                  "json|default('') if 'content-encoding' in headers else '']; } }", main=MODULES)
    s = app("location /plain { proxy_pass %s/; } route POST /read { require json.a == 1 else 400; "
            "proxy_pass %s/; }" % (echo.url, echo.url))
    body = gz(b'{"a": 1}')
    for target in ("/plain", "/read"):
        r = post(s, target, body, "application/json", "Content-Encoding: gzip")
        assert json.loads(r.text) == ["gzip", str(len(body)), {"a": 1}]
    assert post(s, "/read", gz(b'{"a": 2}'), "application/json", "Content-Encoding: gzip").status == 400
    r = post(s, "/plain", b"xx", "application/json", "Content-Encoding: br")
    assert r.status == 415      # the application behind says so


def test_a_small_upload_has_a_file_only_when_asked(app):
    s = app("""upload_buffer_size 100;
    route POST /t { set t = files.f.text; fetch a = http://127.0.0.1:%%PORT%%/ls/; json [t, a.text]; }
    route POST /all { json files.f; }
    location /ls/ { alias %%PREFIX%%/client_body_temp/; autoindex on; }""")
    for size, there in ((50, False), (500, True)):
        body = part("f", b"x" * size, filename="f") + b"--B--\r\n"
        text, listing = json.loads(post(s, "/t", body, "multipart/form-data; boundary=B").text)
        assert text == "x" * size
        assert ("upload-" in listing) == there
    f = json.loads(post(s, "/all", body, "multipart/form-data; boundary=B").text)
    assert sorted(f) == ["content_type", "filename", "name", "path", "size"]


def test_an_upload_is_there_while_the_request_is(app):
    s = app(ALL + """route POST /read { set p = files.f.path; fetch a = http://127.0.0.1:%%PORT%%/get {
        header X-Path {{ p }}; } text {{ a.text }}; }
        location = /get { alias $http_x_path; default_type text/plain; }""")
    body = part("f", b"what is in it", filename="f") + b"--B--\r\n"
    r = post(s, "/read", body, "multipart/form-data; boundary=B")
    assert r.text == "what is in it"


@pytest.mark.parametrize("kind,body", [
    ("multipart/form-data", b""), ("multipart/form-data; boundary=", b"--\r\n"),
    ("multipart/form-data; boundary=" + "x" * 80, b"x"), ("multipart/form-data; boundary=B", b"x"),
    ("multipart/form-data; boundary=B", b"--B\r\n\r\nx\r\n--B--"),
    ("multipart/form-data; boundary=B", b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--"),
    ("multipart/form-data; boundary=B", b"--Bx\r\n"),
    ("multipart/form-data; boundary=B", part("a", b"1")),
    ("multipart/form-data; boundary=B", part("a", b"1") + b"--B"),
    ("multipart/form-data; boundary=B", b"--B\r\nX: " + b"y" * 9000 + b"\r\n\r\nx\r\n--B--"),
])
def test_broken_multipart(app, kind, body):
    s = app(ALL)
    r = post(s, "/form", body, kind)
    assert r.status == 400 and "multipart" in json.loads(r.text)["error"]


def test_what_no_view_can_use(app):
    s = app(ALL)
    assert post(s, "/form", "x", "text/plain").status == 415
    assert post(s, "/form", "x", "application/json").status == 415
    assert post(s, "/json", "7", "text/plain").text == "7"      # it is JSON all the same
    assert s.get("/form", method="POST", body="").status == 200


def test_the_raw_body(app):
    s = app(ALL)
    assert json.loads(post(s, "/body", "é\x00x").text) == ["é\x00x", "POST"]
    assert json.loads(post(s, "/body", b"\xff").text)[0] == "\ufffd"
    assert json.loads(post(s, "/body", "y" * 100000).text)[0] == "y" * 100000


def test_mutated_multipart(app):
    """Broken forms are refused or read; nothing else."""
    s = app(ALL)
    good = part("a", b"1") + part("f", b"x" * 50, filename="n", kind="a/b") + b"--B--\r\n"
    rnd = random.Random(3)
    with s.connect() as c:
        for _ in range(300):
            body = bytearray(good)
            for _ in range(rnd.randrange(1, 6)):
                at = rnd.randrange(len(body))
                what = rnd.random()
                if what < 0.4:
                    body[at] = rnd.choice(b'\r\n-B";=:\0\xff')
                elif what < 0.7:
                    del body[at:at + rnd.randrange(1, 9)]
                else:
                    body[at:at] = bytes(body[at:at + rnd.randrange(1, 30)])
            c.send(b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
                   b"boundary=B\r\nContent-Length: %d\r\n\r\n" % len(body) + bytes(body))
            assert c.response().status in (200, 400, 415)
