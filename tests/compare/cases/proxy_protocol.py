"""listen … proxy_protocol: who the client is, told ahead of its bytes."""

import socket
import struct

from ..dsl import get, group, told

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET /v HTTP/1.1\r\nHost: localhost\r\n\r\n"


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def v2(client="1.2.3.4", server="5.6.7.8", ports=(1234, 80), tlvs=b"", command=0x21, family=0x11):
    pack = socket.AF_INET if "." in client else socket.AF_INET6
    body = socket.inet_pton(pack, client) + socket.inet_pton(pack, server) \
        + struct.pack(">HH", *ports) + tlvs
    return SIGNATURE + struct.pack(">BBH", command, family, len(body)) + body


SSL = tlv(0x20, b"\x07\0\0\0\0" + tlv(0x21, b"TLSv1.3") + tlv(0x22, b"cn.example")
          + tlv(0x23, b"AES") + tlv(0x24, b"SHA256") + tlv(0x25, b"RSA2048"))
REQUESTS = [
    told("v1 tcp4", b"PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n", GET),
    told("v1 tcp6", b"PROXY TCP6 2001:db8::1 ::1 65535 0\r\n", GET),
    told("v1 unknown", b"PROXY UNKNOWN\r\n", GET),
    told("v1 unknown with more", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", GET),
    told("v1 in pieces", [b"PRO", 0.02, b"XY TCP4 1.2.3.4 5.6", 0.02, b".7.8 1234 80\r\n"],
         GET[:5], 0.02, GET[5:]),
    told("v1, then two requests", b"PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n", GET + GET, n=2),
    told("v1 port too large", b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 80\r\n", GET),
    told("v1 no port", b"PROXY TCP4 1.2.3.4 5.6.7.8\r\n", GET),
    told("v1 word", b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", GET),
    told("v1 letters", b"PROXY TCP4 1.2.3.x 5.6.7.8 1 2\r\n", GET),
    told("v1 no CR", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", GET),
    told("v1 lower case", b"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", GET),
    told("v1 too long", b"PROXY TCP4 " + b"1" * 200 + b"\r\n", GET),
    told("none", b"", GET), told("rubbish", b"", b"\x16\x03\x01\x02\0\x01\0"),
    told("v2 tcp4", v2(), GET),
    told("v2 tcp6", v2("2001:db8::7", "::1", (5, 6), family=0x21), GET),
    told("v2 local", v2(command=0x20), GET),
    told("v2 unix", v2(family=0x31), GET), told("v2 udp", v2(family=0x12), GET),
    told("v2 unspecified", v2(family=0x00), GET),
    told("v2 version 1", v2(command=0x11), GET),
    told("v2 in pieces", [v2()[:7], 0.02, v2()[7:20], 0.02, v2()[20:]], GET),
    told("v2 too short", SIGNATURE + b"\x21\x11\0\4abcd", GET),
    told("v2 tlvs", v2(tlvs=tlv(1, b"h2") + tlv(2, b"host.example") + tlv(5, b"id7") + SSL
                       + tlv(0x30, b"ns") + tlv(0xea, b"vpce-1")), GET),
    told("v2 realip", v2("9.9.9.9", "5.6.7.8"), GET.replace(b"/v", b"/real")),
    told("v1 realip", b"PROXY TCP6 2001:db8::9 ::1 77 80\r\n", GET.replace(b"/v", b"/real")),
    told("unknown realip", b"PROXY UNKNOWN\r\n", GET.replace(b"/v", b"/real")),
    told("denied", v2("6.6.6.6"), GET.replace(b"/v", b"/acl")),
    told("allowed", v2("7.7.7.7"), GET.replace(b"/v", b"/acl")),
]

group("proxy-protocol", http="""
log_format p '$remote_addr $proxy_protocol_addr';
server {
    listen 127.0.0.1:%%PORT%% proxy_protocol;
    root html;
    location /v { return 200 "$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port|$remote_addr\\n"; }
    location /real { real_ip_header proxy_protocol; set_real_ip_from 127.0.0.1; return 200 "$remote_addr|$realip_remote_addr\\n"; }
    location /acl { real_ip_header proxy_protocol; set_real_ip_from 127.0.0.0/8; deny 6.6.6.6; try_files /a.txt =404; }
}
""", files={"html/a.txt": "a"}, requests=REQUESTS)

group("proxy-protocol-real-server", http="""
server {
    listen 127.0.0.1:%%PORT%% proxy_protocol;
    set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
    location /v { return 200 "$remote_addr|$remote_port|$realip_remote_addr\\n"; }
}
server { listen 127.0.0.1:%%PORT2%%; location / { return 200 "[$proxy_protocol_addr]"; } }
""", requests=[REQUESTS[0], REQUESTS[1], REQUESTS[15], get("/", port="PORT2")])
