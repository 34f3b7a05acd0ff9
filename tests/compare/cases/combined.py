"""What confs of real sites combine: phases, named locations, conditions, error pages."""

from ..dsl import get, gets, group, head, post

PAGES = {"html/index.html": "index\n", "html/a.txt": "a" * 3000, "html/d/index.html": "d index\n",
         "html/e.html": "<html><head><title>T</title></head><body>x y z</body></html>\n",
         "html/app/index.php": "php\n", "html/maint.html": "maintenance\n",
         "html/img/x.png": "png", "html/img/x.webp": "webp", "html/.git/config": "secret",
         "html/sp ace.txt": "space", "html/pct%25.txt": "pct", "html/uml\u00e4ut.txt": "uml"}

group("real-wordpress", http="""
map $http_user_agent $bad { default 0; ~*(curl|wget|bot) 1; }
map $uri $new { default ""; /old /new; ~^/blog/(?<slug>.+)$ /posts/$slug; /old2 https://x/$arg_q; }
map $http_accept $webp { default ""; "~*webp" ".webp"; }
""", server=r"""
root html; index index.php index.html;
if ($bad) { return 403; }
if ($new) { return 301 $new; }
location = /favicon.ico { log_not_found off; access_log off; }
location ~ /\.(?!well-known) { deny all; }
location ~* \.(png|jpg)$ { expires 30d; add_header Cache-Control public; add_header Vary Accept; try_files $uri$webp $uri =404; }
location / { try_files $uri $uri/ /app/index.php?q=$uri&$args; }
location ~ \.php$ { try_files $uri =404; default_type text/x-php; add_header X-Args $args; }
location ~ ^/u/(?<user>[^/]+)/(.*)$ { return 200 "$user|$1|$2|$uri|$request_uri"; }
location ^~ /static/ { alias html/; }
location /maint { if (-f html/maint.html) { rewrite ^ /maint.html break; } root html; }
error_page 404 /app/index.php?404;
error_page 403 @denied;
location @denied { internal; return 403 "denied $uri $status\n"; }
""", files=PAGES, log='$status $body_bytes_sent "$request" "$uri" "$args" $request_filename $document_root',
      requests=gets("/", "/a.txt", "/d", "/d/", "/nope", "/nope/x?y=1", "/.git/config", "/.well-known/x",
                    "/old", "/old?a", "/old2?q=1", "/blog/hi-there", "/img/x.png", "/img/nope.png", "/u/ann/b/c%20d",
                    "/static/a.txt", "/static/../a.txt", "/maint", "/app/index.php", "/app/x.php", "/favicon.ico", "/app/",
                    "/sp%20ace.txt", "/pct%2525.txt", "/uml%C3%A4ut.txt", "/nope/%2e%2e/a.txt", "//a.txt", "/./a.txt")
      + [get("/", "User-Agent: curl/8"), get("/img/x.png", "Accept: image/webp,*/*"), head("/nope"), post("/a.txt", "x"),
         post("/nope", "x=1"), get("/a.txt", "Range: bytes=0-9"), get("/nope", "Range: bytes=0-1"),
         get("/app/x.php", "Range: bytes=0-1")])

group("errors-nested", http="recursive_error_pages on;", server="""
root html;
error_page 404 = @a;
error_page 500 502 =503 /50x;
location @a { error_page 405 = @b; return 405; }
location @b { return 200 "b $uri $status"; }
location /50x { internal; return 200 "fifty $status $uri"; }
location /e500 { return 500; }
location /e502 { proxy_pass http://127.0.0.1:1; }
location /same { error_page 404 =200 /a.txt; }
location /empty { error_page 404 = /a.txt; }
location /abs { error_page 404 http://other/$uri; }
location /abs303 { error_page 404 =303 http://other/x; }
location /absown { error_page 404 =200 http://other/x; }
location /var { error_page 404 /$arg_p; }
location /inner { error_page 404 =418 @c; }
location @c { return 204; }
location /loop { error_page 404 /loop2; }
location /loop2 { error_page 404 /loop; }
location /method { error_page 405 =200 $uri; return 405; }
location /r { error_page 301 =200 /a.txt; return 301 /x; }
location /r2 { error_page 301 302 @b; rewrite ^ /y permanent; }
location /int { internal; }
""", files=PAGES, requests=gets("/none", "/e500", "/e502", "/50x", "/same/x", "/empty/x", "/abs/x?y", "/abs303/x", "/absown/x",
    "/var/x?p=a.txt", "/var/x?p=none", "/inner/x", "/loop/x", "/method", "/r", "/r2", "/int")
      + [head("/none"), post("/none", "abc"), post("/method", "abc"), post("/same/x", "abc"), head("/e502"), get("/same/x", "Range: bytes=1-2"),
         get("/empty/x", "If-None-Match: *")])

