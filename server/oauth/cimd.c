#include "server/oauth/cimd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/oauth/cimd_private.h"
#include "server/store/table.h"
#include "shared/core/clock.h"
#include "shared/core/cond.h"
#include "shared/core/digest.h"
#include "shared/core/log.h"
#include "shared/net/address.h"

#define BUSY "This server is looking up too many applications at the moment; try again in a minute."
#define WAIT_MS (GH_CIMD_TIMEOUT_MS + 1000)

typedef char key_text[GH_SHA256_TEXT_MAX];

/* What is known of one URL: a client, or in `why` the reason that there is none. */
typedef struct entry {
    gh_table_entry row;
    key_text key;
    gh_client client;
    gh_error why;        /* its status is GH_OK for a client */
    int64_t fresh_until; /* wall clock, like the next */
    int64_t stale_until; /* of a client, while its site is down */
} entry;

struct gh_cimd {
    gh_cimd_fetch_function fetch;
    void *fetch_context;
    gh_cimd_network network;
    gh_throttle *pace;
    pthread_mutex_t lock;
    pthread_cond_t changed;                 /* a fetch has ended */
    gh_table entries;                       /* by digest of the URL; used longest ago first */
    key_text fetching[GH_CIMD_FETCHES_MAX]; /* empty for a free place */
    size_t waiters;
};

/* One look-up. */
typedef struct search {
    const gh_oauth_server *server;
    gh_cimd *cimd;
    const char *url;
    key_text key;
} search;

static void free_entry(entry *e)
{
    if (e != NULL) {
        gh_client_clear(&e->client);
        free(e);
    }
}

static bool init_waiting(gh_cimd *cimd)
{
    if (pthread_mutex_init(&cimd->lock, NULL) != 0) {
        return false;
    }
    bool made = gh_cond_init(&cimd->changed) == GH_OK;
    if (!made) {
        (void)pthread_mutex_destroy(&cimd->lock);
    }
    return made;
}

gh_cimd *gh_cimd_new(void)
{
    gh_cimd *cimd = calloc(1, sizeof *cimd);
    if (cimd == NULL) {
        return NULL;
    }
    cimd->network = (gh_cimd_network){.may_connect = gh_address_is_public, .timeout_ms = GH_CIMD_TIMEOUT_MS};
    cimd->fetch = gh_cimd_fetch;
    cimd->fetch_context = &cimd->network;
    cimd->pace = gh_throttle_new_with(GH_CIMD_FETCHES_A_MINUTE, GH_THROTTLE_WINDOW_MS);
    if (cimd->pace == NULL || gh_table_init(&cimd->entries, GH_CIMD_ENTRIES_MAX) != GH_OK ||
        !init_waiting(cimd)) {
        gh_throttle_free(cimd->pace);
        gh_table_free(&cimd->entries);
        free(cimd);
        return NULL;
    }
    return cimd;
}

static void drop(gh_cimd *cimd, entry *e)
{
    gh_table_remove(&cimd->entries, &e->row);
    free_entry(e);
}

void gh_cimd_free(gh_cimd *cimd)
{
    if (cimd == NULL) {
        return;
    }
    while (cimd->entries.oldest != NULL) {
        drop(cimd, (entry *)cimd->entries.oldest);
    }
    gh_table_free(&cimd->entries);
    gh_throttle_free(cimd->pace);
    (void)pthread_cond_destroy(&cimd->changed);
    (void)pthread_mutex_destroy(&cimd->lock);
    free(cimd);
}

void gh_cimd_set_fetch(gh_cimd *cimd, gh_cimd_fetch_function fetch, void *context)
{
    cimd->fetch = fetch;
    cimd->fetch_context = context;
}

static bool copy_client(const gh_client *from, gh_client *to)
{
    to->id = gh_text_dup(from->id);
    to->name = gh_text_dup(from->name);
    to->redirect_uris = gh_text_dup(from->redirect_uris);
    to->grant_types = gh_text_dup(from->grant_types);
    to->scope = gh_text_dup(from->scope);
    to->uri = gh_text_dup(from->uri);
    return to->id != NULL && to->name != NULL && to->redirect_uris != NULL && to->grant_types != NULL &&
           (to->scope != NULL || from->scope == NULL) && (to->uri != NULL || from->uri == NULL);
}

static gh_status answer(const entry *e, gh_client *client, gh_error *why)
{
    if (e->why.status != GH_OK) {
        *why = e->why;
        return e->why.status == GH_ERR_UNAVAILABLE ? GH_ERR_UNAVAILABLE : GH_ERR_NOT_FOUND;
    }
    if (!copy_client(&e->client, client)) {
        gh_client_clear(client);
        return GH_ERR_NOMEM;
    }
    return GH_OK;
}

static entry *find_entry(const search *s)
{
    return (entry *)gh_table_find(&s->cimd->entries, s->key);
}

/* Puts an entry that is in no table behind all others. */
static gh_status add_entry(gh_cimd *cimd, entry *e)
{
    while (cimd->entries.count >= GH_CIMD_ENTRIES_MAX) {
        drop(cimd, (entry *)cimd->entries.oldest);
    }
    return gh_table_add(&cimd->entries, &e->row, e->key);
}

static gh_status use(gh_cimd *cimd, entry *e, gh_client *client, gh_error *why)
{
    gh_status status = answer(e, client, why);
    gh_table_remove(&cimd->entries, &e->row);
    if (add_entry(cimd, e) != GH_OK) {
        free_entry(e);
    }
    return status;
}

