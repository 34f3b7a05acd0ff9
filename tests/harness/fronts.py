"""The same requests over other fronts: TLS, and HTTP/2 without TLS.

Both take the bytes of a usual HTTP/1.1 request and give a http1.Response, so that a
case need not know how it is carried.
"""

import os
import socket
import ssl
import subprocess
import tempfile
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from . import http1

_certificate = {}


def certificate():
    """PEM of a certificate for localhost and of its key; made once a process."""
    if not _certificate:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out", "c", "-days",
                 "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                cwd=folder, check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=20)
            for name in "ck":
                with open(os.path.join(folder, name)) as f:
                    _certificate[name] = f.read()
    return _certificate["c"], _certificate["k"]


_pki = {}


def pki():
    """Files for tests of TLS, by name: an authority (ca.pem), certificates by it with
    keys (server: P-256, rsa, client, revoked, strange: by another one), its crl.pem,
    locked.key (password "secret"), pass, dh.pem, ticket48 and ticket80."""
    if _pki:
        return _pki
    with tempfile.TemporaryDirectory() as folder:
        def openssl(*args):
            subprocess.run(["openssl", *args], cwd=folder, check=True, timeout=60,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        for name in ("ca", "other"):
            openssl("req", "-x509", *ec, "-keyout", name + ".key", "-out", name + ".pem",
                    "-days", "30", "-subj", "/O=Weir/CN=" + name)
        for name, ca, key in (("server", "ca", ec), ("client", "ca", ec),
                              ("revoked", "ca", ec), ("strange", "other", ec),
                              ("rsa", "ca", ["-newkey", "rsa:2048", "-nodes"])):
            openssl("req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj",
                    "/C=DE/O=Weir, Inc/CN=%s.example" % name)
            openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey",
                    ca + ".key", "-CAcreateserial", "-days", "20", "-out", name + ".pem")
        openssl("ec", "-in", "server.key", "-aes128", "-passout", "pass:secret", "-out",
                "locked.key")
        with open(os.path.join(folder, "ca.conf"), "w") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\n"
                    "default_crl_days=30\n")
        open(os.path.join(folder, "index"), "w").close()
        more = ["-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key"]
        openssl("ca", "-revoke", "revoked.pem", *more)
        openssl("ca", "-gencrl", "-out", "crl.pem", *more)
        openssl("dhparam", "-dsaparam", "-out", "dh.pem", "1024")
        for name in os.listdir(folder):
            if name.endswith((".pem", ".key")):
                with open(os.path.join(folder, name)) as f:
                    _pki[name] = f.read()
    _pki["pass"] = "wrong\nsecret\n"
    _pki["ticket48"], _pki["ticket80"] = bytes(range(48)), bytes(range(80))
    return _pki


