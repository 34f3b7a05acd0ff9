"""root, alias, index, validators, ranges, types, expires, autoindex."""

from ..dsl import get, gets, group, head, post, raw

TEXT = "0123456789abcdefghijklmnopqrstuvwxyz"
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"           # of the files' time
LATER = "Wed, 15 Nov 2023 22:13:20 GMT"
SOONER = "Mon, 13 Nov 2023 22:13:20 GMT"
ETAG = '"6553f100-24"'

FILES = {
    "html/index.html": "<p>index</p>\n", "html/a.txt": TEXT,
    "html/empty.txt": "", "html/dir/index.html": "dir index\n",
    "html/dir/x.html": "x\n", "html/noindex/a": "a", "html/a b.txt": "space",
    "html/\u00e4.txt": "umlaut", "html/noext": "no ext", "html/x.tar.gz": "gz",
    "html/UP.TXT": "upper", "html/.hidden": "hidden", "html/a.css": "b{}",
    "html/a.js": "1", "html/a.unknownext": "u", "html/a.": "dot",
    "html/q?x": "question", "html/100%": "percent", "html/old.txt": ("o", 1),
    "html/future.txt": ("f", 4000000000), "html/sub/deep/er/f.txt": "deep",
    "html/link.txt": ("->", "a.txt"), "html/dirlink": ("->", "dir"),
    "html/dangling": ("->", "nowhere"), "html/big.bin": "x" * 100000,
    "other/a.txt": "other a\n", "other/index.html": "other index\n",
    "other/index.txt": "other txt index\n", "mime.types":
    "types { text/html html htm; text/css css; application/javascript js; "
    "text/plain txt; application/gzip gz; image/png png; }\n",
}

group("static", http="include mime.types;", server="root html;", files=FILES,
      errors="error", requests=gets(
    "/", "/index.html", "/a.txt", "/empty.txt", "/dir", "/dir/", "/dir/x.html",
    "/dir?a=b", "/noindex", "/noindex/", "/a%20b.txt", "/%c3%a4.txt",
    "/\u00c3\u00a4.txt", "/noext", "/x.tar.gz", "/UP.TXT", "/.hidden",
    "/a.css", "/a.js", "/a.unknownext", "/a.", "/q%3fx", "/q?x", "/100%25",
    "/old.txt", "/future.txt", "/sub/deep/er/f.txt", "/sub/deep/er/",
    "/link.txt", "/dirlink", "/dirlink/", "/dirlink/x.html", "/dangling",
    "/missing", "/missing/", "/a.txt/", "/a.txt/x", "/A.TXT", "/big.bin",
    "/dir//x.html", "/dir/./x.html", "/dir/../a.txt", "/sub", "/%61.txt",
    "/index.html/", "/..%2fa.txt", "/" + "n" * 300, "/a.txt%00", "/a.txt%20",
    "/dir/x.html?", "/noindex?x=%20y", "/sub/deep?a&b") + [
    get("/a.txt", method=m) for m in ("POST", "PUT", "DELETE", "OPTIONS",
                                      "PATCH", "TRACE", "FOO", "PROPFIND")
] + [head("/a.txt"), head("/dir"), head("/missing"), head("/empty.txt"),
     head("/big.bin"), post("/", "x"), post("/dir", "x"), post("/missing", "x"),
     raw("GET /a.txt\r\n"), raw("GET /a.txt HTTP/1.0\r\n\r\n"),
     raw("GET /dir HTTP/1.0\r\n\r\n"), get("/dir", host="Example.COM"),
     get("/dir", host="example.com:1234")])

