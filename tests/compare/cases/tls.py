"""TLS: the directives of the ssl module, the variables, and TLS towards upstreams."""

from harness import fronts

from ..dsl import SHUT, accepted, get, group, raw, refused, secure

PAIR = "ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key;\n"
SAY = "return 200 \"$ssl_protocol $ssl_cipher $ssl_curve $ssl_session_reused " \
      "$ssl_server_name $ssl_alpn_protocol $ssl_client_verify $https $scheme\";\n"


def servers(*settings):
    """A server for each, on ports of their own, PORT0 first."""
    return "ssl_protocols TLSv1.2 TLSv1.3;\n" + "".join(
        "server { listen 127.0.0.1:%%%%PORT%d%%%% ssl; %s%s%s}\n" % (
            i, "" if "ssl_certificate " in s else PAIR, s, SAY)
        for i, s in enumerate(settings))


def each(settings, *clients):
    """Each client to each of the servers."""
    return [secure(get("/", port="PORT%d" % i), "%s | %s" % (
        s.replace("%%PREFIX%%/", ""), " ".join("%s=%s" % x for x in c.items()) or "plain"), **c)
        for i, s in enumerate(settings) for c in clients]


def ssl_group(name, settings, *clients, **more):
    group("ssl-" + name, http=servers(*settings), files=fronts.pki, front="tls",
          requests=each(settings, *(clients or ({},))), **more)


V12, V13 = {"version": "1.2"}, {"version": "1.3"}

ssl_group("protocols", ["ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.3;",
                        "ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2;",
                        "ssl_protocols SSLv2 SSLv3 TLSv1.2;"],
          {}, V12, V13)
ssl_group("ciphers", ["ssl_ciphers HIGH:!aNULL:!MD5;", "ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305;",
                      "ssl_ciphers AES128-SHA;",
                      "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384; "
                      "ssl_prefer_server_ciphers on;",
                      "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384; "
                      "ssl_prefer_server_ciphers off;"],
          V12, V13, {"version": "1.2", "ciphers":
                     "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"})
ssl_group("curves", ["ssl_ecdh_curve auto;", "ssl_ecdh_curve prime256v1;",
                     "ssl_ecdh_curve secp384r1:X25519;", "ssl_ecdh_curve X25519;"],
          {}, V12, {"curve": "prime256v1"}, {"curve": "secp384r1", "version": "1.2"})
