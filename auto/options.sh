# shellcheck shell=sh disable=SC2034
# The command line. Sets one variable per option; the choice of modules is kept
# in `chosen`, one "NAME STATE" a line, for auto/modules.sh.

prefix=/usr/local/weir
sbin_path= modules_path= conf_path= error_log_path= http_log_path= pid_path=
lock_path= bin_path= include_path= pkgconfig_path= data_path=
client_body_temp=client_body_temp proxy_temp=proxy_temp
fastcgi_temp=fastcgi_temp uwsgi_temp=uwsgi_temp scgi_temp=scgi_temp
user=nobody group= builddir=objs build=
cc=${CC:-} cc_opt=${CFLAGS:-} ld_opt=${LDFLAGS:-}
debug=no sanitizer= werror=no without_libs=
chosen= addons= arguments= again= libs=
nl='
'

# What nginx can be built with and weir always has: accepted, and no more.
always=' compat threads file-aio pcre pcre-jit http http-cache select_module
 poll_module http_ssl_module http_v2_module http_rewrite_module
 http_upstream_zone_module '

# nginx's other options. One that weir has is a module of its own
# (auto/modules.sh); of the rest only --without-NAME is accepted. First those
# that nginx leaves out unless it is asked:
asked_of_nginx=' http_addition_module http_auth_request_module
 http_dav_module http_degradation_module http_flv_module http_geoip_module
 http_gunzip_module http_gzip_static_module http_image_filter_module
 http_mp4_module http_perl_module http_random_index_module
 http_realip_module http_secure_link_module http_slice_module
 http_stub_status_module http_sub_module http_v3_module http_xslt_module
 google_perftools_module cpp_test_module libatomic mail mail_ssl_module stream
 stream_geoip_module stream_realip_module stream_ssl_module
 stream_ssl_preread_module '
of_nginx="$asked_of_nginx"' mail_imap_module mail_pop3_module
 mail_smtp_module stream_access_module stream_geo_module
 stream_limit_conn_module stream_map_module stream_pass_module
 stream_return_module stream_set_module stream_split_clients_module
 stream_upstream_hash_module stream_upstream_least_conn_module
 stream_upstream_random_module stream_upstream_zone_module
 http_access_module http_auth_basic_module http_autoindex_module
 http_browser_module http_charset_module http_empty_gif_module
 http_fastcgi_module http_geo_module http_grpc_module http_gzip_module
 http_limit_conn_module http_limit_req_module http_map_module
 http_memcached_module http_mirror_module http_proxy_module
 http_referer_module http_scgi_module http_split_clients_module
 http_ssi_module http_tunnel_module http_upstream_hash_module
 http_upstream_ip_hash_module http_upstream_keepalive_module
 http_upstream_least_conn_module http_upstream_random_module
 http_upstream_sticky_module http_userid_module http_uwsgi_module '

# True if word $2 is in the list $1.
has_word() {
    case " $(printf '%s' "$1" | tr '\n' ' ') " in
    *" $2 "*) return 0 ;;
    esac
    return 1
}

# $1 as one word for a shell.
shell_quote() {
    printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# The argument as `-V` prints it: nginx quotes a value that has a space.
as_printed() {
    case $1 in
    --*=*' '*) printf "%s='%s'" "${1%%=*}" "${1#*=}" ;;
    *)         printf '%s' "$1" ;;
    esac
}

help() {
    cat <<'END'
Usage: ./configure [options]

  --prefix=PATH                where weir is installed       [/usr/local/weir]
  --sbin-path=FILE             the server                    [PREFIX/sbin/weir]
  --bin-path=FILE              the template renderer   [PREFIX/bin/weir-render]
  --modules-path=DIR           loadable modules              [PREFIX/modules]
  --conf-path=FILE             the conf                [PREFIX/conf/weir.conf]
  --error-log-path=FILE        the error log           [PREFIX/logs/error.log]
  --http-log-path=FILE         the access log         [PREFIX/logs/access.log]
  --pid-path=FILE              the master's process id  [PREFIX/logs/weir.pid]
  --lock-path=FILE             the lock file           [PREFIX/logs/weir.lock]
  --include-path=DIR           the headers for modules       [PREFIX/include]
  --pkgconfig-path=DIR         weir.pc                 [PREFIX/lib/pkgconfig]
  --data-path=DIR              what applications store         [PREFIX/data]
  --http-client-body-temp-path=DIR, --http-proxy-temp-path=DIR,
  --http-fastcgi-temp-path=DIR, --http-uwsgi-temp-path=DIR,
  --http-scgi-temp-path=DIR    temporary files    [PREFIX/client_body_temp, …]
  --user=NAME --group=NAME     whom the workers run as       [nobody]
  --builddir=DIR               where the build goes          [objs]
  --build=NAME                 a name that -V shows

  --with-cc=FILE               the compiler                  [cc]
  --with-cc-opt=OPTIONS        more options for it
  --with-ld-opt=OPTIONS        more options for the linker
  --with-debug                 debug messages for `debug_connection` and the
                               like (weir has them always: accepted)
  --with-werror                a warning fails the build
  --with-sanitizer=address     AddressSanitizer and UBSan; or =thread

  --with-NAME                  build module NAME into the server
  --with-NAME=dynamic          build it as a file for load_module
  --without-NAME               leave it out
  --add-module=DIR             build in a module from another folder
  --add-dynamic-module=DIR     the same, as a file for load_module
  --without-nghttp2            do without this library (HTTP/2)
  --without-sqlite3, --without-hiredis, --without-jansson
                               the same; modules that need it must go as well

The modules of this tree, as they are built by default:

END
    list_modules
    cat <<'END'

Options of nginx that name what weir always has (--with-threads,
--with-http_ssl_module, …) are accepted.
END
}

