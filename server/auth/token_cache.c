#include "server/auth/token_cache.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/jwt.h"
#include "shared/core/clock.h"
#include "shared/core/sparse.h"

#define WAYS 8 /* places that a token may take */
#define SHARDS 16
#define PRINCIPAL_MAX 4096

typedef struct cache_entry {
    unsigned char digest[GH_SHA256_LEN];
    gh_keyset *keys;         /* held, so that its address means this set only */
    gh_principal *principal; /* NULL: the place is free */
    uint64_t used;           /* the shard's count at the last use */
} cache_entry;

typedef struct cache_shard {
    pthread_mutex_t lock;
    uint64_t uses;
    cache_entry *entries; /* `sets` times WAYS */
} cache_shard;

struct gh_token_cache {
    size_t sets; /* per shard; a power of two */
    cache_shard shards[SHARDS];
};

static void clear_entry(cache_entry *entry)
{
    gh_principal_free(entry->principal);
    gh_keyset_free(entry->keys);
    memset(entry, 0, sizeof *entry);
}

gh_status gh_token_cache_new(size_t entries, gh_token_cache **cache)
{
    gh_token_cache *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->sets = 1;
    while (made->sets * WAYS * SHARDS < entries && made->sets < ((size_t)1 << 16)) {
        made->sets *= 2;
    }
    bool complete = true;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&made->shards[i].lock, NULL);
        made->shards[i].entries = gh_sparse_new(made->sets * WAYS, sizeof(cache_entry));
        complete = complete && made->shards[i].entries != NULL;
    }
    if (!complete) {
        gh_token_cache_free(made);
        return GH_ERR_NOMEM;
    }
    *cache = made;
    return GH_OK;
}

void gh_token_cache_free(gh_token_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        cache_shard *shard = &cache->shards[i];
        for (size_t n = 0; shard->entries != NULL && n < cache->sets * WAYS; n++) {
            clear_entry(&shard->entries[n]);
        }
        gh_sparse_free(shard->entries, cache->sets * WAYS, sizeof(cache_entry));
        (void)pthread_mutex_destroy(&shard->lock);
    }
    free(cache);
}

static cache_shard *shard_of(gh_token_cache *cache, const unsigned char *digest)
{
    return &cache->shards[digest[0] % SHARDS];
}

/* The first of the WAYS places of this digest. */
static cache_entry *places_of(const gh_token_cache *cache, const cache_shard *shard,
                              const unsigned char *digest)
{
    size_t number = ((size_t)digest[1] << 8 | digest[2]) & (cache->sets - 1);
    return &shard->entries[number * WAYS];
}

static cache_entry *find(cache_entry *places, const unsigned char *digest)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (places[i].principal != NULL && memcmp(places[i].digest, digest, GH_SHA256_LEN) == 0) {
            return &places[i];
        }
    }
    return NULL;
}

gh_principal *gh_token_cache_get(gh_token_cache *cache, const unsigned char digest[GH_SHA256_LEN],
                                 const gh_keyset *keys)
{
    gh_principal *copy = NULL;
    int64_t now = gh_clock_wall_s();
    cache_shard *shard = shard_of(cache, digest);
    (void)pthread_mutex_lock(&shard->lock);
    cache_entry *entry = find(places_of(cache, shard, digest), digest);
    if (entry != NULL && (entry->keys != keys || now - GH_JWT_SKEW_S >= entry->principal->expires_at)) {
        clear_entry(entry);
        entry = NULL;
    }
    if (entry != NULL) {
        entry->used = ++shard->uses;
        copy = gh_principal_copy(entry->principal);
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return copy;
}

/* The token's own place, else a free one, else the one that was unused for longest. */
static cache_entry *place_for(cache_entry *places, const unsigned char *digest)
{
    cache_entry *entry = find(places, digest);
    for (size_t i = 0; entry == NULL && i < WAYS; i++) {
        entry = places[i].principal == NULL ? &places[i] : NULL;
    }
    if (entry == NULL) {
        entry = &places[0];
        for (size_t i = 1; i < WAYS; i++) {
            entry = places[i].used < entry->used ? &places[i] : entry;
        }
    }
    return entry;
}

static size_t text_len(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

static size_t size_of(const gh_principal *p)
{
    return text_len(p->issuer) + text_len(p->subject) + text_len(p->name) + text_len(p->email) +
           text_len(p->client_id) + text_len(p->scope) + text_len(p->grant_id);
}

void gh_token_cache_put(gh_token_cache *cache, const unsigned char digest[GH_SHA256_LEN], gh_keyset *keys,
                        const gh_principal *principal)
{
    gh_principal *copy = size_of(principal) > PRINCIPAL_MAX ? NULL : gh_principal_copy_tokenless(principal);
    if (copy == NULL) {
        return;
    }
    cache_shard *shard = shard_of(cache, digest);
    (void)pthread_mutex_lock(&shard->lock);
    cache_entry *entry = place_for(places_of(cache, shard, digest), digest);
    clear_entry(entry);
    memcpy(entry->digest, digest, GH_SHA256_LEN);
    entry->keys = gh_keyset_ref(keys);
    entry->principal = copy;
    entry->used = ++shard->uses;
    (void)pthread_mutex_unlock(&shard->lock);
}

size_t gh_token_cache_count(gh_token_cache *cache)
{
    size_t count = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        cache_shard *shard = &cache->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        for (size_t n = 0; n < cache->sets * WAYS; n++) {
            count += shard->entries[n].principal != NULL ? 1U : 0U;
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
    return count;
}
