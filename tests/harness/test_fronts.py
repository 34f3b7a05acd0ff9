"""The harness itself: what its clients must not lose."""

import socket
import ssl
import threading

from harness import fronts


def serve_two_records(listener, context):
    """Two records in one segment, then whatever the client still says."""
    plain, _ = listener.accept()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    with plain:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        tls.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        tls.write(b"hello")
        plain.sendall(outgoing.read())
        while plain.recv(65536):
            pass


def test_what_came_before_the_end_was_said_is_kept(tmp_path):
    """Records behind the one that was read are there after half_close()."""
    for name, text in zip(("cert", "key"), fronts.certificate()):
        (tmp_path / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    context.num_tickets = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve_two_records, args=(listener, context))
        server.start()
        with fronts.TlsConnection(listener.getsockname()) as c:
            assert c.response().status == 101
            c.half_close()
            assert c.read_to_end(0.2) == b"hello"
        server.join()
