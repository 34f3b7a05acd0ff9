"""Several filters on one answer; bodies and their limits; indexes of folders."""

from ..dsl import get, gets, group, head, post

F = {"html/index.html": "index\n", "html/a.txt": "0123456789" * 30, "html/d/index.html": "d\n", "html/d/b.txt": "b", "html/x.html": "<b>aou</b>\n",
     "html/big.css": "body{}\n" * 2000, "html/list/a.txt": "1", "html/list/B.txt": "22", "html/list/sub/x": "x", "html/list/sp ace & <q>.txt": "s", "html/list/.hidden": "h", "html/list/" + "n" * 60 + ".txt": "n"}

group("filters-stacked", http="""
gzip on; gzip_min_length 1; gzip_types text/plain text/css; gzip_vary on; gzip_comp_level 1;
""", server=r"""
root html; charset utf-8; default_type text/html;
types { text/html html; text/plain txt; text/css css; }
location / { }
location /s/ { alias html/; sub_filter body BODY; sub_filter_types text/css; sub_filter_once off; }
location /ssi/ { alias html/; ssi on; ssi_types text/css; }
location /add/ { alias html/; add_before_body /pre; add_after_body /pre; addition_types text/css; }
location /exp/ { alias html/; expires epoch; add_header Cache-Control extra; add_header Vary X-A; }
location /exp2/ { alias html/; expires max; etag off; }
location /exp3/ { alias html/; expires @15h30m; }
location /exp4/ { alias html/; expires modified +1h; }
location /exp5/ { alias html/; expires -1; }
location /exp6/ { alias html/; expires $arg_e; }
location /ah/ { alias html/; add_header X-1 one; add_header X-2 "" ; add_header X-3 "$arg_z" always; add_header ETag mine; add_header Last-Modified "Mon, 01 Jan 2001 00:00:00 GMT"; location /ah/in/ { alias html/; add_header X-4 four; } location /ah/none/ { alias html/; } }
location /ah2/ { alias html/; add_header Content-Type text/odd; add_header Server me; add_header Date never; add_header Content-Length 5; add_header Connection x; add_header Location /x; }
location /tr/ { alias html/; add_trailer X-T "$request_uri"; add_trailer X-U always always; }
location /lr/ { alias html/; limit_rate 200k; limit_rate_after 1k; }
location /ai/ { alias html/; autoindex on; }
location /aij/ { alias html/; autoindex on; autoindex_format json; autoindex_localtime off; }
location /aix/ { alias html/; autoindex on; autoindex_format xml; }
location /aijp/ { alias html/; autoindex on; autoindex_format jsonp; autoindex_exact_size off; }
location /mx/ { alias html/; max_ranges 2; }
location /ims/ { alias html/; if_modified_since before; }
location /ims0/ { alias html/; if_modified_since off; }
location /pre { return 200 "[pre]"; }
""", files=F, norm=[("0000000\\d{13}", "BOUNDARY")], requests=[get(l + f, *h) for l in ("/", "/s/", "/ssi/", "/add/", "/tr/") for f in ("big.css", "a.txt", "x.html") for h in ((), ("Accept-Encoding: gzip",), ("Range: bytes=2-5",), ("Accept-Encoding: gzip", "Range: bytes=0-3"), ("If-None-Match: *",), ("If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT",))]
   + gets("/exp/a.txt", "/exp2/a.txt", "/exp3/none", "/exp5/a.txt", "/exp6/a.txt?e=off", "/exp6/a.txt?e=epoch", "/exp6/a.txt?e=bogus", "/exp6/a.txt", "/exp6/a.txt?e=max", "/ah/a.txt", "/ah/a.txt?z=1", "/ah/none?z=1", "/ah/in/a.txt?z=1", "/ah/none/a.txt", "/ah2/a.txt", "/ah2/none", "/lr/a.txt", "/ai/list/", "/ai/d/", "/ai/", "/aij/list/", "/aix/list/", "/aijp/list/", "/aijp/list/?callback=cb", "/ai/none/", "/exp4/none")
   + [head(p) for p in ("/ai/list/", "/aij/list/", "/tr/a.txt", "/s/big.css", "/add/big.css")] + [get("/mx/a.txt", "Range: bytes=0-1,3-4,6-7"), get("/mx/a.txt", "Range: bytes=0-1,3-4"), get("/mx/a.txt", "Range: bytes=-5,0-0"), get("/ims/a.txt", "If-Modified-Since: Wed, 15 Nov 2023 22:13:20 GMT"), get("/ims0/a.txt", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"), get("/ims/a.txt", "If-Modified-Since: Mon, 13 Nov 2023 22:13:20 GMT"),
      get("/tr/a.txt", "TE: trailers"), get("/tr/a.txt", version="1.0"), get("/a.txt", "Accept-Encoding: gzip;q=0"), get("/a.txt", "Accept-Encoding: *"), get("/a.txt", "Accept-Encoding: deflate, gzip;q=1.0"), get("/a.txt", "Via: 1.1 x", "Accept-Encoding: gzip"), get("/a.txt", "Accept-Encoding: gzip", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)"), get("/a.txt", "If-Match: \"x\""), get("/a.txt", "If-Unmodified-Since: Mon, 13 Nov 2023 22:13:20 GMT"), get("/a.txt", "If-Range: Tue, 14 Nov 2023 22:13:20 GMT", "Range: bytes=0-0"), get("/a.txt", "If-Range: W/\"6553f100-12c\"", "Range: bytes=0-0"), get("/a.txt", "If-Range: \"6553f100-12c\"", "Range: bytes=0-0"), get("/a.txt", "If-None-Match: W/\"6553f100-12c\""), get("/a.txt", "If-None-Match: \"x\", \"6553f100-12c\"", "If-Modified-Since: Mon, 13 Nov 2023 22:13:20 GMT")])

