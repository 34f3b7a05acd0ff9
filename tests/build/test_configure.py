"""./configure: nginx's options, and messages that help."""

import os
import shutil
import subprocess

import pytest

from build.tools import ROOT, configure, made, make

# What Debian's nginx says of itself, without the modules that weir has not.
OF_NGINX = """
--prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf
--http-log-path=/var/log/nginx/access.log --error-log-path=stderr
--lock-path=/var/lock/nginx.lock --pid-path=/run/nginx.pid
--modules-path=/usr/lib/nginx/modules
--http-client-body-temp-path=/var/lib/nginx/body
--http-fastcgi-temp-path=/var/lib/nginx/fastcgi
--http-proxy-temp-path=/var/lib/nginx/proxy
--http-scgi-temp-path=/var/lib/nginx/scgi
--http-uwsgi-temp-path=/var/lib/nginx/uwsgi
--with-compat --with-debug --with-pcre-jit --with-threads
--with-http_ssl_module --with-http_v2_module --without-mail_pop3_module
""".split()


def config(folder):
    with open(str(folder / "auto_config.h")) as f:
        return dict(line[8:].rstrip("\n").split(None, 1) for line in f
                    if line.startswith("#define ") and len(line.split()) > 2)


def test_options_of_nginx(tmp_path):
    configure(tmp_path, "--with-cc-opt=-g -O2", *OF_NGINX)
    words = config(tmp_path)
    assert words["WR_PREFIX"] == '"/usr/share/nginx/"'
    assert words["WR_CONF_PATH"] == '"/etc/nginx/nginx.conf"'
    assert words["WR_PID_PATH"] == '"/run/nginx.pid"'
    assert words["WR_CLIENT_BODY_TEMP_PATH"] == '"/var/lib/nginx/body"'
    said = words["WR_CONFIGURE_ARGS"]
    assert said.startswith("\"--with-cc-opt='-g -O2' --prefix=/usr/share/nginx")
    assert "--with-http_ssl_module" in said
    assert "--builddir" not in said


@pytest.mark.parametrize("option, says", [
    ("--with-http_sll_module", "unknown option \"--with-http_sll_module\""),
    ("--without-nothing", "unknown option \"--without-nothing\""),
    ("--wiht-debug", "unknown option \"--wiht-debug\""),
    ("--with-http_perl_module", "weir has no http_perl_module"),
    ("--with-http_ssl_module=maybe", "\"=dynamic\" or \"=static\""),
    ("--with-sanitizer=hand", "\"address\" or \"thread\""),
    ("--with-openssl=/usr/src/openssl", "the system's library"),
    ("--add-module=/nonexistent", "there is no such folder"),
    ("--with-cc=no-such-cc", "apt-get install no-such-cc"),
])
def test_refused(tmp_path, option, says):
    done = configure(tmp_path, option, check=False)
    assert done.returncode == 1
    assert "configure: error: " in done.stdout
    assert says in done.stdout


def test_folder_without_sources_is_no_module(tmp_path):
    (tmp_path / "empty").mkdir()
    done = configure(tmp_path / "b", "--add-module=%s" % (tmp_path / "empty"),
                     check=False)
    assert done.returncode == 1
    assert "no C sources" in done.stdout


def without_libraries(tmp_path, *names):
    """A compiler that does not find these."""
    cc = tmp_path / "some-cc"
    cc.write_text("#!/bin/sh\ncase \" $* \" in %s) exit 1 ;; esac\n"
                  "exec cc \"$@\"\n" % "|".join("*' -l%s '*" % n
                                                for n in names))
    cc.chmod(0o755)
    return "--with-cc=%s" % cc


def test_all_missing_packages_are_named_at_once(tmp_path):
    done = configure(tmp_path / "b", without_libraries(
        tmp_path, "pcre2-8", "sqlite3"), check=False)
    assert done.returncode == 1
    assert "apt-get install libpcre2-dev libsqlite3-dev" in done.stdout
    assert "zlib1g-dev" not in done.stdout


