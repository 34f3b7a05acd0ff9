"""TLS and HTTP/2: what values of the directives do, beyond that they are taken."""

from harness import fronts

from ..dsl import accepted, get, group, refused, secure
from .tls import PAIR, SAY, V12, V13, ssl_group

# ---- sessions: a second connection brings what the first was given ----

CACHES = ["ssl_session_cache off;", "ssl_session_cache none;", "ssl_session_cache builtin;",
          "ssl_session_cache builtin:10;", "ssl_session_cache shared:A:1m;",
          "ssl_session_cache builtin:10 shared:B:1m;"]
NOW = {"resume": 0}
ssl_group("resumed", CACHES + [c + " ssl_session_tickets off;" for c in CACHES[:4]]
          + ["ssl_session_cache shared:C:1m; ssl_session_tickets off;",
             "ssl_session_cache builtin:10 shared:D:1m; ssl_session_tickets off;",
             "ssl_session_tickets off;", "ssl_session_tickets on;", "ssl_session_timeout 1h;",
             "ssl_session_ticket_key %%PREFIX%%/ticket48;",
             "ssl_session_ticket_key %%PREFIX%%/ticket80; "
             "ssl_session_ticket_key %%PREFIX%%/ticket48;"],
          dict(V12, **NOW), dict(V13, **NOW))
ssl_group("expired", ["ssl_session_timeout 1s;",
                      "ssl_session_timeout 1s; ssl_session_cache shared:A:1m; "
                      "ssl_session_tickets off;"], {"version": "1.2", "resume": 2.2})
# A session of one server is not one of another.
group("ssl-resumed-elsewhere", http="ssl_session_cache shared:S:1m;\nssl_protocols TLSv1.2 "
      "TLSv1.3;\n" + "".join(
          "server { listen 127.0.0.1:%%%%PORT%%%% ssl; server_name %s; %s%s%s}\n" % (
              n, PAIR, more, SAY) for n, more in (
                  ("a.example", ""), ("b.example", "ssl_verify_client optional; "
                                      "ssl_client_certificate %%PREFIX%%/ca.pem;"))),
      files=fronts.pki, front="tls", requests=[
          secure(get("/", host=n), "%s %s" % (n, v["version"]), name=n, resume=0, **v)
          for n in ("a.example", "b.example") for v in (V12, V13)])

# ---- several servers of an address: whose settings count ----

WHO = 'return 200 "$server_name $ssl_server_name $ssl_cipher $ssl_protocol $ssl_curve ' \
      '$ssl_session_reused $ssl_client_verify";'
RESUMED = dict(V12, **NOW), dict(V13, **NOW)


def beside(name, *servers, http="", clients=({},), names=None):
    """s0.example, the default one, s1.example, …; each client asks for each name."""
    names = names or [None, "unknown.example"] + ["s%d.example" % i for i in range(len(servers))]
    group("ssl-beside-" + name, http="ssl_protocols TLSv1.2 TLSv1.3;\n" + http + "".join(
        "server { listen 127.0.0.1:%%%%PORT%%%% ssl; server_name s%d.example; %s%s%s }\n" % (
            i, PAIR, s, WHO) for i, s in enumerate(servers)),
        files=fronts.pki, front="tls", errors="info", requests=[
            secure(get("/", host=h), "%s to %s %s" % (n, h, c), name=n, **c)
            for n in names for h in sorted({n or "s0.example", "s0.example"}) for c in clients])


beside("tickets-off", "", "ssl_session_tickets off;", "ssl_session_tickets on;", clients=RESUMED)
beside("tickets-default-off", "ssl_session_tickets off;", "", clients=RESUMED)
beside("cache-default", "ssl_session_cache shared:A:1m;", "", "ssl_session_cache off;",
       http="ssl_session_tickets off;\n", clients=RESUMED)
beside("cache-named", "", "ssl_session_cache shared:A:1m;", "ssl_session_cache builtin;",
       http="ssl_session_tickets off;\n", clients=RESUMED)
beside("cache-each", "ssl_session_cache shared:A:1m;", "ssl_session_cache shared:B:1m;",
       "ssl_session_cache none;", "ssl_session_cache builtin;",
       http="ssl_session_tickets off;\n", clients=RESUMED)
beside("cache-off", "ssl_session_cache off;", "ssl_session_cache shared:B:1m;",
       "ssl_session_cache none;", clients=RESUMED)
