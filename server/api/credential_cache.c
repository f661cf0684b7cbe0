#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/credential_private.h"
#include "shared/core/clock.h"
#include "shared/core/cond.h"

#define BUCKETS 1024
#define EARLY_S 30 /* before its end a token is replaced, or at half its time when that is less */
#define USER_KEPT_S                                                                                          \
    60               /* the user's own at most: the store behind it has the newest, and asking it is cheap */
#define UNKNOWN_S 60 /* for a token that does not say how long it lasts */
#define DENIED_MS 5000 /* before a refusal is asked about again; doubles */
#define OUTAGE_MS 1000 /* likewise for an outage */
#define PAUSE_MAX_MS 30000
#define RENEWED_MS 30000 /* between two replacements of tokens that an API refused */
#define SWEPT 4          /* old entries that are looked at for each new one */

typedef struct entry {
    unsigned char key[GH_SHA256_LEN];
    struct entry *next;          /* of its bucket */
    struct entry *older, *newer; /* by use */
    size_t users;                /* threads that look at it without the lock, or wait: it stays */
    bool busy;                   /* one of them asks for a token */
    gh_secret *value;            /* NULL: none yet */
    int64_t fresh_until, ends_at;
    gh_error why; /* of the last failure */
    unsigned failures;
    int64_t retry_ms; /* monotonic: not before */
    int64_t renew_ms; /* likewise for the next one in place of a refused one */
} entry;

struct gh_credential_cache {
    gh_credential_source source;
    pthread_mutex_t lock; /* never held while a source is asked */
    pthread_cond_t changed;
    entry *buckets[BUCKETS];
    entry *oldest, *newest;
    size_t count, waiters;
};

