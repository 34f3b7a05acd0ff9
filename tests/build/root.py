"""A fresh root folder with a few of Debian's packages, made of those that this
machine has installed: no network, no mount. A program in it finds what its package
depends on, and nothing else."""

import os
import re
import subprocess

LEFT_OUT = re.compile(r"^/usr/share/(doc|man|locale|info|lintian)/")


def query(fields, *packages):
    out = subprocess.run(["dpkg-query", "-W", "-f", fields + "\\n", *packages],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line.split("\t") for line in out.splitlines()]


class Machine:
    """What is installed here."""

    def __init__(self):
        self.needs, self.essential, provided = {}, [], {}
        for name, arch, state, needs, needs_before, provides, essential in query(
                "${Package}\t${Architecture}\t${db:Status-Abbrev}\t${Depends}\t"
                "${Pre-Depends}\t${Provides}\t${Essential}"):
            if not state.startswith("ii"):
                continue
            self.needs[name] = needs + ", " + needs_before
            for other in names(provides):
                provided.setdefault(other[0], name)
            if essential == "yes":
                self.essential.append(name)
        self.provided = provided

    def closure(self, wanted):
        """These packages with all that they depend on."""
        found, open_ = set(), list(wanted)
        while open_:
            name = self.provided.get(open_[-1], open_[-1]) \
                if open_[-1] not in self.needs else open_[-1]
            open_.pop()
            if name in found:
                continue
            assert name in self.needs, "%s is not installed here" % name
            found.add(name)
            for choice in names(self.needs[name]):
                here = [one for one in choice
                        if one in self.needs or one in self.provided]
                assert here, "%s: none of %s is installed" % (name, choice)
                open_.append(here[0])
        return found


def names(relations):
    """[["a"], ["b", "c"]] of "a (>= 1), b:any | c"."""
    groups = [[re.sub(r"[\s(:].*", "", one.strip()) for one in group.split("|")]
              for group in relations.split(",")]
    return [group for group in groups if group[0]]


class Root:
    def __init__(self, path):
        self.path, self.has, self.machine = str(path), set(), Machine()
        for folder in ("usr/bin", "usr/sbin", "usr/lib", "dev", "proc", "tmp", "run",
                       "etc/alternatives", "root", "var/log", "var/lib/dpkg/info",
                       "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/cache",
                       "var/tmp"):
            os.makedirs(self(folder))
        os.chmod(self("tmp"), 0o1777)
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if os.path.islink("/" + name):
                os.symlink(os.readlink("/" + name), self(name))
                os.makedirs(self("usr/" + name), exist_ok=True)
        self.add(*self.machine.essential)
        for name in ("passwd", "group"):
            with open("/usr/share/base-passwd/%s.master" % name) as f, \
                    open(self("etc/" + name), "w") as to:
                to.write(f.read())
        os.mknod(self("dev/null"), 0o020666, os.makedev(1, 3))
        os.chmod(self("dev/null"), 0o666)

    def __call__(self, name):
        return os.path.join(self.path, name.lstrip("/"))

    def add(self, *packages):
        """Also these packages, and what they depend on."""
        new = sorted(self.machine.closure(packages) - self.has)
        self.has.update(new)
        self._copy_files(new)
        self._copy_alternatives()
        with open(self("var/lib/dpkg/status"), "a") as status:
            status.write(subprocess.run(
                ["dpkg-query", "-s", *new], check=True, stdout=subprocess.PIPE,
                text=True).stdout + "\n")

    def _copy_files(self, packages):
        files = set()
        for name in packages:
            list_ = "/var/lib/dpkg/info/%s.list" % name
            if not os.path.exists(list_):
                [[arch]] = query("${Architecture}", name)
                list_ = "/var/lib/dpkg/info/%s:%s.list" % (name, arch)
            with open(list_) as f:
                text = f.read()
            with open(self(list_), "w") as f:
                f.write(text)
            for line in text.splitlines():
                if os.path.isdir(line) and not os.path.islink(line):
                    os.makedirs(self(line), exist_ok=True)
                elif os.path.lexists(line) and not LEFT_OUT.match(line):
                    files.add(line)
        pack = subprocess.Popen(
            ["tar", "-C", "/", "-cf", "-", "--no-recursion", "-T", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        unpack = subprocess.Popen(
            ["tar", "-C", self.path, "-xpf", "-", "--keep-directory-symlink"],
            stdin=pack.stdout)
        pack.stdout.close()
        pack.stdin.write("\n".join(f.lstrip("/") for f in sorted(files)).encode())
        pack.stdin.close()
        assert pack.wait() == 0 and unpack.wait() == 0

    def _copy_alternatives(self):
        """awk, cc, …: links that no package owns."""
        for folder in ("/usr/bin", "/usr/sbin"):
            for name in os.listdir(folder):
                link = os.path.join(folder, name)
                if not os.path.islink(link):
                    continue
                middle = os.readlink(link)
                if not middle.startswith("/etc/alternatives/"):
                    continue
                end = os.readlink(middle) if os.path.islink(middle) else ""
                if (os.path.lexists(self(end)) if end else False) \
                        and not os.path.lexists(self(link)):
                    os.symlink(middle, self(link))
                    if not os.path.lexists(self(middle)):
                        os.symlink(end, self(middle))

    def command(self, *words):
        return ["chroot", self.path, "env", "-i", "LC_ALL=C.UTF-8",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                *map(str, words)]

    def run(self, *words, check=True, cwd="/"):
        done = subprocess.run(
            self.command("sh", "-c", 'cd "$0" && exec "$@"', cwd, *words), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=120)
        assert not check or done.returncode == 0, "%s: status %d\n%s" % (
            " ".join(map(str, words)), done.returncode, done.stdout)
        return done

    def read(self, name):
        with open(self(name)) as f:
            return f.read()

    def write(self, name, text):
        with open(self(name), "w") as f:
            f.write(text)