ssl_group("certificates", [
    "ssl_certificate %%PREFIX%%/rsa.pem; ssl_certificate_key %%PREFIX%%/rsa.key;",
    "ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/locked.key; "
    "ssl_password_file %%PREFIX%%/pass;",
    PAIR + "ssl_certificate %%PREFIX%%/rsa.pem; ssl_certificate_key %%PREFIX%%/rsa.key;",
    "set $n server; ssl_certificate %%PREFIX%%/$ssl_server_name.pem; "
    "ssl_certificate_key %%PREFIX%%/$ssl_server_name.key;"],
    {}, {"version": "1.2", "ciphers": "ECDHE-RSA-AES128-GCM-SHA256"},
    {"version": "1.2", "ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"name": "server"}, {"name": "rsa", **V12}, {"name": "missing"})
ssl_group("dh", ["ssl_ciphers DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0; "
                 "ssl_dhparam %%PREFIX%%/dh.pem; ssl_certificate %%PREFIX%%/rsa.pem; "
                 "ssl_certificate_key %%PREFIX%%/rsa.key;"],
          {"version": "1.2", "ciphers": "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"}, V12)
CLIENTS = ({}, {"client": "client"}, {"client": "strange"}, {"client": "revoked"},
           {"client": "client", **V12})
ssl_group("verify", [
    "ssl_verify_client %s; ssl_client_certificate %%%%PREFIX%%%%/ca.pem; ssl_session_cache off; %s"
    % x for x in (("off", ""), ("on", ""), ("optional", ""), ("optional_no_ca", ""),
                  ("on", "ssl_crl %%PREFIX%%/crl.pem;"),
                  ("on", "ssl_trusted_certificate %%PREFIX%%/other.pem;"),
                  ("optional", "ssl_verify_depth 0;"), ("optional", "ssl_verify_depth 3;"))],
    *CLIENTS)
ssl_group("sessions", ["ssl_session_cache off;", "ssl_session_cache none;",
                       "ssl_session_cache builtin;", "ssl_session_cache builtin:10;",
                       "ssl_session_cache shared:A:1m;",
                       "ssl_session_cache builtin:10 shared:B:1m;", "ssl_session_timeout 1h;",
                       "ssl_session_tickets off;", "ssl_session_tickets on;",
                       "ssl_session_ticket_key %%PREFIX%%/ticket48;",
                       "ssl_session_ticket_key %%PREFIX%%/ticket80;",
                       "ssl_session_ticket_key %%PREFIX%%/ticket80; "
                       "ssl_session_ticket_key %%PREFIX%%/ticket48;"], V12, V13)
ssl_group("others", ["ssl_buffer_size 4k;", "ssl_early_data on;", "ssl_early_data off;",
                     "ssl_conf_command MinProtocol TLSv1.3;",
                     "ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;",
                     "ssl_conf_command Options PrioritizeChaCha;", "ssl_reject_handshake on;",
                     "ssl_reject_handshake off;", "ssl_stapling off;",
                     "ssl_stapling_verify on;", "ssl_ocsp off;", "ssl_ocsp_cache off;"],
          {}, V12, {"alpn": ["http/1.1"]}, {"alpn": ["h2"]}, {"alpn": ["smtp", "http/1.1"]},
          {"name": "a.example"})

SNI = """
ssl_protocols TLSv1.2 TLSv1.3;
server { listen 127.0.0.1:%%PORT%% ssl; server_name a.example; @ }
server { listen 127.0.0.1:%%PORT%% ssl; server_name b.example; ssl_protocols TLSv1.2; @ }
server { listen 127.0.0.1:%%PORT%% ssl; server_name *.wild.example ~^re\\d; @
         ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name no.example; ssl_reject_handshake on; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name v.example; ssl_verify_client on; @
         ssl_client_certificate %%PREFIX%%/ca.pem; }
"""
SAYS = 'return 200 "$server_name $ssl_server_name $ssl_cipher $ssl_protocol";'
group("ssl-sni", http=SNI.replace("@", PAIR + SAYS),
      files=fronts.pki, front="tls", requests=[
          secure(get("/", host=host), "%s to %s %s" % (name, host, v.get("version", "")),
                 name=name, **v)
          for name in (None, "a.example", "b.example", "x.wild.example", "re1", "no.example",
                       "v.example", "unknown", "A.EXAMPLE")
          for host in ("a.example", name or "b.example") for v in (V12, V13)])

group("ssl-plain-on-tls", http=servers("", "error_page 497 =301 https://$host/;",
                                       "error_page 497 /x;"),
      files=fronts.pki, errors="info",
      requests=[get("/", port="PORT%d" % i) for i in range(3)]
      + [get("/", port="PORT0", version="1.0")]
      + [raw(text, SHUT, n=0, port="PORT%d" % i) for text in ("GET /\r\n", "GET / \n", "\nGET /x\n")
         for i in range(3)])
# What is no handshake, or a part of one.
group("ssl-broken", http=servers(""), files=fronts.pki, errors="info", only="bytes of TLS",
      # What a bad client gets is nothing to be alarmed by; the newest nginx thinks so as well.
      norm=[(r"error:[0-9A-F]+:", "error:"), (r"^\[crit\] SSL_do", "[info] SSL_do"),
            (r"(?s)^\x16\x03.*", "TLS")],
      requests=[raw(*parts, SHUT, n=0, port="PORT0", id=id) for id, parts in (
          ("nothing", [b""]), ("a byte", [b"\x16"]), ("a head", [b"\x16\x03\x01\x02\x00"]),
          ("SSL 2", [b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + b"x" * 37]),
          ("too long", [b"\x16\x03\x01\xff\xff" + b"x" * 100]),
          ("empty", [b"\x16\x03\x01\x00\x00"]), ("many empty", [b"\x16\x03\x01\x00\x00" * 40]),
          ("another message", [b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"]),
          ("an empty hello", [b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"]),
          ("a huge hello", [b"\x16\x03\x01\x00\x04\x01\xff\xff\xff"]),
          ("half a hello", [fronts.hello()[:100]]), ("a hello", [fronts.hello()]),
          ("then a request", [fronts.hello(), 0.1, b"GET / HTTP/1.1\r\n\r\n"]),
          ("then an alert", [fronts.hello(), 0.1, b"\x15\x03\x03\x00\x02\x02\x28"]),
          ("then the end", [fronts.hello(), 0.1, b"\x15\x03\x03\x00\x02\x01\x00"]),
          ("then a warning", [fronts.hello(), 0.1, b"\x15\x03\x03\x00\x02\x01\x5a"]))])
group("ssl-495-496", http=servers(
    "ssl_verify_client on; ssl_client_certificate %%PREFIX%%/ca.pem; error_page 495 496 =401 /no; "
    "location = /no { return 200 \"$status $ssl_client_verify\"; }",
    "ssl_verify_client optional; ssl_client_certificate %%PREFIX%%/ca.pem; "
    "error_page 495 /no; location = /no { return 403 $ssl_client_verify; }"),
    files=fronts.pki, front="tls",
    requests=[secure(get("/", port="PORT%d" % i), "%d %s" % (i, c), **c)
              for i in range(2) for c in CLIENTS])

VARIABLES = """ssl_cipher ssl_ciphers ssl_curve ssl_protocol ssl_server_name ssl_session_id
ssl_session_reused ssl_early_data ssl_alpn_protocol ssl_client_cert ssl_client_raw_cert
ssl_client_escaped_cert ssl_client_s_dn ssl_client_i_dn ssl_client_s_dn_legacy
ssl_client_i_dn_legacy ssl_client_serial ssl_client_fingerprint ssl_client_verify
ssl_client_v_start ssl_client_v_end ssl_client_v_remain ssl_curves https scheme""".split()
NORM = [(r"\[[0-9a-f]{64}\]", "[ID]")]
for name, words in (("off", ""), ("optional", "ssl_verify_client optional; "
                                  "ssl_client_certificate %%PREFIX%%/ca.pem;")):
    group("ssl-variables-" + name, http="ssl_protocols TLSv1.2 TLSv1.3;\n"
          "server { listen 127.0.0.1:%%PORT%% ssl; server_name x;\n" + PAIR + words + "".join(
              "location = /%s { return 200 \"[$%s]\"; }\n" % (v, v) for v in VARIABLES) + "}\n",
          files=fronts.pki, front="tls", norm=NORM, requests=[
              secure(get("/" + v), "%s %s" % (v, i), **c) for v in VARIABLES
              for i, c in enumerate((V12, {"client": "client", "name": "x", "alpn": ["http/1.1"],
                                           "curve": "secp384r1"},
                                     {"client": "strange", **V12}))])

UP = """
ssl_protocols TLSv1.2 TLSv1.3;
server { listen 127.0.0.1:%%PORT2%% ssl; server_name server.example;
%sssl_verify_client optional_no_ca; ssl_client_certificate %%PREFIX%%/ca.pem;
return 200 "$ssl_protocol $ssl_cipher [$ssl_server_name] $ssl_client_s_dn $ssl_session_reused $host"; }
server { listen 127.0.0.1:%%PORT%%; proxy_ssl_session_reuse off;
proxy_set_header Connection close; proxy_http_version 1.1;
"""
# The newest nginx offers 1.3 by default, Debian's does not.
BOTH = "proxy_ssl_protocols TLSv1.2 TLSv1.3; "
FORMS = [
    "", "proxy_ssl_protocols TLSv1.2;", "proxy_ssl_protocols TLSv1.3;",
    "proxy_ssl_protocols SSLv2 SSLv3 TLSv1 TLSv1.1 TLSv1.2;",
    "proxy_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; proxy_ssl_protocols TLSv1.2;",
    "proxy_ssl_server_name on;", "proxy_ssl_server_name off;",
    "proxy_ssl_server_name on; proxy_ssl_name a.example;",
    "proxy_ssl_server_name on; proxy_ssl_name $arg_n;",
    "proxy_ssl_certificate %%PREFIX%%/client.pem; proxy_ssl_certificate_key %%PREFIX%%/client.key;",
    "proxy_ssl_certificate %%PREFIX%%/server.pem; proxy_ssl_certificate_key %%PREFIX%%/locked.key; "
    "proxy_ssl_password_file %%PREFIX%%/pass;",
    "proxy_ssl_certificate %%PREFIX%%/$arg_c.pem; proxy_ssl_certificate_key %%PREFIX%%/$arg_c.key;",
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/ca.pem; "
    "proxy_ssl_name server.example;",
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/ca.pem;",
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/other.pem; "
    "proxy_ssl_name server.example;",
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/ca.pem; "
    "proxy_ssl_name server.example; proxy_ssl_verify_depth 0;",
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/ca.pem; "
    "proxy_ssl_name server.example; proxy_ssl_crl %%PREFIX%%/crl.pem;",
    "proxy_ssl_verify off; proxy_ssl_trusted_certificate %%PREFIX%%/other.pem;",
    "proxy_ssl_conf_command MaxProtocol TLSv1.2;",
    "proxy_ssl_session_reuse on;", "proxy_ssl_session_reuse on; proxy_ssl_protocols TLSv1.2;"]
group("proxy-ssl", http=UP.replace("%s", PAIR) + "".join(
    "location /%d { %s%s proxy_pass https://%s:%%%%PORT2%%%%; }\n" % (
        i, "" if "protocols" in s else BOTH, s,
        # A name of its own: nginx shares sessions among all locations of an address.
        "localhost" if s is FORMS[-1] else "127.0.0.1")
    for i, s in enumerate(FORMS)) + "}\n", files=fronts.pki, requests=[
        get("/%d?n=n.example&c=client%s" % (i, more), id="%s%s" % (
            s.replace("%%PREFIX%%/", "") or "plain", more))
        for i, s in enumerate(FORMS) for more in ("", "&again")])

for id, text in [
        ("protocols", "ssl_protocols TLSv9;"), ("ciphers", "ssl_ciphers nonsense;"),
        ("curve", "ssl_ecdh_curve nonsense;"), ("verify", "ssl_verify_client maybe;"),
        ("depth", "ssl_verify_depth x;"), ("cache", "ssl_session_cache x;"),
        ("cache-size", "ssl_session_cache shared:a;"),
        ("cache-builtin", "ssl_session_cache builtin:x;"), ("timeout", "ssl_session_timeout x;"),
        ("tickets", "ssl_session_tickets x;"), ("buffer", "ssl_buffer_size x;"),
        ("early", "ssl_early_data x;"), ("reject", "ssl_reject_handshake x;"),
        ("stapling", "ssl_stapling x;"), ("ocsp", "ssl_ocsp x;"),
        ("ocsp-cache", "ssl_ocsp_cache x;"), ("prefer", "ssl_prefer_server_ciphers x;"),
        ("proxy-protocols", "proxy_ssl_protocols x;"), ("proxy-verify", "proxy_ssl_verify x;"),
        ("proxy-depth", "proxy_ssl_verify_depth x;"),
        ("proxy-reuse", "proxy_ssl_session_reuse x;"),
        ("proxy-name", "proxy_ssl_server_name x;"), ("http2-streams",
                                                     "http2_max_concurrent_streams x;"),
        ("http2-chunk", "http2_chunk_size x;"), ("http2-preread", "http2_body_preread_size x;")]:
    (accepted if id in ("ciphers", "curve") else refused)("ssl-" + id, text)
for id, text in [("ok", "ssl_protocols TLSv1.2; ssl_ciphers HIGH; ssl_session_timeout 1d;"),
                 ("http2", "http2_max_concurrent_streams 10; http2_chunk_size 4k; "
                           "http2_body_preread_size 128k; http2_recv_timeout 10s;")]:
    accepted("ssl-" + id, text)
