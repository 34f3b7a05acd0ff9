# shellcheck shell=sh disable=SC2154,SC2034
# Which modules are built, and how: the tree's with what the command line chose,
# then those of --add-module. Sets static_modules and dynamic_modules (short
# names), off_modules, and module_rules (make's variables for each).

say "choosing the modules"
static_modules='' dynamic_modules='' off_modules='' folders='' module_rules=''
module_options='' used_choices=''

# How the command line wants this module: the last word counts.
chosen_state() {
    state=$MODULE_DEFAULT
    asked=no
    while read -r name how; do
        case $name in
        "$MODULE_OPTION" | "$MODULE_NAME" | "$module")
            state=$how asked=yes
            used_choices="$used_choices $name" ;;
        esac
    done <<END
$chosen
END
}

# Takes the module that read_module has read, in state $1.
take_module() {
    case $1 in
    static | dynamic) ;;
    off)
        off_modules="$off_modules $module"
        return ;;
    *)  fail "$module_dir/module.conf: MODULE_DEFAULT is static, dynamic or" \
             "off, not \"$1\"" ;;
    esac
    if has_word "$static_modules$dynamic_modules" "$module"; then
        fail "$module_dir: there is a module \"$module\" already"
    fi
    for lib in $without_libs; do
        case " $MODULE_LIBS " in
        *" -l$lib "*)
            fail "$MODULE_NAME needs $lib: leave out --without-$lib, or give" \
                 "--without-$MODULE_OPTION too" ;;
        esac
    done
    # shellcheck disable=SC2086
    if [ -n "$MODULE_LIBS" ] && ! echo 'int main(void) { return 0; }' |
        try_link $MODULE_LIBS; then
        hint=${MODULE_PKG:+: apt-get install $MODULE_PKG}
        if [ "$MODULE_OPTIONAL" = yes ] && [ "$asked" = no ]; then
            note "$MODULE_NAME: left out, no$MODULE_LIBS$hint"
            off_modules="$off_modules $module"
            return
        fi
        fail "$MODULE_NAME needs $MODULE_LIBS$hint," \
             "or leave it out: --without-$MODULE_OPTION"
    fi
    if [ "$1" = static ]; then
        static_modules="$static_modules $module"
        module_options="$module_options $MODULE_OPTION"
    else
        dynamic_modules="$dynamic_modules $module"
        module_options="$module_options $MODULE_OPTION=dynamic"
    fi
    for need in $MODULE_DEPENDS; do
        needs="$needs$module $need$nl"
    done
    module_rules="${module_rules}DIR_$module = $module_dir
SO_$module = $MODULE_NAME
LIBS_$module = $MODULE_LIBS
"
}

needs=
for dir in $(module_folders); do
    read_module "$dir"
    folders="$folders $(basename "$dir")"
    chosen_state
    take_module "$state"
done
while read -r dir state; do
    [ -n "$dir" ] || continue
    [ -d "$dir" ] || fail "--add-module=$dir: there is no such folder"
    set -- "$dir"/*.c
    [ -e "$1" ] || fail "--add-module=$dir: no C sources in it"
    read_module "$dir"
    asked=yes
    take_module "$state"
done <<END
$addons
END

while read -r name need; do
    [ -n "$name" ] || continue
    has_word "$static_modules$dynamic_modules" "$need" ||
        fail "module \"$name\" needs the module \"$need\": build it as well"
    if has_word "$static_modules" "$name" &&
       has_word "$dynamic_modules" "$need"; then
        note "$name is built in, but works only where $need is loaded"
    fi
done <<END
$needs
END

# What the command line named must be something.
while read -r name how; do
    [ -n "$name" ] || continue
    if has_word "$used_choices" "$name" || has_word "$always" "$name"; then
        continue
    elif has_word "$of_nginx" "$name"; then
        [ "$how" = off ] || fail "weir has no $name (an option of nginx)"
    elif [ "$how" = off ]; then
        fail "unknown option \"--without-$name\" (./configure --help)"
    else
        fail "unknown option \"--with-$name\" (./configure --help)"
    fi
done <<END
$chosen
END

note "built in:${static_modules:- none}"
note "loadable:${dynamic_modules:- none}"
[ -z "$off_modules" ] || note "left out:$off_modules"

# `-V` names every module that nginx would have to be asked for, also where weir
# has it without being asked: people's scripts look for them.
for option in $module_options; do
    case " $arguments " in
    *" --with-${option%%=*} "* | *" --with-${option%%=*}="*) ;;
    *)  if has_word "$asked_of_nginx" "${option%%=*}"; then
            arguments="$arguments --with-$option"
        fi ;;
    esac
done