beside("early", "ssl_early_data on;", "ssl_early_data off;", "", clients=RESUMED)
beside("curves", "ssl_ecdh_curve prime256v1;", "ssl_ecdh_curve secp384r1;", "",
       clients=(V12, V13, {"curve": "secp384r1"}, {"curve": "prime256v1"}))
beside("ciphers", "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;",
       "ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;", "ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;",
       clients=(V12, V13))
VERIFIED = (V12, {}, {"client": "client"}, {"client": "strange"}, {"client": "revoked", **V12})
CA = "ssl_client_certificate %%PREFIX%%/ca.pem;\n"
beside("verify", "", "ssl_verify_client on;", "ssl_verify_client optional;",
       "ssl_verify_client optional_no_ca;", http=CA, clients=VERIFIED)
beside("verify-default", "ssl_verify_client on;", "",
       "ssl_verify_client optional; ssl_crl %%PREFIX%%/crl.pem;",
       "ssl_verify_client on; ssl_client_certificate %%PREFIX%%/other.pem;", http=CA,
       clients=VERIFIED)
beside("names", "", "ssl_verify_client optional_no_ca; error_page 421 =403 /no;", clients=(V12, {}),
       names=["S1.example", "s1.example.", "s1.EXAMPLE.", "-x", "a_b"])

# Who has no certificates has those of the default server, variables and all.
group("ssl-lent", http="ssl_protocols TLSv1.2 TLSv1.3;\n"
      "server { listen 127.0.0.1:%%PORT%% ssl; ssl_certificate %%PREFIX%%/$ssl_server_name.pem; "
      "ssl_certificate_key %%PREFIX%%/$ssl_server_name.key; " + WHO + "}\n"
      "server { listen 127.0.0.1:%%PORT%% ssl; server_name server; " + WHO + "}\n"
      "server { listen 127.0.0.1:%%PORT%% ssl; server_name rsa; " + PAIR + WHO + "}\n",
      files=fronts.pki, front="tls", requests=[
          secure(get("/", host=n), "%s %s" % (n, v), name=n, **v)
          for n in ("server", "rsa", "client", "missing") for v in (V12, V13)])

# ---- settings handed down ----

group("ssl-levels", http=PAIR + """
ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
ssl_ecdh_curve prime256v1; ssl_verify_client optional; ssl_verify_depth 1;
ssl_client_certificate %%PREFIX%%/ca.pem;
server { listen 127.0.0.1:%%PORT0%% ssl; @ }
server { listen 127.0.0.1:%%PORT1%% ssl; ssl_protocols TLSv1.2 TLSv1.3; @ }
server { listen 127.0.0.1:%%PORT2%% ssl; ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384;
         ssl_certificate %%PREFIX%%/rsa.pem; ssl_certificate_key %%PREFIX%%/rsa.key; @ }
server { listen 127.0.0.1:%%PORT3%% ssl; ssl_ecdh_curve secp384r1; ssl_verify_client off; @ }
""".replace("@", SAY), files=fronts.pki, front="tls", requests=[
    secure(get("/", port="PORT%d" % i), "%d %s" % (i, c), **c) for i in range(4)
    for c in ({}, V12, {"client": "client"}, {"client": "strange", **V12})])


def with_data():
    """A map whose values are PEM."""
    pki = fronts.pki()
    return dict(pki, **{"data.conf": "".join(
        'map $ssl_server_name $%s { default "data:%s"; rsa.example "data:%s"; none.example ""; }\n'
        % (kind, pki["server." + kind], pki["rsa." + kind]) for kind in ("pem", "key"))})


group("ssl-data", http="ssl_protocols TLSv1.2 TLSv1.3;\ninclude %%PREFIX%%/data.conf;\n"
      "map $pem $bare_pem { ~(?s)^data:(?<p>.*)$ $p; }\n"
      "map $key $bare_key { ~(?s)^data:(?<k>.*)$ $k; }\n"
      "server { listen 127.0.0.1:%%PORT%% ssl; ssl_certificate $pem; ssl_certificate_key $key; "
      + SAY + "}\n"
      "server { listen 127.0.0.1:%%PORT2%% ssl; ssl_certificate data:$bare_pem; "
      "ssl_certificate_key data:$bare_key; " + SAY + "}\n", files=with_data, front="tls",
      requests=[secure(get("/", port=p), "%s %s %s" % (p, n, v["version"]), name=n, **v)
                for p in ("PORT", "PORT2")
                for n in ("a.example", "rsa.example", "none.example") for v in (V12, V13)])

