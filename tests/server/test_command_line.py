"""-v -V -t -T -q -s -p -c -e -g -M -H -?, and what a conf error looks like."""

import os
import re
import subprocess

import pytest

from harness.server import Server, weir_binary

pytestmark = pytest.mark.plain("about the command line")

CONF = """
events { }
http {
    include types.conf;
    server { listen 127.0.0.1:%%PORT%%; include types.conf; location / { } }
}
"""


@pytest.fixture
def made():
    """A function that writes a conf and gives a Server that has not started."""
    all_ = []

    def make(conf=CONF, **options):
        s = Server(conf, raw=True, wait=False,
                   files={"types.conf": "# types\ntcp_nodelay on;\n"}, **options)
        all_.append(s)
        return s
    yield make
    for s in all_:
        s.remove()


def run(*args, cwd=None):
    env = {k: v for k, v in os.environ.items() if k != "WEIR"}
    return subprocess.run([weir_binary(), *args], capture_output=True, text=True,
                          timeout=10, cwd=cwd, env=env)


def test_v():
    out = run("-v")
    assert out.returncode == 0
    assert re.fullmatch(r"weir version: weir/\d+\.\d+\.\d+\S*\n", out.stderr)


def test_capital_v():
    out = run("-V")
    assert out.returncode == 0
    assert re.search(r"^weir version: weir/", out.stderr, re.M)
    assert re.search(r"^built (by|with) ", out.stderr, re.M)
    assert re.search(r"^configure arguments:", out.stderr, re.M)


@pytest.mark.parametrize("flag", ["-h", "-?"])
def test_help(flag):
    out = run(flag)
    assert out.returncode == 0
    for option in "vVtTqspceg":
        assert re.search(r"-%s\b" % option, out.stdout + out.stderr)


@pytest.mark.parametrize("args", [["-x"], ["-s"], ["-s", "x"], ["-c"], ["extra"],
                                  ["-p"], ["-tx"]])
def test_wrong_options(args):
    out = run(*args)
    assert out.returncode == 1 and out.stderr


def test_t(made):
    s = made()
    out = s.run("-t")
    assert out.returncode == 0
    path = s.path("test.conf")
    assert out.stderr == (
        "weir: the configuration file %s syntax is ok\n"
        "weir: configuration file %s test is successful\n" % (path, path))


def test_t_and_a_signal(made):
    """As nginx: it is a test."""
    s = made()
    out = s.run("-t", "-s", "stop")
    assert out.returncode == 0
    assert [line.rsplit(" ", 2)[1:] for line in out.stderr.splitlines()] == [
        ["is", "ok"], ["is", "successful"]]


def test_t_leaves_nothing_running(made):
    s = made()
    s.run("-t")
    assert not os.path.exists(s.path("logs/weir.pid")) \
        or not s.read("logs/weir.pid").strip()


def test_tq(made):
    s = made()
    out = s.run("-t", "-q")
    assert (out.returncode, out.stderr, out.stdout) == (0, "", "")
    out = made("nope;\nevents { }").run("-tq")
    assert out.returncode == 1 and 'unknown directive "nope"' in out.stderr


def test_dump(made):
    """-T prints each file once, verbatim."""
    s = made()
    out = s.run("-T")
    assert out.returncode == 0
    path, types = s.path("test.conf"), s.path("types.conf")
    assert ("# configuration file %s:\n%s" % (path, s.read("test.conf"))
            in out.stdout)
    assert out.stdout.count("# configuration file %s:\n" % types) == 1
    assert "# types\ntcp_nodelay on;\n" in out.stdout
    assert "test is successful" in out.stderr


def test_big_t_shows_the_pipelines(made):
    s = made("""events { }
http {
    server { listen 127.0.0.1:1; server_name one.test;
        location /a { auth_basic x; auth_basic_user_file u; rewrite x y; return 204; }
        location = /b { proxy_pass http://127.0.0.1:2; limit_except GET { deny all; } }
        location ~ \\.c$ { if ($arg_x) { return 403; } }
    }
    server { listen 127.0.0.1:2; location @n { empty_gif; gzip on; } }
}
""")
    out = s.run("-T").stdout
    path = s.path("test.conf")
    tail = out[out.index("# pipelines:\n"):]
    assert all(l.startswith("#") for l in tail.splitlines())
    assert "# server one.test  (%s:3)\n" % path in tail
    assert ("#   location /a  (%s:4)\n"
            "#       rewrite > uri-changed > auth_basic > post-access > index > static\n"
            % path) in tail
    assert re.search(r"#   location = /b  \(.*:5\)\n#       .*post-access > proxy_pass\n", tail)
    assert re.search(r"#   limit_except  \(.*:5\)\n#       .* > access > .*proxy_pass\n", tail)
    assert re.search(r"#   location ~ \\\.c\$  \(.*:6\)\n", tail)
    assert re.search(r"#   location @n  \(.*:8\)\n#       .* > empty_gif\n", tail)
    assert re.search(r"# all filters: .*gzip > range", tail)
    # Those that do nothing in a location do not stand in it.
    filters = re.findall(r"#   location (\S+) .*\n#.*\n# +filters: (.*)\n", tail)
    assert [(name, "gzip" in f, " > range" in f) for name, f in filters] == [
        ("/a", False, True), ("=", False, True), ("~", False, True), ("@n", True, True)]
    # It is a conf all the same.
    s.write_conf(out)
    assert s.run("-t").returncode == 0


