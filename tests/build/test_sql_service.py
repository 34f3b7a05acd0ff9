"""A module outside the tree that keeps rows of its own in the application's
database: the service of <weir/app/sql.h>."""

import json
import os
import re
import sqlite3

import pytest

from build.tools import BUILT, configure, make, options_of
from harness.server import Server

MODULE = r"""
#include <weir/app/sql.h>
#include <weir/http/hook.h>
#include <weir/http/request.h>

static const wr_sql_t *sql;
static wr_sql_stmt_t  *add, *count;

typedef struct state {
    wr_sql_call_t *call;
} state_t;

static wr_op_t *
visit(wr_req_t *r)
{
    wr_val_t v = wr_vstr(r->uri);

    if (wr_str_ends(r->uri, WR_STR("/quiet"))) {
        return NULL;
    }
    wr_ctx(r, WR_SELF) = sql->start(r, wr_pool(r), add, &v);
    return ((wr_sql_call_t *) wr_ctx(r, WR_SELF))->op;
}

static wr_rc_t
visited(wr_req_t *r)
{
    const wr_sql_call_t  *call = wr_ctx(r, WR_SELF);
    static const wr_tok_t at = {.line = 1, .column = 1};

    return call->status == 0 ? WR_OK
                             : wr_app_fail(r, &at, call->status, call->message, NULL);
}

static const wr_sql_guest_t guest = {visit, visited};

static wr_rc_t
show(wr_req_t *r, void *state)
{
    const wr_sql_call_t *call = ((state_t *) state)->call;
    wr_sql_rows_t        rows, row;
    wr_eval_t            ev;
    wr_val_t             first, zero = wr_int(0);
    const wr_val_t      *cells;

    if (call->status != 0 || !sql->rows(&call->result, &rows)) {
        return wr_fail(r, 500);
    }
    cells = sql->cells(&rows, 0);
    wr_app_eval_init(r, &ev, wr_pool(r));
    if (!wr_get_item(&ev, &call->result, &zero, &first) || !sql->rows(&first, &row)) {
        return wr_fail(r, 500);
    }
    return wr_reply_text(r, 200, wr_pool_printf(wr_pool(r), "%.*s=%lld %u %u %u %d %d",
        WR_ARG(rows.names[0]), (long long) cells[0].u.i, rows.columns, rows.n, row.n,
        row.single, sql->cells(&row, 0) == cells));
}

static wr_rc_t
ask(wr_req_t *r, void *state)
{
    state_t *s = state;
    wr_val_t none = wr_none();

    s->call = sql->start(r, wr_pool(r), count, &none);
    return wr_await(r, s->call->op, show);
}

static const wr_middleware_t shower = {"visits", sizeof(state_t), ask, NULL};

static wr_rc_t
set_visits(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_str_t db = cf->args[1].text;

    (void) d;
    (void) conf;
    sql = wr_service_find(cf, WR_SQL_SERVICE);
    if (sql == NULL) {
        return wr_conf_fail(cf, NULL, "no database module");
    }
    sql->schema(cf, &cf->args[1], db, "CREATE TABLE IF NOT EXISTS visits(uri UNIQUE)");
    add = sql->statement(cf, &cf->args[1], db, "INSERT INTO visits VALUES(?)");
    count = sql->statement(cf, &cf->args[1], db, "SELECT count(*) AS n FROM visits");
    sql->guest(cf, &cf->args[1], db, &guest);
    return wr_location_handler(cf, &shower, NULL);
}

static const wr_directive_t directives[] = {
    WR_ACTION("visits", WR_LOCATION, 1, 1, set_visits, "Shows the visits.",
              .args = "DATABASE"),
    WR_END
};

WR_MODULE(visits, .doc = "Counts visits.",
          .schema = {.name = "http_visits_module", .directives = directives});
"""

CONF = """
sqlite blog data/blog.db { schema blog.sql; }
sqlite more data/more.db { }
sqlite_use blog;
server {
    listen 127.0.0.1:%%PORT%%;
    location /visits { visits blog; }
    routes /in {
        transaction;
        sql INSERT INTO posts(title) VALUES({{ request.path }});
        route GET /{name} {
            require params.name != "bad" else 400;
            text ok;
        }
    }
    route GET /out/{name} {
        sql INSERT INTO posts(title) VALUES({{ request.path }});
        text ok;
    }
    route GET /read/{name} {
        transaction;
        sql x = SELECT count(*) AS n FROM posts;
        text {{ x.first.n }};
    }
}
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    (folder / "visits").mkdir()
    (folder / "visits" / "visits.c").write_text(MODULE)
    options = [o for o in options_of(BUILT) if o.startswith("--with-sanitizer")]
    configure(folder / "b", "--add-dynamic-module=%s" % (folder / "visits"),
              "--with-werror", *options)
    file = folder / "b" / "modules" / "http_visits_module.so"
    make(folder / "b", file)
    return file


def start(server, module, conf=CONF, **more):
    names = "".join("load_module modules/http_%s_module.so;\n" % m
                    for m in ("route", "json", "sqlite"))
    return server(conf, main=names + "load_module %s;" % module,
                  files={"blog.sql": "CREATE TABLE posts(title TEXT);"}, **more)


def stored(s, sql):
    db = sqlite3.connect(os.path.join(s.prefix, "data/blog.db"))
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def test_a_guest_writes_in_the_transaction(server, module):
    s = start(server, module)
    assert s.get("/visits").text == "n=0 1 1 1 1 1"
    assert s.get("/in/a").text == "ok"
    assert s.get("/visits").text.startswith("n=1 ")
    # Rolled back: the guest is not asked. Quiet: it has nothing to write.
    assert s.get("/in/bad").status == 400
    assert s.get("/in/quiet").status == 200
    # Without a transaction, and in one that only reads, there is no guest.
    assert s.get("/out/a").status == 200
    assert s.get("/read/a").text == "3"
    assert stored(s, "SELECT uri FROM visits") == [("/in/a",)]
    # The guest fails: all of it is undone.
    r = s.get("/in/a", "Accept: application/json")
    assert r.status == 409
    assert json.loads(r.body) == {"error": "UNIQUE constraint failed: visits.uri"}
    assert len(stored(s, "SELECT * FROM posts")) == 3


def test_the_name_is_checked(module):
    s = start(Server, module, CONF.replace("visits blog", "visits blgo"), wait=False)
    try:
        out = s.run("-t")
    finally:
        s.remove()
    assert out.returncode != 0 and 'no database "blgo"' in out.stderr
    assert re.search(r"test\.conf:\d+:\d+", out.stderr)
