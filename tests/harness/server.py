"""Starts a server (weir, or nginx for comparison) in a folder of its own.

The conf is written in the test.  `%%NAME%%` in it is replaced: `%%PORT%%`,
`%%PORT2%%`, … by free ports (the same name gives the same port), `%%PREFIX%%` by
the folder, and names given by the caller by their values.  At the end the server
is stopped by QUIT and checked: exit status 0, no worker left, nothing alarming in
the error log, no report of a sanitizer.

A test that runs over another front than plain HTTP/1 (conftest.py) writes the same conf:
its ports for clients then listen with TLS or HTTP/2, and http1.Connection and get speak
that to them.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import fronts, http1, ports

MTIME = 1700000000
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def weir_binary():
    return os.path.abspath(os.environ.get(
        "WEIR", os.path.join(ROOT, "objs", "weir")))


def nginx_binary():
    return os.environ.get("NGINX", shutil.which("nginx") or "/usr/sbin/nginx")


def open_files(pid):
    """What a process has open; some may be closed while one looks."""
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except OSError:
            pass
    return found


# Those that run: a test that fails shows what they wrote (conftest.py).
RUNNING = []

# The front of the test that runs: None, "tls", "h2" or "h2s" (fronts.CONNECTIONS).
FRONT = [None]


class Problem(AssertionError):
    """The server did not start, or left something bad behind."""


def make_prefix():
    """A folder that a worker of another user may enter, unlike mkdtemp's."""
    prefix = tempfile.mkdtemp(prefix="weir-test-")
    os.chmod(prefix, 0o755)
    for name in ("logs", "html", "conf", "data"):
        os.mkdir(os.path.join(prefix, name))
    return prefix


def write_files(prefix, files, mtime=MTIME):
    """files: path -> text, bytes, None (a folder), ("->", target) for a
    symbolic link, or (content, mtime).  Times are fixed, so that ETag and
    Last-Modified are the same in each run."""
    touched = []
    for name, content in files.items():
        path = os.path.join(prefix, name)
        when = mtime
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, tuple) and content[0] == "->":
            if os.path.lexists(path):
                os.unlink(path)
            os.symlink(content[1], path)
            touched.append((path, when))
            continue
        if isinstance(content, tuple):
            content, when = content
        if content is None:
            os.makedirs(path, exist_ok=True)
        else:
            if isinstance(content, str):
                content = content.encode()
            with open(path, "wb") as f:
                f.write(content)
        touched.append((path, when))
    for path, when in touched:
        os.utime(path, (when, when), follow_symlinks=False)
    for path, _ in touched:
        up = os.path.dirname(path)
        while len(up) > len(prefix):
            os.utime(up, (mtime, mtime))
            up = os.path.dirname(up)


def children(pid):
    try:
        found = []
        for path in glob.glob("/proc/%d/task/*/children" % pid):
            with open(path) as f:
                found += [int(p) for p in f.read().split()]
        return found
    except OSError:
        return []


