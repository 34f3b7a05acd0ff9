"""Where each directive of the HTTP server may stand.

The letters: m main, h http, s server, l location, i if in server, j if in
location, e limit_except.  Each directive is tested once in all the places that
take it, and once in a place that does not.
"""

from ..dsl import accepted, refused

PLACES = {
    "hsl": """
absolute_redirect off
aio threads
auth_delay 1s
chunked_transfer_encoding off
client_body_buffer_size 8k
client_body_in_file_only clean
client_body_in_single_buffer on
client_body_temp_path tmp
client_body_timeout 5s
client_max_body_size 5m
default_type a/b
directio 4m
directio_alignment 512
disable_symlinks on
etag off
if_modified_since before
keepalive_disable none
keepalive_requests 5
keepalive_time 5m
keepalive_timeout 5s
lingering_close off
lingering_time 5s
lingering_timeout 5s
log_not_found off
log_subrequest on
max_ranges 5
msie_padding off
msie_refresh on
open_file_cache max=10
open_file_cache_errors on
open_file_cache_min_uses 2
open_file_cache_valid 5s
output_buffers 2 16k
port_in_redirect off
postpone_output 0
read_ahead 4k
recursive_error_pages on
reset_timedout_connection on
resolver 127.0.0.1
resolver_timeout 5s
satisfy any
send_lowat 0
send_timeout 5s
sendfile_max_chunk 1m
server_name_in_redirect on
server_tokens off
subrequest_output_buffer_size 4k
tcp_nodelay off
tcp_nopush on
types_hash_bucket_size 128
types_hash_max_size 2048
add_before_body /x
add_after_body /x
addition_types a/b
auth_request /x
auth_request_set $zz x
autoindex on
autoindex_exact_size off
autoindex_format json
autoindex_localtime on
ancient_browser x
modern_browser msie 5.0
charset_types a/b
create_full_put_path on
dav_access user:rw
dav_methods PUT
min_delete_depth 2
gunzip on
gunzip_buffers 4 4k
gzip_buffers 4 4k
gzip_comp_level 5
gzip_disable x
gzip_http_version 1.0
gzip_min_length 5
gzip_proxied any
gzip_types a/b
gzip_vary on
gzip_static on
index a
limit_conn_dry_run on
limit_conn_log_level warn
limit_conn_status 429
limit_req_dry_run on
limit_req_log_level warn
limit_req_status 429
open_log_file_cache off
mirror /x
mirror_request_body off
proxy_bind off
proxy_buffer_size 4k
proxy_buffering off
proxy_buffers 4 8k
proxy_busy_buffers_size 8k
proxy_connect_timeout 5s
proxy_cookie_domain a b
proxy_cookie_flags a secure
proxy_cookie_path a b
proxy_force_ranges on
proxy_headers_hash_bucket_size 128
proxy_headers_hash_max_size 1024
proxy_hide_header a
proxy_http_version 1.1
proxy_ignore_client_abort on
proxy_ignore_headers Expires
proxy_intercept_errors on
proxy_limit_rate 5k
proxy_max_temp_file_size 0
proxy_method GET
proxy_next_upstream off
proxy_next_upstream_timeout 5s
proxy_next_upstream_tries 5
proxy_pass_header a
proxy_pass_request_body off
proxy_pass_request_headers off
proxy_read_timeout 5s
proxy_redirect off
proxy_request_buffering off
proxy_send_lowat 0
proxy_send_timeout 5s
proxy_set_body x
proxy_set_header a b
proxy_socket_keepalive on
proxy_store off
proxy_store_access user:rw
proxy_temp_file_write_size 8k
proxy_temp_path tmp
real_ip_header X
real_ip_recursive on
set_real_ip_from 10.0.0.0/8
secure_link x
secure_link_md5 x
secure_link_secret x
slice 1k
ssi_last_modified on
ssi_min_file_chunk 1k
ssi_silent_errors on
ssi_types a/b
ssi_value_length 100
sub_filter a b
sub_filter_last_modified on
sub_filter_once off
sub_filter_types a/b
userid on
userid_domain x
userid_expires max
userid_flags off
userid_mark a
userid_name x
userid_p3p x
userid_path /x
userid_service 1
""",
    "l": """
alias html
internal
empty_gif
flv
mp4
random_index on
""",
    "hs": """
client_header_buffer_size 2k
client_header_timeout 5s
connection_pool_size 512
ignore_invalid_headers off
large_client_header_buffers 4 8k
merge_slashes off
request_pool_size 4k
underscores_in_headers on
""",
    "hslj": """
error_page 404 /x
limit_rate 5k
limit_rate_after 5k
root html
sendfile on
charset utf-8
source_charset utf-8
override_charset on
gzip on
add_header a b
add_trailer a b
expires 1h
ssi on
""",
    "s": """
listen 127.0.0.1:8099
server_name a
""",
    "h": """
server_names_hash_bucket_size 128
server_names_hash_max_size 1024
variables_hash_bucket_size 128
variables_hash_max_size 2048
log_format zzz x
map_hash_bucket_size 128
map_hash_max_size 1024
""",
    "sl": """
try_files /a =404
valid_referers a.com
referer_hash_bucket_size 128
referer_hash_max_size 1024
stub_status
""",
    "hsle": """
allow all
deny all
auth_basic x
auth_basic_user_file x
""",
    "hslje": """
access_log off
""",
    "lje": """
proxy_pass http://127.0.0.1:1
""",
    "slij": """
break
return 200
rewrite a /b
set $zzz x
""",
    "hslij": """
rewrite_log on
uninitialized_variable_warn off
""",
}

SHAPE = """%(m)s
events { }
http {
%(h)s
server {
listen 127.0.0.1:%%PORT%%;
%(s)s
if ($uri) { %(i)s }
location /a { %(l)s if ($uri) { %(j)s } limit_except GET { %(e)s } }
}
}
"""


def conf(line, places):
    return SHAPE.replace("%%", "%%%%") % {
        p: line + ";" if p in places else "" for p in "mhslije"}


for places, lines in PLACES.items():
    for line in lines.strip().splitlines():
        name = line.split()[0]
        accepted("place " + name, conf(line, places), "whole")
        elsewhere = [p for p in "lshim" if p not in places]
        if elsewhere:
            refused("misplaced " + name, conf(line, elsewhere[0]), "whole")
