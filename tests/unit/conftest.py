"""Each tests/unit/**/*.c is a program (the build makes it, with the sanitizers);
here it is a test: passed if it exits 0, and what it printed is shown if not."""

import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT = 120


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".c":
        return Source.from_parent(parent, path=file_path)
    return None


class Source(pytest.File):
    def collect(self):
        yield Program.from_parent(self, name=self.path.stem)


class Failed(Exception):
    pass


class Program(pytest.Item):
    def runtest(self):
        built = os.environ.get("WEIR_CHECKED", os.path.join(ROOT, "objs-asan"))
        program = os.path.join(built, "unit", os.path.relpath(
            str(self.path), HERE)[:-len(".c")])
        if not os.access(program, os.X_OK):
            raise Failed("there is no %s: `make unit` builds it" % program)
        try:
            done = subprocess.run([program], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=LIMIT)
        except subprocess.TimeoutExpired as e:
            raise Failed("not done after %d s\n%s" % (
                LIMIT, (e.output or b"").decode(errors="replace")))
        if done.returncode != 0:
            raise Failed("status %d\n%s" % (
                done.returncode, done.stdout.decode(errors="replace")))

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, "unit: %s" % self.name
