"""The same requests over other fronts: TLS, HTTP/2 without and with TLS.

Each takes the bytes of usual HTTP/1.1 requests and gives http1.Responses, as
http1.PlainConnection does, so that a test need not know how it is carried. The certificates
are in pki.py, what becomes of a request in HTTP/2 is in translate.py.
"""

import re
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from . import http1
from .pki import certificate, pki, tls_context
from .translate import Translator

__all__ = ["certificate", "pki", "tls_context", "TlsConnection", "H2Connection",
           "H2TlsConnection", "H2Frames", "H2TlsFrames", "CONNECTIONS", "listening"]


class TlsSocket:
    """A socket that speaks TLS. An end without close_notify raises ssl.SSLEOFError. One
    thread may send while another receives."""

    _contexts = {}

    def __init__(self, sock, name=None, session=None, **options):
        """`options` are those of pki.tls_context. Without a name (SNI) the Host of each
        request chooses the server, as without TLS."""
        key = repr(sorted(options.items()))
        if key not in self._contexts:
            self._contexts[key] = tls_context(**options)
        self.plain = sock
        self.ahead = b""
        self.using, self.sending = threading.Lock(), threading.Lock()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self._contexts[key].wrap_bio(self.incoming, self.outgoing,
                                                server_hostname=name, session=session)
        try:
            self._run(self.tls.do_handshake)
        except (ssl.SSLError, ConnectionError) as e:
            sock.close()
            raise http1.Truncated("no handshake: %s" % (getattr(e, "reason", None) or "closed")
                                  ) from e

    def __getattr__(self, name):
        """version(), cipher(), session, … of TLS; settimeout, fileno, … of the socket."""
        return getattr(self.tls if hasattr(self.tls, name) else self.plain, name)

    def _run(self, what, *args):
        while True:
            try:
                with self.using:
                    return what(*args)
            except ssl.SSLWantReadError:
                self._flush()
                data = self.plain.recv(65536)
                with self.using:
                    if data:
                        self.incoming.write(data)
                    else:
                        self.incoming.write_eof()
            finally:
                self._flush()

    def _flush(self):
        """Who sends already sends what has come meanwhile as well, in its order."""
        while self.outgoing.pending and self.sending.acquire(blocking=False):
            try:
                with self.using:
                    data = self.outgoing.read()
                self.plain.sendall(data)
            except BrokenPipeError as e:
                raise ConnectionResetError(*e.args) from None
            finally:
                self.sending.release()

    def sendall(self, data):
        for at in range(0, len(data), 1 << 20):
            self._run(self.tls.write, data[at:at + (1 << 20)])

    def _look_ahead(self):
        """What has come is read first: OpenSSL drops it once our end has been said."""
        try:
            while True:
                with self.using:
                    data = self.tls.read(65536)
                if not data:
                    return
                self.ahead += data
        except ssl.SSLError:
            pass                        # the next read() says it again

    def recv(self, n):
        if self.ahead:
            data, self.ahead = self.ahead[:n], self.ahead[n:]
            return data
        try:
            return self._run(self.tls.read, n)
        except ssl.SSLZeroReturnError:
            return b""

    def shutdown(self, _):
        """Say that no more will come; what still comes can be read."""
        self._look_ahead()
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        try:
            self._flush()
        except ConnectionResetError:
            pass


def hello():
    """The first bytes of a usual client."""
    outgoing = ssl.MemoryBIO()
    try:
        tls_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class TlsConnection(http1.PlainConnection):
    """HTTP/1 over TLS.  An end without close_notify is "cut"."""

    def __init__(self, address, timeout=http1.WAIT, source=None, preamble=(), room=None,
                 name=None, resume=None, **options):
        """`preamble`: what is sent before the handshake; `resume`: a session of a
        connection before, so many seconds old."""
        session = None
        if resume is not None:
            with TlsConnection(address, timeout, source, preamble, name=name,
                               **options) as before:
                before.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                before.response()
                session = before.sock.session
            time.sleep(resume)
        super().__init__(address, timeout, source, preamble, room)
        self.sock = TlsSocket(self.sock, name, session, **options)
        self.finished = False

    def half_close(self):
        self.finished = True
        super().half_close()

    def _fill(self):
        try:
            return super()._fill()
        except ssl.SSLEOFError:
            # Who has said that no more will come need not be told the same.
            self.ended = "eof" if self.finished else "cut"
        except ssl.SSLError:
            self.ended = "reset"
        return False


