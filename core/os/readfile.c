/*
 * Whole files and patterns.
 */
#include <weir/os/readfile.h>
#include <weir/base/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

static int
read_all(int fd, size_t max, wr_buf_t *b)
{
    for (;;) {
        char   *to = wr_buf_reserve(b, 16 << 10);
        ssize_t n = read(fd, to, b->cap - b->n);

        if (n == 0) {
            return 0;
        }
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        b->n += (size_t) n;
        if (b->n > max) {
            return EFBIG;
        }
    }
}

int
wr_file_read(wr_pool_t *pool, const char *path, size_t max, wr_str_t *text,
             const char **call)
{
    wr_buf_t    b = wr_buf(pool);
    struct stat st;
    int         fd, err;

    *call = "open()";
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return errno;
    }
    *call = "read()";
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uintmax_t) st.st_size <= max) {
        wr_buf_reserve(&b, (size_t) st.st_size + (16 << 10) + 1);
    }
    err = read_all(fd, max, &b);
    close(fd);
    if (err == 0) {
        *text = wr_str(wr_buf_cstr(&b), b.n);
    }
    return err;
}

int
wr_file_glob(wr_array_t *names, const char *pattern)
{
    glob_t found;
    int    rc = glob(pattern, 0, NULL, &found);
    int    err = rc == GLOB_NOSPACE ? ENOMEM : rc == GLOB_ABORTED ? EIO : 0;

    if (rc == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            *WR_PUSH(names, wr_str_t) = wr_pool_str(names->pool,
                                                    wr_str_z(found.gl_pathv[i]));
        }
    }
    globfree(&found);
    return err;
}
