"""Processes: what workers are given and give up, sockets that come from
elsewhere, limits, logs, what -s reload says.  (Signals: test_signals.py.)"""

import os
import re
import socket
import stat
import subprocess
import time

import pytest

from harness.http1 import Connection, wait_until
from harness.server import children, open_files

HELLO = "server { listen 127.0.0.1:%%PORT%%; return 200 $pid; }"

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def status_of(pid, field):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].split()
    return None


def title(pid):
    with open("/proc/%d/cmdline" % pid) as f:
        return f.read().replace("\0", " ").strip()


def sole_worker(s):
    return wait_until(lambda: len(s.workers()) == 1 and s.workers())[0]


# What a worker is

def test_titles(server):
    s = server(HELLO)
    assert title(s.pid).startswith("weir: master process " + s.binary)
    wait_until(lambda: title(sole_worker(s)) == "weir: worker process")


@pytest.mark.plain("about processes")
def test_title_while_shutting_down(server):
    s = server(HELLO.replace("return 200 $pid;", "location / { root html; }"),
               main="worker_shutdown_timeout 2s;", files={"html/a": "a" * 5000000})
    c = socket.create_connection(("127.0.0.1", s.port()))
    c.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    worker = sole_worker(s)
    time.sleep(0.2)
    s.signal("HUP")
    wait_until(lambda: title(worker)
               == "weir: worker process is shutting down", 5)
    c.close()


@root_only
def test_privileges_are_dropped(server):
    s = server(HELLO, main="user nobody nogroup;")
    worker = sole_worker(s)
    wait_until(lambda: status_of(worker, "NoNewPrivs") == ["1"])
    assert set(status_of(worker, "Uid")) == {"65534"}
    assert set(status_of(worker, "Gid")) == {"65534"}
    assert "0" not in status_of(worker, "Groups")
    assert set(status_of(s.pid, "Uid")) == {"0"}
    assert s.get("/").status == 200
    # Logs can be reopened by the worker: the master gives them to its user.
    os.rename(s.path("logs/error.log"), s.path("logs/error.1"))
    os.chmod(s.path("logs"), 0o777)
    s.signal("USR1")
    wait_until(lambda: os.path.exists(s.path("logs/error.log"))
               and os.stat(s.path("logs/error.log")).st_uid == 65534)
    os.chmod(s.path("logs"), 0o755)


def test_limits_priority_cpus(server):
    s = server(HELLO, main="worker_rlimit_nofile 600; worker_priority 3;"
                           "worker_cpu_affinity auto; working_directory /usr;")
    worker = sole_worker(s)
    assert int(s.get("/").body) == worker
    with open("/proc/%d/limits" % worker) as f:
        assert re.search(r"Max open files\s+600\s+600", f.read())
    assert os.getpriority(os.PRIO_PROCESS, worker) == 3
    assert len(os.sched_getaffinity(worker)) == 1
    assert os.readlink("/proc/%d/cwd" % worker) == "/usr"


@root_only
def test_masks_and_core_files(server):
    cpus = sorted(os.sched_getaffinity(0))
    masks = ["1".ljust(c + 1, "0") for c in (cpus[0], cpus[-1])]
    s = server(HELLO, workers=2, main="worker_rlimit_core 1m; worker_priority -2;"
               "worker_cpu_affinity %s;" % " ".join(masks))
    workers = wait_until(lambda: len(s.workers()) == 2 and s.workers())
    wait_until(lambda: all(len(os.sched_getaffinity(w)) == 1 for w in workers)
               and {min(os.sched_getaffinity(w)) for w in workers} == {cpus[0], cpus[-1]})
    for w in workers:
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, w) == -2)
        with open("/proc/%d/limits" % w) as f:
            assert re.search(r"Max core file size\s+1048576\s+1048576", f.read())


