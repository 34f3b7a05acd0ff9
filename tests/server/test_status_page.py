"""status_page: the numbers, where they survive, the formats, the page."""

import json
import os
import signal
import subprocess

import pytest

from harness import exposition
from harness.http1 import wait_until
from harness.modules import load_module

CONF = r"""server {
    listen 127.0.0.1:%%PORT%%;
    server_name one.example;
    location = /status { status_page; }
    location = /stub { stub_status; }
    location / { return 200 hello; }
    location /text/ { return 204; }
    location ~ "^/quo\"te\\\\" { return 404; }
    location /fails { error_page 503 /sorry.html; return 503; }
    location = /sorry.html { return 200 sorry; }
    location /app { error_page 404 = @app; root html; }
    location @app { return 201 app; }
    location /if { if ($arg_a) { return 402; } return 403; }
    location /slow { proxy_pass http://127.0.0.1:%%PORT2%%; }
}
server { listen 127.0.0.1:%%PORT3%%; location / { return 200; } }
"""


def read(s, **more):
    r = s.get("/status?format=prometheus", **more)
    assert r.status == 200
    assert r.get("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    return exposition.parse(r.text)


def requests(s, **labels):
    family = read(s).get("weir_http_requests_total")
    return (family.value(**labels) if family else None) or 0


def comes(what, expected):
    """Counting comes after the last byte of the answer, perhaps elsewhere."""
    assert wait_until(lambda: what() == expected) or what() == expected


def as_json(s):
    r = s.get("/status?format=json")
    assert r.status == 200 and r.get("content-type") == "application/json"
    return json.loads(r.text)


def test_known_requests_over_workers(server):
    s = server(CONF, workers=3)
    for _ in range(40):
        assert s.get("/a").status == 200        # a connection each: any worker
    for _ in range(5):
        s.get("/text/x")
        s.get("/a", method="POST", body=b"x=1")
    comes(lambda: requests(s, route="/", method="GET", code="200"), 40)
    comes(lambda: requests(s, route="/text/", method="GET", code="204"), 5)
    comes(lambda: requests(s, route="/", method="POST", code="200"), 5)
    m = read(s)
    duration = m["weir_http_request_duration_seconds"]
    assert duration.value("_count", route="/") == 45
    assert 0 < duration.value("_sum", route="/") < 45
    assert duration.value("_bucket", route="/", le="+Inf") == 45
    one = len(s.get("/a").body) * 45
    assert m["weir_http_sent_bytes_total"].value(route="/") > one
    # A head of HTTP/2 is a few bytes.
    assert m["weir_http_received_bytes_total"].value(route="/") > 45 * (
        30 if s.protocol == "HTTP/1.1" else 10)
    assert m["weir_http_requests_total"].value(server="one.example", route="/") == 45
    assert m["weir_connections_accepted_total"].value() > 50
    assert m["weir_workers"].value(state="serving") == 3
    assert len({w["pid"] for w in as_json(s)["workers"]}) == 3


@pytest.mark.http1("a name that HTTP/2 cannot say")
def test_labels(server):
    s = server(CONF)
    s.get('/quo%22te%5C')
    s.get("/if?a=1")
    s.get("/if")
    s.get("/x", method="BREW")
    s.get("/x", method="PATCH")
    s.get("/x", port="PORT3")
    with s.connect() as c:
        c.send("GET / HTTP/1.1\r\nbad head\r\n\r\n")
        assert c.response().status == 400
    comes(lambda: requests(s, route='^/quo"te\\\\', code="404"), 1)
    comes(lambda: requests(s, route="/if", code="402"), 1)
    comes(lambda: requests(s, route="/if", code="403"), 1)
    comes(lambda: requests(s, method="_other"), 1)
    comes(lambda: requests(s, method="PATCH"), 1)
    comes(lambda: requests(s, server="_", route="/"), 1)
    comes(lambda: requests(s, code="400", route="_unmatched"), 1)


def test_error_pages_count_where_it_failed(server):
    s = server(CONF)
    assert s.get("/fails", method="POST", body=b"a").text == "sorry"
    assert s.get("/app/x").status == 201
    comes(lambda: requests(s, route="/fails", method="POST", code="503"), 1)
    comes(lambda: requests(s, route="@app", code="201"), 1)
    assert requests(s, route="/sorry.html") == 0


def test_survives_reload_and_death(server):
    s = server(CONF, workers=2, allow=["exited on signal 9"])
    for _ in range(20):
        s.get("/a")
    comes(lambda: requests(s, route="/"), 20)
    generation = read(s)["weir_config_generation"].value()
    subprocess.run(s.command("-s", "reload"), check=True)
    comes(lambda: read(s)["weir_config_generation"].value(), generation + 1)
    assert requests(s, route="/") == 20
    assert read(s)["weir_config_reloads_total"].value(result="taken") == 1
    for _ in range(10):
        s.get("/a")
    comes(lambda: requests(s, route="/"), 30)

    old = s.workers()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(s.workers()) == 2 and not set(old) & set(s.workers()))
    comes(lambda: requests(s, route="/"), 30)
    assert read(s)["weir_worker_restarts_total"].value() == 2
    wait_until(lambda: {w["pid"] for w in as_json(s)["workers"]} == set(s.workers()))


