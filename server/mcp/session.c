#include "server/mcp/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/clock.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"

#define ID_BYTES 32
#define BUCKETS_MAX 65536

/* A principal with live sessions. */
typedef struct owner {
    gh_principal *principal; /* issuer, subject and client only */
    size_t hash;
    size_t count;
    gh_mcp_session *sessions; /* linked by `sibling` */
    struct owner *next;       /* in its bucket */
} owner;

struct gh_mcp_session {
    char id[GH_MCP_SESSION_ID_MAX];
    const char *version;
    owner *owner; /* NULL once it has ended */
    size_t hash;
    size_t holders;
    int64_t used_ms;
    gh_mcp_session *sibling;
    gh_mcp_session *next;  /* in its bucket */
    gh_mcp_session *older; /* all live ones by time of use */
    gh_mcp_session *newer;
};

struct gh_mcp_sessions {
    pthread_mutex_t lock;
    size_t max;
    size_t max_per_principal;
    int64_t idle_ms;
    size_t count;
    size_t buckets; /* a power of two */
    gh_mcp_session **by_id;
    owner **owners;
    gh_mcp_session *oldest;
    gh_mcp_session *newest;
};

static size_t hash_bytes(size_t hash, const char *text, size_t len)
{
    uint64_t h = hash ^ UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(h ^ (h >> 32));
}

static size_t hash_principal(const gh_principal *principal)
{
    gh_view subject = gh_view_of(principal->subject);
    gh_view client = gh_view_of(principal->client_id);
    return hash_bytes(hash_bytes(0, subject.ptr, subject.len), client.ptr, client.len);
}

gh_status gh_mcp_sessions_new(size_t max, size_t max_per_principal, int64_t idle_ms,
                              gh_mcp_sessions **sessions)
{
    if (max == 0 || max_per_principal == 0 || idle_ms <= 0) {
        return GH_ERR_INVALID;
    }
    gh_mcp_sessions *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return GH_ERR_NOMEM;
    }
    fresh->max = max;
    fresh->max_per_principal = max_per_principal;
    fresh->idle_ms = idle_ms;
    fresh->buckets = 16;
    while (fresh->buckets < max && fresh->buckets < BUCKETS_MAX) {
        fresh->buckets *= 2;
    }
    fresh->by_id = calloc(fresh->buckets, sizeof(gh_mcp_session *));
    fresh->owners = calloc(fresh->buckets, sizeof(owner *));
    if (fresh->by_id == NULL || fresh->owners == NULL || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh->by_id);
        free(fresh->owners);
        free(fresh);
        return GH_ERR_NOMEM;
    }
    *sessions = fresh;
    return GH_OK;
}

/* --- with the lock held --- */
static void unlink_age(gh_mcp_sessions *table, gh_mcp_session *session)
{
    *(session->older == NULL ? &table->oldest : &session->older->newer) = session->newer;
    *(session->newer == NULL ? &table->newest : &session->newer->older) = session->older;
    session->older = NULL;
    session->newer = NULL;
}

static void link_newest(gh_mcp_sessions *table, gh_mcp_session *session, int64_t now)
{
    session->used_ms = now;
    session->older = table->newest;
    session->newer = NULL;
    *(table->newest == NULL ? &table->oldest : &table->newest->newer) = session;
    table->newest = session;
}

static void free_session(gh_mcp_session *session)
{
    if (session != NULL) {
        gh_wipe(session->id, sizeof session->id);
        free(session);
    }
}

