"""What authorities say of certificates: stapled to ours, asked about the clients'.
The authority is openssl's own responder."""

import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from harness import ports
from harness.dns import NameServer

pytestmark = pytest.mark.plain("brings TLS of its own")

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*args, cwd):
    subprocess.run(["openssl", *args], cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=20)


class Authority:
    """A CA with an index of what it issued, and a responder."""

    def __init__(self, folder):
        self.folder = folder
        self.port = ports.free_port()
        self.process = None
        self.index = []
        openssl("req", "-x509", *CURVE, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
                "-subj", "/CN=authority", cwd=folder)
        (folder / "leaf.ext").write_text(
            "authorityInfoAccess=OCSP;URI:http://127.0.0.1:%d\n"
            "subjectAltName=DNS:a.example\n" % self.port)
        (folder / "index.txt.attr").write_text("unique_subject = no\n")

    def issue(self, name, status="V", extensions=True):
        serial = 0x1000 + len(self.index)
        openssl("req", *CURVE, "-keyout", name + ".key", "-out", name + ".csr", "-subj",
                "/CN=" + name, cwd=self.folder)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-set_serial", str(serial), "-days", "20", "-out", name + ".pem",
                *(["-extfile", "leaf.ext"] if extensions else []), cwd=self.folder)
        revoked = "260101000000Z" if status == "R" else ""
        if status != "unknown":
            self.index.append("%s\t401231235959Z\t%s\t%X\tunknown\t/CN=%s\n"
                              % (status, revoked, serial, name))
        else:
            self.index.append("")
        (self.folder / "index.txt").write_text("".join(self.index))

    def start(self, *more):
        # A connection that says nothing makes it spin: what it prints is waited for.
        with open(self.folder / "responder.log", "w") as log:
            self.process = subprocess.Popen(
                ["openssl", "ocsp", "-index", "index.txt", "-port", str(self.port), "-CA",
                 "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-nmin", "60", *more],
                cwd=self.folder, stdout=log, stderr=log)
        end = time.monotonic() + 10
        while "waiting for OCSP client" not in (self.folder / "responder.log").read_text():
            assert time.monotonic() < end, "no responder"
            time.sleep(0.02)
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def ca(tmp_path):
    tmp_path.chmod(0o755)
    a = Authority(tmp_path)
    a.issue("server")
    yield a
    a.stop()


CONF = """
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name a.example;
    ssl_certificate %%C%%/server.pem; ssl_certificate_key %%C%%/server.key;
    %%MORE%%
    location / { return 200 "$ssl_client_verify."; }
}
"""
STAPLE = "ssl_stapling on; ssl_trusted_certificate %s/ca.pem; "
CLIENT = "ssl_verify_client on; ssl_client_certificate %s/ca.pem; "


def start(server, ca, more, **args):
    return server(CONF, names={"C": ca.folder, "MORE": more}, **args)


def stapled(s):
    """What `openssl s_client` got with the certificate."""
    out = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % s.port(),
                          "-status", "-servername", "a.example"], input="",
                         capture_output=True, text=True, timeout=10).stdout
    return re.search(r"OCSP response: (no response sent)|Cert Status: (\w+)", out).group(0)


