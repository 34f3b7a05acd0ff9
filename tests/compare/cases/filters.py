"""gzip, charset, sub, addition, ssi, and the small modules."""

import gzip
import zlib

from harness.upstream import reply

from ..dsl import get, gets, group, head, post, raw

HTML = "<p>" + "hello world " * 200 + "</p>\n"
UTF = "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! <\u20ac>\n"
KOI = "\u041f\u0440\u0438\u0432\u0435\u0442\n".encode("koi8-r")

GZ = gzip.compress(HTML.encode(), 6, mtime=0)

group("gzip", server="""
root html; default_type text/html;
gzip on; gzip_min_length 20;
types { text/html html; text/plain txt; text/css css; image/png png; application/json json; }
location /off/ { alias html/; gzip off; }
location /types/ { alias html/; gzip_types text/css application/json; }
location /all/ { alias html/; gzip_types *; }
location /min/ { alias html/; gzip_min_length 100000; }
location /vary/ { alias html/; gzip_vary on; }
location /11/ { alias html/; gzip_http_version 1.0; }
location /dis/ { alias html/; gzip_disable msie6 "Test/1"; }
location /lvl/ { alias html/; gzip_comp_level 9; }
location /buf/ { alias html/; gzip_buffers 2 1k; }
location /px/ { proxy_pass http://127.0.0.1:%%U%%/; }
location /any/ { gzip_proxied any; proxy_pass http://127.0.0.1:%%U%%/; }
location /via/ { alias html/; gzip_proxied any; }
location /v1/ { alias html/; gzip_proxied expired no-cache no-store private auth; add_header Cache-Control private; }
location /v2/ { alias html/; gzip_proxied no_last_modified no_etag; etag off; }
location /ret { return 200 "0123456789012345678901234567890123456789"; }
location /short { return 200 "short"; }
location /404 { return 404; }
location /stat/ { alias html/; gzip_static on; }
location /statall/ { alias html/; gzip_static always; }
location /un/ { alias html/; gunzip on; gzip off; gzip_static always; }
location /unpx/ { gunzip on; gzip off; proxy_pass http://127.0.0.1:%%U%%/; }
""", files={"html/a.html": HTML, "html/a.txt": HTML, "html/a.css": HTML,
            "html/a.png": HTML, "html/a.json": HTML, "html/s.html": "short",
            "html/pre.html": HTML, "html/pre.html.gz": GZ,
            "html/only.html.gz": GZ, "html/empty.html": ""},
      upstreams={"U": {
          "/p": reply(HTML, "Content-Type: text/html"),
          "/enc": reply(GZ, "Content-Type: text/html", "Content-Encoding: gzip"),
          "/deflate": reply(zlib.compress(b"x"), "Content-Type: text/html",
                            "Content-Encoding: deflate"),
          "/badgz": reply(b"not gzip", "Content-Type: text/html",
                          "Content-Encoding: gzip"),
          "/etag": reply(HTML, "Content-Type: text/html", "ETag: \"strong\""),
          "/wetag": reply(HTML, "Content-Type: text/html", "ETag: W/\"weak\""),
          "/ct": reply(HTML, "Content-Type: text/html; charset=utf-8"),
          "/chunked": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
      }},
      requests=[get(p, "Accept-Encoding: gzip") for p in (
          "/a.html", "/a.txt", "/a.css", "/a.png", "/s.html", "/empty.html",
          "/off/a.html", "/types/a.css", "/types/a.json", "/types/a.txt",
          "/types/a.html", "/all/a.png", "/min/a.html", "/vary/a.html",
          "/11/a.html", "/dis/a.html", "/lvl/a.html", "/buf/a.html", "/px/p",
          "/px/enc", "/px/deflate", "/px/etag", "/px/wetag", "/px/ct",
          "/px/chunked", "/any/p", "/ret", "/short", "/404", "/stat/pre.html",
          "/stat/a.html", "/stat/only.html", "/statall/pre.html",
          "/statall/only.html", "/un/pre.html", "/unpx/enc", "/unpx/p",
          "/unpx/badgz", "/missing", "/vary/s.html", "/vary/a.txt")]
      + [get("/a.html", "Accept-Encoding: " + v) for v in (
          "deflate", "gzip, deflate", "deflate, gzip", "gzip;q=0",
          "gzip;q=0.0", "gzip;q=0.5", "gzip;q=0.001", "gzip;q=1", "*",
          "x-gzip", "GZIP", "gzipx", "identity", "", "gzip ; q=0", "gzip;q=",
          "br, gzip;q=0.8", "gzip;q=0.0001", "gzip;q=0.00", "gzip,", "gzip;x",
          "gzip;q=2", "deflate,gzip;q=0")]
      + [get("/a.html"), get("/vary/a.html"), get("/statall/pre.html"),
         get("/un/pre.html"), get("/unpx/enc"), get("/unpx/badgz"),
         get("/unpx/deflate"), get("/stat/pre.html"),
         head("/a.html", "Accept-Encoding: gzip"),
         head("/stat/pre.html", "Accept-Encoding: gzip"),
         get("/a.html", "Accept-Encoding: gzip", version="1.0"),
         get("/11/a.html", "Accept-Encoding: gzip", version="1.0"),
         get("/dis/a.html", "Accept-Encoding: gzip", "User-Agent: Test/1.5"),
         get("/dis/a.html", "Accept-Encoding: gzip", "User-Agent: Mozilla/4.0 "
             "(compatible; MSIE 6.0; X)"),
         get("/dis/a.html", "Accept-Encoding: gzip", "User-Agent: Mozilla/4.0 "
             "(compatible; MSIE 6.0; SV1)"),
         get("/a.html", "Accept-Encoding: gzip", "Via: 1.1 x"),
         get("/via/a.html", "Accept-Encoding: gzip", "Via: 1.1 x"),
         get("/v1/a.html", "Accept-Encoding: gzip", "Via: 1.1 x"),
         get("/v2/a.html", "Accept-Encoding: gzip", "Via: 1.1 x"),
         get("/v1/a.html", "Accept-Encoding: gzip", "Via: x", "Authorization: y"),
         get("/a.html", "Accept-Encoding: gzip", "Range: bytes=0-9"),
         get("/stat/pre.html", "Accept-Encoding: gzip", "Range: bytes=0-9"),
         get("/a.html", "Accept-Encoding: gzip", "Accept-Encoding: deflate"),
         get("/px/etag", "Accept-Encoding: gzip", "If-None-Match: \"strong\""),
         post("/ret", "x", "Accept-Encoding: gzip")])

