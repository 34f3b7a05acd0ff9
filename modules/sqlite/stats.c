/*
 * Metrics of databases and statements. The queue belongs to the loop; what threads
 * count is counted by wr_metric_add_mt everywhere.
 */
#include "sqlite.h"

static const wr_metric_t seconds = {
    .name = "weir_sql_statement_duration_seconds",
    .help = "Time that statements took, without waiting.", .kind = WR_METRIC_TIME,
    .limit = 300, .labels = {"db", "statement"}};
static const wr_metric_t rows = {
    .name = "weir_sql_rows_total", .help = "Rows that statements have given.",
    .kind = WR_METRIC_COUNTER, .labels = {"db"}};
static const wr_metric_t wait = {
    .name = "weir_sqlite_write_wait_seconds",
    .help = "From a writing transaction's first statement being asked for to its turn.",
    .kind = WR_METRIC_TIME, .labels = {"db"}};
static const wr_metric_t queue = {
    .name = "weir_sqlite_queue", .help = "Writing transactions that wait.",
    .kind = WR_METRIC_GAUGE, .labels = {"db"}};
static const wr_metric_t wal = {
    .name = "weir_sqlite_wal_pages",
    .help = "Pages of the write-ahead log after the last commit of a worker.",
    .kind = WR_METRIC_GAUGE_MAX, .labels = {"db"}};
static const wr_metric_t busy = {
    .name = "weir_sqlite_busy_total",
    .help = "Statements that failed because the database stayed busy.",
    .kind = WR_METRIC_COUNTER, .labels = {"db"}};
static const wr_metric_t tx = {
    .name = "weir_tx_total", .help = "Writing transactions by their end.",
    .kind = WR_METRIC_COUNTER, .labels = {"db", "result"}};

/* The text with runs of white space as one space. */
static wr_str_t
one_line(wr_pool_t *pool, const sq_sql_t *sql)
{
    char  *p = wr_alloc_bytes(pool, (size_t) sql->n + 1), *end = p;
    bool   space = true;

    for (int i = 0; i < sql->n; i++) {
        bool is_space = sql->text[i] == ' ' || (sql->text[i] >= '\t' && sql->text[i] <= '\r');

        if (!is_space) {
            *end++ = sql->text[i];
        } else if (!space) {
            *end++ = ' ';
        }
        space = is_space;
    }
    return wr_str(p, (size_t) (end - p) - (end > p && end[-1] == ' '));
}

void
sq_stats_init(const sq_db_t *db, sq_stats_t *s)
{
    wr_pool_t *pool = wr_pool_new();
    uint32_t   of_db = wr_metric_series(&rows, &db->name);

    s->wait = wr_metric_series(&wait, &db->name);
    s->queue = wr_metric_series(&queue, &db->name);
    s->wal = wr_metric_series(&wal, &db->name);
    s->busy = wr_metric_series(&busy, &db->name);
    s->commits = wr_metric_series(&tx, (wr_str_t[]) {db->name, WR_STR("commit")});
    s->rollbacks = wr_metric_series(&tx, (wr_str_t[]) {db->name, WR_STR("rollback")});
    for (WR_EACH(sq_sql_t *, sql, &db->sqls)) {
        (*sql)->seconds = wr_metric_series(
            &seconds, (wr_str_t[]) {db->name, one_line(pool, *sql)});
        (*sql)->rows = of_db;
    }
    wr_pool_free(pool);
}
