"""return, rewrite, if, set, break, map, error_page, internal redirects."""

from ..dsl import get, gets, group, head, post, raw

URLS = ["/x", "x", "http://other/x", "https://other/x", "//other/x", "$arg_u",
        "http://$host/x", "/x?a=b", "\"\"", "$scheme://$host/y", "/a b",
        "http:/x", "ftp://x/"]

group("return", server="".join(
    "location = /%d/%d { return %d \"%s\"; }\n" % (c, i, c, u.strip('"'))
    for c in (301, 302, 303, 307, 308) for i, u in enumerate(URLS)) + """
location = /only { return http://other/only; }
location = /only2 { return https://other/only; }
location = /only3 { return $scheme://other/only; }
location = /200 { return 200; }
location = /200t { return 200 "text $arg_x"; }
location = /200e { return 200 ""; }
location = /204t { return 204 text; }
location = /304t { return 304 text; }
location = /404t { return 404 "none: $uri"; }
location = /418 { return 418; }
location = /418t { return 418 tea; }
location = /500t { return 500 oops; }
location = /444 { return 444; }
location = /444t { return 444 text; }
location = /999 { return 999; }
location = /ct { default_type application/json; return 200 '{"a": "$arg_x"}'; }
location = /esc { return 200 "a\\tb\\nc\\\\d\\"e'f"; }
location = /dollar { return 200 "${arg_x}y $request_method$uri"; }
location = /300 { return 300 /x; }
location = /304u { return 304 /x; }
location = /400 { return 400; }
location = /401 { return 401; }
location = /405 { return 405 x; }
location = /413 { return 413; }
location = /503t { return 503 busy; }
""", requests=gets(*["/%d/%d" % (c, i) for c in (301, 302, 303, 307, 308)
                     for i in range(len(URLS))])
      + gets("/301/5?u=http://z/", "/302/5?u=/z", "/302/5?u=z", "/only",
             "/only2", "/only3", "/200", "/200t?x=1", "/200e", "/204t",
             "/304t", "/404t", "/418", "/418t", "/500t", "/444", "/444t",
             "/999", "/ct?x=2", "/esc", "/dollar?x=5", "/300", "/304u",
             "/400", "/401", "/405", "/413", "/503t")
      + [head("/200t?x=1"), head("/301/0"), post("/200t?x=1", "abc"),
         post("/301/0", "abc"), get("/301/0", host="a.b:99"),
         get("/301/0", version="1.0"), raw("GET /301/0 HTTP/1.0\r\n\r\n"),
         raw("GET /200t?x=1\r\n"), get("/302/5?u=%0d%0aX:y"),
         get("/301/0", "User-Agent: Mozilla/4.0 (compatible; MSIE 5.0)")])

for flag, name in (("on", "absolute"), ("off", "relative")):
    group("redirect-" + name, server="""
absolute_redirect %s;
location = /r { return 301 /x; }
location = /q { return 302 /x?y=z; }
location = /e { return 302 ""; }
location /rw { rewrite ^ /x redirect; }
location /rwp { rewrite ^ /x permanent; }
location /d { root html; }
location /np { port_in_redirect off; return 301 /x; }
location /nn { server_name_in_redirect on; return 301 /x; }
location /dir { port_in_redirect off; root html; }
""" % flag, files={"html/d/x": "", "html/dir/x": ""}, requests=[
        get(p, host=h) for p in ("/r", "/q", "/e", "/rw?a=b", "/rwp", "/d",
                                 "/d?x", "/np", "/nn", "/dir")
        for h in ("localhost", "other:81", "")])