static void drop_owner(gh_mcp_sessions *table, owner *gone)
{
    owner **at = &table->owners[gone->hash & (table->buckets - 1)];
    while (*at != NULL && *at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    gh_principal_free(gone->principal);
    free(gone);
}

static void end_session(gh_mcp_sessions *table, gh_mcp_session *session)
{
    gh_mcp_session **at = &table->by_id[session->hash & (table->buckets - 1)];
    while (*at != NULL && *at != session) {
        at = &(*at)->next;
    }
    *at = session->next;
    owner *of = session->owner;
    at = &of->sessions;
    while (*at != NULL && *at != session) {
        at = &(*at)->sibling;
    }
    *at = session->sibling;
    unlink_age(table, session);
    session->owner = NULL;
    table->count--;
    if (--of->count == 0) {
        drop_owner(table, of);
    }
    if (session->holders == 0) {
        free_session(session);
    }
}

static void end_expired(gh_mcp_sessions *table, int64_t now)
{
    while (table->oldest != NULL && now - table->oldest->used_ms >= table->idle_ms) {
        gh_mcp_session *session = table->oldest;
        if (session->holders > 0) {
            unlink_age(table, session);
            link_newest(table, session, now);
        } else {
            end_session(table, session);
        }
    }
}

static owner *find_owner(const gh_mcp_sessions *table, const gh_principal *principal, size_t hash)
{
    owner *at = table->owners[hash & (table->buckets - 1)];
    while (at != NULL && !(at->hash == hash && gh_principal_same(at->principal, principal))) {
        at = at->next;
    }
    return at;
}

static gh_mcp_session *find_session(const gh_mcp_sessions *table, const gh_principal *principal, gh_view id)
{
    if (id.len == 0 || id.len >= GH_MCP_SESSION_ID_MAX) {
        return NULL;
    }
    size_t hash = hash_bytes(0, id.ptr, id.len);
    gh_mcp_session *at = table->by_id[hash & (table->buckets - 1)];
    while (at != NULL && !(at->hash == hash && gh_view_eq_cstr(id, at->id))) {
        at = at->next;
    }
    return at != NULL && gh_principal_same(at->owner->principal, principal) ? at : NULL;
}

static gh_principal *copy_identity(const gh_principal *principal)
{
    gh_principal *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->issuer = gh_text_dup(principal->issuer);
    copy->subject = gh_text_dup(principal->subject);
    copy->client_id = gh_text_dup(principal->client_id);
    if (!gh_principal_same(copy, principal)) {
        gh_principal_free(copy);
        copy = NULL;
    }
    return copy;
}

static owner *add_owner(gh_mcp_sessions *table, const gh_principal *principal, size_t hash)
{
    owner *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return NULL;
    }
    fresh->principal = copy_identity(principal);
    if (fresh->principal == NULL) {
        free(fresh);
        return NULL;
    }
    fresh->hash = hash;
    owner **bucket = &table->owners[hash & (table->buckets - 1)];
    fresh->next = *bucket;
    *bucket = fresh;
    return fresh;
}

static gh_mcp_session *longest_idle_of(const owner *of)
{
    gh_mcp_session *found = NULL;
    for (gh_mcp_session *at = of->sessions; at != NULL; at = at->sibling) {
        if (at->holders == 0 && (found == NULL || at->used_ms <= found->used_ms)) {
            found = at;
        }
    }
    return found;
}

static gh_mcp_session *longest_idle(const gh_mcp_sessions *table)
{
    gh_mcp_session *at = table->oldest;
    while (at != NULL && at->holders > 0) {
        at = at->newer;
    }
    return at;
}

static gh_status make_room(gh_mcp_sessions *table, const gh_principal *principal, size_t hash)
{
    const owner *of = find_owner(table, principal, hash);
    gh_mcp_session *leaves = NULL;
    if (of != NULL && of->count >= table->max_per_principal) {
        leaves = longest_idle_of(of);
    } else if (table->count >= table->max) {
        leaves = longest_idle(table);
    } else {
        return GH_OK;
    }
    if (leaves != NULL) {
        end_session(table, leaves);
    }
    return leaves != NULL ? GH_OK : GH_ERR_UNAVAILABLE;
}

