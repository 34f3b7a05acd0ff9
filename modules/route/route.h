/*
 * route: between its files.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <weir/app/app.h>

typedef enum {
    SEG_TEXT, SEG_ANY, SEG_INT, SEG_FLOAT, SEG_UUID, SEG_SLUG, SEG_REGEX, SEG_PATH
} seg_kind_t;

typedef struct seg {
    seg_kind_t  kind;
    wr_str_t    text;           /* of SEG_TEXT */
    wr_str_t    name;           /* of a parameter */
    wr_regex_t *regex;
    wr_str_t    pattern;        /* of the regex */
} seg_t;

#define ALL_METHODS UINT32_MAX

/* One `route`. */
typedef struct route {
    wr_location_t *location;
    uint32_t       methods;     /* bits; ALL_METHODS: * */
    wr_str_t       pattern;     /* with the prefixes of its groups */
    wr_str_t       name;
    wr_array_t     segs;        /* seg_t */
    wr_tok_t       at;
    bool           slash;       /* the pattern ends with a slash */
} route_t;

typedef struct node node_t;

/* The routes of a server. */
typedef struct routes {
    wr_array_t     list;        /* route_t * */
    node_t        *root;
    wr_location_t *refuse;      /* answers 405 and OPTIONS */
} routes_t;

/* match.c */
wr_rc_t        route_parse(wr_conf_t *cf, const wr_tok_t *at, route_t *route);
wr_rc_t        routes_build(wr_conf_t *cf, routes_t *all);
wr_location_t *routes_match(wr_req_t *r, void *data);
wr_rc_t        routes_refuse(wr_req_t *r, void *state);
/* url.c */
bool route_url_for(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);
/* Refuses calls of url_for in the conf and in templates that can only fail, and warns
 * of those that may never be made. */
wr_rc_t route_check_urls(wr_conf_t *cf, const wr_map_t *names);
extern const wr_var_row_t route_variables[];
extern wr_map_t *route_names;   /* of the newest cycle; NULL: it has none */

extern const wr_directive_t route_directives[];

/* steps.c, save.c, views.c: set functions of their rows */
wr_rc_t route_set_set(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_unset(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_require(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_when(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_otherwise(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_status(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_header(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_save(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_cookie(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_text(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t route_set_redirect(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* Answers with a redirect to a rendered target; only to this site unless
 * `external`. */
wr_rc_t route_redirect(wr_req_t *r, const wr_app_text_t *target, bool external,
                       unsigned status);

#endif