def test_environment(server):
    s = server(HELLO, main="env KEPT; env MADE=here; env MISSING;",
               env={"KEPT": "yes", "LOST": "x", "TZ": "UTC"})
    worker = int(s.get("/").body)
    # The kernel shows what the process began with; the titles lie over it, so
    # only what must be gone can be seen from outside.
    with open("/proc/%d/environ" % worker, "rb") as f:
        assert b"LOST=x" not in f.read()


def test_single_process(server):
    s = server(HELLO, main="master_process off;")
    assert int(s.get("/").body) == s.pid
    assert s.workers() == []
    s.write_conf(HELLO.replace("$pid", "new"))
    s.main = ""
    result = s.run("-s", "reload")
    assert result.returncode == 0, result.stderr
    assert s.get("/").body == b"new"


def test_a_single_process_serves_several_confs(server):
    """Connections hold on to the conf that they came in with; it ends with the last."""
    modules = "".join("load_module modules/http_%s_module.so;\n" % m
                      for m in ("route", "sqlite", "template", "json"))
    first = """
        limit_conn_zone $uri zone=c:64k;
        sqlite app data/app.db { migrations m; }
        template_root %%PREFIX%%/t;
        server {
            listen 127.0.0.1:%%PORT%%;
            limit_conn c 9;
            route GET /x { set one = query.k; set two = [1]; set three = 3; set four = 4; set five = 5;
                           text {{ one }}{{ two }}{{ three }}{{ four }}{{ five }}; }
            route GET /n { sql n = SELECT x FROM a; json n; }
            route GET /t { template p.html; }
        }"""
    other = "server { listen 127.0.0.1:%%PORT%%; route GET /x { set other = 6; text {{ other }}; } }"
    s = server(first, main=modules + "master_process off;",
               files={"m/001.sql": "CREATE TABLE a(x); INSERT INTO a VALUES (7);", "t/p.html": "p"})

    def reload(conf):
        s.write_conf(conf)
        result = s.run("-s", "reload")
        assert result.returncode == 0, result.stderr

    def all_of_it(c):
        return [c.get(path).body for path in ("/x?k=v", "/n", "/t")]

    full = [b"v[1]345", b'[{"x": 7}]', b"p"]
    old = Connection(s.port())
    assert all_of_it(old) == full
    opened = open_logs(s.pid)
    reload(other)
    assert all_of_it(old) == full and s.get("/x").body == b"6"
    reload(first)
    newer = Connection(s.port())
    assert all_of_it(newer) == full and all_of_it(old) == full
    reload(first)
    assert all_of_it(newer) == full
    old.close()
    newer.close()
    wait_until(lambda: open_logs(s.pid) == opened)      # the newest conf's only
    assert all_of_it(Connection(s.port())) == full
    reload(other)


@pytest.mark.plain("about confs, not about a front")
def test_a_single_process_says_that_it_has_too_many_confs(server):
    """One connection that stays holds all of them."""
    s = server(HELLO, main="master_process off;", allow=[r"hold on to 64 former confs"])
    with s.connect() as c:
        assert c.get("/").status == 200
        for _ in range(64):
            assert s.run("-s", "reload").returncode == 0
        result = s.run("-s", "reload")
        assert result.returncode != 0 and "hold on to 64 former confs" in result.stderr
        assert c.get("/").status == 200 and s.get("/").status == 200
    wait_until(lambda: s.run("-s", "reload").returncode == 0)
    assert s.get("/").status == 200


def open_logs(pid):
    """Each conf that is in use has opened its own."""
    return len([n for n in open_files(pid) if n.endswith("error.log")])


# Sockets

def test_reuseport_over_reloads(server):
    conf = HELLO.replace("%%PORT%%;", "%%PORT%% reuseport;")
    s = server(conf, workers=2)

    def pids():
        return {int(s.get("/").body) for _ in range(60)}
    wait_until(lambda: len(s.workers()) == 2)
    assert pids() == set(s.workers())
    for n in (4, 1, 3):
        s.workers_wanted = n
        s.write_conf(conf)
        assert s.run("-s", "reload").returncode == 0
        wait_until(lambda: len(s.workers()) == n, 5)
        # With fewer workers than sockets each answers at more than one.
        wait_until(lambda: pids() == set(s.workers()), 5)


