"""Certificates and keys for tests, made once a process, and contexts of TLS clients."""

import os
import ssl
import subprocess
import tempfile

_certificate = {}
_pki = {}
_contexts = {}


def certificate():
    """PEM of a certificate for localhost and of its key."""
    if not _certificate:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out", "c", "-days",
                 "30", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                cwd=folder, check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=20)
            for name in "ck":
                with open(os.path.join(folder, name)) as f:
                    _certificate[name] = f.read()
    return _certificate["c"], _certificate["k"]


def pki():
    """Files for tests of TLS, by name: an authority (ca.pem), certificates by it with
    keys (server: P-256, rsa, client, revoked, strange: by another one), its crl.pem and
    index, locked.key (password "secret"), pass, dh.pem, ticket48, ticket80, and staple: what
    OCSP says of server.pem."""
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
        for name in ("server", "client", "rsa"):
            openssl("ca", "-valid", name + ".pem", *more)
        openssl("ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey",
                "ca.key", "-issuer", "ca.pem", "-cert", "server.pem", "-respout", "staple",
                "-ndays", "1")
        openssl("dhparam", "-dsaparam", "-out", "dh.pem", "1024")
        for name in os.listdir(folder):
            if name.endswith((".pem", ".key")) or name == "index":
                with open(os.path.join(folder, name)) as f:
                    _pki[name] = f.read()
        with open(os.path.join(folder, "staple"), "rb") as f:
            _pki["staple"] = f.read()
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