def until_stapled(s, want, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if stapled(s) == want:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("more", ["", "ssl_stapling_verify on;"])
def test_stapled(server, ca, more):
    ca.start()
    s = start(server, ca, STAPLE % ca.folder + more)
    assert until_stapled(s, "Cert Status: good")


def test_servers_that_share_settings_ask_once(server, ca):
    ca.start()
    pair = "ssl_certificate %%C%%/server.pem; ssl_certificate_key %%C%%/server.key;\n"
    s = server(pair + STAPLE % ca.folder + "".join(
        "server { listen 127.0.0.1:%%%%PORT%%%% ssl; server_name %s.example; }\n" % c
        for c in "abc"), names={"C": ca.folder})
    assert until_stapled(s, "Cert Status: good")


def test_another_responder_is_named(server, ca):
    ca.issue("server", extensions=False)
    ca.start()
    s = start(server, ca, STAPLE % ca.folder
              + "ssl_stapling_responder http://localhost:%d/;" % ca.port)
    assert until_stapled(s, "Cert Status: good")


def test_revoked_is_not_stapled(server, ca):
    ca.issue("server", "R")
    ca.start()
    s = start(server, ca, STAPLE % ca.folder)
    end = time.monotonic() + 10
    while 'certificate status "revoked"' not in s.error_log() and time.monotonic() < end:
        time.sleep(0.05)
    assert 'certificate status "revoked"' in s.error_log()
    assert stapled(s) == "OCSP response: no response sent"


def test_nobody_answers(server, ca):
    """A responder that is away holds nobody up."""
    s = start(server, ca, STAPLE % ca.folder)
    assert stapled(s) == "OCSP response: no response sent"
    assert "while requesting certificate status, responder: 127.0.0.1" in s.error_log()


@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n" + b"x" * 100000,
    b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: 5\r\n\r\n"
    b"\x30\x03\x0a\x01\x06"])
def test_bad_responders(server, ca, answer):
    with socket.create_server(("127.0.0.1", ca.port)) as listener:
        listener.settimeout(10)
        s = start(server, ca, STAPLE % ca.folder)
        c, _ = listener.accept()
        asked = c.recv(4096)
        assert re.match(rb"GET /[A-Za-z0-9%]+ HTTP/1\.1\r\nHost: 127.0.0.1:", asked)
        c.sendall(answer)
        c.close()
        assert stapled(s) == "OCSP response: no response sent"
        end = time.monotonic() + 5
        while "OCSP" not in s.error_log() and time.monotonic() < end:
            time.sleep(0.05)
        assert "OCSP" in s.error_log()


def test_a_file_is_stapled(server, ca):
    ca.start()
    openssl("ocsp", "-issuer", "ca.pem", "-cert", "server.pem", "-url",
            "http://127.0.0.1:%d/" % ca.port, "-respout", "answer.der", "-CAfile", "ca.pem",
            cwd=ca.folder)
    ca.stop()
    s = start(server, ca, "ssl_stapling on; ssl_stapling_file %s/answer.der;" % ca.folder)
    assert stapled(s) == "Cert Status: good"


def ask(s, ca, name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.load_cert_chain(str(ca.folder / (name + ".pem")), str(ca.folder / (name + ".key")))
    with socket.create_connection(("127.0.0.1", s.port()), 10) as raw:
        with c.wrap_socket(raw, server_hostname="a.example") as t:
            t.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            data = b""
            while True:
                part = t.recv(65536)
                if not part:
                    return data.decode()
                data += part


@pytest.mark.parametrize("how", ["on", "leaf"])
@pytest.mark.parametrize("status, wanted", [
    ("V", "SUCCESS."), ("R", "The SSL certificate error"),
    ("unknown", "The SSL certificate error")])
def test_clients(server, ca, how, status, wanted):
    ca.issue("client", status)
    ca.start()
    s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp %s;" % how)
    assert wanted in ask(s, ca, "client")
    assert ask(s, ca, "client").startswith("HTTP/1.1 200" if status == "V" else "HTTP/1.1 400")
    if status == "R":
        assert "client SSL certificate verify error: certificate revoked" in s.error_log()


@pytest.mark.parametrize("how", ["on", "leaf"])
def test_nobody_vouches_for_himself(server, ca, how):
    """The way to the responder is not secret: an answer counts by who has signed it."""
    ca.issue("client")
    ca.start("-rsigner", "client.pem", "-rkey", "client.key")
    s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp %s;" % how)
    assert "The SSL certificate error" in ask(s, ca, "client")
    assert "OCSP_basic_verify() failed" in s.error_log()


def test_what_is_known_is_not_asked_again(server, ca):
    ca.issue("client")
    ca.start()
    s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp on; ssl_ocsp_cache shared:O:1m; "
              "ssl_ocsp_responder http://127.0.0.1:%d;" % ca.port, workers=2)
    assert "SUCCESS." in ask(s, ca, "client")
    ca.stop()
    for _ in range(4):
        assert "SUCCESS." in ask(s, ca, "client")


