"""OCSP: client certificates checked with a responder, and stapling."""

import base64
import os
import subprocess
import tempfile
from urllib.parse import unquote

from harness import fronts
from harness.upstream import reply

from .tls import V12, ssl_group


def answered(request):
    """What `openssl ocsp` says to the request in a GET's path."""
    pki = fronts.pki()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("ca.pem", "ca.key", "index"):
            with open(os.path.join(folder, name), "w") as f:
                f.write(pki[name])
        with open(os.path.join(folder, "request"), "wb") as f:
            f.write(base64.b64decode(unquote(request.target.rpartition("/")[2])))
        subprocess.run(["openssl", "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner",
                        "ca.pem", "-rkey", "ca.key", "-reqin", "request", "-respout", "reply",
                        "-ndays", "1"], cwd=folder, check=True, timeout=20,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(folder, "reply"), "rb") as f:
            return reply(f.read(), "Content-Type: application/ocsp-response")


class Responder(dict):
    """Routes of an upstream: every path is a request."""

    def get(self, path, default=None):
        return answered


def checked(words, responder="ssl_ocsp_responder http://127.0.0.1:%%O%%;"):
    return "ssl_verify_client on; ssl_client_certificate %%PREFIX%%/ca.pem; " \
        + responder + " " + words


ssl_group("ocsp", [checked("ssl_ocsp on;"), checked("ssl_ocsp leaf;"), checked("ssl_ocsp off;"),
                   checked("ssl_ocsp on; ssl_ocsp_cache off;"),
                   checked("ssl_ocsp on; ssl_ocsp_cache shared:ocsp:1m;"),
                   checked("ssl_ocsp on;", "ssl_ocsp_responder http://127.0.0.1:%%DEAD%%;")],
          {}, {"client": "client"}, {"client": "client", **V12}, {"client": "revoked"},
          {"client": "strange"}, upstreams={"O": Responder()},
          # weir says what it takes, and the responder's port.
          norm=[(r" ⏎ (Accept: application/ocsp-response|User-Agent: weir/\S+)", ""),
                (r"Host: 127.0.0.1:\d+", "Host: 127.0.0.1")])

ssl_group("stapling", ["ssl_stapling on; ssl_trusted_certificate %%PREFIX%%/ca.pem; " + s for s in (
    "ssl_stapling_responder http://127.0.0.1:%%O%%/;",
    "ssl_stapling_responder http://127.0.0.1:%%O%%/; ssl_stapling_verify on;",
    "ssl_stapling_responder http://127.0.0.1:%%O%%/; ssl_stapling_verify off;",
    "ssl_stapling_file %%PREFIX%%/staple;")], {}, V12, upstreams={"O": Responder()})
