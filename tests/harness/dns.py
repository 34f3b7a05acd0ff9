"""A name server for tests, on a port of 127.0.0.1, by UDP and TCP.

`names` maps a name to what it answers with: a list of IPv4 and IPv6 addresses, or
an rcode (2: server failure, 3: no such name).  Missing names do not exist.  A name
may also map to a string: an alias (CNAME).  A list of (priority, weight, port,
target) answers SRV questions.
"""

import ipaddress
import socket
import struct
import threading

A, CNAME, AAAA, SRV = 1, 5, 28, 33


class NameServer:
    def __init__(self, names=None, ttl=60):
        self.names = dict(names or {})
        self.ttl = ttl
        self.silent = False             # takes questions, gives no answers
        self.truncate = False           # by UDP: "ask again by TCP"
        self.forge = False              # a wrong answer with another id comes first
        self.questions = []             # (name, type, "udp" or "tcp")
        self._lock = threading.Lock()
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.tcp.listen(16)
        for target in (self._by_udp, self._by_tcp):
            threading.Thread(target=target, daemon=True).start()

    def stop(self):
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def asked(self, name=None):
        with self._lock:
            return [q for q in self.questions if name in (None, q[0])]

    def _by_udp(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not data:
                continue
            answer = self._answer(data, "udp")
            if answer and self.forge:
                bad = bytes([answer[0] ^ 0xff]) + answer[1:]
                self.udp.sendto(bad, peer)
            if answer:
                self.udp.sendto(answer, peer)

    def _by_tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(5)
                try:
                    size = struct.unpack(">H", conn.recv(2, socket.MSG_WAITALL))[0]
                    data = conn.recv(size, socket.MSG_WAITALL)
                    answer = self._answer(data, "tcp")
                    if answer:
                        conn.sendall(struct.pack(">H", len(answer)) + answer)
                except (OSError, struct.error):
                    pass

    def _answer(self, data, by):
        name, at = self._name(data, 12)
        kind = struct.unpack(">H", data[at:at + 2])[0]
        with self._lock:
            self.questions.append((name, kind, by))
            what = self.names.get(name, 3)
        if self.silent:
            return None
        question = data[12:at + 4]
        if self.truncate and by == "udp":
            return data[:2] + b"\x83\x80" + data[4:6] + bytes(6) + question
        rcode, records = 0, []
        if isinstance(what, int):
            rcode = what
        else:
            records = self._records(what, kind)
        head = data[:2] + struct.pack(">BBHHHH", 0x81, 0x80 | rcode, 1,
                                      len(records), 0, 0)
        return head + question + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", k, 1, self.ttl, len(d)) + d
            for k, d in records)

    def _records(self, what, kind):
        if isinstance(what, str):
            return [(CNAME, self._encoded(what))]
        out = []
        for item in what:
            if isinstance(item, tuple):
                if kind == SRV:
                    out.append((SRV, struct.pack(">HHH", *item[:3])
                                + self._encoded(item[3])))
                continue
            address = ipaddress.ip_address(item)
            if kind == (A if address.version == 4 else AAAA):
                out.append((kind, address.packed))
        return out

    @staticmethod
    def _encoded(name):
        return b"".join(bytes([len(p)]) + p.encode()
                        for p in name.split(".")) + b"\0"

    @staticmethod
    def _name(data, at):
        parts = []
        while data[at]:
            parts.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        return ".".join(parts), at + 1