ssl_group("commands", [
    "ssl_conf_command MaxProtocol TLSv1.2;", "ssl_conf_command Groups P-384;",
    "ssl_conf_command Curves X25519:P-256;",
    "ssl_conf_command SignatureAlgorithms ECDSA+SHA256;",
    "ssl_conf_command CipherString ECDHE-ECDSA-AES256-GCM-SHA384;",
    "ssl_conf_command Options -SessionTicket;",
    "ssl_conf_command MinProtocol TLSv1.2; ssl_conf_command MaxProtocol TLSv1.2;"],
    {}, V12, {"curve": "secp384r1"}, dict(V12, **NOW))

BIG = "ssl_certificate %%PREFIX%%/server.pem; ssl_certificate_key %%PREFIX%%/server.key; root html; "
group("ssl-buffers", http="ssl_protocols TLSv1.2 TLSv1.3;\n" + "".join(
    "server { listen 127.0.0.1:%%%%PORT%d%%%% ssl; %sssl_buffer_size %s; }\n" % (i, BIG, n)
    for i, n in enumerate(("1k", "4k", "16k", "64k"))),
    files=lambda: dict(fronts.pki(), **{"html/big": "0123456789" * 30000}), front="tls",
    requests=[secure(get("/big", port="PORT%d" % i), "%d %s" % (i, v["version"]), **v)
              for i in range(4) for v in (V12, V13)])

# ---- towards upstreams ----

UP = """
ssl_protocols TLSv1.2 TLSv1.3;
server { listen 127.0.0.1:%%PORT2%% ssl; server_name server.example;
@ssl_verify_client optional_no_ca; ssl_client_certificate %%PREFIX%%/ca.pem;
return 200 "$ssl_protocol $ssl_cipher [$ssl_server_name] $ssl_client_s_dn"; }
proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;
proxy_ssl_server_name on; proxy_ssl_name http.example;
proxy_ssl_certificate %%PREFIX%%/client.pem; proxy_ssl_certificate_key %%PREFIX%%/client.key;
proxy_set_header Connection close; proxy_ssl_session_reuse off;
server { listen 127.0.0.1:%%PORT%%;
location /0 { proxy_pass https://127.0.0.1:%%PORT2%%; }
location /1 { proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_pass https://127.0.0.1:%%PORT2%%; }
location /2 { proxy_ssl_name $arg_n; proxy_pass https://127.0.0.1:%%PORT2%%;
    location /2/in { proxy_ssl_server_name off; proxy_pass https://127.0.0.1:%%PORT2%%; } }
location /4 { proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/ca.pem;
    proxy_ssl_name server.example; proxy_pass https://127.0.0.1:%%PORT2%%; }
location /5 { proxy_ssl_verify on; proxy_ssl_trusted_certificate %%PREFIX%%/ca.pem;
    proxy_ssl_name SERVER.EXAMPLE; proxy_pass https://127.0.0.1:%%PORT2%%; }
location /6 { proxy_ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305;
    proxy_ssl_conf_command MinProtocol TLSv1.2; proxy_ssl_conf_command MaxProtocol TLSv1.2;
    proxy_pass https://127.0.0.1:%%PORT2%%; }
location /7 { proxy_ssl_name server.example:443; proxy_pass https://127.0.0.1:%%PORT2%%; }
location /8 { proxy_ssl_ciphers AES128-SHA; proxy_pass https://127.0.0.1:%%PORT2%%; }
}
""".replace("@", PAIR)
group("proxy-ssl-levels", http=UP, files=fronts.pki, requests=[
    get(p) for p in ("/0", "/1", "/2?n=n.example", "/2?n=", "/2/in?n=n.example", "/4", "/5",
                     "/6", "/7", "/8")])

# A certificate or name that cannot be used is no fault of the upstream's.
OWN = ["proxy_ssl_certificate %%PREFIX%%/$arg_c.pem; proxy_ssl_certificate_key "
       "%%PREFIX%%/$arg_c.key;",
       "proxy_ssl_certificate %%PREFIX%%/$arg_c.pem; proxy_ssl_certificate_key "
       "%%PREFIX%%/server.key;"]
