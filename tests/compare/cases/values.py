"""Values that are refused, also of directives that have no effect here."""

from ..dsl import accepted, refused

for where, text in [
    ("http", "aio_write x;"),
    ("location", "aio_write on; aio_write off;"),
    ("http", "server_names_hash_max_size x;"),
    ("http", "server_names_hash_bucket_size 64; server_names_hash_bucket_size 64;"),
    ("http", "variables_hash_max_size -1;"),
    ("http", "variables_hash_bucket_size 1k;"),
    ("server", "connection_pool_size x;"),
    ("server", "request_pool_size 4k; request_pool_size 4k;"),
    ("http", "disable_symlinks on off;"),
    ("http", "disable_symlinks if_not_owner if_not_owner;"),
    ("http", "disable_symlinks off from=/x;"),
    ("http", "disable_symlinks from=/x;"),
    ("http", "disable_symlinks on from;"),
    ("server", "try_files a b; try_files c d;"),
    ("location", "try_files a b; try_files a b;"),
    ("http", "client_body_temp_path a b;"),
    ("http", "client_body_temp_path a 1 0;"),
    ("http", "keepalive_disable msie6 safari none;"),
    ("http", "keepalive_disable x;"),
    ("http", "proxy_temp_path a x;"),
    ("http", "proxy_hide_header a b;"),
    ("http", "proxy_pass_header a b;"),
    ("http", "proxy_cache_background_update x;"),
    ("http", "proxy_cache_convert_head on; proxy_cache_convert_head off;"),
    ("http", "proxy_cache_key a; proxy_cache_key b;"),
    ("http", "proxy_cache_lock 1;"),
    ("http", "proxy_cache_lock_age x;"),
    ("http", "proxy_cache_lock_timeout 5s; proxy_cache_lock_timeout 5s;"),
    ("http", "proxy_cache_max_range_offset x;"),
    ("http", "proxy_cache_methods PUT;"),
    ("http", "proxy_cache_min_uses x;"),
    ("http", "proxy_cache_revalidate maybe;"),
    ("http", "proxy_cache_use_stale error x;"),
]:
    refused("value " + text.rstrip(";"), text, where)

for where, text in [
    ("http", "disable_symlinks from=$document_root if_not_owner;"),
    ("server", "try_files a b; location /x { try_files a b; location /x/y { try_files a b; } }"),
    ("http", "proxy_hide_header a; proxy_hide_header b;"),
    ("http", "proxy_cache_methods GET HEAD POST; proxy_cache_use_stale error http_500 updating;"
             " proxy_cache_key $scheme$uri; proxy_cache_lock_age 1m; proxy_cache_min_uses 3;"),
    ("http", "connection_pool_size 256; request_pool_size 8k; aio_write on;"),
]:
    accepted("value " + text.rstrip(";"), text, where)

# Sizes of http count with those of a server. (allowed.txt: which line is named)
for n, (text, ok) in enumerate([
    ("proxy_busy_buffers_size 256k; server { proxy_buffers 8 128k; }", True),
    ("proxy_buffers 1 4k; server { proxy_buffers 4 8k; }", True),
    ("proxy_busy_buffers_size 256k; server { proxy_buffers 8 128k; } server { }", False),
    ("proxy_busy_buffers_size 256k; server { location / { proxy_buffers 8 128k; } }", False),
    ("proxy_busy_buffers_size 256k; server { proxy_buffers 8 16k; }", False),
]):
    (accepted if ok else refused)("proxy-busy-level-%d" % n, "events { }\nhttp { %s }\n"
                                  % text.replace("server {", "server { listen 127.0.0.1:%%PORT%%;"),
                                  "whole")
