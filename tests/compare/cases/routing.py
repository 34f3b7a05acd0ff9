"""Which server and which location a request falls to."""

from ..dsl import get, gets, group, raw

SAY = 'default_type text/plain; return 200 "%s host=$host name=$server_name\\n";'


def srv(names, say, listen="127.0.0.1:%%PORT%%"):
    return ("server { listen %s; %s location / { %s } }\n" % (
        listen, "server_name %s;" % names if names is not None else "",
        SAY % say))


HOSTS = ["a.com", "A.COM", "www.a.com", "x.a.com", "x.y.a.com", "b.com",
         "www.b.com", "x.b.com", "c.com", "mail.c", "mail.x.y", "mail.x",
         "mail", "d.com", "user1.d.com", "foo.d.com", "bar.d.com", "e.com",
         "x.e.com", ".e.com", "none", "", "a.com.", "a.com:99", "127.0.0.1",
         "[::1]", "www.f.com", "f.com", "x.f.com", "www.x.f", "long.x.y.z.com",
         "re1", "re2", "RE1", "caps.x", "a-b_c.com", "x" * 70 + ".com",
         "xn--e1afmkfd.com", "127.0.0.1:99", "user-9.d.com"]

group("server-name", http=srv("a.com www.a.com", "a") + srv("*.a.com", "*.a")
      + srv(".b.com", ".b") + srv("c.com mail.*", "c")
      + srv("d.com ~^(?<user>user\\d+)\\.d\\.com$", "d user=$user")
      + srv("~^(.+)\\.d\\.com$", "regex d $1")
      + srv("*.e.com", "*.e") + srv("www.f.*", "www.f.*")
      + srv("\"\"", "empty") + srv("*.y.z.com", "*.y.z")
      + srv("~^re(?P<n>[0-9])$", "re n=$n")
      + srv("~^(?<first>[a-z]+)\\.(?<second>[a-z])$",
            "first=$first second=$second")
      + srv("127.0.0.1", "address") + srv("a-b_c.com", "dashes")
      + "server_names_hash_bucket_size 128;"
      + srv("%s.com" % ("x" * 70), "long"),
      requests=[get("/", host=h) for h in HOSTS] + [
          raw("GET / HTTP/1.0\r\n\r\n"),
          raw("GET http://x.a.com/ HTTP/1.1\r\nHost: d.com\r\n\r\n")])

group("server-name-order", http=srv("_", "first")
      + srv("*.example.org", "*.example.org") + srv("www.example.*", "www.*")
      + srv("~example", "regex") + srv("*.www.example.org", "*.www")
      + srv("www.example.org", "exact") + srv(".example.net", ".net")
      + srv("example.*", "example.*") + srv("~^www", "regex2"),
      requests=[get("/", host=h) for h in (
          "www.example.org", "a.example.org", "www.example.com", "example.net",
          "x.example.net", "example.com", "x.www.example.org", "my-example",
          "wwww", "other", "www.example.net", "example.org",
          "a.b.example.org", "www.example.co.uk")])

group("server-default", http=srv("a", "a1") + srv("b", "b1")
      + srv("c", "c2", "127.0.0.1:%%PORT2%%")
      + srv("d", "d2", "127.0.0.1:%%PORT2%% default_server")
      + srv("a", "a3", "%%PORT3%%")
      + srv("b", "b3", "127.0.0.1:%%PORT3%%")
      + srv("c", "c3", "*:%%PORT3%% default_server")
      + srv("e", "e4", "[::]:%%PORT4%% ipv6only=off")
      + srv("u", "unix", "unix:%%PREFIX%%/logs/sock1.sock"),
      requests=[get("/", host=h, port=p) for p in ("PORT", "PORT2", "PORT3",
                                                   "PORT4")
                for h in ("a", "b", "c", "d", "zzz")])

group("server-many-names", http="server_names_hash_max_size 4096;"
      "server_names_hash_bucket_size 128;" + "".join(
          srv("h%d.com *.w%d.com m%d.*" % (i, i, i), "s%d" % i)
          for i in range(60)),
      requests=[get("/", host=h) for h in (
          "h0.com", "h59.com", "x.w7.com", "m13.org", "nope.com", "h60.com",
          "h7.com.", "y.x.w8.com", "m1.a.b")])

group("server-name-in-vars", http="""
map $server_name $m { default no; alpha yes; }
server { listen 127.0.0.1:%%PORT%%; server_name alpha beta;
  location / { return 200 "$server_name $host $m"; }
  location /r { server_name_in_redirect on; return 301 /x; }
  location /d { root html; }
  location /n { server_name_in_redirect on; root html; }
}
server { listen 127.0.0.1:%%PORT%%; server_name gamma;
  location / { return 200 "$server_name $host $hostname_is"; }
  location = / { return 200 "$server_name"; }
  set $hostname_is x;
}
""", files={"html/d/x": "1", "html/n/x": "1"},
      requests=[get(p, host=h) for p in ("/", "/r", "/d", "/n")
                for h in ("alpha", "beta", "gamma", "other", "BETA")])


def loc(kind, name, inner=""):
    tag = (kind + " " + name).strip().replace("$", "(end)").replace("\\", "/")
    return 'location %s "%s" { %s return 200 "[%s] $uri\\n"; }\n' % (
        kind, name, inner, tag)


PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/exact", "/exact/",
         "/images/", "/images/1.gif", "/img/1.gif", "/1.gif", "/1.GIF",
         "/1.jpg", "/1.JPG", "/documents/a.html", "/documents/x", "/d", "/~x",
         "/static/a.gif", "/static", "/static/", "/x.php", "/x.PHP",
         "/x.php/y", "/nest", "/nest/", "/nest/a", "/nest/a.gif", "/nest/re1",
         "/nest/deep/x", "/nest/deep/exact", "/nest/deep/x.gif", "/b%61r",
         "/bar", "/with space", "/with%20space", "/A", "/images",
         "/images/../a", "/%65xact", "/exact?x=1", "/nest/b"]

group("location", server=loc("=", "/") + loc("", "/")
      + loc("", "/documents/") + loc("^~", "/images/")
      + loc("~*", "\\.(gif|jpg|jpeg)$") + loc("=", "/exact")
      + loc("", "/a") + loc("", "/a/b") + loc("", "/a/b/c")
      + loc("^~", "/static/") + loc("~", "\\.php$") + loc("", "/bar")
      + loc("=", "/with space")
      + "location /nest/ {\n" + loc("=", "/nest/a") + loc("~", "^/nest/re\\d$")
      + "location /nest/deep/ {" + loc("=", "/nest/deep/exact")
      + 'return 200 "[deep] $uri\\n"; }\n'
      + 'return 200 "[nest] $uri\\n"; }\n',
      requests=gets(*PATHS))

group("location-regex-order", server=loc("~", "^/a") + loc("~", "^/ab")
      + loc("~*", "^/B") + loc("~", "^/(?<x>c+)(?<y>d*)$",
                               'set $z "$x-$y-$1-$2";')
      + 'location ~ ^/e(.*)f(.*)$ { return 200 "$1|$2\\n"; }\n'
      + 'location ~ "^/q{2}$" { return 200 q; }\n'
      + 'location ~ ^/h(?:x|(y))$ { return 200 "[$1]\\n"; }\n'
      + loc("~*", "\\.html$"), requests=gets(
          "/a", "/ab", "/abc", "/b", "/B", "/ccdd", "/c", "/eXfY", "/ef",
          "/eff", "/qq", "/q", "/hx", "/hy", "/h", "/x.html", "/x.HTML",
          "/%61", "/zzz"))

group("location-nested-regex", server="""
location / { location ~ \\.php$ { return 200 "php in /"; } return 200 slash; }
location /up { location ~ \\.php$ { return 403; } return 200 up; }
location ^~ /caret { location ~ \\.php$ { return 200 "php in caret"; } return 200 caret; }
location ~ ^/re { location ~ x$ { return 200 "re x"; } return 200 re; }
location ~ \\.php$ { return 200 outer; }
location @named { return 200 named; }
location /at { try_files /nope @named; }
""", requests=gets("/x.php", "/up/x.php", "/up/x", "/caret/x.php", "/caret/",
                   "/re/x", "/re/pre", "/re/prex", "/re", "/at", "/@named"))

group("location-auto-redirect", server="""
location /dir/ { proxy_pass http://127.0.0.1:%%U%%; }
location /plain/ { return 200 plain; }
location /both/ { proxy_pass http://127.0.0.1:%%U%%; }
location = /both { return 200 exact; }
location /up/re/ { proxy_pass http://127.0.0.1:%%U%%/x; }
location ~ ^/re/ { proxy_pass http://127.0.0.1:%%U%%; }
""", upstreams={"U": {}}, requests=gets(
    "/dir", "/dir/", "/dir?a=b", "/plain", "/both", "/both/x", "/up/re",
    "/up/re?q", "/re", "/re/x", "/DIR"))

group("location-many", server="".join(
    "location /l%d { return 200 l%d; }\nlocation = /e%d { return 200 e%d; }\n"
    % (i, i, i, i) for i in range(300)), requests=gets(
        "/l0", "/l299", "/l2999", "/l12", "/l1", "/e5", "/e55", "/e299",
        "/e300", "/e2", "/l", "/e"))

group("internal-inside", server="""
location /i { internal; location /i/in { } location /i/root { root html; }
              location /i/says { add_header X-Y z; error_page 404 /inner; }
              location ~ ^/i/re { etag off; return 200 re; }
              location /i/return { limit_rate 1m; return 200 in; } }
location /o { error_page 404 =200 /i/return/x; return 404; }
location /inner { return 200 inner; }
""", requests=gets("/i", "/i/in", "/i/in/x", "/i/root/index.html", "/i/says/x", "/i/re",
                   "/i/return", "/o"))

group("named-location", server="""
error_page 404 = @fallback;
location / { root html; }
location @fallback { return 200 "fallback $uri $request_uri $args $request_method\\n"; }
location /try { root html; try_files $uri @other; }
location @other { rewrite ^ /inner last; }
location /inner { internal; return 200 "inner $uri $args\\n"; }
location /loop { try_files /none @loop; }
location @loop { try_files /none @loop2; }
location @loop2 { return 200 "loop2"; }
location /undefined { try_files /none @nowhere; }
location /err { error_page 418 @tea; return 418; }
location @tea { return 200 tea; }
location @proxied { proxy_pass http://127.0.0.1:%%U%%; }
location /p { error_page 404 = @proxied; return 404; }
""", upstreams={"U": {}}, errors="error", requests=gets(
    "/missing", "/missing?x=1", "/try/x", "/try/x?y=1", "/inner", "/loop",
    "/undefined", "/err", "/p/q?r=s") + [
        get("/missing", method="POST", body="x"),
        get("/p", method="POST", body="hello"),
        get("/err", method="POST", body="x")])