def test_optional_library(tmp_path):
    done = configure(tmp_path / "b", without_libraries(tmp_path, "nghttp2"))
    assert "no HTTP/2 (apt-get install libnghttp2-dev)" in done.stdout
    assert config(tmp_path / "b")["WR_HAVE_NGHTTP2"] == "0"
    assert "-lnghttp2" not in made(tmp_path / "b", "LIBS")


def module(tmp_path, name, conf=""):
    folder = tmp_path / name
    folder.mkdir()
    (folder / (name + ".c")).write_text(
        "#include <weir/module/module.h>\nWR_MODULE(%s, .doc = \"\");\n" % name)
    (folder / "module.conf").write_text(conf)
    return "--add-dynamic-module=%s" % folder


def test_module_whose_library_is_missing(tmp_path):
    with_it = module(tmp_path, "needy",
                     "MODULE_LIBS=-lno_such\nMODULE_PKG=libno-such-dev\n")
    done = configure(tmp_path / "b", with_it, check=False)
    assert done.returncode == 1
    assert "http_needy_module needs -lno_such: apt-get install libno-such-dev" \
        in done.stdout


def test_module_that_needs_a_library_that_was_refused(tmp_path):
    with_it = module(tmp_path, "db", "MODULE_LIBS=-lsqlite3\n")
    off = ["--without-http_sqlite_module"] if os.path.isdir(
        os.path.join(ROOT, "modules", "sqlite")) else []
    done = configure(tmp_path / "b", "--without-sqlite3", with_it, *off,
                     check=False)
    assert done.returncode == 1
    assert "http_db_module needs sqlite3" in done.stdout


def test_module_that_depends_on_another(tmp_path):
    with_it = module(tmp_path, "upper", "MODULE_DEPENDS=lower\n")
    done = configure(tmp_path / "b", with_it, check=False)
    assert done.returncode == 1
    assert 'module "upper" needs the module "lower"' in done.stdout
    configure(tmp_path / "b", with_it, module(tmp_path, "lower"))
    assert made(tmp_path / "b", "DYNAMIC_MODULES").split()[-2:] == [
        "upper", "lower"]


def test_module_conf_names_file_and_option(tmp_path):
    with_it = module(tmp_path, "odd", "MODULE_NAME=http_even_module\n")
    configure(tmp_path / "b", with_it)
    make(tmp_path / "b", "%s/modules/http_even_module.so" % (tmp_path / "b"))
    listed = subprocess.run(
        ["nm", "-D", "--defined-only",
         str(tmp_path / "b" / "modules" / "http_even_module.so")],
        stdout=subprocess.PIPE, text=True, check=True).stdout.split()[2::3]
    assert listed == ["weir_module"]


def test_same_again_builds_nothing_again(tmp_path):
    configure(tmp_path)
    files = ["auto_config.h", "flags", "modules_list.c"]
    before = [os.stat(str(tmp_path / f)).st_mtime_ns for f in files]
    configure(tmp_path)
    assert before == [os.stat(str(tmp_path / f)).st_mtime_ns for f in files]


def test_build_date_is_reproducible(tmp_path):
    configure(tmp_path, SOURCE_DATE_EPOCH="86400")
    assert config(tmp_path)["WR_BUILD_DATE"] == '"1970-01-02"'


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_shells_and_compilers(tmp_path, cc, shell):
    if not shutil.which(cc) or not shutil.which(shell):
        pytest.skip("not installed")
    configure(tmp_path, "--with-cc=%s" % cc, "--with-werror", shell=shell)
    target = "%s/obj/core/base/pool.o" % tmp_path
    make(tmp_path, target)
    assert os.path.exists(target)


def test_help_lists_the_modules():
    said = configure("unused", "--help").stdout
    assert "--add-dynamic-module=DIR" in said
    for name in os.listdir(os.path.join(ROOT, "modules")):
        if os.path.exists(os.path.join(ROOT, "modules", name, name + ".c")):
            assert name in said
    assert not os.path.exists(os.path.join(ROOT, "unused"))
