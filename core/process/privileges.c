/*
 * What a worker gives up and takes on before it serves: user, limits, priority,
 * CPUs, folder, environment.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
set_limits(const wr_core_conf_t *core, wr_log_t *log)
{
    if (core->rlimit_nofile != -1) {
        struct rlimit r = {(rlim_t) core->rlimit_nofile, (rlim_t) core->rlimit_nofile};

        if (setrlimit(RLIMIT_NOFILE, &r) != 0) {
            wr_log(log, WR_LOG_ALERT, errno, "setrlimit(RLIMIT_NOFILE, %" PRId64
                   ") failed", core->rlimit_nofile);
        }
    }
    if (core->rlimit_core != -1) {
        struct rlimit r = {(rlim_t) core->rlimit_core, (rlim_t) core->rlimit_core};

        if (setrlimit(RLIMIT_CORE, &r) != 0) {
            wr_log(log, WR_LOG_ALERT, errno, "setrlimit(RLIMIT_CORE, %" PRId64
                   ") failed", core->rlimit_core);
        }
    }
}

static wr_rc_t
failed(wr_log_t *log, const char *call, int64_t arg)
{
    wr_log(log, WR_LOG_EMERG, errno, "%s(%" PRId64 ") failed", call, arg);
    return WR_ERROR;
}

/* The one right that workers keep when they stop being root. */
static wr_rc_t
keep_net_raw(wr_log_t *log)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct   data[_LINUX_CAPABILITY_U32S_3];

    memset(data, 0, sizeof(data));
    data[0].effective = data[0].permitted = 1u << CAP_NET_RAW;
    if (syscall(SYS_capset, &head, data) != 0) {
        wr_log(log, WR_LOG_EMERG, errno, "capset(CAP_NET_RAW) failed");
        return WR_ERROR;
    }
    return WR_OK;
}

/* Supplementary groups first: afterwards we may not any more. */
static wr_rc_t
change_user(const wr_core_conf_t *core, bool transparent, wr_log_t *log)
{
    if (geteuid() != 0 || core->uid == -1) {
        return WR_OK;
    }
    if (initgroups(core->user.p, (gid_t) core->gid) != 0) {
        wr_log(log, WR_LOG_EMERG, errno, "initgroups(%.*s, %d) failed",
               WR_ARG(core->user), core->gid);
        return WR_ERROR;
    }
    if (setgid((gid_t) core->gid) != 0) {
        return failed(log, "setgid", core->gid);
    }
    if (transparent && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
        return failed(log, "prctl(PR_SET_KEEPCAPS)", 1);
    }
    if (setuid((uid_t) core->uid) != 0) {
        return failed(log, "setuid", core->uid);
    }
    return transparent && core->uid != 0 ? keep_net_raw(log) : WR_OK;
}

/* ---- CPUs ---- */

static void
mask_to_set(wr_str_t mask, cpu_set_t *set)
{
    CPU_ZERO(set);
    for (size_t i = 0; i < mask.n; i++) {
        if (mask.p[mask.n - 1 - i] == '1') {
            CPU_SET(i, set);
        }
    }
}

/* The index-th CPU that we may use, counted round. */
static bool
one_of(const cpu_set_t *allowed, unsigned index, cpu_set_t *set)
{
    unsigned n = (unsigned) CPU_COUNT(allowed);

    if (n == 0) {
        return false;
    }
    index %= n;
    CPU_ZERO(set);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, allowed) && index-- == 0) {
            CPU_SET(cpu, set);
            return true;
        }
    }
    return false;
}

static bool
choose_cpus(const wr_core_conf_t *core, unsigned index, cpu_set_t *set)
{
    const wr_array_t *masks = &core->cpu_affinity;

    if (core->cpu_affinity_auto) {
        cpu_set_t allowed;

        if (masks->n != 0) {
            mask_to_set(*WR_AT(masks, wr_str_t, 0), &allowed);
        } else if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
            return false;
        }
        return one_of(&allowed, index, set);
    }
    if (masks->n == 0) {
        return false;
    }
    mask_to_set(*WR_AT(masks, wr_str_t, index < masks->n ? index : masks->n - 1), set);
    return true;
}

static void
set_cpus(const wr_core_conf_t *core, unsigned index, wr_log_t *log)
{
    cpu_set_t set;

    if (choose_cpus(core, index, &set) && sched_setaffinity(0, sizeof(set), &set) != 0) {
        wr_log(log, WR_LOG_ALERT, errno, "sched_setaffinity() failed");
    }
}

/* ---- all of it ---- */

wr_rc_t
wr_privileges_drop(wr_cycle_t *cycle, unsigned index)
{
    const wr_core_conf_t *core = cycle->core;
    wr_log_t             *log = cycle->log;

    if (core->worker_priority != 0
        && setpriority(PRIO_PROCESS, 0, (int) core->worker_priority) != 0)
    {
        wr_log(log, WR_LOG_ALERT, errno, "setpriority(%" PRId64 ") failed",
               core->worker_priority);
    }
    set_limits(core, log);
    if (change_user(core, cycle->transparent, log) != WR_OK) {
        return WR_ERROR;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        wr_log(log, WR_LOG_ALERT, errno, "prctl(PR_SET_NO_NEW_PRIVS) failed");
    }
    /* A change of the user forbids core files; who sets a limit for them wants
     * them. */
    if (core->rlimit_core > 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) {
        wr_log(log, WR_LOG_ALERT, errno, "prctl(PR_SET_DUMPABLE) failed");
    }
    set_cpus(core, index, log);
    if (core->working_directory.n != 0 && chdir(core->working_directory.p) != 0) {
        wr_log(log, WR_LOG_ALERT, errno, "chdir(\"%.*s\") failed",
               WR_ARG(core->working_directory));
        return WR_ERROR;
    }
    return WR_OK;
}

/* ---- environment ---- */

const char *
wr_process_started_with(const char *name)
{
    size_t n = strlen(name);

    for (char **e = wr_process.environment[0]; e != NULL && *e != NULL; e++) {
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=') {
            return *e + n + 1;
        }
    }
    return NULL;
}

/* As nginx: what the conf does not name is gone, but for the time zone. The strings
 * outlive the cycle: other code may look at them until the end. */
void
wr_environment_set(wr_cycle_t *cycle)
{
    static wr_pool_t *pool;
    wr_array_t        vars;
    bool              zone = false;

    if (pool == NULL) {
        pool = wr_pool_new();
    }
    vars = wr_array(pool, sizeof(char *));
    for (WR_EACH(wr_str_t, row, &cycle->core->env)) {
        const char *value;

        zone = zone || wr_str_eqz(*row, "TZ") || wr_str_starts(*row, WR_STR("TZ="));
        if (wr_str_chr(*row, '=') >= 0) {
            *WR_PUSH(&vars, char *) = wr_pool_strz(pool, *row);
        } else if ((value = getenv(row->p)) != NULL) {
            *WR_PUSH(&vars, char *) = wr_pool_strz(
                pool, wr_pool_printf(pool, "%.*s=%s", WR_ARG(*row), value));
        }
    }
    if (!zone && getenv("TZ") != NULL) {
        *WR_PUSH(&vars, char *) = wr_pool_strz(
            pool, wr_pool_printf(pool, "TZ=%s", getenv("TZ")));
    }
    *WR_PUSH(&vars, char *) = NULL;
    environ = vars.items;
}