group("proxy-ssl-own-faults", http="""
server { listen 127.0.0.1:%%PORT2%% ssl; @ssl_verify_client on;
ssl_client_certificate %%PREFIX%%/ca.pem; return 200 $ssl_client_s_dn; }
upstream u { server 127.0.0.1:%%PORT2%%; server 127.0.0.1:%%PORT2%%; }
server { listen 127.0.0.1:%%PORT%%; proxy_ssl_session_reuse off;
proxy_set_header Connection close; proxy_http_version 1.1;
""".replace("@", PAIR) + "".join("location /%d { %s proxy_pass https://u; }\n" % (i, s)
                                for i, s in enumerate(OWN)) + "}\n",
      files=fronts.pki, errors="error", norm=[(r"/tmp/[^/]+/", "/"), (r"error:[0-9A-F]+:", "error:")],
      requests=[get("/%d?c=%s" % (i, c)) for i in range(len(OWN))
                for c in ("client", "missing", "", "server")])

# ---- HTTP/2: settings and sizes of frames ----

H2 = ["", "http2_max_concurrent_streams 7;", "http2_chunk_size 1k;", "http2_chunk_size 16k;",
      "http2_body_preread_size 0;", "http2_body_preread_size 100k;",
      "http2_recv_timeout 10s; http2_idle_timeout 3m; http2_max_requests 9;",
      "http2_max_field_size 4k; http2_max_header_size 16k; http2_pool_size 8k;",
      "http2_push off; http2_push_preload on; http2_max_concurrent_pushes 5;"]
group("h2-values", http="http2_recv_buffer_size 128k;\n" + "".join(
    "server { listen 127.0.0.1:%%%%PORT%d%%%% http2; root html; %s }\n" % (i, s)
    for i, s in enumerate(H2)), files={"html/a": "0123456789" * 5000, "html/b": "b"},
    front="h2frames",
    # weir invites no frames larger than the usual 16 KB.
    norm=[(r", \(5, 16777215\)", "")], requests=[get(p, port="PORT%d" % i, id="%s %s" % (p, s or "defaults"))
                                for i, s in enumerate(H2) for p in ("/a", "/b")])

# ---- the conf ----

for id, text in [
        ("http2-obsolete", "http2_recv_timeout 10s; http2_idle_timeout 3m; http2_max_requests 9; "
                           "http2_max_field_size 4k; http2_max_header_size 16k;"),
        ("http2-pool", "http2_pool_size 8k;"), ("http2-push", "http2_push /a.css; http2_push /b;"),
        ("http2-push-off", "http2_push off; http2_push_preload on;"),
        ("http2-pushes", "http2_max_concurrent_pushes 5;"),
        ("responder", "ssl_stapling_responder http://127.0.0.1:80/;"),
        ("stapling-file", "ssl_stapling_file nowhere.der;"),
        ("ocsp-responder", "ssl_ocsp_responder http://127.0.0.1/;"),
        ("all-protocols", "ssl_protocols SSLv2 SSLv3 TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;"),
        ("proxy-protocols-all", "proxy_ssl_protocols SSLv2 SSLv3 TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;"),
        ("proxy-depth-9", "proxy_ssl_verify_depth 9; proxy_ssl_verify off;"),
        ("ticket-key", "ssl_session_ticket_key nowhere;"), ("ocsp-leaf", "ssl_ocsp leaf;"), ("ocsp-cache-zone", "ssl_ocsp_cache shared:o:1m;")]:
    accepted("tls-" + id, text)
ON = "listen 127.0.0.1:%%PORT2%% ssl; ssl_certificate server.pem; ssl_certificate_key server.key; "
for id, text in [
        ("protocols-twice", "ssl_protocols TLSv1.2; ssl_protocols TLSv1.3;"),
        ("no-files", "ssl_dhparam ''; ssl_client_certificate ''; ssl_trusted_certificate ''; "
                     "ssl_crl ''; ssl_password_file pass;"),
        ("no-stapling-file", "ssl_stapling on; ssl_stapling_file '';"),
        ("unused-authorities", "ssl_client_certificate nowhere.pem;"),
        ("deep", "ssl_verify_depth 99999999999;"),
        ("command-file", "ssl_conf_command Certificate rsa.pem; "
                         "ssl_conf_command PrivateKey rsa.key;"),
        ("command-client", "ssl_conf_command ChainCAFile ca.pem;"),
        ("no-streams", "http2_max_concurrent_streams 0;")]:
    accepted("tls-on-" + id, ON + text)
