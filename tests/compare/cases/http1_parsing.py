"""Request lines, header lines and framing as clients may send them."""

from ..dsl import SHUT, WAIT100, get, group, head, post, raw

SERVER = """
    location / { return 200 "u=$uri a=$args r=$request_uri m=$request_method\\n"; }
    location /host { return 200 "host=$host http_host=$http_host name=$server_name\\n"; }
    location /h { return 200 "x=$http_x_a y=$http_x_b cl=$content_length\\n"; }
    location /file { root html; }
"""


def line(text, *headers):
    return raw(text + "\r\n" + "".join(h + "\r\n" for h in headers) + "\r\n")


group("request-line", server=SERVER, errors="error", requests=[
    line("GET / HTTP/1.1", "Host: a"),
    line("GET / HTTP/1.0"),
    line("GET / HTTP/1.0", "Host: a"),
    line("GET / HTTP/1.0", "Connection: keep-alive"),
    line("GET / HTTP/1.1"),
    line("GET / HTTP/1.2", "Host: a"),
    line("GET / HTTP/1.9", "Host: a"),
    line("GET / HTTP/1.10", "Host: a"),
    line("GET / HTTP/1.01", "Host: a"),
    line("GET / HTTP/01.1", "Host: a"),
    line("GET / HTTP/2.0", "Host: a"),
    line("GET / HTTP/0.9", "Host: a"),
    line("GET / HTTP/3.0", "Host: a"),
    line("GET / HTTP/9.9", "Host: a"),
    line("GET / HTTP/1.", "Host: a"),
    line("GET / HTTP/1", "Host: a"),
    line("GET / HTTP/", "Host: a"),
    line("GET / HTTP", "Host: a"),
    line("GET / http/1.1", "Host: a"),
    line("GET / HTPP/1.1", "Host: a"),
    line("GET / HTTP/1.x", "Host: a"),
    line("GET / HTTP/-1.1", "Host: a"),
    line("GET / HTTP/1.1 ", "Host: a"),
    line("GET / HTTP/1.1   ", "Host: a"),
    line("GET / HTTP/1.1 x", "Host: a"),
    line("GET  / HTTP/1.1", "Host: a"),
    line("GET /  HTTP/1.1", "Host: a"),
    line("GET /a b HTTP/1.1", "Host: a"),
    line("GET /a b c HTTP/1.1", "Host: a"),
    line("GET /a?b c HTTP/1.1", "Host: a"),
    line(" GET / HTTP/1.1", "Host: a"),
    line("GET\t/ HTTP/1.1", "Host: a"),
    line("GET /\tHTTP/1.1", "Host: a"),
    line("GET /a\tb HTTP/1.1", "Host: a"),
    line("get / HTTP/1.1", "Host: a"),
    line("Get / HTTP/1.1", "Host: a"),
    line("G-T / HTTP/1.1", "Host: a"),
    line("G_T / HTTP/1.1", "Host: a"),
    line("GE1 / HTTP/1.1", "Host: a"),
    line("G!T / HTTP/1.1", "Host: a"),
    line("GETT / HTTP/1.1", "Host: a"),
    line("A / HTTP/1.1", "Host: a"),
    line("ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1", "Host: a"),
    line("OPTIONS / HTTP/1.1", "Host: a"),
    line("OPTIONS * HTTP/1.1", "Host: a"),
    line("GET * HTTP/1.1", "Host: a"),
    line("GET a HTTP/1.1", "Host: a"),
    line("GET ?a HTTP/1.1", "Host: a"),
    line("TRACE / HTTP/1.1", "Host: a"),
    line("CONNECT / HTTP/1.1", "Host: a"),
    line("CONNECT a:80 HTTP/1.1", "Host: a"),
    line("PUT / HTTP/1.1", "Host: a"),
    line("DELETE / HTTP/1.1", "Host: a"),
    line("PATCH / HTTP/1.1", "Host: a"),
    line("PROPFIND / HTTP/1.1", "Host: a"),
    line("PURGE / HTTP/1.1", "Host: a"),
    line("PRI * HTTP/2.0", ),
    raw("GET /\r\n"),
    raw("GET /file/missing\r\n"),
    raw("GET /", SHUT), raw("GET / HTTP/1.1\nHost: a\n\n"),
    raw("GET / HTTP/1.1\r\nHost: a\n\r\n"),
    raw("GET / HTTP/1.1\nHost: a\r\n\n"),
    raw("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("GET / HTTP/1.1\rHost: a\r\n\r\n"),
    raw("GET / HTTP/1.1\r\rHost: a\r\n\r\n"),
    raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", SHUT),
    raw("\x80\x2e\x01\x03\x01", SHUT),
    raw("GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("GET /\xe4\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("", SHUT, id="nothing at all"),
    raw("GET", SHUT), raw("GET / HTTP/1.1\r\nHo", SHUT),
    raw("GET / HTTP/1.1\r\nHost: a\r\n", SHUT),
    raw("G", 0.02, "ET", 0.02, " / HT", 0.02, "TP/1.1\r", 0.02, "\nHos", 0.02,
        "t: a\r\n\r", 0.02, "\n"),
])

group("uri", server=SERVER, requests=[
    get(t) for t in (
        "/a/../b", "/a/./b", "/a/b/..", "/a/b/.", "/a/b/../", "/..", "/../",
        "/a/../..", "/a/../../b", "/a//b", "//a", "///", "/a/.b", "/a/..b",
        "/a/...", "/a/b..", "/a%2fb", "/a%2Fb", "/%2e%2e/a", "/a/%2e%2e/b",
        "/a/%2e/b", "/a%20b", "/a%00b", "/%00", "/a%", "/a%2", "/a%zz",
        "/a%2g", "/%41%42", "/a+b", "/a?b=c", "/a?b=c?d", "/a?", "/a?#x",
        "/a#b", "/a#b?c", "/a?b#c", "/a%3fb", "/a%23b", "/a;b=c", "/a:b",
        "/~a", "/a|b", "/a\"b", "/a\\b", "/a'b", "/a<b>", "/a[b]", "/a{b}",
        "/a^b`", "/%e4%f6", "/a/b/../../../c", "/a/%2e./b", "/a/.%2e/b",
        "/a%2f..%2fb", "/a%2f%2e%2e%2fb", "/a?%41=%42", "/a?b=%zz", "/./a",
        "/.//a", "/a/.//b", "/a%5cb", "/a?x=/../y", "/a/b?c=//d", "/.",
        "/a/..?x", "/%2f", "/%2f%2f", "/.../a", "/a%0d%0ab", "/a%09b")])

group("uri-merge-slashes-off", server="merge_slashes off;" + SERVER, requests=[
    get(t) for t in ("//a", "/a//b", "/a//../b", "///", "/a/.//b", "/a//",
                     "/a//./b", "/%2f%2fa")])

group("absolute-form", server=SERVER, requests=[
    line("GET http://example.com/host HTTP/1.1", "Host: other"),
    line("GET http://example.com/host HTTP/1.0"),
    line("GET http://example.com/host HTTP/1.1"),
    line("GET http://example.com HTTP/1.1", "Host: other"),
    line("GET http://example.com?a=b HTTP/1.1", "Host: other"),
    line("GET http://example.com:8080/host HTTP/1.1", "Host: other"),
    line("GET http://EXAMPLE.com/host HTTP/1.1", "Host: other"),
    line("GET https://example.com/host HTTP/1.1", "Host: other"),
    line("GET ftp://example.com/host HTTP/1.1", "Host: other"),
    line("GET HTTP://example.com/host HTTP/1.1", "Host: other"),
    line("GET http:/host HTTP/1.1", "Host: other"),
    line("GET http://user@example.com/host HTTP/1.1", "Host: other"),
    line("GET http://[::1]/host HTTP/1.1", "Host: other"),
    line("GET http://[::1]:80/host HTTP/1.1", "Host: other"),
    line("GET http://exa_mple.com/host HTTP/1.1", "Host: other"),
    line("GET http:///host HTTP/1.1", "Host: other"),
    line("GET http://a..b/host HTTP/1.1", "Host: other"),
    line("GET http://a/../host HTTP/1.1", "Host: other"),
    line("GET http://example.com:80a/host HTTP/1.1", "Host: other"),
    line("GET http://example.com/h#x HTTP/1.1", "Host: other"),
    line("GET http1://example.com/host HTTP/1.1", "Host: other"),
    line("GET x-y.z+1://example.com/host HTTP/1.1", "Host: other"),
    line("GET ://example.com/host HTTP/1.1", "Host: other"),
])

group("host", server=SERVER, errors="error", requests=[
    get("/host", host=h) for h in (
        "a", "A", "a.b", "a:80", "a:", "a.", "a.:80", "", "a b", "a/b", "a?b",
        "a#b", "a@b", "a..b", ".a", ".", "..", "[::1]", "[::1]:80", "[::1",
        "::1", "127.0.0.1", "a_b", "a-b", "-a", "a%20b", "a\x00b", "a\tb",
        "\xe4", "a\"b", "a,b", "a;b", "1", "a:80:80", "a:b", "[a", "[]",
        "a\\b", "EXAMPLE.com:80", "x" * 300, "*", "a*b", "$host", "a~b")
] + [
    line("GET /host HTTP/1.1", "Host: a", "Host: a"),
    line("GET /host HTTP/1.1", "Host: a", "Host: b"),
    line("GET /host HTTP/1.0", "Host: a", "Host: b"),
    line("GET /host HTTP/1.1", "Host:a"),
    line("GET /host HTTP/1.1", "Host:   a   "),
    line("GET /host HTTP/1.1", "Host:\ta\t"),
    line("GET /host HTTP/1.1", "host: a"),
    line("GET /host HTTP/1.1", "HOST: a"),
    line("GET /host HTTP/1.1", "Host"),
    line("GET /host HTTP/1.1", "Host : a"),
    line("GET /host HTTP/1.1", " Host: a"),
    line("GET /host HTTP/1.0", "Host:"),
])

NAMES = ["X-A: 1", "X_A: 1", "x-a: 1", "X-A : 1", "X-A:1", "X-A:", "X-A",
         ": 1", ":", "X A: 1", "X-A: 1\t2", "X-A:  1  ", "X-A:\t1\t",
         "X-\xe4: 1", "X-A: \xe4", "X-A: a\x00b", "X-A: a\x01b", "X-A: a\x7fb",
         "X\x00A: 1", "X-A\x01: 1", "X@A: 1", "X!A: 1", "X.A: 1", "X/A: 1",
         "X(A): 1", "\"X-A\": 1", "X=A: 1", "X-A: a\rb", "X-A: a\r",
         "1: 2", "-: 2", "_: 2", "X-A: " + "v" * 500, "X" * 300 + ": 1"]

group("header-lines", server=SERVER, errors="error", requests=[
    get("/h", n, "X-B: end") for n in NAMES
] + [
    get("/h", "X-A: 1", "X-B: 2", "X-B: 3"),
    get("/h", "X-A: 1", " folded", "X-B: 2"),
    get("/h", "X-A: 1", "\tfolded", "X-B: 2"),
    get("/h", " folded", "X-B: 2", host=None),
    get("/h", "Content-Length: 0"),
    get("/h", "X-A: a: b"),
    get("/h", *["X-%d: v" % i for i in range(150)], id="150 headers"),
    raw("GET /h HTTP/1.1\r\nHost: a\r\nX-A: 1\r\r\nX-B: 2\r\n\r\n"),
    raw("GET /h HTTP/1.1\r\nHost: a\r\nX-A: 1\nX-B: 2\n\n"),
])

group("header-ignore-off", errors="error", requests=[
    get("/h", n, "X-B: end") for n in NAMES
], server="ignore_invalid_headers off;" + SERVER)

group("header-underscores", requests=[
    get("/h", n, "X-B: end") for n in
    ("X_A: 1", "_x: 1", "X-A: 1", "X_A_: 2", "_: 3")
], server="underscores_in_headers on;" + SERVER)

group("header-limits", server="""
    client_header_buffer_size 128;
    large_client_header_buffers 2 512;
""" + SERVER, requests=[
    get("/" + "a" * n, id="uri of %d" % n, norm=[("a{50,}", "AA")])
    for n in (60, 100, 120, 200, 480, 490, 494, 495, 496, 497, 498, 499, 500,
              512, 600, 2000)
] + [
    get("/h", "X-A: " + "b" * n, id="header of %d" % n)
    for n in (60, 100, 120, 300, 495, 500, 504, 505, 506, 507, 508, 512, 600,
              2000)
] + [
    get("/h", "X-A: " + "b" * n, "X-B: " + "c" * n,
        id="two headers of %d" % n) for n in (200, 300, 450, 500)
] + [
    get("/h", "X-A: " + "b" * n, "X-B: " + "c" * n, "X-C: " + "d" * n,
        id="three headers of %d" % n) for n in (100, 200, 300, 450)
] + [
    get("/" + "a" * 400, "X-A: " + "b" * 400, id="both large"),
    raw("GET /%s HTTP/1.1\r\nHost: a\r\nX-A: %s\r\n\r\n"
        "GET /h HTTP/1.1\r\nHost: a\r\nX-A: %s\r\n\r\n"
        % ("a" * 300, "b" * 300, "c" * 300), n=2, id="large and pipelined"),
    raw("GET /h HTTP/1.1\r\nHost: a\r\n" +
        "".join("X-%d: v\r\n" % i for i in range(80)) + "\r\n",
        id="many small headers"),
    raw("x" * 200, SHUT, id="no line end, 200"),
    raw("X" * 3000, id="no line end, 3000"),
])

P = "GET /%s HTTP/1.1\r\nHost: a\r\n%s\r\n"
K10 = "Connection: keep-alive\r\n"
C = "Connection: close\r\n"

group("keepalive", server=SERVER + """
    location /off { keepalive_timeout 0; return 200 off; }
    location /t { keepalive_timeout 75s 60s; return 200 t; }
    location /d { keepalive_disable none; return 200 d; }
    location /post { client_max_body_size 10; return 200 p; }
""", requests=[
    raw(P % ("1", "") + P % ("2", ""), n=2),
    raw("".join(P % (i, "") for i in range(20)), n=20, id="20 pipelined"),
    raw(P % ("1", C) + P % ("2", ""), n=2),
    raw(P % ("off", "") + P % ("2", ""), n=2),
    raw(P % ("t", "") + P % ("2", ""), n=2),
    raw(P % ("d", "") + P % ("2", ""), n=2),
    raw("GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", n=2),
    raw("GET /1 HTTP/1.0\r\n%s\r\nGET /2 HTTP/1.0\r\n\r\n" % K10, n=2),
    raw("GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n"
        "\r\n", n=2),
    raw("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n"
        + P % ("2", ""), n=2),
    raw("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"
        + P % ("2", ""), n=2),
    raw("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n"
        + P % ("2", ""), n=2),
    raw("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: foo\r\n\r\n"
        + P % ("2", ""), n=2),
    raw("HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n" + P % ("2", ""), n=2,
        methods=["HEAD", "GET"]),
    raw("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        + P % ("2", ""), n=2),
    raw("POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n0\r\n\r\n" + P % ("2", ""), n=2),
    raw(P % ("1", "") + "\r\n\r\n" + P % ("2", ""), n=2),
    raw(P % ("1", "") + "\n" + P % ("2", ""), n=2),
    raw(P % ("1", "") + "garbage\r\n\r\n", n=2),
    raw(P % ("1", "") + "GET /x", SHUT, n=2, id="half a second request"),
    raw(P % ("1", ""), 0.03, P % ("2", ""), 0.03, P % ("3", ""), n=3),
    raw("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
        + "x" * 20 + P % ("2", ""), n=2, id="413 and pipelined"),
    raw(P % ("1", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)\r\n")
        + P % ("2", ""), n=2),
    raw("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
        "User-Agent: Mozilla/4.0 (compatible; MSIE 5.0)\r\n\r\n"
        + P % ("2", ""), n=2),
    raw("GET /1 HTTP/1.1\r\nHost: a\r\n"
        "User-Agent: Mozilla/5.0 Version/3.0 Safari/525\r\n\r\n"
        + P % ("2", ""), n=2),
])

group("keepalive-requests", server="keepalive_requests 3;" + SERVER, requests=[
    raw("".join(P % (i, "") for i in range(5)), n=5)])
group("keepalive-off", server="keepalive_timeout 0;" + SERVER, requests=[
    raw(P % ("1", "") + P % ("2", ""), n=2), get("/")])
group("keepalive-header", server="keepalive_timeout 30 20;" + SERVER, requests=[
    raw(P % ("1", "") + P % ("2", ""), n=2),
    raw("GET /1 HTTP/1.0\r\n%s\r\n" % K10),
    raw("GET /1 HTTP/1.0\r\n\r\n"), get("/", close=True)])
group("keepalive-disable", server="keepalive_disable msie6 safari;" + SERVER,
      requests=[
    post("/", "abc", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; x)"),
    get("/", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; x)"),
    post("/", "abc", "User-Agent: Mozilla/4.0 (compatible; MSIE 7.0; x)"),
    post("/", "abc", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; SV1)"),
    get("/", "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6) "
             "AppleWebKit/525 (KHTML, like Gecko) Version/3 Safari/525"),
    get("/", "User-Agent: curl/7"),
])

T = "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n%s"
CHUNKED = ["5\r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "05\r\nhello\r\n0\r\n\r\n",
           "5;a=b\r\nhello\r\n0\r\n\r\n", "5;a=\"b\"\r\nhello\r\n0;x\r\n\r\n",
           "5 \r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n",
           "5 ;a\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
           "A\r\n0123456789\r\n0\r\n\r\n", "a\r\n0123456789\r\n0\r\n\r\n",
           "5\r\nhello0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
           "5\r\nhell\r\n0\r\n\r\n", "g\r\nhello\r\n0\r\n\r\n",
           "0x5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n",
           "+5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n",
           "0\r\nX-T: 1\r\n\r\n", "0\r\nX-T: 1\r\nX-U: 2\r\n\r\n",
           "00000000000000005\r\nhello\r\n0\r\n\r\n", "0000\r\n\r\n",
           "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
           "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
           "10000000000000005\r\nhello\r\n0\r\n\r\n",
           "7fffffffffffffff\r\nhello\r\n0\r\n\r\n",
           "8000000000000000\r\nhello\r\n0\r\n\r\n",
           "5\r\nhello\r\n0\r\n bad\r\n\r\n", "5\rhello\r\n0\r\n\r\n",
           "5\r\nhello\r0\r\n\r\n", "5\r\nhello\r\n0\r\r\n",
           "5;\x00\r\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n",
           "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"]

BODY = SERVER + """
    location /echo { proxy_pass http://127.0.0.1:%%U%%; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /small { client_max_body_size 4; proxy_pass http://127.0.0.1:%%U%%/echo; }
    location /buffer { client_body_buffer_size 8; proxy_pass http://127.0.0.1:%%U%%/echo; }
    location /onfile { client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%U%%/echo; }
    location /single { client_body_in_single_buffer on; proxy_pass http://127.0.0.1:%%U%%/echo; }
    location /body { proxy_pass http://127.0.0.1:%%U%%/echo; proxy_set_header X-Body $request_body; }
"""

group("chunked-requests", server=BODY, upstreams={"U": {}}, requests=[
    raw(T % ("/echo", "chunked", c)) for c in CHUNKED
] + [
    raw(T % ("/echo", coding, CHUNKED[0])) for coding in
    ("Chunked", "CHUNKED", " chunked ", "gzip, chunked", "chunked, gzip",
     "chunked, chunked", "identity", "gzip", "", "x", "chunke", "chunked;a=b",
     "chunked,", ",chunked", "\tchunked", "\x0bchunked", "chunked\x00")
] + [
    raw("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: identity\r\n\r\n" + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Content-Length: 5\r\n\r\n" + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n"
        + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n"
        "\r\n" + CHUNKED[0]),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n"
        + CHUNKED[0], n=2),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        0.02, "5", 0.02, "\r", 0.02, "\nhe", 0.02, "llo\r", 0.02, "\n0\r\n\r",
        0.02, "\n", id="chunked by and by"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhel", SHUT, id="chunked, cut"),
    raw(T % ("/small", "chunked", CHUNKED[0])),
    raw(T % ("/buffer", "chunked", "14\r\n" + "x" * 20 + "\r\n0\r\n\r\n")),
])

LENGTHS = ["5", "05", "0", "4", "+5", "-5", "5 ", " 5", "5,5", "5, 5", "5;", "0x5",
           "", "a", "5a", "5.0", "\t5", "9223372036854775807",
           "9223372036854775808", "18446744073709551616",
           "99999999999999999999999"]

group("content-length", server=BODY, upstreams={"U": {}}, errors="error",
      requests=[
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length:%s%s\r\n\r\nhello"
        % ("" if n[:1] in "\t " else " ", n)) for n in LENGTHS
] + [
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Content-Length: 5\r\n\r\nhello"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Content-Length: 6\r\n\r\nhello!"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\n\r\nhello", n=2),
    raw("PUT /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("GET /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        SHUT, id="body cut"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        0.05, "world", id="body by and by"),
    post("/echo", "x" * 20000, id="body of 20000"),
    post("/buffer", "x" * 20), post("/buffer", "x" * 8), post("/buffer", "x" * 9),
    post("/buffer", "x" * 30000, id="30000 through a small buffer"),
    post("/onfile", "hello"), post("/single", "hello"), post("/body", "hello"),
    post("/body", "x" * 30000, id="request_body in a file"),
    post("/small", "1234"), post("/small", "12345"),
    post("/small", "x" * 100000, id="413 with a large body"),
    raw("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        id="413 before the body"),
    raw("POST /h HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / "
        "HTTP/1.1\r\nHost: a\r\n\r\n", n=2),
    post("/file", "hello"), post("/file/a.txt", "hello"),
    post("/h", "x" * 2000000, id="body of 2 MB over the limit"),
])

group("expect", server=BODY, upstreams={"U": {}}, requests=[
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\n", WAIT100, "hello"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-Continue\r\n\r\n", WAIT100, "hello"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\nhello"),
    raw("POST /echo HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\nhello"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: foo\r\n\r\nhello"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
        "Expect: 100-continue\r\n\r\n"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Expect: 100-continue\r\n\r\n", WAIT100, CHUNKED[0]),
    raw("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\n"),
    raw("POST /h HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\n", id="Expect, answered without reading"),
    raw("GET /h HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"),
])

group("head", server=BODY + """
    location /empty { return 200; }
    location /204 { return 204; }
    location /304 { return 304; }
    location /404 { return 404; }
    location /text { return 404 text; }
""", files={"html/file/a.txt": "hello\n"}, upstreams={"U": {}}, requests=[
    head("/"), head("/file/a.txt"), head("/file/b.txt"), head("/empty"),
    head("/204"), head("/304"), head("/404"), head("/text"), head("/file"),
    get("/empty"), get("/204"), get("/304"), get("/404"), get("/text"),
    raw("HEAD / HTTP/1.0\r\n\r\n"), raw("HEAD /file/a.txt HTTP/1.0\r\n\r\n"),
    raw("HEAD /\r\n", methods=["GET"]),
])

group("timeouts", server="""
    client_header_timeout 80ms;
    client_body_timeout 80ms;
    keepalive_timeout 80ms;
""" + BODY, upstreams={"U": {}}, requests=[
    raw("", 0.2, id="no byte"), raw("GET / HT", 0.2, id="half a request line"),
    raw("GET / HTTP/1.1\r\nHost: a\r\n", 0.2, id="no end of the head"),
    raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", 0.2,
        id="half a body"),
    raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0.2, "GET / HTTP/1.1\r\n", n=2,
        id="second request too late"),
])
