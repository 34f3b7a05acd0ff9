/*
 * weir: from the command line to the server's end.
 */
#include <weir/app/app.h>
#include <weir/http/core_conf.h>
#include <weir/http/upstream_state.h>
#include <weir/upstream/upstream.h>
#include <weir/main/cmdline.h>

#include <stdio.h>
#include <unistd.h>

/* Beside these, the modules that were chosen by configure: wr_builtin_modules. */
static wr_module_t *const core_modules[] = {
    &wr_core_module,
    &wr_http_core_module,
    &wr_upstream_module,
    &wr_upstream_state_module,
    &wr_app_module,
    NULL
};

static int
test(const wr_command_t *cmd)
{
    wr_cycle_t *cycle = wr_cycle_new(NULL);

    if (cycle == NULL) {
        fprintf(stderr, "weir: configuration file %.*s test failed\n",
                WR_ARG(wr_options.conf_path));
        return 1;
    }
    if (!wr_options.quiet) {
        fprintf(stderr, "weir: configuration file %.*s test is successful\n",
                WR_ARG(wr_options.conf_path));
    }
    if (cmd->dump) {
        wr_dump(cycle);
    }
    wr_cycle_free(cycle);
    return 0;
}

static int
run(const wr_command_t *cmd)
{
    wr_cycle_t *cycle;
    int         status;

    wr_options.core_modules = core_modules;
    if (cmd->from_nginx != NULL) {
        return wr_from_nginx(cmd->from_nginx);
    }
    if (cmd->explain != NULL || cmd->request != NULL || cmd->modules || cmd->tables) {
        wr_options.error_log = WR_STR("stderr");
    }
    wr_options_settle();
    if (cmd->explain != NULL) {
        return wr_explain(cmd->explain);
    }
    if (cmd->request != NULL) {
        return wr_explain_request(cmd->request);
    }
    if (cmd->tables) {
        return wr_print_tables();
    }
    if (cmd->modules) {
        return wr_list_modules();
    }
    if (wr_options.testing) {
        return test(cmd);
    }
    cycle = wr_cycle_new(NULL);
    if (cycle == NULL) {
        return 1;
    }
    if (wr_options.signal == NULL) {
        return wr_server_run(cycle);
    }
    status = wr_signal_send(cycle, wr_options.signal);
    wr_cycle_free(cycle);
    return status;
}

int
main(int argc, char **argv)
{
    wr_command_t cmd;

    wr_process_init(argc, argv);
    if (!wr_cmdline(argc, argv, &cmd)) {
        return 1;
    }
    if (cmd.version) {
        wr_about(&cmd);
        if (!wr_options.testing) {
            return 0;
        }
    }
    return run(&cmd);
}
