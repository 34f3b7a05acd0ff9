"""The conf's grammar and its messages, side by side with nginx where it has the
same."""

import os
import re
import subprocess

import pytest

from harness.server import Server, make_prefix, nginx_binary, weir_binary, write_files

pytestmark = pytest.mark.plain("about confs; nothing is asked")

needs_nginx = pytest.mark.skipif(not os.access(nginx_binary(), os.X_OK),
                                 reason="no nginx to compare with")


@pytest.fixture
def folder():
    prefix = make_prefix()
    yield prefix
    subprocess.run(["rm", "-rf", prefix], check=True)


def run_test(binary, prefix, conf, *args):
    write_files(prefix, {"test.conf": conf})
    env = {k: v for k, v in os.environ.items() if k != "WEIR"}
    return subprocess.run(
        [binary, "-t", "-p", prefix + "/", "-c", "test.conf", "-e", "logs/error.log",
         "-g", "pid logs/x.pid;", *args],
        capture_output=True, text=True, timeout=20, env=env)


def message(out):
    """(what, line) of the first error, without the name of the program."""
    found = re.search(r"\[emerg\](?: \d+#\d+:)? (.*?) in (\S+?):(\d+)", out.stderr)
    assert found, out.stderr
    return found.group(1), os.path.basename(found.group(2)), int(found.group(3))


HTTP = "events { }\nhttp {\n%s\n}\n"
SERVER = HTTP % "server {\nlisten 127.0.0.1:1;\n%s\n}"

# Both refuse these, with the same words and the same line (all on one line, for
# nginx names the line on which a directive ends).
BROKEN = [
    "nonsense;",
    "nonsense { }",
    "events { } }",
    "events {",
    "events { } http {",
    "events { } ;",
    "events { } {",
    "events { }\n\"x\"y;",
    "events { worker_connections; }",
    "events { worker_connections 1 2; }",
    "events { multi_accept yes; }",
    "events { multi_accept on; multi_accept off; }",
    "events ;",
    "events { } events { }",
    "worker_processes 1 { }",
    "daemon on; daemon off; events { }",
    "events { } server { }",
    "events { } load_module x.so;",
    "events { } http { } http { }",
    "events { server { } }",
    HTTP % "include none.conf;",
    HTTP % "include;",
    HTTP % "sendfile maybe;",
    HTTP % "sendfile on; sendfile on;",
    HTTP % "client_body_buffer_size 1x;",
    HTTP % "client_max_body_size;",
    HTTP % "client_header_timeout 1s1m;",
    HTTP % "client_header_timeout x;",
    HTTP % "output_buffers 0 1k;",
    HTTP % "large_client_header_buffers 4;",
    HTTP % "root a; root b;",
    HTTP % "root a b;",
    HTTP % "satisfy some;",
    HTTP % "types { a b { } }",
    HTTP % "map $a $b { c d",
    HTTP % "location / { }",
    HTTP % "proxy_buffering off",
    HTTP % "keepalive_requests x;",
    HTTP % "keepalive_requests -1;",
    HTTP % "map $a b { }",
    SERVER % "listen 127.0.0.1:1 nonsense;",
    SERVER % "location / { server { } }",
    SERVER % "location / { root a; alias b; }",
    SERVER % "location / { root a; root b; }",
    SERVER % "location / { } location / { }",
    SERVER % "location ~ ( { }",
    SERVER % "location ~ \"a(?<1>)\" { }",
    SERVER % "return 200 ${a;",
    SERVER % "return 200 $;",
    SERVER % "return;",
    SERVER % "set x y;",
    SERVER % "set $host y;",
    SERVER % "rewrite;",
    SERVER % "error_page 200 /x;",
    SERVER % "if ($a = b { }",
    SERVER % "try_files a;",
    SERVER % "location / { internal on; }",
    SERVER % "server_name ~(;",
]

# The same answer, but weir knows the place better: only the words are compared.
ELSEWHERE = [
    "events { } http { root a",
    "events { } http { root \"a",
    "events { }\nhttp { root a }",
    "worker_processes 1",
]

GOOD = [
    "events { }",
    "events{}http{}",
    "# x\nevents { } # y\n#z",
    "\"events\" { }",
    HTTP % "root \"a b\"; index 'c;d' e\\ f \"g{h}\";",
    HTTP % "root a#b; # c\n",
    HTTP % "client_body_timeout 1m30s; keepalive_timeout 1h 2m;",
    HTTP % "client_body_timeout \"1h 30m\"; client_max_body_size 1g;",
    HTTP % "include none*.conf;",
    HTTP % "types { a/b c d; \"e f\" g; }",
    HTTP % "map ${uri}x $b { default \"\"; ~*^/a b; \\include c; }",
    SERVER % "location ~ \"^/a{2}$\" { return 200 \"a\\tb$uri${args}c\"; }",
    SERVER % "location ~ ^/(?<x>a)$ { return 200 $x$1; }",
    SERVER % "set $a b; return 200 $a$A;",
    SERVER % "if ($uri = \"a\") { return 404; }",
    SERVER % "location /x{root a;}",
]


