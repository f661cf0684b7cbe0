#include "server/http/proxies.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"

typedef struct network {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d, so that both spellings of it match */
    unsigned bits;
} network;

struct gh_proxies {
    network *networks;
    size_t count;
};

static bool parse_address(gh_view text, unsigned char bytes[16], bool *is_ipv4)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char name[INET6_ADDRSTRLEN];
    if (text.ptr == NULL || text.len == 0 || text.len >= sizeof name ||
        memchr(text.ptr, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    *is_ipv4 = inet_pton(AF_INET, name, bytes + 12) == 1;
    if (*is_ipv4) {
        memcpy(bytes, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, name, bytes) == 1;
}

static gh_status parse_network(const char *text, network *out, gh_error *error)
{
    gh_view all = gh_view_of(text);
    size_t slash = gh_view_find(all, '/');
    bool is_ipv4 = false;
    bool good = parse_address(gh_view_make(all.ptr, slash), out->bytes, &is_ipv4);
    int64_t bits = is_ipv4 ? 32 : 128;
    if (good && slash < all.len) {
        gh_view rest = gh_view_make(all.ptr + slash + 1, all.len - slash - 1);
        good = gh_view_to_int64(rest, 0, bits, &bits) == GH_OK;
    }
    if (!good) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "--trusted-proxy \"%s\" is neither an address nor a network such as 10.0.0.0/8.",
                            text);
    }
    out->bits = (unsigned)bits + (is_ipv4 ? 96U : 0U);
    return GH_OK;
}

gh_status gh_proxies_new(const gh_text_list *list, gh_proxies **proxies, gh_error *error)
{
    gh_status status = GH_OK;
    gh_proxies *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    if (list != NULL && list->count > 0) {
        made->networks = calloc(list->count, sizeof *made->networks);
        status = made->networks == NULL ? GH_ERR_NOMEM : GH_OK;
        for (size_t i = 0; status == GH_OK && i < list->count; i++) {
            status = parse_network(list->items[i], &made->networks[i], error);
            made->count++;
        }
    }
    if (status != GH_OK) {
        gh_proxies_free(made);
        made = NULL;
    }
    *proxies = made;
    return status;
}

void gh_proxies_free(gh_proxies *proxies)
{
    if (proxies != NULL) {
        free(proxies->networks);
        free(proxies);
    }
}

static bool contains(const network *net, const unsigned char bytes[16])
{
    unsigned whole = net->bits / 8;
    unsigned rest = net->bits % 8;
    if (memcmp(net->bytes, bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((net->bytes[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool gh_proxies_trust(const gh_proxies *proxies, gh_view address)
{
    unsigned char bytes[16];
    bool is_ipv4;
    if (proxies->count == 0 || !parse_address(address, bytes, &is_ipv4)) {
        return false;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        if (contains(&proxies->networks[i], bytes)) {
            return true;
        }
    }
    return false;
}

/* Some proxies write the port as well: 192.0.2.1:4711, [2001:db8::1]:4711. */
static gh_view without_port(gh_view text)
{
    size_t colon = gh_view_find(text, ':');
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = gh_view_find(text, ']');
        return end < text.len ? gh_view_make(text.ptr + 1, end - 1) : text;
    }
    bool one = colon < text.len && memchr(text.ptr + colon + 1, ':', text.len - colon - 1) == NULL;
    return one ? gh_view_make(text.ptr, colon) : text;
}

gh_view gh_proxies_client(const gh_proxies *proxies, gh_view peer, gh_view forwarded)
{
    unsigned char bytes[16];
    bool is_ipv4;
    gh_view client = peer;
    gh_view rest = forwarded;
    while (rest.len > 0 && gh_proxies_trust(proxies, client)) {
        size_t begin = rest.len;
        while (begin > 0 && rest.ptr[begin - 1] != ',') {
            begin--;
        }
        gh_view last = without_port(gh_view_trim(gh_view_make(rest.ptr + begin, rest.len - begin)));
        if (!parse_address(last, bytes, &is_ipv4)) {
            break;
        }
        client = last;
        rest = gh_view_make(rest.ptr, begin > 0 ? begin - 1 : 0);
    }
    return client;
}
