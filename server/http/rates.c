#include "server/http/rates.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"
#include "shared/core/sparse.h"

#define MINUTE_NS INT64_C(60000000000)
#define SECOND_NS INT64_C(1000000000)
#define WAYS 8
#define SETS (GH_RATES_BUCKETS / WAYS)
#define LOCKS 64
#define WARN_EVERY_NS MINUTE_NS

/* `full_at` is when it will be full again; before that it lacks what was taken (generic cell rate algorithm).
 */
typedef struct bucket {
    uint64_t key; /* 0: nobody's */
    int64_t full_at;
} bucket;

typedef struct table {
    int64_t per_minute;
    pthread_mutex_t locks[LOCKS];
    bucket buckets[GH_RATES_BUCKETS];
} table;

struct gh_rates {
    gh_rates_options options;
    uint64_t seed[2]; /* nobody can choose addresses that fall together */
    atomic_int_least64_t warned_ns;
    atomic_bool noticed; /* a proxy on this machine */
    table *addresses;    /* NULL: no bound */
    table *users;
};

static table *new_table(int64_t per_minute)
{
    table *made = gh_sparse_new(1, sizeof *made);
    if (made != NULL) {
        made->per_minute = per_minute;
        for (size_t i = 0; i < LOCKS; i++) {
            (void)pthread_mutex_init(&made->locks[i], NULL);
        }
    }
    return made;
}

static void free_table(table *gone)
{
    if (gone != NULL) {
        for (size_t i = 0; i < LOCKS; i++) {
            (void)pthread_mutex_destroy(&gone->locks[i]);
        }
        gh_sparse_free(gone, 1, sizeof *gone);
    }
}

gh_status gh_rates_new(const gh_rates_options *options, gh_rates **rates)
{
    gh_rates *made = calloc(1, sizeof *made);
    *rates = NULL;
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->options = *options;
    atomic_init(&made->warned_ns, -WARN_EVERY_NS);
    atomic_init(&made->noticed, false);
    gh_status status = gh_random_bytes(made->seed, sizeof made->seed);
    if (status == GH_OK && options->per_address > 0) {
        made->addresses = new_table(options->per_address);
        status = made->addresses == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    if (status == GH_OK && options->per_user > 0) {
        made->users = new_table(options->per_user);
        status = made->users == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    if (status != GH_OK) {
        gh_rates_free(made);
        return status;
    }
    *rates = made;
    return GH_OK;
}

void gh_rates_free(gh_rates *rates)
{
    if (rates != NULL) {
        free_table(rates->addresses);
        free_table(rates->users);
        free(rates);
    }
}

/* --- one bucket --- */

/* The finaliser of SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bucket *choose(bucket *set, uint64_t key)
{
    bucket *fullest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (set[i].full_at < fullest->full_at) {
            fullest = &set[i];
        }
    }
    *fullest = (bucket){.key = key};
    return fullest;
}

static bool take(table *in, uint64_t hash, int64_t *retry_after_s)
{
    uint64_t key = hash == 0 ? 1 : hash;
    size_t set = (size_t)(key % SETS);
    pthread_mutex_t *lock = &in->locks[set % LOCKS];
    int64_t now = gh_clock_mono_ns();
    (void)pthread_mutex_lock(lock);
    bucket *its = choose(&in->buckets[set * WAYS], key);
    int64_t full_at = (its->full_at > now ? its->full_at : now) + MINUTE_NS / in->per_minute;
    int64_t early = full_at - now - MINUTE_NS;
    if (early <= 0) {
        its->full_at = full_at;
    }
    (void)pthread_mutex_unlock(lock);
    *retry_after_s = early <= 0 ? 0 : (early + SECOND_NS - 1) / SECOND_NS;
    return early <= 0;
}

/* --- whose it is --- */

/* IPv4 as ::ffff:a.b.c.d, of IPv6 the upper half. */
static bool parse(gh_view address, unsigned char out[16], bool *local)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const unsigned char loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    char text[INET6_ADDRSTRLEN];
    if (address.len == 0 || address.len >= sizeof text) {
        return false;
    }
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    if (inet_pton(AF_INET, text, out + 12) == 1) {
        memcpy(out, mapped, sizeof mapped);
    } else if (inet_pton(AF_INET6, text, out) != 1) {
        return false;
    }
    bool ipv4 = memcmp(out, mapped, sizeof mapped) == 0;
    *local = ipv4 ? out[12] == 127 : memcmp(out, loopback, sizeof loopback) == 0;
    if (!ipv4) {
        memset(out + 8, 0, 8);
    }
    return true;
}

static void warn(gh_rates *rates, gh_view address, const char *of, int64_t bound, const char *option)
{
    int64_t now = gh_clock_mono_ns();
    int64_t last = atomic_load(&rates->warned_ns);
    if (now - last >= WARN_EVERY_NS && atomic_compare_exchange_strong(&rates->warned_ns, &last, now)) {
        gh_log_warn("refused requests of %s %.*s: more than %lld a minute (%s)", of, (int)address.len,
                    address.ptr, (long long)bound, option);
    }
}

bool gh_rates_enter_address(gh_rates *rates, gh_view address, bool forwarded, int64_t *retry_after_s)
{
    unsigned char bytes[16];
    uint64_t halves[2];
    bool local = false;
    *retry_after_s = 0;
    if (rates->addresses == NULL || !parse(address, bytes, &local) ||
        (local && !forwarded && rates->options.spares_local_addresses)) {
        return true;
    }
    memcpy(halves, bytes, sizeof halves);
    uint64_t hash = mix(mix(halves[0] ^ rates->seed[0]) ^ halves[1] ^ rates->seed[1]);
    bool enters = take(rates->addresses, hash, retry_after_s);
    if (!enters) {
        warn(rates, address, "the address", rates->options.per_address,
             "--requests-per-minute; if it is a proxy, name it with --trusted-proxy");
    }
    return enters;
}

bool gh_rates_enter_user(gh_rates *rates, const gh_principal *principal, gh_view address, bool forwarded,
                         int64_t *retry_after_s)
{
    unsigned char bytes[16];
    bool local = false;
    *retry_after_s = 0;
    if (rates->users == NULL ||
        (rates->options.spares_local_users && !forwarded && parse(address, bytes, &local) && local)) {
        return true;
    }
    uint64_t hash = mix(mix(gh_principal_user_key(principal) ^ rates->seed[0]) ^ rates->seed[1]);
    bool enters = take(rates->users, hash, retry_after_s);
    if (!enters) {
        warn(rates, address, "a user at the address", rates->options.per_user, "--requests-per-minute-user");
    }
    return enters;
}

void gh_rates_notice_forwarded(gh_rates *rates, gh_view peer)
{
    unsigned char bytes[16];
    bool local = false;
    if (!atomic_load_explicit(&rates->noticed, memory_order_relaxed) && parse(peer, bytes, &local) && local &&
        !atomic_exchange(&rates->noticed, true)) {
        gh_log_warn("requests come through a proxy at %.*s that is not trusted, so limits by address do not "
                    "see its clients: start with --trusted-proxy %.*s",
                    (int)peer.len, peer.ptr, (int)peer.len, peer.ptr);
    }
}
