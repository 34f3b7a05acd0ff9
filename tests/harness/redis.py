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
    def __init__(self, port=None, unix=False, options=()):
        self.dir = tempfile.mkdtemp(prefix="weir-redis-")
        os.chmod(self.dir, 0o755)
        self.port = 0 if unix else port or ports.free_port()
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

    def __call__(self, *args):
        """The reply as text; only the content of a string."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.socket)
            s.sendall(b"*%d\r\n" % len(args) + b"".join(
                b"$%d\r\n%s\r\n" % (len(a), a)
                for a in (x.encode() if isinstance(x, str) else x for x in args)))
            f = s.makefile("rb")
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