group("root-alias", files=FILES, server="""
default_type text/plain;
location / { root html; }
location /other/ { root %%PREFIX%%; }
location /al/ { alias other/; }
location /als { alias %%PREFIX%%/other; }
location /alx/ { alias %%PREFIX%%/other; }
location = /file { alias %%PREFIX%%/other/a.txt; }
location ~ ^/re/(.*)$ { alias %%PREFIX%%/html/$1; }
location ~ ^/re2/(?<f>.*)$ { alias %%PREFIX%%/$f; }
location /var/ { alias %%PREFIX%%/$arg_d/; }
location /rootvar { root %%PREFIX%%/$arg_d; }
location /empty/ { alias other/; index none.html; }
location /ai/ { alias other/; index index.txt; }
location ~* \\.png$ { root other; }
location /al/nested/ { alias html/dir/; }
location /dr { return 200 "$document_root $realpath_root $request_filename"; }
location /al2/ { alias html/; location /al2/dir/ { return 200 "$document_root|$request_filename"; } return 200 "$document_root|$request_filename"; }
""", errors="error", requests=gets(
    "/", "/other/a.txt", "/al/a.txt", "/al/", "/al", "/als/a.txt", "/als",
    "/als/", "/alsa.txt", "/alx/a.txt", "/alx/", "/file", "/file/", "/re/a.txt",
    "/re/", "/re/dir", "/re/dir/", "/re2/other/a.txt", "/re2/other",
    "/var/a.txt?d=other", "/var/a.txt?d=html", "/var/a.txt", "/var/?d=other",
    "/rootvar?d=x", "/empty/", "/ai/", "/x.png", "/al/nested/x.html",
    "/al/nested/", "/al/missing", "/al/../a.txt", "/dr/x", "/al2/x",
    "/al2/dir/x", "/al/sub", "/re/sub", "/als/../other/a.txt"))

group("index", files=dict(FILES, **{
    "html/i1/b.html": "b", "html/i1/c.html": "c", "html/i2/c.html": "c",
    "html/i3/x": "x", "html/i4/index.php": "php", "html/i5/index.html/x": "dir",
}), server="""
root html;
index a.html b.html c.html index.php;
location = /i2/c.html { return 200 "redirected to $uri\\n"; }
location ~ \\.php$ { return 200 "php $uri $args\\n"; }
location /abs/ { index none.html /a.txt; }
location /absx/ { root other; index /index.html; }
location /v/ { index $arg_i index.html; root html; rewrite ^/v/(.*) /$1 break; }
location /i5/ { index index.html; }
location /none/ { alias html/noindex/; index nothing; }
""", errors="error", requests=gets(
    "/i1/", "/i2/", "/i3/", "/i4/", "/i4/?a=b", "/abs/", "/absx/", "/v/dir/",
    "/v/dir/?i=x.html", "/v/", "/i5/", "/none/", "/i6/", "/i1", "/dir/") + [
        head("/i1/"), post("/i1/", "x"), post("/i4/", "abc")])

R = ["bytes=0-0", "bytes=0-3", "bytes=5-", "bytes=-5", "bytes=-0", "bytes=-100",
     "bytes=0-100", "bytes=35-35", "bytes=36-", "bytes=36-40", "bytes=0-35",
     "bytes=3-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-a", "bytes=0",
     "bytes= 0-3", "bytes=0 - 3", "bytes=0-3 ", "bytes =0-3", "Bytes=0-3",
     "BYTES=0-3", "items=0-3", "0-3", "bytes=0-3,5-6", "bytes=0-3, 5-6",
     "bytes=0-3,-5", "bytes=-5,0-3", "bytes=0-3,0-3", "bytes=0-30,0-30",
     "bytes=0-3,100-200", "bytes=100-200,0-3", "bytes=100-200,300-400",
     "bytes=0-3,", "bytes=,0-3", "bytes=0-3,,5-6", "bytes=0-1,2-3,4-5,6-7,8-9",
     "bytes=0-3,2-6", "bytes=5-6,0-3", "bytes=9999999999999999999-",
     "bytes=0-9999999999999999999", "bytes=-9999999999999999999",
     "bytes=18446744073709551616-1", "bytes=0-3;5-6", "bytes=--5", "bytes=1-2-3",
     "bytes=0-,5-6", "bytes=\t0-3", "bytes=0x0-3"]

# The boundary of multipart/byteranges is a counter.
BOUNDARY = [(r"\b\d{20}\b", "BOUNDARY")]

