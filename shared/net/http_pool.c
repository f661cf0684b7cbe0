#include "shared/net/http_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"

#define IDLE_MS 60000

typedef struct idle_client {
    gh_http_client *client;
    uint64_t owner;
    int64_t since_ms;
} idle_client;

struct gh_http_pool {
    gh_http_client_options options; /* its texts are the pool's own */
    gh_http_header *home_headers;
    size_t keep;
    pthread_mutex_t lock;
    /* Under the lock: */
    size_t count;
    idle_client idle[]; /* the one given back last is the last */
};

static bool copy_text(const char **text)
{
    char *copy = gh_text_dup(*text);
    bool lacks = *text != NULL && copy == NULL;
    *text = copy;
    return !lacks;
}

static bool copy_headers(gh_http_pool *pool)
{
    size_t count = pool->options.home_header_count;
    const gh_http_header *from = pool->options.home_headers;
    pool->options.home_headers = NULL;
    pool->options.home_header_count = 0;
    if (count == 0) {
        return true;
    }
    pool->home_headers = calloc(count, sizeof *pool->home_headers);
    if (pool->home_headers == NULL) {
        return false;
    }
    pool->options.home_headers = pool->home_headers;
    pool->options.home_header_count = count;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        pool->home_headers[i] = from[i];
        bool name = copy_text(&pool->home_headers[i].name);
        bool value = copy_text(&pool->home_headers[i].value);
        whole = whole && name && value;
    }
    return whole;
}

static bool copy_options(gh_http_pool *pool, const gh_http_client_options *options)
{
    pool->options = *options;
    const char **const texts[] = {&pool->options.user_agent, &pool->options.ca_file,
                                  &pool->options.connect_to, &pool->options.cert_file,
                                  &pool->options.key_file,   &pool->options.home};
    bool whole = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool copied = copy_text(texts[i]);
        whole = whole && copied;
    }
    bool copied = copy_headers(pool);
    return whole && copied;
}

/* Each text is the pool's own, although the options call it constant. */
static void free_text(const char *text)
{
    gh_wipe_free((char *)(uintptr_t)text);
}

gh_status gh_http_pool_new(const gh_http_client_options *options, size_t keep, gh_http_pool **out,
                           gh_error *error)
{
    gh_http_client *first = NULL;
    gh_http_pool *pool = calloc(1, sizeof *pool + keep * sizeof *pool->idle);
    if (pool == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the HTTP clients");
    }
    pool->keep = keep;
    (void)pthread_mutex_init(&pool->lock, NULL);
    gh_status status = copy_options(pool, options)
                           ? gh_http_client_new(&pool->options, &first, error)
                           : gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the HTTP clients");
    if (status != GH_OK) {
        gh_http_pool_free(pool);
        return status;
    }
    gh_http_client_free(first); /* made to find out now what is wrong with the options */
    *out = pool;
    return GH_OK;
}

void gh_http_pool_free(gh_http_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->count; i++) {
        gh_http_client_free(pool->idle[i].client);
    }
    for (size_t i = 0; i < pool->options.home_header_count; i++) {
        free_text(pool->home_headers[i].name);
        free_text(pool->home_headers[i].value);
    }
    free(pool->home_headers);
    free_text(pool->options.user_agent);
    free_text(pool->options.ca_file);
    free_text(pool->options.connect_to);
    free_text(pool->options.cert_file);
    free_text(pool->options.key_file);
    free_text(pool->options.home);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static gh_http_client *remove_locked(gh_http_pool *pool, size_t at)
{
    gh_http_client *client = pool->idle[at].client;
    pool->count--;
    memmove(&pool->idle[at], &pool->idle[at + 1], (pool->count - at) * sizeof *pool->idle);
    return client;
}

/* Takes the one that has been idle for longest out, when that is too long. */
static gh_http_client *stale_locked(gh_http_pool *pool, int64_t now_ms)
{
    bool stale = pool->count > 0 && now_ms - pool->idle[0].since_ms >= IDLE_MS;
    return stale ? remove_locked(pool, 0) : NULL;
}

/* Freeing closes connections, which is not for within the lock. */
static void free_stale(gh_http_pool *pool)
{
    gh_http_client *stale = NULL;
    int64_t now_ms = gh_clock_mono_ms();
    do {
        (void)pthread_mutex_lock(&pool->lock);
        stale = stale_locked(pool, now_ms);
        (void)pthread_mutex_unlock(&pool->lock);
        gh_http_client_free(stale);
    } while (stale != NULL);
}

gh_status gh_http_pool_take(gh_http_pool *pool, uint64_t owner, gh_http_client **client, gh_error *error)
{
    gh_http_client *found = NULL;
    free_stale(pool);
    (void)pthread_mutex_lock(&pool->lock);
    for (size_t i = pool->count; i > 0 && found == NULL; i--) {
        found = pool->idle[i - 1].owner == owner ? remove_locked(pool, i - 1) : NULL;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (found == NULL) {
        return gh_http_client_new(&pool->options, client, error);
    }
    *client = found;
    return GH_OK;
}

void gh_http_pool_give(gh_http_pool *pool, uint64_t owner, gh_http_client *client)
{
    gh_http_client *over = client;
    if (client == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->keep > 0) {
        over = pool->count == pool->keep ? remove_locked(pool, 0) : NULL;
        pool->idle[pool->count++] = (idle_client){client, owner, gh_clock_mono_ms()};
    }
    (void)pthread_mutex_unlock(&pool->lock);
    gh_http_client_free(over);
    free_stale(pool);
}
