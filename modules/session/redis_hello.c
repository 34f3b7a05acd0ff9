/*
 * session: the first words on a new connection: who we are, which database, and
 * whether the other side is what it should be. A sentinel is asked one question.
 */
#include "redis.h"

#include <stdio.h>

static void
say(link_t *l, hello_t expect, int argc, const wr_str_t *argv)
{
    cmd_t *c = redis_cmd(l->d, argc, argv);

    if (c != NULL) {
        c->hello = expect;
        link_add(l, c);
    }
}

static void
authenticate(link_t *l, wr_str_t user, wr_str_t password)
{
    if (user.n != 0) {
        say(l, HELLO_OK, 3, (wr_str_t[]) {WR_STR("AUTH"), user, password});
    } else {
        say(l, HELLO_OK, 2, (wr_str_t[]) {WR_STR("AUTH"), password});
    }
}

void
hello_begin(link_t *l)
{
    redis_t *d = l->d;

    if (l->asking) {
        if (d->sentinel_auth) {
            authenticate(l, d->sentinel_user, d->sentinel_password);
        }
        say(l, HELLO_MASTER, 3, (wr_str_t[]) {WR_STR("SENTINEL"),
                                              WR_STR("get-master-addr-by-name"),
                                              d->master});
        return;
    }
    if (d->auth) {
        authenticate(l, d->user, d->password);
    }
    if (d->db != 0) {
        char     text[24];
        wr_str_t db = wr_str(text, wr_put_uint(text, (uint64_t) d->db));

        say(l, HELLO_OK, 2, (wr_str_t[]) {WR_STR("SELECT"), db});
    }
    if (d->master.n != 0) {
        say(l, HELLO_ROLE, 1, (wr_str_t[]) {WR_STR("ROLE")});
    }
    if (d->failures != 0) {     /* that it takes connections proves nothing */
        say(l, HELLO_OK, 1, (wr_str_t[]) {WR_STR("PING")});
    }
}

static bool
is_master(const reply_t *r)
{
    return r->type == REDIS_REPLY_ARRAY && r->n > 0 && r->items[0] != NULL
           && wr_str_eqz(r->items[0]->text, "master");
}

/* The address that a sentinel gives becomes the link's endpoint. */
static bool
take_address(link_t *l, const reply_t *r)
{
    int64_t port;

    if (r->type != REDIS_REPLY_ARRAY || r->n != 2 || r->items[0] == NULL
        || r->items[1] == NULL || !wr_parse_int(r->items[1]->text, &port) || port < 1
        || port > 65535 || r->items[0]->text.n == 0 || r->items[0]->text.n > 255)
    {
        return false;
    }
    l->at = (endpoint_t) {.host = wr_pool_str(l->pool, r->items[0]->text),
                          .port = (int) port};
    if (!wr_addr_parse(&l->at.addr, l->at.host, (int) port)) {
        l->at.addr.len = 0;
    }
    return true;
}

bool
hello_take(link_t *l, const cmd_t *c, const reply_t *r, const char **why)
{
    static char text[300];

    if (r->type == REDIS_REPLY_ERROR) {
        snprintf(text, sizeof(text), "it refuses: %.*s", (int) wr_min_size(r->text.n, 250),
                 r->text.p);
        *why = text;
        return false;
    }
    if (c->hello == HELLO_ROLE && !is_master(r)) {
        *why = "it is not the master (any more)";
        return false;
    }
    if (c->hello == HELLO_MASTER && !take_address(l, r)) {
        *why = "the sentinel knows no master of this name";
        return false;
    }
    return true;
}