group("rewrite", server="""
default_type text/plain;
location / { return 200 "root $uri $args\\n"; }
location /last/ { rewrite ^/last/(.*)$ /target/$1 last; return 200 no; }
location /break/ { rewrite ^/break/(.*)$ /target/$1 break; return 200 "broke $uri"; }
location /plain/ { rewrite ^/plain/(.*)$ /target/$1; return 200 "plain $uri"; }
location /chain/ { rewrite ^/chain/(.*) /c1/$1; rewrite ^/c1/(.*) /c2/$1; rewrite ^/c2/(.*) /target/$1 last; }
location /target/ { return 200 "target $uri $args [$request_uri]\\n"; }
location /redirect { rewrite ^/redirect/(.*)$ /to/$1 redirect; }
location /permanent { rewrite ^/permanent/(.*)$ /to/$1 permanent; }
location /http { rewrite ^ http://other$uri; }
location /https { rewrite ^ https://other$uri?x=1; }
location /scheme { rewrite ^ $scheme://other$uri permanent; }
location /args { rewrite ^ /target/a?x=1 last; }
location /noargs { rewrite ^ /target/a?x=1? last; }
location /noargs2 { rewrite ^ /target/a? last; }
location /rargs { rewrite ^ /to?x=1 redirect; }
location /rnoargs { rewrite ^ /to?x=1? redirect; }
location /caps { rewrite ^/caps/(\\w+)/(\\d+)/?(.*)$ /target/$2/$1?rest=$3 last; }
location /named { rewrite ^/named/(?<n>\\w+) /target/$n last; }
location /case { rewrite (?i)^/case/X /target/insensitive last; }
location /nomatch { rewrite ^/zzz /target last; return 200 nomatch; }
location /loop { rewrite ^/loop(.*)$ /loop$1x last; }
location /enc { rewrite ^/enc/(.*)$ /target/$1 last; }
location /encr { rewrite ^/encr/(.*)$ /to/$1 redirect; }
location /encq { rewrite ^/encq/(.*)$ /to?q=$1 redirect; }
location /encl { rewrite ^/encl/(.*)$ /target/?q=$1 last; }
location /query { if ($args ~ "^id=(\\d+)$") { rewrite ^ /target/$1? last; } return 200 q; }
location /brk { set $a 1; break; set $a 2; return 200 "a=$a"; }
location /brk2/ { set $a 1; rewrite ^ /target/x break; set $a 2; root html; add_header X-A $a; }
location /file/ { rewrite ^/file/(.*)$ /$1 break; root html; }
location /dir/ { rewrite ^/dir/(.*)$ /$1 break; root html; }
location /multi { rewrite ^/multi/a /target/a last; rewrite ^/multi/b /target/b last; return 200 "multi $uri"; }
location /tail { rewrite "^/tail/(.{3})(.*)$" /target/$2$1 last; }
location /nocap { rewrite ^/nocap/(a)?(b)? /target/[$1][$2] last; }
location /slash { rewrite ^/slash/(.*)$ //target//$1 last; }
location /rel { rewrite ^ target/rel last; }
location /dots { rewrite ^ /target/../x last; }
location /off { rewrite_log on; rewrite ^ /target/log last; }
location /hash { rewrite ^ /target/#frag redirect; }
location /pct { rewrite ^ /target/%20x last; }
location /p/ { rewrite ^/p/(.*)$ /q/$1 break; proxy_pass http://127.0.0.1:%%U%%; }
location /pu/ { rewrite ^/pu/(.*)$ /q/$1 break; proxy_pass http://127.0.0.1:%%U%%/base/; }
""", files={"html/a.txt": "a\n", "html/target/x": "tx\n"},
      upstreams={"U": {}}, errors="error", requests=gets(
    "/last/a", "/last/a?b=c", "/break/a", "/break/a?x", "/plain/a", "/chain/a",
    "/redirect/a", "/redirect/a?b=c", "/redirect/a b" .replace(" ", "%20"),
    "/permanent/a?b", "/http/x", "/http/x?y", "/https", "/https?z", "/scheme/x",
    "/args", "/args?y=2", "/noargs", "/noargs?y=2", "/noargs2?y=2",
    "/rargs?y=2", "/rnoargs?y=2", "/rargs", "/caps/ab/12", "/caps/ab/12/z",
    "/caps/ab/x", "/caps/ab/12?q=1", "/named/foo", "/case/x", "/nomatch",
    "/loop", "/enc/a%20b", "/enc/%e4", "/enc/a%2Fb", "/enc/a%3fb",
    "/enc/a+b", "/encr/a%20b", "/encr/a%3fb", "/encr/a%25b", "/encr/%e4%22",
    "/encr/a&b", "/encr/a%0d%0aX:%20y", "/encq/a%20b", "/encq/a&b", "/encq/a%26b",
    "/encq/a%2bb+c", "/encl/a%20b", "/encl/a%26b", "/query?id=12", "/query?id=x",
    "/query", "/brk", "/brk2/x", "/file/a.txt", "/file/none", "/dir/",
    "/multi/a", "/multi/b", "/multi/c", "/tail/abcdef", "/tail/ab", "/nocap/",
    "/nocap/a", "/nocap/ab", "/nocap/b", "/slash/x", "/rel", "/dots", "/off",
    "/hash", "/pct", "/p/a%20b", "/p/a%2fb?c=d", "/pu/a", "/pu/a%20b") + [
        post("/last/a", "x"), head("/redirect/a"), post("/redirect/a", "x")])

