"""Confs that are refused, with nginx's words, and confs that are accepted."""

from ..dsl import accepted, refused

# nginx takes these, however odd.
ODD = {
    "dup-location-named",
    "listen-param-3",
    "server-name-wild",
    "server-name-wild-3",
    "types",
    "types-dup",
    "proxy-cookie",
    "upstream-dup-method",
    "worker-processes-0",
}

for id, where, text in [
    # Grammar.
    ("no-semicolon", "server", "root html"),
    ("no-semicolon-mid", "server", "root html\nindex a;"),
    ("missing-brace", "whole", "events { }\nhttp {\nserver {\n"),
    ("extra-brace", "whole", "events { }\nhttp { }\n}\n"),
    ("unknown", "server", "no_such_directive on;"),
    ("unknown-main", "main", "no_such_directive on;"),
    ("unknown-http", "http", "no_such_directive on;"),
    ("unknown-events", "events", "no_such_directive on;"),
    ("unknown-block", "server", "nope { }"),
    ("misspelled", "location", "proxy_pas http://127.0.0.1:80;"),
    ("case", "server", "Root html;"),
    ("open-quote", "server", "root \"html;\n"),
    ("open-squote", "server", "root 'html;\n"),
    ("text-after-quote", "server", "root \"html\"x;"),
    ("dollar-brace-open", "server", "return 200 \"${uri\";"),
    ("semicolon-alone", "server", ";"),
    ("brace-alone", "server", "{ }"),
    ("block-not-expected", "server", "root html { }"),
    ("block-needed", "server", "location /a;"),
    ("block-needed-2", "http", "server;"),
    ("block-needed-3", "http", "upstream u;"),
    ("empty-events", "whole", "http { }\n"),
    ("eof-in-directive", "whole", "events { }\nhttp"),
    ("include-missing", "server", "include nothing.conf;"),
    ("include-broken", "server", "include broken.conf;"),
    ("include-args", "server", "include a b;"),
    ("long-line", "server", "set $x %s;" % ("a" * 5000)),
    ("bom", "whole", "\ufeffevents { }\n"),
    ("location-slash", "server", "location/{ return 200; }"),
    ("times", "server", "keepalive_timeout 1y2M3w;"),
    # Arguments.
    ("args-few", "server", "root;"), ("args-many", "server", "root a b;"),
    ("args-few-2", "server", "try_files /a;"),
    ("args-none-return", "server", "return;"),
    ("flag", "server", "sendfile maybe;"),
    ("flag-2", "server", "etag yes;"), ("flag-3", "server", "gzip 1;"),
    ("number", "server", "keepalive_requests x;"),
    ("number-neg", "server", "keepalive_requests -1;"),
    ("time", "server", "keepalive_timeout x;"),
    ("time-2", "server", "client_header_timeout 10x;"),
    ("time-3", "server", "send_timeout 1h1d;"),
    ("size", "server", "client_max_body_size 10x;"),
    ("size-2", "server", "client_body_buffer_size big;"),
    ("size-3", "server", "client_header_buffer_size -1;"),
    ("bufs", "server", "large_client_header_buffers 4;"),
    ("bufs-2", "server", "large_client_header_buffers 0 8k;"),
    ("enum", "server", "if_modified_since never;"),
    ("enum-2", "server", "satisfy some;"),
    ("enum-3", "server", "server_tokens maybe;"),
    ("enum-4", "server", "disable_symlinks maybe;"),
    ("bitmask", "server", "proxy_next_upstream sometimes;"),
    ("bitmask-2", "server", "gzip_proxied some;"),
    ("level", "main", "error_log logs/e.log loud;"),
    # Duplicates and contexts.
    ("dup", "server", "root a;\nroot b;"), ("dup-2", "server", "etag on;\netag off;"),
    ("dup-3", "main", "pid a;\npid b;"), ("dup-4", "http", "sendfile on; sendfile on;"),
    ("dup-5", "location", "internal; internal;\nalias a;\nalias b;"),
    ("dup-location", "server", "location /a { }\nlocation /a { }"),
    ("dup-location-exact", "server", "location = /a { }\nlocation = /a { }"),
    ("dup-location-named", "server", "location @a { }\nlocation @a { }"),
    ("dup-events", "whole", "events { }\nevents { }\n"),
    ("dup-http", "whole", "events { }\nhttp { }\nhttp { }\n"),
    ("dup-upstream", "http", "upstream u { server 127.0.0.1; }\nupstream u { server "
                             "127.0.0.1; }"),
    ("dup-listen", "server", "listen 127.0.0.1:%%PORT%%;"),
    ("dup-default", "http", "server { listen 127.0.0.1:%%PORT%% default_server; }\n"
     "server { listen 127.0.0.1:%%PORT%% default_server; }"),
    ("dup-log-format", "http", "log_format a b;\nlog_format a c;"),
    ("dup-zone", "http", "limit_req_zone $uri zone=a:1m rate=1r/s;\n"
                         "limit_req_zone $uri zone=a:1m rate=1r/s;"),
    ("root-alias", "location", "root a;\nalias b;"),
    ("alias-root", "location", "alias b;\nroot a;"),
    ("ctx-main", "main", "root html;"), ("ctx-main-2", "main", "listen 80;"),
    ("ctx-server", "server", "server { }"), ("ctx-server-2", "server", "upstream u { }"),
    ("ctx-location", "location", "listen 80;"),
    ("ctx-location-2", "location", "server_name a;"),
    ("ctx-http", "http", "location / { }"), ("ctx-http-2", "http", "proxy_pass http://a;"),
    ("ctx-http-3", "http", "return 200;"), ("ctx-http-4", "http", "rewrite a b;"),
    ("ctx-server-alias", "server", "alias html;"),
    ("ctx-server-internal", "server", "internal;"),
    ("ctx-server-proxy", "server", "proxy_pass http://127.0.0.1;"),
    ("ctx-events", "events", "root html;"),
    ("ctx-if", "server", "if ($uri) { root html; }"),
    ("ctx-if-2", "location", "if ($uri) { proxy_set_header A b; location / { } }"),
    ("ctx-if-if", "location", "if ($uri) { if ($args) { return 200; } }"),
    ("ctx-http-main", "http", "worker_processes 1;"),
    ("ctx-limit-except", "location", "limit_except GET { root html; }"),
    ("ctx-upstream", "http", "upstream u { root html; }"),
    # Locations and servers.
    ("loc-empty", "server", "location { }"),
    ("loc-modifier", "server", "location ! /a { }"),
    ("loc-modifier-2", "server", "location == /a { }"),
    ("loc-nested-outside", "server", "location /a { location /b { } }"),
    ("loc-nested-exact", "server", "location = /a { location /a/b { } }"),
    ("loc-nested-named", "server", "location /a { location @b { } }"),
    ("loc-in-named", "server", "location @a { location /b { } }"),
    ("loc-regex", "server", "location ~ \"a(b\" { }"),
    ("loc-regex-2", "server", "location ~ * { }"),
    ("loc-args", "server", "location = / a { }"),
    ("listen-port", "http", "server { listen 127.0.0.1:99999; }"),
    ("listen-port-2", "http", "server { listen 127.0.0.1:x; }"),
    ("listen-port-0", "http", "server { listen 127.0.0.1:0; }"),
    ("listen-host", "http", "server { listen no.such.host.invalid:80; }"),
    ("listen-param", "http", "server { listen 127.0.0.1:%%PORT%% fast; }"),
    ("listen-param-2", "http", "server { listen 127.0.0.1:%%PORT%% backlog=x; }"),
    ("listen-param-3", "http", "server { listen 127.0.0.1:%%PORT%% ipv6only=on; }"),
    ("listen-param-4", "http", "server { listen 127.0.0.1:%%PORT%% so_keepalive=x; }"),
    ("listen-param-5", "http", "server { listen 127.0.0.1:%%PORT%% rcvbuf=x; }"),
    ("listen-empty", "http", "server { listen; }"),
    ("listen-unix", "http", "server { listen unix:; }"),
    ("listen-v6", "http", "server { listen [::1; }"),
    ("server-name-regex", "server", "server_name ~a(b;"),
    ("server-name-wild", "server", "server_name a.*.b;"),
    ("server-name-wild-2", "server", "server_name *a.b;"),
    ("server-name-wild-3", "server", "server_name a.b*;"),
    ("server-name-wild-4", "server", "server_name ~;"),
    # Variables.
    ("var-unknown", "server", "return 200 $nothing;"),
    ("var-unknown-2", "location", "proxy_set_header A $nothing;"),
    ("var-unknown-3", "http", "log_format a $nothing;"),
    ("var-name", "server", "set x 1;"), ("var-name-2", "server", "set $ 1;"),
    ("var-dup", "server", "set $uri 1;"), ("var-dup-2", "server", "set $host x;"),
    ("var-empty", "server", "return 200 \"a $ b\";"),
    ("var-empty-2", "server", "return 200 \"${}\";"),
    ("map-name", "http", "map $uri x { }"), ("map-value", "http", "map $uri $x { a; }"),
    ("map-dup", "http", "map $uri $x { a 1; a 2; }"),
    ("map-default-dup", "http", "map $uri $x { default 1; default 2; }"),
    ("map-regex", "http", "map $uri $x { ~a(b 1; }"),
    ("map-args", "http", "map $uri { a 1; }"),
    ("map-include", "http", "map $uri $x { include nothing.conf; }"),
    ("map-many", "http", "map $uri $x { a b c; }"),
    ("capture", "server", "return 200 $1$nothing_here;"),
    ("split", "http", "split_clients $uri $x { 60% a; 50% b; }"),
    ("split-2", "http", "split_clients $uri $x { x% a; }"),
    ("split-3", "http", "split_clients $uri $x { 0% a; }"),
    ("geo", "http", "geo $x { bad 1; }"), ("geo-2", "http", "geo $x { 10.0.0.0/99 1; }"),
    # Rewriting.
    ("return-code", "server", "return abc;"), ("return-code-2", "server", "return 1000;"),
    ("return-code-3", "server", "return -1;"), ("return-many", "server", "return 200 a b;"),
    ("return-url", "server", "return /x;"),
    ("rewrite-flag", "server", "rewrite ^ /x lost;"),
    ("rewrite-regex", "server", "rewrite a(b /x;"), ("rewrite-few", "server", "rewrite a;"),
    ("rewrite-empty", "server", "rewrite ^ \"\";"),
    ("if-empty", "server", "if () { }"), ("if-open", "server", "if ($uri { }"),
    ("if-none", "server", "if { }"), ("if-op", "server", "if ($uri == a) { }"),
    ("if-op-2", "server", "if ($uri > a) { }"), ("if-op-3", "server", "if (uri) { }"),
    ("if-regex", "server", "if ($uri ~ \"a(b\") { }"),
    ("if-file", "server", "if (-z /x) { }"), ("if-noparen", "server", "if $uri { }"),
    ("if-two", "server", "if ($uri = a b) { }"),
    ("break-arg", "server", "break 1;"),
    # Error pages, files, headers.
    ("error-page", "server", "error_page /x;"),
    ("error-page-code", "server", "error_page 200 /x;"),
    ("error-page-code-2", "server", "error_page 600 /x;"),
    ("error-page-code-3", "server", "error_page x /x;"),
    ("error-page-499", "server", "error_page 499 /x;"),
    ("error-page-eq", "server", "error_page 404 =x /x;"),
    ("try-files-code", "server", "try_files /a =x;"),
    ("try-files-code-2", "server", "try_files /a =1000;"),
    ("expires", "server", "expires soon;"), ("expires-2", "server", "expires @25h;"),
    ("expires-3", "server", "expires modified @1h;"),
    ("add-header", "server", "add_header X;"),
    ("add-header-2", "server", "add_header X y sometimes;"),
    ("types", "http", "types { a/b; }"),
    ("types-dup", "http", "types { a/b c; }\ntypes { a/b c d; text/x; }"),
    ("autoindex-format", "server", "autoindex_format yaml;"),
    ("open-file-cache", "server", "open_file_cache x;"),
    ("open-file-cache-2", "server", "open_file_cache inactive=5;"),
    ("alias-empty", "location", "alias;"),
    ("charset-map", "http", "charset_map a b { zz 1; }"),
    ("limit-rate", "server", "limit_rate fast;"),
    ("resolver", "server", "resolver;"), ("resolver-2", "server", "resolver 127.0.0.1 "
                                                               "valid=x;"),
    # Access.
    ("allow", "server", "allow 1.2.3;"), ("deny", "server", "deny everyone;"),
    ("deny-2", "server", "deny 1.2.3.4/99;"),
    ("limit-except", "location", "limit_except FETCH { deny all; }"),
    ("limit-req", "server", "limit_req zone=none;"),
    ("limit-req-2", "server", "limit_req;"),
    ("limit-req-burst", "server", "limit_req zone=a burst=x;"),
    ("limit-req-zone", "http", "limit_req_zone $uri zone=a rate=1r/s;"),
    ("limit-req-zone-2", "http", "limit_req_zone $uri zone=a:1m;\nserver { location / { limit_req zone=a; } }"),
    ("limit-req-zone-3", "http", "limit_req_zone $uri zone=a:1m rate=1x/s;"),
    ("limit-req-zone-4", "http", "limit_req_zone $uri zone=a:1k rate=1r/s;"),
    ("limit-conn", "server", "limit_conn none 1;"),
    ("limit-conn-2", "server", "limit_conn a x;"),
    ("secure-link", "server", "secure_link_secret a; secure_link $uri;"),
    ("referers", "server", "valid_referers none;"),
    # Proxy and upstream.
    ("proxy-pass", "location", "proxy_pass;"),
    ("proxy-pass-2", "location", "proxy_pass 127.0.0.1;"),
    ("proxy-pass-3", "location", "proxy_pass ftp://127.0.0.1;"),
    ("proxy-pass-4", "location", "proxy_pass http://no.such.host.invalid/;"),
    ("proxy-pass-dup", "location", "proxy_pass http://127.0.0.1:1;\nproxy_pass http://127.0.0.1:2;"),
    ("proxy-pass-port", "location", "proxy_pass http://127.0.0.1:99999;"),
    ("proxy-pass-regex", "server", "location ~ x { proxy_pass http://127.0.0.1/a; }"),
    ("proxy-pass-named", "server", "location @x { proxy_pass http://127.0.0.1/a; }"),
    ("proxy-pass-if", "location", "if ($uri) { proxy_pass http://127.0.0.1/a; }"),
    ("proxy-version", "location", "proxy_http_version 3.0;"),
    ("proxy-header", "location", "proxy_set_header A;"),
    ("proxy-buffers", "location", "proxy_buffers 1 4k; proxy_pass http://127.0.0.1:1;"),
    ("proxy-busy", "location", "proxy_busy_buffers_size 1k; proxy_pass http://127.0.0.1:1;"),
    ("proxy-busy-2", "location", "proxy_busy_buffers_size 1m; proxy_pass http://127.0.0.1:1;"),
    ("proxy-temp", "location", "proxy_max_temp_file_size 1k; proxy_pass http://127.0.0.1:1;"),
    ("proxy-redirect", "location", "proxy_redirect default;"),
    ("proxy-redirect-2", "location", "proxy_redirect x;"),
    ("proxy-cookie", "location", "proxy_cookie_flags a wrong;"),
    ("proxy-temp-write", "location", "proxy_temp_file_write_size 1k; proxy_pass http://127.0.0.1:1;"),
    ("proxy-store-2", "location", "proxy_store on; proxy_store off;"),
    ("proxy-store-access", "location", "proxy_store_access user:x;"),
    ("proxy-store-access-2", "location", "proxy_store_access other:rw;"),
    ("proxy-bind", "location", "proxy_bind 127.0.0.1 opaque;"),
    ("proxy-bind-2", "location", "proxy_bind nonsense;"),
    ("proxy-hash", "location", "proxy_headers_hash_max_size x;"),
    ("proxy-redirect-3", "location", "proxy_redirect off; proxy_redirect a b;"),
    ("proxy-redirect-4", "location", "proxy_redirect a b; proxy_redirect off;"),
    ("proxy-redirect-5", "location", "proxy_redirect off; proxy_redirect off;"),
    ("proxy-redirect-6", "location", "proxy_redirect ~( b;"),
    ("proxy-redirect-7", "location", "proxy_pass http://$host; proxy_redirect default;"),
    ("proxy-cookie-2", "location", "proxy_cookie_path off; proxy_cookie_path a b;"),
    ("proxy-cookie-3", "location", "proxy_cookie_domain x;"),
    ("proxy-cookie-4", "location", "proxy_cookie_flags x;"),
    ("proxy-cookie-5", "location", "proxy_cookie_flags off; proxy_cookie_flags a secure;"),
    ("proxy-method", "location", "proxy_method A B;"),
    ("proxy-ignore", "location", "proxy_ignore_headers X-Other;"),
    ("proxy-rate", "location", "proxy_limit_rate x;"),
    ("proxy-temp-path", "location", "proxy_temp_path tmp x;"),
    ("proxy-temp-path-2", "location", "proxy_temp_path tmp 1 2 3 4;"),
    ("proxy-cache-zone", "location", "proxy_cache none; proxy_pass http://127.0.0.1:1;"),
    ("upstream-empty", "http", "upstream u { }"),
    ("upstream-server", "http", "upstream u { server; }"),
    ("upstream-param", "http", "upstream u { server 127.0.0.1 quick; }"),
    ("upstream-weight", "http", "upstream u { server 127.0.0.1 weight=x; }"),
    ("upstream-weight-0", "http", "upstream u { server 127.0.0.1 weight=0; }"),
    ("upstream-fails", "http", "upstream u { server 127.0.0.1 max_fails=x; }"),
    ("upstream-timeout", "http", "upstream u { server 127.0.0.1 fail_timeout=x; }"),
    ("upstream-backup-hash", "http", "upstream u { hash $uri; server 127.0.0.1 backup; }"),
    ("upstream-url", "http", "upstream u { server http://127.0.0.1; }"),
    ("upstream-port", "http", "upstream u { server 127.0.0.1:99999; }"),
    ("upstream-host", "http", "upstream u { server no.such.host.invalid; }"),
    ("upstream-keepalive", "http", "upstream u { server 127.0.0.1; keepalive 0; }"),
    ("upstream-dup-method", "http", "upstream u { server 127.0.0.1; hash a; hash b; }"),
    ("upstream-name-port", "http", "upstream u { server 127.0.0.1; }\nserver { "
     "location / { proxy_pass http://u:81; } }"),
    # Logs.
    ("log-format", "server", "access_log logs/a nothing;"),
    ("log-format-args", "http", "log_format a;"),
    ("log-escape", "http", "log_format a escape=xml '$uri';"),
    ("log-param", "server", "access_log logs/a combined wat=1;"),
    ("log-buffer", "server", "access_log logs/a combined buffer=x;"),
    ("log-flush", "server", "access_log logs/a combined flush=1s;"),
    ("log-gzip", "server", "access_log logs/a combined gzip=12;"),
    ("log-var-buffer", "server", "access_log logs/$host combined buffer=1k;"),
    ("log-syslog", "server", "access_log syslog:server=;"),
    ("log-off-args", "server", "access_log off x y;"),
    # main and events.
    ("worker-processes", "main", "worker_processes x;"),
    ("worker-processes-0", "main", "worker_processes 0;"),
    ("worker-connections", "events", "worker_connections x;"),
    ("worker-connections-dup", "events", "worker_connections 10; worker_connections 20;"),
    ("use", "events", "use kqueue;"), ("use-2", "events", "use nothing;"),
    ("user", "main", "user no_such_user_here;"),
    ("daemon", "main", "daemon maybe;"), ("priority", "main", "worker_priority x;"),
    ("affinity", "main", "worker_cpu_affinity 2;"),
    ("rlimit", "main", "worker_rlimit_nofile x;"),
    ("load-module", "main", "load_module modules/nothing.so;"),
    ("load-module-late", "whole", "events { }\nload_module modules/x.so;\n"),
    ("timer-resolution", "main", "timer_resolution x;"),
    ("error-log-args", "main", "error_log;"),
    ("sub-filter", "server", "sub_filter a;"),
    ("gzip-level", "server", "gzip_comp_level 10;"),
    ("gzip-level-2", "server", "gzip_comp_level 0;"),
    ("gzip-buffers", "server", "gzip_buffers 4;"),
    ("userid", "server", "userid maybe;"),
    ("ssi-types", "server", "ssi_value_length x;"),
    ("auth-basic", "server", "auth_basic;"),
    ("realip", "server", "set_real_ip_from x.y;"),
    ("slice", "server", "slice x;"), ("stub", "server", "stub_status x y;"),
    ("empty-gif", "server", "empty_gif;"),
    ("mirror", "server", "mirror;"), ("random-index", "server", "random_index x;"),
    ("dav", "server", "dav_methods GET;"), ("dav-access", "server", "dav_access user:q;"),
]:
    (accepted if id in ODD else refused)(id, text, where)

