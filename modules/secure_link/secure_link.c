/*
 * secure_link: links that are signed and may expire.
 */
#include <openssl/evp.h>
#include <weir/base/base64.h>
#include <weir/http/request.h>

enum { MD5_SIZE = 16 };

typedef struct conf {
    wr_cv_t  link;              /* "signature,expires" */
    wr_cv_t  signed_text;
    wr_str_t secret;            /* the older form: /prefix/signature/link */
} conf_t;

static bool
md5(wr_str_t a, wr_str_t b, unsigned char sum[MD5_SIZE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool        ok = md != NULL && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1
              && EVP_DigestUpdate(md, a.p, a.n) == 1
              && EVP_DigestUpdate(md, b.p, b.n) == 1
              && EVP_DigestFinal_ex(md, sum, NULL) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

/* /prefix/0123456789abcdef0123456789abcdef/link */
static wr_rc_t
old_link(wr_req_t *r, const conf_t *conf, wr_str_t *value)
{
    wr_str_t      s = wr_str_skip(r->main->raw_uri, 1), part, given;
    unsigned char sum[MD5_SIZE];
    char          text[2 * MD5_SIZE + 1];

    if (!wr_str_split(&s, '/', &part) || !wr_str_split(&s, '/', &given)
        || given.n != 2 * MD5_SIZE || s.p == NULL || s.n == 0
        || !md5(s, conf->secret, sum))
    {
        return WR_NOTFOUND;
    }
    for (unsigned i = 0; i < MD5_SIZE; i++) {
        static const char hex[] = "0123456789abcdef";

        text[2 * i] = hex[sum[i] >> 4];
        text[2 * i + 1] = hex[sum[i] & 15];
    }
    for (unsigned i = 0; i < given.n; i++) {
        if (wr_lower(given.p[i]) != text[i]) {
            return WR_NOTFOUND;
        }
    }
    *value = s;
    return WR_OK;
}

static bool
link_parts(wr_req_t *r, const conf_t *conf, wr_str_t *signature, wr_str_t *expires)
{
    wr_str_t link;

    if (!conf->link.given || !conf->signed_text.given
        || wr_cv_eval(r, &conf->link, &link) != WR_OK)
    {
        return false;
    }
    (void) wr_str_split(&link, ',', signature);
    *expires = link;
    return true;
}

/* "1": good; "0": its time is over. */
static wr_rc_t
get_link(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const conf_t *conf = wr_conf(r);
    wr_str_t      signature = WR_STR_NONE, expires, given, text;
    unsigned char sum[MD5_SIZE];
    int64_t       until = 0;

    (void) v;
    if (conf->secret.n != 0) {
        return old_link(r, conf, value);
    }
    if (!link_parts(r, conf, &signature, &expires) || signature.n > 24
        || (expires.p != NULL && (!wr_parse_int(expires, &until) || until <= 0))
        || !wr_base64_decode(wr_pool(r), signature, true, &given)
        || given.n != MD5_SIZE || wr_cv_eval(r, &conf->signed_text, &text) != WR_OK
        || !md5(text, WR_STR(""), sum)
        || !wr_str_eq_secret(given, wr_str((char *) sum, MD5_SIZE)))
    {
        return WR_NOTFOUND;
    }
    *value = until != 0 && until < wr_clock.sec ? WR_STR("0") : WR_STR("1");
    return WR_OK;
}

/* The time is told only where the link itself was looked at. */
static wr_rc_t
get_expires(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_str_t signature;
    int64_t  until;

    (void) v;
    if (!link_parts(r, wr_conf(r), &signature, value) || value->p == NULL
        || !wr_parse_int(*value, &until) || until <= 0)
    {
        return WR_NOTFOUND;
    }
    return WR_OK;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    const conf_t *conf = c;

    (void) scope;
    (void) outer;
    if (conf->secret.n != 0 && (conf->link.given || conf->signed_text.given)) {
        return wr_conf_fail(cf, NULL, "\"secure_link_secret\" cannot be mixed with "
                                      "\"secure_link\" and \"secure_link_md5\"");
    }
    return WR_OK;
}

static const wr_var_row_t variables[] = {
    {"secure_link", get_link, NULL, 0, 0,
     "\"1\": signed and valid; \"0\": expired; empty: not signed"},
    {"secure_link_expires", get_expires, NULL, 0, 0, "When the link expires"},
    {.name = NULL}
};

WR_MODULE(secure_link,
    .doc = "Links that are signed and may expire",
    .schema.directives = (const wr_directive_t[]) {
        WR_CV("secure_link", WR_ANY, conf_t, link, NULL,
              "Where the signature and the time of expiry stand, with a comma "
              "between.", .args = "text",
              .example = "secure_link $arg_md5,$arg_expires;\n"
                         "secure_link_md5 \"$secure_link_expires$uri secret\";"),
        WR_CV("secure_link_md5", WR_ANY, conf_t, signed_text, NULL,
              "The text whose MD5 is the signature.", .args = "text",
              .example = "secure_link $arg_md5;\n"
                         "secure_link_md5 \"$uri secret\";"),
        WR_TEXT("secure_link_secret", WR_ANY, conf_t, secret, NULL,
                "The secret of links of the form /prefix/signature/link.",
                .args = "word",
                .example = "secure_link_secret word;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .variables = variables);