def tls_context(alpn=None, version=None, ciphers=None, client=None, curve=None):
    """`version`: "1.2"; `client`: a name of pki()."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if alpn:
        c.set_alpn_protocols(alpn)
    if version:
        v = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
        c.minimum_version = c.maximum_version = v
    if ciphers:
        c.set_ciphers(ciphers)
    if curve:
        c.set_ecdh_curve(curve)
    if client:
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(pki()[client + ".pem"] + pki()[client + ".key"])
            f.flush()
            c.load_cert_chain(f.name)
    return c


class TlsConnection(http1.Connection):
    """HTTP/1 over TLS.  An end without close_notify is "cut"."""

    _contexts = {}

    def __init__(self, address, timeout=5.0, name=None, resume=None, **options):
        """`resume`: a session of a connection before, so many seconds old."""
        session = None
        if resume is not None:
            with TlsConnection(address, timeout, name, **options) as before:
                before.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                before.response()
                session = before.sock.session
            time.sleep(resume)
        super().__init__(address, timeout)
        key = repr(sorted(options.items()))
        if key not in self._contexts:
            self._contexts[key] = tls_context(**options)
        # Without SNI the Host of each request chooses the server, as without TLS.
        try:
            self.sock = self._contexts[key].wrap_socket(
                self.sock, suppress_ragged_eofs=False, server_hostname=name, session=session)
        except ssl.SSLError as e:
            self.sock.close()
            raise http1.Truncated("no handshake: %s" % e.reason) from e

    def half_close(self):
        """close_notify; what still comes is read by read_to_end."""
        try:
            self.sock.settimeout(0.3)
            self.sock.unwrap()
            self.ended = "eof"
        except (OSError, ValueError):
            self.ended = "eof"

    def _fill(self):
        try:
            return super()._fill()
        except ssl.SSLEOFError:
            self.ended = "cut"
            return False
        except ssl.SSLError:
            self.ended = "reset"
            return False


def parse(data):
    """Method, target, host and headers of one plain HTTP/1.1 request and its body; None
    where HTTP/2 has no equal."""
    head, end, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    line = lines[0].split(b" ")
    if not end or len(line) != 3 or line[2] != b"HTTP/1.1" or not line[1].startswith(b"/"):
        return None
    host, headers = None, []
    for text in lines[1:]:
        name, colon, value = text.partition(b":")
        low = name.lower()
        if not colon or name != name.strip() or b"\n" in text or b"\r" in text or not name:
            return None
        value = value.strip(b" \t")
        if low == b"host":
            if host is not None:
                return None
            host = value
        elif low in (b"connection", b"transfer-encoding", b"upgrade", b"keep-alive", b"te",
                     b"proxy-connection", b"expect", b"http2-settings"):
            return None
        elif low == b"content-length" and value != b"%d" % len(body):
            return None
        else:
            headers.append((low, value))
    if not host:
        return None
    return line[0], line[1], host, headers, body


class H2Connection:
    """One request a connection, over cleartext HTTP/2 by prior knowledge."""

    def __init__(self, address, timeout=5.0):
        self.raw = http1.Connection(address, timeout)
        self.sock = self.raw.sock
        self.ended = None
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding=None, validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=False))
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 28)
        self.body = b""
        self.stream = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def _flush(self):
        try:
            self.sock.sendall(self.h2.data_to_send())
        except (BrokenPipeError, ConnectionResetError):
            self.ended = "reset"

    def send(self, data):
        method, target, host, headers, body = parse(data)
        self.stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            self.stream, [(b":method", method), (b":scheme", b"http"), (b":path", target),
                          (b":authority", host)] + headers, end_stream=not body)
        self.h2.increment_flow_control_window(1 << 28, self.stream)
        self.body = body
        self._more()
        return True

    def _more(self):
        while self.body:
            n = min(self.h2.local_flow_control_window(self.stream),
                    self.h2.max_outbound_frame_size, len(self.body))
            if n <= 0:
                break
            part, self.body = self.body[:n], self.body[n:]
            self.h2.send_data(self.stream, part, end_stream=not self.body)
        self._flush()

    def _events(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = self.ended or "eof"
            return []
        try:
            return self.h2.receive_data(data)
        except h2.exceptions.ProtocolError as e:
            self.ended = "bad"
            raise http1.Truncated("bad HTTP/2: %s" % e) from e

    def response(self, method="GET"):
        r = http1.Response()
        r.complete = False
        while not self.ended:
            for e in self._events():
                if isinstance(e, h2.events.InformationalResponseReceived):
                    r.interim.append((e.headers[0][1].decode(), []))
                elif isinstance(e, h2.events.ResponseReceived):
                    self._head(r, e.headers)
                elif isinstance(e, h2.events.DataReceived):
                    r.body += e.data
                    self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
                elif isinstance(e, h2.events.TrailersReceived):
                    r.trailers = [(k.decode("latin-1"), v.decode("latin-1"))
                                  for k, v in e.headers]
                elif isinstance(e, h2.events.StreamEnded):
                    r.complete = True
                elif isinstance(e, h2.events.StreamReset):
                    if r.complete and e.error_code == h2.errors.ErrorCodes.NO_ERROR:
                        continue
                    if not r.status_line:
                        r.status_line = "reset, error %d" % e.error_code
                    else:
                        r.reason = "reset, error %d" % e.error_code
                    self._flush()
                    return r
                elif isinstance(e, h2.events.WindowUpdated):
                    self._more()
            self._flush()
            if r.complete:
                break
        if method == "HEAD" or r.status in (204, 304):
            r.framing = "none"
        return r if r.status_line else None

    @staticmethod
    def _head(r, headers):
        for k, v in headers:
            k, v = k.decode("latin-1"), v.decode("latin-1")
            if k == ":status":
                r.status_line, r.status = "HTTP/2 " + v, int(v)
            else:
                # Values may end in spaces, which h2 would refuse; the rest is asked here.
                assert k == k.lower() and not set(v) & set("\r\n\0"), (k, v)
                r.headers.append((k, v.strip(" \t")))
        r.version = "HTTP/2"
        r.framing = "length" if r.get("content-length") else "close"

    def half_close(self):
        pass

    def read_to_end(self, timeout=None):
        self.ended = "kept"
        return b""


class H2Frames(H2Connection):
    """The same; the body of the answer tells of the settings and frames that came."""

    def __init__(self, address, timeout=5.0):
        super().__init__(address, timeout)
        self.settings, self.frames = {}, []

    def _events(self):
        events = super()._events()
        for e in events:
            if isinstance(e, h2.events.RemoteSettingsChanged):
                self.settings.update({int(k): v.new_value
                                      for k, v in e.changed_settings.items()})
            elif isinstance(e, h2.events.DataReceived) and e.data:
                self.frames.append(len(e.data))
        return events

    def response(self, method="GET"):
        r = super().response(method)
        if r is not None:
            r.body = ("settings %s, frames %s" % (sorted(self.settings.items()),
                                                  self.frames)).encode()
        return r