group("charset", http="""
charset_map koi8-r utf-8 { C1 D0B0; C2 D0B1; D7 D0B2; F0 D09F; D2 D180; C9 D0B8; C5 D0B5; D4 D182; }
charset_map windows-1251 koi8-r { E0 C1; E1 C2; }
""", server="""
root html; default_type text/html;
types { text/html html; text/plain txt; text/css css; image/png png; application/javascript js; application/json json; }
location / { charset utf-8; }
location /off/ { alias html/; charset off; }
location /types/ { alias html/; charset utf-8; charset_types text/css; }
location /all/ { alias html/; charset utf-8; charset_types *; }
location /conv/ { alias html/; charset utf-8; source_charset koi8-r; }
location /conv2/ { alias html/; charset koi8-r; source_charset utf-8; }
location /var/ { alias html/; charset $arg_c; source_charset koi8-r; }
location /px/ { charset utf-8; proxy_pass http://127.0.0.1:%%U%%/; }
location /ov/ { charset koi8-r; override_charset on; source_charset utf-8; proxy_pass http://127.0.0.1:%%U%%/; }
location /ret { charset utf-8; return 200 x; }
location /404 { charset utf-8; return 404; }
location /301 { charset utf-8; return 301 /x; }
location /dt/ { alias html/; charset utf-8; default_type "text/html; charset=x"; types { } }
""", files={"html/a.html": UTF, "html/k.html": KOI, "html/a.txt": "t",
            "html/a.css": "c", "html/a.png": "p", "html/a.js": "j",
            "html/a.json": "{}"},
      upstreams={"U": {"/p": reply("x", "Content-Type: text/html"),
                       "/c": reply("x", "Content-Type: text/html; charset=koi8-r"),
                       "/q": reply(UTF, 'Content-Type: text/html; charset="utf-8"'),
                       "/n": reply("x", "Content-Type: image/png"),
                       "/none": reply("x")}},
      requests=gets(*["/%s/a.%s" % (l, e) for l in ("off", "types", "all")
                      for e in ("html", "txt", "css", "png", "js", "json")])
      + gets("/a.html", "/a.txt", "/a.css", "/a.png", "/a.js", "/a.json",
             "/conv/k.html", "/conv2/a.html", "/var/k.html?c=utf-8",
             "/var/k.html", "/var/k.html?c=off", "/var/k.html?c=zzz",
             "/px/p", "/px/c", "/px/q", "/px/n", "/px/none", "/ov/p", "/ov/c",
             "/ov/q", "/ret", "/404", "/301", "/dt/a.html", "/missing")
      + [head("/a.html"), get("/conv/k.html", "Range: bytes=0-3"),
         get("/a.html", "Range: bytes=0-3")])