static char *find_place(gh_cimd *cimd, const char *key)
{
    for (size_t i = 0; i < GH_CIMD_FETCHES_MAX; i++) {
        if (strcmp(cimd->fetching[i], key) == 0) {
            return cimd->fetching[i];
        }
    }
    return NULL;
}

/* False when the time is over, or too many wait already. */
static bool wait_for_fetch(gh_cimd *cimd, gh_deadline deadline)
{
    if (cimd->waiters >= GH_CIMD_WAITERS_MAX) {
        return false;
    }
    cimd->waiters++;
    bool in_time = gh_cond_wait_until(&cimd->changed, &cimd->lock, deadline);
    cimd->waiters--;
    return in_time;
}

/* Runs without the lock. NULL on lack of memory. */
static entry *fetch_entry(const search *s)
{
    entry *made = calloc(1, sizeof *made);
    gh_cimd_reply reply = {GH_BUF_INIT(GH_CIMD_DOCUMENT_MAX), GH_CIMD_KEEP_MIN_S};
    gh_error problem = {0};
    if (made == NULL) {
        return NULL;
    }
    memcpy(made->key, s->key, sizeof made->key);
    gh_status status = s->cimd->fetch(s->cimd->fetch_context, s->url, &reply, &made->why);
    if (status == GH_OK) {
        status = gh_cimd_document_read(s->server, s->url, gh_buf_view(&reply.body), &made->client, &problem);
        if (status == GH_ERR_INVALID) {
            (void)gh_error_set(&made->why, GH_ERR_DENIED,
                               "The application's metadata document cannot be used: %s.", problem.message);
        }
    }
    int64_t now = gh_clock_wall_s();
    made->fresh_until = now + (status == GH_OK ? reply.keep_s : GH_CIMD_KEEP_MIN_S);
    made->stale_until = made->fresh_until + GH_CIMD_STALE_S;
    gh_buf_free(&reply.body);
    if (status == GH_ERR_NOMEM) {
        free_entry(made);
        return NULL;
    }
    gh_log_info("client metadata document %s: %s", status == GH_OK ? "read" : "refused", s->url);
    return made;
}

/* The site is down, and what it said before was good not long ago. */
static bool outlives(const entry *known, const entry *fresh)
{
    return known != NULL && known->why.status == GH_OK && fresh->why.status == GH_ERR_UNAVAILABLE &&
           known->stale_until > gh_clock_wall_s();
}

static gh_status take_in(const search *s, entry *fresh, gh_client *client, gh_error *why)
{
    entry *known = find_entry(s);
    if (outlives(known, fresh)) {
        known->fresh_until = fresh->fresh_until;
        free_entry(fresh);
        return use(s->cimd, known, client, why);
    }
    if (known != NULL) {
        drop(s->cimd, known);
    }
    gh_status status = answer(fresh, client, why);
    if (add_entry(s->cimd, fresh) != GH_OK) {
        free_entry(fresh);
    }
    return status;
}

static gh_status fetch(const search *s, gh_client *client, gh_error *why)
{
    gh_cimd *cimd = s->cimd;
    int64_t wait_s = 0;
    char *place = find_place(cimd, "");
    if (place == NULL || !gh_throttle_enter(cimd->pace, &wait_s)) {
        entry *known = find_entry(s);
        bool usable = known != NULL && known->why.status == GH_OK && known->stale_until > gh_clock_wall_s();
        return usable ? use(cimd, known, client, why) : gh_error_set(why, GH_ERR_UNAVAILABLE, BUSY);
    }
    memcpy(place, s->key, sizeof s->key);
    (void)pthread_mutex_unlock(&cimd->lock);
    entry *fresh = fetch_entry(s);
    (void)pthread_mutex_lock(&cimd->lock);
    place[0] = '\0';
    (void)pthread_cond_broadcast(&cimd->changed);
    return fresh == NULL ? GH_ERR_NOMEM : take_in(s, fresh, client, why);
}

/* The lock is held. */
static gh_status look_up(const search *s, gh_client *client, gh_error *why)
{
    gh_deadline deadline = gh_deadline_in(WAIT_MS);
    for (;;) {
        entry *known = find_entry(s);
        if (known != NULL && known->fresh_until > gh_clock_wall_s()) {
            return use(s->cimd, known, client, why);
        }
        if (find_place(s->cimd, s->key) == NULL) {
            return fetch(s, client, why);
        }
        if (!wait_for_fetch(s->cimd, deadline)) {
            return gh_error_set(why, GH_ERR_UNAVAILABLE, BUSY);
        }
    }
}

static gh_status find_by_url(const gh_oauth_server *server, const char *url, gh_client *client, gh_error *why)
{
    search s = {.server = server, .cimd = server->cimd, .url = url};
    if (gh_cimd_url_check(url, why) != GH_OK) {
        return GH_ERR_NOT_FOUND;
    }
    gh_status status = gh_sha256_text(gh_view_of(url), s.key);
    if (status == GH_OK) {
        (void)pthread_mutex_lock(&s.cimd->lock);
        status = look_up(&s, client, why);
        (void)pthread_mutex_unlock(&s.cimd->lock);
    }
    return status;
}

gh_status gh_clients_find(const gh_oauth_server *server, const char *id, gh_client *client, gh_error *why)
{
    gh_error unasked = {0};
    if (!gh_cimd_is_url(id)) {
        return gh_store_client_get(server->store, id, client);
    }
    return find_by_url(server, id, client, why != NULL ? why : &unasked);
}
