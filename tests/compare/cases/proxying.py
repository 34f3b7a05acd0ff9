"""proxy_pass and upstream: what goes up, what comes back, what goes wrong."""

from harness.upstream import CLOSE, HANG, READ, RESET, reply

from ..dsl import SHUT, get, gets, group, head, post, raw

V11 = 'proxy_http_version 1.1; proxy_set_header Connection "";'

group("proxy-uri", server=V11 + """
location /a/ { proxy_pass http://127.0.0.1:%%U%%; }
location /b/ { proxy_pass http://127.0.0.1:%%U%%/; }
location /c/ { proxy_pass http://127.0.0.1:%%U%%/x/y/; }
location /d { proxy_pass http://127.0.0.1:%%U%%/x; }
location /e/ { proxy_pass http://127.0.0.1:%%U%%/x?a=b; }
location = /f { proxy_pass http://127.0.0.1:%%U%%/exact; }
location ~ ^/g/(.*) { proxy_pass http://127.0.0.1:%%U%%; }
location ~ ^/h/(.*) { proxy_pass http://127.0.0.1:%%U%%/re/$1; }
location /i/ { proxy_pass http://127.0.0.1:%%U%%$request_uri; }
location /j/ { proxy_pass http://127.0.0.1:%%U%%$uri; }
location /k/ { proxy_pass http://$arg_host:%%U%%; }
location /l/ { set $b 127.0.0.1:%%U%%; proxy_pass http://$b; }
location /m/ { set $b 127.0.0.1:%%U%%; proxy_pass http://$b/fixed; }
location /n/ { set $b 127.0.0.1:%%U%%; proxy_pass http://$b$uri$is_args$args; }
location /o/ { proxy_pass http://u; }
location /p/ { proxy_pass http://u/po/; }
location /q/ { set $u u; proxy_pass http://$u; }
location /r/ { proxy_pass HTTP://127.0.0.1:%%U%%/; }
location /s/ { proxy_pass http://127.0.0.1:%%U%%/#frag; }
location /t/ { proxy_pass http://127.0.0.1:%%U%%/t%20t/; }
location /named { try_files /none @px; }
location @px { proxy_pass http://127.0.0.1:%%U%%; }
location /nest/ { location /nest/in/ { proxy_pass http://127.0.0.1:%%U%%/z/; } }
location "/sp ace/" { proxy_pass http://127.0.0.1:%%U%%/w/; }
""", http="upstream u { server 127.0.0.1:%%U%%; }", upstreams={"U": {}},
      requests=[get("/%s/%s" % (l, p)) for l in "abceghijlmnopqrst" for p in
                ("", "x?y=z", "a%20b", "a%2Fb", "a/../b", "%e4%c3%a4?q=%20")]
      + gets("/d", "/dx", "/d/x", "/d?x", "/f", "/f?x", "/k/x?host=127.0.0.1",
             "/k/x?host=", "/named/x%20y?z", "/nest/in/x", "/sp%20ace/x%20y",
             "/a//b", "/b//b", "/b/a%3fb", "/b/a%25b", "/b/a%23b", "/b/a+b;c",
             "/a/%2e%2e/x", "/b/%5bx%5d", "/b/\"x\"", "/a/\"x\"", "/b/x%00y",
             "/b/x%0ay", "/b/%7f", "/a?", "/b/?", "/a/x?", "/b/x?"))