group("range", server="root html; default_type text/plain;", files=FILES,
      norm=BOUNDARY, requests=[get("/a.txt", "Range: " + r) for r in R] + [
    get("/empty.txt", "Range: bytes=0-0"), get("/empty.txt", "Range: bytes=-1"),
    get("/big.bin", "Range: bytes=50000-50009"),
    get("/big.bin", "Range: bytes=99990-"), get("/big.bin", "Range: bytes=0-9,"
                                                "50000-50009,-10"),
    head("/a.txt", "Range: bytes=0-3"), head("/a.txt", "Range: bytes=0-3,5-6"),
    post("/a.txt", "x", "Range: bytes=0-3"),
    get("/missing", "Range: bytes=0-3"), get("/dir", "Range: bytes=0-3"),
    get("/a.txt", "Range: bytes=0-3", version="1.0"),
    get("/a.txt", "Range: bytes=0-3", "Range: bytes=5-6"),
    get("/a.txt", "Range: bytes=0-3,5-6", close=True),
])

group("range-if", server="root html; default_type text/plain;", files=FILES,
      norm=BOUNDARY, requests=[
    get("/a.txt", "Range: bytes=0-3", "If-Range: " + v) for v in (
        ETAG, '"x"', "W/" + ETAG, DATE, LATER, SOONER, "garbage", "",
        '"6553f100-25"', "6553f100-24", "Tue, 14 Nov 2023 22:13:20", ETAG + " ")
] + [
    get("/a.txt", "If-Range: " + ETAG),
    get("/a.txt", "Range: bytes=100-", "If-Range: " + ETAG),
    get("/a.txt", "Range: bytes=100-", "If-Range: \"x\""),
    get("/a.txt", "Range: bytes=0-3", "If-None-Match: " + ETAG),
    get("/a.txt", "Range: bytes=0-3", "If-Modified-Since: " + DATE),
    get("/a.txt", "Range: bytes=0-3", "If-Match: \"x\""),
])

group("max-ranges", server="""root html; default_type text/plain;
location /0/ { max_ranges 0; alias html/; }
location /1/ { max_ranges 1; alias html/; }
location /2/ { max_ranges 2; alias html/; }
""", files=FILES, norm=BOUNDARY, requests=[
    get("/%s/a.txt" % n, "Range: bytes=" + r) for n in "012"
    for r in ("0-3", "0-3,5-6", "0-1,3-4,6-7", "-3", "99-")])

INM = [ETAG, "W/" + ETAG, '"x"', "*", "", '"x", ' + ETAG, ETAG + ', "x"',
       '"x",' + ETAG, '"x" ' + ETAG, "6553f100-24", '"6553f100-2"',
       '"6553f100-244"', ' "x" , W/' + ETAG, "w/" + ETAG, '"a,b",' + ETAG, ","]

