"""What proxy_* directives change in requests and answers on their way."""

from ..dsl import get, gets, group, head, post

F = {"html/index.html": "index\n", "html/a.txt": "0123456789" * 3, "html/d/index.html": "d\n", "html/d/b.txt": "b", "html/big.txt": "y" * 70000,
     "pw": "ann:{PLAIN}secret\n", "html/err.html": "errpage $uri\n", "html/x.html": "<b>x</b>"}
def reply(body, *h, status="200 OK"):
    return ("HTTP/1.1 %s\r\n" % status + "".join(x + "\r\n" for x in h) + "Content-Length: %d\r\n\r\n%s" % (len(body), body)).encode()

U = {"/": reply("root", "Content-Type: text/plain"), "/a": reply("A" * 100, "Content-Type: text/html", "Set-Cookie: a=b; Path=/a; Domain=up.test", "Set-Cookie: c=d; path=/x/; HttpOnly", "Refresh: 5; url=http://127.0.0.1/x", "Link: </x>; rel=y"),
     "/loc": reply("", "Location: http://back.test/there?x=y", status="302 Found"), "/loc2": reply("", "Location: /rel/there", status="301 Moved"), "/loc3": reply("", "Location: http://127.0.0.1:99/zz", status="201 Created"),
     "/500": reply("up500", "Content-Type: text/plain", status="500 Oops"), "/404": reply("up404", status="404 Not Here"), "/503": reply("up503", "Retry-After: 5", status="503 Busy"), "/304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
     "/204": b"HTTP/1.1 204 No Content\r\n\r\n", "/chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n",
     "/etag": reply("etagged", "ETag: \"abc\"", "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT"), "/w": reply("weird", "X-Empty:", "X-Multi: a", "X-Multi: b", "x-lower: l", "Content-Type:", "Server: upsrv", "Date: Mon, 01 Jan 2001 00:00:00 GMT", "Connection: close", "Keep-Alive: timeout=5", "X-Accel-Foo: 1"),
     "/401": reply("need", "WWW-Authenticate: Basic realm=up", "WWW-Authenticate: Digest x=y", status="401 No"), "/http2xx": reply("x", status="299 Odd"), "/418": reply("tea", status="418 Tea"), "/cc": reply("cc", "Cache-Control: max-age=5", "Cache-Control: public", "Expires: Thu, 01 Jan 1970 00:00:01 GMT", "Vary: Accept", "Age: 7")}