def test_killed_worker_holds_nothing(server):
    """Connections of a worker that was killed are no connections any more."""
    s = server(CONF, workers=1, allow=["exited on signal 9"])
    held = [s.connect() for _ in range(5)]
    for c in held:
        c.request(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: read(s)["weir_connections"].value(state="idle") == 5)
    old = s.workers()
    os.kill(old[0], signal.SIGKILL)
    wait_until(lambda: len(s.workers()) == 1 and s.workers() != old)
    m = read(s)
    assert m["weir_connections"].value() == 1
    assert m["weir_http_requests_in_flight"].value() == 1
    assert s.get("/stub").text.startswith("Active connections: 1 \n")
    for c in held:
        c.close()


def test_refused_reload(server):
    s = server(CONF, allow=["unknown directive"])
    assert read(s)["weir_config_last_reload_successful"].value() == 1
    taken = read(s)["weir_config_last_reload_timestamp_seconds"].value()
    with open(s.path("test.conf"), "a") as f:
        f.write("nonsense;\n")
    s.signal(signal.SIGHUP)
    comes(lambda: read(s)["weir_config_last_reload_successful"].value(), 0)
    m = read(s)
    assert m["weir_config_generation"].value() == 1
    assert m["weir_config_reloads_total"].value(result="refused") == 1
    assert m["weir_config_last_reload_timestamp_seconds"].value() == taken


def test_series_are_capped(server):
    s = server("status_max_series 10; server { listen 127.0.0.1:%%PORT%%; "
               "location = /status { status_page; } location / { return 200; } "
               + "".join("location = /%d { return 200; }" % i for i in range(50)) + "}")

    for i in range(50):
        s.get("/%d" % i)
    comes(lambda: requests(s) >= 50, True)
    family = read(s)["weir_http_requests_total"]
    assert len(family.samples) == 11
    over = family.value(route="_overflow", server="_overflow", method="_overflow",
                        code="_overflow")
    assert over >= 40
    assert s.error_log().count("too many series") == 1


@pytest.mark.parametrize("accept, kind", [
    (None, "text/html; charset=utf-8"),
    ("*/*", "text/html; charset=utf-8"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
    ("application/json", "application/json"),
    ("text/html;q=0.5, application/json", "application/json"),
    ("text/html, application/json", "text/html; charset=utf-8"),
    ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     "text/plain; version=0.0.4; charset=utf-8"),
    ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
     "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ("application/json;q=0, text/plain;q=0.001",
     "text/plain; version=0.0.4; charset=utf-8"),
    ("image/png", "text/html; charset=utf-8"),
    (";;,,q=", "text/html; charset=utf-8"),
])
def test_format_by_accept(server, accept, kind):
    s = server(CONF)
    r = s.get("/status", *(["Accept: " + accept] if accept else []))
    assert r.status == 200 and r.get("content-type") == kind
    assert r.get("cache-control") == "no-store" and r.get("vary") == "Accept"