group("conditional", server="""root html; default_type text/plain;
location /off/ { alias html/; if_modified_since off; }
location /before/ { alias html/; if_modified_since before; }
location /exact/ { alias html/; if_modified_since exact; }
location /noetag/ { alias html/; etag off; }
location /gz/ { alias html/; gzip on; gzip_min_length 1; gzip_types *; }
""", files=FILES, requests=[
    get("/a.txt", "If-None-Match: " + v) for v in INM
] + [
    get("/a.txt", "If-Match: " + v) for v in INM[:10]
] + [
    get(p + "a.txt", "If-Modified-Since: " + d) for p in
    ("/", "/off/", "/before/", "/exact/", "/noetag/") for d in
    (DATE, LATER, SOONER)
] + [
    get("/a.txt", "If-Modified-Since: " + d) for d in (
        "garbage", "", "0", "Tuesday, 14-Nov-23 22:13:20 GMT",
        "Tue Nov 14 22:13:20 2023", "Tue, 14 Nov 2023 22:13:20 PST",
        "Tue, 14 Nov 2023 22:13:20", "Xxx, 14 Nov 2023 22:13:20 GMT",
        "Tue, 14 nov 2023 22:13:20 GMT", "Tue, 14 Xxx 2023 22:13:20 GMT",
        "Tue, 99 Nov 2023 22:13:20 GMT", DATE + "; length=36",
        "Tue,  14 Nov 2023 22:13:20 GMT", "14 Nov 2023 22:13:20 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 29 Feb 2024 00:00:00 GMT",
        "Wed, 29 Feb 2023 00:00:00 GMT", "Fri, 01 Jan 9999 00:00:00 GMT")
] + [
    get("/a.txt", "If-Unmodified-Since: " + d) for d in (DATE, LATER, SOONER,
                                                         "garbage")
] + [
    get("/a.txt", "If-None-Match: \"x\"", "If-Modified-Since: " + DATE),
    get("/a.txt", "If-None-Match: " + ETAG, "If-Modified-Since: " + SOONER),
    get("/a.txt", "If-None-Match: " + ETAG, "If-Match: \"x\""),
    get("/a.txt", "If-Match: " + ETAG, "If-Unmodified-Since: " + SOONER),
    head("/a.txt", "If-None-Match: " + ETAG),
    post("/a.txt", "x", "If-None-Match: " + ETAG),
    get("/noetag/a.txt"), get("/noetag/a.txt", "If-None-Match: " + ETAG),
    get("/missing", "If-None-Match: *"), get("/", "If-None-Match: *"),
    get("/gz/a.txt", "Accept-Encoding: gzip", "If-None-Match: W/" + ETAG),
    get("/gz/a.txt", "Accept-Encoding: gzip", "If-None-Match: " + ETAG),
    get("/gz/a.txt", "Accept-Encoding: gzip"),
    get("/gz/a.txt", "Accept-Encoding: gzip", "Range: bytes=0-3"),
])

group("types", files=FILES, http="include mime.types;\n"
      "default_type application/x-default;", server="""
root html;
location /t/ { alias html/; types { a/b txt; c/d css CSS; } }
location /none/ { alias html/; types { } default_type x/y; }
location /dt/ { alias html/; default_type text/x-it; }
location /hash/ { alias html/; types_hash_max_size 64; types_hash_bucket_size 64; types { x/y tar.gz gz; } }
location /nodt/ { alias html/; default_type ""; }
location /nodt2/ { alias html/; types { } default_type ""; }
location /ret { return 200 x; }
location /ret.css { return 200 x; }
location /ret.zzz { return 200 x; }
""", requests=gets(
    "/a.txt", "/a.css", "/UP.TXT", "/noext", "/a.unknownext", "/x.tar.gz",
    "/a.", "/.hidden", "/t/a.txt", "/t/a.css", "/t/a.js", "/none/a.txt",
    "/none/a.css", "/dt/a.txt", "/dt/noext", "/hash/x.tar.gz", "/nodt/noext",
    "/nodt2/a.txt", "/ret", "/ret.css", "/ret.zzz", "/dir/x.html"))

EXP = ["off", "epoch", "max", "1h", "-1", "0", "-1h", "24h", "1d", "1y", "30s",
       "modified +24h", "modified -1h", "modified 10s", "@0h", "$arg_e", "1M",
       "1h30m", "90", "1w"]

group("expires", files=FILES, server="root html; default_type text/plain;\n"
      + "".join("location /%d/ { alias html/; expires %s; }\n" % (i, e)
                for i, e in enumerate(EXP))
      + """
location /h/ { alias html/; expires 1h; add_header Cache-Control private; }
location /r { expires 1h; return 200 x; }
location /r404 { expires 1h; return 404; }
location /r302 { expires 1h; return 302 /x; }
location /inh/ { expires 5m; location /inh/a { alias html/; } location /inh/b { expires off; alias html/; } }
location /p { expires 1h; proxy_pass http://127.0.0.1:%%U%%; }
location /pm { expires modified 1h; proxy_pass http://127.0.0.1:%%U%%/p; }
""", upstreams={"U": {"/p": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                            b"Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\n"
                            b"Cache-Control: no-cache\r\n\r\nok"}},
      norm=[(r"Date[+-]\d{6,}", "Date+N"), (r"max-age=\d{6,}", "max-age=N")],
      requests=[get("/%d/a.txt" % i, id="expires " + e)
                for i, e in enumerate(EXP) if e != "@0h"]
      + [get("/15/a.txt?e=" + e) for e in ("1h", "max", "epoch", "off", "x",
                                           "-5", "1h30m", "@99h")]
      + gets("/h/a.txt", "/r", "/r404", "/r302", "/inh/aa.txt", "/inh/bmissing",
             "/3/missing", "/p", "/pm") + [
          head("/3/a.txt"), get("/3/a.txt", "If-None-Match: " + ETAG),
          get("/3/a.txt", "Range: bytes=0-1"),
          get("/3/a.txt", "Range: bytes=99-")])

