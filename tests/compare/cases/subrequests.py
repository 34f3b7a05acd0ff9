"""auth_request, mirror, slice and includes together; named groups; variables of odd requests."""

from harness.upstream import reply

from ..dsl import get, gets, group, head, post

F = {"html/index.html": "index\n", "html/a.txt": "0123456789" * 30}
group("subrequests", http="""
upstream up { server 127.0.0.1:%%U%%; }
log_format s '$uri $status $request_method';
access_log logs/access.log s;
""", server=r"""
root html; default_type text/plain; log_subrequest on;
location /ar { auth_request /auth?x=$arg_x; auth_request_set $u $upstream_http_x_user; auth_request_set $v $arg_y; add_header X-U "$u|$v" always; try_files /a.txt =404; }
location /ar401 { auth_request /a401; error_page 401 = @login; try_files /a.txt =404; }
location @login { return 302 /login?u=$uri; }
location /ar403 { auth_request /a403; error_page 403 /index.html; try_files /a.txt =404; }
location /ar500 { auth_request /a500; try_files /a.txt =404; }
location /ar404 { auth_request /a404; try_files /a.txt =404; }
location /ar3 { auth_request /a302; try_files /a.txt =404; }
location /aroff { auth_request /a403; location /aroff/in { auth_request off; try_files /a.txt =404; } try_files /a.txt =404; }
location /arp { auth_request /ok; proxy_pass http://up/p; proxy_set_header X-User $upstream_http_x_user; }
location /arret { auth_request /a403; return 200 "return runs before access"; }
location = /auth { internal; proxy_pass http://up/auth; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Uri $request_uri; proxy_set_header X-Args $args; }
location = /ok { internal; return 204; }
location = /a401 { internal; proxy_pass http://up/a401; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location = /a403 { internal; return 403; }
location = /a500 { internal; return 500; }
location = /a404 { internal; return 404; }
location = /a302 { internal; return 302 /x; }
location /mir { mirror /m1; mirror /m2; proxy_pass http://up/p; }
location /miroff { mirror /m1; location /miroff/in { mirror off; proxy_pass http://up/p; } proxy_pass http://up/p; }
location /mirnb { mirror /m1; mirror_request_body off; proxy_pass http://up/p; }
location = /m1 { internal; proxy_pass http://up/m1$request_uri; }
location = /m2 { internal; proxy_pass http://up/m2; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location /sl/ { slice 10; proxy_set_header Range $slice_range; proxy_pass http://127.0.0.1:%%PORT%%/; proxy_http_version 1.1; }
location /ssi { ssi on; default_type text/html; return 200 '<!--#include virtual="/inc?a=1" -->|<!--#include virtual="/pp" -->|<!--#include virtual="/a403" -->|<!--#include virtual="/nope" -->'; }
location = /inc { return 200 "inc $args $request_method $is_args $uri"; }
location = /pp { proxy_pass http://up/p; }
""", files=F, unordered=True, upstreams={"U": {
    "/auth": reply("", "X-User: ann"), "/a401": b"HTTP/1.1 401 U\r\nWWW-Authenticate: Basic realm=\"up\"\r\nWWW-Authenticate: Other x\r\nContent-Length: 4\r\n\r\nbody",
    "/p": reply("pp"), "/m2": reply("m2")}},
    log="logs/access.log",
    requests=gets("/ar?x=1&y=2", "/ar401", "/ar403", "/ar500", "/ar404", "/ar3", "/aroff/x", "/aroff/in", "/arp", "/arret", "/sl/a.txt", "/ssi") + [head("/ar"), post("/ar", "body"), post("/arp", "body"), head("/ar401"), get("/ar401", "Authorization: x"), head("/ssi"), get("/sl/a.txt", "Range: bytes=5-24"), get("/sl/a.txt", "Range: bytes=295-"), get("/sl/a.txt", "Range: bytes=-7"), get("/sl/a.txt", "Range: bytes=400-"), head("/sl/a.txt"), get("/sl/none")])

