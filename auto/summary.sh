# shellcheck shell=sh disable=SC2154
# The last words of configure.

cat <<END

weir $version
  prefix        $prefix
  server        $(under_prefix "$sbin_path")
  modules       $(under_prefix "$modules_path")
  conf          $(under_prefix "$conf_path")
  error log     $(under_prefix "$error_log_path")
  access log    $(under_prefix "$http_log_path")
  pid file      $(under_prefix "$pid_path")

Now: make$([ "$builddir" = objs ] || printf ' B=%s' "$builddir")
END
