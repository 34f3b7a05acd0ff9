"""allow/deny, satisfy, basic auth, limits on methods, requests, connections."""

import base64
import hashlib

from ..dsl import get, gets, group, head, post, raw


def link_hash(text):
    return base64.urlsafe_b64encode(hashlib.md5(
        text.encode()).digest()).decode().rstrip("=")


def basic(user, password):
    return "Authorization: Basic " + base64.b64encode(
        ("%s:%s" % (user, password)).encode("latin-1")).decode()


HTPASSWD = """# people
plain:{PLAIN}secret
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
ssha:{SSHA}VSkqoP4kA7XpZqYS4qJy5i7bB8xhYmNk
apr:$apr1$rI.2u2mi$ZMAkDtlMs5Ruy1aQBPVbR.
md5:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/
crypt:rqXexS6ZhobKA
sha512:$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1
with space:{PLAIN}x y
empty:
colon:{PLAIN}a:b:comment
"""

group("access", server="""
default_type text/plain;
location /all { allow all; return 200 "return comes first\\n"; }
location / { root html; }
location /deny/ { deny all; alias html/; }
location /allow/ { allow 127.0.0.1; deny all; alias html/; }
location /net/ { allow 127.0.0.0/8; deny all; alias html/; }
location /other/ { allow 10.0.0.0/8; deny all; alias html/; }
location /first/ { deny 127.0.0.1; allow all; alias html/; }
location /six/ { allow ::1; deny all; alias html/; }
location /unix/ { allow unix:; deny all; alias html/; }
location /inh/ { deny all; location /inh/in/ { alias html/; } location /inh/own/ { allow all; alias html/; } }
location /any/ { satisfy any; allow 127.0.0.1; deny all; auth_basic x; auth_basic_user_file htpasswd; alias html/; }
location /any2/ { satisfy any; deny all; auth_basic x; auth_basic_user_file htpasswd; alias html/; }
location /both/ { satisfy all; allow all; auth_basic x; auth_basic_user_file htpasswd; alias html/; }
location /both2/ { deny all; auth_basic x; auth_basic_user_file htpasswd; alias html/; }
location /le/ { limit_except GET { deny all; } alias html/; }
location /le2/ { limit_except POST PUT { deny all; } alias html/; }
location /le3/ { limit_except GET { allow 127.0.0.1; deny all; } alias html/; }
location /le4/ { limit_except GET HEAD { auth_basic y; auth_basic_user_file htpasswd; } alias html/; }
location /ret/ { deny all; return 200 "returned\\n"; }
location /ep/ { deny all; error_page 403 =200 /a.txt; }
location /px/ { deny all; proxy_pass http://127.0.0.1:%%U%%; }
location /le5/ { limit_except GET { deny all; } proxy_pass http://127.0.0.1:%%U%%; }
""", files={"html/a.txt": "a\n", "htpasswd": HTPASSWD}, upstreams={"U": {}},
      errors="error", requests=[get(p + "a.txt", *h) for p in (
          "/", "/deny/", "/allow/", "/net/", "/other/", "/first/", "/six/",
          "/unix/", "/inh/in/", "/inh/own/", "/any/", "/any2/", "/both/",
          "/both2/", "/le/", "/ret/", "/ep/", "/px/", "/all/") for h in ((),)]
      + [get(p + "a.txt", basic("plain", w)) for p in ("/any/", "/any2/",
                                                       "/both/", "/both2/")
         for w in ("secret", "wrong")]
      + [get(p + "a.txt", method=m) for p in ("/le/", "/le2/", "/le3/", "/le4/",
                                              "/le5/")
         for m in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "FOO")])