def test_no_responder_no_entry(server, ca):
    ca.issue("client")
    s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp on;")
    assert "The SSL certificate error" in ask(s, ca, "client")
    assert "certificate status request failed" in s.error_log()


def test_clients_that_leave_while_it_is_asked(server, ca):
    ca.issue("client")
    with socket.create_server(("127.0.0.1", ca.port)) as listener:
        s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp on;")
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        c.load_cert_chain(str(ca.folder / "client.pem"), str(ca.folder / "client.key"))
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", s.port()), 10) as raw:
                t = c.wrap_socket(raw, server_hostname="a.example")
                t.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
                listener.settimeout(10)
                listener.accept()[0].close()
                t.close()
    assert s.workers()


@pytest.mark.parametrize("more, message", [
    ("ssl_ocsp on; ssl_verify_client optional_no_ca;",
     '"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"'),
    ("ssl_ocsp on; ssl_ocsp_responder https://a/;", "invalid URL prefix in OCSP responder"),
    ("ssl_ocsp_cache memory;", 'invalid OCSP cache "memory"'),
    ("ssl_ocsp_cache shared:O;", "invalid OCSP cache"),
    ("ssl_stapling on; ssl_stapling_file %%C%%/server.pem;", "d2i_OCSP_RESPONSE_bio")])
def test_bad_confs(ca, more, message):
    from harness.server import Server
    s = Server(CONF, names={"C": ca.folder, "MORE": more.replace("%%C%%", str(ca.folder))},
               wait=False)
    try:
        result = s.run("-t")
        assert result.returncode != 0 and message in result.stderr
    finally:
        s.remove()


def test_warnings_where_nobody_can_be_asked(ca):
    from harness.server import Server
    ca.issue("server", extensions=False)
    s = Server(CONF, names={"C": ca.folder, "MORE": "ssl_stapling on;"}, wait=False)
    try:
        result = s.run("-t")
        assert result.returncode == 0
        assert '"ssl_stapling" ignored, issuer certificate not found' in result.stderr
        s.names["MORE"] = STAPLE % ca.folder
        s.write_conf(CONF)
        result = s.run("-t")
        assert '"ssl_stapling" ignored, no OCSP responder URL in the certificate' \
            in result.stderr
    finally:
        s.remove()
    assert os.path.exists(ca.folder)


def test_names_by_the_resolver_of_the_conf(server, ca):
    """Not by what the system says, and not while the conf is read."""
    ca.start()
    names = NameServer({"ocsp.example": ["127.0.0.1"]})
    try:
        s = start(server, ca, STAPLE % ca.folder + "resolver 127.0.0.1:%d; "
                  "ssl_stapling_responder http://ocsp.example:%d/;" % (names.port, ca.port))
        assert "host not found" not in s.run("-t").stderr
        assert until_stapled(s, "Cert Status: good")
        assert names.asked("ocsp.example")
    finally:
        names.stop()


def test_clients_of_a_responder_by_name(server, ca):
    ca.issue("client")
    ca.start()
    names = NameServer({"ocsp.example": ["127.0.0.1"]})
    try:
        s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp leaf; resolver 127.0.0.1:%d; "
                  "ssl_ocsp_responder http://ocsp.example:%d;" % (names.port, ca.port))
        assert "SUCCESS." in ask(s, ca, "client")
        names.names["ocsp.example"] = 3
        s = start(server, ca, CLIENT % ca.folder + "ssl_ocsp leaf; resolver 127.0.0.1:%d; "
                  "ssl_ocsp_responder http://ocsp.example:%d;" % (names.port, ca.port))
        assert "The SSL certificate error" in ask(s, ca, "client")
        assert "ocsp.example could not be resolved (3: Host not found)" in s.error_log()
    finally:
        names.stop()