group("sub-addition", server="""
root html; default_type text/html;
types { text/html html; text/plain txt; text/css css; }
location /s1/ { alias html/; sub_filter hello HI; }
location /s2/ { alias html/; sub_filter hello HI; sub_filter_once off; }
location /s3/ { alias html/; sub_filter HELLO '$arg_x'; sub_filter world W; sub_filter_once off; }
location /s4/ { alias html/; sub_filter hello ''; sub_filter_types text/plain; sub_filter_last_modified on; }
location /s5/ { alias html/; sub_filter '$arg_f' X; sub_filter_types *; }
location /s6/ { alias html/; sub_filter aa b; sub_filter a c; sub_filter_once off; }
location /px/ { sub_filter_once off; sub_filter hello HI; proxy_pass http://127.0.0.1:%%U%%/; }
location /gz/ { alias html/; gzip on; gzip_min_length 1; sub_filter hello HI; }
location /a1/ { alias html/; add_before_body /before; add_after_body /after; }
location /a2/ { alias html/; add_after_body /after; addition_types text/plain; }
location /a3/ { alias html/; add_before_body /none; }
location /a4/ { alias html/; add_before_body /px/p; }
location /a5/ { proxy_pass http://127.0.0.1:%%U%%/; add_after_body /after; }
location = /before { return 200 "no"; }
location = /after { alias html/after.html; }
location = /before.html { internal; }
""", files={"html/a.html": "<p>hello world hello HELLO</p>\n",
            "html/a.txt": "hello text\n", "html/after.html": "AFTER\n",
            "html/aaa.html": "aaaaa baab\n", "html/e.html": "",
            "html/big.html": "hello " * 20000},
      upstreams={"U": {"/p": reply("hello from up hello\n", "Content-Type: text/"
                                   "html", "ETag: \"x\""),
                       "/split": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html"
                                  b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"
                                  b"xhe\r\n", 0.02, b"4\r\nlloy\r\n0\r\n\r\n"]}},
      requests=[get("/%s/%s" % (l, f)) for l in (
          "s1", "s2", "s3", "s4", "s5", "s6", "gz", "a1", "a2", "a3", "a4")
          for f in ("a.html", "a.txt", "aaa.html", "e.html")]
      + gets("/px/p", "/px/split", "/a5/p", "/s3/a.html?x=%24", "/s5/a.html?f=lo",
             "/s2/big.html", "/s1/none") + [
          get("/s2/a.html", "Range: bytes=0-5"), head("/s2/a.html"),
          get("/a2/a.txt", "Range: bytes=0-3"), head("/a1/a.html"),
          get("/gz/a.html", "Accept-Encoding: gzip"),
          get("/s1/a.html", "If-None-Match: *")])