group("proxy-edit", http="upstream back { server 127.0.0.1:%%U%%; }", server=r"""
root html; error_page 502 504 /err.html;
location /1/ { proxy_pass http://back/; proxy_cookie_domain up.test localhost; proxy_cookie_path /a /new; proxy_cookie_path ~*^/x(.*)$ /y$1; proxy_cookie_flags a secure samesite=strict; proxy_cookie_flags ~ nohttponly; }
location /2/ { proxy_pass http://back/; proxy_redirect http://back.test/ /mapped/; proxy_redirect ~^/rel/(.*)$ http://$host/r-$1; proxy_redirect default; }
location /3/ { proxy_pass http://back/; proxy_redirect off; proxy_hide_header Set-Cookie; proxy_hide_header ETag; proxy_pass_header Server; proxy_pass_header X-Accel-Foo; }
location /4/ { proxy_pass http://back/; proxy_intercept_errors on; error_page 404 /err.html; error_page 500 =200 /err.html; error_page 503 @e503; error_page 401 @e401; }
location @e503 { add_header X-Was $upstream_status always; return 503 "named $upstream_http_retry_after"; }
location @e401 { return 401 "nope"; }
location /5/ { proxy_pass http://back/; proxy_method PUT; proxy_set_body "body=$arg_b"; proxy_set_header X-Up $scheme; proxy_set_header Host $proxy_host:$proxy_port; proxy_set_header Accept-Encoding ""; proxy_set_header X-Empty ""; }
location /6/ { proxy_pass http://back/; proxy_pass_request_headers off; proxy_pass_request_body off; }
location /7/ { rewrite ^/7/(.*)$ /$1 break; proxy_pass http://back; }
location /8 { proxy_pass http://back/pre$request_uri; }
location /9/ { set $b back; proxy_pass http://$b; }
location ~ ^/10/(?<p>.*)$ { proxy_pass http://back/$p$is_args$args; }
location /11/ { limit_except GET { deny all; } proxy_pass http://back/; }
location /12/ { proxy_pass http://back/; add_header X-Added "$upstream_addr" ; add_header X-St "$upstream_status $upstream_response_length" always; add_trailer X-Tr "$upstream_bytes_received"; expires 1h; }
location /13/ { proxy_pass http://back/; etag off; proxy_force_ranges on; }
location /14/ { proxy_pass http://back/; proxy_http_version 1.0; proxy_set_header Connection close; }
location /15/ { proxy_pass http://back/; gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }
location /16/ { proxy_pass http://back/; if ($arg_x) { return 402 "x"; } if ($arg_y) { proxy_pass http://back; } }
location /17 { proxy_pass http://back/a; }
location = /18 { proxy_pass http://back/a?q=1; }
location /19/ { proxy_pass http://back/; chunked_transfer_encoding off; }
location /20/ { proxy_pass http://back/; ssi on; sub_filter A a; sub_filter_once off; charset utf-8; }
location /21/ { auth_basic x; auth_basic_user_file pw; proxy_pass http://back/; proxy_set_header Authorization ""; proxy_set_header X-User $remote_user; }
location /22/ { proxy_pass http://back/; proxy_next_upstream http_500 http_404; proxy_next_upstream_tries 2; }
location /23/ { proxy_pass http://127.0.0.1:1/; }
location /24/ { proxy_pass http://back/; proxy_ignore_headers Set-Cookie Cache-Control Expires; proxy_buffering off; }
location /25/ { proxy_pass http://back/; proxy_buffer_size 128; }
""", files=F, upstreams={"U": U}, requests=[get("/%d%s" % (i, p)) for i in (1, 2, 3, 4, 12, 13, 15, 19, 20, 24, 25) for p in U]
  + gets("/5/a?b=1", "/6/a", "/7/a?x=1", "/7/%61%2fb?x", "/8?q=1", "/8x/y%20z", "/9/a?q", "/10/a?q=1", "/10/a%20b", "/10/a%2Fb?c", "/11/a", "/14/a", "/14/chunk", "/16/a", "/16/a?x=1", "/16/a?y=1", "/17", "/17?r=1", "/17/z", "/18", "/18?z=1", "/22/404", "/22/500", "/23/x", "/21/a")
  + [post("/5/a?b=zz", "abc"), post("/7/a", "abc=1", "Content-Type: application/x-www-form-urlencoded"), post("/11/a", "x"), get("/21/a", "Authorization: Basic YW5uOnNlY3JldA=="), get("/21/a", "Authorization: Basic YW5uOnNlYzJldA=="),
     get("/13/etag", "Range: bytes=1-3"), get("/13/etag", "Range: bytes=9-"), get("/13/etag", "If-None-Match: \"abc\""), get("/12/etag", "If-None-Match: \"abc\"", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"), get("/13/etag", "If-Range: \"abc\"", "Range: bytes=0-0"),
     get("/15/a", "Accept-Encoding: gzip"), get("/15/etag", "Accept-Encoding: gzip"), get("/15/304", "Accept-Encoding: gzip"), head("/15/a", "Accept-Encoding: gzip"), head("/1/a"), head("/1/chunk"), get("/1/a", version="1.0"), get("/19/chunk", version="1.0"), get("/1/chunk", version="1.0"),
     get("/7/a", "Connection: X-Drop, keep-alive", "X-Drop: 1", "Keep-Alive: 5", "TE: trailers", "Upgrade: foo"), get("/1/a", "Accept: x")] )
