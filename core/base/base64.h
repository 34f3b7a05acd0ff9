/*
 * Base64 (RFC 4648 §4) and its form for URLs (§5).
 */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include <weir/base/pool.h>

/* `s` in base64 with padding, or in base64url without. */
wr_str_t wr_base64_encode(wr_pool_t *pool, wr_str_t s, bool url);

/* The bytes that `s` stands for; padding may be left out, the end of the text is
 * the first `=`. False if there is a byte of another alphabet or a length that
 * cannot be. */
bool wr_base64_decode(wr_pool_t *pool, wr_str_t s, bool url, wr_str_t *out);

#endif
