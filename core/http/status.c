/*
 * Reason phrases as nginx's users know them, by code.
 */
#include <weir/http/status.h>

#include <weir/base/base.h>

typedef struct row {
    uint16_t status;
    wr_str_t line;
    const char *title;      /* NULL: the line is the title; "": no page */
} row_t;

#define ROW(code, text) {code, WR_STR_INIT(#code " " text), NULL}
#define PLAIN(code, text) {code, WR_STR_INIT(#code " " text), ""}
#define TITLE(code, wire, title) {code, WR_STR_INIT(wire), title}

static const row_t rows[] = {
    PLAIN(100, "Continue"),
    PLAIN(101, "Switching Protocols"),
    PLAIN(200, "OK"),
    PLAIN(201, "Created"),
    PLAIN(202, "Accepted"),
    PLAIN(204, "No Content"),
    PLAIN(206, "Partial Content"),
    PLAIN(207, "Multi-Status"),
    ROW(301, "Moved Permanently"),
    TITLE(302, "302 Moved Temporarily", "302 Found"),
    ROW(303, "See Other"),
    PLAIN(304, "Not Modified"),
    ROW(307, "Temporary Redirect"),
    ROW(308, "Permanent Redirect"),
    ROW(400, "Bad Request"),
    TITLE(401, "401 Unauthorized", "401 Authorization Required"),
    ROW(402, "Payment Required"),
    ROW(403, "Forbidden"),
    ROW(404, "Not Found"),
    ROW(405, "Not Allowed"),
    ROW(406, "Not Acceptable"),
    ROW(408, "Request Time-out"),
    ROW(409, "Conflict"),
    ROW(410, "Gone"),
    ROW(411, "Length Required"),
    ROW(412, "Precondition Failed"),
    ROW(413, "Request Entity Too Large"),
    ROW(414, "Request-URI Too Large"),
    ROW(415, "Unsupported Media Type"),
    ROW(416, "Requested Range Not Satisfiable"),
    ROW(421, "Misdirected Request"),
    PLAIN(422, "Unprocessable Entity"),
    PLAIN(425, "Too Early"),
    PLAIN(426, "Upgrade Required"),
    PLAIN(428, "Precondition Required"),
    ROW(429, "Too Many Requests"),
    PLAIN(431, "Request Header Fields Too Large"),
    TITLE(494, "400 Bad Request", "400 Request Header Or Cookie Too Large"),
    TITLE(495, "400 Bad Request", "400 The SSL certificate error"),
    TITLE(496, "400 Bad Request", "400 No required SSL certificate was sent"),
    TITLE(497, "400 Bad Request",
          "400 The plain HTTP request was sent to HTTPS port"),
    ROW(500, "Internal Server Error"),
    ROW(501, "Not Implemented"),
    ROW(502, "Bad Gateway"),
    TITLE(503, "503 Service Temporarily Unavailable", NULL),
    ROW(504, "Gateway Time-out"),
    ROW(505, "HTTP Version Not Supported"),
    ROW(507, "Insufficient Storage"),
};

static const row_t *
find(unsigned status)
{
    static uint8_t index[600];      /* row + 1 */

    if (index[200] == 0) {
        for (unsigned i = 0; i < WR_COUNT(rows); i++) {
            index[rows[i].status] = (uint8_t) (i + 1);
        }
    }
    return status < WR_COUNT(index) && index[status] != 0
               ? &rows[index[status] - 1]
               : NULL;
}

wr_str_t
wr_status_line(unsigned status)
{
    const row_t *row = find(status);

    return row != NULL ? row->line : WR_STR_NONE;
}

wr_str_t
wr_status_title(unsigned status)
{
    const row_t *row = find(status);

    if (row == NULL) {
        return WR_STR_NONE;
    }
    return row->title != NULL ? wr_str_z(row->title) : row->line;
}

unsigned
wr_status_wire(unsigned status)
{
    return status >= 494 && status <= 497 ? 400 : status;
}
