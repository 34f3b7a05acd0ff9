/*
 * What filters that change a body have in common: types, reading segments, making
 * new ones.
 */
#include <weir/http/filter.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

bool
wr_type_listed(const wr_req_t *r, const wr_array_t *types)
{
    wr_str_t type = r->content_type;

    if (type.n != 0 && wr_str_ieqz(type, "text/html")) {
        return true;
    }
    for (WR_EACH(wr_str_t, t, types)) {
        if ((type.n != 0 && wr_str_ieq(*t, type)) || wr_str_eqz(*t, "*")) {
            return true;
        }
    }
    return false;
}

static wr_rc_t
file_bytes(wr_req_t *r, const wr_seg_t *seg, char *buf, wr_bytes_fn_t fn, void *state)
{
    for (size_t done = 0; done < seg->n;) {
        size_t  want = wr_min_size(seg->n - done, READ_SIZE);
        ssize_t got = pread(seg->file->fd, buf, want, seg->at + (off_t) done);
        wr_rc_t rc;

        if (got <= 0) {
            wr_log(&r->log, WR_LOG_CRIT, got < 0 ? errno : 0, "pread() \"%.*s\" failed",
                   WR_ARG(seg->file->path));
            return WR_ERROR;
        }
        rc = fn(state, buf, (size_t) got);
        if (rc != WR_OK) {
            return rc;
        }
        done += (size_t) got;
    }
    return WR_OK;
}

wr_rc_t
wr_seg_bytes(wr_req_t *r, const wr_seg_t *seg, wr_bytes_fn_t fn, void *state)
{
    char   *buf;
    wr_rc_t rc;

    if (seg->n == 0) {
        return WR_OK;
    }
    if (seg->p != NULL) {
        return fn(state, seg->p, seg->n);
    }
    buf = malloc(READ_SIZE);
    if (buf == NULL) {
        return WR_ERROR;
    }
    rc = file_bytes(r, seg, buf, fn, state);
    free(buf);
    return rc;
}

/* ---- bytes that are made ---- */

void
wr_made_init(wr_made_t *m, wr_req_t *r, size_t piece)
{
    *m = (wr_made_t) {.r = r, .piece = piece};
    m->tail = &m->first;
}

static void
free_piece(void *p)
{
    free(p);
}

static void
release_piece(wr_seg_t *seg)
{
    if (wr_pool_forget(seg->data, free_piece, (void *) (uintptr_t) seg->p)) {
        free((void *) (uintptr_t) seg->p);
    }
}

static wr_seg_t *
append(wr_made_t *m)
{
    wr_seg_t *seg = wr_seg_mem(m->r, NULL, 0, 0);

    *m->tail = seg;
    m->tail = &seg->next;
    return seg;
}

char *
wr_made_room(wr_made_t *m, size_t *n)
{
    if (m->open == NULL || m->room == 0) {
        char *p = malloc(m->piece);

        WR_ASSERT(p != NULL);
        m->open = append(m);
        m->open->p = p;
        m->open->data = wr_pool(m->r);
        m->open->release = release_piece;
        wr_pool_on_free(wr_pool(m->r), free_piece, p);
        m->room = m->piece;
    }
    *n = m->room;
    return (char *) (uintptr_t) m->open->p + m->open->n;
}

void
wr_made_add(wr_made_t *m, size_t n)
{
    m->open->n += n;
    m->room -= n;
}

void
wr_made_put(wr_made_t *m, const char *p, size_t n)
{
    while (n != 0) {
        size_t room;
        char  *to = wr_made_room(m, &room);

        room = wr_min_size(room, n);
        memcpy(to, p, room);
        wr_made_add(m, room);
        p += room;
        n -= room;
    }
}

void
wr_made_flag(wr_made_t *m, unsigned flags)
{
    if (m->open == NULL) {
        append(m)->flags = (uint8_t) flags;
        return;
    }
    m->open->flags |= (uint8_t) flags;
    m->open = NULL;
}

wr_seg_t *
wr_made_take(wr_made_t *m)
{
    wr_seg_t *first = m->first;

    m->first = m->open = NULL;
    m->tail = &m->first;
    return first;
}

/* ---- gzip ---- */

/* "q=0.8": above 0, and not more than three digits. What is no quality counts as
 * none, as nginx has it. */
static bool
has_quality(wr_str_t q)
{
    unsigned sum;

    q = wr_str_trim(q);
    if (!wr_str_istarts(q, WR_STR("q=")) || q.n < 3
        || (q.p[2] != '0' && q.p[2] != '1'))
    {
        return false;
    }
    sum = q.p[2] == '1' ? 100 : 0;
    if (q.n == 3 || q.p[3] != '.') {
        return sum != 0;
    }
    for (size_t i = 4; i < q.n && q.p[i] != ' '; i++) {
        if (!wr_is_digit(q.p[i]) || i > 6) {
            return false;
        }
        sum += (unsigned) (q.p[i] - '0');
    }
    return sum != 0 && sum <= 100;
}

bool
wr_accepts_gzip(wr_str_t accept_encoding)
{
    wr_str_t item, name;

    while (wr_str_split(&accept_encoding, ',', &item)) {
        name = item;
        (void) wr_str_split(&item, ';', &name);
        if (wr_str_ieqz(wr_str_trim(name), "gzip")) {
            return item.p == NULL || has_quality(item);
        }
    }
    return false;
}
