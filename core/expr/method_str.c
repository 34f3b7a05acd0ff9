/*
 * The table of str's methods, and format and format_map.
 */
#include <weir/expr/format.h>
#include <weir/expr/method_priv.h>

WR_METHOD(wr_str_format)
{
    return wr_format_fields(ev, &args->self, args, out);
}

WR_METHOD(wr_str_format_map)
{
    if (ev->sandbox != 0 && args->nkw != 0) {
        return wr_raise(ev, "TypeError",
                        "format_map() takes no keyword arguments");
    }
    if (ev->sandbox != 0 && args->n != 1) {
        return wr_raise(ev, "TypeError", "format_map() takes exactly one"
                        " argument (%u given)", args->n);
    }
    return wr_take_one(ev, "format_map", args)
           && wr_format_map(ev, &args->self, &args->pos[0], out);
}

static const wr_method_t rows[] = {
    {"capitalize", wr_str_capitalize},
    {"casefold", wr_str_casefold},
    {"center", wr_str_center},
    {"count", wr_str_count},
    {"encode", wr_str_encode},
    {"endswith", wr_str_endswith},
    {"expandtabs", wr_str_expandtabs},
    {"find", wr_str_find_},
    {"format", wr_str_format},
    {"format_map", wr_str_format_map},
    {"index", wr_str_index},
    {"isalnum", wr_str_isalnum},
    {"isalpha", wr_str_isalpha},
    {"isascii", wr_str_isascii},
    {"isdecimal", wr_str_isdecimal},
    {"isdigit", wr_str_isdigit},
    {"isidentifier", wr_str_isidentifier},
    {"islower", wr_str_islower},
    {"isnumeric", wr_str_isnumeric},
    {"isprintable", wr_str_isprintable},
    {"isspace", wr_str_isspace},
    {"istitle", wr_str_istitle},
    {"isupper", wr_str_isupper},
    {"join", wr_str_join},
    {"ljust", wr_str_ljust},
    {"lower", wr_str_lower},
    {"lstrip", wr_str_lstrip},
    {"maketrans", wr_str_maketrans},
    {"partition", wr_str_partition},
    {"removeprefix", wr_str_removeprefix},
    {"removesuffix", wr_str_removesuffix},
    {"replace", wr_str_replace},
    {"rfind", wr_str_rfind},
    {"rindex", wr_str_rindex},
    {"rjust", wr_str_rjust},
    {"rpartition", wr_str_rpartition},
    {"rsplit", wr_str_rsplit},
    {"rstrip", wr_str_rstrip},
    {"split", wr_str_split_},
    {"splitlines", wr_str_splitlines},
    {"startswith", wr_str_startswith},
    {"strip", wr_str_strip},
    {"swapcase", wr_str_swapcase},
    {"title", wr_str_title},
    {"translate", wr_str_translate},
    {"upper", wr_str_upper},
    {"zfill", wr_str_zfill},
};

const wr_methods_t wr_str_methods = {rows, WR_COUNT(rows)};