group("auth-basic", server="""
auth_basic "the realm"; auth_basic_user_file htpasswd;
default_type text/plain;
location / { root html; add_header X-User "$remote_user"; }
location /off/ { auth_basic off; alias html/; }
location /var/ { auth_basic "r $arg_r"; alias html/; }
location /missing/ { auth_basic_user_file nofile; alias html/; }
location /quote/ { auth_basic 'say "x"'; alias html/; }
location /varfile/ { auth_basic_user_file $arg_f; alias html/; }
location /ret { return 200 "user [$remote_user]\\n"; }
location /offv/ { auth_basic $arg_r; alias html/; }
""", files={"html/a.txt": "a\n", "htpasswd": HTPASSWD}, errors="error",
      requests=[get("/a.txt", basic(u, p)) for u, p in (
          ("plain", "secret"), ("plain", "wrong"), ("plain", ""), ("", ""),
          ("sha", "password"), ("sha", "Password"), ("nobody", "x"),
          ("apr", "myPassword"), ("md5", "password"), ("crypt", "myPassword"),
          ("sha512", "Hello world!"), ("with space", "x y"), ("empty", ""),
          ("colon", "a"), ("colon", "a:b"), ("plain", "secret:more"),
          ("# people", ""), ("ssha", "x"), ("PLAIN", "secret"))]
      + [get("/a.txt", "Authorization: " + v) for v in (
          "Basic", "Basic ", "Basic !!!", "Basic cGxhaW46c2VjcmV0=",
          "basic cGxhaW46c2VjcmV0", "BASIC cGxhaW46c2VjcmV0",
          "Basic  cGxhaW46c2VjcmV0", "Bearer x", "Basic cGxhaW4=",
          "Basic cGxhaW46c2VjcmV0 x", "", "Basic cGxhaW46c2VjcmV")]
      + gets("/a.txt", "/off/a.txt", "/var/a.txt?r=1", "/missing/a.txt",
             "/quote/a.txt", "/ret", "/offv/a.txt?r=off", "/offv/a.txt",
             "/varfile/a.txt?f=htpasswd")
      + [get("/missing/a.txt", basic("plain", "secret")),
         get("/varfile/a.txt?f=htpasswd", basic("plain", "secret")),
         get("/varfile/a.txt", basic("plain", "secret")),
         get("/ret", basic("any", "x")), get("/ret", basic("any:b", "x")),
         head("/a.txt"), post("/a.txt", "x"), post("/a.txt", "x" * 1000)])

group("limit-req", http="""
limit_req_zone $arg_k zone=one:1m rate=1r/m;
limit_req_zone $arg_k zone=fast:1m rate=4r/s;
limit_req_zone $http_x zone=x:1m rate=1r/m;
""", server="""
default_type text/plain; error_page 418 =200 /a.txt;
location / { root html; }
location /one/ { limit_req zone=one; alias html/; }
location /burst/ { limit_req zone=one burst=2 nodelay; alias html/; }
location /fast/ { limit_req zone=fast burst=5; alias html/; }
location /status/ { limit_req zone=one; limit_req_status 429; alias html/; }
location /dry/ { limit_req zone=one; limit_req_dry_run on; alias html/; add_header X-L $limit_req_status; }
location /two/ { limit_req zone=one burst=1 nodelay; limit_req zone=x; alias html/; }
location /level/ { limit_req zone=one; limit_req_log_level warn; alias html/; }
location /delay/ { limit_req zone=fast burst=5 delay=2; alias html/; add_header X-L $limit_req_status; }
location /ret/ { limit_req zone=one; return 200 ret; }
""", files={"html/a.txt": "a\n"}, errors="warn",
      norm=[(r"excess: [\d.]+", "excess: N")], requests=gets(
    "/one/a.txt?k=1", "/one/a.txt?k=1", "/one/a.txt?k=2", "/one/a.txt",
    "/one/a.txt", "/burst/a.txt?k=3", "/burst/a.txt?k=3", "/burst/a.txt?k=3",
    "/burst/a.txt?k=3", "/fast/a.txt?k=4", "/fast/a.txt?k=4",
    "/status/a.txt?k=5", "/status/a.txt?k=5", "/dry/a.txt?k=6",
    "/dry/a.txt?k=6", "/two/a.txt?k=7", "/two/a.txt?k=7", "/two/a.txt?k=7",
    "/level/a.txt?k=8", "/level/a.txt?k=8", "/delay/a.txt?k=9",
    "/ret/a?k=1", "/ret/a?k=1") + [
    get("/two/a.txt?k=10", "X: 1"), get("/two/a.txt?k=11", "X: 1"),
    get("/two/a.txt?k=11", "X: 2"), head("/one/a.txt?k=1")])

