/*
 * Request targets and hosts. What is made of them must be clean: absolute, without
 * "." or ".." segments and NULs, and the same when it is made again.
 */
#include <weir/http/uri.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(wr_str_t path, bool merged)
{
    for (size_t i = 0; i < path.n; i++) {
        wr_str_t rest = wr_str_skip(path, i);

        if (path.p[i] == '\0' || (i == 0 && path.p[0] != '/')) {
            abort();
        }
        if (path.p[i] != '/') {
            continue;
        }
        if (merged && i + 1 < path.n && path.p[i + 1] == '/') {
            abort();
        }
        if (wr_str_eqz(rest, "/.") || wr_str_eqz(rest, "/..")
            || wr_str_starts(rest, WR_STR("/./")) || wr_str_starts(rest, WR_STR("/../")))
        {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_pool_t *pool = wr_pool_new();
    wr_str_t   raw = wr_str((const char *) data, size), host, again;
    int        port;

    for (unsigned merge = 0; merge < 2; merge++) {
        wr_uri_t u;

        if (size != 0 && data[0] == '/'
            && wr_uri_normalise(pool, raw, merge == 1, &u) == WR_OK)
        {
            look(u.path, merge == 1);
        }
    }
    if (wr_host_normalise(pool, raw, &host, &port) == WR_OK) {
        if (port < -1 || port > 65535
            || wr_host_normalise(pool, host, &again, &port) != WR_OK
            || !wr_str_eq(host, again))
        {
            abort();
        }
    }
    wr_pool_free(pool);
    return 0;
}
