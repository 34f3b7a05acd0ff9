"""What the tests of the build share."""

import os
import shlex
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILT = os.path.abspath(os.environ.get("WEIR_BUILDDIR",
                                       os.path.join(ROOT, "objs")))


def run(*command, cwd=ROOT, check=True, timeout=300, **env):
    """Run and return the result; the output is one text."""
    outer = {name: value for name, value in os.environ.items()
             if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))
             and name not in ("CONFIGURE", "CFLAGS", "LDFLAGS", "CC",
                              "DESTDIR", "T", "B", "V")}
    done = subprocess.run([str(word) for word in command], cwd=str(cwd),
                          env={**outer, **env}, timeout=timeout, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if check and done.returncode != 0:
        raise AssertionError("%s: status %d\n%s" % (
            " ".join(map(str, command)), done.returncode, done.stdout[-4000:]))
    return done


def configure(folder, *options, shell="sh", cwd=ROOT, check=True, **env):
    return run(shell, "./configure", "--builddir=%s" % folder, *options,
               cwd=cwd, check=check, **env)


def make(folder, *targets, cwd=ROOT, **more):
    return run("make", "-j2", "-f", "%s/Makefile" % folder, *targets, cwd=cwd,
               **more)


def made(folder, name):
    """The value of a variable in the Makefile that configure wrote."""
    with open(os.path.join(str(folder), "Makefile")) as f:
        for line in f:
            word, equals, value = line.partition("=")
            if equals and word.strip() == name:
                return value.strip()
    return ""


def options_of(folder):
    """What configure was called with, but for the folder."""
    with open(os.path.join(str(folder), "reconfigure")) as f:
        words = shlex.split(f.read().splitlines()[-1])[2:]
    return [w for w in words if not w.startswith("--builddir=")]


def relinked(folder, *options, cwd=ROOT):
    """A build folder that takes its objects from the one that is tested, so that
    only what differs is compiled."""
    folder.mkdir()
    for name in ("obj", "mod", "pic", "flags"):
        path = os.path.join(BUILT, name)
        if os.path.isdir(path):
            shutil.copytree(path, str(folder / name))
        elif os.path.exists(path):
            shutil.copy2(path, str(folder))
    configure(folder, *options_of(BUILT), *options, cwd=cwd)
    make(folder, cwd=cwd)
    return folder


def copy_tree(target):
    """A tree in which modules and tests may be added: links to this one's."""
    for name in ("configure", "Makefile", "auto", "core", "conf", "html",
                 "pytest.ini"):
        os.symlink(os.path.join(ROOT, name), str(target / name))
    (target / "modules").mkdir()
    for name in os.listdir(os.path.join(ROOT, "modules")):
        os.symlink(os.path.join(ROOT, "modules", name),
                   str(target / "modules" / name))
    (target / "tests" / "server").mkdir(parents=True)
    for name in os.listdir(os.path.join(ROOT, "tests")):
        if name != "server":
            os.symlink(os.path.join(ROOT, "tests", name),
                       str(target / "tests" / name))
    return target
