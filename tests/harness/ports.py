"""Free TCP ports on 127.0.0.1.

Ports are taken below the range that the kernel hands to outgoing connections,
so that a port found free here is not taken by some client a moment later.
Each is tried by a bind before it is given away.
"""

import random
import socket

LOW, HIGH = 10000, 32000

_random = random.SystemRandom()         # forked test workers must differ
_given = set()


def is_free(port, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def free_port():
    while True:
        port = _random.randrange(LOW, HIGH)
        if port not in _given and is_free(port):
            _given.add(port)
            return port


def refused_port():
    """A bound socket that does not listen: connecting to it is refused.

    Keep the socket for as long as the port has to stay dead."""
    while True:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            s.bind(("127.0.0.1", free_port()))
            return s
        except OSError:
            s.close()