for id, text in [
        ("dhparam", "ssl_dhparam nowhere.pem;"), ("curves-none", "ssl_ecdh_curve '';"),
        ("curve-twice", "ssl_ecdh_curve X25519:X25519;"),
        ("command-file", "ssl_conf_command Certificate nowhere.pem;"),
        ("command", "ssl_conf_command MinProtocol x;"), ("command-name", "ssl_conf_command x y;"),
        ("certificate-behind", "ssl_certificate rsa.pem;"),
        ("trusted", "ssl_trusted_certificate nowhere.pem;"), ("crl", "ssl_crl nowhere.pem;"),
        ("authorities", "ssl_verify_client on; ssl_client_certificate nowhere.pem;"),
        ("chunk", "http2_chunk_size 0;"), ("preread", "http2_body_preread_size 2147483648;")]:
    refused("tls-on-" + id, ON + text)
for id, text in [
        ("commands", "proxy_ssl_conf_command Certificate client.pem; "
                     "proxy_ssl_conf_command PrivateKey client.key; "
                     "proxy_ssl_conf_command VerifyCAFile ca.pem; "
                     "proxy_ssl_conf_command NumTickets 3;"),
        ("protocols", "proxy_ssl_protocols TLSv1.2; proxy_ssl_protocols TLSv1.3;"),
        ("masks", "proxy_next_upstream error; proxy_next_upstream timeout; gzip_proxied any; "
                  "gzip_proxied off;"),
        ("unverified", "proxy_ssl_trusted_certificate nowhere.pem; proxy_ssl_crl nowhere.pem;"),
        ("no-crl", "proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; "
                   "proxy_ssl_crl '';")]:
    accepted("proxy-tls-" + id, "proxy_pass https://127.0.0.1:1; " + text, "location")
for id, text in [
        ("command", "proxy_ssl_conf_command MinProtocol x;"),
        ("command-file", "proxy_ssl_conf_command Certificate nowhere.pem;"),
        ("no-authorities", "proxy_ssl_verify on; proxy_ssl_trusted_certificate '';")]:
    refused("proxy-tls-" + id, "proxy_pass https://127.0.0.1:1; " + text, "location")
refused("tls-reject-alone", "server { listen 127.0.0.1:%%PORT%% ssl; ssl_reject_handshake on; }\n"
        "server { listen 127.0.0.1:%%PORT%% ssl; server_name b; }", "http")
accepted("tls-recv-buffer", "http2_recv_buffer_size 128k;", where="http")
for id, text, where in [
        ("recv-buffer", "http2_recv_buffer_size 128k;", "server"),
        ("recv-buffer-x", "http2_recv_buffer_size x;", "http"),
        ("streams-twice", "http2_max_concurrent_streams 1; http2_max_concurrent_streams 2;",
         "server"),
        ("curves-twice", "ssl_ecdh_curve a; ssl_ecdh_curve b;", "server"),
        ("dh-none", "ssl_dhparam;", "server"), ("key-many", "ssl_certificate_key a b;", "server"),
        ("password-file", "ssl_password_file nowhere;", "server"),
        ("proxy-password-file", "proxy_ssl_password_file nowhere;", "server"),
        ("conf-command", "ssl_conf_command a;", "server"),
        ("proxy-conf-command", "proxy_ssl_conf_command a;", "server"),
        ("cache-many", "ssl_session_cache off none builtin;", "server"),
        ("in-location", "location / { ssl_protocols TLSv1.2; }", "server"),
        ("verify-in-location", "location / { ssl_verify_client on; }", "server"),
        ("ocsp-cache-size", "ssl_ocsp_cache shared:o;", "server"),
        ("ocsp-cache-small", "ssl_ocsp_cache shared:o:1k;", "server"),
        ("session-cache-small", "ssl_session_cache shared:o:1k;", "server")]:
    refused("tls-" + id, text, where)
for id, text in [("http3", "http3"), ("ssl-value", "ssl=on"), ("http2-value", "http2=on"),
                 ("ssl-off", "ssl off"), ("http2-twice-wrong", "http2 http2x")]:
    refused("listen-" + id, "server { listen 127.0.0.1:%%PORT%% " + text + "; }", "http")
for id, text in [("http2", "http2"), ("http2-proxy", "http2 proxy_protocol"),
                 ("http2-default", "default_server http2 backlog=9")]:
    accepted("listen-" + id, "server { listen 127.0.0.1:%%PORT%% " + text + "; }", "http")
