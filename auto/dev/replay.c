/*
 * A fuzz target without a fuzzing engine: gives it each file that is named on
 * the command line (or in a folder that is named), once. So the suite runs the
 * corpus with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *path)
{
    struct stat st;
    FILE       *f = fopen(path, "rb");
    uint8_t    *data;

    if (f == NULL || fstat(fileno(f), &st) != 0) {
        perror(path);
        return 1;
    }
    data = malloc((size_t) st.st_size + 1);
    if (data == NULL
        || fread(data, 1, (size_t) st.st_size, f) != (size_t) st.st_size) {
        perror(path);
        exit(1);
    }
    fclose(f);
    /* Exactly as long as the input, so that the sanitizer sees an overrun. */
    data = realloc(data, st.st_size > 0 ? (size_t) st.st_size : 1);
    LLVMFuzzerTestOneInput(data, (size_t) st.st_size);
    free(data);
    return 0;
}

static int
replay_folder(const char *path, unsigned *count)
{
    char           name[4096];
    struct dirent *entry;
    int            failed = 0;
    DIR           *dir = opendir(path);

    if (dir == NULL) {
        ++*count;
        return replay(path);
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        /* Written before it runs: a crash shows the last name. */
        fprintf(stderr, "%s\n", name);
        ++*count;
        failed |= replay(name);
    }
    closedir(dir);
    return failed;
}

int
main(int argc, char **argv)
{
    unsigned count = 0;
    int      failed = 0;

    for (int i = 1; i < argc; i++) {
        failed |= replay_folder(argv[i], &count);
    }
    printf("%u inputs\n", count);
    return failed || count == 0;
}
