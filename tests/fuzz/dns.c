/*
 * Answers of a DNS server: any bytes. The first two choose what was asked.
 */
#include <weir/net/dns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"www.example.com", "a", "x.y.z.example"};
    static const uint16_t    types[] = {WR_DNS_AAAA, WR_DNS_A, WR_DNS_SRV};
    wr_dns_service_t         services[4];
    wr_dns_answer_t          a;
    uint32_t                 ttl;
    char                     name[WR_DNS_NAME];

    if (size < 4) {
        return 0;
    }
    if (wr_dns_parse(data + 2, size - 2, (uint16_t) (data[2] << 8 | data[3]),
                     names[data[0] % WR_COUNT(names)],
                     types[data[1] % WR_COUNT(types)], &a))
    {
        WR_ASSERT(a.n <= WR_DNS_ADDRS && strlen(a.alias) < WR_DNS_NAME);
        WR_ASSERT(a.alias[0] == '\0' || a.n == 0);
        WR_ASSERT(a.alias[0] == '\0' || wr_dns_name(name, wr_str_z(a.alias)));
    }
    for (unsigned i = wr_dns_services(data + 2, size - 2, names[data[0] % WR_COUNT(names)],
                                      services, WR_COUNT(services), &ttl); i-- > 0;)
    {
        WR_ASSERT(wr_dns_name(name, wr_str_z(services[i].target)));
    }
    (void) wr_dns_name(name, wr_str((const char *) data, size));
    return 0;
}