@needs_nginx
@pytest.mark.parametrize("conf", BROKEN)
def test_refused_as_nginx_refuses(folder, conf):
    weir, nginx = (run_test(b, folder, conf) for b in (weir_binary(), nginx_binary()))
    assert nginx.returncode == 1
    assert weir.returncode == 1
    assert message(weir) == message(nginx)


@needs_nginx
@pytest.mark.parametrize("conf", ELSEWHERE)
def test_refused_with_the_words_of_nginx(folder, conf):
    weir, nginx = (run_test(b, folder, conf) for b in (weir_binary(), nginx_binary()))
    assert message(weir)[0] == message(nginx)[0]


@needs_nginx
@pytest.mark.parametrize("conf", GOOD)
def test_taken_as_nginx_takes_it(folder, conf):
    weir, nginx = (run_test(b, folder, conf) for b in (weir_binary(), nginx_binary()))
    assert nginx.returncode == 0, nginx.stderr
    assert weir.returncode == 0, weir.stderr


def test_includes_are_sorted_and_dumped_once(folder):
    write_files(folder, {"sites/b.conf": "tcp_nodelay on;", "sites/a.conf": "root a;",
                         "sites/c.txt": "nonsense;", "deep.conf": "include deeper.conf;",
                         "deeper.conf": "etag on;"})
    out = run_test(weir_binary(), folder, HTTP % "include sites/*.conf; include deep.conf;",
                   "-T")
    assert out.returncode == 0, out.stderr
    names = re.findall(r"^# configuration file %s/(\S+):$" % re.escape(folder),
                       out.stdout, re.M)
    assert names == ["test.conf", "sites/a.conf", "sites/b.conf", "deep.conf",
                     "deeper.conf"]


def test_the_line_is_shown_with_a_caret(folder):
    out = run_test(weir_binary(), folder, "events { }\nhttp {\n\tsendfil on;\n}\n")
    assert ("in %s/test.conf:3:2 (did you mean \"sendfile\"?)\n"
            "    \tsendfil on;\n    \t^\n" % folder) in out.stderr


def test_an_include_of_itself_ends(folder):
    out = run_test(weir_binary(), folder, "include test.conf;")
    assert out.returncode == 1 and "nested more than" in out.stderr


def test_blocks_end_somewhere(folder):
    out = run_test(weir_binary(), folder, SERVER % ("location /a { " * 1000 + "}" * 1000))
    assert out.returncode == 1 and "nested more than" in out.stderr


def test_unknown_variable_has_its_place(folder):
    out = run_test(weir_binary(), folder, SERVER % "return 200 \"a$request_i\";")
    assert message(out) == ('unknown "request_i" variable', "test.conf", 5)
    assert '(did you mean "$request_id"?)' in out.stderr


def test_module_that_is_none(folder):
    write_files(folder, {"modules/x.so": "nothing"})
    out = run_test(weir_binary(), folder, "load_module modules/x.so;\nevents { }\n")
    assert out.returncode == 1
    assert message(out)[0].startswith('dlopen() "%s/modules/x.so" failed' % folder)


def test_module_too_late(folder):
    out = run_test(weir_binary(), folder, "events { }\nhttp { }\nload_module x.so;\n")
    assert message(out) == ('"load_module" directive is specified too late',
                            "test.conf", 3)


@pytest.mark.parametrize("text", [
    "server {\nlimit_req >>zone=lost; }", "server { location / {\nlimit_conn >>lost 4; } }",
    "upstream u { server 127.0.0.1;\nzone >>lost; }",
    "server {\nlimit_req >>zone=lost; location / { limit_req zone=lost burst=2; } }",
])
def test_a_zone_that_nobody_gives_a_size(folder, text):
    """nginx says no more than the words: here the place where it was named first."""
    column = len(text.split("\n")[1].split(">>")[0]) + 1
    out = run_test(weir_binary(), folder, HTTP % text.replace(">>", ""))
    first = out.stderr.split("\n")
    i = next(i for i, line in enumerate(first) if "[emerg]" in line)
    assert re.search(r'zero size shared memory zone "lost" in \S*test\.conf:4:\d+ '
                     r"\(no directive gives it a size\)$", first[i])
    assert first[i + 2].index("^") - 4 == column - 1
    assert out.returncode == 1
