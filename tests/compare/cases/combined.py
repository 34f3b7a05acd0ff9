"""What confs of real sites combine: phases, named locations, conditions, error pages."""

from ..dsl import get, gets, group, head, post

PAGES = {"html/index.html": "index\n", "html/a.txt": "a" * 3000, "html/d/index.html": "d index\n",
         "html/e.html": "<html><head><title>T</title></head><body>x y z</body></html>\n",
         "html/app/index.php": "php\n", "html/maint.html": "maintenance\n",
         "html/img/x.png": "png", "html/img/x.webp": "webp", "html/.git/config": "secret",
         "html/sp ace.txt": "space", "html/pct%25.txt": "pct", "html/uml\u00e4ut.txt": "uml"}

group("real-wordpress", http="""
log_format l '$status "$request" "$uri" "$args" $request_filename $document_root';
access_log logs/access.log l;
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
""", files=PAGES, log="logs/access.log",
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

FILES = {"html/index.html": "index\n", "html/a.txt": "0123456789" * 30, "html/p.html": "<html><head><title>Old Title</title></head><body>old OLD Old aold olda</body></html>\n",
     "html/empty.html": "", "html/one.html": "o", "html/abc.html": "ababababc abcabc", "html/d/x.html": "dx"}

group("sub-more", server=r"""
root html; default_type text/html;
location /p1/ { alias html/; sub_filter old new; }
location /p2/ { alias html/; sub_filter old new; sub_filter_once off; }
location /p3/ { alias html/; sub_filter old new; sub_filter title heading; sub_filter Old Neu; sub_filter_once off; }
location /p4/ { alias html/; sub_filter "$arg_x" "[$arg_y]"; sub_filter_once off; }
location /p5/ { alias html/; sub_filter abab X; sub_filter ababc Y; sub_filter_once off; }
location /p6/ { alias html/; sub_filter abc abcabc; sub_filter_once off; sub_filter_last_modified on; }
location /p7/ { alias html/; sub_filter o ""; sub_filter_once off; sub_filter_types *; }
location /p8/ { alias html/; sub_filter_types text/plain; sub_filter o 0; types { text/plain txt; text/html html; } }
location /p9/ { alias html/; sub_filter '</head>' '<script src="/x.js"></script></head>'; sub_filter '<body>' '<body class="$uri">'; add_before_body /pre; add_after_body /post; addition_types text/html; }
location /p10/ { alias html/; sub_filter "OLD" "upper"; sub_filter "old" "lower"; sub_filter_once on; }
location /p11/ { sub_filter a b; location /p11/in/ { alias html/; } alias html/; }
location /p12/ { sub_filter a b; location /p12/in/ { alias html/; sub_filter d D; } alias html/; }
location /pre { return 200 "[pre old]"; }
location /post { return 200 "[post old]"; }
location /r { sub_filter world "$arg_n"; return 200 "hello world"; }
location /s { sub_filter_once off; sub_filter a '#'; sub_filter b '"'; return 200 "aabb"; }
""", files=FILES, requests=[get("/p%d/%s" % (i, f)) for i in range(1, 13) for f in ("p.html", "empty.html", "abc.html", "one.html") if (i, f) != (9, "empty.html")]
    + gets("/p4/p.html?x=old&y=1", "/p4/p.html?x=OLD", "/p4/abc.html?x=ab&y=", "/p4/abc.html?x=ababc&y=z", "/p8/a.txt", "/p11/in/abc.html", "/p12/in/d/x.html", "/r?n=x", "/r", "/s")
    + [head("/p2/p.html"), get("/p2/p.html", "Range: bytes=0-9"), get("/p2/p.html", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT"), get("/p6/abc.html", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT"),
       get("/p2/p.html", version="1.0"), post("/p2/p.html", "x"), get("/p1/none")])

group("map-more", http=r"""
map_hash_bucket_size 128;
map $arg_h $hosts { hostnames; default none; example.com ex; .example.org dotorg; *.example.net star; www.* wwwany; www.example.net exact; ~^re\.(?<sub>.+)$ "re-$sub"; volatile; }
map "$arg_a:$arg_b" $two { default "d"; "1:2" onetwo; "~^(?<x>\d+):(?<y>\d+)$" "$y:$x"; ~*^abc: ABC; "" empty; ":" colon; \default lit; }
map $arg_n $nested { default $two; 1 $hosts; 2 "x$arg_m-$two"; 3 ""; }
map $http_x $inc { include m.map; default dflt; }
map $uri $vol { volatile; default "$request_uri"; }
map $arg_q $quoted { "a b" spaced; 'c"d' dq; "e\"f" esc; g\ h bs; \~tilde til; }
map $arg_c $case { default no; ABC lower; }
map $status $st { default other; ~^2 ok; ~^4 bad; }
split_clients "$arg_s" $split { 10% ten; 25.5% quarter; * rest; }
split_clients $arg_s $nodef { 50% half; }
geo $arg_ip $g { default dd; 10.0.0.0/8 ten; 10.1.0.0/16 tenone; 192.168.0.1 one; 2001:db8::/32 six; ::1 loop; }
geo $g2 { 127.0.0.1 me; default other; }
geo $arg_ip $gr { ranges; default none; 10.0.0.0-10.0.0.255 a; 10.0.1.0-10.0.1.0 b; 1.1.1.1-1.1.1.5 c; 1.1.1.3-1.1.1.4 in; }
geo $http_x_real $gp { proxy 127.0.0.1; proxy_recursive; default d; 10.0.0.0/8 ten; }
""", server=r"""
location / { add_header X-St $st always; return 200 "$hosts|$two|$nested|$inc|$vol|$quoted|$case|$split|$nodef|$g|$g2|$gr|$gp\n"; }
location /e { return 404 "$st"; }
""", files={"m.map": "aa one;\nbb two;\n~^c(.) \"cap $1\";\n"}, requests=gets(*["/?h=" + h for h in ("example.com", "EXAMPLE.COM", "www.example.com", "example.org", "a.b.example.org", "x.example.net", "example.net", "www.example.net", "www.other", "re.zz", "", "example.com.", "wwwx")])
    + gets("/?a=1&b=2", "/?a=7&b=8", "/?a=ABC&b=", "/?a=abc", "/", "/?a=x", "/?n=1&h=example.com", "/?n=2&m=5", "/?n=3", "/?q=a%20b", "/?q=a b", "/?c=ABC", "/?c=abc", "/?c=AbC", "/?q=~tilde", "/e", "/?a=default")
    + gets(*["/?s=%s" % s for s in ("", "a", "b", "client1", "client2", "z" * 50)])
    + gets(*["/?ip=%s" % s for s in ("10.0.0.1", "10.1.2.3", "192.168.0.1", "192.168.0.2", "2001:db8::1", "::1", "127.0.0.1", "10.0.0.255", "10.0.1.0", "10.0.1.1", "1.1.1.1", "1.1.1.3", "bogus", "", "::ffff:10.0.0.1", "1.1.1.6", "unix:")])
    + [get("/", "X: aa"), get("/", "X: cz"), get("/", "X: AA"), get("/", "X-Forwarded-For: 10.1.1.1"), get("/", "X-Forwarded-For: 10.1.1.1, 127.0.0.1"), get("/", "X-Forwarded-For: 10.1.1.1, 8.8.8.8"), get("/?q=c\"d"), get("/?q=e\"f")])

group("realip-more", http="log_format l '$remote_addr $realip_remote_addr $remote_port $http_x_forwarded_for';", server=r"""
set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; set_real_ip_from unix:; set_real_ip_from 2001:db8::/32;
location / { return 200 "$remote_addr|$realip_remote_addr"; }
location /x { real_ip_header X-Forwarded-For; return 200 "$remote_addr|$realip_remote_addr"; }
location /r { real_ip_header X-Forwarded-For; real_ip_recursive on; return 200 "$remote_addr|$proxy_add_x_forwarded_for"; }
location /c { real_ip_header X-Client; return 200 "$remote_addr"; }
location /acl { real_ip_header X-Forwarded-For; real_ip_recursive on; deny 9.9.9.9; allow 8.8.8.0/24; deny all; return 200 "$remote_addr ok"; }
location /acl2 { real_ip_header X-Forwarded-For; real_ip_recursive on; deny 9.9.9.9; allow 8.8.8.0/24; deny all; root html; try_files /a.txt =404; }
""", files=FILES, requests=[get(p, *h) for p in ("/", "/x", "/r", "/c", "/acl", "/acl2") for h in ((), ("X-Real-IP: 1.2.3.4",), ("X-Real-IP: bogus",), ("X-Real-IP: 1.2.3.4:5678",), ("X-Real-IP: [2001:db8::5]:80",),
    ("X-Forwarded-For: 8.8.8.8",), ("X-Forwarded-For: 9.9.9.9, 10.0.0.1",), ("X-Forwarded-For: 8.8.8.8, 9.9.9.9",), ("X-Forwarded-For: 8.8.8.8", "X-Forwarded-For: 10.1.1.1"), ("X-Forwarded-For: , ,8.8.8.8 , ",), ("X-Forwarded-For: unix:",), ("X-Client: 7.7.7.7",), ("X-Forwarded-For: 8.8.8.8, junk, 10.0.0.1",), ("X-Forwarded-For: 2001:db8::9",), ("X-Forwarded-For: 10.0.0.1, 10.0.0.2",))])

group("try-more", server=r"""
root html;
location /t1 { try_files $uri $uri.html $uri/ /fallback?u=$uri&$args; }
location /t2 { try_files /none1 /none2 @named; }
location /t3 { try_files $uri =418; }
location /t4 { try_files /d/ =404; }
location /t5 { try_files /d =404; }
location /t6/ { alias html/; try_files $uri $uri.html =404; }
location ~ ^/t7/(.*)$ { alias html/$1; try_files "" .html =404; }
location /t8 { try_files "" /a.txt; }
location /t9 { try_files /none $arg_f; }
location /t10 { try_files /a.txt /b; add_header X-F $request_filename; }
location /t11 { try_files /../a.txt /none =405; }
location /t12 { try_files $document_root$uri /p.html =404; types { text/x-y html; } }
location /t13 { error_page 404 = @named; try_files /none =404; }
location /t14 { try_files /none /t3/x; }
location /t15 { try_files /none /t15; }
location = /fallback { return 200 "fallback $uri $args\n"; }
location @named { return 200 "named $uri $args\n"; }
location /in/ { try_files $uri $uri/ /in/index.php?$query_string; location ~ \.php$ { return 200 "php $uri $args $fastcgi_x"; } }
""".replace(" $fastcgi_x", ""), files={**FILES, "html/t1.html": "t1html", "html/t1d/index.html": "x", "html/t7.html": "t7"}, requests=gets("/t1", "/t1d", "/t1d/", "/t1x?a=b", "/t1%20x", "/t2?q=1", "/t3", "/t4", "/t5", "/t6/p", "/t6/p.html", "/t6/q", "/t7/p", "/t7/p.html", "/t7/q", "/t8", "/t9?f=/a.txt", "/t9?f=/zz", "/t10", "/t11", "/t12", "/t13", "/t14", "/t15", "/in/a", "/in/index.php?x", "/in/d", "/t1?%0a") + [post("/t1", "x"), post("/t2", "x"), head("/t2"), head("/t1")])

group("limits-more", http=r"""
limit_req_zone $arg_k zone=a:1m rate=1r/s; limit_req_zone $binary_remote_addr zone=b:1m rate=1000r/s; limit_conn_zone $arg_k zone=c:1m;
""", server=r"""
location /a { limit_req zone=a; return 200 "$limit_req_status"; }
location /b { limit_req zone=a burst=1 nodelay; limit_req_status 429; add_header X-L $limit_req_status always; root html; try_files /a.txt =404; }
location /d { limit_req zone=a burst=5 nodelay; limit_req_dry_run on; add_header X-L $limit_req_status always; root html; try_files /a.txt =404; }
location /c { limit_conn c 1; limit_conn_status 509; add_header X-C $limit_conn_status always; root html; try_files /a.txt =404; }
location /e { limit_req zone=a; error_page 503 =429 @over; root html; try_files /a.txt =404; }
location @over { return 429 "over $limit_req_status"; }
location /f { limit_req zone=a; limit_req_log_level warn; add_header X-L $limit_req_status always; root html; try_files /a.txt =404; }
""", files=FILES, requests=gets("/a?k=1", "/a?k=1", "/b?k=2", "/b?k=2", "/b?k=2", "/b", "/b", "/d?k=3", "/d?k=3", "/c?k=4", "/c", "/e?k=5", "/e?k=5", "/f?k=6", "/f?k=6"))
