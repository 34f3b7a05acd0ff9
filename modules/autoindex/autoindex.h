/*
 * A folder's entries, and the forms in which they are shown.
 */
#ifndef WEIR_AUTOINDEX_AUTOINDEX_H
#define WEIR_AUTOINDEX_AUTOINDEX_H

#include <weir/http/request.h>

typedef enum form { FORM_HTML = 0, FORM_JSON, FORM_JSONP, FORM_XML } form_t;

typedef struct conf {
    bool on;
    bool exact_size;
    bool local_time;
    int  format;
} conf_t;

typedef struct entry {
    wr_str_t name;
    int64_t  mtime;
    int64_t  size;
    bool     is_dir, is_file;
} entry_t;

void show_html(wr_req_t *r, const conf_t *conf, const wr_array_t *entries, wr_buf_t *b);
/* `callback` empty: plain JSON. */
void show_json(const wr_array_t *entries, wr_str_t callback, wr_buf_t *b);
void show_xml(wr_req_t *r, const wr_array_t *entries, wr_buf_t *b);

#endif