gh_status gh_credential_cache_new(const gh_credential_source *source, gh_credential_cache **cache)
{
    gh_credential_cache *made = calloc(1, sizeof *made);
    if (made == NULL || gh_cond_init(&made->changed) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    made->source = *source;
    (void)pthread_mutex_init(&made->lock, NULL);
    *cache = made;
    return GH_OK;
}

static void free_entry(entry *gone)
{
    gh_secret_free(gone->value);
    free(gone);
}

void gh_credential_cache_free(gh_credential_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (entry *at = cache->oldest; at != NULL;) {
        entry *gone = at;
        at = at->newer;
        free_entry(gone);
    }
    (void)pthread_cond_destroy(&cache->changed);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* --- the table; with the lock --- */

static entry **bucket_of(gh_credential_cache *cache, const unsigned char *key)
{
    return &cache->buckets[((size_t)key[0] << 8 | key[1]) % BUCKETS];
}

static void unlink_use(gh_credential_cache *cache, const entry *e)
{
    *(e->older != NULL ? &e->older->newer : &cache->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &cache->newest) = e->older;
}

static void link_newest(gh_credential_cache *cache, entry *e)
{
    e->newer = NULL;
    e->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = e;
    cache->newest = e;
}

static void drop(gh_credential_cache *cache, entry *gone)
{
    entry **at = bucket_of(cache, gone->key);
    while (*at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    unlink_use(cache, gone);
    cache->count--;
    free_entry(gone);
}

static bool is_full(const gh_credential_cache *cache)
{
    return cache->count >= GH_CREDENTIAL_ENTRIES_MAX;
}

/* Takes away what is of no use among the oldest, and the oldest when the table is full. False: no room. */
static bool make_room(gh_credential_cache *cache)
{
    int64_t now = gh_clock_wall_s();
    int64_t mono = gh_clock_mono_ms();
    entry *next = NULL;
    size_t seen = 0;
    for (entry *at = cache->oldest; at != NULL && (seen < SWEPT || is_full(cache)); at = next, seen++) {
        next = at->newer;
        bool useless = at->ends_at <= now && at->retry_ms <= mono;
        if (at->users == 0 && (useless || is_full(cache))) {
            drop(cache, at);
        }
    }
    return !is_full(cache);
}

/* With one user more; NULL without room or memory. */
static entry *hold(gh_credential_cache *cache, const unsigned char *key)
{
    entry **bucket = bucket_of(cache, key);
    entry *e = *bucket;
    while (e != NULL && memcmp(e->key, key, GH_SHA256_LEN) != 0) {
        e = e->next;
    }
    if (e != NULL) {
        unlink_use(cache, e);
    } else {
        e = make_room(cache) ? calloc(1, sizeof *e) : NULL;
        if (e == NULL) {
            return NULL;
        }
        memcpy(e->key, key, GH_SHA256_LEN);
        e->next = *bucket;
        *bucket = e;
        cache->count++;
    }
    link_newest(cache, e);
    e->users++;
    return e;
}

/* --- one wish; with the lock --- */

typedef enum verdict { GIVE, FAIL, ASK, WAIT } verdict;

static verdict decide(const entry *e, const gh_credential_wish *wish, gh_error *why)
{
    int64_t now = gh_clock_wall_s();
    int64_t mono = gh_clock_mono_ms();
    bool refused =
        wish->stale != NULL && e->value != NULL && gh_secret_equals(wish->stale, gh_secret_view(e->value));
    bool usable = e->value != NULL && !refused && now < e->ends_at;
    if (usable && (now < e->fresh_until || e->busy || mono < e->retry_ms)) {
        return GIVE;
    }
    if (e->busy) {
        return WAIT;
    }
    if (mono < e->retry_ms) {
        *why = e->why;
        return FAIL;
    }
    if (refused && mono < e->renew_ms) {
        (void)gh_error_set(why, GH_ERR_DENIED,
                           "%s refuses the access token that was renewed for it a moment ago; you may not be "
                           "allowed to do this, or whoever runs this server has to look at its audience and "
                           "scopes.",
                           wish->upstream->name);
        return FAIL;
    }
    return ASK;
}

/* False at the deadline, and when too many wait. */
static bool wait_changed(gh_credential_cache *cache, gh_deadline deadline)
{
    if (gh_deadline_passed(deadline) || cache->waiters >= GH_CREDENTIAL_WAITERS_MAX) {
        return false;
    }
    cache->waiters++;
    (void)gh_cond_wait_until(&cache->changed, &cache->lock, deadline);
    cache->waiters--;
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_times(entry *e, const gh_credential_wish *wish, int64_t ends_at)
{
    int64_t now = gh_clock_wall_s();
    const gh_principal *principal = wish->principal;
    gh_credential_kind kind = wish->upstream->credential.kind;
    if (ends_at == 0) {
        ends_at = now + UNKNOWN_S;
    }
    if (kind == GH_CREDENTIAL_EXCHANGE && principal != NULL && principal->token != NULL) {
        ends_at = earlier(ends_at, principal->expires_at); /* not longer than the token that it was made of */
    }
    e->ends_at = ends_at > now ? ends_at : now + 1; /* whoever waits for it now may have it */
    int64_t left = e->ends_at - now;
    e->fresh_until = left < 2 * EARLY_S ? now + (left + 1) / 2 : e->ends_at - EARLY_S;
    if (kind == GH_CREDENTIAL_USER) {
        e->fresh_until = earlier(e->fresh_until, now + USER_KEPT_S);
        e->ends_at = earlier(e->ends_at, now + USER_KEPT_S + EARLY_S);
    }
}

static void keep(entry *e, const gh_credential_wish *wish, gh_secret *value, int64_t ends_at)
{
    gh_secret_free(e->value);
    e->value = value;
    e->failures = 0;
    e->retry_ms = 0;
    if (wish->stale != NULL) {
        e->renew_ms = gh_clock_mono_ms() + RENEWED_MS;
    }
    set_times(e, wish, ends_at);
}

/* Others of the same wish are told the same until it is worth asking again. */
static void remember_failure(entry *e, const gh_error *why)
{
    int64_t pause = why->status == GH_ERR_DENIED ? DENIED_MS : OUTAGE_MS;
    for (unsigned i = 0; i < e->failures && pause < PAUSE_MAX_MS; i++) {
        pause *= 2;
    }
    e->failures += e->failures < 16 ? 1U : 0U;
    e->retry_ms = gh_clock_mono_ms() + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
    e->why = *why;
    if (why->status == GH_ERR_DENIED) {
        gh_secret_free(e->value); /* whoever may not have a new one may not go on with the old one */
        e->value = NULL;
    }
}

/* Asks the source, without the lock meanwhile. */
static gh_status renew(gh_credential_cache *cache, entry *e, const gh_credential_wish *wish, gh_error *why)
{
    gh_secret *value = NULL;
    int64_t ends_at = 0;
    e->busy = true;
    (void)pthread_mutex_unlock(&cache->lock);
    gh_status status = gh_credential_fetch(&cache->source, wish, &value, &ends_at, why);
    (void)pthread_mutex_lock(&cache->lock);
    e->busy = false;
    if (status == GH_OK) {
        keep(e, wish, value, ends_at);
    } else {
        remember_failure(e, why);
        /* What still lasts is better than nothing. */
        status = decide(e, wish, why) == GIVE ? GH_OK : status;
    }
    (void)pthread_cond_broadcast(&cache->changed);
    return status;
}

static gh_status obtain(gh_credential_cache *cache, entry *e, const gh_credential_wish *wish,
                        gh_secret **value, gh_error *why)
{
    gh_deadline deadline = gh_deadline_in(GH_CREDENTIAL_MS);
    verdict found = decide(e, wish, why);
    while (found == WAIT && wait_changed(cache, deadline)) {
        found = decide(e, wish, why);
    }
    if (found == WAIT) {
        return gh_error_set(why, GH_ERR_UNAVAILABLE,
                            "The token for %s is still being asked for; try again in a moment.",
                            wish->upstream->name);
    }
    gh_status status = found == ASK ? renew(cache, e, wish, why) : found == FAIL ? why->status : GH_OK;
    if (status == GH_OK) {
        *value = gh_secret_new(gh_secret_view(e->value));
        status = *value != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    return status;
}

gh_status gh_credential_cached(gh_credential_cache *cache, const gh_credential_wish *wish, gh_secret **value,
                               gh_error *error)
{
    unsigned char key[GH_SHA256_LEN];
    gh_error why = {0};
    gh_status status = gh_credential_key(wish, key);
    if (status == GH_OK) {
        (void)pthread_mutex_lock(&cache->lock);
        entry *e = hold(cache, key);
        status = e != NULL ? obtain(cache, e, wish, value, &why) : GH_ERR_NOMEM;
        if (e != NULL) {
            e->users--;
        }
        (void)pthread_mutex_unlock(&cache->lock);
    }
    if (status == GH_OK) {
        return GH_OK;
    }
    if (status != GH_ERR_DENIED && status != GH_ERR_UNAVAILABLE) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The server is short of memory; try again in a moment.");
    }
    return gh_error_set(error, status, "%s", why.message);
}

size_t gh_credential_cache_count(gh_credential_cache *cache)
{
    (void)pthread_mutex_lock(&cache->lock);
    size_t count = cache->count;
    (void)pthread_mutex_unlock(&cache->lock);
    return count;
}