group("limit-conn", http="""
limit_conn_zone $arg_k zone=c:1m;
limit_conn_zone $server_name zone=s:1m;
""", server="""
location / { return 200; }
location /c { limit_conn c 1; proxy_pass http://127.0.0.1:%%U%%; add_header X-L $limit_conn_status; }
location /zero { limit_conn s 1; limit_conn_status 429; limit_conn_log_level warn; proxy_pass http://127.0.0.1:%%U%%; }
location /dry { limit_conn c 1; limit_conn_dry_run on; add_header X-L $limit_conn_status; proxy_pass http://127.0.0.1:%%U%%; }
""", upstreams={"U": {}}, errors="warn", requests=gets(
    "/c?k=1", "/c?k=1", "/c", "/zero", "/dry?k=1") + [
        raw("GET /c?k=2 HTTP/1.1\r\nHost: a\r\n\r\n"
            "GET /c?k=2 HTTP/1.1\r\nHost: a\r\n\r\n", n=2)])

group("referer", server="""
location /a { valid_referers none blocked server_names *.example.com example.* www.example.org/galleries/ ~\\.google\\.; if ($invalid_referer) { return 403; } return 200 ok; }
location /b { valid_referers none one.org; return 200 "[$invalid_referer]"; }
location /c { valid_referers server_names; return 200 "[$invalid_referer]"; }
location /d { valid_referers blocked one.org; return 200 "[$invalid_referer]"; }
location /e { valid_referers ~PATH; return 200 "[$invalid_referer]"; }
""", requests=[get(p, *(["Referer: " + r] if r is not None else []))
               for p in "/a /b /c /d /e".split() for r in (
    None, "", "http://www.example.com/x", "http://example.com/", "-", "blocked",
    "https://localhost/x", "http://www.example.org/galleries/1",
    "http://www.example.org/other", "http://www.google.com/path",
    "ftp://example.com/", "http://evil.com/example.com")])

group("secure-link", server="""
location /md5/ { secure_link $arg_md5,$arg_e; secure_link_md5 "$secure_link_expires$uri secret"; return 200 "[$secure_link] [$secure_link_expires]"; }
location /noexp/ { secure_link $arg_md5; secure_link_md5 "$uri secret"; return 200 "[$secure_link] [$secure_link_expires]"; }
location /old/ { secure_link_secret word; if ($secure_link = "") { return 403; } return 200 "[$secure_link]"; }
""", requests=gets(
    "/md5/x", "/md5/x?md5=abc", "/noexp/x?md5=bad",
    "/md5/x?e=1&md5=" + link_hash("1/md5/x secret"),
    "/md5/x?e=4000000000&md5=" + link_hash("4000000000/md5/x secret"),
    "/md5/y?e=4000000000&md5=" + link_hash("4000000000/md5/x secret"),
    "/md5/x?e=x&md5=" + link_hash("x/md5/x secret"),
    "/md5/x?md5=" + link_hash("/md5/x secret"),
    "/noexp/x?md5=" + link_hash("/noexp/x secret"),
    "/noexp/x?md5=" + link_hash("/noexp/x secret") + "==",
    "/old/x", "/old/abc/x", "/old/0123456789abcdef0123456789abcdef/f",
    "/old/%s/link" % hashlib.md5(b"linkword").hexdigest(),
    "/old/%s/a/b?c=d" % hashlib.md5(b"a/bword").hexdigest(),
    "/old/%s/link" % hashlib.md5(b"linkword").hexdigest().upper()))

