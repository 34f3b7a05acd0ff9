"""Variables and what log formats make of them."""

from harness.upstream import CLOSE, reply

from ..dsl import get, gets, group, head, post, raw

CORE = """args arg_a arg_B is_args query_string uri document_uri request_uri host
http_host http_x_a http_user_agent http_referer http_via http_x_forwarded_for
http_cookie cookie_a cookie_B cookie_none content_length content_type
document_root realpath_root request_filename request_method request
server_protocol server_name server_addr server_port scheme https remote_addr
remote_user binary_remote_addr_x request_completion request_body
request_body_file proxy_protocol_addr proxy_protocol_port
proxy_protocol_server_addr proxy_protocol_server_port limit_rate hostname
nginx_version sent_http_x_a sent_http_content_type http_connection
proxy_add_x_forwarded_for proxy_host proxy_port tcpinfo_x date_gmt_x
http_accept http_content_length http_transfer_encoding
upstream_addr upstream_status upstream_http_x
http_name_with_underscore trailer_x sent_trailer_x arg_ cookie_ http_
""".split()
CORE = [v for v in CORE if not v.endswith("_x") or v.startswith(
    ("http_", "sent_", "trailer", "upstream"))]
CORE = [v for v in CORE if v not in ("arg_", "cookie_", "http_", "http_x",
                                     "trailer_x")]

LOTS = ("X-A: one", "X-A: two", "Cookie: a=1; B=2", "Cookie: c=3; a=4",
        "User-Agent: agent/1", "Referer: http://r/", "Via: v",
        "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2",
        "Accept: a", "Accept: b", "Content-Type: t/t",
        "Name-With-Underscore: n")

# Of other modules; a conf that does not use the module may still name them.
OTHER = {
    "ssl": "ssl_protocol ssl_cipher ssl_server_name ssl_session_reused",
    "http2": "http2", "userid": "uid_got uid_set uid_reset",
    "browser": "msie ancient_browser modern_browser",
    "gzip": "gzip_ratio", "referer": "invalid_referer", "slice": "slice_range",
    "secure_link": "secure_link secure_link_expires",
    "realip": "realip_remote_addr realip_remote_port_x",
    "stub_status": "connections_active connections_waiting",
}
group("variables", server="default_type text/plain;\n" + "".join(
    "location = /%s { root html; return 200 \"[$%s]\\n\"; }\n" % (v, v)
    for v in CORE), requests=[get("/%s%s" % (v, q), *h) for v in CORE
                              for q, h in (("", ()), ("?a=1&b=2&B=3&a=9", LOTS))],
    norm=[(r"/tmp/weir-test-\w+", "PREFIX")])

for module, names in OTHER.items():
    names = [n for n in names.split() if not n.endswith("_x")]
    group("variables-" + module, server="".join(
        "location = /%s { return 200 \"[$%s]\\n\"; }\n" % (v, v) for v in names),
        requests=[get("/" + v) for v in names])

