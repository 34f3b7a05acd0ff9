/*
 * The application layer: what it has for each cycle, and its module.
 */
#include <weir/app/app_priv.h>

#include <weir/app/steps_priv.h>
#include <weir/http/error_page.h>

bool (*wr_app_session_set)(wr_req_t *r, wr_str_t key, const wr_val_t *v,
                           const wr_app_expr_t *expr);
bool (*wr_app_url_for)(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);

static wr_env_t *
new_env(wr_conf_t *cf, const wr_env_options_t *options)
{
    wr_env_t            *env = wr_env_new(cf->pool, options);
    unsigned             n;
    wr_module_t *const  *modules = wr_modules_of(cf, &n);

    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->functions != NULL) {
            wr_env_add_globals(env, modules[i]->functions);
        }
        if (modules[i]->filters != NULL) {
            wr_env_add_filters(env, modules[i]->filters);
        }
        if (modules[i]->tests != NULL) {
            wr_env_add_tests(env, modules[i]->tests);
        }
    }
    return env;
}

wr_env_t *
wr_app_env_new(wr_conf_t *cf, const wr_loader_t *loader, const wr_limits_t *limits)
{
    wr_env_options_t options = wr_env_defaults();

    options.sandbox = 1;
    options.extensions = WR_EXT_DO | WR_EXT_LOOPCONTROLS | WR_EXT_I18N;
    options.autoescape = WR_AUTO_SELECT;
    options.names = (wr_names_t) {app_slot_of_template, app_main_of(cf)};
    options.loader = *loader;
    options.limits = *limits;
    return new_env(cf, &options);
}

static app_main_t *
begin_main(wr_conf_t *cf)
{
    app_main_t       *m = WR_NEW(cf->pool, app_main_t);
    wr_env_options_t  options = wr_env_defaults();

    m->names = wr_map(cf->pool, false);
    m->by_slot = wr_array(cf->pool, sizeof(name_t *));
    m->waits = wr_array(cf->pool, sizeof(wr_app_wait_t));
    m->refs = wr_array(cf->pool, sizeof(wr_app_ref_t));
    m->calls = wr_array(cf->pool, sizeof(wr_app_call_t));
    m->makers = wr_array(cf->pool, sizeof(wr_app_maker_t));
    m->cf = cf;
    options.sandbox = 1;
    options.names = (wr_names_t) {app_slot_of, m};
    options.named = true;
    m->env = new_env(cf, &options);
    wr_env_tell(m->env, app_note_ref, app_note_call, m);
    wr_service_offer(cf, "app.1", m);
    (void) wr_app_host_name(cf, "params", app_get_params);
    (void) wr_app_host_name(cf, "query", app_get_query);
    (void) wr_app_host_name(cf, "form", app_get_form);
    (void) wr_app_host_name(cf, "json", app_get_json);
    (void) wr_app_host_name(cf, "files", app_get_files);
    (void) wr_app_host_name(cf, "cookies", app_get_cookies);
    (void) wr_app_host_name(cf, "headers", app_get_headers);
    (void) wr_app_host_name(cf, "request", app_get_request);
    (void) wr_app_host_name(cf, "vars", app_get_vars);
    return m;
}

app_main_t *
app_main_of(wr_conf_t *cf)
{
    app_main_t *m = (app_main_t *) (uintptr_t) wr_service_find(cf, "app.1");

    return m != NULL ? m : begin_main(cf);
}

wr_env_t *
wr_app_env(wr_conf_t *cf)
{
    return app_main_of(cf)->env;
}

/* ---- the module ---- */

static wr_rc_t
begin(wr_conf_t *cf)
{
    (void) app_main_of(cf);
    return WR_OK;
}

static wr_rc_t
finish(wr_conf_t *cf)
{
    app_main_t *m = app_main_of(cf);

    app_warn_of_unknown(cf, m);
    m->blank = WR_NEW_N(cf->pool, wr_val_t, m->by_slot.n);
    for (uint32_t i = 0; i < m->by_slot.n; i++) {
        m->blank[i].aux = 1;        /* not given */
    }
    m->cf = NULL;
    wr_http_of(wr_cycle_of(cf))->app = m;
    wr_error_body_hook = app_error_body;
    wr_error_plain_hook = app_error_is_plain;
    return WR_OK;
}

#define ALL (WR_HTTP | WR_SERVER | WR_LOCATION)

static const wr_directive_t directives[] = {
    WR_INT("form_max_fields", ALL, app_conf_t, max_fields, "1000",
           "How many fields and files a form may have; more is answered 400.",
           .example = "form_max_fields 200;"),
    WR_INT("json_max_depth", ALL, app_conf_t, max_depth, "64",
           "How deep a JSON body may be nested; deeper is answered 400.",
           .example = "json_max_depth 16;"),
    WR_SIZE("upload_buffer_size", ALL, app_conf_t, upload_buffer, "64k",
            "Uploads that are longer get a file at once, others when their path is asked for.",
            .example = "upload_buffer_size 64k;"),
    WR_INT("password_threads", WR_HTTP, app_conf_t, slow_threads, "2",
           "How many password hashes a worker makes at the same time. Each takes a CPU for "
           "about a tenth of a second.",
           .extra = &(const wr_bounds_t) {1, 64},
           .example = "password_threads 2;"),
    WR_INT("password_queue", WR_HTTP, app_conf_t, slow_queue, "64",
           "How many requests of a worker may wait for a password hash; more are "
           "answered 503.", .extra = &(const wr_bounds_t) {1, 100000},
           .example = "password_queue 64;"),
    WR_END
};

wr_module_t wr_app_module = {
    .magic = WR_MAGIC,
    .abi_major = WR_ABI_MAJOR,
    .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t),
    .facts = WR_ABI_FACTS,
    .name = "http_app_module",
    .version = "0.1.0",
    .doc = "What application modules stand on: expressions, steps, bodies.",
    .schema = {.name = "http_app_module", .directives = directives,
               .size = sizeof(app_conf_t)},
    .variables = app_variables,
    .functions = app_functions,
    .http = &app_tables,
    .begin = begin,
    .finish = finish,
    .worker_stop = app_stop_threads,
};