group("rewrite-server", server="""
set $from server;
rewrite ^/s1/(.*)$ /t/$1;
rewrite ^/s2/(.*)$ /t/$1 last;
rewrite ^/s3/(.*)$ /t/$1 break;
rewrite ^/t/x$ /u/x;
if ($arg_go = yes) { return 200 "go\\n"; }
if ($arg_rw) { rewrite ^ /rw/$arg_rw? ; }
location / { return 200 "root $uri $from\\n"; }
location /t/ { rewrite ^/t/z /s1/x last; return 200 "t $uri\\n"; }
location /u/ { return 200 "u $uri\\n"; }
location /s3/ { return 200 "s3 $uri\\n"; }
""", requests=gets("/s1/a", "/s1/x", "/s2/x", "/s3/x", "/t/x", "/t/z", "/?go=yes",
                   "/s1/a?go=yes", "/?rw=1", "/s1/b?rw=2"))

VALUES = ["", "0", "1", "yes", "Yes", "no", "a b", "00", " ", "false", "-1",
          "abc", "ABC", "a.b", "0x", "\u00c3\u00a4"]

group("if", files={"html/f.txt": "f", "html/dir/x": "", "html/x.sh": "s",
                   "html/l": ("->", "f.txt"), "html/broken": ("->", "none")},
      setup=None, server="""
root html; default_type text/plain;
set $r "";
location /bool { if ($arg_v) { return 200 true; } return 200 false; }
location /eq { if ($arg_v = yes) { return 200 eq; } return 200 no; }
location /eqq { if ($arg_v = "a%20b") { return 200 eq; } return 200 no; }
location /eqe { if ($arg_v = "") { return 200 empty; } return 200 "not empty"; }
location /ne { if ($arg_v != yes) { return 200 ne; } return 200 eq; }
location /re { if ($arg_v ~ ^a(.)c$) { return 200 "m $1"; } return 200 no; }
location /rei { if ($arg_v ~* ^A(?<mid>.)C$) { return 200 "m $mid"; } return 200 no; }
location /nre { if ($arg_v !~ ^a) { return 200 nm; } return 200 m; }
location /nrei { if ($arg_v !~* ^a) { return 200 nm; } return 200 m; }
location /var { if ($arg_v = $arg_w) { return 200 same; } return 200 differ; }
location /f { if (-f $document_root$arg_p) { return 200 f; } return 200 no; }
location /nf { if (!-f $document_root$arg_p) { return 200 nf; } return 200 f; }
location /d { if (-d $document_root$arg_p) { return 200 d; } return 200 no; }
location /nd { if (!-d $document_root$arg_p) { return 200 nd; } return 200 d; }
location /e { if (-e $document_root$arg_p) { return 200 e; } return 200 no; }
location /ne2 { if (!-e $document_root$arg_p) { return 200 ne; } return 200 e; }
location /x { if (-x $document_root$arg_p) { return 200 x; } return 200 no; }
location /nx { if (!-x $document_root$arg_p) { return 200 nx; } return 200 x; }
location /method { if ($request_method = POST) { return 405; } return 200 get; }
location /two { if ($arg_a) { set $r "${r}a"; } if ($arg_b) { set $r "${r}b"; } return 200 "r=$r"; }
location /hdr { add_header X-Out out; if ($arg_a) { add_header X-In in; } return 200 "x"; }
location /hdr2 { add_header X-Out out; if ($arg_a) { add_header X-In in; return 200 in; } return 200 "x"; }
location /cfg { default_type a/b; if ($arg_a) { return 200 in; } return 200 out; }
location /root/ { if ($arg_a) { root other; } }
location /last { if ($arg_a) { set $x 1; } if ($arg_b) { set $x 2; } add_header X-X $x; return 200 "$x"; }
location /pp { if ($arg_a) { proxy_pass http://127.0.0.1:%%U%%; } return 200 "not proxied"; }
location /pp2 { if ($arg_a) { proxy_pass http://127.0.0.1:%%U%%; break; } return 200 "not proxied"; }
location /brk { if ($arg_a) { break; } return 200 "not broken"; }
location /brk3 { if ($arg_a) { set $r x; break; set $r y; } return 200 "r=$r"; }
location /rw { if ($arg_a) { rewrite ^ /two? last; } return 200 "rw"; }
location /ct { if ($http_content_type ~ json) { return 200 json; } return 200 other; }
location /cookie { if ($http_cookie ~* "id=([^;]+)(?:;|$)") { return 200 "id $1"; } return 200 none; }
location /cap/ { location ~ ^/cap/(?<z>.+)$ { if ($z = a) { return 200 "z is a"; } return 200 "z=$z"; } }
location /sp { if ( $arg_a ) { return 200 spaced; } return 200 no; }
location /sp2 { if ($arg_a ~ "a b|c{1}") { return 200 yes; } return 200 no; }
""", upstreams={"U": {}}, requests=[
    get("/%s?v=%s" % (k, v.replace(" ", "%20"))) for k in
    ("bool", "eq", "ne", "re", "rei", "nre", "nrei", "eqe") for v in VALUES
] + [get("/%s?p=%s" % (k, p)) for k in ("f", "nf", "d", "nd", "e", "ne2", "x",
                                        "nx")
     for p in ("/f.txt", "/dir", "/none", "/x.sh", "/l", "/broken", "")]
      + gets("/eqq?v=a%20b", "/var?v=1&w=1", "/var?v=1&w=2", "/var", "/method",
             "/two", "/two?a=1", "/two?b=1", "/two?a=1&b=1", "/hdr", "/hdr?a=1",
             "/hdr2", "/hdr2?a=1", "/cfg", "/cfg?a=1", "/last", "/last?a=1",
             "/last?a=1&b=1", "/pp", "/pp?a=1", "/pp2", "/pp2?a=1", "/brk",
             "/brk3", "/brk3?a=1", "/rw", "/rw?a=1&b=1", "/cap/a", "/cap/b",
             "/sp?a=1", "/sp2?a=c", "/bool", "/root/f.txt", "/root/f.txt?a=1")
      + [post("/method", "x"), get("/ct", "Content-Type: application/json"),
         get("/ct"), get("/cookie", "Cookie: a=b; id=42; c=d"),
         get("/cookie", "Cookie: a=b")])