def test_t_of_a_wrong_conf(made):
    s = made("events { }\nhttp {\n    server {\n        proxy_pas x;\n    }\n}\n")
    out = s.run("-t")
    assert out.returncode == 1
    assert re.search(r'weir: \[emerg\] unknown directive "proxy_pas" in %s:4:9\b'
                     % re.escape(s.path("test.conf")), out.stderr)
    assert 'did you mean "proxy_pass"?' in out.stderr
    assert re.search(r"^ *(4 *\|? *)?\s*proxy_pas x;$", out.stderr, re.M)
    assert re.search(r"^[ \d|]*\^", out.stderr, re.M)
    assert "test failed" in out.stderr


@pytest.mark.parametrize("conf, line, column", [
    ("events { }\nhttp { server { listen x:y; } }\n", 2, None),
    ("events { }\nhttp {\n  root a b;\n}\n", 3, 3),
    ("events { }\nhttp {\n  root a\n}\n", None, None),
    ("events { }\n\thttp {\n\t\tsendfile maybe;\n}\n", 3, None),
    ("worker_processes 1;\nevents { worker_connections x; }\n", 2, None),
])
def test_errors_have_a_place(made, conf, line, column):
    s = made(conf)
    out = s.run("-t")
    assert out.returncode == 1
    found = re.search(r"\[emerg\] .* in %s:(\d+):(\d+)"
                      % re.escape(s.path("test.conf")), out.stderr)
    assert found, out.stderr
    if line:
        assert int(found.group(1)) == line
    if column:
        assert int(found.group(2)) == column


def test_error_in_an_include_names_that_file(made):
    s = made("events { }\nhttp { include bad.conf; }\n")
    with open(s.path("bad.conf"), "w") as f:
        f.write("\n\n  rubbish;\n")
    out = s.run("-t")
    assert '"rubbish" in %s:3:3' % s.path("bad.conf") in out.stderr


def test_missing_module_is_named(made):
    s = made("events { }\nhttp { server { route GET / { text hi; } } }\n")
    out = s.run("-t")
    if out.returncode == 0:
        return                          # built in
    assert "load_module modules/http_route_module.so" in out.stderr


def test_missing_conf(made):
    s = made()
    os.unlink(s.path("test.conf"))
    out = s.run("-t")
    assert out.returncode == 1
    assert re.search(r'\[emerg\] open\(\) "%s" failed \(2: No such file'
                     % re.escape(s.path("test.conf")), out.stderr)


def test_g(made):
    s = made("events { }\n")
    assert s.run("-t", "-g", "worker_processes 2; pid logs/x.pid;").returncode == 0
    out = s.run("-t", "-g", "worker_processes x;")
    assert out.returncode == 1 and "in command line" in out.stderr
    out = s.run("-t", "-g", "pid a")
    assert out.returncode == 1


def test_g_and_conf_may_not_both_say_it(made):
    s = made("pid logs/a.pid;\nevents { }\n")
    out = s.run("-t", "-g", "pid logs/b.pid;")
    assert out.returncode == 1 and '"pid" directive is duplicate' in out.stderr


def test_p_without_slash_and_relative_c(made):
    s = made()
    out = run("-p", s.prefix, "-c", "test.conf", "-t")
    assert out.returncode == 0, out.stderr
    out = run("-p", ".", "-c", "test.conf", "-t", cwd=s.prefix)
    assert out.returncode == 0, out.stderr


def test_e(made):
    s = made("nope;\n")
    run("-p", s.prefix, "-c", "test.conf", "-e", "logs/early.log")
    assert 'unknown directive "nope"' in s.read("logs/early.log")


def test_m_lists_modules():
    out = run("-M")
    assert out.returncode == 0
    assert "proxy" in out.stdout + out.stderr


@pytest.mark.parametrize("name", ["proxy_pass", "listen", "root", "$uri", "gzip"])
def test_capital_h_explains(name):
    out = run("-H", name)
    assert out.returncode == 0, out.stderr
    assert name in out.stdout and len(out.stdout) > 40


def test_capital_h_shows_each_that_has_the_name():
    out = run("-H", "set").stdout
    assert "set $variable value;" in out and "set NAME = EXPRESSION;" in out
    out = run("-H", "server").stdout
    assert out.count("Module:") == 2 and "http_upstream_module" in out
    out = run("-H", "session_user").stdout
    assert "Variable: $session_NAME" in out and "http_session_module" in out


def test_capital_h_of_nothing():
    out = run("-H", "proxy_pas")
    assert out.returncode == 1
    assert "proxy_pass" in out.stdout + out.stderr


@pytest.mark.parametrize("kind", ["server", "location"])
def test_ten_thousand(made, kind):
    if kind == "server":
        inner = "".join("server { listen 127.0.0.1:%%%%PORT%%%%; server_name n%d.a; "
                        "root r%d; }\n" % (i, i) for i in range(10000))
    else:
        inner = "server { listen 127.0.0.1:%%PORT%%;\n" + "".join(
            "location /l%d/ { root r%d; }\n" % (i, i) for i in range(10000)) + "}"
    s = made("events { }\nhttp {\nserver_names_hash_max_size 20000;\n%s}\n"
             % inner)
    out = s.run("-t", timeout=30)       # how fast it is, make bench measures
    assert out.returncode == 0, out.stderr
