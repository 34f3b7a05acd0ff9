# shellcheck shell=sh disable=SC2154,SC2034
# The compiler: that it works, what it calls itself, which flags it knows.

try=$builddir/try
rm -rf "$try"
mkdir -p "$try"

# Compiles and links the program on standard input; $* are more arguments,
# libraries last. What went wrong stays in $try/log.
try_link() {
    cat >"$try/t.c"
    # shellcheck disable=SC2086
    $cc $cc_opt $sanitize -o "$try/t" "$try/t.c" $ld_opt "$@" \
        >"$try/log" 2>&1
}

# The flags of $* that the compiler takes, one by one.
known_flags() {
    for flag; do
        if echo 'int main(void) { return 0; }' | try_link -Werror "$flag"; then
            printf ' %s' "$flag"
        fi
    done
}

if [ -z "$cc" ]; then
    for cc in cc gcc clang none; do
        command -v $cc >/dev/null 2>&1 && break
    done
    [ "$cc" != none ] || fail "there is no C compiler: apt-get install gcc"
fi
case $sanitizer in
address) sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all
                   -fno-omit-frame-pointer' ;;
thread)  sanitize='-fsanitize=thread -fno-omit-frame-pointer' ;;
*)       sanitize= ;;
esac
sanitize=$(printf '%s' "$sanitize" | tr -s ' \n' '  ')

say "checking the compiler"
if ! echo '#include <stdio.h>
int main(void) { return puts("") < 0; }' | try_link -std=gnu11; then
    sed 's/^/    /' "$try/log" >&2
    if ! command -v "${cc%% *}" >/dev/null 2>&1; then
        fail "there is no \"$cc\": apt-get install ${cc%% *}"
    fi
    fail "\"$cc $cc_opt $ld_opt\" makes no program of a small C file (see" \
         "above). Does it lack the C library? apt-get install libc6-dev"
fi
[ "$(uname -s)" = Linux ] || fail "weir runs on Linux, this is $(uname -s)"
compiler=$($cc --version 2>/dev/null | sed 1q)
note "$compiler"

warnings='-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
          -Wimplicit-fallthrough -Wvla'
warnings=$(printf '%s' "$warnings" | tr -s ' \n' '  ')
[ "$werror" = no ] || warnings="$warnings -Werror"

cflags="-std=gnu11 -O2 -g -pthread -fno-strict-aliasing"
# A sanitizer's library has functions of the same names (crypt_r) that call the real
# ones: these must be there even if nothing seems to need them.
ldflags="-pthread"
[ -n "$sanitizer" ] || ldflags="$ldflags -Wl,--as-needed"
if [ -n "$sanitizer" ]; then
    cflags="-std=gnu11 -O1 -g -pthread -fno-strict-aliasing $sanitize"
    ldflags="$ldflags $sanitize"
else
    # Debian's hardening; none of it costs what could be measured.
    case "$cc_opt" in
    *-O0* | *FORTIFY_SOURCE*) ;;
    *) cflags="$cflags -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2" ;;
    esac
    cflags="$cflags$(known_flags -fstack-protector-strong -fcf-protection)"
    ldflags="$ldflags$(known_flags -Wl,-z,relro -Wl,-z,now)"
    # What is bound at the start is called without a detour.
    cflags="$cflags$(known_flags -fno-plt)"
fi
# What is built does not name the folder it was built in. Kept out of the flags
# that make an object old when they change.
prefix_map=$(known_flags "-ffile-prefix-map=$PWD=.")