group("proxy-headers-out", server="""
location / { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ }
location /default { proxy_pass http://127.0.0.1:%%U%%; }
location /name { proxy_pass http://up.name; """ + V11 + """ }
location /set { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Empty ""; proxy_set_header X-Var $arg_v; proxy_set_header Accept-Encoding ""; proxy_set_header X-Two 1; proxy_set_header X-Two 2; }
location /method { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_method POST; }
location /body { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_set_body "b=$arg_v"; }
location /nobody { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location /nohdr { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_pass_request_headers off; }
location /inh { proxy_set_header A a; """ + V11 + """ location /inh/x { proxy_pass http://127.0.0.1:%%U%%; } location /inh/y { proxy_set_header B b; proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%U%%; } }
location /unbuf { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_request_buffering off; }
location /rng { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_force_ranges on; }
location /hostvar { proxy_pass http://127.0.0.1:%%U%%; proxy_http_version 1.1; proxy_set_header Connection $http_x_conn; proxy_set_header Host "$http_x_host"; }
""", http="upstream up.name { server 127.0.0.1:%%U%%; }", upstreams={"U": {}},
      requests=[get("/" + p, *h) for p in ("", "default", "name", "set", "nohdr",
                                           "inh/x", "inh/y") for h in (
          (), ("X-A: 1", "X-a: 2"), ("Connection: x-hop", "X-Hop: 1"),
          ("Keep-Alive: 5", "TE: trailers", "Trailer: x", "Upgrade: h2c",
           "Proxy-Authorization: x", "Proxy-Connection: keep-alive"),
          ("X-Forwarded-For: 9.9.9.9", "Accept-Encoding: gzip"),
          ("Cookie: a=b", "Cookie: c=d", "X_Under: x"),
          ("Range: bytes=0-1", "If-Modified-Since: x", "If-None-Match: y",
           "If-Range: z", "If-Match: q"), ("X-Empty:", "X-Empty2: "))]
      + gets("/method", "/body?v=1", "/set?v=1", "/nobody", "/rng", "/hostvar")
      + [post("/", "hello"), post("/default", "hello"), post("/body?v=1", "hi"),
         post("/nobody", "hello"), post("/nohdr", "hello"), head("/"),
         post("/unbuf", "hello"), post("/unbuf", "x" * 50000,
                                       id="unbuffered 50000"),
         raw("POST /unbuf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
             "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
         raw("POST /unbuf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
             "\r\n\r\n5\r\nhello\r\n", 0.05, "3\r\nabc\r\n0\r\n\r\n"),
         raw("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
             "\r\nX: y\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"),
         raw("GET / HTTP/1.0\r\n\r\n"), raw("GET /set HTTP/1.0\r\n\r\n"),
         raw("GET http://abs.host/x HTTP/1.1\r\nHost: a\r\n\r\n"),
         get("/hostvar", "X-Host: my.host", "X-Conn: close"),
         get("/", method="DELETE"), get("/", method="OPTIONS"),
         get("/", method="FOO"), get("/", method="PUT", body="x"),
         get("/", method="PATCH", body="x"), get("/", method="PROPFIND"),
         get("/", "Content-Type: a/b", "Content-Length: 0"),
         get("/", host="UPPER.case:99"), get("/set", host="UPPER.case:99")])

H = b"HTTP/1.1 200 OK\r\n"
# No reply without a status line here: nginx passes it on bare (HTTP/0.9), weir
# must not (tests/server/test_upstream_hostile.py).
REPLIES = {
    "length": H + b"Content-Length: 5\r\n\r\nhello",
    "zero": H + b"Content-Length: 0\r\n\r\n",
    "chunked": H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunked-two": [H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0.03,
                    b"6\r\n world\r\n0\r\n\r\n"],
    "chunked-ext": H + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;x"
                       b"\r\n\r\n",
    "chunked-trailer": H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0"
                           b"\r\nX-T: 1\r\n\r\n",
    "chunked-upper": H + b"Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0"
                         b"\r\n\r\n",
    "chunked-bad": H + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    "chunked-cut": [H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 0.02, CLOSE],
    "chunked-cut2": [H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0.02,
                     CLOSE],
    "chunked-empty": H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-lf": H + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "close": [H + b"\r\nhello", CLOSE],
    "close-two": [H + b"\r\nhello", 0.03, b" world", CLOSE],
    "close-empty": [H + b"\r\n", CLOSE],
    "http10": [b"HTTP/1.0 200 OK\r\n\r\nhello", CLOSE],
    "http10-length": [b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", CLOSE],
    "http10-chunked": [b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5"
                       b"\r\nhello\r\n0\r\n\r\n", CLOSE],
    "short": [H + b"Content-Length: 10\r\n\r\nhello", 0.03, CLOSE],
    "long": [H + b"Content-Length: 3\r\n\r\nhello", CLOSE],
    "both": H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
                b"hello\r\n0\r\n\r\n",
    "both2": H + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\n"
                 b"hello\r\n0\r\n\r\n",
    "two-lengths": H + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "two-lengths-differ": H + b"Content-Length: 5\r\nContent-Length: 3\r\n\r\n"
                              b"hello",
    "bad-length": [H + b"Content-Length: x\r\n\r\nhello", CLOSE],
    "negative-length": [H + b"Content-Length: -5\r\n\r\nhello", CLOSE],
    "te-unknown": [H + b"Transfer-Encoding: gzip\r\n\r\nhello", CLOSE],
    "te-two": [H + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n"
                   b"\r\n", CLOSE],
    "lf": b"HTTP/1.1 200 OK\nContent-Length: 5\nX-A: b\n\nhello",
    "no-reason": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "reason": b"HTTP/1.1 200 All is well here\r\nContent-Length: 5\r\n\r\nhello",
    "reason-8bit": b"HTTP/1.1 200 \xe4\xf6\r\nContent-Length: 5\r\n\r\nhello",
    "reason-404": b"HTTP/1.1 404 Gone Away\r\nContent-Length: 5\r\n\r\nhello",
    "status-299": b"HTTP/1.1 299 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status-599": b"HTTP/1.1 599 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status-999": b"HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status-099": b"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status-20": b"HTTP/1.1 20 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status-2000": b"HTTP/1.1 2000 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status-x": b"HTTP/1.1 2x0 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "http2": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "http12": b"HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "204-length": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    "204-body": [b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
                 CLOSE],
    "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    "304-length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "206": b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\n"
           b"Content-Length: 5\r\n\r\nhello",
    "301": b"HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
    "401": b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\n"
           b"Content-Length: 2\r\n\r\nno",
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n" + H + b"Content-Length: 5\r\n\r\n"
           b"hello",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + H
           + b"Content-Length: 5\r\n\r\nhello",
    "headers": H + b"Content-Length: 5\r\nServer: up/1\r\nDate: Thu, 01 Jan 1970 "
                   b"00:00:00 GMT\r\nX-Pad: p\r\nX-Accel-Foo: y\r\nX-A: 1\r\n"
                   b"x-a: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nVia: v\r\n"
                   b"Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                   b"Content-Type: text/x\r\nContent-Encoding: foo\r\n"
                   b"Status: 201\r\nX-Empty:\r\nX_Under: 1\r\nVary: a\r\n"
                   b"Vary: b\r\nCache-Control: no-cache\r\nCache-Control: x\r\n"
                   b"Content-Language: de\r\nContent-Location: /x\r\n"
                   b"Accept-Ranges: bytes\r\nETag: \"e\"\r\nLast-Modified: Thu, "
                   b"01 Jan 1970 00:00:00 GMT\r\nExpires: 0\r\nPragma: p\r\n"
                   b"Refresh: 5; url=/x\r\nX-Powered-By: x\r\nTrailer: X-T\r\n"
                   b"Upgrade: foo\r\nProxy-Authenticate: x\r\nAge: 5\r\n\r\nhello",
    "bad-header": H + b"Content-Length: 5\r\nbad header\r\nX-A: 1\r\n\r\nhello",
    "header-space": H + b"Content-Length: 5\r\nX-A : 1\r\n\r\nhello",
    "header-fold": H + b"Content-Length: 5\r\nX-A: 1\r\n two\r\n\r\nhello",
    "header-nul": H + b"Content-Length: 5\r\nX-A: 1\x002\r\n\r\nhello",
    "header-8bit": H + b"Content-Length: 5\r\nX-A: \xe4\r\n\r\nhello",
    "header-cr": H + b"Content-Length: 5\r\nX-A: 1\r2\r\n\r\nhello",
    "header-big": H + b"Content-Length: 5\r\nX-A: " + b"a" * 3000 + b"\r\n\r\n"
                  b"hello",
    "header-too-big": H + b"Content-Length: 5\r\nX-A: " + b"a" * 9000 + b"\r\n"
                      b"\r\nhello",
    "header-many": H + b"".join(b"X-%d: v\r\n" % i for i in range(100))
                   + b"Content-Length: 5\r\n\r\nhello",
    "slow-header": [b"HT", 0.02, b"TP/1.1 2", 0.02, b"00 OK\r", 0.02, b"\nCont",
                    0.02, b"ent-Length: 5\r\n\r", 0.02, b"\nhel", 0.02, b"lo"],
    "nothing": [CLOSE], "reset": [RESET], "half-header": [H + b"X-A", CLOSE],
    "half-line": [b"HTTP/1.1 20", CLOSE],
    "reset-body": [H + b"Content-Length: 10\r\n\r\nhello", 0.03, RESET],
    "hang": [HANG], "hang-body": [H + b"Content-Length: 10\r\n\r\nhello", HANG],
    "hang-header": [H + b"X-A: b\r\n", HANG],
    "big": H + b"Content-Length: 200000\r\n\r\n" + b"0123456789" * 20000,
    "big-chunked": H + b"Transfer-Encoding: chunked\r\n\r\n30d40\r\n"
                   + b"0123456789" * 20000 + b"\r\n0\r\n\r\n",
    "no-ct": H + b"Content-Length: 5\r\n\r\nhello",
    "close-header": [H + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello",
                     CLOSE],
    "early": [H + b"Content-Length: 5\r\n\r\nearly", CLOSE],
    "redirect-abs": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\n"
                    b"Content-Length: 0\r\n\r\n",
    "range": H + b"Content-Length: 10\r\nAccept-Ranges: bytes\r\n\r\n0123456789",
    "accel": H + b"Content-Length: 5\r\nX-Accel-Redirect: /internal/a.txt\r\n"
                 b"X-Keep: up\r\nContent-Type: up/type\r\nSet-Cookie: s=1\r\n"
                 b"Cache-Control: private\r\nETag: \"up\"\r\n\r\nhello",
    "accel-args": H + b"Content-Length: 0\r\nX-Accel-Redirect: /show?a=b\r\n\r\n",
    "accel-named": H + b"Content-Length: 0\r\nX-Accel-Redirect: @named\r\n\r\n",
    "accel-none": H + b"Content-Length: 0\r\nX-Accel-Redirect: /internal/none"
                      b"\r\n\r\n",
    "accel-enc": H + b"Content-Length: 0\r\nX-Accel-Redirect: /internal/a%20b"
                     b".txt\r\n\r\n",
    "accel-dots": H + b"Content-Length: 0\r\nX-Accel-Redirect: /internal/../x"
                      b"\r\n\r\n",
    "accel-404": b"HTTP/1.1 404 NF\r\nContent-Length: 0\r\nX-Accel-Redirect: "
                 b"/internal/a.txt\r\n\r\n",
    "accel-bufno": [H + b"X-Accel-Buffering: no\r\nContent-Length: 5\r\n\r\nhe",
                    0.02, b"llo"],
    "accel-charset": H + b"X-Accel-Charset: koi8-r\r\nContent-Type: text/html"
                         b"\r\nContent-Length: 5\r\n\r\nhello",
    "accel-expires": H + b"X-Accel-Expires: 5\r\nContent-Length: 5\r\n\r\nhello",
    "accel-rate": H + b"X-Accel-Limit-Rate: 100000\r\nContent-Length: 5\r\n\r\n"
                      b"hello",
}
BIG_NORM = [("(0123456789){100,}", lambda m: "0-9*%d" % (len(m.group(0)) // 10)),
            ("a{100,}", "AA")]


def routes(prefix):
    return {"/%s/%s" % (prefix, k): v for k, v in REPLIES.items()}


EVERY = {}
for p in ("r", "nb", "ic", "ig", "np"):
    EVERY.update(routes(p))

COMMON = """
default_type text/plain;
proxy_read_timeout 1s; proxy_next_upstream off;
location /r/ { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ }
location /nb/ { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_buffering off; }
location /ic/ { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_intercept_errors on; error_page 404 500 =200 /fine; }
location /ig/ { proxy_pass http://127.0.0.1:%%U%%; """ + V11 + """ proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset; proxy_hide_header X-A; proxy_pass_header Server; proxy_pass_header Date; proxy_pass_header X-Accel-Redirect; proxy_hide_header Set-Cookie; }
location /internal/ { internal; alias html/; }
location /fine { return 200 fine; }
location /show { return 200 "show $uri $args $upstream_http_x_accel_redirect\\n"; }
location @named { return 200 "named $uri\\n"; }
"""
FILES = {"html/a.txt": "internal a\n", "html/a b.txt": "internal a b\n"}

# What weir refuses or skips on purpose (allowed.txt says why): the log differs too.
STRICT = ("both", "both2", "two-lengths", "two-lengths-differ", "bad-length",
          "negative-length", "te-unknown", "te-two", "status-099", "status-20",
          "status-2000", "status-x", "100", "103", "accel-charset")
# How a body is read is not what the log line is about.
READ_NORM = [(r"\breadv\(\)", "recv()"),
             ("while reading (upstream|response header from upstream)", "while X")]
group("proxy-replies", server=COMMON, files=FILES, upstreams={"U": EVERY},
      norm=BIG_NORM + READ_NORM, errors="warn", requests=gets(
          *["/r/" + k for k in REPLIES if k not in STRICT]))
group("proxy-replies-unbuffered", server=COMMON, files=FILES,
      upstreams={"U": EVERY}, norm=BIG_NORM + READ_NORM, errors="warn",
      requests=gets(*["/nb/" + k for k in REPLIES if k not in STRICT]))
group("proxy-replies-strict", server=COMMON, files=FILES, upstreams={"U": EVERY},
      norm=BIG_NORM, requests=gets(
          *["/%s/%s" % (p, k) for p in ("r", "nb") for k in STRICT]))
group("proxy-replies-10", server=COMMON, files=FILES, upstreams={"U": EVERY},
      norm=BIG_NORM, requests=[get("/r/" + k, version="1.0") for k in (
          "length", "chunked", "chunked-two", "close", "zero", "204", "304",
          "chunked-cut", "short", "http10", "chunked-trailer")])
group("proxy-replies-head", server=COMMON, files=FILES, upstreams={"U": {
    k: (v[0] if isinstance(v, list) else v).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    for k, v in EVERY.items() if b"\r\n\r\n" in (
        v[0] if isinstance(v, list) and v[0] not in (CLOSE, RESET, HANG)
        and isinstance(v[0], bytes) else v if isinstance(v, bytes) else b"")}},
      requests=[head("/%s/%s" % (p, k)) for p in ("r", "nb") for k in (
          "length", "zero", "chunked", "204", "304", "301", "500", "headers",
          "206", "reason-404")])
group("proxy-intercept", server=COMMON, files=FILES, upstreams={"U": EVERY},
      requests=gets(*["/ic/" + k for k in ("length", "500", "reason-404", "301",
                                           "401", "304", "nothing", "204")]))
group("proxy-ignore-hide", server=COMMON, files=FILES, upstreams={"U": EVERY},
      requests=gets(*["/ig/" + k for k in REPLIES if k.startswith("accel")
                      or k in ("headers", "length")]))
group("proxy-conditional", server=COMMON, files=FILES, upstreams={"U": EVERY},
      requests=[get("/r/" + k, h) for k in ("length", "range", "headers",
                                            "chunked", "206", "accel") for h in (
          "Range: bytes=0-1", "If-None-Match: \"e\"", "If-None-Match: *",
          "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
          "If-Match: \"zz\"", "Range: bytes=100-")])

group("proxy-reuse", server="""
location /k { proxy_pass http://keep; """ + V11 + """ }
location /c { proxy_pass http://127.0.0.1:%%U%%; }
""", http="upstream keep { server 127.0.0.1:%%U%%; keepalive 4; }",
      upstreams={"U": {"/k/close": [H + b"Content-Length: 2\r\nConnection: close"
                                    b"\r\n\r\nok", CLOSE],
                       "/k/drop": [H + b"Content-Length: 2\r\n\r\nok", CLOSE],
                       "/k/eof": [H + b"\r\nok", CLOSE]}}, requests=[
    raw("".join("GET /k/%s HTTP/1.1\r\nHost: a\r\n\r\n" % p for p in (
        "1", "2", "close", "3", "drop", "4", "eof", "5")), n=8),
    post("/k/post", "hello"), head("/k/head"), get("/k/after")])

group("proxy-redirect", server="""
proxy_http_version 1.1;
location /d/ { proxy_pass http://127.0.0.1:%%U%%/up/; }
location /off/ { proxy_redirect off; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /one/ { proxy_redirect http://x/ /y/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /two/ { proxy_redirect http://x/ /y/; proxy_redirect / http://z/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /def/ { proxy_pass http://127.0.0.1:%%U%%/up/; proxy_redirect default; proxy_redirect http://x/ http://$host/q/; }
location /re/ { proxy_redirect ~^http://([^/]+)/(.*)$ /$1/$2; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /rei/ { proxy_redirect ~*^HTTP://(?<h>x)/ /[$h]/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /var/ { proxy_redirect http://$arg_h/ /v/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /nouri/ { proxy_pass http://127.0.0.1:%%U%%; }
location /rf/ { proxy_redirect / /r/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /ck/ { proxy_cookie_domain x.com y.com; proxy_cookie_path /up/ /down/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /ckr/ { proxy_cookie_domain ~\\.?x\\.(\\w+)$ z.$1; proxy_cookie_path ~*^/(\\w+)/ /[$1]/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /ckoff/ { proxy_cookie_domain off; proxy_cookie_path off; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /flag/ { proxy_cookie_flags ~ secure httponly samesite=strict; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /flag2/ { proxy_cookie_flags a nosecure nohttponly nosamesite; proxy_cookie_flags b secure; proxy_pass http://127.0.0.1:%%U%%/up/; }
""", upstreams={"U": dict({
    "/up/%d" % i: b"HTTP/1.1 302 F\r\nLocation: " + u + b"\r\nContent-Length: 0"
                  b"\r\n\r\n" for i, u in enumerate((
        b"http://x/a", b"/a", b"http://x/", b"http://other/a", b"a",
        b"HTTP://X/a", b"/up/a", b"", b"http://127.0.0.1/up/b"))}, **{
    "/up/self": lambda r: b"HTTP/1.1 301 M\r\nLocation: http://%s/up/q?z\r\n"
                          b"Content-Length: 0\r\n\r\n" % r.get("host").encode(),
    "/nouri/self": lambda r: b"HTTP/1.1 301 M\r\nLocation: http://%s/q\r\nContent-"
                             b"Length: 0\r\n\r\n" % r.get("host").encode(),
    "/up/refresh": H + b"Refresh: 5; url=http://x/a\r\nContent-Length: 0\r\n\r\n",
    "/up/201": b"HTTP/1.1 201 C\r\nLocation: http://x/a\r\nContent-Length: 0\r\n"
               b"\r\n",
    "/up/c": H + b"Content-Length: 0\r\nSet-Cookie: a=1; Domain=x.com; Path=/up/z;"
             b" Secure; HttpOnly; SameSite=Lax\r\nSet-Cookie: b=2; path=/other; "
             b"domain=.x.com\r\nSet-Cookie: c=3\r\nSet-Cookie: d=4;Path=/up/\r\n"
             b"\r\n"})}, requests=[get("/%s/%s?h=x" % (l, i)) for l in (
                 "d", "off", "one", "two", "def", "re", "rei", "var", "rf")
                 for i in list(range(9)) + ["self", "refresh", "201"]]
      + gets("/nouri/self", "/ck/c", "/ckr/c", "/ckoff/c", "/flag/c", "/flag2/c"))

NAME = lambda n: (lambda r: reply(n + "\n"))                       # noqa: E731
UPS = {n: {"/%s" % p: NAME(n) for p in ("x", "w", "b", "d", "h", "lc", "bk",
                                        "hc", "dn", "wt", "ip")}
       for n in ("A", "B", "C")}
for n, reply_of in (("A", b"HTTP/1.1 500 E\r\nContent-Length: 2\r\n\r\nA\n"),
                    ("B", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nB\n"),
                    ("C", b"HTTP/1.1 503 E\r\nContent-Length: 2\r\n\r\nC\n")):
    for path in ("/off", "/http500", "/http404", "/http503", "/default", "/post",
                 "/nonidem", "/tries", "/intercept", "/all5"):
        UPS[n][path] = reply_of
UPS["A"]["/close"] = [CLOSE]
UPS["B"]["/close"] = NAME("B")
UPS["A"]["/closeoff"] = [CLOSE]
UPS["A"]["/closepost"] = [CLOSE]
UPS["B"]["/closepost"] = NAME("B")
UPS["A"]["/bad"] = [H + b"X: a\x00b\r\n\r\n", CLOSE]
UPS["B"]["/bad"] = NAME("B")
UPS["A"]["/hang"] = [HANG]
UPS["B"]["/hang"] = NAME("B")
UPS["A"]["/cut"] = [H + b"Content-Length: 10\r\n\r\nhello", CLOSE]
UPS["B"]["/cut"] = NAME("B")

BALANCE_NORM = [(r"127\.0\.0\.1:\d+(?=[,\s\"/])", "ADDR"), (r"0\.\d{3}", "T")]

group("upstream-balance", http="""
upstream rr { server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%%; }
upstream w { server 127.0.0.1:%%A%% weight=5; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%% weight=2; }
upstream bk { server 127.0.0.1:%%A%% backup; server 127.0.0.1:%%B%%; }
upstream bk2 { server 127.0.0.1:%%A%% backup; server 127.0.0.1:%%DEAD%%; }
upstream dn { server 127.0.0.1:%%A%% down; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%%; }
upstream dnall { server 127.0.0.1:%%A%% down; server 127.0.0.1:%%B%% down; }
upstream ih { ip_hash; server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%% weight=2; server 127.0.0.1:%%C%%; }
upstream lc { least_conn; server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%% weight=2; }
upstream one { server 127.0.0.1:%%DEAD%%; }
upstream mf { server 127.0.0.1:%%DEAD%% max_fails=1 fail_timeout=10s; server 127.0.0.1:%%B%%; }
upstream mf2 { server 127.0.0.1:%%DEAD%% max_fails=2; server 127.0.0.1:%%B%%; }
upstream mc { server 127.0.0.1:%%A%% max_conns=1; server 127.0.0.1:%%B%%; }
upstream rz { zone z 64k; server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%; }
""", server="".join("location /%s/ { proxy_pass http://%s/; add_header X-U "
                    "\"$upstream_addr $upstream_status\"; }\n" % (u, u)
                    for u in ("rr", "w", "bk", "bk2", "dn", "dnall", "ih", "lc", "one", "mf", "mf2", "mc", "rz")),
      upstreams=UPS, errors="warn", norm=BALANCE_NORM, requests=[
    get("/%s/x" % u, id="%s %d" % (u, i)) for u, n in (
        ("rr", 7), ("w", 16), ("bk", 3), ("bk2", 3), ("dn", 5), ("dnall", 2),
        ("ih", 3), ("lc", 6), ("one", 2), ("mf", 4), ("mf2", 6), ("mc", 3),
        ("rz", 4)) for i in range(n)
])

group("upstream-hash", http="""
upstream hs { hash $arg_k; server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%%; }
upstream hw { hash $arg_k; server 127.0.0.1:%%A%% weight=3; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%% down; }
""", server="".join("location /%s/ { proxy_pass http://%s/; }\n" % (u, u)
                          for u in ("hs", "hw")),
      upstreams=UPS, requests=[
    get("/%s/x?k=%s" % (u, k)) for u in ("hs", "hw")
    for k in ("", "a", "b", "c", "d", "e", "hello", "x1", "x2", "x3")])

group("upstream-consistent", http="""
upstream hc { hash $arg_k consistent; server 127.0.0.1:11; server 127.0.0.1:12; server 127.0.0.1:13 weight=2; }
""", server="""
proxy_connect_timeout 50ms; proxy_next_upstream off;
location / { proxy_pass http://hc; add_header X-U $upstream_addr always; }
""", requests=[get("/?k=" + k) for k in ("a", "b", "c", "d", "e", "f", "g", "h",
                                         "hello", "world", "", "1", "2", "3",
                                         "user1", "user2")])

group("next-upstream", http="".join(
    "upstream %s { server 127.0.0.1:%%%%A%%%% max_fails=0; server 127.0.0.1:%%%%"
    "B%%%% backup; }\n" % u for u in ("ab",))
    + "upstream ac { server 127.0.0.1:%%A%% max_fails=0; server "
      "127.0.0.1:%%C%% backup; }\n"
      "upstream acb { server 127.0.0.1:%%A%% max_fails=0; server "
      "127.0.0.1:%%C%% max_fails=0; server 127.0.0.1:%%B%% backup; }\n",
      server="""
proxy_read_timeout 100ms;
add_header X-U "$upstream_addr|$upstream_status|$upstream_bytes_received" always;
location /default { proxy_pass http://ab; }
location /off { proxy_next_upstream off; proxy_pass http://ab; }
location /http500 { proxy_next_upstream http_500; proxy_pass http://ab; }
location /http404 { proxy_next_upstream http_404; proxy_pass http://ab; }
location /http503 { proxy_next_upstream http_503; proxy_pass http://ab; }
location /all5 { proxy_next_upstream http_500 http_503; proxy_pass http://ac; }
location /post { proxy_next_upstream http_500; proxy_pass http://ab; }
location /nonidem { proxy_next_upstream http_500 non_idempotent; proxy_pass http://ab; }
location /tries { proxy_next_upstream http_500 http_503; proxy_next_upstream_tries 2; proxy_pass http://acb; }
location /close { proxy_pass http://ab; }
location /closeoff { proxy_next_upstream off; proxy_pass http://ab; }
location /closepost { proxy_pass http://ab; }
location /bad { proxy_next_upstream invalid_header; proxy_pass http://ab; }
location /hang { proxy_next_upstream timeout; proxy_pass http://ab; }
location /cut { proxy_pass http://ab; }
location /intercept { proxy_intercept_errors on; error_page 500 503 =200 /fine; proxy_next_upstream http_500 http_503; proxy_pass http://ac; }
location /fine { return 200 fine; }
""", upstreams=UPS, errors="warn", norm=BALANCE_NORM, requests=gets(
    "/default", "/off", "/http500", "/http404", "/http503", "/all5", "/post",
    "/tries", "/close", "/closeoff", "/bad", "/hang", "/cut", "/intercept") + [
    post("/post", "x"), post("/nonidem", "x"), post("/closepost", "x"),
    head("/http500"), get("/post", method="PUT", body="x")])

group("proxy-errors", http="upstream none { server 127.0.0.1:%%DEAD%%; server "
      "127.0.0.1:%%DEAD2%%; }", server="""
proxy_connect_timeout 300ms; proxy_read_timeout 100ms;
location /dead { proxy_pass http://127.0.0.1:%%DEAD%%; }
location /dead2 { proxy_pass http://none; }
location /dead3 { proxy_pass http://none; error_page 502 =200 /fine; }
location /hang { proxy_pass http://127.0.0.1:%%U%%; }
location /hange { proxy_pass http://127.0.0.1:%%U%%/hang; error_page 504 =200 /fine; }
location /fine { return 200 fine; }
location /sock { proxy_pass http://unix:%%PREFIX%%/none.sock; }
location /socku { proxy_pass http://unix:%%PREFIX%%/none.sock:/x/; }
location /var { proxy_pass http://$arg_h; }
location /none { set $x ""; proxy_pass http://$x; }
location /noport { proxy_pass http://127.0.0.1:$arg_p; }
location /scheme { proxy_pass $arg_s://127.0.0.1:%%U%%; }
""", upstreams={"U": {"/hang": [HANG]}}, errors="error", requests=gets(
    "/dead", "/dead2", "/dead2", "/dead3", "/hang", "/hange", "/sock", "/socku",
    "/none", "/var?h=nosuchhost.invalid", "/noport?p=99999", "/noport?p=x",
    "/scheme?s=http", "/scheme?s=ftp", "/scheme") + [
    post("/dead", "x"), post("/hang", "x"), head("/dead"),
    get("/dead", version="1.0")])

UP = "Connection: upgrade", "Upgrade: websocket"
group("upgrade", server="""
proxy_read_timeout 500ms;
location / { proxy_pass http://127.0.0.1:%%U%%; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; }
location /no { proxy_pass http://127.0.0.1:%%U%%; proxy_http_version 1.1; }
""", upstreams={"U": {
    "/ws": [b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
            b"websocket\r\nSec-WebSocket-Accept: x\r\n\r\n", READ, READ, CLOSE],
    "/hello": [b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
               b"Upgrade: websocket\r\n\r\nhello", 0.02, CLOSE],
    "/refuse": b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
    "/no": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
           b"Upgrade: websocket\r\n\r\n"}}, requests=[
    raw("GET /ws HTTP/1.1\r\nHost: a\r\n%s\r\n%s\r\n\r\n" % UP, 0.05, "one", 0.05,
        "two", 0.3, id="echo"),
    raw("GET /ws HTTP/1.1\r\nHost: a\r\n%s\r\n%s\r\n\r\n" % UP, 0.05, "one", 0.05,
        SHUT, id="echo and close"),
    raw("GET /hello HTTP/1.1\r\nHost: a\r\n%s\r\n%s\r\n\r\n" % UP),
    raw("GET /refuse HTTP/1.1\r\nHost: a\r\n%s\r\n%s\r\n\r\n" % UP),
    get("/ws"), get("/no"), get("/no", *UP)])

group("proxy-buffers", server="""
location /small/ { proxy_buffer_size 1k; proxy_buffers 2 1k; proxy_busy_buffers_size 1k; proxy_pass http://127.0.0.1:%%U%%/; }
location /notemp/ { proxy_max_temp_file_size 0; proxy_buffers 4 4k; proxy_pass http://127.0.0.1:%%U%%/; }
location /temp/ { proxy_buffers 2 4k; proxy_busy_buffers_size 4k; proxy_temp_file_write_size 8k; proxy_pass http://127.0.0.1:%%U%%/; }
location /rate/ { proxy_limit_rate 100m; proxy_pass http://127.0.0.1:%%U%%/; }
location /lr/ { limit_rate 100m; proxy_pass http://127.0.0.1:%%U%%/; }
""", upstreams={"U": {"/big": REPLIES["big"], "/bigc": REPLIES["big-chunked"],
                      "/hb": REPLIES["header-big"], "/h": REPLIES["header-many"]}},
      norm=BIG_NORM + [(r"(ETag|Last-Modified): .*", r"\1")], requests=gets(
    *["/%s/%s" % (l, p) for l in ("small", "notemp", "temp", "rate", "lr")
      for p in ("big", "bigc", "hb", "h")]))

group("proxy-store", server="""
location /store/ { proxy_store %%PREFIX%%/data/$arg_f; proxy_pass http://127.0.0.1:%%U%%/; }
location /stored/ { alias data/; }
""", upstreams={"U": {"/big": REPLIES["big"]}},
      norm=BIG_NORM + [(r"(ETag|Last-Modified): .*", r"\1")], requests=gets(
    "/store/big?f=b", "/stored/b", "/store/x?f=x", "/stored/x"))

LM = b"Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
group("proxy-store-forms", server="""
proxy_http_version 1.1; default_type text/plain;
location /on/ { root data; proxy_store on; proxy_pass http://127.0.0.1:%%U%%; }
location /al/ { alias data/al/; proxy_store on; proxy_pass http://127.0.0.1:%%U%%; }
location /acc/ { proxy_store %%PREFIX%%/data$uri; proxy_store_access user:rw group:r all:r; proxy_pass http://127.0.0.1:%%U%%; }
location /off/ { root data; proxy_store off; proxy_pass http://127.0.0.1:%%U%%; }
location /outer/ { root data; proxy_store on; proxy_pass http://127.0.0.1:%%U%%;
  location /outer/inner/ { proxy_pass http://127.0.0.1:%%U%%; }
  location /outer/none/ { proxy_store off; proxy_pass http://127.0.0.1:%%U%%; } }
location /get/ { alias data/; }
location /fetch/ { root data; error_page 404 = @fetch; }
location @fetch { root data; proxy_store on; proxy_pass http://127.0.0.1:%%U%%; }
""", files={"data/keep": ""}, upstreams={"U": {
    "/on/a": H + LM + b"Content-Length: 5\r\n\r\nhello",
    "/on/chunked": REPLIES["chunked"], "/on/close": REPLIES["close"],
    "/on/zero": REPLIES["zero"], "/on/404": REPLIES["reason-404"],
    "/on/short": REPLIES["short"], "/on/301": REPLIES["301"],
    "/on/deep/er/x": REPLIES["length"], "/on/big": REPLIES["big"],
    "/on/cut": REPLIES["chunked-cut2"], "/on/206": REPLIES["206"],
    "/on/": REPLIES["length"]}},
      norm=BIG_NORM + [(r"(ETag): .*", r"\1"),
                       (r"Last-Modified: .*(?!2015)\d{4} .*", "Last-Modified: now")],
      requests=gets(*[p for k in (
          "on/a", "on/chunked", "on/close", "on/zero", "on/404", "on/short",
          "on/301", "on/deep/er/x", "on/big", "on/cut", "on/206", "al/x", "acc/a",
          "acc/b/c", "off/x", "outer/x", "outer/inner/x", "outer/none/x",
          "fetch/once") for p in ("/" + k, "/get/" + k.replace("al/x", "al/x"))]) + [
          post("/on/post", "x"), get("/get/on/post"), head("/on/head"),
          get("/get/on/head"), get("/fetch/once", id="from the file now"),
          get("/on/a", "Range: bytes=1-2", id="a range of what is stored"),
          get("/get/on/a", id="and all of it")])

group("proxy-cookies", server="""
proxy_http_version 1.1;
location /none/ { proxy_pass http://127.0.0.1:%%U%%/up/; }
location /dom/ { proxy_cookie_domain x.com y.com; proxy_cookie_domain .z.com w.com; proxy_cookie_domain $arg_d v.com; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /domre/ { proxy_cookie_domain ~^(\\w+)\\.X\\.COM$ $1.n.com; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /path/ { proxy_cookie_path /a /b; proxy_cookie_path / $uri; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /pathre/ { proxy_cookie_path ~^/A(.*)$ /1$1; proxy_cookie_path ~*^/A(.*)$ /2$1; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /pathvar/ { proxy_cookie_path /$arg_d/ /e/; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /both/ { proxy_cookie_domain ~. d; proxy_cookie_path ~. p; proxy_cookie_flags ~ secure httponly samesite=none; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /sec/ { proxy_cookie_flags A secure; proxy_cookie_flags ~^b nosecure httponly; proxy_cookie_flags $arg_d samesite=lax; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /no/ { proxy_cookie_flags ~ nosecure nohttponly nosamesite; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /lax/ { proxy_cookie_flags ~ samesite=lax; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /strict/ { proxy_cookie_flags ~ samesite=strict secure; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /var/ { proxy_cookie_flags ~ $arg_f; proxy_pass http://127.0.0.1:%%U%%/up/; }
location /inh/ { proxy_cookie_path / /q/; proxy_cookie_flags ~ secure; location /inh/in/ { proxy_pass http://127.0.0.1:%%U%%/up/; } location /inh/off/ { proxy_cookie_path off; proxy_cookie_flags off; proxy_pass http://127.0.0.1:%%U%%/up/; } }
""", upstreams={"U": {"/up/%d" % i: H + b"Content-Length: 0\r\nSet-Cookie: " + c
                      + b"\r\n\r\n" for i, c in enumerate((
    b"a=1", b"a=1; Domain=x.com; Path=/a/b", b"A=1;domain=.X.com;path=/A",
    b"b=2; Secure; HttpOnly; SameSite=Lax; Domain=z.com", b"b=2; SECURE; samesite",
    b"c", b"c; Path=/a", b"=d; Path=/a", b"e=; path=", b"f=\"q;r\"; Path=/a",
    b"g=1 ; Path = /a ; Secure ", b"h=1;;Path=/a;", b"i=1; Path=/a; Path=/a",
    b"j=1; HttpOnly; Max-Age=5; SameSite=Strict; Secure; Path=/",
    b"k=1; domain=sub.x.com; path=/d/x", b"", b"; Path=/a"))}},
      requests=[get("/%s/%d?d=%s" % (l, i, "d")) for l in (
          "none", "dom", "domre", "path", "pathre", "pathvar", "both", "sec", "no",
          "lax", "strict", "inh/in", "inh/off") for i in range(17)]
      + gets(*["/var/%d?f=%s" % (i, f) for i in (0, 3) for f in (
          "secure", "Secure", "nosamesite", "samesite=None", "", "wrong")]))

group("proxy-ranges", server="""
proxy_http_version 1.1;
location /f/ { proxy_force_ranges on; proxy_pass http://127.0.0.1:%%U%%/; }
location /n/ { proxy_pass http://127.0.0.1:%%U%%/; }
""", upstreams={"U": {
    "/len": REPLIES["range"], "/chunked": REPLIES["chunked"],
    "/etag": H + b"Content-Length: 10\r\nETag: \"e\"\r\n" + LM + b"\r\n0123456789",
    "/404": REPLIES["reason-404"], "/206": REPLIES["206"],
    "/lm404": b"HTTP/1.1 404 NF\r\nContent-Length: 2\r\n" + LM + b"\r\nno",
    "/lmbad": H + b"Content-Length: 2\r\nLast-Modified: soon\r\n\r\nno"}}, requests=[
    get("/%s/%s" % (l, k), *h) for l in "fn" for k in (
        "len", "chunked", "etag", "404", "206", "lm404", "lmbad") for h in (
        (), ("Range: bytes=1-3",), ("Range: bytes=1-3,5-6",), ("Range: bytes=20-",),
        ("Range: bytes=1-3", "If-Range: \"e\""), ("Range: bytes=1-3", "If-Range: \"f\""),
        ("Range: bytes=1-3", "If-Range: Wed, 21 Oct 2015 07:28:00 GMT"))])

group("proxy-methods", server="""
proxy_http_version 1.1;
location /head { proxy_method HEAD; proxy_pass http://127.0.0.1:%%U%%; }
location /get { proxy_method GET; proxy_pass http://127.0.0.1:%%U%%; }
location /var { proxy_method $arg_m; proxy_pass http://127.0.0.1:%%U%%; }
location /body { proxy_set_body $arg_b; proxy_pass http://127.0.0.1:%%U%%; }
location /bodyreq { proxy_set_body "<$request_body>"; proxy_pass http://127.0.0.1:%%U%%; }
location /nohdr { proxy_pass_request_headers off; proxy_set_header X-Kept $http_x_a; proxy_pass http://127.0.0.1:%%U%%; }
location /nobody { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_method GET; proxy_pass http://127.0.0.1:%%U%%; }
location /inh { proxy_method PUT; proxy_set_body in; location /inh/a { proxy_pass http://127.0.0.1:%%U%%; } }
""", upstreams={"U": {"/head": H + b"Content-Length: 5\r\n\r\n"}}, requests=[
    get("/head", timeout=0.5), head("/get"), post("/get", "x"), get("/var?m=DELETE"),
    get("/var?m=post"), post("/var?m=GET", "x"), get("/body?b=hello"), get("/body"),
    post("/body?b=other", "mine"), post("/bodyreq", "mine"), get("/bodyreq"),
    get("/nohdr", "X-A: 1", "X-B: 2"), post("/nohdr", "x", "X-A: 1"),
    post("/nobody", "x"), get("/inh/a"), post("/inh/a", "x"), head("/inh/a")])

group("proxy-versions", server="""
location /10 { proxy_http_version 1.0; proxy_pass http://127.0.0.1:%%U%%; }
location /11 { proxy_http_version 1.1; proxy_set_header Connection close; proxy_pass http://127.0.0.1:%%U%%; }
location /10s { proxy_http_version 1.0; proxy_request_buffering off; proxy_pass http://127.0.0.1:%%U%%; }
""", exact_upstream=True, upstreams={"U": {}}, requests=[
    get("/10"), get("/11"), post("/10", "x"), post("/11", "x"),
    raw("POST /10 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
        "0\r\n\r\n"),
    raw("POST /10s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        0.05, "0\r\n\r\n"),
    raw("POST /10s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", 0.05, "y")])

group("proxy-bind", server="""
location /a { proxy_bind 127.0.0.2; proxy_pass http://127.0.0.1:%%PORT%%/seen; }
location /v { proxy_bind $arg_b; proxy_pass http://127.0.0.1:%%PORT%%/seen; }
location /in { proxy_bind 127.0.0.3; location /in/off { proxy_bind off; proxy_pass http://127.0.0.1:%%PORT%%/seen; } location /in/x { proxy_pass http://127.0.0.1:%%PORT%%/seen; } }
location /seen { return 200 "$remote_addr\n"; }
""", errors="error", requests=gets("/a", "/v?b=127.0.0.4", "/v", "/v?b=nonsense", "/in/off",
                   "/in/x", "/v?b=192.0.2.1"))

group("proxy-host", http="upstream up { server 127.0.0.1:%%DEAD%%; }", server="""
add_header X-Host "$proxy_host|$proxy_port" always;
location /a { proxy_pass http://127.0.0.1:%%DEAD%%; }
location /b { proxy_pass http://up; }
location /c { proxy_pass http://up/x; }
location /d { proxy_pass http://unix:%%PREFIX%%/none:/x; }
location /e { proxy_pass http://unix:%%PREFIX%%/none; }
location /f { proxy_pass http://[::1]:%%DEAD%%; }
location /g { set $u up; proxy_pass http://$u; }
location /h { set $u 127.0.0.1:%%DEAD%%; proxy_pass http://$u/y; }
location /i { set $u 127.0.0.1; proxy_pass https://$u:%%DEAD%%; }
location /j { return 204; }
location /k { proxy_pass HTTP://UP; }
""", norm=[("DEAD", "DEAD")], requests=gets(*["/" + c for c in "abcdefghijk"]))

group("proxy-accel", server="""
proxy_http_version 1.1; default_type text/plain; charset utf-8; limit_rate 1m;
location / { proxy_pass http://127.0.0.1:%%U%%; add_header X-Rate $limit_rate always; }
location /hide/ { proxy_hide_header Set-Cookie; proxy_hide_header X-Keep; proxy_pass_header X-Accel-Redirect; proxy_pass http://127.0.0.1:%%U%%/; }
location /internal/ { internal; alias html/; }
location /show { return 200 "show $uri $args $request_method $upstream_status\n"; }
location /again { proxy_pass http://127.0.0.1:%%U%%/length; }
location @named { return 200 "named $uri $request_method\n"; }
""", files=FILES, upstreams={"U": {
    "/" + k: H + b"Content-Length: 0\r\n" + v + b"\r\n" for k, v in {
        "length": b"", "kept": b"X-Accel-Redirect: /internal/a.txt\r\nSet-Cookie: a=1"
        b"\r\nSet-Cookie: b=2\r\nContent-Disposition: attachment\r\nExpires: x\r\n"
        b"Accept-Ranges: none\r\nCache-Control: a\r\nCache-Control: b\r\n"
        b"Content-Type: x/y\r\nX-Keep: 1\r\nLink: </a>\r\nETag: \"u\"\r\n" + LM,
        "show": b"X-Accel-Redirect: /show?a=%20b\r\n",
        "again": b"X-Accel-Redirect: /again\r\n",
        "self": b"X-Accel-Redirect: /self\r\n",
        "dots": b"X-Accel-Redirect: /internal/%2e%2e/x\r\n",
        "nul": b"X-Accel-Redirect: /internal/a%00.txt\r\n",
        "question": b"X-Accel-Redirect: /show%3fa\r\n",
        "empty": b"X-Accel-Redirect:\r\n", "relative": b"X-Accel-Redirect: show\r\n",
        "nonamed": b"X-Accel-Redirect: @none\r\n",
        "two": b"X-Accel-Redirect: @named\r\nX-Accel-Redirect: /show\r\n",
        "rate": b"X-Accel-Limit-Rate: 5000\r\n", "rate0": b"X-Accel-Limit-Rate: 0\r\n",
        "ratex": b"X-Accel-Limit-Rate: 5k\r\n",
        "bufno": b"X-Accel-Buffering: no\r\n", "bufyes": b"X-Accel-Buffering: YES\r\n",
    }.items()}}, norm=[(r"ETag: .*", "ETag")], requests=[
        get("/" + k) for k in (
            "kept", "show", "again", "self", "dots", "nul", "question", "empty",
            "relative", "nonamed", "two", "rate", "rate0", "ratex", "bufno", "bufyes",
            "hide/kept", "hide/show")]
    + [post("/show", "x", id="POST to show"), head("/kept"), post("/two", "x"),
       head("/show"), get("/kept", "Range: bytes=0-3")])

group("proxy-unix", server="location / { proxy_pass http://127.0.0.1:%%U%%; }\n"
      "location /s { proxy_pass http://unix:%%PREFIX%%/logs/s.sock; }\n"
      "location /t/ { proxy_pass http://unix:%%PREFIX%%/logs/s.sock:/tt/; }\n",
      http="server { listen unix:%%PREFIX%%/logs/s.sock; return 200 \"$host "
           "$http_host $request_uri $remote_addr|$server_port|$server_addr"
           "\\n\"; }",
      upstreams={"U": {}}, norm=[(r"/tmp/weir-test-\w+", "P")],
      requests=gets("/s", "/s/x?y", "/t/x", "/u"))