group("phases", http="log_format x escape=none '$uri';", server=r"""
root html; set $a start; rewrite ^/s1/(.*)$ /t1/$1; 
if ($request_method = POST) { set $m post; }
if ($arg_x ~ ^(\d+)-(\d+)$) { set $n "$1+$2"; }
if ($args ~* "id=([0-9]+)") { set $id $1; rewrite ^/item$ /items/$id? last; }
location /items/ { return 200 "$uri [$args] $id $a $m $n"; }
location /t1/ { set $a loc; if ($arg_q) { set $a "$a-q"; } if ($arg_q = 2) { return 202 "two $a"; } return 200 "$a $uri $m $n"; }
location /cap { rewrite ^/cap/(?<first>\w+)/(?<rest>.*)$ /capped/$rest?f=$first&$args? ; return 200 "$uri?$args $first $rest"; }
location /qq { rewrite ^ /z?a=1? break; return 200 "$uri?$args"; }
location /q1 { rewrite ^ /items/z?a=1 last; }
location /q2 { rewrite ^ /items/z?a=1? last; }
location /q3 { rewrite ^(.*)$ /items$1 last; }
location /enc { rewrite ^/enc/(.*)$ /items/$1?e=$1 last; }
location /encr { rewrite ^/encr/(.*)$ http://h/$1?e=$1 redirect; }
location /i1 { if ($arg_a) { add_header X-A a; } if ($arg_b) { add_header X-B b; } add_header X-C c; return 200 "i1"; }
location /i2 { add_header X-C c; if ($arg_a) { add_header X-A a; } try_files /a.txt =404; }
location /i3 { if ($arg_a) { root html/d; } index index.html; alias html/d/; }
location /i4 { if ($arg_a) { expires 1h; } if ($arg_b) { gzip off; break; } set $zz 1; root html; try_files /a.txt =404; }
location /i5 { if (!-e $document_root$uri) { rewrite ^ /a.txt last; } }
location /i6 { if ($http_cookie ~* "id=([^;]+)(?:;|$)") { set $cid $1; } return 200 "cid=$cid"; }
location /i7 { if ($request_uri ~ "^[^?]*\?.*utm_") { return 410; } return 200 fine; }
location /i8 { if ($arg_x) { set $limit_rate 4k; } return 200 "$limit_rate"; }
location /i9 { if ($host != localhost) { return 421; } return 200 "host ok"; }
location /i10 { if ($arg_a = "x y") { return 200 "spaced"; } if ($arg_a = "x%20y") { return 200 "coded"; } return 200 no; }
""", files=PAGES, errors="error", requests=gets("/s1/abc", "/s1/abc?q=1", "/s1/abc?q=2", "/item?id=77", "/item?ID=5&x=1-2", "/items/?x=3-4", "/cap/one/two/three?y=1",
    "/qq?k=v", "/q1?k=v", "/q2?k=v", "/q3?k=v", "/enc/a%20b%3Fc%26d%2Be", "/enc/%C3%A4", "/encr/a%20b%3Fc%26d%2Be",
    "/i1", "/i1?a=1", "/i1?b=1", "/i1?a=1&b=1", "/i2", "/i2?a=1", "/i4?a=1", "/i4?b=1", "/i5/none", "/i5", "/i7?utm_x=1", "/i7?x=1", "/i8?x", "/i9",
    "/i10?a=x%20y", "/i10?a=x", "/i3/?a=1", "/i3/")
      + [post("/s1/x", "b"), post("/items/", "b"), get("/i6", "Cookie: x=1; id=abc; z=2"), get("/i6", "Cookie: id=q"), get("/i9", host="other")])
