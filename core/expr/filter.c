/*
 * The table of filters. A row binds a name to its function; `params` and the
 * sentence are for the manual. The functions live in filter_*.c by theme.
 */
#include "filter_priv.h"

const wr_fn_row_t wr_filters[] = {
    {"abs", wr_filter_abs, "x", "The absolute value of a number.", WR_FN_PURE,
     "-3|abs -> 3"},
    {"attr", wr_filter_attr, "obj, name", "An attribute, never an item.", 0,
     "\"x\"|attr(\"upper\") is callable -> True"},
    {"batch", wr_filter_batch, "value, linecount, fill_with=none",
     "Rows of linecount items, the last one filled up.", 0,
     "[1, 2, 3]|batch(2, 0)|list -> [[1, 2], [3, 0]]"},
    {"capitalize", wr_filter_capitalize, "s",
     "The first letter upper, the rest lower.", WR_FN_PURE,
     "\"hELLO wORLD\"|capitalize -> Hello world"},
    {"center", wr_filter_center, "value, width=80",
     "Centers text in a field of a given width.", WR_FN_PURE,
     "\"[\" ~ \"hi\"|center(6) ~ \"]\" -> [  hi  ]"},
    {"count", wr_filter_length, "obj", "The number of items.", 0,
     "[4, 5, 6]|count -> 3"},
    {"d", wr_filter_default, "value, default_value='', boolean=false",
     "A value in place of an undefined one.", WR_FN_PURE,
     "missing|d(\"nobody\") -> nobody"},
    {"default", wr_filter_default, "value, default_value='', boolean=false",
     "A value in place of an undefined one.", WR_FN_PURE,
     "missing|default(\"nobody\") -> nobody\n"
     "\"\"|default(\"empty\", true) -> empty"},
    {"dictsort", wr_filter_dictsort,
     "value, case_sensitive=false, by='key', reverse=false",
     "The pairs of a mapping, sorted by key or value.", 0,
     "{\"b\": 1, \"a\": 2}|dictsort -> [('a', 2), ('b', 1)]\n"
     "{\"b\": 1, \"a\": 2}|dictsort(by=\"value\") -> [('b', 1), ('a', 2)]"},
    {"e", wr_filter_escape, "s", "Escapes for HTML; Markup stays.", WR_FN_PURE,
     "\"<b>\"|e -> &lt;b&gt;"},
    {"escape", wr_filter_escape, "s", "Escapes for HTML; Markup stays.",
     WR_FN_PURE,
     "\"a < b & c\"|escape -> a &lt; b &amp; c"},
    {"filesizeformat", wr_filter_filesizeformat, "value, binary=false",
     "A number of bytes for people: 13 kB, 4.1 MB.", WR_FN_PURE,
     "13000|filesizeformat -> 13.0 kB\n"
     "13000|filesizeformat(true) -> 12.7 KiB"},
    {"first", wr_filter_first, "seq", "The first item.", 0,
     "[4, 5, 6]|first -> 4"},
    {"float", wr_filter_float, "value, default=0.0",
     "A float, or the default if there is none in the value.", WR_FN_PURE,
     "\"3.5\"|float -> 3.5\n"
     "\"none\"|float(1.0) -> 1.0"},
    {"forceescape", wr_filter_forceescape, "value",
     "Escapes for HTML, Markup as well.", WR_FN_PURE,
     "\"<b>\"|safe|forceescape -> &lt;b&gt;"},
    {"format", wr_filter_format, "value, *args, **kwargs",
     "The text with printf-style fields filled in.", 0,
     "\"%s is %d\"|format(\"ann\", 40) -> ann is 40"},
    {"groupby", wr_filter_groupby,
     "value, attribute, default=none, case_sensitive=false",
     "Groups with .grouper and .list, sorted by an attribute.", 0,
     "[{\"city\": \"Rome\", \"n\": 1}, {\"city\": \"Bern\", \"n\": "
     "2}]|groupby(\"city\")|map(\"first\")|join(\", \") -> Bern, Rome"},
    {"indent", wr_filter_indent, "s, width=4, first=false, blank=false",
     "Indents all lines but the first.", WR_FN_PURE,
     "\"a\\nb\"|indent(2)|tojson -> \"a\\n  b\""},
    {"int", wr_filter_int, "value, default=0, base=10",
     "An integer, or the default if there is none in the value.", WR_FN_PURE,
     "\"42 \"|int -> 42\n"
     "\"ff\"|int(base=16) -> 255"},
    {"items", wr_filter_items, "value",
     "The pairs of a mapping; of an undefined value none.", 0,
     "{\"a\": 1}|items|list -> [('a', 1)]"},
    {"join", wr_filter_join, "value, d='', attribute=none",
     "The items as one text.", 0,
     "[1, 2, 3]|join(\"-\") -> 1-2-3\n"
     "[{\"n\": 1}, {\"n\": 2}]|join(\", \", attribute=\"n\") -> 1, 2"},
    {"last", wr_filter_last, "seq", "The last item.", 0,
     "[4, 5, 6]|last -> 6"},
    {"length", wr_filter_length, "obj", "The number of items.", 0,
     "\"hello\"|length -> 5"},
    {"list", wr_filter_list, "value", "The items in a list.", 0,
     "\"abc\"|list -> ['a', 'b', 'c']"},
    {"lower", wr_filter_lower, "s", "The text in lower case.", WR_FN_PURE,
     "\"HeLLo\"|lower -> hello"},
    {"map", wr_filter_map, "value, name, *args, **kwargs | attribute=, default=",
     "A filter applied to, or an attribute of, each item.", 0,
     "[\"a\", \"b\"]|map(\"upper\")|list -> ['A', 'B']\n"
     "[{\"n\": 1}, {\"n\": 2}]|map(attribute=\"n\")|list -> [1, 2]"},
    {"max", wr_filter_max, "value, case_sensitive=false, attribute=none",
     "The largest item.", 0,
     "[1, 3, 2]|max -> 3"},
    {"min", wr_filter_min, "value, case_sensitive=false, attribute=none",
     "The smallest item.", 0,
     "[\"b\", \"A\"]|min -> A"},
    {"pprint", wr_filter_pprint, "value", "The value laid out for debugging.",
     0,
     "{\"a\": [1, 2]}|pprint -> {'a': [1, 2]}"},
    {"random", wr_filter_random, "seq", "An item at random.", 0,
     "[1, 2, 3]|random in [1, 2, 3] -> True"},
    {"reject", wr_filter_reject, "value, test, *args",
     "The items for which a test fails.", 0,
     "[1, 2, 3]|reject(\"odd\")|list -> [2]"},
    {"rejectattr", wr_filter_rejectattr, "value, attribute, test, *args",
     "The items for whose attribute a test fails.", 0,
     "[{\"n\": 1, \"hidden\": true}, {\"n\": 2, \"hidden\": "
     "false}]|rejectattr(\"hidden\")|map(attribute=\"n\")|list -> [2]"},
    {"replace", wr_filter_replace, "s, old, new, count=none",
     "The text with one part replaced by another.", 0,
     "\"a-b-c\"|replace(\"-\", \"+\") -> a+b+c\n"
     "\"a-b-c\"|replace(\"-\", \"+\", 1) -> a+b-c"},
    {"reverse", wr_filter_reverse, "value", "The other way round.", 0,
     "\"abc\"|reverse -> cba\n"
     "[1, 2, 3]|reverse|list -> [3, 2, 1]"},
    {"round", wr_filter_round, "value, precision=0, method='common'",
     "Rounds: common, ceil or floor.", WR_FN_PURE,
     "2.567|round(2) -> 2.57\n"
     "2.1|round(method=\"ceil\") -> 3.0"},
    {"safe", wr_filter_safe, "value", "Marks text as already escaped.",
     WR_FN_PURE,
     "\"<b>\"|safe|e -> <b>"},
    {"select", wr_filter_select, "value, test, *args",
     "The items for which a test holds.", 0,
     "[1, 2, 3]|select(\"odd\")|list -> [1, 3]"},
    {"selectattr", wr_filter_selectattr, "value, attribute, test, *args",
     "The items for whose attribute a test holds.", 0,
     "[{\"n\": 1}, {\"n\": 2}]|selectattr(\"n\", \">\", 1)|list -> [{'n': 2}]"},
    {"slice", wr_filter_slice, "value, slices, fill_with=none",
     "The items in a number of columns.", 0,
     "[1, 2, 3]|slice(2)|list -> [[1, 2], [3]]"},
    {"sort", wr_filter_sort,
     "value, reverse=false, case_sensitive=false, attribute=none",
     "The items in order.", 0,
     "[3, 1, 2]|sort -> [1, 2, 3]\n"
     "[{\"n\": 2}, {\"n\": 1}]|sort(attribute=\"n\", "
     "reverse=true)|map(attribute=\"n\")|list -> [2, 1]"},
    {"string", wr_filter_string, "s", "The value as text; Markup stays.",
     WR_FN_PURE,
     "42|string ~ \"!\" -> 42!"},
    {"striptags", wr_filter_striptags, "value",
     "The text without tags and with one space between words.", WR_FN_PURE,
     "\"<p>Hello   <b>you</b></p>\"|striptags -> Hello you"},
    {"sum", wr_filter_sum, "iterable, attribute=none, start=0",
     "The sum of the items.", 0,
     "[1, 2, 3]|sum -> 6\n"
     "[{\"n\": 1}, {\"n\": 2}]|sum(attribute=\"n\") -> 3"},
    {"title", wr_filter_title, "s", "Words with their first letter upper.",
     WR_FN_PURE,
     "\"hello my world\"|title -> Hello My World"},
    {"tojson", wr_filter_tojson, "value, indent=none",
     "The value as JSON that is safe inside HTML.", 0,
     "{\"a\": \"<b>\", \"n\": none}|tojson -> {\"a\": \"\\u003cb\\u003e\", \"n\": null}"},
    {"trim", wr_filter_trim, "value, chars=none",
     "Without white space, or chars, at both ends.", WR_FN_PURE,
     "\"[\" ~ \"  hi  \"|trim ~ \"]\" -> [hi]\n"
     "\"--hi--\"|trim(\"-\") -> hi"},
    {"truncate", wr_filter_truncate,
     "s, length=255, killwords=false, end='...', leeway=none",
     "Cut to a length.", 0,
     "\"a rather long line\"|truncate(12) -> a rather...\n"
     "\"a rather long line\"|truncate(12, true, \"…\") -> a rather lo…"},
    {"unique", wr_filter_unique, "value, case_sensitive=false, attribute=none",
     "The first of each of the items that are equal.", 0,
     "[\"b\", \"a\", \"B\"]|unique|list -> ['b', 'a']"},
    {"upper", wr_filter_upper, "s", "The text in upper case.", WR_FN_PURE,
     "\"hello\"|upper -> HELLO"},
    {"urlencode", wr_filter_urlencode, "value",
     "Text, or pairs, quoted for a URL.", 0,
     "\"a b/c&d\"|urlencode -> a%20b/c%26d\n"
     "{\"q\": \"a b\", \"n\": 1}|urlencode -> q=a+b&n=1"},
    {"urlize", wr_filter_urlize,
     "value, trim_url_limit=none, nofollow=false, target=none, rel=none, "
     "extra_schemes=none",
     "URLs in text become links.", 0,
     "\"see https://example.com/\"|urlize -> see <a href=\"https://example.com/\" "
     "rel=\"noopener\">https://example.com/</a>"},
    {"wordcount", wr_filter_wordcount, "s", "The number of words.", WR_FN_PURE,
     "\"one two three\"|wordcount -> 3"},
    {"wordwrap", wr_filter_wordwrap,
     "s, width=79, break_long_words=true, wrapstring=none, "
     "break_on_hyphens=true",
     "Wraps text to a width.", 0,
     "\"aa bb cc\"|wordwrap(5, wrapstring=\"/\") -> aa bb/cc"},
    {"xmlattr", wr_filter_xmlattr, "d, autospace=true",
     "A mapping as attributes of a tag.", 0,
     "\"<a\" ~ {\"href\": \"/x\", \"id\": none}|xmlattr ~ \">\" -> <a href=\"/x\">"},
    {.name = NULL},
};