def test_unix_socket_comes_and_goes(server):
    with_unix = HELLO.replace("return", "listen unix:%%PREFIX%%/logs/s; return")
    s = server(with_unix)
    path = s.path("logs/s")
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    s.write_conf(HELLO)
    assert s.run("-s", "reload").returncode == 0
    assert not os.path.exists(path)
    s.write_conf(with_unix)
    assert s.run("-s", "reload").returncode == 0
    assert os.path.exists(path)
    s.stop()
    assert not os.path.exists(path)


def test_a_stale_unix_socket_is_replaced(server):
    s = server(HELLO)
    left = socket.socket(socket.AF_UNIX)
    left.bind(s.path("logs/s"))
    left.close()
    s.write_conf(HELLO.replace("return", "listen unix:%%PREFIX%%/logs/s; return"))
    result = s.run("-s", "reload")
    assert result.returncode == 0, result.stderr
    c = socket.socket(socket.AF_UNIX)
    c.connect(s.path("logs/s"))
    c.close()


def test_sockets_from_systemd(server):
    given = socket.socket()
    given.bind(("127.0.0.1", 0))
    given.listen(5)
    port = given.getsockname()[1]
    s = server(HELLO.replace("%%PORT%%", "%%PORT2%%"))      # makes the folder
    s.stop()
    text = s.write_conf(HELLO.replace("%%PORT%%", str(port)))
    assert str(port) in text
    # Without the descriptor the port would be taken.
    command = "exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1; exec %s" % (
        given.fileno(), " ".join(s.command()))
    with open(s.path("logs/stderr"), "ab") as err:
        s.process = subprocess.Popen(
            ["bash", "-c", command], stderr=err, pass_fds=[given.fileno()],
            env=s.environment(), start_new_session=True)
    s.stopped = False
    s.names["PORT"] = port
    wait_until(lambda: os.path.exists(s.path("logs/server.pid")), 5)
    given.close()
    assert s.get("/").status == 200
    assert s.run("-s", "reload").returncode == 0
    assert s.get("/").status == 200


def test_systemd_is_told(server, tmp_path):
    path = str(tmp_path / "notify")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    sock.settimeout(5)
    s = server(HELLO, env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
    seen = []

    def until(word):
        while True:
            seen.append(sock.recv(1000).decode())
            if word in seen[-1]:
                return seen[-1]
    assert "MAINPID=%d" % s.pid in until("READY=1")
    until("WATCHDOG=1")
    s.run("-s", "reload")
    assert "MONOTONIC_USEC=" in until("RELOADING=1")
    until("READY=1")
    s.stop()
    until("STOPPING=1")


# Limits

@pytest.mark.plain("about the listening socket")
def test_connections_beyond_the_limit_wait(server):
    user = "user root root;" if os.geteuid() == 0 else ""
    s = server("daemon off; pid logs/server.pid; error_log logs/error.log info;"
               "%s events { worker_connections 4; } http { access_log off; %s }"
               % (user, HELLO), raw=True)
    idle = [s.connect() for _ in range(4)]
    for c in idle:
        assert c.get("/").status == 200
    # Idle ones give way, the oldest first.
    assert s.get("/").status == 200
    assert s.get("/").status == 200
    assert "4 worker_connections are not enough, reusing" in s.error_log()
    for c in idle:
        c.close()
    # Busy ones do not: who comes then waits for one to end.
    busy = [s.connect() for _ in range(4)]
    for c in busy:
        c.send("GET / HTTP/1.1\r\n")
    time.sleep(0.2)
    late = s.connect()
    late.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: "accepting none until one ends" in s.error_log())
    busy[0].close()
    assert late.response().status == 200
    for c in busy[1:] + [late]:
        c.close()


