"""weir --from-nginx: what of an nginx.conf carries over."""

import subprocess

from harness.server import weir_binary

MIXED = """
load_module modules/ngx_http_image_filter_module.so;
load_module modules/ngx_http_realip_module.so;
events { worker_connections 768; }
stream { server { listen 1; proxy_pass a:1; } }
http {
    include inner.conf;
    server {
        listen 80;
        location ~ \\.php$ { fastcgi_pass 127.0.0.1:9000; fastcgi_param A b; }
        location /x { content_by_lua_block { ngx.say("{}") } gzip maybe; }
        location /y { return 200 $nosuch; }
    }
}
"""


def survey(tmp_path, conf, **files):
    (tmp_path / "nginx.conf").write_text(conf)
    for name, text in files.items():
        (tmp_path / (name + ".conf")).write_text(text)
    r = subprocess.run([weir_binary(), "--from-nginx", str(tmp_path / "nginx.conf")],
                       capture_output=True, text=True, timeout=20)
    return r.returncode, r.stdout.replace(str(tmp_path) + "/", "")


def test_what_carries_over_is_left_alone(tmp_path):
    status, out = survey(tmp_path, "events { }\nhttp { server { listen 80; } }\n")
    assert (status, out.splitlines()[0]) == (0, "4 directives read, 0 lines to look at.")
    assert [f.name for f in tmp_path.iterdir()] == ["nginx.conf"]


def test_what_does_not_is_told_with_its_place_and_what_to_do(tmp_path):
    status, out = survey(tmp_path, MIXED, inner="gzip on;\nbrotli on;\n")
    assert status == 1
    for words in ("nginx.conf:2: modules/ngx_http_image_filter_module.so: weir has no such module",
                  "nginx.conf:3: modules/ngx_http_realip_module.so: built into weir",
                  'nginx.conf:5:1: unknown directive "stream"\n    weir proxies HTTP only',
                  'inner.conf:2:1: unknown directive "brotli"\n    weir compresses with gzip',
                  'nginx.conf:10:29: unknown directive "fastcgi_pass"\n    weir speaks no FastCGI',
                  'unknown directive "content_by_lua_block"\n    Lua is not there',
                  'nginx.conf:11:67: invalid value "maybe"',
                  'unknown "nosuch" variable'):
        assert words in out, (words, out)
    assert "9 lines to look at." in out


def test_what_cannot_be_read_ends_with_why(tmp_path):
    status, out = survey(tmp_path, "events { }\nhttp { server { listen 80;\n")
    assert status == 1 and 'unexpected end of file, expecting "}"' in out
    r = subprocess.run([weir_binary(), "--from-nginx", str(tmp_path / "none")],
                       capture_output=True, text=True, timeout=20)
    assert r.returncode == 1 and "No such file" in r.stderr
