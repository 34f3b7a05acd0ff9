# shellcheck shell=sh disable=SC2154,SC2034
# The libraries: found by compiling a call, so that what is said is what holds.
# All that are missing are named at once, with Debian's packages.

say "checking the libraries"
libs='' have='' missing='' packages=''

# library NAME PACKAGE "FLAGS" KIND <<program. KIND is "needed", or
# "optional: TEXT" with what follows from its absence. `have` collects the macros
# for auto_config.h, `libs` the flags.
# shellcheck disable=SC2086
library() {
    upper=$(printf '%s' "$1" | tr a-z A-Z)
    if has_word "$without_libs" "$1"; then
        cat >/dev/null
        note "$1: not used (--without-$1)"
        have="${have}WR_HAVE_$upper 0$nl"
    elif try_link $3; then
        note "$1"
        have="${have}WR_HAVE_$upper 1$nl"
        libs="$libs $3"
    elif [ "$4" = needed ]; then
        note "$1: NOT FOUND"
        missing="$missing  $(printf '%-10s' "$1") apt-get install $2$nl"
        packages="$packages $2"
    else
        note "$1: not found; ${4#optional: } (apt-get install $2)"
        have="${have}WR_HAVE_$upper 0$nl"
    fi
}

library pcre2 libpcre2-dev -lpcre2-8 needed <<'END'
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
int main(void) { uint32_t n; return pcre2_config_8(PCRE2_CONFIG_JIT, &n); }
END
library openssl libssl-dev "-lssl -lcrypto" needed <<'END'
#include <openssl/ssl.h>
#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "OpenSSL 3.0 or newer is needed"
#endif
int main(void) { return SSL_CTX_new(TLS_server_method()) == 0; }
END
library zlib zlib1g-dev -lz needed <<'END'
#include <zlib.h>
int main(void) { return zlibVersion()[0] != '1'; }
END
library sqlite3 libsqlite3-dev -lsqlite3 needed <<'END'
#include <sqlite3.h>
int main(void) { return sqlite3_libversion_number() < 3037000; }
END
library hiredis libhiredis-dev -lhiredis needed <<'END'
#include <hiredis/hiredis.h>
int main(void) { return redisReaderCreate() == 0; }
END
library jansson libjansson-dev -ljansson needed <<'END'
#include <jansson.h>
int main(void) { return json_object() == 0; }
END
library nghttp2 libnghttp2-dev -lnghttp2 "optional: no HTTP/2" <<'END'
#include <nghttp2/nghttp2.h>
int main(void) { return nghttp2_version(0) == 0; }
END
library crypt libcrypt-dev -lcrypt \
    "optional: auth_basic knows only its own kinds of hashes" <<'END'
#define _GNU_SOURCE
#include <crypt.h>
int main(void) { static struct crypt_data d; return crypt_r("", "", &d) != 0; }
END

if [ -n "$missing" ]; then
    printf '\n%s\n%s' "These libraries (with their headers) are missing:" \
        "$missing" >&2
    fail "install them: apt-get install$packages"
fi
libs="$libs -ldl -lm"