@pytest.mark.plain("counts descriptors by requests of HTTP/1")
def test_no_descriptors_left(server):
    s = server(HELLO, main="worker_rlimit_nofile 40;", allow=[])
    many = [socket.create_connection(("127.0.0.1", s.port()))
            for _ in range(80)]
    wait_until(lambda: "accept4() failed (24: Too many open files)"
               in s.error_log())
    for c in many[:60]:
        c.close()
    late = many[-1]
    late.settimeout(5)
    late.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert late.recv(100).startswith(b"HTTP/1.1 200")
    for c in many:
        c.close()


# What -s reload and -t say

@pytest.mark.plain("about processes")
def test_reload_refused_by_the_running_server(server):
    """The conf is good as text, but the master cannot do what it says."""
    s = server(HELLO)
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen(1)
    s.allow = [r"bind\(\) to", r"still could not bind"]
    s.write_conf(HELLO + "server { listen 127.0.0.1:%d; }"
                 % taken.getsockname()[1])
    # -t does not mind: the port may well be free when it comes to it.
    assert s.run("-t").returncode == 0
    before = s.get("/").body
    result = s.run("-s", "reload")
    assert result.returncode != 0
    assert "Address already in use" in result.stderr
    assert "refused" in result.stderr
    assert s.get("/").body == before            # the same worker goes on
    taken.close()
    assert s.run("-s", "reload").returncode == 0
    assert s.get("/").body != before


def test_reload_is_done_when_it_returns(server):
    s = server(HELLO.replace("$pid", "0"), workers=2)
    for i in range(1, 15):
        s.write_conf(HELLO.replace("$pid", str(i)))
        assert s.run("-s", "reload").returncode == 0
        assert {s.get("/").body for _ in range(4)} == {str(i).encode()}


def test_reloads_by_many_at_once(server):
    s = server(HELLO)
    runs = [subprocess.Popen(s.command("-s", "reload"), env=s.environment())
            for _ in range(6)]
    assert [r.wait(15) for r in runs] == [0] * 6
    assert s.get("/").status == 200


def test_the_pid_file_can_move(server):
    s = server(HELLO)
    conf = s.write_conf(HELLO)
    with open(s.path("test.conf"), "w") as f:
        f.write(conf.replace("logs/server.pid", "logs/other.pid"))
    s.signal("HUP")
    wait_until(lambda: os.path.exists(s.path("logs/other.pid")))
    wait_until(lambda: not os.path.exists(s.path("logs/server.pid")))
    assert s.run("-s", "reload").returncode == 0
    s.stop()
    assert not any("pid" in name for name in os.listdir(s.path("logs")))


# Crashes

def test_crashes_slow_down(server):
    s = server(HELLO, allow=[r"exited on signal 9"])
    for _ in range(7):
        victim = sole_worker(s)
        s.signal("KILL", victim)
        wait_until(lambda: victim not in s.workers(), 5)
    wait_until(lambda: "worker respawning too fast" in s.error_log())
    assert s.get("/").status == 200


def test_workers_end_with_their_master(server):
    s = server(HELLO, workers=2)
    workers = wait_until(lambda: len(s.workers()) == 2 and s.workers())
    s.signal("KILL")
    s.process.wait(5)
    s.stopped = True
    wait_until(lambda: not any(os.path.exists("/proc/%d/exe" % p)
                               for p in workers), 5)


@pytest.mark.plain("about processes")
def test_workers_end_if_their_master_dies_while_it_starts_them(server):
    """Also those that had not come to look who their master is: an orphan would keep
    the port open."""
    s = server(HELLO, workers=16)
    s.stop()
    for i in range(12):
        master = subprocess.Popen(s.command(), stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=s.environment(),
                                  start_new_session=True)
        wait_until(lambda: children(master.pid), step=0.0002)
        time.sleep(i * 0.0005)
        master.kill()
        master.wait(5)
        wait_until(lambda: not listens(s.port()))


def listens(port):
    with socket.socket() as c:
        return c.connect_ex(("127.0.0.1", port)) == 0


# Logs

