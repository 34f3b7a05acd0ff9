# shellcheck shell=sh disable=SC2154
# BUILDDIR/Makefile, auto_config.h, modules_list.c and the links to the headers.
# A file whose text stays the same keeps its time: nothing is built again.

say "writing $builddir/"

# Standard input becomes file $1, unless that is what it holds already.
update() {
    cat >"$1.new"
    if cmp -s "$1.new" "$1"; then
        rm "$1.new"
    else
        mv "$1.new" "$1"
    fi
}

c_string() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

define() {
    printf '#define %-26s %s\n' "$1" "$2"
}

define_text() {
    define "$1" "$(c_string "$2")"
}

version=$(cat auto/version)
built=$(date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} +%Y-%m-%d)

update "$builddir/auto_config.h" <<END
/* Written by configure. */
#ifndef WEIR_CONFIG_H
#define WEIR_CONFIG_H

$(define_text WR_VERSION "$version")
$(define_text WR_BUILD "$build")
$(define_text WR_BUILD_DATE "$built")
$(define_text WR_COMPILER "$compiler")
$(define_text WR_CONFIGURE_ARGS "${arguments# }")

$(define_text WR_PREFIX "$prefix/")
$(define_text WR_SBIN_PATH "$(under_prefix "$sbin_path")")
$(define_text WR_MODULES_PATH "$modules_path")
$(define_text WR_CONF_PATH "$conf_path")
$(define_text WR_ERROR_LOG_PATH "$error_log_path")
$(define_text WR_HTTP_LOG_PATH "$http_log_path")
$(define_text WR_PID_PATH "$pid_path")
$(define_text WR_LOCK_PATH "$lock_path")
$(define_text WR_CLIENT_BODY_TEMP_PATH "$client_body_temp")
$(define_text WR_PROXY_TEMP_PATH "$proxy_temp")
$(define_text WR_FASTCGI_TEMP_PATH "$fastcgi_temp")
$(define_text WR_UWSGI_TEMP_PATH "$uwsgi_temp")
$(define_text WR_SCGI_TEMP_PATH "$scgi_temp")
$(define_text WR_USER "$user")
$(define_text WR_GROUP "$group")

$(printf '%s' "$have" | while read -r name value; do define "$name" "$value"
done)
$([ "$debug" = no ] || define WR_DEBUG 1)

#endif
END

ln -sfn ../auto_config.h "$builddir/include/weir_config.h"
ln -sfn "$PWD/core" "$builddir/include/weir"

update "$builddir/modules_list.c" <<END
/* Written by configure: the modules that are built in. */
#include <weir/module/module.h>

$(for m in $static_modules; do echo "extern wr_module_t wr_module_$m;"; done)

wr_module_t *const wr_builtin_modules[] = {
$(for m in $static_modules; do echo "    &wr_module_$m,"; done)
    NULL
};
END

update "$builddir/flags" <<END
$cc $cflags $warnings $cc_opt
END

update "$builddir/reconfigure" <<END
#!/bin/sh
# Runs configure as it was run.
exec ./configure$again
END
chmod +x "$builddir/reconfigure"

update "$builddir/Makefile" <<END
# Written by configure. The rules are in auto/build.mk.
B = $builddir
CC = $cc
VERSION = $version
CFLAGS = $cflags $warnings $cc_opt
PREFIX_MAP =$prefix_map
MODULE_CFLAGS = -std=gnu11 -O2 -g -pthread -fno-strict-aliasing $warnings
LDFLAGS = $ldflags $ld_opt
LIBS =$libs

STATIC_MODULES =$static_modules
DYNAMIC_MODULES =$dynamic_modules
MODULE_FOLDERS =$folders
$module_rules
PREFIX = $prefix
SBIN_PATH = $(under_prefix "$sbin_path")
BIN_PATH = $(under_prefix "$bin_path")
MODULES_PATH = $(under_prefix "$modules_path")
CONF_PATH = $(under_prefix "$conf_path")
ERROR_LOG_PATH = $(under_prefix "$error_log_path")
HTTP_LOG_PATH = $(under_prefix "$http_log_path")
PID_PATH = $(under_prefix "$pid_path")
INCLUDE_PATH = $(under_prefix "$include_path")
PKGCONFIG_PATH = $(under_prefix "$pkgconfig_path")
DATA_PATH = $(under_prefix "$data_path")
TEMP_PATHS =$(for path in "$client_body_temp" "$proxy_temp" "$fastcgi_temp" \
    "$uwsgi_temp" "$scgi_temp"; do printf ' %s' "$(under_prefix "$path")"; done)
WORKER_USER = $user

include auto/build.mk
END
touch "$builddir/Makefile"
rm -rf "$try"