group("body-limits", server=r"""
root html; client_max_body_size 10; client_body_buffer_size 8;
location / { root html; }
location /r { return 200 "$request_body|$content_length|$request_length"; }
location /e { client_max_body_size 0; return 200 ok; }
location /b { client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%U%%/; proxy_set_header X-F "$request_body_file" ; proxy_http_version 1.1; }
location /p { proxy_pass http://127.0.0.1:%%U%%/; client_max_body_size 1k; proxy_http_version 1.1; proxy_request_buffering off; }
location /m { if ($request_method = POST) { return 405; } return 200; }
error_page 413 = @big; error_page 405 =200 @m;
location @big { return 200 "too big $status $request_method\n"; }
location @m { return 200 "method $status $request_method\n"; }
""", files=F, upstreams={"U": {"/": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}}, norm=[("X-F: \\S+", "X-F: file")], requests=[post(p, b, *h) for p in ("/a.txt", "/r", "/e", "/m", "/p") for b in ("", "12345", "1234567890", "12345678901") for h in ((),)] + [post(p, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "Transfer-Encoding: chunked") for p in ("/a.txt", "/e", "/p")] + [post("/a.txt", "x" * 20, method="PUT"), post("/a.txt", "x" * 20, method="DELETE"), get("/a.txt", "Content-Length: 99999999999999999999"), get("/a.txt", "Content-Length: 11"), get("/a.txt", "Content-Length: -1"), get("/a.txt", "Content-Length: +5"), get("/a.txt", "Content-Length: 5, 5"), post("/b", "12345")])

group("index-dirs", server=r"""
root html; index nope.html index.html /a.txt;
location /i1/ { alias html/; index $arg_i index.html; }
location /i2/ { alias html/d/; index b.txt; }
location /i3/ { alias html/; index none; }
location /i4/ { alias html/; index none; autoindex on; }
location /i5/ { alias html/; index none /a.txt; }
location /d/b.txt { return 200 "location b"; }
location = /d/index.html { return 200 "exact index"; }
location /i6 { alias html; }
location /i7/ { alias html/; index ../index.html; }
location = / { index d/index.html; }
""", files=F, requests=gets("/", "/d", "/d/", "/i1/?i=a.txt", "/i1/", "/i1/?i=d/b.txt", "/i2/", "/i3/", "/i4/d/", "/i5/", "/i5/d/", "/i6/", "/i6", "/i6/d", "/i7/d/", "/list", "/list/", "/a.txt/", "/d//", "/d/./", "/d/../d/") + [post("/d/", "x"), head("/d/"), get("/d", host="h:81"), get("/d?x=1"), get("/d", version="1.0")])