group("set", server="""
default_type text/plain;
set $a server;
set $b "$a-b";
location /1 { return 200 "$a $b"; }
location /2 { set $a loc; return 200 "$a $b"; }
location /3 { set $c $arg_x; set $c "$c$c"; return 200 "$c"; }
location /4 { set $d ""; return 200 "[$d]"; }
location /5 { return 200 "[$late]"; }
location /6 { set $late 1; return 200 "[$late]"; }
location /7 { set $e "${arg_x}_$uri"; rewrite ^ /8 last; }
location /8 { return 200 "[$e] [$a]"; }
location /9 { set $f "a b"; set $g 'c "d"'; set $h e\\ f; return 200 "$f|$g|$h"; }
location /10 { set $limit_rate 1m; return 200 "$limit_rate"; }
location /11 { set $args x=1; return 200 "$args $arg_x $is_args $query_string"; }
location /12 { set $args ""; rewrite ^ /13 last; }
location /13 { return 200 "$uri$is_args$args"; }
location /14 { set $args a=1&b=2; proxy_pass http://127.0.0.1:%%U%%; }
location /16 { set $Abc 1; return 200 "$abc $ABC $Abc"; }
""", upstreams={"U": {}}, requests=gets(
    "/1", "/2", "/3?x=y", "/4", "/5", "/6", "/7?x=y", "/8", "/9", "/10",
    "/11?y=2", "/12?y=2", "/14?z", "/16"))