group("named-groups", server=r"""
root html; default_type text/plain;
location ~ ^/(?<a>\w+)/(?<b>\d+)(?:/(?<c>.*))?$ { set $r "$a-$b-$c-$1-$2-$3"; if ($b ~ "^(?<first>\d)(\d*)") { set $r "$r|$first|$1|$2|$a"; } return 200 $r; }
location ~* \.(?<ext>GIF|jpg)$ { return 200 "$ext $1"; }
location ~ "^/q{2,3}(x)?$" { return 200 "quant [$1]"; }
location ~ ^/\xe4 { return 200 "bytes"; }
location ~ "(*UTF8)^/u\x{e4}" { return 200 "utf8"; }
location ~ ^/sp\ ace/(.*) { return 200 "sp $1"; }
location ~ ^/plus/(a+)+$ { return 200 "plus"; }
location /rw/ { rewrite "^/rw/(?<x>[a-z]+)/(?<y>[0-9]{2})$" /out/$y/$x?z=$x last; rewrite (?i)^/rw/ABC$ /out/icase last; return 200 "none $x $y"; }
location /out/ { return 200 "$uri?$args|$x|$y"; }
""", files=F, requests=gets("/ab/12", "/ab/12/", "/ab/12/x/y", "/ab/x", "/x.gif", "/x.JPG", "/x.gifx", "/qq", "/qqqx", "/qqqq", "/%e4x", "/u%c3%a4", "/sp%20ace/x", "/plus/aaa", "/rw/abc/12", "/rw/abc/123", "/rw/abc", "/rw/aBc", "/rw/zz"))

group("vars-more", http="""
map $arg_e $e { default "d-$arg_e"; x ""; }
""", server=r"""
root html; default_type text/plain;
location /a { return 200 "$arg_a|$arg_A|$arg_a_b|$arg_x-y|${arg_a}b|$args|$query_string|$is_args|$arg_"; }
location /h { return 200 "$http_x_a|$http_user_agent|$http_cookie|$cookie_a|$cookie_A|$cookie_b_c|$http_host|$http_content_type|$content_type|$http_x_none|$http_"; }
location /u { return 200 "$uri|$request_uri|$document_uri|$request_filename|$document_root|$realpath_root|$request_method|$server_protocol|$scheme|$https|$host|$server_name|$server_port|$server_addr|$remote_user|$request|$request_body|$request_length"; }
location /s { add_header X-S "$sent_http_content_type|$sent_http_x_y|$status|$body_bytes_sent|$bytes_sent" always; add_header X-Y z; return 200 ok; }
location /n { return 200 "$hostname" ; }
location /p { return 200 "$proxy_host|$upstream_addr|$limit_rate|$connection_requests|$pipe|$request_completion|$proxy_protocol_addr|$realip_remote_addr|$gzip_ratio"; }
location /set { set $x 1; set $y "$x$x"; set $x "$y-$x"; set $args "n=1"; set $limit_rate 100k; return 200 "$x $y $args $arg_n $arg_a $limit_rate $query_string $request_uri"; }
location /e { return 200 "$e"; }
location /neg { if ($arg_q) { return 200 "q"; } if ($arg_z = "") { return 200 "z empty"; } return 200 "z $arg_z"; }
location /unset { return 200 "[$never]"; if ($arg_a) { set $never x; } }
""", files=F, errors="warn", requests=gets("/a?a=1&A=2&a_b=3&x-y=4&=5", "/a?a", "/a?a=", "/a?b&a=%20x+y", "/a?&&a=1", "/a?a=1#f", "/a?", "/a", "/u/x%20y?z=%41", "/s", "/n", "/p", "/set?a=1", "/e?e=x", "/e?e=y", "/neg?q=1", "/neg?q=0", "/neg?z=", "/neg?z=0", "/unset", "/unset?a=1")
   + [get("/h", "X-A: 1", "x-a: 2", "Cookie: a=1; A=2; b_c=3; d", "Cookie: a=9; e=5"), get("/h", "Cookie: a=\"q u\"; b"), get("/h", "Cookie: ;a=1"), get("/h", "Cookie: aa=1; a=2"), get("/h", "X_A: under"), get("/h", "Content-Type: x/y"), post("/u", "abc"), get("/u", host="LocalHost:99"), get("/u", version="1.0", host=None)])