def alive(pid):
    """Whether the process runs; a zombie does not count."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Server:
    """One master process with its folder."""

    START = 30.0
    STOP = 30.0

    # What must never stand in an error log, whatever the test does.
    ALARMING = re.compile(
        r"\[(alert|emerg)\]|AddressSanitizer|LeakSanitizer|runtime error:"
        r"|ThreadSanitizer|Sanitizer:|assertion|\bleak", re.I)

    def __init__(self, conf, files=None, binary=None, prefix=None, names=None,
                 main="", http="", args=(), env=None, workers=1,
                 raw=False, kind="weir", wait=True, allow=()):
        self.kind = kind
        self.binary = binary or (weir_binary() if kind == "weir"
                                 else nginx_binary())
        self.prefix = prefix or make_prefix()
        self.own_prefix = prefix is None
        self.names = dict(names or {})
        self.front = FRONT[0] if kind == "weir" else None
        self.clients = {}               # name of a port -> of the one for clients
        self.args = list(args)
        self.allow = list(allow)        # alarming lines that are expected
        self.env = env
        self.main = main
        self.http = http
        self.workers_wanted = workers
        self.raw = raw
        self.process = None
        self.stopped = True
        self.exit = None
        write_files(self.prefix, files or {})
        self.write_conf(conf)
        if wait:
            self.start()

    # The conf

    def port(self, name="PORT"):
        return self._port(self.clients.get(name, name))

    def _port(self, name):
        if name not in self.names:
            self.names[name] = ports.free_port()
            http1.SPEAKS.pop(self.names[name], None)
        return self.names[name]

    @property
    def scheme(self):
        return "https" if self.front in ("tls", "h2s") else "http"

    @property
    def url(self):
        """Of PORT, for browsers, without a slash at the end."""
        return "%s://127.0.0.1:%d" % (self.scheme, self.port())

    @property
    def protocol(self):
        """As $server_protocol has it."""
        return "HTTP/2.0" if self.front in ("h2", "h2s") else "HTTP/1.1"

    def fill(self, text):
        def value(match):
            name = match.group(1)
            if name == "PREFIX":
                return self.prefix
            if name not in self.names and name.startswith("PORT"):
                self._port(name)
            return str(self.names[name])
        return re.sub(r"%%(\w+)%%", value, text)

    def wrap(self, conf):
        """Put main, events and http around what the test wrote, where the test
        wrote only servers."""
        if self.raw or re.search(r"^\s*events\b", conf, re.M):
            return conf
        main = ["daemon off;", "pid logs/server.pid;",
                "worker_processes %s;" % self.workers_wanted]
        if not re.search(r"\berror_log\b", self.main):
            main.append("error_log logs/error.log info;")
        if os.geteuid() == 0 and not re.search(r"\buser\b", self.main):
            main.append("user root root;")
        http = []
        if self.kind == "nginx":
            http += ["%s_temp_path %s/%s_temp;" % (n, self.prefix, n)
                     for n in ("client_body", "proxy", "fastcgi", "uwsgi",
                               "scgi")]
        if not re.search(r"^\s*access_log\b", self.http + conf, re.M):
            http.append("access_log off;")
        events = "" if "worker_connections" in self.main \
            else "worker_connections 512;"
        return "%s\n%s\nevents { %s }\nhttp {\n%s\n%s\n%s\n}\n" % (
            "\n".join(main), self.main, events, "\n".join(http), self.http,
            conf)

    def _over_front(self, text):
        """The conf with its ports for clients listening as the front needs it."""
        text, names = fronts.listening(text, self.front)
        for name, there in names.items():
            self.clients[name] = there
            http1.SPEAKS[self._port(there)] = fronts.CONNECTIONS[self.front]
        if self.scheme == "https":
            write_files(self.prefix, fronts.files())
            text = re.sub(r"(?m)^([^#\n]*\bhttp\s*\{)", lambda m: m.group(0)
                          + " " + fronts.CERTIFICATE, text, count=1)
        return text

    def write_conf(self, conf, name="test.conf"):
        text = self.wrap(conf)
        if self.front:
            text = self._over_front(text)
        text = self.fill(text)
        with open(os.path.join(self.prefix, name), "w") as f:
            f.write(text)
        return text

    # The process

    def command(self, *more):
        return [self.binary, "-p", self.prefix + "/", "-c", "test.conf",
                "-e", "logs/error.log", *self.args, *more]

    def run(self, *more, timeout=10):
        """Run the binary beside (-t, -s, -T, …) and return the result."""
        return subprocess.run(self.command(*more), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout,
                              env=self.environment(), text=True,
                              errors="replace")

    def environment(self):
        env = dict(os.environ)
        env.pop("WEIR", None)           # of weir itself: inherited sockets
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:"
                                       "exitcode=99")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        env.update(self.env or {})
        return env

    @property
    def pidfile(self):
        with open(os.path.join(self.prefix, "test.conf")) as f:
            found = re.search(r"^\s*pid\s+([^;]+);", f.read(), re.M)
        return os.path.join(self.prefix,
                            found.group(1) if found else "logs/server.pid")

    def start(self):
        pidfile = self.pidfile
        self.stderr_path = os.path.join(self.prefix, "logs", "stderr")
        with open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=err,
                stderr=err, env=self.environment(), start_new_session=True)
        self.stopped = False
        RUNNING.append(self)
        end = time.monotonic() + self.START
        pause = 0.001
        while not self._pid_written(pidfile):
            if self.process.poll():     # 0: it went into the background
                self.stopped = True
                raise Problem("the server ended at once, status %s\n%s"
                              % (self.process.returncode, self.tail()))
            if time.monotonic() > end:
                self.kill()
                raise Problem("no pid file after %g s\n%s"
                              % (self.START, self.tail()))
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
        self._wait_for_workers()
        return self

    def _wait_for_workers(self):
        """The pid file is there before the workers are."""
        with open(os.path.join(self.prefix, "test.conf")) as f:
            conf = f.read()
        if re.search(r"^\s*(master_process\s+off|daemon\s+on)\b", conf, re.M):
            return
        end = time.monotonic() + http1.within(2)
        while not self.workers() and self.process.poll() is None \
                and time.monotonic() < end:
            time.sleep(0.001)

    @staticmethod
    def _pid_written(path):
        try:
            return os.path.getsize(path) > 0
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def workers(self):
        return children(self.process.pid)

    def resident(self):
        """How many bytes of memory the workers have."""
        return sum(int(open("/proc/%d/statm" % pid).read().split()[1]) * 4096
                   for pid in self.workers())

    def signal(self, what, pid=None):
        if isinstance(what, str):
            what = getattr(signal, "SIG" + what)
        os.kill(pid or self.process.pid, what)

    def stop(self, how="QUIT", timeout=None):
        """Stop and return the exit status."""
        if self.stopped:
            return self.exit
        self.stopped = True
        workers = self.workers()
        try:
            self.signal(how)
        except ProcessLookupError:
            pass
        try:
            self.exit = self.process.wait(timeout or self.STOP)
        except subprocess.TimeoutExpired:
            state = self.tail()
            self.kill()
            raise Problem("%s did not end the server in %g s\n%s"
                          % (how, timeout or self.STOP, state))
        end = time.monotonic() + http1.within(1)
        while any(alive(p) for p in workers) and time.monotonic() < end:
            time.sleep(0.002)
        self.left = [p for p in workers if alive(p)]
        return self.exit

    def kill(self):
        """End master and workers at once, whatever state they are in."""
        self.stopped = True
        if self.process is None:
            return
        for pid in [self.process.pid] + self.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def check(self):
        """After stop(): fail for anything that must not be."""
        problems = []
        if self.exit not in (0, None):
            problems.append("exit status %s" % self.exit)
        if getattr(self, "left", None):
            problems.append("workers left behind: %s" % self.left)
            for pid in self.left:
                os.kill(pid, signal.SIGKILL)
        for line in (self.error_log() + self.stderr()).splitlines():
            if self.ALARMING.search(line) and not any(
                    re.search(a, line) for a in self.allow):
                problems.append(line)
        if problems:
            raise Problem("\n".join(problems[:40]) + "\n" + self.tail())

    def kill_strays(self):
        """End masters that went into the background in this folder: its name
        stands in their command lines, and in no other's."""
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    ours = (self.prefix + "/").encode() in f.read()
                if ours:
                    for pid in children(int(name)) + [int(name)]:
                        os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    def remove(self):
        if self in RUNNING:
            RUNNING.remove(self)
        if self.own_prefix:
            self.kill_strays()
            shutil.rmtree(self.prefix, ignore_errors=True)

    # What it wrote

    def path(self, name):
        return os.path.join(self.prefix, name)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8",
                      errors="surrogateescape") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def error_log(self):
        return self.read("logs/error.log")

    def access_log(self, name="logs/access.log"):
        return self.read(name)

    def stderr(self):
        return self.read("logs/stderr")

    def tail(self, lines=40):
        text = []
        for name in ("logs/stderr", "logs/error.log"):
            content = self.read(name).splitlines()
            if content:
                text.append("--- %s ---" % name)
                text += content[-lines:]
        return "\n".join(text)

    # Talking to it

    def connect(self, name="PORT", timeout=http1.WAIT, **more):
        return http1.Connection(self.port(name), timeout, **more)

    def get(self, target, *headers, port="PORT", **more):
        return http1.get(self.port(port), target, *headers, **more)