group("map", files={"map.inc": "inc included;\n~^incre regex;\n"}, http="""
map_hash_bucket_size 128; map_hash_max_size 4096;
map $arg_k $m { default def; a A; b B; "c%20d" CD; "" empty; include map.inc; ~^x(\\d+)$ "re $1"; ~*^Y(?<yy>.)$ "ci $yy"; "~^q{2}$" braces; \\default escdef; var $arg_v; var2 "<$arg_v>"; \\hostnames esc; }
map $http_host $hm { hostnames; default def; a.com exact; *.a.com star; .b.com dot; c.* tail; www.c.* wtail; ~^re regex; }
map $arg_k $nodef { a 1; }
map $arg_k$arg_l $two { ab ab; ~a$ a; }
map $arg_k $vol { volatile; default $arg_l; }
map $m $chain { A 1; B 2; default "chain $m"; }
map "$arg_k:$arg_l" $combo { "a:b" yes; default no; }
map $arg_k $dup { a first; ~a second; }
map $arg_k $last { ~a first; ~ab second; default none; }
server { listen 127.0.0.1:%%PORT%%; default_type text/plain;
 location / { return 200 "$m|$nodef|$two|$chain|$combo|$dup|$last\\n"; }
 location /h { return 200 "$hm\\n"; }
 location /v { set $x "$vol"; set $args "l=changed"; return 200 "$x $vol\\n"; }
 location /nv { set $x "$nodef"; set $args "k=a"; return 200 "[$x] [$nodef]\\n"; }
 location /cap { set $y $m; return 200 "$m $1\\n"; }
}
""", requests=gets("/?k=a", "/?k=b", "/?k=c%20d", "/", "/?k=", "/?k=A", "/?k=B",
                   "/?k=inc", "/?k=incre1", "/?k=x12", "/?k=yz", "/?k=Yz",
                   "/?k=qq", "/?k=default", "/?k=var&v=1", "/?k=var2&v=1",
                   "/?k=hostnames", "/?k=a&l=b", "/?k=ab", "/?k=ba", "/?k=z",
                   "/v?l=1", "/nv?k=b", "/nv?k=a", "/cap?k=x7", "/?k=xa")
      + [get("/h", host=h) for h in (
          "a.com", "x.a.com", "b.com", "x.b.com", "c.org", "www.c.org", "re.x",
          "zzz", "A.COM", "x.y.a.com", "", "d.c.org", "a.com:80")])

group("split-clients-geo", http="""
split_clients "${arg_k}AAA" $v { 10% one; 25.5% two; 0.01% tiny; * rest; }
split_clients $arg_k $full { 50% a; 50% b; }
geo $arg_ip $g { default none; 10.0.0.0/8 ten; 10.1.0.0/16 ten-one; 10.1.1.1 host; 192.168.0.0/24 lan; 2001:db8::/32 six; 0.0.0.0/1 half; }
geo $gr { ranges; default none; 127.0.0.0-127.0.0.255 loop; }
geo $gd { default d; 127.0.0.1 local; delete 127.0.0.1; }
geo $gp { default d; proxy 127.0.0.1; 5.5.5.0/24 proxied; proxy_recursive; }
server { listen 127.0.0.1:%%PORT%%; return 200 "$v $full $g $gr $gd $gp\\n"; }
""", requests=[get("/?k=%s" % k) for k in ("a", "b", "c", "hello", "world",
                                           "10.1.2.3", "", "x" * 50, "1", "2",
                                           "3", "user4", "user5")]
      + [get("/?ip=" + i) for i in ("10.2.3.4", "10.1.2.3", "10.1.1.1",
                                    "192.168.0.5", "192.168.1.5", "2001:db8::1",
                                    "bad", "1.2.3.4", "255.255.255.255",
                                    "2001:db9::1", "", "10.1.1.1x")]
      + [get("/", "X-Forwarded-For: " + x) for x in (
          "5.5.5.5", "6.6.6.6, 5.5.5.9", "5.5.5.9, 6.6.6.6",
          "5.5.5.5, 127.0.0.1", "junk")])