for id, where, text in [
    ("ok-empty", "whole", "events { }\n"), ("ok-http", "whole", "events { }\nhttp { }\n"),
    ("ok-comment", "server", "# c\nroot html; # d\n#e"),
    ("ok-quotes", "server", "root \"a b\"; index 'x y' z\\ w;"),
    ("ok-empty-arg", "server", "set $x \"\"; set $y '';"),
    ("ok-multi-line", "server", "index\n a\n b\n  c\n;"),
    ("ok-one-line", "whole", "events{}http{server{listen 127.0.0.1:%%PORT%%;location /{return 200;}}}"),
    ("ok-crlf", "server", "root html;\r\nindex a;\r\n"),
    ("ok-tabs", "server", "\troot\thtml\t;"),
    ("ok-include", "server", "include more.conf;"),
    ("ok-include-glob", "server", "include more*.conf; include none*.conf;"),
    ("ok-hash-in-arg", "server", "set $x a#b;"),
    ("ok-regex-brace", "server", "location ~ \"^/a{2}$\" { }"),
    ("ok-sizes", "server", "client_max_body_size 1g; client_body_buffer_size 8K; "
     "client_header_buffer_size 1024; large_client_header_buffers 4 8M;"),
    ("ok-times", "server", "send_timeout 1d2h3m4s5ms; client_body_timeout 5; "
     "keepalive_timeout 1w2d;"),
    ("ok-listen", "http", "server { listen 127.0.0.1:%%PORT%% default_server backlog=10 "
     "rcvbuf=8k sndbuf=8k deferred reuseport so_keepalive=on fastopen=3; }"),
    ("ok-listen-2", "http", "server { listen %%PORT%%; listen [::]:%%PORT%% ipv6only=on; "
     "listen *:%%PORT2%%; listen localhost:%%PORT3%%; listen unix:%%PREFIX%%/s; "
     "listen 127.0.0.1:%%PORT4%% so_keepalive=1m:2m:3; listen 127.0.0.1:%%PORT5%% bind; }"),
    ("ok-range", "http", "server { listen 127.0.0.1:21501-21503; }"),
    ("ok-names", "server", "server_name a *.b c.* .d ~^e _ \"\" $hostname;"),
    ("ok-core", "server", """
aio off; client_body_in_file_only off; client_body_in_single_buffer on;
client_body_temp_path tmp 1 2; connection_pool_size 512; directio off; directio_alignment 1k;
keepalive_disable msie6; lingering_close always; lingering_time 5s;
lingering_timeout 2s; log_not_found off; log_subrequest on; max_ranges 5; msie_padding on;
msie_refresh off; open_file_cache max=10 inactive=5s; open_file_cache_errors on;
open_file_cache_min_uses 2; open_file_cache_valid 1m; output_buffers 2 32k; postpone_output 1460;
read_ahead 0; recursive_error_pages on; request_pool_size 4k; reset_timedout_connection on;
resolver 127.0.0.1:5353 valid=5s ipv6=off; resolver_timeout 5s; send_lowat 0; sendfile on;
sendfile_max_chunk 2m; server_name_in_redirect off; subrequest_output_buffer_size 4k;
tcp_nodelay on; tcp_nopush on; types_hash_bucket_size 64; types_hash_max_size 1024;
chunked_transfer_encoding off; keepalive_time 1h; auth_delay 1s; absolute_redirect off;
port_in_redirect off; limit_rate 1k; limit_rate_after 2k; if_modified_since before;
ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;"""),
    ("ok-proxy", "location", """
proxy_pass http://127.0.0.1:1/x; proxy_bind 127.0.0.1; proxy_buffer_size 4k; proxy_buffering on;
proxy_buffers 8 4k; proxy_busy_buffers_size 8k; proxy_connect_timeout 5s; proxy_cookie_domain a b;
proxy_cookie_path a b; proxy_force_ranges off; proxy_headers_hash_bucket_size 64;
proxy_headers_hash_max_size 512; proxy_hide_header A; proxy_http_version 1.1;
proxy_ignore_client_abort on; proxy_ignore_headers Expires Cache-Control Set-Cookie Vary;
proxy_intercept_errors on; proxy_limit_rate 1m; proxy_max_temp_file_size 1m; proxy_method GET;
proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504 http_403 http_404 http_429 non_idempotent;
proxy_next_upstream_timeout 5s; proxy_next_upstream_tries 3; proxy_pass_header Server;
proxy_pass_request_body on; proxy_pass_request_headers on; proxy_read_timeout 5s;
proxy_redirect default; proxy_request_buffering off; proxy_send_lowat 0; proxy_send_timeout 5s;
proxy_set_body x; proxy_set_header A b; proxy_socket_keepalive on; proxy_store off;
proxy_store_access user:rw group:rw all:r; proxy_temp_file_write_size 8k; proxy_temp_path tmp 1 2;"""),
    ("ok-upstream", "http", "upstream u { zone z 64k; least_conn; server 127.0.0.1:1 weight=2 max_conns=3 "
     "max_fails=4 fail_timeout=5s; server unix:/x backup; server 127.0.0.1:2 down; keepalive 3; "
     "keepalive_requests 5; keepalive_timeout 6s; keepalive_time 7m; }\n"
     "upstream v { random two least_conn; server 127.0.0.1:1; }\n"
     "upstream w { hash $uri consistent; server 127.0.0.1:1; }\nupstream x { ip_hash; server 127.0.0.1:1; }"),
    ("ok-main", "main", "worker_processes auto;\nworker_cpu_affinity auto;\nworker_priority 5;\n"
     "worker_rlimit_nofile 1000;\nworker_rlimit_core 1m;\nworker_shutdown_timeout 5s;\n"
     "timer_resolution 100ms;\nenv A;\nenv B=c;\nlock_file logs/x.lock;\nmaster_process on;\n"
     "pcre_jit on;\nthread_pool p threads=4 max_queue=100;\nerror_log stderr warn;\n"
     "error_log logs/e.log debug;\nworking_directory /tmp;\ndebug_points abort;\ndaemon on;"),
    ("ok-events", "events", "worker_connections 10; use epoll; multi_accept on; accept_mutex on; "
     "accept_mutex_delay 100ms; worker_aio_requests 5; debug_connection 127.0.0.1;"),
    ("ok-logs", "http", "log_format a escape=json '$uri' \"$args\"; access_log logs/a a buffer=1k flush=1s "
     "gzip=5 if=$arg_x; access_log logs/$host a; open_log_file_cache max=10 inactive=5s valid=1m min_uses=2; "
     "access_log syslog:server=127.0.0.1:5140,facility=local7,tag=x,severity=info,nohostname a; access_log off;"),
    ("ok-map", "http", "map_hash_max_size 2048; map_hash_bucket_size 128; map $uri$args $x { volatile; hostnames; "
     "default a; *.b c; ~d e; \"\" f; include more-none*; }"),
    ("ok-misc", "server", "gzip_types *; gzip_disable \"x\" msie6; gzip_window 4k; gzip_hash 8k; "
     "gzip_http_version 1.0; gzip_vary on; gunzip on; gunzip_buffers 4 4k; charset utf-8; sub_filter a b; ssi on; "
     "addition_types *; userid_name x; expires modified +1h; autoindex on; auth_basic x; "
     "auth_basic_user_file f; satisfy any; allow unix:; deny 10.0.0.0/8; add_header A b always; add_trailer A b; "
     "etag off; real_ip_header proxy_protocol; set_real_ip_from 10.0.0.0/8; mirror off; slice 1m;"),
    ("ok-rewrite", "server", "rewrite ^/(a|b)$ /c?$1 last; rewrite ^ /x break; if (!-f $request_filename) { break; } "
     "if ($uri !~* x) { set $a b; } return 200; rewrite_log on; uninitialized_variable_warn off;"),
    ("ok-error-page", "server", "error_page 404 /x; error_page 500 502 =200 @n; error_page 403 = /y; error_page 401 http://z; "
     "location @n { }"),
    ("ok-limit", "http", "limit_req_zone $binary_remote_addr zone=a:1m rate=5r/m; limit_conn_zone $server_name zone=b:32k; "
     "limit_req zone=a burst=5 nodelay; limit_conn b 5; limit_req_status 429; limit_conn_status 599; "
     "limit_req_log_level info; limit_conn_log_level warn; limit_req_dry_run on; limit_conn_dry_run on;"),
]:
    accepted(id, text, where)
