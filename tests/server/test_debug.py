"""Seeing what it does: debug lines by area and by client, and SIGURG's list of what
is under way."""

import re

from harness.http1 import wait_until

SERVER = """server { listen 127.0.0.1:%%PORT%%; server_name here;
location / { return 200 hello; }
location /wait { proxy_pass http://127.0.0.1:%%U%%; }
location /own { error_log logs/own.log; return 204; } }"""


def lines(s, pattern, log="logs/error.log"):
    return [l for l in s.read(log).splitlines() if re.search(pattern, l)]


def test_all_areas(server):
    s = server(SERVER, names={"U": 1}, main="error_log logs/error.log debug;")
    s.get("/x?y")
    assert wait_until(lambda: lines(s, r'\[debug\] .*: \*\d+ http: GET /x\?y for server "here"'))
    assert lines(s, r'http: location "/" for /x')
    assert lines(s, r"http: answers 200, length 5")
    assert lines(s, r"frame: enter find-location")


def test_areas(server):
    s = server(SERVER, names={"U": 1},
               main="error_log logs/frame.log debug_frame;\n"
                    "error_log logs/http.log debug_http;\n"
                    "error_log logs/event.log debug_event debug_core;\n"
                    "error_log logs/error.log info;")
    s.get("/")
    assert wait_until(lambda: lines(s, "frame: enter", "logs/frame.log"))
    assert not lines(s, "http: ", "logs/frame.log")
    assert lines(s, "http: GET /", "logs/http.log")
    assert lines(s, "frame: enter", "logs/http.log")
    assert not lines(s, "debug", "logs/event.log")
    assert not lines(s, "debug", "logs/error.log")
    for log in ("logs/frame.log", "logs/event.log"):    # the other levels go there as well
        assert lines(s, "start worker process|gracefully|using the", log)


def test_unknown_area(server):
    s = server(SERVER, names={"U": 1}, main="error_log logs/error.log debug;",
               allow=["invalid log level"])
    s.write_conf(s.read("test.conf").replace("error.log debug;", "error.log debug_nothing;"))
    out = s.run("-t")
    assert out.returncode == 1
    assert 'invalid log level "debug_nothing"' in out.stderr


def test_debug_connection(server):
    events = ("error_log logs/error.log error;\ndaemon off; pid logs/server.pid;\n"
              "events { debug_connection WHO; }\nhttp { access_log off;\n" + SERVER + "}")
    for who, seen in (("127.0.0.0/24", True), ("10.0.0.0/8", False)):
        s = server(events.replace("WHO", who), names={"U": 1})
        assert s.get("/own").status == 204
        s.get("/")
        s.stop()
        assert bool(lines(s, r"\[debug\] .*http: GET / ")) == seen
        assert bool(lines(s, r"\[debug\] .*http: answers 204", "logs/own.log")) == seen


def test_list_of_requests(server, upstream):
    u = upstream({"/wait": ["hang"]})
    s = server(SERVER, names={"U": u.port}, main="error_log logs/error.log error;")
    with s.connect() as idle, s.connect() as c:
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        idle.response()
        c.send("GET /wait?for=it HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: u.requests)
        s.signal("URG")             # to the master: it asks its workers
        found = wait_until(lambda: lines(s, r"waits"))[0]
        assert re.search(r"\[notice\] .*: \*\d+ \d+\.\d{3} s old, waits \d+\.\d{3} s for "
                         r"\w+ in stage \"proxy_pass\", goes on at \w+\(\), client: "
                         r"127\.0\.0\.1, .*request: \"GET /wait\?for=it %s\"" % s.protocol, found)
        assert wait_until(lambda: lines(s, r"1 requests, 2 connections, 1 of them idle"))
    assert s.get("/").status == 200


def test_list_of_a_worker_and_of_subrequests(server, upstream):
    u = upstream({"/wait": ["hang"]})
    s = server("""server { listen 127.0.0.1:%%PORT%%;
location / { auth_request /wait; root html; }
location /wait { proxy_pass http://127.0.0.1:%%U%%; } }""", names={"U": u.port})
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: u.requests)
        s.signal("URG", s.workers()[0])
        assert wait_until(lambda: lines(s, r"waits .* for subrequest in stage"))
        assert wait_until(lambda: lines(s, r"2 requests, 1 connections"))
    assert "signal 23 (SIGURG) received" in s.error_log()