group("add-header", files=FILES, server="""
root html; default_type text/plain;
add_header X-Server one;
add_header X-Two "a b";
location /inh { root html; }
location /own { add_header X-Own $arg_v; return 200 own; }
location /always { add_header X-A yes always; add_header X-B no; return 404; }
location /multi { add_header X-M 1; add_header X-M 2; return 200 m; }
location /empty { add_header X-E ""; add_header X-F $arg_none; return 200 e; }
location /cc { add_header Cache-Control no-store; add_header Cache-Control x; return 200 c; }
location /lm { add_header Last-Modified "Tue, 14 Nov 2023 22:13:20 GMT"; return 200 l; }
location /lm0 { alias html/a.txt; add_header Last-Modified ""; }
location /etag { alias html/a.txt; add_header ETag '"mine"'; }
location /ct { add_header Content-Type text/x; return 200 c; }
location /link { add_header Link "</a>; rel=preload"; add_header Link "</b>"; return 200 l; }
location /set-cookie { add_header Set-Cookie a=b; add_header Set-Cookie c=d; return 200 c; }
location /if { if ($arg_x) { add_header X-If yes; return 200 yes; } add_header X-If no; return 200 no; }
location /vars { add_header X-V "$status $sent_http_content_type $sent_http_content_length $content_type"; return 200 vars; }
location /tr { add_trailer X-T "t=$status"; alias html/a.txt; }
location /tr2 { add_trailer X-T v; return 404; }
location /tr4 { add_trailer X-T v; chunked_transfer_encoding off; return 200 kept; }
location /tr3 { add_trailer X-T v always; proxy_pass http://127.0.0.1:%%U%%; }
location /proxy { add_header X-P $upstream_http_x_u; proxy_pass http://127.0.0.1:%%U%%; }
location /loc { add_header Location /elsewhere; return 201 x; }
location /crlf { add_header X-C $arg_v; return 200 "$arg_v"; }
""", upstreams={"U": {
    "/proxy": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-U: up\r\n\r\nok",
    "/tr3": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}},
      requests=gets("/", "/inh/x", "/own?v=1", "/own", "/always", "/multi",
                    "/empty", "/cc", "/lm", "/lm0", "/etag", "/ct", "/link",
                    "/set-cookie", "/if", "/if?x=1", "/vars", "/proxy",
                    "/loc", "/missing", "/crlf?v=a%0d%0ab", "/tr", "/tr2", "/tr4",
                    "/tr3")
      + [get("/tr", "TE: trailers"), get("/tr3", "TE: trailers"),
         get("/tr", version="1.0"), head("/own?v=1"),
         get("/etag", "If-None-Match: \"mine\""),
         get("/a.txt", "If-None-Match: " + ETAG),
         get("/a.txt", "Range: bytes=0-1"), get("/a.txt", "Range: bytes=99-")])

