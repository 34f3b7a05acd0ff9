#!/bin/sh
#
# make install: puts what is in a build folder where configure was told to: the
# server, with the files for systemd and logrotate in contrib/ under the prefix, and
# the SDK (headers, weir.pc, weir-module.mk) for those who write modules.
# Every file arrives by rename, so that a running server keeps what it has
# mapped. What the user may have changed (conf, html) is never overwritten; the
# new text of the conf comes as weir.conf.default.

set -eu
umask 022
case $#:${2:-} in
1: | 2:server | 2:sdk) ;;
*) echo "usage: install.sh BUILDDIR [server|sdk]" >&2; exit 2 ;;
esac
B=$1 part=${2:-all}
D=${DESTDIR:-}

value() {
    sed -n "s/^$1 = *//p" "$B/Makefile"
}

put() {                 # put FILE TARGET [MODE]
    dir=$(dirname "$2")
    mkdir -p "$dir"
    cp -f "$1" "$dir/.$(basename "$2").new"
    chmod "${3:-644}" "$dir/.$(basename "$2").new"
    mv -f "$dir/.$(basename "$2").new" "$2"
}

put_text() {            # put_text TARGET <text
    cat >"$B/install.text"
    put "$B/install.text" "$1"
    rm "$B/install.text"
}

keep() {                # put, unless there is one
    [ -e "$2" ] || put "$1" "$2"
}

link() {                # link NAME FOLDER: it is found under the prefix as well
    [ "$2" = "$prefix/$1" ] || [ -e "$D$prefix/$1" ] || [ -L "$D$prefix/$1" ] ||
        ln -s "$2" "$D$prefix/$1"
}

prefix=$(value PREFIX)
conf=$(value CONF_PATH)
conf_dir=$(dirname "$conf")
modules=$(value MODULES_PATH)
data=$(value DATA_PATH)
include=$(value INCLUDE_PATH)
pkgconfig=$(value PKGCONFIG_PATH)

install_server() {
    [ ! -x "$B/weir" ] || put "$B/weir" "$D$(value SBIN_PATH)" 755
    [ ! -x "$B/weir-render" ] || put "$B/weir-render" "$D$(value BIN_PATH)" 755

    mkdir -p "$D$modules"
    for module in $(value DYNAMIC_MODULES); do
        file=$(value "SO_$module").so
        put "$B/modules/$file" "$D$modules/$file"
    done

    find conf -type f ! -name '.*' | while read -r file; do
        target=$D$conf_dir/${file#conf/}
        [ "$file" != conf/weir.conf ] || target=$D$conf
        keep "$file" "$target"
        put "$file" "$target.default"
    done
    find html -type f ! -name '.*' | while read -r file; do
        keep "$file" "$D$prefix/$file"
    done
    for log in "$(value ERROR_LOG_PATH)" "$(value HTTP_LOG_PATH)" \
               "$(value PID_PATH)"; do
        case $log in
        /*) mkdir -p "$D$(dirname "$log")" ;;
        esac
    done
    mkdir -p "$D$prefix" "$D$data"
    link conf "$conf_dir"
    link modules "$modules"
    link data "$data"
    case $(value HTTP_LOG_PATH) in
    /*) link logs "$(dirname "$(value HTTP_LOG_PATH)")" ;;
    esac
    install_contrib
    for page in man/*.[1-8]; do
        [ ! -e "$page" ] || put "$page" \
            "$D$prefix/share/man/man${page##*.}/$(basename "$page")"
    done
}

# The folders that the server writes to, without those within another.
writes() {
    { echo "$data"
      # shellcheck disable=SC2046
      for file in $(value ERROR_LOG_PATH) $(value HTTP_LOG_PATH) \
                  $(value PID_PATH) $(value TEMP_PATHS); do
          case $file in
          /*) dirname "$file" ;;
          esac
      done
    } | LC_ALL=C sort -u | awk '
        { for (i in seen) if (index($0, seen[i] "/") == 1) next
          printf "%s%s", (n ? " " : ""), $0; seen[n++] = $0 }'
}

# For the user to look at, and to put where the system wants it.
install_contrib() {
    for file in contrib/weir.*; do
        sed -e "s|@SBIN_PATH@|$(value SBIN_PATH)|g" \
            -e "s|@PID_PATH@|$(value PID_PATH)|g" \
            -e "s|@LOG_DIR@|$(dirname "$(value HTTP_LOG_PATH)")|g" \
            -e "s|@USER@|$(value WORKER_USER)|g" \
            -e "s|@WRITES@|$(writes)|g" "$file" |
            put_text "$D$prefix/$file"
    done
}

install_sdk() {
    find core -name '*.h' ! -name '*_priv.h' ! -path 'core/main/*' |
        while read -r file; do
            put "$file" "$D$include/weir/${file#core/}"
        done
    put "$B/auto_config.h" "$D$include/weir_config.h"
    sed "s|@MODULE_CFLAGS@|$(value MODULE_CFLAGS)|" auto/weir-module.mk |
        put_text "$D$include/weir/weir-module.mk"

    abi() {
        sed -n "s/^#define WR_ABI_$1 *//p" core/module/module.h
    }
    put_text "$D$pkgconfig/weir.pc" <<END
prefix=$prefix
includedir=$include
moduledir=$modules
sysconfdir=$conf_dir
server=$(value SBIN_PATH)
modulemk=$include/weir/weir-module.mk
abi_version=$(abi MAJOR).$(abi MINOR)
abi_package=weir-abi-$(abi MAJOR)

Name: weir
Description: headers for modules of the weir server
Version: $(value VERSION)
Cflags: -I$include
END
}

[ "$part" = sdk ] || install_server
[ "$part" = server ] || install_sdk
echo "installed under $D$prefix"