SSI = {
    "echo": '<!--#echo var="arg_x" -->|<!--#echo var="none" -->|<!--#echo var="none" default="d" -->',
    "enc": '<!--#echo var="arg_x" encoding="none" -->|<!--#echo var="arg_x" encoding="url" -->|<!--#echo var="arg_x" encoding="entity" -->',
    "set": '<!--#set var="v" value="a b" --><!--#echo var="v" -->[<!--#set var="w" value="$v!" --><!--#echo var="w" -->]',
    "inc": 'a<!--#include file="part.html" -->b<!--#include virtual="/s/part.html?x=1" -->c',
    "inc2": '<!--#include virtual="/ret?q" -->,<!--#include virtual="/s/sub.html" -->',
    "incmiss": 'x<!--#include virtual="/none" -->y',
    "stub": '<!--#block name="b" -->stub<!--#endblock --><!--#include virtual="/none" stub="b" -->!',
    "if": '<!--#if expr="$arg_x = 1" -->one<!--#elif expr="$arg_x = 2" -->two<!--#else -->other<!--#endif -->.',
    "ifre": '<!--#if expr="$arg_x = /^a(.)c$/" -->re <!--#echo var="1" --><!--#else -->no<!--#endif -->',
    "ifne": '<!--#if expr="$arg_x != 1" -->ne<!--#endif --><!--#if expr="$arg_x" -->set<!--#endif -->',
    "nest": '<!--#if expr="$arg_x" --><!--#if expr="$arg_y" -->xy<!--#else -->x<!--#endif --><!--#else -->none<!--#endif -->',
    "bad": 'a<!--#foo bar="x" -->b<!--#echo -->c<!--#echo var="x" zz="y" -->d',
    "bad2": 'a<!--#echo var="x" b', "bad3": 'a<!--#if -->b<!--#endif -->c',
    "plain": '<!-- comment --> <!-#x --> <!--#', "config":
    '<!--#config errmsg="E!" --><!--#foo --><!--#config timefmt="%Y" -->t',
    "wait": '<!--#include virtual="/s/part.html" wait="yes" -->-<!--#include virtual="/ret" set="r" -->[<!--#echo var="r" -->]',
    "part": "PART<!--#echo var=\"arg_x\" -->", "sub": "SUB\n", "empty": "",
    "loop": '<!--#include virtual="/s/loop.html" -->',
}
group("ssi", server="""
root html; default_type text/html;
location /s/ { alias html/; ssi on; }
location /silent/ { alias html/; ssi on; ssi_silent_errors on; }
location /lm/ { alias html/; ssi on; ssi_last_modified on; }
location /off/ { alias html/; }
location /px/ { ssi on; proxy_pass http://127.0.0.1:%%U%%/; }
location /ret { return 200 "ret $args $uri"; }
""", files={"html/%s.html" % k: v for k, v in SSI.items()},
      upstreams={"U": {"/p": reply('<!--#include virtual="/ret?a" -->|<!--#echo '
                                   'var="uri" -->', "Content-Type: text/html")}},
      errors="error", norm=[(r"(?s)(\[an error.*\]){20,}", "LOOP")],
      requests=gets(*["/s/%s.html" % k for k in SSI if k != "loop"])
      + gets("/s/echo.html?x=%3Cb%3E%26", "/s/enc.html?x=%3Cb%3E%20",
             "/s/if.html?x=1", "/s/if.html?x=2", "/s/ifre.html?x=abc",
             "/s/ifne.html?x=1", "/s/nest.html?x=1", "/s/nest.html?x=1&y=1",
             "/silent/bad.html", "/lm/echo.html", "/off/echo.html", "/px/p")
      + [head("/s/inc.html"), get("/s/inc.html", version="1.0"),
         post("/s/inc.html", "x"), get("/s/echo.html", "Range: bytes=0-1")])

ID = [(r"=[0-9A-F]{32}", "=ID"), (r"\bu(id)?=[A-Za-z0-9+/=]{24}", r"u\1=ID")]

group("userid", server="""
location /uid { userid on; userid_name uid; userid_expires max; return 200 "got=$uid_got reset=$uid_reset"; }
location /uidv1 { userid v1; userid_name u; root html; }
location /uidlog { userid log; userid_name u; return 200 "got=$uid_got"; }
location /uidoff { userid off; return 200 "[$uid_got]"; }
location /uidp/ { userid on; userid_name u; userid_domain .x.org; userid_path /p; userid_p3p 'policyref="/p"'; userid_expires 1d; userid_mark Z; alias html/; }
""", files={"html/a.txt": "a\n", "html/uidv1": "u\n"}, norm=ID,
      requests=gets("/uid", "/uidlog", "/uidoff", "/uidp/a.txt", "/uidv1") + [
          get("/uid", "Cookie: uid=fwAAAWVT8QA5MAAAAgMEBQ=="),
          get("/uid", "Cookie: uid=short"),
          get("/uid", "Cookie: a=b; uid=fwAAAWVT8QA5MAAAAgMEBQ==")])

