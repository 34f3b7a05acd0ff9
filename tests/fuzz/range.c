/*
 * Range fields, behind "bytes=". The first byte chooses the length of what is asked
 * for; every range that comes out lies inside it.
 */
#include "../../modules/range/parse.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t lengths[] = {0, 1, 2, 10, 1000, INT32_MAX, INT64_MAX};
    wr_pool_t           *pool = wr_pool_new();
    wr_array_t           ranges = wr_array(pool, sizeof(range_t));

    if (size != 0) {
        int64_t length = lengths[data[0] % WR_COUNT(lengths)];
        wr_rc_t rc = range_parse(wr_str((const char *) data + 1, size - 1), length, 5,
                                 &ranges);

        for (WR_EACH(range_t, r, &ranges)) {
            if (rc == WR_OK && (r->start < 0 || r->start >= r->end || r->end > length)) {
                abort();
            }
        }
        if (rc == WR_OK && ranges.n > 5) {
            abort();
        }
    }
    wr_pool_free(pool);
    return 0;
}
