"""Each tests/fuzz/NAME.c is a fuzz target; here it is given every file of
tests/fuzz/corpus/NAME once, with the sanitizers (`make fuzz F=NAME` searches for
new ones)."""

import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT = 120


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".c":
        return Target.from_parent(parent, path=file_path)
    return None


class Target(pytest.File):
    def collect(self):
        yield Corpus.from_parent(self, name=self.path.stem)


class Failed(Exception):
    pass


class Corpus(pytest.Item):
    def runtest(self):
        built = os.environ.get("WEIR_CHECKED", os.path.join(ROOT, "objs-asan"))
        program = os.path.join(built, "fuzz", self.name)
        corpus = os.path.join(HERE, "corpus", self.name)
        if not os.access(program, os.X_OK):
            raise Failed("there is no %s: `make fuzz-programs` in a build "
                         "folder makes it" % program)
        if not os.path.isdir(corpus):
            raise Failed("there is no corpus %s" % corpus)
        done = subprocess.run([program, corpus], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT)
        if done.returncode != 0:
            raise Failed("status %d\n%s" % (
                done.returncode, done.stdout.decode(errors="replace")[-8000:]))

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, "fuzz: %s" % self.name
