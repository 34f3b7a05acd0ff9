/*
 * pprint: a value laid out for people, as Python's pprint.pformat does with its
 * defaults: 80 columns, dicts sorted, one item a line where it does not fit.
 */
#include "filter_priv.h"

#include <weir/expr/pretty.h>

WR_FN(wr_filter_pprint)
{
    static const wr_sig_t sig = {"do_pprint", NULL, 1, 1, {"value"}};
    wr_val_t v;
    wr_buf_t b = wr_buf(ev->pool);

    if (!wr_sig_bind(ev, &sig, args, &v)
        || !wr_pretty(ev, &b, &v, &(wr_pretty_opts_t) {.depth = 0})) {
        return false;
    }
    return wr_text_val(ev, &b, false, out);
}
