/*
 * Uploads as values: .name .filename .content_type .size .path .text
 *
 * One longer than upload_buffer_size gets its file when the form is read; a shorter
 * one only when somebody asks for its path. The file goes with the request.
 */
#define _GNU_SOURCE
#include <weir/app/app_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct upload {
    wr_obj_t  obj;
    wr_req_t *r;
    wr_val_t  name, filename, type;
    wr_str_t  body;             /* a view of the request's body */
    wr_str_t  path;             /* empty: no file yet */
} upload_t;

static void
remove_file(void *data)
{
    (void) unlink(data);
}

static bool
write_all(int fd, wr_str_t s)
{
    while (s.n != 0) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        s = wr_str_skip(s, (size_t) n);
    }
    return true;
}

static bool
spool(wr_eval_t *ev, upload_t *u)
{
    wr_req_t *r = u->r;
    wr_str_t  path;
    int       fd;
    bool      ok;

    if (u->path.n != 0) {
        return true;
    }
    path = wr_pool_printf(wr_pool(r), "%.*s/upload-XXXXXX",
                          WR_ARG(wr_http_core(r)->client_body_temp_path));
    fd = mkostemp((char *) (uintptr_t) path.p, O_CLOEXEC);
    if (fd < 0) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "open() \"%.*s\" failed", WR_ARG(path));
        return wr_raise(ev, "RuntimeError", "an upload cannot be stored");
    }
    wr_pool_on_free(wr_pool(r), remove_file, (void *) (uintptr_t) path.p);
    ok = write_all(fd, u->body);
    if (!ok) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "write() to \"%.*s\" failed", WR_ARG(path));
    }
    close(fd);
    if (!ok) {
        return wr_raise(ev, "RuntimeError", "an upload cannot be stored");
    }
    u->path = path;
    return true;
}

/* ---- the value ---- */

static const char *const keys[] = {"name", "filename", "content_type", "size", "path"};

static bool
upload_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    upload_t *u = (upload_t *) (void *) o;

    if (wr_str_eqz(name, "name")) {
        *out = u->name;
    } else if (wr_str_eqz(name, "filename")) {
        *out = u->filename;
    } else if (wr_str_eqz(name, "content_type")) {
        *out = u->type;
    } else if (wr_str_eqz(name, "size")) {
        *out = wr_int((int64_t) u->body.n);
    } else if (wr_str_eqz(name, "path")) {
        if (!spool(ev, u)) {
            return false;
        }
        *out = app_str(ev->pool, u->path);
    } else if (wr_str_eqz(name, "text")) {
        if (!wr_app_decode(ev->pool, u->body, wr_app_charset(wr_val_text(&u->type)), out)) {
            return wr_raise(ev, "UnsupportedMediaType", "unknown charset of an upload");
        }
    } else {
        return false;
    }
    return true;
}

static bool
upload_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    return key->type == WR_V_STR && upload_attr(ev, o, wr_val_text(key), out);
}

static bool
upload_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n)
{
    (void) ev;
    (void) o;
    *n = WR_COUNT(keys);
    return true;
}

static bool
upload_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    wr_list_t *list = wr_list_new(ev->pool, WR_COUNT(keys));
    wr_val_t   v;

    (void) o;
    for (unsigned i = 0; i < WR_COUNT(keys); i++) {
        wr_list_push(ev->pool, list, wr_vstr(wr_str_z(keys[i])));
    }
    v = wr_vlist(list);
    return wr_iter(ev, &v, it);
}

static const wr_obj_type_t upload_type = {
    .name = "upload",
    .attr = upload_attr,
    .item = upload_item,
    .length = upload_length,
    .iter = upload_iter,
    .mapping = true,
    .source = WR_FROM_CLIENT,
};

bool
app_upload(wr_req_t *r, wr_eval_t *ev, const app_upload_t *from, wr_val_t *out)
{
    const app_conf_t *conf = wr_conf_of(r, &wr_app_module);
    upload_t         *u = WR_NEW(ev->pool, upload_t);

    u->obj.type = &upload_type;
    u->r = r;
    u->name = from->name;
    u->filename = app_str(ev->pool, from->filename);
    u->type = app_str(ev->pool, from->type.n != 0 ? from->type
                                                  : WR_STR("application/octet-stream"));
    u->body = from->body;
    *out = wr_vobj(&u->obj);
    return from->body.n <= conf->upload_buffer || spool(ev, u);
}
