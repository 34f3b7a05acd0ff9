"""Runs a renderer that speaks the batch protocol, and survives its crashes."""
import json
import os
import select
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def weir_render():
    return os.environ.get("WEIR_RENDER",
                          os.path.join(ROOT, "objs", "weir-render"))


class Engine:
    """One process; started anew after it has died or hung."""

    def __init__(self, command, timeout=80):
        self.command = command
        self.timeout = timeout
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.pending = b""

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None

    def failed(self, what):
        stderr = b""
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            pass
        try:
            stderr = self.process.stderr.read() or b""
        except OSError:
            pass
        code = self.process.poll()
        self.stop()
        return {"error": what, "message": "exit %s: %s" % (
            code, stderr.decode("utf-8", "replace")[:3000])}

    def line(self):
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [],
                                        self.timeout)
            if not ready:
                return None
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return b""
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return line

    def ask(self, request):
        """The answer as a dict; a crash or a hang is an answer as well."""
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return self.failed("CRASH")
        line = self.line()
        if line is None:
            return self.failed("HANG")
        if line == b"":
            return self.failed("CRASH")
        try:
            return json.loads(line)
        except ValueError as error:
            return {"error": "BADJSON", "message": "%s: %r" % (error, line)}


def reference():
    """Of the distribution, whichever Python runs this."""
    python = os.environ.get("PYTHON", "/usr/bin/python3")
    if not os.path.exists(python):
        python = sys.executable
    return Engine([python, os.path.join(HERE, "reference.py")])


def weir():
    return Engine([weir_render(), "--batch"])
