#include "server/oauth/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/clock.h"
#include "shared/core/sparse.h"

#define ADDRESS_TEXT_MAX 64

typedef struct window {
    size_t limit;
    int64_t ms;
    size_t count;
    int64_t *at_ms; /* oldest first */
} window;

static void forget_old(window *w, int64_t now)
{
    size_t old = 0;
    while (old < w->count && w->at_ms[old] + w->ms <= now) {
        old++;
    }
    for (size_t i = old; i < w->count; i++) {
        w->at_ms[i - old] = w->at_ms[i];
    }
    w->count -= old;
}

static bool enter(window *w, int64_t *retry_after_s)
{
    int64_t now = gh_clock_mono_ms();
    forget_old(w, now);
    if (w->count < w->limit) {
        w->at_ms[w->count++] = now;
        *retry_after_s = 0;
        return true;
    }
    *retry_after_s = (w->at_ms[0] + w->ms - now + 999) / 1000;
    return false;
}

static void forgive(window *w)
{
    if (w->count > 0) {
        w->count--;
    }
}

struct gh_throttle {
    pthread_mutex_t lock;
    window window;
    int64_t places[];
};

gh_throttle *gh_throttle_new(void)
{
    return gh_throttle_new_with(GH_THROTTLE_LIMIT, GH_THROTTLE_WINDOW_MS);
}

gh_throttle *gh_throttle_new_with(size_t limit, int64_t window_ms)
{
    gh_throttle *throttle = calloc(1, sizeof *throttle + limit * sizeof throttle->places[0]);
    if (throttle == NULL || pthread_mutex_init(&throttle->lock, NULL) != 0) {
        free(throttle);
        return NULL;
    }
    throttle->window = (window){limit, window_ms, 0, throttle->places};
    return throttle;
}

void gh_throttle_free(gh_throttle *throttle)
{
    if (throttle != NULL) {
        (void)pthread_mutex_destroy(&throttle->lock);
        free(throttle);
    }
}

bool gh_throttle_enter(gh_throttle *throttle, int64_t *retry_after_s)
{
    (void)pthread_mutex_lock(&throttle->lock);
    bool entered = enter(&throttle->window, retry_after_s);
    (void)pthread_mutex_unlock(&throttle->lock);
    return entered;
}

void gh_throttle_forgive(gh_throttle *throttle)
{
    (void)pthread_mutex_lock(&throttle->lock);
    forgive(&throttle->window);
    (void)pthread_mutex_unlock(&throttle->lock);
}

typedef struct caller {
    char address[ADDRESS_TEXT_MAX];
    uint64_t seen; /* the table's count at its last attempt */
    window window;
} caller;

struct gh_throttle_table {
    pthread_mutex_t lock;
    size_t limit;
    int64_t window_ms;
    uint64_t seen;
    size_t count;
    caller callers[GH_THROTTLE_ADDRESSES_MAX];
    int64_t places[]; /* `limit` for each caller */
};

static size_t size_for(size_t limit)
{
    return sizeof(gh_throttle_table) + GH_THROTTLE_ADDRESSES_MAX * limit * sizeof(int64_t);
}

gh_throttle_table *gh_throttle_table_new(size_t limit, int64_t window_ms)
{
    gh_throttle_table *table = gh_sparse_new(1, size_for(limit));
    if (table == NULL || pthread_mutex_init(&table->lock, NULL) != 0) {
        gh_sparse_free(table, 1, size_for(limit));
        return NULL;
    }
    table->limit = limit;
    table->window_ms = window_ms;
    return table;
}

void gh_throttle_table_free(gh_throttle_table *table)
{
    if (table != NULL) {
        (void)pthread_mutex_destroy(&table->lock);
        gh_sparse_free(table, 1, size_for(table->limit));
    }
}

/* Whoever has one IPv6 address has the rest of its /64, too. */
static void write_key(gh_view address, char out[ADDRESS_TEXT_MAX])
{
    struct in6_addr ipv6;
    memset(out, 0, ADDRESS_TEXT_MAX);
    for (size_t i = 0; i < address.len && i < ADDRESS_TEXT_MAX - 1; i++) {
        out[i] = address.ptr[i];
    }
    if (inet_pton(AF_INET6, out, &ipv6) == 1 && !IN6_IS_ADDR_V4MAPPED(&ipv6)) {
        memset(ipv6.s6_addr + 8, 0, 8);
        (void)inet_ntop(AF_INET6, &ipv6, out, ADDRESS_TEXT_MAX);
    }
}

static caller *find(gh_throttle_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->callers[i].address, key) == 0) {
            return &table->callers[i];
        }
    }
    return NULL;
}

static caller *take_over(gh_throttle_table *table, const char *key)
{
    caller *chosen = &table->callers[0];
    if (table->count < GH_THROTTLE_ADDRESSES_MAX) {
        chosen = &table->callers[table->count++];
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->callers[i].seen < chosen->seen) {
            chosen = &table->callers[i];
        }
    }
    int64_t *places = table->places + (size_t)(chosen - table->callers) * table->limit;
    memcpy(chosen->address, key, ADDRESS_TEXT_MAX);
    chosen->window = (window){table->limit, table->window_ms, 0, places};
    return chosen;
}

bool gh_throttle_table_enter(gh_throttle_table *table, gh_view address, int64_t *retry_after_s)
{
    char key[ADDRESS_TEXT_MAX];
    write_key(address, key);
    (void)pthread_mutex_lock(&table->lock);
    caller *who = find(table, key);
    if (who == NULL) {
        who = take_over(table, key);
    }
    who->seen = ++table->seen;
    bool entered = enter(&who->window, retry_after_s);
    (void)pthread_mutex_unlock(&table->lock);
    return entered;
}

void gh_throttle_table_forgive(gh_throttle_table *table, gh_view address)
{
    char key[ADDRESS_TEXT_MAX];
    write_key(address, key);
    (void)pthread_mutex_lock(&table->lock);
    caller *who = find(table, key);
    if (who != NULL) {
        forgive(&who->window);
    }
    (void)pthread_mutex_unlock(&table->lock);
}