group("add-header-codes", server="""
add_header X-H h; add_header X-A a always;
""" + "".join("location /%d { return %d; }\n" % (c, c) for c in (
    200, 201, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405,
    408, 409, 410, 411, 412, 413, 414, 415, 416, 421, 429, 494, 495, 496, 497,
    500, 501, 502, 503, 504, 505, 507, 418, 444, 499, 599, 600, 999, 100, 101,
    1, 0)), requests=gets(*["/%d" % c for c in (
        200, 201, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404,
        405, 408, 409, 410, 411, 412, 413, 414, 415, 416, 421, 429, 494, 495,
        496, 497, 500, 501, 502, 503, 504, 505, 507, 418, 444, 499, 599, 600,
        999)]) + [head("/404"), head("/500"), get("/404", version="1.0"),
                  raw("GET /404\r\n"), get("/404", "User-Agent: Mozilla/4.0 "
                                           "(compatible; MSIE 6.0)"),
                  post("/405", "x"), post("/413", "x")])

AI = {"list/" + n: c for n, c in {
    "a.txt": "a" * 10, "b": "", "c d.txt": "1" * 2000, "e&f.txt": "x",
    "g<h>.txt": "x", "q?r.txt": "x", "s#t.txt": "x", "u%v.txt": "x",
    "\u00e4\u00f6.txt": "x", "x" * 60 + ".txt": "x", "y" * 49: "x",
    "y" * 50: "x", "y" * 51: "x", "Zupper": "x", ".hidden": "x",
    "big.bin": "x" * 1500000, "kilo": "x" * 1024, "kilo1": "x" * 10239,
    "subdir/x": "y", "sub dir/x": "y", "quote\"s'.txt": "x", "a:b": "x",
    "colon/x": "y", "semi;colon": "x", "plus+plus": "x", "back\\slash": "x",
    "tab\tfile": "x", "nl\nfile": "x", "old": ("x", 1),
    "link": ("->", "a.txt"), "dirlink": ("->", "subdir"),
    "broken": ("->", "nowhere"), "\u65e5\u672c" * 20: "x"}.items()}

group("autoindex", files=dict(AI, **{"none/x": "", "empty": None}), server="""
root %%PREFIX%%; default_type text/plain;
autoindex on;
autoindex_localtime off;
location /exact/ { alias list/; autoindex_exact_size on; }
location /size/ { alias list/; autoindex_exact_size off; }
location /json/ { alias list/; autoindex_format json; }
location /xml/ { alias list/; autoindex_format xml; }
location /jsonp/ { alias list/; autoindex_format jsonp; }
location /html/ { alias list/; autoindex_format html; }
location /off/ { alias list/; autoindex off; }
location /charset/ { alias list/; charset utf-8; }
location /h/ { alias list/; add_header X-A b; expires 1h; }
""", requests=gets("/list/", "/list", "/exact/", "/size/", "/json/", "/xml/",
                   "/jsonp/", "/jsonp/?callback=cb", "/html/", "/off/",
                   "/charset/", "/h/", "/list/subdir/", "/list/sub%20dir/",
                   "/empty/", "/missing/", "/list/?C=N", "/jsonp/?callback=a.b",
                   "/jsonp/?callback=a(b", "/jsonp/?callback=a%28b",
                   "/json/subdir/", "/xml/subdir/", "/jsonp/subdir/?callback=")
      + [head("/list/"), post("/list/", "x"), get("/list/", version="1.0"),
         head("/json/"), get("/list/", "Range: bytes=0-10")])

