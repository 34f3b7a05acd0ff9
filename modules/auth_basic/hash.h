/*
 * The kinds of hashes that password files hold.
 */
#ifndef WEIR_AUTH_BASIC_HASH_H
#define WEIR_AUTH_BASIC_HASH_H

#include <weir/base/str.h>

/* Whether checking takes so long (by design) that it must not run on the loop. */
bool hash_is_slow(wr_str_t hash);

/* Whether `password` is what `hash` was made of: $apr1$, {SHA}, {SSHA}, {PLAIN}, or
 * what crypt(3) knows. WR_OK, WR_DECLINED, WR_ERROR (not a hash of a known kind). Any
 * thread. */
wr_rc_t hash_verify(wr_str_t password, wr_str_t hash);

#endif
