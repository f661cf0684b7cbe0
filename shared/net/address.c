#include "shared/net/address.h"

#include <netinet/in.h>
#include <string.h>

typedef struct range {
    unsigned char bytes[8];
    unsigned bits;
} range;

/* Every special-purpose block of the IANA registry but those for anycast services of the public Internet. */
static const range IPV4[] = {
    {{0}, 8},             /* this host */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carrier-grade NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, where clouds keep their metadata services */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

/* Within 2000::/3, outside of which nothing is public: loopback, unspecified, mapped and translated IPv4,
 * unique local, link-local and multicast addresses all lie there. */
static const range IPV6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4: carries an IPv4 address */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static bool lies_in(const unsigned char *address, const range *block)
{
    unsigned whole = block->bits / 8;
    unsigned rest = block->bits % 8;
    unsigned char mask = (unsigned char)(0xff00U >> rest);
    return memcmp(address, block->bytes, whole) == 0 &&
           (rest == 0 || (address[whole] & mask) == (block->bytes[whole] & mask));
}

static bool lies_in_any(const unsigned char *address, const range *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lies_in(address, &blocks[i])) {
            return true;
        }
    }
    return false;
}

bool gh_address_is_public(const struct sockaddr *address)
{
    static const range UNICAST = {{0x20}, 3};
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, address, sizeof ipv4);
        return !lies_in_any((const unsigned char *)&ipv4.sin_addr, IPV4, sizeof IPV4 / sizeof *IPV4);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, address, sizeof ipv6);
        const unsigned char *bytes = ipv6.sin6_addr.s6_addr;
        return lies_in(bytes, &UNICAST) && !lies_in_any(bytes, IPV6, sizeof IPV6 / sizeof *IPV6);
    }
    return false;
}