# One option that takes a module's or a library's name: $1 is the name with what
# followed --with- or --without-, $2 is "with" or "without".
choose() {
    name=${1%%=*}
    how=static
    case $1 in
    *=dynamic) how=dynamic ;;
    *=static)  how=static ;;
    *=*)       fail "--$2-$1: only \"=dynamic\" or \"=static\" may follow" ;;
    esac
    if [ "$2" = without ]; then
        [ "$1" = "$name" ] || fail "--without-$name takes no value"
        how=off
        case $name in
        nghttp2 | sqlite3 | hiredis | jansson)
            without_libs="$without_libs $name"
            return ;;
        esac
    fi
    chosen="$chosen$name $how$nl"
}

. auto/find-modules.sh

for option in "$@"; do
    value=${option#*=}
    case $option in
    --builddir=*) ;;
    *) arguments="$arguments $(as_printed "$option")" ;;
    esac
    again="$again $(shell_quote "$option")"

    case $option in
    --help | -h)               help; exit 0 ;;
    --version)                 cat auto/version; exit 0 ;;
    --prefix=*)                prefix=$value ;;
    --sbin-path=*)             sbin_path=$value ;;
    --bin-path=*)              bin_path=$value ;;
    --modules-path=*)          modules_path=$value ;;
    --conf-path=*)             conf_path=$value ;;
    --error-log-path=*)        error_log_path=$value ;;
    --http-log-path=*)         http_log_path=$value ;;
    --pid-path=*)              pid_path=$value ;;
    --lock-path=*)             lock_path=$value ;;
    --include-path=*)          include_path=$value ;;
    --pkgconfig-path=*)        pkgconfig_path=$value ;;
    --data-path=*)             data_path=$value ;;
    --http-client-body-temp-path=*) client_body_temp=$value ;;
    --http-proxy-temp-path=*)       proxy_temp=$value ;;
    --http-fastcgi-temp-path=*)     fastcgi_temp=$value ;;
    --http-uwsgi-temp-path=*)       uwsgi_temp=$value ;;
    --http-scgi-temp-path=*)        scgi_temp=$value ;;
    --user=*)                  user=$value ;;
    --group=*)                 group=$value ;;
    --builddir=*)              builddir=$value ;;
    --build=*)                 build=$value ;;
    --with-cc=*)               cc=$value ;;
    --with-cc-opt=*)           cc_opt="$cc_opt $value" ;;
    --with-ld-opt=*)           ld_opt="$ld_opt $value" ;;
    --with-debug)              debug=yes ;;
    --with-werror)             werror=yes ;;
    --with-sanitizer=address | --with-sanitizer=thread) sanitizer=$value ;;
    --with-sanitizer=*)
        fail "--with-sanitizer takes \"address\" or \"thread\"" ;;
    --add-module=*)            addons="$addons$value static$nl" ;;
    --add-dynamic-module=*)    addons="$addons$value dynamic$nl" ;;
    --with-cpu-opt=* | --with-pcre-opt=* | --with-zlib-opt=* | \
    --with-openssl-opt=*)      ;;
    --with-pcre=* | --with-zlib=* | --with-openssl=* | --with-libatomic=*)
        fail "$option: weir is linked with the system's library" ;;
    --with-*)                  choose "${option#--with-}" with ;;
    --without-*)               choose "${option#--without-}" without ;;
    *) fail "unknown option \"$option\" (./configure --help lists them)" ;;
    esac
done

prefix=${prefix%/}
[ -n "$prefix" ] || prefix=/
: "${sbin_path:=sbin/weir}" "${bin_path:=bin/weir-render}"
: "${modules_path:=modules}" "${conf_path:=conf/weir.conf}"
: "${error_log_path:=logs/error.log}" "${http_log_path:=logs/access.log}"
: "${pid_path:=logs/weir.pid}" "${lock_path:=logs/weir.lock}"
: "${include_path:=include}" "${pkgconfig_path:=lib/pkgconfig}"
: "${data_path:=data}"

# A path that is not absolute stands under the prefix.
under_prefix() {
    case $1 in
    /* | stderr) printf '%s' "$1" ;;
    *)           printf '%s/%s' "${prefix%/}" "$1" ;;
    esac
}
