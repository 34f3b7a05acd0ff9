"""A real redis-server, in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

from . import ports
from .http1 import wait_until


class Redis:
    def __init__(self, port=None, unix=False, options=(), tls=None):
        self.dir = tempfile.mkdtemp(prefix="weir-redis-")
        os.chmod(self.dir, 0o755)
        self.port = 0 if unix or tls else port or ports.free_port()
        self.tls = tls
        self.password = dict(zip(options, list(options)[1:])).get("--requirepass")
        self.socket = os.path.join(self.dir, "redis.sock")
        self.options = list(options)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--unixsocket", self.socket, "--unixsocketperm", "777",
             "--save", "", "--dir", self.dir, "--logfile", "log", *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, 10)

    def answers(self):
        try:
            return self("PING") in (b"+PONG", b"-NOAUTH Authentication required.")
        except OSError:
            return False

    def __call__(self, *args, db=0):
        """The reply as text; only the content of a string."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.socket)
            f = s.makefile("rb")
            if self.password:
                self.ask(s, f, "AUTH", self.password)
            if db:
                self.ask(s, f, "SELECT", str(db))
            return self.ask(s, f, *args)

    @staticmethod
    def ask(s, f, *args):
        s.sendall(b"*%d\r\n" % len(args) + b"".join(
            b"$%d\r\n%s\r\n" % (len(a), a)
            for a in (x.encode() if isinstance(x, str) else x for x in args)))
        line = f.readline().rstrip(b"\r\n")
        if line[:1] == b"$":
            n = int(line[1:])
            return None if n < 0 else f.read(n)
        if line[:1] == b"*":
            return [f.read(int(f.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
        return line

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Sentinel(Redis):
    """A redis-server in sentinel mode that watches `master` as "mymaster"."""

    def __init__(self, master, quorum=1, options="", password=None):
        self.master = master
        self.quorum = quorum
        self.more = options
        super().__init__(options=["--requirepass", password] if password else [])

    def start(self):
        conf = os.path.join(self.dir, "sentinel.conf")
        with open(conf, "w") as f:
            f.write("port %d\nbind 127.0.0.1\nunixsocket %s\nunixsocketperm 777\n"
                    "dir %s\nlogfile log\nsentinel monitor mymaster 127.0.0.1 %d %d\n"
                    "sentinel down-after-milliseconds mymaster 400\n"
                    "sentinel failover-timeout mymaster 2000\n%s\n"
                    % (self.port, self.socket, self.dir, self.master.port, self.quorum,
                       self.more + "\nrequirepass " + self.password if self.password
                       else self.more))
        self.process = subprocess.Popen(["redis-server", conf, "--sentinel"],
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(self.answers, 10)

    def knows(self, replicas, sentinels=0):
        """Whether it has found so many replicas and other sentinels."""
        return b"slaves=%d,sentinels=%d" % (replicas, sentinels + 1) in self(
            "INFO", "sentinel")