class Client(h2.connection.H2Connection):
    """h2's, which takes no more frames once GOAWAY has come; what was begun goes on."""

    def _receive_goaway_frame(self, frame):
        e = h2.events.ConnectionTerminated()
        e.error_code = frame.error_code
        e.last_stream_id = frame.last_stream_id
        return [], [e]


class H2Connection(http1.Requests):
    """Requests one after another over cleartext HTTP/2 by prior knowledge: the next is
    begun when the one before has been answered."""

    SCHEME = b"http"

    def __init__(self, address, timeout=http1.WAIT, source=None, preamble=(), room=None, **tls):
        self.ended = None
        self.goaway = None              # the error code of the server's GOAWAY
        self.last_id = None             # the last stream that it serves
        self.timeout = timeout
        self._open(address, timeout, source, preamble, room, **tls)
        self.h2 = Client(h2.config.H2Configuration(
            client_side=True, header_encoding=None, validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=False))
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 28)
        self.refused = False            # the last request was not begun: GOAWAY came first
        self.translator = Translator()
        self.waiting = []               # uploads, the first of them under way
        self.stream = None

    def _open(self, *where):
        self.sock = http1.PlainConnection(*where).sock

    def _flush(self):
        try:
            self.sock.sendall(self.h2.data_to_send())
        except (BrokenPipeError, ConnectionResetError):
            pass                        # what came before is still to be read

    def send(self, data):
        """Send all; False when the peer has closed meanwhile."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        self.waiting += self.translator.feed(data)
        self._more()
        return not self.ended

    def _begin(self, upload):
        self.stream = self.h2.get_next_available_stream_id()
        fields = [(k, v or self.SCHEME) if k == b":scheme" else (k, v) for k, v in upload.fields]
        bare = upload.whole and not upload.body and upload.trailers is None
        self.h2.send_headers(self.stream, fields, end_stream=bare)
        self.h2.increment_flow_control_window(1 << 28, self.stream)
        upload.sent = bare

    def _more(self):
        """Send what may be sent of the request under way."""
        if not self.waiting:
            return
        upload = self.waiting[0]
        try:
            if self.stream is None:
                self._begin(upload)
            self._body(upload)
        except (h2.exceptions.StreamClosedError, h2.exceptions.ProtocolError):
            pass                        # answered or reset already
        self._flush()

    def _body(self, upload):
        while not upload.sent:
            n = min(self.h2.local_flow_control_window(self.stream),
                    self.h2.max_outbound_frame_size, len(upload.body))
            part, upload.body = upload.body[:n], upload.body[n:]
            last = upload.whole and not upload.body
            if last and upload.trailers is not None:
                if part:
                    self.h2.send_data(self.stream, part)
                self.h2.send_headers(self.stream, upload.trailers, end_stream=True)
            elif part or last:
                self.h2.send_data(self.stream, part, end_stream=last)
            else:
                return
            upload.sent = last

    def _events(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.ended, data = "reset", b""
        except ssl.SSLEOFError:
            self.ended, data = "cut", b""
        if not data:
            self.ended = self.ended or "eof"
            return []
        try:
            return self.h2.receive_data(data)
        except h2.exceptions.ProtocolError as e:
            self.ended = "bad"
            raise http1.Truncated("bad HTTP/2: %s" % e) from e

    def response(self, method="GET"):
        if not self.waiting:
            return None
        if self.goaway is not None and self.stream is None:
            self.waiting.clear()        # no stream after it is answered
            self.refused = True
            return None
        self._more()
        r = http1.Response()
        r.complete = False
        while not (self.ended or r.complete or r.reset or self._is_refused()):
            for e in self._events():
                self._event(r, e)
            self._more()
            self._flush()
        self.waiting.pop(0)
        self.refused = self._is_refused()
        self.stream = None
        r.last = self.goaway is not None
        if method == "HEAD" or r.status in (204, 304):
            r.framing = "none"
        return r if r.status_line else None

    def _is_refused(self):
        return self.last_id is not None and self.stream is not None \
            and self.stream > self.last_id

    def _event(self, r, e):
        if isinstance(e, h2.events.ConnectionTerminated):
            self.goaway, self.last_id = int(e.error_code), e.last_stream_id
        elif getattr(e, "stream_id", None) != self.stream:
            pass
        elif isinstance(e, h2.events.InformationalResponseReceived):
            r.interim.append(("HTTP/2 " + e.headers[0][1].decode(), self._fields(e.headers[1:])))
        elif isinstance(e, h2.events.ResponseReceived):
            self._head(r, e.headers)
        elif isinstance(e, h2.events.DataReceived):
            r.body += e.data
            self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
        elif isinstance(e, h2.events.TrailersReceived):
            r.trailers = self._fields(e.headers)
        elif isinstance(e, h2.events.StreamEnded):
            r.complete = True
        elif isinstance(e, h2.events.StreamReset) and not r.complete:
            r.reset = "reset, error %d" % e.error_code
            r.reason = r.reset if r.status_line else ""
            r.status_line = r.status_line or r.reset

    @staticmethod
    def _fields(headers):
        out = []
        for k, v in headers:
            k, v = k.decode("latin-1"), v.decode("latin-1")
            # Values may end in spaces, which h2 would refuse; the rest is asked here.
            assert k == k.lower() and not set(v) & set("\r\n\0"), (k, v)
            out.append((k, v.strip(" \t")))
        return out

    def _head(self, r, headers):
        fields = self._fields(headers)
        r.status_line, r.status = "HTTP/2 " + fields[0][1], int(fields[0][1])
        r.headers = fields[1:]
        r.version = "HTTP/2"
        r.framing = "length" if r.get("content-length") else "stream"

    def half_close(self):
        pass

    def read_to_end(self, timeout=None):
        """Nothing comes that was not asked for."""
        self.ended = self.ended or (
            "kept" if self.goaway is None else "goaway, error %d" % self.goaway)
        return b""


class H2TlsConnection(H2Connection):
    """The same over TLS, agreed upon by ALPN."""

    SCHEME = b"https"

    def _open(self, *where, name=None, resume=None, **options):
        options.setdefault("alpn", ["h2"])
        session = None
        if resume is not None:
            with H2TlsConnection(*where, name=name, **options) as before:
                before.get("/")
                session = before.sock.session
            time.sleep(resume)
        super()._open(*where)
        self.sock = TlsSocket(self.sock, name, session, **options)
        assert self.sock.selected_alpn_protocol() == "h2"


class H2Frames(H2Connection):
    """The same; the body of the answer tells of the settings and frames that came."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
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


