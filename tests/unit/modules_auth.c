/*
 * Password hashes, addresses told by proxies, `expires`.
 */
#include <check.h>
#include <weir/http/forwarded.h>
#include "../../modules/auth_basic/hash.c"
#include "../../modules/headers/headers.h"

static void
hashes(void)
{
    /* As `openssl passwd -apr1`, htpasswd -s and slappasswd make them. */
    static const struct {
        const char *hash;
        bool        slow;
    } rows[] = {
        {"$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", true},
        {"{PLAIN}myPassword", false},
        {"{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", false},
        {"{SSHA}qZ3cr0K41Vn4TjJ6JPZnMtqSPz1zYWx0", false},
    };

    CHECK(hash_verify(WR_STR("myPassword"), wr_str_z(rows[0].hash)) == WR_OK);
    CHECK(hash_verify(WR_STR("mypassword"), wr_str_z(rows[0].hash)) == WR_DECLINED);
    CHECK(hash_verify(WR_STR("myPassword"), wr_str_z(rows[1].hash)) == WR_OK);
    CHECK(hash_verify(WR_STR("x"), wr_str_z(rows[1].hash)) == WR_DECLINED);
    CHECK(hash_verify(WR_STR("myPassword"), wr_str_z(rows[2].hash)) == WR_OK);
    CHECK(hash_verify(WR_STR(""), wr_str_z(rows[2].hash)) == WR_DECLINED);
    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        CHECK(hash_is_slow(wr_str_z(rows[i].hash)) == rows[i].slow);
        CHECK(hash_verify(wr_str("a\0b", 3), wr_str_z(rows[i].hash)) != WR_OK);
    }
    CHECK(hash_verify(WR_STR("x"), WR_STR("{SHA}")) == WR_ERROR);
    CHECK(hash_verify(WR_STR("x"), WR_STR("{SHA}!!!")) == WR_ERROR);
    CHECK(hash_verify(WR_STR("x"), WR_STR("$apr1$")) != WR_OK);
}

static const char *
behind(const char *peer, const char *list, bool recursive)
{
    static char text[WR_ADDR_TEXT];
    wr_pool_t  *pool = wr_pool_new();
    wr_array_t  trusted = wr_array(pool, sizeof(wr_cidr_t));
    wr_addr_t   a;

    CHECK(wr_cidr_parse(WR_PUSH(&trusted, wr_cidr_t), WR_STR("10.0.0.0/8")));
    CHECK(wr_addr_parse(&a, wr_str_z(peer), 0));
    (void) wr_forwarded_addr(&a, wr_str_z(list), &trusted, recursive);
    text[wr_addr_put(text, sizeof(text) - 1, &a.u.sa, a.len, false)] = '\0';
    wr_pool_free(pool);
    return text;
}

static void
forwarded(void)
{
#define CHECK_TEXT(got, want) CHECK(strcmp(got, want) == 0)
    CHECK_TEXT(behind("10.0.0.1", "1.1.1.1, 2.2.2.2", false), "2.2.2.2");
    CHECK_TEXT(behind("10.0.0.1", "1.1.1.1 10.2.2.2", false), "10.2.2.2");
    CHECK_TEXT(behind("10.0.0.1", "1.1.1.1,10.2.2.2", true), "1.1.1.1");
    CHECK_TEXT(behind("10.0.0.1", "1.1.1.1, 2.2.2.2, 10.3.3.3", true), "2.2.2.2");
    CHECK_TEXT(behind("9.0.0.1", "1.1.1.1", true), "9.0.0.1");
    CHECK_TEXT(behind("10.0.0.1", "junk", true), "10.0.0.1");
    CHECK_TEXT(behind("10.0.0.1", "", true), "10.0.0.1");
    CHECK_TEXT(behind("10.0.0.1", "junk, 10.9.9.9", true), "10.9.9.9");
    CHECK_TEXT(behind("10.0.0.1", "[2001:db8::1]:80", false), "2001:db8::1");
    CHECK_TEXT(behind("10.0.0.1", "1.2.3.4:99", false), "1.2.3.4");
}

static void
expiry(void)
{
    expires_t   e;
    const char *error;

    CHECK(expires_parse(WR_STR("30d"), false, &e, &error));
    CHECK(e.kind == EXPIRES_ACCESS && e.seconds == 30 * 86400);
    CHECK(expires_parse(WR_STR("-1"), false, &e, &error));
    CHECK_INT(e.seconds, -1);
    CHECK(expires_parse(WR_STR("+1h"), true, &e, &error));
    CHECK(e.kind == EXPIRES_MODIFIED && e.seconds == 3600);
    CHECK(expires_parse(WR_STR("@15h30m"), false, &e, &error));
    CHECK(e.kind == EXPIRES_DAILY && e.seconds == 15 * 3600 + 1800);
    CHECK(!expires_parse(WR_STR("@25h"), false, &e, &error));
    CHECK(!expires_parse(WR_STR("@1h"), true, &e, &error));
    CHECK(!expires_parse(WR_STR("max"), true, &e, &error));
    CHECK(expires_parse(WR_STR("max"), false, &e, &error) && e.kind == EXPIRES_MAX);
    CHECK(expires_parse(WR_STR("epoch"), false, &e, &error)
          && e.kind == EXPIRES_EPOCH);
    CHECK(expires_parse(WR_STR("off"), false, &e, &error) && e.kind == EXPIRES_OFF);
    CHECK(!expires_parse(WR_STR(""), false, &e, &error));
    CHECK(!expires_parse(WR_STR("x"), false, &e, &error));
}

int
main(void)
{
    hashes();
    forwarded();
    expiry();
    return check_status();
}
