"""The Debian packages: built from this tree, installed into a root folder that has
what they depend on and nothing else, used as an administrator does, removed."""

import fcntl
import gzip
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from build.root import Root
from build.tools import ROOT, run
from harness.ports import free_port

PORT_80 = "listen       80  default_server;\n    listen       [::]:80  default_server;"


def get(port, path="/"):
    with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path),
                                timeout=10) as r:
        return r.read().decode()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Service:
    """weir.service as systemd would run it: its command line, its capabilities, its
    umask; READY=1 is waited for."""

    def __init__(self, root, sockets=()):
        unit = root.read("lib/systemd/system/weir.service")
        fact = lambda name: re.findall("^%s=(.*)$" % name, unit, re.M)   # noqa: E731
        assert fact("Type") == ["notify"]
        allowed = " ".join(fact("CapabilityBoundingSet")).lower().split()
        words = fact("ExecStart")[0].replace(" $WEIR_OPTS", "")
        program, opts = words.split(" -g ")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(root("run/notify"))
        notify.settimeout(20)
        # Out of the way of 3, 4, …, where they are to be.
        high = [fcntl.fcntl(s, fcntl.F_DUPFD_CLOEXEC, 20) for s in sockets]
        give = "".join(" %d<&%d-" % (3 + i, fd) for i, fd in enumerate(high))
        names = "NOTIFY_SOCKET=/run/notify LISTEN_FDS=%d" % len(sockets)
        self.root = root
        self.process = subprocess.Popen(
            ["bash", "-c", "umask %s; %s%s LISTEN_PID=$$ exec \"$@\"" % (
                fact("UMask")[0], "exec%s; " % give if give else "", names), "bash",
             "chroot", root.path, "setpriv", "--no-new-privs",
             "--bounding-set", "-all" + "".join(
                 ",+" + name.replace("cap_", "") for name in allowed),
             program, "-g", opts.strip('"')],
            pass_fds=high, stdin=subprocess.DEVNULL)
        for fd in high:
            os.close(fd)
        try:
            while "READY=1" not in notify.recv(1000).decode():
                pass
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        finally:
            notify.close()
            os.unlink(root("run/notify"))

    def end(self, how=signal.SIGQUIT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def packages():
    out = run("make", "deb", "B=objs", DEB_BUILD_OPTIONS="noautodbgsym",
              timeout=900).stdout
    files = re.findall(r"^\S+\.deb$", out, re.M)
    return {os.path.basename(f).split("_")[0]: os.path.join(ROOT, f)
            for f in files}


def field(package, name):
    return run("dpkg-deb", "-f", package, name).stdout.strip()


def unpacked(package, folder):
    run("dpkg-deb", "-x", package, folder)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_packages(packages, tmp_path):
    """One test, so that they are built once."""
    check_contents(packages, tmp_path)
    root = Root(tmp_path / "root")
    try:
        root.add(*[re.sub(r"[\s:(].*", "", need)
                   for need in field(packages["weir"], "Depends").split(", ")])
        install(root, packages["weir"])
        check_serving(root)
        check_module(root, packages["weir-dev"], tmp_path)
        check_sockets(root)
        check_upgrade(root, packages["weir"])
        check_removal(root)
    finally:
        run("rm", "-rf", "--one-file-system", root.path)


def check_contents(packages, tmp_path):
    version = open(os.path.join(ROOT, "auto/version")).read().strip()
    major = re.search(r"WR_ABI_MAJOR (\d+)", open(os.path.join(
        ROOT, "core/module/module.h")).read())[1]
    weir = packages["weir"]
    assert field(weir, "Version").split("-")[0] == version
    assert "weir-abi-" + major in field(weir, "Provides").split(", ")
    has = unpacked(weir, tmp_path / "weir")
    for name in os.listdir(os.path.join(ROOT, "man")) \
            if os.path.isdir(os.path.join(ROOT, "man")) else ():
        page = has / "usr/share/man" / ("man" + name[-1]) / (name + ".gz")
        assert gzip.open(str(page)).read(1) in b".'", name
    for file in has.rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert ROOT.encode() not in file.read_bytes(), file
    for file in (has / "etc").rglob("*"):
        if file.is_file():
            assert "@SBIN" not in file.read_text() and "@LOG" not in file.read_text()
    unit = (has / "lib/systemd/system/weir.service").read_text()
    assert "ReadWritePaths=/run/weir /var/cache/weir /var/lib/weir /var/log/weir\n" \
        in unit
    kept = run("dpkg-deb", "-I", weir, "conffiles").stdout.split()
    assert {"/etc/weir/weir.conf", "/etc/weir/sites-available/default",
            "/etc/logrotate.d/weir", "/etc/default/weir"} <= set(kept)


def install(root, package):
    # The server is not started: there is no systemd; but its conf is tested.
    out = root_dpkg(root, "-i", package)
    assert "the conf has an error" not in out
    owner = os.stat(root("var/lib/weir"))
    weir = root.run("id", "-u", "weir").stdout.strip()
    assert str(owner.st_uid) == weir != "0" and owner.st_mode & 0o777 == 0o750
    for log in ("access", "error"):
        there = os.stat(root("var/log/weir/%s.log" % log))
        assert (there.st_mode & 0o777, str(there.st_uid)) == (0o640, weir)
    assert os.readlink(root("etc/weir/sites-enabled/default")) \
        == "../sites-available/default"
    assert field_of(root, "weir", "db:Status-Abbrev") == "ii "
    # As shipped, and with all that is there to be linked.
    root.run("weir", "-t", "-q")
    for name in os.listdir(root("usr/share/weir/modules-available")):
        os.symlink("/usr/share/weir/modules-available/" + name,
                   root("etc/weir/modules-enabled/" + name))
    root.write("etc/weir/conf.d/all.conf", "".join(
        "include snippets/%s;\n" % name
        for name in sorted(os.listdir(root("etc/weir/snippets")))))
    root.run("weir", "-t", "-q")
    # The examples run from a copy.
    root.run("cp", "-R", "/usr/share/doc/weir/examples", "/root/try")
    root.run("mkdir", "/root/try/logs", "/root/try/data")
    for conf in ("tutorial.conf", "weir.conf", "blog.conf"):
        root.run("weir", "-t", "-q", "-p", "/root/try", "-c", "conf/" + conf)


def root_dpkg(root, *words):
    files = [w for w in words if w.endswith(".deb")]
    for file in files:
        run("cp", file, root("tmp"))
    return root.run("dpkg", *("/tmp/" + os.path.basename(w) if w in files else w
                              for w in words)).stdout


def listen_on(root, *ports):
    """As an administrator does who has port 80 in use."""
    path = "etc/weir/sites-available/default"
    text = root.read(path)
    lines = "\n    ".join("listen 127.0.0.1:%d;" % p for p in ports)
    text, n = re.subn(r"(    listen[^\n]*\n)+", "    %s\n" % lines, text, count=1)
    assert n == 1
    root.write(path, text)


def check_serving(root):
    assert PORT_80 in root.read("etc/weir/sites-available/default")
    port, other = free_port(), free_port()
    listen_on(root, port)
    service = Service(root)
    try:
        assert "<h1>weir works</h1>" in get(port)
        children = subprocess.run(
            ["ps", "-o", "uid=", "--ppid", str(service.process.pid)],
            stdout=subprocess.PIPE, text=True).stdout.split()
        assert set(children) == {root.run("id", "-u", "weir").stdout.strip()}
        listen_on(root, other)
        root.run("weir", "-s", "reload")
        assert "<h1>weir works</h1>" in get(other)
        rotate(root, other)
        # A conf with an error is refused, and that is said.
        root.write("etc/weir/conf.d/bad.conf", "no_such_thing;\n")
        refused = root.run("weir", "-s", "reload", check=False)
        os.unlink(root("etc/weir/conf.d/bad.conf"))
        assert refused.returncode == 1 and "no_such_thing" in refused.stdout
        assert "<h1>weir works</h1>" in get(other)
    finally:
        status = service.end()
    assert status == 0
    log = root.read("var/log/weir/error.log")
    assert not re.search(r"\[(alert|crit|error)\]", log), log


def rotate(root, port):
    root.add("logrotate")
    log = root("var/log/weir/access.log")
    root.run("logrotate", "-f", "/etc/logrotate.d/weir")
    assert "GET / " in root.read("var/log/weir/access.log.1")
    until(lambda: get(port, "/?after") and "?after" in open(log).read())
    assert os.stat(log).st_mode & 0o777 == 0o640
    assert "?after" not in root.read("var/log/weir/access.log.1")


def check_module(root, package, tmp_path):
    """Another author's module, against weir-dev, with what that recommends."""
    needs = [one for name in ("Depends", "Recommends")
             for one in re.split(r", ", field(package, name))]
    root.add(*[re.sub(r"[\s:(|].*", "", need) for need in needs
               if not need.startswith("weir ")])
    root_dpkg(root, "-i", package)
    run("auto/dev/new-module", "greet", root("root/greet"))
    assert root.run("pkg-config", "--variable=abi_package", "weir").stdout.strip() \
        in field_of(root, "weir", "Provides")
    root.run("make", "CC=gcc", "CFLAGS=-Werror", "install", cwd="/root/greet")
    root.write("etc/weir/modules-enabled/greet.conf",
               "load_module modules/http_greet_module.so;\n")
    port = free_port()
    root.write("etc/weir/conf.d/greet.conf",
               "server { listen 127.0.0.1:%d; location / { greet; } }\n" % port)
    service = Service(root)
    try:
        assert get(port) == "Hello, World!"
    finally:
        assert service.end() == 0
    for name in ("modules-enabled/greet.conf", "conf.d/greet.conf"):
        os.unlink(root("etc/weir/" + name))
    root.run("dpkg", "-r", "weir-dev")
    assert not os.path.exists(root("usr/include/weir"))


def field_of(root, package, name):
    return root.run("dpkg-query", "-W", "-f", "${%s}" % name, package).stdout


def check_sockets(root):
    """weir.socket: an address that is handed over is taken, another is bound, and
    the one that nobody asks for is closed."""
    unit = root.read("lib/systemd/system/weir.socket")
    listen = re.findall(r"^    listen +(\S+)", open(os.path.join(
        ROOT, "debian/conf/sites-available/default")).read(), re.M)
    assert [a if ":" in a else "0.0.0.0:" + a for a in listen] == re.findall(
        r"^ListenStream=(.*)", unit, re.M)
    given, unwanted = socket.socket(), socket.socket()
    for s in (given, unwanted):
        s.bind(("127.0.0.1", 0))
        s.listen(5)
    port, bound = given.getsockname()[1], free_port()
    gone = unwanted.getsockname()[1]
    listen_on(root, bound, port)
    service = Service(root, [unwanted, given])
    given.close()
    unwanted.close()
    try:
        assert "weir works" in get(port) and "weir works" in get(bound)
        root.run("weir", "-s", "reload")
        assert "weir works" in get(port) and "weir works" in get(bound)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", gone), 5).close()
    finally:
        assert service.end() == 0


def check_upgrade(root, package):
    """What the administrator changed or took away stays so; an error in the conf
    is said, and does not stop the package manager."""
    site = root.read("etc/weir/sites-available/default")
    os.unlink(root("etc/weir/sites-enabled/default"))
    root.write("etc/weir/conf.d/bad.conf", "no_such_thing;\n")
    out = root_dpkg(root, "-i", package)
    assert "the conf has an error" in out and "no_such_thing" in out
    assert root.read("etc/weir/sites-available/default") == site
    assert not os.path.lexists(root("etc/weir/sites-enabled/default"))
    os.unlink(root("etc/weir/conf.d/bad.conf"))
    assert "the conf has an error" not in root_dpkg(root, "-i", package)


def check_removal(root):
    root.write("var/lib/weir/mine", "data\n")
    root.run("dpkg", "-r", "weir")
    assert not os.path.exists(root("usr/sbin/weir"))
    assert os.path.exists(root("etc/weir/weir.conf"))
    root.run("dpkg", "-P", "weir")
    assert not os.path.exists(root("etc/weir/weir.conf"))
    assert not os.path.exists(root("var/log/weir"))
    assert root.read("var/lib/weir/mine") == "data\n"