static gh_status insert(gh_mcp_sessions *table, const gh_principal *principal, gh_mcp_session *fresh)
{
    int64_t now = gh_clock_mono_ms();
    size_t hash = hash_principal(principal);
    end_expired(table, now);
    gh_status status = make_room(table, principal, hash);
    if (status != GH_OK) {
        return status;
    }
    owner *of = find_owner(table, principal, hash);
    if (of == NULL) {
        of = add_owner(table, principal, hash);
    }
    if (of == NULL) {
        return GH_ERR_NOMEM;
    }
    fresh->owner = of;
    fresh->sibling = of->sessions;
    of->sessions = fresh;
    of->count++;
    gh_mcp_session **bucket = &table->by_id[fresh->hash & (table->buckets - 1)];
    fresh->next = *bucket;
    *bucket = fresh;
    table->count++;
    link_newest(table, fresh, now);
    return GH_OK;
}

/* --- entry points --- */

gh_status gh_mcp_sessions_open(gh_mcp_sessions *sessions, const gh_principal *principal, const char *version,
                               gh_mcp_session **session)
{
    char *id = NULL;
    gh_mcp_session *fresh = calloc(1, sizeof *fresh);
    gh_status status = fresh == NULL ? GH_ERR_NOMEM : gh_random_token(ID_BYTES, &id);
    if (status != GH_OK) {
        goto out;
    }
    if (strlen(id) >= sizeof fresh->id) {
        status = GH_ERR_CRYPTO;
        goto out;
    }
    memcpy(fresh->id, id, strlen(id) + 1);
    fresh->version = version;
    fresh->hash = hash_bytes(0, id, strlen(id));
    fresh->holders = 1;
    (void)pthread_mutex_lock(&sessions->lock);
    status = insert(sessions, principal, fresh);
    (void)pthread_mutex_unlock(&sessions->lock);
    if (status == GH_OK) {
        *session = fresh;
        fresh = NULL;
    }
out:
    gh_wipe_free(id);
    free_session(fresh);
    return status;
}

gh_status gh_mcp_sessions_hold(gh_mcp_sessions *sessions, const gh_principal *principal, gh_view id,
                               gh_mcp_session **session)
{
    (void)pthread_mutex_lock(&sessions->lock);
    int64_t now = gh_clock_mono_ms();
    end_expired(sessions, now);
    gh_mcp_session *found = find_session(sessions, principal, id);
    if (found != NULL) {
        found->holders++;
        unlink_age(sessions, found);
        link_newest(sessions, found, now);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    *session = found;
    return found == NULL ? GH_ERR_NOT_FOUND : GH_OK;
}

void gh_mcp_sessions_release(gh_mcp_sessions *sessions, gh_mcp_session *session)
{
    if (session == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&sessions->lock);
    session->holders--;
    if (session->owner == NULL) {
        if (session->holders == 0) {
            free_session(session);
        }
    } else {
        unlink_age(sessions, session);
        link_newest(sessions, session, gh_clock_mono_ms());
    }
    (void)pthread_mutex_unlock(&sessions->lock);
}

gh_status gh_mcp_sessions_end(gh_mcp_sessions *sessions, const gh_principal *principal, gh_view id)
{
    (void)pthread_mutex_lock(&sessions->lock);
    end_expired(sessions, gh_clock_mono_ms());
    gh_mcp_session *found = find_session(sessions, principal, id);
    if (found != NULL) {
        end_session(sessions, found);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return found == NULL ? GH_ERR_NOT_FOUND : GH_OK;
}

size_t gh_mcp_sessions_count(gh_mcp_sessions *sessions)
{
    (void)pthread_mutex_lock(&sessions->lock);
    end_expired(sessions, gh_clock_mono_ms());
    size_t count = sessions->count;
    (void)pthread_mutex_unlock(&sessions->lock);
    return count;
}

void gh_mcp_sessions_free(gh_mcp_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    for (gh_mcp_session *at = sessions->oldest, *newer = NULL; at != NULL; at = newer) {
        newer = at->newer;
        end_session(sessions, at);
    }
    (void)pthread_mutex_destroy(&sessions->lock);
    free(sessions->by_id);
    free(sessions->owners);
    free(sessions);
}

const char *gh_mcp_session_id(const gh_mcp_session *session)
{
    return session->id;
}

const char *gh_mcp_session_version(const gh_mcp_session *session)
{
    return session->version;
}