def test_format_by_argument(server):
    s = server(CONF)
    s.get("/a")
    assert "<html" in s.get("/status?format=html", "Accept: application/json").text
    r = s.get("/status?format=openmetrics")
    m = exposition.parse(r.text, open_metrics=True)
    assert m["weir_http_requests"].type == "counter"
    assert s.get("/status?format=xml").status == 400
    for form in ("json", "prometheus", "html"):
        r = s.get("/status?format=" + form, method="HEAD")
        assert r.status == 200 and r.body == b""
        assert int(r.get("content-length")) > 500
    for method in ("POST", "DELETE"):
        r = s.get("/status", method=method)
        assert r.status == 405 and r.get("allow") == "GET, HEAD"


def test_json(server):
    s = server(CONF, workers=2)
    for _ in range(10):
        s.get("/a")
    s.get('/quo%22te%5C')
    comes(lambda: requests(s, code="404"), 1)
    d = as_json(s)
    assert d["pid"] == s.pid and d["answered_by"] in s.workers()
    rows = d["metrics"]["weir_http_request_duration_seconds"]["samples"]
    row = [x for x in rows if x["labels"]["route"] == "/"][0]
    assert row["count"] == 10 == sum(n for _, _, n in row["buckets"])
    assert 0 < row["p50"] <= row["p90"] <= row["p99"]
    assert all(lo < hi for lo, hi, _ in row["buckets"])
    assert any(x["labels"]["route"] == '^/quo"te\\\\' for x in rows)
    assert sum(w["requests"] for w in d["workers"]) >= 11
    assert d["metrics"]["weir_build_info"]["samples"][0]["value"] == 1


def test_single_process(server):
    s = server(CONF, main="master_process off;")
    for _ in range(3):
        s.get("/a")
    comes(lambda: requests(s, route="/"), 3)
    m = read(s)
    assert m["weir_workers"].value(state="serving") == 1
    assert m["weir_connections"].value(state="active") == 1
    assert m["process_resident_memory_bytes"].value() > 1e6
    s.signal(signal.SIGHUP)
    comes(lambda: read(s)["weir_config_generation"].value(), 2)
    assert requests(s, route="/") == 3


def test_page(server, browser):
    s = server(CONF, workers=2)
    page = browser.page()
    page.call("Emulation.setEmulatedMedia",
              features=[{"name": "prefers-color-scheme", "value": "dark"}])
    base = s.url
    assert page.goto(base + "/status") == 200
    page.wait_for("#tile-rate .note", "in all")
    for _ in range(7):
        s.get("/a")
    s.get("/if")
    page.wait("[...document.querySelectorAll('#section-routes tbody tr')].some(tr =>"
              " tr.cells[0].textContent == '/' && tr.cells[2].textContent == '7')")
    page.wait("document.querySelectorAll('.chart svg path').length >= 4")
    assert page.eval("document.querySelectorAll('#section-workers tbody tr').length") == 2
    assert page.eval("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
    assert "p99" in page.eval("document.querySelector('#chart-latency svg')"
                              ".getAttribute('aria-label')")
    page.click("#pause")
    assert page.eval("document.querySelector('#pause').getAttribute('aria-pressed')") == "true"
    page.call("Emulation.setEmulatedMedia",
              features=[{"name": "prefers-color-scheme", "value": "light"}])
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=700,
              deviceScaleFactor=1, mobile=True)
    page.wait("getComputedStyle(document.body).backgroundColor == 'rgb(245, 246, 248)'")
    assert page.eval("document.documentElement.scrollWidth") <= 360
    assert page.errors == []
    assert all(u.startswith((base, "data:")) for u in page.requests)


SQL_CONF = """sqlite notes data/notes.db { schema schema.sql; }
server { listen 127.0.0.1:%%PORT%%;
    location = /status { status_page; }
    route POST /add { sql  INSERT  INTO note (text)
                           VALUES ({{ query.text }}); text ok; }
    route GET /count { sql n = SELECT count(*) AS n FROM note; text {{ n.first.n }}; }
    route POST /undo { transaction; sql INSERT INTO note (text) VALUES ('x');
                       require false else 409; text no; }
}
"""


