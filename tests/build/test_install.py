"""make install: everything where configure was told, by rename, and nothing of
the user's overwritten."""

import os
import shutil

import pytest

from build.tools import BUILT, configure, made, run


@pytest.fixture
def built(tmp_path):
    """A build folder with another prefix that takes its programs from the one
    that is tested: they are not built again."""
    def ready(*options):
        folder = tmp_path / "b"
        configure(folder, *options, *(
            "--without-%s" % made(BUILT, "SO_" + m)
            for m in made(BUILT, "DYNAMIC_MODULES").split()))
        for name in ("weir", "weir-render"):
            if os.path.exists(os.path.join(BUILT, name)):
                shutil.copy(os.path.join(BUILT, name), str(folder))
        return folder
    return ready


def install(folder, destdir=""):
    return run("auto/install.sh", folder, DESTDIR=str(destdir))


def test_layout(built, tmp_path):
    folder = built("--prefix=/opt/weir", "--conf-path=/etc/weir/weir.conf",
                   "--sbin-path=/usr/sbin/weir", "--include-path=/usr/include",
                   "--error-log-path=/var/log/weir/error.log")
    install(folder, tmp_path / "d")
    there = lambda name: (tmp_path / "d" / name).exists()       # noqa: E731
    assert os.access(str(tmp_path / "d/usr/sbin/weir"), os.X_OK)
    assert os.access(str(tmp_path / "d/opt/weir/bin/weir-render"), os.X_OK)
    assert there("etc/weir/weir.conf") and there("etc/weir/mime.types")
    assert there("etc/weir/weir.conf.default")
    assert there("opt/weir/html/index.html") and there("opt/weir/html/50x.html")
    assert there("opt/weir/data") and there("var/log/weir")
    assert there("usr/include/weir/module/module.h")
    assert there("usr/include/weir_config.h")
    assert there("opt/weir/lib/pkgconfig/weir.pc")
    left = [f for _, _, files in os.walk(str(tmp_path / "d")) for f in files
            if f.endswith(("_priv.h", ".new", ".c"))]
    assert left == []


def test_what_is_elsewhere_is_found_under_the_prefix(built, tmp_path):
    d = tmp_path / "d"
    folder = built("--prefix=/opt/weir", "--conf-path=/etc/weir/weir.conf",
                   "--modules-path=/usr/lib/weir", "--data-path=/var/lib/weir",
                   "--http-log-path=/var/log/weir/access.log",
                   "--error-log-path=/var/log/weir/error.log",
                   "--pid-path=/run/weir.pid", "--lock-path=/run/weir.lock")
    install(folder, d)
    install(folder, d)
    assert (d / "var/lib/weir").is_dir()
    assert {name: os.readlink(str(d / "opt/weir" / name))
            for name in ("conf", "modules", "data", "logs")} == {
        "conf": "/etc/weir", "modules": "/usr/lib/weir",
        "data": "/var/lib/weir", "logs": "/var/log/weir"}


def test_files_for_the_system(built, tmp_path):
    """The unit, its sockets, logrotate: with the paths of this installation."""
    install(built("--prefix=/opt/weir", "--pid-path=/run/weir/weir.pid",
                  "--error-log-path=/var/log/weir/error.log", "--user=www"),
            tmp_path / "d")
    contrib = tmp_path / "d/opt/weir/contrib"
    unit = (contrib / "weir.service").read_text().splitlines()
    assert "Type=notify" in unit
    assert "ExecReload=/opt/weir/sbin/weir -s reload $WEIR_OPTS" in unit
    # The temporary folders are made in the prefix: it holds all but two.
    assert "ReadWritePaths=/opt/weir /run/weir /var/log/weir" in unit
    rotate = (contrib / "weir.logrotate").read_text()
    assert rotate.startswith("/opt/weir/logs/*.log {")
    assert "create 0640 www adm" in rotate
    assert "[ ! -s /run/weir/weir.pid ] || /opt/weir/sbin/weir -s reopen" in rotate
    assert (contrib / "weir.socket").exists()
    assert run("bash", "-n", contrib / "weir.bash-completion").stdout == ""


def test_conf_of_another_name(built, tmp_path):
    install(built("--conf-path=/etc/w/front.conf"), tmp_path / "d")
    there = os.listdir(str(tmp_path / "d/etc/w"))
    assert "front.conf" in there and "front.conf.default" in there
    assert "weir.conf" not in there and "weir.conf.default" not in there


def test_what_the_user_changed_stays(built, tmp_path):
    folder = built("--prefix=%s" % (tmp_path / "p"))
    install(folder)
    conf, page = tmp_path / "p/conf/weir.conf", tmp_path / "p/html/index.html"
    conf.write_text("mine\n")
    page.write_text("mine\n")
    (tmp_path / "p/conf/weir.conf.default").write_text("old\n")
    install(folder)
    assert conf.read_text() == page.read_text() == "mine\n"
    assert "worker_processes" in (
        tmp_path / "p/conf/weir.conf.default").read_text()


def test_by_rename(built, tmp_path):
    folder = built("--prefix=%s" % (tmp_path / "p"))
    install(folder)
    program = tmp_path / "p/sbin/weir"
    with open(str(program), "rb") as running:
        before = os.fstat(running.fileno())
        install(folder)
        after = os.fstat(running.fileno())
        assert after.st_size == before.st_size
        assert after.st_nlink == 0
    assert os.stat(str(program)).st_ino != before.st_ino