class H2TlsFrames(H2Frames, H2TlsConnection):
    pass


# What a test calls the fronts, and the words of `listen` for each.
CONNECTIONS = {None: http1.PlainConnection, "tls": TlsConnection, "h2": H2Connection,
               "h2s": H2TlsConnection, "h2frames": H2Frames, "h2sframes": H2TlsFrames}
WORDS = {"tls": " ssl", "h2": " http2", "h2s": " ssl http2"}
LISTEN = re.compile(r"\blisten\s+((?:[^\s;]*:)?%%(PORT\w*)%%)([^;]*);")
OWN = re.compile(r"\b(ssl|http2)\b")
CERTIFICATE = ("ssl_certificate %%PREFIX%%/front.pem; "
               "ssl_certificate_key %%PREFIX%%/front.key;")


def listening(text, front, beside=("PORT",)):
    """A conf with the front's words in each `listen` that has none, and the ports that
    the front is found on: name -> name. A port that the conf names elsewhere (it is its
    own upstream) stays as it is; those of `beside` (None: all) get one beside them."""
    used = set(re.findall(r"%%(PORT\w*)%%", LISTEN.sub("", text)))
    ports = {}

    def listen(match):
        address, name, more = match.groups()
        if OWN.search(more) or name in used and beside is not None and name not in beside:
            return match.group(0)
        ports[name] = name + "_FRONT" if name in used else name
        there = "listen %s%s%s;" % (address.replace(name, ports[name]), WORDS[front], more)
        return match.group(0) + " " + there if name in used else there
    return LISTEN.sub(listen, text), ports


def files():
    """What CERTIFICATE names."""
    pem, key = certificate()
    return {"front.pem": pem, "front.key": key}