group("browser", server="""
location / { ancient_browser "MSIE "; modern_browser gecko 1.0.0; modern_browser msie 6.0; modern_browser unlisted; return 200 "[$modern_browser] [$ancient_browser] [$msie]"; }
""", requests=[get("/", *(["User-Agent: " + u] if u else [])) for u in (
    None, "MSIE 5.0", "Mozilla/4.0 (compatible; MSIE 7.0)",
    "Mozilla/5.0 (X11) Gecko/20100101 Firefox/99",
    "Mozilla/5.0 rv:1.5 Gecko/2009", "Opera/9", "curl")])

group("browser-lists", server="".join(
    "location /%d { %s return 200 \"[$modern_browser] [$ancient_browser]\"; }\n" % (n, c)
    for n, c in enumerate((
        "modern_browser gecko 1.0.0; modern_browser msie 6.0; modern_browser unlisted;",
        "modern_browser gecko 1.0.0; modern_browser unlisted; ancient_browser foo;",
        "modern_browser unlisted; ancient_browser foo;",
        "modern_browser opera 8.0; modern_browser unlisted; ancient_browser foo;",
        "modern_browser opera 8.0;", "modern_browser safari 400; ancient_browser netscape4;"))),
      requests=[get("/%d" % n, "User-Agent: " + u) for n in range(6) for u in (
          "Opera/9", "Opera 9", "Opera/7", "Opera/", "Opera/x", "Opera/4001", "Opera/4000",
          "Mozilla/4.0 (compatible; MSIE 5.0)", "Mozilla/4.0 (compatible; MSIE ",
          "Mozilla/4.0 (compatible; MSIE 5.0) rv:1.5 and more padding",
          "Mozilla/5.0 (X11; rv:0.5)", "Mozilla/5.0 (X11; rv:1.5) Opera/9",
          "Mozilla/5.0 (X11) Safari/400", "Mozilla/5.0 (X11) Safari/399.9")])

group("empty-gif", server="location / { empty_gif; }",
      requests=[get("/"), head("/"), post("/", "x"), get("/", method="PUT"),
                get("/", "Range: bytes=0-5"), get("/", version="1.0")])

group("stub-status", server="location / { stub_status; }", norm=[
    (r"(Active connections:|Reading:|Writing:|Waiting:) \d+", r"\1 N"),
    (r"\n \d+ \d+ \d+ ", "\n N N N ")],
      requests=[get("/"), head("/"), post("/", "x"), get("/", method="PUT")])

group("random-index", server="location / { random_index on; root html/one; }",
      files={"html/one/only.txt": "only\n", "html/one/.hidden": "x",
             "html/one/sub/.hidden": "x"},
      requests=[get("/"), head("/"), post("/", "x"), get("/sub/"),
                get("/only.txt")])

group("flv", server="location / { flv; root html; }",
      files={"html/f": "FLVDATA0123456789"}, requests=gets(
          "/f", "/f?start=3", "/f?start=100", "/f?start=x", "/none"))

group("flv-folders", server="autoindex on; location / { flv; }"
                            "location /n/ { flv; autoindex off; index no; }"
                            "location /i { if ($arg_q) { set $x 1; } flv; }",
      files={"html/index.html": "i", "html/d/f": "f", "html/n/f": "f", "html/i/f": "f"},
      requests=gets("/", "/d", "/d/f", "/n/", "/n/f", "/none/", "/i", "/i?q=1")
      + [get("/", method="POST", body="x"), head("/")])

group("mirror", server="""
location /mirror { mirror /m; root html; }
location /both { mirror /m; mirror /m; proxy_pass http://127.0.0.1:%%V%%; }
location /nobody { mirror /m; mirror_request_body off; proxy_pass http://127.0.0.1:%%V%%; }
location = /m { internal; proxy_pass http://127.0.0.1:%%U%%/mirrored$request_uri; }
""", files={"html/mirror": "m\n"}, upstreams={"U": {}, "V": {}},
      # Answers do not wait for what is mirrored, so they are read a little later.
      requests=gets("/mirror", "/both?x=y", "/nobody", parts=[0.1])
      + [post("/both", "hello", parts=[0.1]), head("/mirror", parts=[0.1])])

group("slice", server="""
location / { slice 10; proxy_set_header Range $slice_range; proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%U%%/file; }
""", upstreams={"U": {"/file": lambda r: sliced(r)}}, requests=[
    get("/"), get("/", "Range: bytes=5-14"), get("/", "Range: bytes=15-15"),
    get("/", "Range: bytes=90-"), head("/"), get("/", "Range: bytes=-3")])