def test_sqlite(server):
    s = server(SQL_CONF, main=load_module("route", "sqlite"), workers=2,
               files={"schema.sql": "CREATE TABLE note (text TEXT NOT NULL UNIQUE);"})
    for i in range(6):
        assert s.get("/add?text=%d" % i, method="POST").status == 200
    assert s.get("/add?text=1", method="POST").status == 409
    assert s.get("/undo", method="POST").status == 409
    assert s.get("/count").text == "6"
    m = read(s)
    assert m["weir_tx_total"].value(db="notes", result="commit") == 6
    assert m["weir_tx_total"].value(db="notes", result="rollback") == 2
    took = m["weir_sql_statement_duration_seconds"]
    insert = "INSERT INTO note (text) VALUES (?1)"
    names = {dict(labels)["statement"] for _, labels in took.samples}
    assert took.value("_count", statement=insert) == 7, names
    assert took.value("_count", statement="SELECT count(*) AS n FROM note") == 1
    assert m["weir_sqlite_write_wait_seconds"].value("_count", db="notes") == 8
    assert m["weir_sqlite_queue"].value(db="notes") == 0
    assert m["weir_sqlite_wal_pages"].value(db="notes") > 0
    assert m["weir_sqlite_busy_total"].value(db="notes") == 0
    comes(lambda: requests(s, route="/add", method="POST", code="200"), 6)


UPSTREAM_CONF = """upstream pair {
    zone pair 64k;
    server 127.0.0.1:%%PORT2%%;
    server 127.0.0.1:%%PORT3%% fail_timeout=60s;
    server 127.0.0.1:%%PORT3%% down;
}
upstream "one" { server 127.0.0.1:%%PORT2%%; }
server { listen 127.0.0.1:%%PORT2%%; location / { return 200 peer; } }
server { listen 127.0.0.1:%%PORT%%;
    location = /status { status_page; }
    location /pair { proxy_pass http://pair; }
    location /direct { proxy_pass http://127.0.0.1:%%PORT2%%; }
    location /made { proxy_pass http://$arg_to; }
    route GET /fetched { fetch f = http://one/; text {{ f.text }}; }
    route GET /host { fetch f = http://127.0.0.1:%%PORT2%%/; text {{ f.text }}; }
}
"""


def test_upstreams(server):
    s = server(UPSTREAM_CONF, main=load_module("route", "fetch"), workers=2)
    good, bad = ("127.0.0.1:%d" % s.port(p) for p in ("PORT2", "PORT3"))
    up = read(s)["weir_upstream_peer_up"]
    assert up.value(upstream="pair", peer=good) == up.value(upstream="pair", peer=bad) == 1
    for _ in range(6):
        assert s.get("/pair").text == "peer"        # the other is asked once, and rests
    for path in ("/direct", "/fetched", "/host", "/made?to=127.0.0.2:%d" % s.port("PORT3")):
        s.get(path)

    def count(name, upstream, peer, suffix=""):
        family = read(s).get("weir_upstream_" + name)
        return family.value(suffix, upstream=upstream, peer=peer) if family else None
    comes(lambda: count("requests_total", "pair", good), 6)
    comes(lambda: count("requests_total", "pair", bad), 1)
    assert count("fails_total", "pair", good) == 0
    assert count("fails_total", "pair", bad) == 1
    assert count("peer_up", "pair", good) == 1 and count("peer_up", "pair", bad) == 0
    assert count("request_duration_seconds", "pair", good, "_count") == 6
    assert 0 < count("request_duration_seconds", "pair", good, "_sum") < 6
    comes(lambda: count("requests_total", "one", good), 1)
    comes(lambda: count("requests_total", good, good), 2)       # /direct and /host
    comes(lambda: count("fails_total", "_resolved", "_resolved"), 1)


