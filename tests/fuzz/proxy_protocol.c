/*
 * Headers of the PROXY protocol. What is taken never reaches beyond what came, a part of
 * one that is good is never taken for a bad one, and its TLVs can be asked for.
 */
#include <weir/net/proxy_protocol.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(wr_pool_t *pool, const wr_proxied_t *p)
{
    static const char *const names[] = {"alpn", "authority", "ssl", "ssl_cn", "ssl_verify",
                                        "netns", "0xea", "0x1", "", "0x", "ssl_"};
    wr_str_t value;

    for (unsigned i = 0; i < WR_COUNT(names); i++) {
        if (wr_proxy_tlv(pool, p, wr_str_z(names[i]), &value) && value.n > WR_PROXY_MAX) {
            abort();
        }
    }
    if (wr_addr_text(pool, &p->client, true).n == 0) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_pool_t    *pool = wr_pool_new();
    wr_str_t      text = wr_str((const char *) data, size);
    wr_proxied_t *told, *part;
    ssize_t       n = size != 0 ? wr_proxy_read(text, &told) : -1;

    if (n > (ssize_t) size || n > WR_PROXY_MAX) {
        abort();
    }
    if (n > 0) {
        for (size_t i = 1; i < (size_t) n; i++) {
            if (wr_proxy_read(wr_str_sub(text, 0, i), &part) != 0 || part != NULL) {
                abort();
            }
        }
        if (told != NULL) {
            ask(pool, told);
        }
        free(told);
    }
    wr_pool_free(pool);
    return 0;
}