def sliced(r):
    data = b"0123456789" * 3 + b"tail"
    want = r.get("range") or ""
    if not want.startswith("bytes="):
        return reply(data, "ETag: \"s\"")
    a, _, b = want[6:].partition("-")
    a, b = int(a), min(int(b or len(data) - 1), len(data) - 1)
    if a >= len(data):
        return reply(b"", "Content-Range: bytes */%d" % len(data),
                     status="416 Range")
    return reply(data[a:b + 1], "ETag: \"s\"", "Content-Range: bytes %d-%d/%d"
                 % (a, b, len(data)), status="206 Partial Content")


group("dav", server="""
root dav; default_type text/plain; client_max_body_size 1m;
dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on;
location /nocreate/ { create_full_put_path off; }
location /depth/ { min_delete_depth 3; }
location /ro/ { dav_methods off; }
""", files={"dav/a.txt": "a", "dav/d/x": "x", "dav/depth/y": "y", "dav/ro/z": "z",
            "dav/e/f/g": "g"}, norm=[(r"(?i)(ETag|Last-Modified): .*", r"\1")],
      errors="error", requests=[
    post("/new.txt", "new", method="PUT"), get("/new.txt"),
    post("/new.txt", "newer", method="PUT"), get("/new.txt"),
    post("/p/q/r.txt", "deep", method="PUT"), get("/p/q/r.txt"),
    post("/dir/", "x", method="PUT"), post("/nocreate/z/a", "x", method="PUT"),
    get("/mk/", method="MKCOL"), get("/mk/", method="MKCOL"),
    get("/mk", method="MKCOL"), get("/no/such/", method="MKCOL"),
    get("/a.txt", "Destination: /b.txt", method="COPY"), get("/b.txt"),
    get("/a.txt", "Destination: http://localhost/c.txt", "Overwrite: F",
        method="COPY"), get("/a.txt", "Destination: /b.txt", "Overwrite: F",
                            method="COPY"),
    get("/b.txt", "Destination: /m.txt", method="MOVE"), get("/b.txt"),
    get("/m.txt"), get("/e/", "Destination: /e2/", method="COPY"),
    get("/e2/f/g"), get("/e/", "Destination: /e3/", method="MOVE"),
    get("/m.txt", method="DELETE"), get("/m.txt", method="DELETE"),
    get("/d/", method="DELETE"), get("/d", method="DELETE"),
    get("/depth/y", method="DELETE"), get("/ro/z", method="DELETE"),
    get("/a.txt", "Depth: 1", method="DELETE"), get("/a.txt", method="COPY"),
    get("/a.txt", "Destination: bad", method="COPY"),
    get("/e3/", "Depth: 0", method="DELETE"),
    get("/a.txt", "Content-Range: bytes 0-1/5", method="PUT", body="xx")])

# What an upstream says of the type goes out as it came, and its charset counts.
SAID = ["text/html;charset=utf-8", "text/html; charset=utf-8", "text/html;  charset=utf-8",
        'text/html; charset="utf-8"', "text/html;Charset=UTF-8", "text/html; charset=utf-8; x=y",
        "text/html; x=y; charset=utf-8", "text/html;x=y", "text/html;charset",
        "TEXT/html;charset=utf-8", "text/html ;charset=utf-8", "multipart/x; boundary=a;charset=b",
        "text/html;;charset=utf-8", "text/html; charset=koi8-r", "text/html;"]
HOW = ["", "charset utf-8;", "charset koi8-r; override_charset on;", "charset koi8-r; charset_types *;",
       "charset utf-8; override_charset on;", "gzip on; gzip_min_length 1; gzip_types a/b;"]
group("content-type-said", http="charset_map koi8-r utf-8 { C1 D0B0; }", server="\n".join(
    'location /%d/ { proxy_pass http://127.0.0.1:%%%%U%%%%/; %s\n'
    '  add_header X-Type "$sent_http_content_type"; }' % (i, how) for i, how in enumerate(HOW)),
      upstreams={"U": {"/%d" % i: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: "
                       + said.encode() + b"\r\n\r\na\xc1c" for i, said in enumerate(SAID)}},
      requests=[get("/%d/%d" % (h, i), "Accept-Encoding: gzip")
                for h in range(len(HOW)) for i in range(len(SAID))]
      + [get("/0/%d" % i, "Range: bytes=0-0,2-2") for i in (0, 5)])