group("try-files", files=dict(FILES, **{"html/p.html": "page", "html/d/i": "i"}),
      server="""
root html; default_type text/plain;
location /code { try_files /none =404; }
location /code2 { try_files $uri $uri/ =418; }
location /c204 { try_files /none =204; }
location /file { try_files /a.txt =404; }
location /two { try_files /none /a.txt =404; }
location /uri { try_files /none /fallback?x=1&$args; }
location /uri2 { try_files /none /fallback$is_args$args; }
location /fallback { return 200 "fallback $uri $args\\n"; }
location /dir { try_files $uri $uri/ =404; }
location /dirno { try_files /dir /a.txt =404; }
location /dirslash { try_files /dir/ =404; }
location /named { try_files /none @n; }
location @n { return 200 "named $uri $args\\n"; }
location /html { try_files $uri.html =404; }
location ~ ^/cap/(.*)$ { try_files /$1.html /$1 =404; }
location /al/ { alias html/; try_files $uri $uri.txt =404; }
location /al2/ { alias html/; try_files $uri @n; }
location /noslash { try_files a.txt =404; }
location /var { try_files $arg_f =404; }
location /loop { try_files /none /loop; }
location /last { try_files /none /a.txt; }
location /lastdir { try_files /none /dir/; }
location /p { try_files $uri @px; }
location @px { proxy_pass http://127.0.0.1:%%U%%; }
location /ret { try_files /a.txt =404; return 200 "ret $uri\\n"; }
location /link { try_files /dangling /link.txt =404; }
location /sp { try_files "/a b.txt" =404; }
location /if/ { try_files /a.txt =404; if ($arg_x) { return 200 if; } }
try_files $uri $uri/ =404;
""", upstreams={"U": {}}, errors="error", requests=gets(
    "/code", "/code2", "/c204", "/file", "/two", "/uri", "/uri?y=2",
    "/uri2", "/uri2?z", "/dir", "/dir/", "/dirno", "/dirslash", "/named",
    "/named?a=b", "/html", "/html/../p", "/cap/p", "/cap/a.txt", "/cap/zz",
    "/al/a.txt", "/al/a", "/al/zz", "/al2/zz", "/al2/a.txt", "/noslash",
    "/var?f=/a.txt", "/var?f=/../mime.types", "/var", "/loop", "/last",
    "/lastdir", "/p/x?y=z", "/ret", "/link", "/sp", "/if/", "/if/?x=1",
    "/missing", "/a.txt", "/") + [post("/named", "x"), post("/file", "x"),
                                  post("/p/x", "hello"), head("/file")])

group("open-file-cache", files=FILES, server="""
root html; default_type text/plain;
open_file_cache max=100 inactive=20s; open_file_cache_valid 30s;
open_file_cache_min_uses 1; open_file_cache_errors on;
""", requests=gets("/a.txt", "/a.txt", "/missing", "/missing", "/dir", "/dir/",
                   "/", "/empty.txt") + [
    get("/a.txt", "Range: bytes=0-3"), head("/a.txt"),
    get("/a.txt", "If-None-Match: " + ETAG)])

group("disable-symlinks", files=dict(FILES, **{
    "html/real/f.txt": "f", "html/real/l.txt": ("->", "f.txt"),
    "html/ld": ("->", "real")}), server="""
root html; default_type text/plain;
location /on/ { alias html/; disable_symlinks on; }
location /own/ { alias html/; disable_symlinks if_not_owner; }
location /from/ { alias %%PREFIX%%/html/; disable_symlinks on from=%%PREFIX%%/html; }
location / { disable_symlinks off; }
""", requests=gets("/link.txt", "/on/link.txt", "/on/a.txt", "/on/ld/f.txt",
                   "/own/link.txt", "/own/ld/f.txt", "/from/real/f.txt",
                   "/from/ld/f.txt", "/from/real/l.txt", "/on/dangling"))

group("limit-rate-and-io", files=FILES, server="""
root html; default_type text/plain;
location /r/ { alias html/; limit_rate 10m; limit_rate_after 1k; }
location /ns/ { alias html/; sendfile off; }
location /sf/ { alias html/; sendfile on; tcp_nopush on; sendfile_max_chunk 16k; }
location /dio/ { alias html/; directio 4k; }
location /ob/ { alias html/; sendfile off; output_buffers 1 4k; }
location /aio/ { alias html/; aio threads; sendfile on; }
location /pp/ { alias html/; postpone_output 0; send_lowat 0; tcp_nodelay off; }
location /ra/ { alias html/; read_ahead 1k; }
""", requests=[get(p + f, *h) for p in
               ("/r/", "/ns/", "/sf/", "/dio/", "/ob/", "/aio/", "/pp/", "/ra/")
               for f, h in (("a.txt", ()), ("big.bin", ()),
                            ("big.bin", ("Range: bytes=1000-90000",)))])