group("auth-request", server="""
location /ok { auth_request /auth200; return 200 never; }
location /f { auth_request /auth?x=1; auth_request_set $who $upstream_http_x_user; add_header X-Who $who; root html; }
location = /auth { internal; proxy_pass http://127.0.0.1:%%U%%/auth$arg_a; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-URI $request_uri; }
location /r/ { auth_request /a/$arg_s; alias html/; }
location ~ ^/s/(\\d+)/ { auth_request /st$1; root html; }
location = /st200 { return 200; }
location = /st204 { return 204; }
location = /st301 { return 301 /x; }
location = /st401 { return 401; }
location = /st403 { return 403; }
location = /st404 { return 404; }
location = /st500 { return 500; }
location /d200/ { auth_request /st200; alias html/; }
location /d204/ { auth_request /st204; alias html/; }
location /d301/ { auth_request /st301; alias html/; }
location /d401/ { auth_request /st401; alias html/; }
location /d403/ { auth_request /st403; alias html/; }
location /d404/ { auth_request /st404; alias html/; }
location /d500/ { auth_request /st500; alias html/; }
location /up401/ { auth_request /u401; alias html/; }
location = /u401 { internal; proxy_pass http://127.0.0.1:%%U%%/u401; }
location /off/ { auth_request off; alias html/; }
location /any/ { satisfy any; deny all; auth_request /st204; alias html/; }
location /px/ { auth_request /u200; proxy_pass http://127.0.0.1:%%U%%/px/; }
location = /u200 { internal; proxy_pass http://127.0.0.1:%%U%%/u200; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location /ep/ { auth_request /st401; error_page 401 =200 /login; alias html/; }
location /login { return 200 "please log in\\n"; }
""", files={"html/a.txt": "a\n"}, upstreams={"U": {
    "/u401": b"HTTP/1.1 401 U\r\nWWW-Authenticate: Basic realm=\"up\"\r\n"
             b"Content-Length: 2\r\n\r\nno",
    "/u200": b"HTTP/1.1 200 OK\r\nX-User: bob\r\nContent-Length: 2\r\n\r\nok"}},
      errors="error", requests=[get("/%s/a.txt" % d) for d in (
          "d200", "d204", "d301", "d401", "d403", "d404", "d500", "up401",
          "off", "any", "px", "ep")] + [
          post("/px/x", "hello"), head("/d200/a.txt"), get("/d403/none"),
          get("/px/x?y=z", "X-A: b"), get("/d200/a.txt", "Range: bytes=0-0")])

group("realip", server="""
set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;
location / { return 200 "$remote_addr $realip_remote_addr $remote_port\\n"; }
location /xff { real_ip_header X-Forwarded-For; return 200 "$remote_addr\\n"; }
location /xffr { real_ip_header X-Forwarded-For; real_ip_recursive on; return 200 "$remote_addr\\n"; }
location /h { real_ip_header X-Custom; return 200 "$remote_addr\\n"; }
location /acc/ { real_ip_header X-Real-IP; allow 1.2.3.4; deny all; alias html/; }
""", files={"html/a.txt": "a"}, norm=[(r" \d{4,5}\n", " PORT\n")],
      requests=[get(p, *h) for p in ("/", "/xff", "/xffr", "/h", "/acc/a.txt")
                for h in ((), ("X-Real-IP: 1.2.3.4",), ("X-Real-IP: junk",),
                          ("X-Forwarded-For: 1.1.1.1, 2.2.2.2",),
                          ("X-Forwarded-For: 1.1.1.1, 10.0.0.1",),
                          ("X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: "
                                                       "10.9.9.9"),
                          ("X-Custom: 5.5.5.5",), ("X-Custom: ::1",),
                          ("X-Real-IP: 1.2.3.4:80",))])