def test_page_shows_upstreams(server, browser):
    s = server(UPSTREAM_CONF, main=load_module("route", "fetch"))
    for _ in range(6):
        s.get("/pair")
    page = browser.page()
    assert page.goto(s.url + "/status") == 200
    page.wait("[...document.querySelectorAll('#section-upstreams tbody tr')].some(tr =>"
              " tr.cells[0].textContent == 'pair' && tr.cells[2].textContent == 'down'"
              " && tr.cells[5].textContent == '1')")
    page.wait("[...document.querySelectorAll('#section-upstreams tbody tr')].some(tr =>"
              " tr.cells[0].textContent == 'pair' && tr.cells[2].textContent == 'up'"
              " && tr.cells[4].textContent == '6')")
    assert page.errors == []


def test_upstreams_over_a_reload_and_without_room(server):
    conf = UPSTREAM_CONF.replace("upstream pair {", "status_max_series 3; upstream pair {")
    s = server(conf, main=load_module("route", "fetch"))
    s.get("/direct")
    good = "127.0.0.1:%d" % s.port("PORT2")
    comes(lambda: read(s)["weir_upstream_requests_total"].value(upstream=good), 1)
    assert len(read(s)["weir_upstream_peer_up"].samples) == 3
    subprocess.run(s.command("-s", "reload"), check=True)
    comes(lambda: read(s)["weir_config_generation"].value(), 2)
    s.get("/direct")
    comes(lambda: read(s)["weir_upstream_requests_total"].value(upstream=good), 2)


def test_templates_and_rows(server):
    s = server("""template_root templates; sqlite notes data/notes.db { schema schema.sql; }
server { listen 127.0.0.1:%%PORT%%;
    location = /status { status_page; }
    route GET /page { sql rows = SELECT text FROM note; template page.html; }
    route GET /slow { set h = "x"; template slow.html; }
    route GET /fails { template fails.html; }
}""", main=load_module("route", "sqlite", "template"), workers=2, files={
        "schema.sql": "CREATE TABLE note (text TEXT);"
                      "INSERT INTO note VALUES ('a'), ('b'), ('c');",
        "templates/page.html": "{{ rows|length }}",
        "templates/slow.html": "{{ verify_password('a', 'b') }}",
        "templates/fails.html": "{{ 1 // (0 if request else 1) }}"})
    for _ in range(4):
        assert s.get("/page").text == "3"
    assert s.get("/slow").status == 200
    assert s.get("/fails").status == 500
    m = read(s)
    took = m["weir_template_render_seconds"]
    assert took.value("_count", template="page.html") == 4
    assert took.value("_count", template="slow.html") == 1
    assert took.value("_count", template="fails.html") == 1
    assert 0 < took.value("_sum", template="page.html") < 4
    assert m["weir_sql_rows_total"].value(db="notes") == 12


def make_certificate(folder, days):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", "/CN=a",
                    "-keyout", str(folder / "new.key"), "-out", str(folder / "new.pem")],
                   check=True, capture_output=True)
    (folder / "new.key").rename(folder / "a.key")
    (folder / "new.pem").rename(folder / "a.pem")
    return int(subprocess.run(["date", "+%s", "-d", subprocess.run(
        ["openssl", "x509", "-enddate", "-noout", "-in", str(folder / "a.pem")], check=True,
        capture_output=True, text=True).stdout.strip().partition("=")[2]],
        check=True, capture_output=True, text=True).stdout)


@pytest.mark.plain("brings TLS of its own")
def test_certificates(server, tmp_path):
    ends = make_certificate(tmp_path, 10)
    s = server("""ssl_certificate %s/a.pem; ssl_certificate_key %s/a.key;
ssl_certificate_reload 100ms;
server { listen 127.0.0.1:%%%%PORT%%%%; location = /status { status_page; } }
server { listen 127.0.0.1:%%%%PORT2%%%% ssl; }
server { listen 127.0.0.1:%%%%PORT2%%%% ssl; server_name b; ssl_session_timeout 1m; }
""" % (tmp_path, tmp_path), workers=2)

    def seen():
        return {dict(labels)["name"]: v for (_, labels), v
                in read(s)["weir_tls_cert_not_after_seconds"].samples.items()}
    assert seen() == {str(tmp_path / "a.pem"): ends}
    later = make_certificate(tmp_path, 20)
    assert later > ends
    comes(lambda: [seen() for _ in range(6)], [{str(tmp_path / "a.pem"): later}] * 6)