group("variables-special", server="""
default_type text/plain;
location /args { return 200 "$args|$arg_a|$arg_A|$arg_empty|$arg_b|$arg_a_b|$is_args\\n"; }
location /setargs { set $args $http_x_args; return 200 "$args|$arg_a|$query_string|$is_args|$request_uri\\n"; }
location /cookie { return 200 "[$cookie_a][$cookie_A][$cookie_ab][$cookie_a_b][$cookie_empty]\\n"; }
location /pct { return 200 "$uri $request_uri $arg_q\\n"; }
location /dollar { return 200 "${uri}x$uri-$args.$host\\n"; }
location /rp { alias html/link; return 200 "$document_root $realpath_root\\n"; }
location /rp2 { root html/link; return 200 "$document_root $realpath_root $request_filename\\n"; }
location /rp3 { root html/missing; return 200 "[$realpath_root]\\n"; }
location /rid { return 200 "$request_id\\n"; }
location /tm { return 200 "$msec $time_iso8601 $time_local\\n"; }
location /pid { return 200 "$pid $connection $connection_requests $request_time\\n"; }
location /ba { return 200 "$binary_remote_addr"; }
location /sent { add_header X-One 1; add_header X-Two "$sent_http_x_one"; add_header X-Three "$sent_http_content_type $sent_http_content_length $sent_http_connection $sent_http_location"; return 200 sent; }
location /sentr { add_header X-Three "$sent_http_location $sent_http_content_type"; return 302 /x; }
location /st { add_header X-S $status; return 404; }
location /dash { return 200 "$http_x_dash_name $http_x__y\\n"; }
location /max { set $x "$arg_l$arg_l$arg_l"; set $x "$x$x$x$x"; return 200 "$x"; }
location /ua { return 200 "$http_user_agent|$http_accept_encoding|$http_if_modified_since|$http_range|$http_authorization|$http_upgrade|$http_te\\n"; }
location /rl { return 200 "$request_length\\n"; }
location /https { return 200 "$scheme [$https]\\n"; }
location /conn { return 200 "$connection_requests\\n"; }
location /body { proxy_pass http://127.0.0.1:%%U%%/echo; proxy_set_header X-Body "$request_body"; proxy_set_header X-File "$request_body_file"; proxy_set_header X-L "$content_length $request_length"; }
location = /tcp { return 200 "$tcpinfo_rtt $tcpinfo_rttvar $tcpinfo_snd_cwnd $tcpinfo_rcv_space\\n"; }
location /br { return 200 "a{b}c$args{d}\\n"; }
location /up { add_header X-U "$upstream_addr|$upstream_status|$upstream_response_length|$upstream_bytes_sent|$upstream_bytes_received|$upstream_http_x_v|$upstream_cookie_c|$upstream_http_set_cookie|$upstream_cache_status|$proxy_host|$proxy_port|$upstream_trailer_x"; proxy_pass http://127.0.0.1:%%U%%; proxy_http_version 1.1; proxy_set_header Connection ""; }
""", files={"html/target/x": "x", "html/link": ("->", "target")},
      upstreams={"U": {"/up": reply("ok", "X-V: v1", "X-V: v2",
                                    "Set-Cookie: c=1; path=/", "Set-Cookie: d=2"),
                       "/upc": [b"HTTP/1.1 200 OK\r\n\r\nhello", CLOSE]}},
      norm=[(r"\b[0-9a-f]{32}\b", "ID32"), (r"/tmp/weir-test-\w+", "PREFIX"),
            (r"\d{10}\.\d{3}", "MSEC"), (r"127\.0\.0\.1:\d+", "ADDR"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "ISO"),
            (r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", "LOCAL"),
            (r"^\d+ \d+ (\d+) 0\.\d{3}\n", r"PID CONN \1 T\n"),
            (r"^\d+ \d+ \d+ \d+\n", "TCP\n"),
            (r"Content-Length: 1\d$", "Content-Length: 1N"),
            (r"Last-Modified: .*|ETag: .*", "V")],
      requests=[get("/args" + q) for q in (
          "", "?", "?a", "?a=", "?a=1", "?a=1&a=2", "?A=1", "?b=2&a=1", "?ba=1",
          "?a=1=2", "?a%3d1", "?%61=1", "?a=%31", "?&a=1", "?a=1&", "?xa=2&a=3",
          "?empty=&a=5", "?a_b=4", "?a=1;b=2", "?a=1#x", "?a+b=1")]
      + [get("/setargs", "X-Args: " + v) for v in ("a=5", "", "b", "a=1 2",
                                                   "a=%20&b")]
      + [get("/cookie", "Cookie: " + v) for v in (
          "a=1", "A=1", "a=1; A=2", "ab=3;a=4", "a=1,b=2", "b=1; a=2; a=3",
          "xa=1; a=2", "a", "a=", "empty=; a=1", " a=1 ", "a =1", "a= 1",
          "a=\"q\"", "a=b=c", "a_b=1", "a=1;a=2", ";a=1", "a=1 ; b=2")]
      + gets("/pct%20x/%41?q=%42", "/dollar?z", "/rp/x", "/rp2/x", "/rp3",
             "/rid", "/tm", "/pid", "/ba", "/sent", "/sentr", "/st",
             "/max?l=" + "x" * 500, "/https", "/tcp", "/br?q", "/up", "/upc")
      + [get("/dash", "X-Dash-Name: 1", "X--Y: 2"),
         get("/ua", "User-Agent: u", "Accept-Encoding: ae", "Range: r",
             "If-Modified-Since: i", "Authorization: z", "Upgrade: up", "TE: t"),
         get("/rl"), get("/rl?x=" + "y" * 100), post("/rl", "12345"),
         get("/rl", version="1.0"), post("/body", "hello"),
         post("/body", "a\nb\"c"), post("/body", ""), post("/body", "x" * 100),
         raw("GET /conn HTTP/1.1\r\nHost: a\r\n\r\nGET /conn HTTP/1.1\r\nHost: a"
             "\r\n\r\nGET /conn HTTP/1.1\r\nHost: a\r\n\r\n", n=3)])

FMT = """
log_format plain '$remote_addr - $remote_user "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
log_format esc '[$arg_x] [$http_x] [$uri]';
log_format json escape=json '{"x":"$arg_x","h":"$http_x","u":"$uri","n":"$http_none","s":$status}';
log_format none escape=none '[$arg_x] [$http_x] [$uri] [$http_none]';
log_format more '$request_method $request_uri $args $server_name $server_port $scheme $host $request_completion $connection_requests $pipe $request_length';
log_format up '$upstream_addr $upstream_status $upstream_response_length $upstream_bytes_sent $upstream_cache_status $upstream_http_x_v $uri';
log_format sent '$request_method $request_uri $body_bytes_sent';
log_format def escape=default '[$http_x]';
log_format multi 'a' "b$status"
   'c';
"""
NASTY = ["plain", "a b", "a\"b", "a\\b", "a'b", "a/b", "\xe4\xf6", "a\tb", "a<b>",
         "\x7f", "\x80\xff", "${x}", "-", "a\x1fb"]

LOG = "logs/access.log"


def logged(name, fmt, server="", requests=(), **more):
    group("log-" + name, http=FMT + "access_log logs/access.log %s;\n" % fmt,
          server="root html; default_type text/plain;\n" + server
          + "location /r { return 200 \"hello\\n\"; }\n", log=LOG,
          files={"html/a.txt": "hello a\n", "html/a.gz": "x" * 500},
          requests=list(requests), **more)


MANY = (gets("/r", "/r?x=1", "/a.txt", "/missing", "/a%20b", "/r?x=%22%5c")
        + [head("/r"), post("/r", "abc"), get("/r", version="1.0"),
           raw("GET /r\r\n"), raw("GARBAGE\r\n\r\n"), raw("G\x01 / HTTP/1.1\r\n\r\n"),
           raw("GET / HTTP/1.1\r\n\r\n"), raw("\x16\x03\x01\x00\r\n\r\n"),
           get("/r", "Referer: http://x/\"y", "User-Agent: a\\b\"c\xe4"),
           get("/r", "Authorization: Basic dXNlcjpw"),
           raw("GET /r HTTP/1.1\r\nHost: a\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n"
               "\r\n", n=2), get("/a.txt", "Range: bytes=0-1"),
           get("/r?" + "x" * 300), raw("GET /\xe4\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
           raw("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n")])
logged("sent", "sent", """
location /gz/ { gzip on; gzip_types *; gzip_min_length 1; alias %%PREFIX%%/html/; }
location /ssi/ { ssi on; ssi_types *; alias %%PREFIX%%/html/; }
""", requests=[get(p + "a.txt", *h, method=m)
               for p in ("/", "/gz/", "/ssi/")
               for h in ((), ("Accept-Encoding: gzip",), ("Range: bytes=1-2",))
               for m in ("GET", "HEAD")]
      + [get("/a.txt", version="1.0"), get("/ssi/a.txt", version="1.0"),
         post("/r", "abc"), head("/r")], unordered=True)

MASK = [(r'(HTTP/\d\.\d"|"-"|"[^"]*") (4\d\d|5\d\d) \d+', r"\1 \2 N")]
TIME = [(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", "[TIME]")]

logged("plain", "plain", requests=MANY, norm=MASK)
logged("combined", "combined", requests=MANY, norm=TIME + MASK)
logged("default", "", requests=MANY, norm=TIME + MASK)
for fmt in ("esc", "json", "none", "def"):
    logged(fmt, fmt, requests=[get("/r", "X: " + v) for v in NASTY]
           + [get("/r?x=" + v) for v in ("a", "%22", "a\"b", "\xe4", "\\", "a'b")]
           + gets("/r%22%5c%e4%00".replace("%00", ""), "/r%0a%09%1f%7f", "/r"))
logged("more", "more", requests=MANY, norm=[(r"(Date)", r"\1")])
logged("multi", "multi", requests=gets("/r", "/missing"))
logged("if", "plain if=$arg_log", requests=[
    get(p, id=p) for p in ("/r?log=1",)], norm=MASK)
logged("upstream", "up", server="""
proxy_http_version 1.1; proxy_set_header Connection "";
location /p { proxy_pass http://127.0.0.1:%%U%%; }
location /dead { proxy_pass http://127.0.0.1:%%DEAD%%; }
location /two { proxy_pass http://t; }
location /x { proxy_pass http://127.0.0.1:%%U%%; }
location /i { internal; proxy_pass http://127.0.0.1:%%U%%/p; }
location /ep { error_page 502 /i; proxy_pass http://127.0.0.1:%%DEAD%%; }
}
upstream t { server 127.0.0.1:%%DEAD%%; server 127.0.0.1:%%U%% backup; }
server { listen 127.0.0.1:%%PORT2%%;
""", upstreams={"U": {"/x": b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /i\r\n"
                           b"X-V: v\r\nContent-Length: 0\r\n\r\n",
                      "/p": reply("pp", "X-V: w")}},
       norm=[(r"127\.0\.0\.1:\d+", "ADDR")], requests=gets(
           "/p", "/dead", "/two", "/x", "/r", "/ep") + [
           post("/p", "abc"), head("/p")])

group("log-places", http=FMT + "access_log logs/access.log plain;", server="""
location /off { access_log off; return 200 off; }
location /two { access_log logs/access.log plain; access_log logs/access.log multi; return 200 two; }
location /own { access_log logs/access.log esc; return 200 own; }
location /if { access_log logs/access.log esc if=$arg_l; return 200 if; }
location /var { access_log logs/$arg_f esc; return 200 var; }
location /sub { log_subrequest on; add_after_body /r; root html; }
location /nolog { log_not_found off; root html; }
location /r { return 200 r; }
location / { return 200 "$uri"; }
""", log=LOG, files={"html/sub": "s"}, norm=MASK, requests=gets(
    "/two", "/own?x=1", "/if?l=1", "/var?f=access.log&x=9", "/x")
    + [head("/own"), get("/nolog")])
