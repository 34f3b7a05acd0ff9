/*
 * ssl: keys of session tickets. What one has encrypted can be decrypted for as long as a
 * session lasts, and a key is not used for longer than that needs.
 */
#include <check.h>
#include <stdlib.h>
#include <weir/process/cycle.h>
#include <weir/process/slab.h>

#include "../../modules/ssl/tickets.c"

static bool
has_key(const ticket_keys_t *k, const unsigned char *name)
{
    for (unsigned i = 0; i < k->n; i++) {
        if (memcmp(k->keys[i].name, name, sizeof(k->keys[i].name)) == 0) {
            return true;
        }
    }
    return false;
}

/* Asks each minute; the newest key encrypts. */
static void
test_rotation(int64_t timeout, int64_t least)
{
    size_t        size = TICKET_ZONE;
    rotation_t    rotation = {ROTATE_S};
    wr_zone_t     z = {.name = WR_STR("tickets"), .size = size, .user = &rotation};
    unsigned char name[16];
    int64_t       begin, made, kept = 0;
    unsigned      changes = 0;

    z.memory = aligned_alloc(4096, size);
    CHECK(wr_slab_format(z.memory, size) != NULL);
    CHECK(init_tickets(&z, NULL) == WR_OK);
    rotate_for(&rotation, 300);
    rotate_for(&rotation, timeout);
    wr_clock.sec = begin = made = 1000000000;
    memcpy(name, current_keys(&z)->keys[0].name, sizeof(name));
    for (; wr_clock.sec < begin + 20 * least; wr_clock.sec += 60) {
        const ticket_keys_t *k = current_keys(&z);

        CHECK(k->n <= KEYS);
        if (memcmp(k->keys[0].name, name, sizeof(name)) != 0) {
            changes++;
            CHECK(wr_clock.sec - made >= least && wr_clock.sec - made < least + 120);
            made = wr_clock.sec;
            memcpy(name, k->keys[0].name, sizeof(name));
        }
    }
    CHECK(changes >= 18);
    /* The last that was encrypted just before a change. */
    for (; memcmp(current_keys(&z)->keys[0].name, name, sizeof(name)) == 0; wr_clock.sec += 60) {
        kept = wr_clock.sec;
    }
    for (; has_key(current_keys(&z), name); wr_clock.sec += 60) {
    }
    CHECK(wr_clock.sec - kept >= timeout);
    free(z.memory);
}

int
main(void)
{
    test_rotation(300, ROTATE_S);
    test_rotation(2 * 3600 - 2, ROTATE_S);
    test_rotation(24 * 3600, 12 * 3600 + 1);
    test_rotation(7 * 24 * 3600, 84 * 3600 + 1);
    return check_status();
}