bool
wr_has_html(const wr_val_t *v)
{
    if (v->type == WR_V_STR) {
        return (v->flags & WR_VF_SAFE) != 0;
    }
    return v->type == WR_V_UNDEFINED && v->u.undef != NULL
        && v->u.undef->kind == WR_UNDEF_CHAINABLE;
}

/* Lower case in place of a copy if the text is ASCII; false if it is not. */
static bool
lower_ascii(wr_eval_t *ev, wr_val_t *v)
{
    const unsigned char *s = (const unsigned char *) v->u.s;
    bool  upper = false;
    char *to;

    for (uint32_t i = 0; i < v->len; i++) {
        if (s[i] >= 0x80) {
            return false;
        }
        upper |= s[i] >= 'A' && s[i] <= 'Z';
    }
    if (upper) {
        to = wr_alloc_bytes(ev->pool, v->len);
        for (uint32_t i = 0; i < v->len; i++) {
            to[i] = wr_lower((char) s[i]);
        }
        v->u.s = to;
    }
    return true;
}

bool
wr_ignore_case(wr_eval_t *ev, wr_val_t *v)
{
    wr_val_t out;

    if (v->type != WR_V_STR || lower_ascii(ev, v)) {
        return true;
    }
    if (!wr_call_method(ev, v, "lower", NULL, 0, &out)) {
        return false;
    }
    *v = out;
    return true;
}