def test_error_log_levels_and_several_files(server):
    s = server(HELLO, main="error_log logs/error.log notice;"
                           "error_log logs/few.log crit;"
                           "error_log logs/all.log debug;"
                           "error_log memory:32k debug;")
    s.stop()
    assert "start worker process" in s.error_log()
    assert "start worker process" in s.read("logs/all.log")
    assert s.read("logs/few.log") == ""


def test_error_log_to_syslog(server):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    server(HELLO, main="error_log logs/error.log; error_log syslog:server="
           "127.0.0.1:%d,facility=daemon,tag=abc,nohostname notice;"
           % sock.getsockname()[1])
    line = sock.recv(2000).decode()
    assert re.match(r"<29>\w{3} [ \d]\d \d\d:\d\d:\d\d abc: \d{4}/\d\d/\d\d .*"
                    r"\[notice\] \d+#\d+: using the \"epoll\" event method$",
                    line), line


def test_error_log_to_stderr(server):
    s = server(HELLO, main="error_log stderr notice;")
    assert s.get("/").status == 200
    s.stop()
    assert "start worker process" in s.stderr()


def test_first_lines(server):
    s = server(HELLO)
    sole_worker(s)
    for text in (r'using the "epoll" event method', r"weir/\d+\.\d+\.\d+$",
                 r"built by ", r"OS: Linux ",
                 r"getrlimit\(RLIMIT_NOFILE\): \d+:\d+",
                 r"start worker processes", r"start worker process \d+"):
        wait_until(lambda t=text: re.search(
            r"\[notice\] %d#%d: %s" % (s.pid, s.pid, t), s.error_log(), re.M))
    s.stop()
    assert re.search(r"\[notice\] \d+#\d+: signal 3 \(SIGQUIT\) received from \d+, "
                     r"shutting down", s.error_log())
    assert re.search(r"\[notice\] \d+#\d+: gracefully shutting down",
                     s.error_log())
    assert re.search(r"\[notice\] \d+#\d+: worker process \d+ exited with code 0",
                     s.error_log())


@pytest.mark.parametrize("conf, message", [
    ("worker_processes x;", '"worker_processes" directive invalid value'),
    ("worker_cpu_affinity 012;", 'invalid character "2"'),
    ("worker_priority high;", '"worker_priority" directive invalid number'),
    ("error_log logs/e loud;", 'invalid log level "loud"'),
    ("error_log syslog:facility=local1;", "no syslog server specified"),
    ("error_log syslog:server=127.0.0.1,tag=a-b;", 'syslog "tag"'),
    ("error_log memory:x debug;", "invalid buffer size"),
    ("error_log /nonexistent/e.log;", 'open() "/nonexistent/e.log" failed'),
    ("thread_pool default;", "number of arguments"),
    ("thread_pool p max_queue=5;", 'must have "threads" parameter'),
    ("pid /nonexistent/p;", 'open() "/nonexistent/p" failed (2: No such'),
    ("debug_points maybe;", 'invalid value "maybe"'),
])
def test_wrong_main_directives(server, conf, message):
    s = server(HELLO)
    conf = "daemon off;\n%s\nevents { }\n" % conf
    if "worker_processes x" in conf or "pid /" in conf:
        conf += "http { }\n"
    s.allow = [r"\[emerg\]"]
    with open(s.path("bad.conf"), "w") as f:
        f.write(conf)
    result = subprocess.run(
        [s.binary, "-p", s.prefix, "-c", "bad.conf", "-e", "logs/other.log",
         "-t"], stderr=subprocess.PIPE, text=True, env=s.environment())
    assert result.returncode == 1
    assert message in result.stderr


def test_events_are_needed(server):
    s = server(HELLO)
    with open(s.path("bad.conf"), "w") as f:
        f.write("daemon off;\n")
    result = subprocess.run(
        [s.binary, "-p", s.prefix, "-c", "bad.conf", "-e", "logs/other.log",
         "-t"], stderr=subprocess.PIPE, text=True, env=s.environment())
    assert 'no "events" section in configuration' in result.stderr