group("error-page", files={
    "html/404.html": "custom 404\n", "html/50x.html": "custom 50x\n",
    "html/e/404.html": "e 404\n", "html/a.txt": "a\n",
    "html/403dir/x": "", "err/x.html": "err x\n"}, server="""
root html; default_type text/plain;
error_page 404 /404.html;
error_page 500 502 503 504 /50x.html;
location /ok { error_page 404 =200 /a.txt; return 404; }
location /eq { error_page 404 = /handler; return 404; }
location /handler { return 200 "handler $uri $request_uri $status\\n"; }
location /eqs { error_page 404 = /status418; return 404; }
location /status418 { return 418 "from $uri\\n"; }
location /eq403 { error_page 404 =403 /404.html; return 404; }
location /eq302 { error_page 404 =302 /elsewhere; return 404; }
location /eq301u { error_page 404 =301 http://other/x; return 404; }
location /url { error_page 404 http://other/x?u=$uri; return 404; }
location /url2 { error_page 404 =301 https://other$request_uri; return 404; }
location /named { error_page 404 @n; return 404; }
location /named200 { error_page 404 =200 @n; return 404; }
location /namedeq { error_page 404 = @n; return 404; }
location @n { return 405 "named $uri $status $request_method\\n"; }
location @nf { try_files /a.txt =410; }
location /namedfile { error_page 404 = @nf; return 404; }
location /namedfile2 { error_page 404 @nf; return 404; }
location /var { error_page 404 /e/$arg_c.html; return 404; }
location /missing-page { error_page 404 /none.html; return 404; }
location /loop { error_page 404 /loop2; return 404; }
location /loop2 { error_page 500 /x; return 500; }
location /rec { recursive_error_pages on; error_page 404 /rec2; return 404; }
location /rec2 { recursive_error_pages on; error_page 500 /rec3; return 500; }
location /rec3 { return 200 "rec3 $uri\\n"; }
location /forever { recursive_error_pages on; error_page 404 /forever; return 404; }
location /500 { return 500; }
location /503 { return 503; }
location /text { error_page 404 /404.html; return 404 "own text"; }
location /403dir/ { error_page 403 /403x; }
location /403x { return 200 "403x\\n"; }
location /405 { error_page 405 =200 /a.txt; root html; }
location /418 { error_page 418 =200 @tea; return 418; }
location @tea { return 418 "tea\\n"; }
location /none { error_page 404 =404 /404.html; return 404; }
location /off { error_page 404 /404.html; location /off/inner { error_page 403 /x; return 404; } }
location /int { internal; return 200 "internal $uri\\n"; }
location /toint { error_page 404 = /int; return 404; }
location /intx { internal; root html; error_page 404 =200 /a.txt; }
location /p { proxy_pass http://127.0.0.1:%%U%%; }
location /pi { proxy_intercept_errors on; proxy_pass http://127.0.0.1:%%U%%; }
location /pi2 { proxy_intercept_errors on; error_page 404 =200 /a.txt; error_page 302 = @n; proxy_pass http://127.0.0.1:%%U%%; }
location /dead { proxy_pass http://127.0.0.1:%%DEAD%%; }
location /dead2 { error_page 502 = @n; proxy_pass http://127.0.0.1:%%DEAD%%; }
location /hdr { add_header X-L loc always; error_page 404 /hdrpage; return 404; }
location /hdrpage { add_header X-P page always; return 404 page; }
location /args { error_page 404 /eargs?x=y; return 404; }
location /eargs { return 200 "$args $uri\\n"; }
location /two { error_page 404 /a.txt; error_page 404 /404.html; return 404; }
location /413 { client_max_body_size 1; error_page 413 =200 /a.txt; }
location /401 { error_page 401 /a.txt; return 401; }
location /416/ { alias html/; error_page 416 =200 /404.html; }
location /400 { error_page 400 /a.txt; return 400; }
location /chain { error_page 404 = @c1; return 404; }
location @c1 { error_page 405 = @n; return 405; }
location /chainr { recursive_error_pages on; error_page 404 = @c2; return 404; }
location @c2 { recursive_error_pages on; error_page 405 = @n; return 405; }
location /sif { error_page 404 = @n; if ($arg_x) { return 404; } return 200 sif; }
""", upstreams={"U": {
    p: b"HTTP/1.1 %s\r\nContent-Length: 3\r\nX-Up: 1\r\n\r\nup\n" % s
    for p, s in (("/p/404", b"404 Gone Fishing"), ("/pi/404", b"404 Not Found"),
                 ("/pi2/404", b"404 Not Found"), ("/p/500", b"500 X"),
                 ("/pi/500", b"500 X"), ("/pi/403", b"403 Forbidden"),
                 ("/pi2/302", b"302 Found\r\nLocation: /x"),
                 ("/pi/401", b"401 No\r\nWWW-Authenticate: Basic realm=x"))}},
      errors="error", requests=gets(
    "/nothing", "/ok", "/eq", "/eqs", "/eq403", "/eq302", "/eq301u", "/url",
    "/url2?x=y", "/named", "/named200", "/namedeq", "/namedfile",
    "/namedfile2", "/var?c=404", "/var?c=none", "/var", "/missing-page",
    "/loop", "/rec", "/forever", "/500", "/503", "/text", "/403dir/", "/418",
    "/none", "/off/inner", "/int", "/toint", "/intx", "/p/404", "/p/500",
    "/pi/404", "/pi/500", "/pi/403", "/pi/401", "/pi2/404", "/pi2/302",
    "/dead", "/dead2", "/hdr", "/args", "/args?q=1", "/two", "/401", "/400",
    "/chain", "/chainr", "/404.html", "/sif", "/sif?x=1", "/url?a=b") + [
    post("/405", "x"), post("/nothing", "x"), post("/eq", "x"), post("/413", "xx"),
    post("/named", "x"), head("/nothing"), head("/ok"), head("/url"),
    get("/416/a.txt", "Range: bytes=99-"), get("/nothing", version="1.0"),
    raw("GET /nothing\r\n"), raw("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
    raw("GET / HTTP/1.1\r\n\r\n"), raw("GET / HTTP/7.1\r\nHost: a\r\n\r\n"),
    get("/nothing", "Range: bytes=0-1"), get("/nothing", "If-None-Match: *")])

group("error-page-defaults", server="""
server_tokens off;
location / { return 404; }
location /t { server_tokens on; return 404; }
location /b { server_tokens build; return 404; }
location /500 { return 500; }
location /msie { msie_padding on; return 404; }
location /nomsie { msie_padding off; return 404; }
location /refresh { msie_refresh on; return 302 /x; }
location /414 { return 414; }
""", requests=gets("/", "/t", "/b", "/500", "/414") + [
    get(p, "User-Agent: " + ua) for p in ("/msie", "/nomsie", "/refresh", "/500")
    for ua in ("Mozilla/4.0 (compatible; MSIE 6.0; Windows)",
               "Mozilla/5.0 Chrome/99", "Mozilla/4.0 (compatible; MSIE 9.0)")])
group("error-page-http", http="""
error_page 404 = @x;
server { listen 127.0.0.1:%%PORT%%;
  location / { return 404; }
  location @x { return 200 "x $uri"; }
  location /a { error_page 403 /y; return 404; }
  location /b { error_page 404 /y; return 404; }
  location = /y { return 201 y; }
}
server { listen 127.0.0.1:%%PORT2%%; error_page 400 404 =200 /z; location / { return 404; } location = /z { return 202 "z $status"; } }
""", requests=gets("/", "/a", "/b") + gets("/", port="PORT2") + [
    raw("GET / HTTP/1.1\r\n\r\n", port="PORT2"),
    raw("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", port="PORT2"),
    raw("G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", port="PORT2")])