bool
wr_collect(wr_eval_t *ev, const wr_val_t *v, wr_list_t **out)
{
    wr_list_t *l;
    wr_iter_t  it;
    wr_val_t   item;
    wr_rc_t    rc;

    if (v->type == WR_V_LIST || v->type == WR_V_TUPLE) {
        if (!wr_may_take(ev, sizeof(wr_val_t) * (uint64_t) v->u.list->n)) {
            return false;
        }
        l = wr_list_new(ev->pool, v->u.list->n);
        for (uint32_t i = 0; i < v->u.list->n; i++) {
            wr_list_push(ev->pool, l, v->u.list->items[i]);
        }
        *out = l;
        return true;
    }
    if (!wr_iter(ev, v, &it)) {
        return false;
    }
    l = wr_list_new(ev->pool,
                    it.left > 0 && it.left < 4096 ? (uint32_t) it.left : 0);
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!wr_list_add(ev, l, &item)) {
            return false;
        }
    }
    if (rc != WR_DONE) {
        return false;
    }
    *out = l;
    return true;
}

/* Bytes of the line end that starts at `p`, 0 if there is none. */
static size_t
line_end(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *) p;

    if (u[0] == '\r') {
        return n > 1 && u[1] == '\n' ? 2 : 1;
    }
    if ((u[0] >= '\n' && u[0] <= '\f') || (u[0] >= 0x1c && u[0] <= 0x1e)) {
        return 1;
    }
    if (u[0] == 0xc2 && n > 1 && u[1] == 0x85) {
        return 2;
    }
    if (u[0] == 0xe2 && n > 2 && u[1] == 0x80 && (u[2] | 1) == 0xa9) {
        return 3;
    }
    return 0;
}

bool
wr_next_line(wr_str_t *rest, wr_str_t *line, bool ends)
{
    size_t at = 0;
    size_t end = 0;

    if (rest->n == 0) {
        return false;
    }
    while (at < rest->n) {
        end = line_end(rest->p + at, rest->n - at);
        if (end != 0) {
            break;
        }
        at++;
    }
    *line = wr_str_sub(*rest, 0, at + (ends ? end : 0));
    *rest = wr_str_skip(*rest, at + end);
    return true;
}
