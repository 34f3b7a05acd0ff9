"""A module outside the tree that keeps sessions its own way: <weir/app/session.h>."""

import json

import pytest

from build.tools import BUILT, configure, make, options_of
from harness.sessions import Client, MODULES, conf

# A shelf of eight places in the worker's memory; the ninth session is refused.
MODULE = r"""
#include <weir/app/session.h>
#include <weir/http/hook.h>

typedef struct place {
    char   key[200], text[4096];
    size_t key_n, text_n;
} place_t;

typedef struct shelf {
    unsigned n;
    place_t  places[8];
} shelf_t;

static place_t *
find(wr_session_job_t *j, wr_str_t key)
{
    shelf_t *s = j->store;

    for (unsigned i = 0; i < s->n; i++) {
        if (wr_str_eq(wr_str(s->places[i].key, s->places[i].key_n), key)) {
            return &s->places[i];
        }
    }
    return NULL;
}

static bool
put(place_t *p, wr_str_t key, wr_str_t text)
{
    if (key.n > sizeof(p->key) || text.n > sizeof(p->text)) {
        return false;
    }
    memcpy(p->key, key.p, p->key_n = key.n);
    memcpy(p->text, text.p, p->text_n = text.n);
    return true;
}

static void
load(wr_session_job_t *j)
{
    place_t *p = find(j, j->key);

    if (p != NULL) {
        j->text = wr_pool_str(j->pool, wr_str(p->text, p->text_n));
    }
    wr_session_done(j, p != NULL ? WR_SESSION_DONE : WR_SESSION_GONE);
}

static void
create(wr_session_job_t *j)
{
    shelf_t *s = j->store;
    place_t *p = find(j, WR_STR_NONE);

    if (p == NULL && s->n < 8) {
        p = &s->places[s->n++];
    }
    wr_session_done(j, p != NULL && put(p, j->key, j->text) ? WR_SESSION_DONE
                                                            : WR_SESSION_AWAY);
}

static void
change(wr_session_job_t *j)
{
    place_t *p = find(j, j->key);

    if (p == NULL) {
        wr_session_done(j, WR_SESSION_GONE);
    } else if (!wr_str_eq(wr_str(p->text, p->text_n), j->expect)) {
        j->text = wr_pool_str(j->pool, wr_str(p->text, p->text_n));
        wr_session_done(j, WR_SESSION_CONFLICT);
    } else {
        wr_session_done(j, put(p, j->to.n != 0 ? j->to : j->key, j->text)
                               ? WR_SESSION_DONE : WR_SESSION_AWAY);
    }
}

static void
drop(wr_session_job_t *j)
{
    place_t *p = find(j, j->key);

    if (p != NULL) {
        p->key_n = 0;
    }
    wr_session_done(j, WR_SESSION_DONE);
}

static void *
open_store(wr_conf_t *cf, const wr_tok_t *arg)
{
    (void) arg;
    return WR_NEW(cf->pool, shelf_t);
}

static wr_rc_t
option(wr_conf_t *cf, void *store, const wr_tok_t *arg)
{
    (void) cf;
    (void) store;
    return wr_str_eqz(arg->text, "oak") ? WR_OK : WR_DECLINED;
}

static void *
ready(wr_conf_t *cf, void *store, wr_str_t *label)
{
    (void) cf;
    *label = WR_STR("shelf");
    return store;
}

static const wr_session_store_t shelf = {
    .size = sizeof(shelf), .name = "shelf", .open = open_store, .option = option,
    .ready = ready, .load = load, .create = create, .update = change, .rename = change,
    .drop = drop};

static wr_rc_t
begin(wr_conf_t *cf)
{
    wr_service_offer(cf, "session.store.shelf", &shelf);
    return WR_OK;
}

WR_MODULE(shelf, .doc = "Sessions on a shelf.", .schema = {.name = "http_shelf_module"},
          .begin = begin);
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "shelf").mkdir()
    (folder / "shelf" / "shelf.c").write_text(MODULE)
    build = folder / "b"
    configure(build, "--add-dynamic-module=%s" % (folder / "shelf"), "--with-werror",
              *[o for o in options_of(BUILT) if o.startswith("--with-sanitizer")])
    file = build / "modules" / "http_shelf_module.so"
    make(build, file)
    return file


def test_another_store(module, server):
    s = server(conf("shelf oak"), main="load_module %s;\n%s" % (module, MODULES))
    c = Client(s.port())
    c("/set/a/1")
    for i in range(20):
        assert c("/inc%d" % i).status == 200
    before = c.id
    c("/login")
    assert c.id != before
    got = json.loads(c("/get").text)
    assert got["a"] == "1" and got["user"] == "me" and got["k19"] == 1
    c("/logout")
    assert c("/get").text == "{}"
    clients = [Client(s.port()) for _ in range(9)]
    statuses = [x("/set/a/%d" % i).status for i, x in enumerate(clients)]
    assert statuses == [200] * 8 + [503]
    assert json.loads(clients[7]("/get").text) == {"a": "7"}


def test_its_options(module, server):
    s = server("server { listen 127.0.0.1:%%PORT%%; }",
               main="load_module %s;\n%s" % (module, MODULES))
    s.write_conf(conf("shelf pine"), name="bad.conf")
    r = s.run("-t", "-c", "bad.conf", "-e", "stderr")
    assert r.returncode != 0 and 'invalid parameter "pine"' in r.stderr
