"""listen … proxy_protocol with TLS and HTTP/2 behind it, TLVs, the log, and headers that
hostile or slow clients send. (What nginx has too: compare/cases/proxy_protocol.py.)"""

import socket
import ssl
import struct
import subprocess
import time

import pytest

from harness.http2 import Client as Http2Client
from harness.pki import certificate

pytestmark = pytest.mark.plain("brings TLS and HTTP/2 of its own")

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET /v HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
V1 = b"PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n"
CONF = """
client_header_timeout 1s;
server {
    listen 127.0.0.1:%%PORT%% proxy_protocol;
    http2 on;
    location /v { return 200 "$proxy_protocol_addr|$remote_addr|$server_protocol"; }
    location /tlv { return 200 "$proxy_protocol_tlv_alpn|$proxy_protocol_tlv_authority|$proxy_protocol_tlv_ssl_version|$proxy_protocol_tlv_ssl_cn|$proxy_protocol_tlv_ssl_verify|$proxy_protocol_tlv_0xea|$proxy_protocol_tlv_0x31|$proxy_protocol_tlv_netns"; }
}
"""


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def v2(tlvs=b"", more=0):
    body = b"\1\2\3\4\5\6\7\x08" + struct.pack(">HH", 1234, 80) + tlvs
    return SIGNATURE + struct.pack(">BBH", 0x21, 0x11, len(body) + more) + body


def ask(port, *parts, wrap=None):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        for p in parts[:-1]:
            s.sendall(p)
            time.sleep(0.01)
        if wrap:
            s = wrap(s)
        s.sendall(parts[-1])
        got = b""
        while True:
            try:
                part = s.recv(65536)
            except (ConnectionError, ssl.SSLError):
                break
            if not part:
                break
            got += part
        return got


def body(answer):
    return answer.partition(b"\r\n\r\n")[2]


@pytest.fixture
def s(server):
    return server(CONF)


def test_every_cut(s):
    for head in (V1, v2()):
        for cut in range(1, len(head)):
            assert body(ask(s.port(), head[:cut], head[cut:] + GET)) \
                == b"1.2.3.4|127.0.0.1|HTTP/1.1"


def test_much_behind_the_header(server):
    """As much as is read at once is no more than TLS has room for."""
    s = server("""
server {
    listen 127.0.0.1:%%PORT%% proxy_protocol; listen 127.0.0.1:%%PORT2%% ssl proxy_protocol;
    client_header_buffer_size 256k; client_header_timeout 1s;
    ssl_certificate c.pem; ssl_certificate_key k.pem;
    location /v { return 200 "$proxy_protocol_addr"; }
}""", files=dict(zip(("c.pem", "k.pem"), certificate())))
    record = b"\x16\3\1\x40\0\1\0\x3f\xfc" + b"a" * 16380
    for _ in range(3):
        assert ask(s.port("PORT2"), V1 + record * 12)[:1] in (b"\x15", b"")
    assert body(ask(s.port(), V1 + GET)) == b"1.2.3.4"


def test_tlvs(s):
    head = v2(tlv(1, b"h2") + tlv(2, b"host.example") + tlv(0xea, b"vpce-1")
              + tlv(0x20, b"\x07\0\0\0\x12" + tlv(0x21, b"TLSv1.3") + tlv(0x22, b"cn")))
    assert body(ask(s.port(), head + GET.replace(b"/v", b"/tlv"))) \
        == b"h2|host.example|TLSv1.3|cn|18|vpce-1||"


def test_a_long_one(s):
    """Longer than the buffer for requests' heads is."""
    assert body(ask(s.port(), v2(tlv(0xea, b"x" * 3500)) + GET)).startswith(b"1.2.3.4|")
    assert body(ask(s.port(), v2(tlv(0xea, b"x" * 3500)) + GET.replace(b"/v", b"/tlv"))) \
        == b"|||||" + b"x" * 3500 + b"||"


@pytest.mark.parametrize("head", [
    v2(tlv(0xea, b"x" * 5000)), v2(b"\x01\0"), v2(b"\x01\0\5abc"),
    SIGNATURE + b"\x21\x11\xff\xff", SIGNATURE + b"\x31\x11\0\x0c" + b"\0" * 12,
    SIGNATURE + b"\x22\x11\0\x0c" + b"\0" * 12, b"PROXY TCP4 1.2.3.4 5.6.7.8 1234 80 9\r\n",
    b"PROXY TCP4 ::1 ::1 1 2\r\n", b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 1.2.3.4:5 5.6.7.8 1 2\r\n", b"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", b"PROXY \r\n", b"PROXY\r\n", b"\r\n" + V1,
    GET, b"P" * 2000])
def test_bad_headers_end_the_connection(s, head):
    assert ask(s.port(), head + GET) == b""
    assert "broken header: " in s.error_log()
    assert body(ask(s.port(), V1 + GET)).startswith(b"1.2.3.4|")


def test_a_header_byte_by_byte(s):
    for head in (V1, v2()):
        assert body(ask(s.port(), *(bytes((b,)) for b in head), GET)) == b"1.2.3.4|127.0.0.1|HTTP/1.1"


def test_a_header_that_does_not_come(s):
    begin = time.monotonic()
    assert ask(s.port(), V1[:9]) == b""
    assert time.monotonic() - begin > 0.5


def test_http2(s):
    c = Http2Client(s.port(), before=V1)
    c.get(1, "/v")
    assert c.answer(1)[:2] == (200, b"1.2.3.4|127.0.0.1|HTTP/2.0")


def test_tls(server, tmp_path):
    key, cert = tmp_path / "k.pem", tmp_path / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a", "-days", "9",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    s = server(CONF.replace("proxy_protocol;", "ssl proxy_protocol; ssl_certificate %s; "
                            "ssl_certificate_key %s;" % (cert, key), 1))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for head in (V1, v2()):
        for parts in ((head,), (head[:5], head[5:])):
            assert body(ask(s.port(), *parts, GET, wrap=context.wrap_socket)) \
                == b"1.2.3.4|127.0.0.1|HTTP/1.1"
    assert ask(s.port(), V1, GET).startswith(b"HTTP/1.1 400 ")      # 497
