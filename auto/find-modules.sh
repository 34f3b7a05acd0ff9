# shellcheck shell=sh disable=SC1091,SC2034
# The module folders of the tree, and what each module.conf says.

# The folders that hold a module: those with sources.
module_folders() {
    for dir in modules/*/; do
        set -- "$dir"*.c
        [ -e "$1" ] && printf '%s\n' "${dir%/}"
    done
    return 0
}

# Sets the MODULE_ variables for the module in folder $1. Its short name is what
# WR_MODULE says in a source.
read_module() {
    module_dir=${1%/}
    module=$(sed -n 's/^WR_MODULE( *\([a-z0-9_]*\).*/\1/p' "$module_dir"/*.c |
        sed 1q)
    [ -n "$module" ] || module=$(basename "$module_dir")
    MODULE_NAME=http_${module}_module
    MODULE_OPTION=
    MODULE_DEFAULT=static
    MODULE_LIBS=
    MODULE_PKG=
    MODULE_DEPENDS=
    MODULE_OPTIONAL=no
    if [ -f "$module_dir/module.conf" ]; then
        case $module_dir in
        /*) . "$module_dir/module.conf" ;;
        *)  . "./$module_dir/module.conf" ;;
        esac
    fi
    : "${MODULE_OPTION:=$MODULE_NAME}"
    case $module in
    '' | *[!a-z0-9_]*)
        fail "$module_dir: a module's folder is named as the module:" \
             "a-z, 0-9, _" ;;
    esac
}

list_modules() {
    for dir in $(module_folders); do
        read_module "$dir"
        printf '  %-36s %s\n' "$MODULE_OPTION" "$MODULE_DEFAULT"
    done
}
