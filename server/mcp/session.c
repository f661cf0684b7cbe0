#include "server/mcp/session.h"

#include <stdlib.h>
#include <string.h>

#include "server/mcp/session_private.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"
#include "shared/core/sparse.h"
#include "shared/rpc/mcp.h"

#define ID_BYTES 32
#define BUCKETS_MAX 65536

static void free_table(gh_mcp_sessions *table)
{
    gh_sparse_free(table->by_id, table->buckets, sizeof(gh_mcp_session *));
    gh_sparse_free(table->owners, table->buckets, sizeof(gh_mcp_session_owner *));
    free(table);
}

gh_status gh_mcp_sessions_new(size_t max, size_t max_per_principal, int64_t idle_ms, gh_mcp_hub *hub,
                              gh_mcp_sessions **sessions)
{
    if (max == 0 || max_per_principal == 0 || idle_ms <= 0) {
        return GH_ERR_INVALID;
    }
    gh_mcp_sessions *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return GH_ERR_NOMEM;
    }
    fresh->hub = hub;
    fresh->max = max;
    fresh->max_per_principal = max_per_principal;
    fresh->idle_ms = idle_ms;
    fresh->buckets = 16;
    while (fresh->buckets < max && fresh->buckets < BUCKETS_MAX) {
        fresh->buckets *= 2;
    }
    fresh->by_id = gh_sparse_new(fresh->buckets, sizeof(gh_mcp_session *));
    fresh->owners = gh_sparse_new(fresh->buckets, sizeof(gh_mcp_session_owner *));
    if (fresh->by_id == NULL || fresh->owners == NULL || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free_table(fresh);
        return GH_ERR_NOMEM;
    }
    *sessions = fresh;
    return GH_OK;
}

static void free_session(gh_mcp_session *session)
{
    if (session != NULL) {
        gh_mcp_session_free_streams(session);
        (void)pthread_mutex_destroy(&session->lock);
        free(session->capabilities);
        gh_wipe(session->id, sizeof session->id);
        free(session->client_id);
        free(session);
    }
}

/* Ends what belongs to sessions that have left the table. Without a lock. */
static void bury(gh_mcp_sessions *table, gh_mcp_session *ended)
{
    while (ended != NULL) {
        gh_mcp_session *next = ended->next;
        gh_mcp_hub_remove(table->hub, &ended->listener);
        gh_mcp_outbox_close(ended->standalone);
        gh_mcp_session_cancel_all(ended);
        gh_mcp_sessions_release(table, ended);
        ended = next;
    }
}

static gh_status make_session(gh_mcp_sessions *table, const char *version, gh_view capabilities,
                              gh_mcp_session **session)
{
    char *id = NULL;
    gh_mcp_session *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        return GH_ERR_NOMEM;
    }
    gh_status status = gh_random_token(ID_BYTES, &id);
    if (status == GH_OK && strlen(id) >= sizeof fresh->id) {
        status = GH_ERR_CRYPTO;
    }
    if (status == GH_OK && capabilities.len > 0) {
        fresh->capabilities = gh_view_dup(capabilities);
        status = fresh->capabilities == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    if (status == GH_OK) {
        memcpy(fresh->id, id, strlen(id) + 1);
        fresh->hash = gh_mcp_session_hash(gh_view_of(id));
        fresh->table = table;
        fresh->version = version;
        fresh->holders = 1;
        atomic_init(&fresh->level, (int)GATEHOUSE_INFO);
        status = gh_mcp_session_open_streams(fresh);
    }
    gh_wipe_free(id);
    if (status != GH_OK) {
        free_session(fresh);
        return status;
    }
    *session = fresh;
    return GH_OK;
}

gh_status gh_mcp_sessions_open(gh_mcp_sessions *sessions, const gh_principal *principal, const char *version,
                               gh_view capabilities, gh_mcp_session **session)
{
    gh_mcp_session *ended = NULL;
    gh_mcp_session *fresh = NULL;
    gh_status status = make_session(sessions, version, capabilities, &fresh);
    if (status != GH_OK) {
        return status;
    }
    gh_mcp_hub_add(sessions->hub, &fresh->listener);
    (void)pthread_mutex_lock(&sessions->lock);
    status = gh_mcp_session_insert(sessions, principal, fresh, &ended);
    bool drained = sessions->drained;
    (void)pthread_mutex_unlock(&sessions->lock);
    bury(sessions, ended);
    if (drained) {
        (void)pthread_mutex_lock(&fresh->lock);
        fresh->mute = true;
        (void)pthread_mutex_unlock(&fresh->lock);
        gh_mcp_outbox_close(fresh->standalone);
    }
    if (status == GH_OK) {
        *session = fresh;
    } else {
        gh_mcp_hub_remove(sessions->hub, &fresh->listener);
        free_session(fresh);
    }
    return status;
}

gh_status gh_mcp_sessions_hold(gh_mcp_sessions *sessions, const gh_principal *principal, gh_view id,
                               gh_mcp_session **session)
{
    gh_mcp_session *ended = NULL;
    (void)pthread_mutex_lock(&sessions->lock);
    int64_t now = gh_clock_mono_ms();
    gh_mcp_session_expire(sessions, now, &ended);
    gh_mcp_session *found = gh_mcp_session_find(sessions, principal, id);
    if (found != NULL) {
        found->holders++;
        gh_mcp_session_touch(sessions, found, now);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    bury(sessions, ended);
    *session = found;
    return found == NULL ? GH_ERR_NOT_FOUND : GH_OK;
}

void gh_mcp_sessions_release(gh_mcp_sessions *sessions, gh_mcp_session *session)
{
    if (session == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&sessions->lock);
    bool last = --session->holders == 0 && session->owner == NULL;
    if (session->owner != NULL) {
        gh_mcp_session_touch(sessions, session, gh_clock_mono_ms());
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    if (last) {
        free_session(session);
    }
}

gh_status gh_mcp_sessions_end(gh_mcp_sessions *sessions, const gh_principal *principal, gh_view id)
{
    gh_mcp_session *ended = NULL;
    (void)pthread_mutex_lock(&sessions->lock);
    gh_mcp_session_expire(sessions, gh_clock_mono_ms(), &ended);
    gh_mcp_session *found = gh_mcp_session_find(sessions, principal, id);
    if (found != NULL) {
        gh_mcp_session_unlink(sessions, found, &ended);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    bury(sessions, ended);
    return found == NULL ? GH_ERR_NOT_FOUND : GH_OK;
}

size_t gh_mcp_sessions_count(gh_mcp_sessions *sessions)
{
    gh_mcp_session *ended = NULL;
    (void)pthread_mutex_lock(&sessions->lock);
    gh_mcp_session_expire(sessions, gh_clock_mono_ms(), &ended);
    size_t count = sessions->count;
    (void)pthread_mutex_unlock(&sessions->lock);
    bury(sessions, ended);
    return count;
}

/* Fails works that wait for their client: `all` of them, or those that waited too long. */
static void fail_waiting(gh_mcp_work_list *late, bool all)
{
    for (size_t i = 0; i < late->count; i++) {
        gh_mcp_work_fail(late->works[i], GH_RPC_INTERNAL_ERROR,
                         all ? "The server is stopping and cannot wait for the client's answer"
                             : "The client did not answer in time what it was asked");
    }
    gh_mcp_work_list_clear(late);
}

void gh_mcp_sessions_sweep(gh_mcp_sessions *sessions)
{
    gh_mcp_session *ended = NULL;
    gh_mcp_work_list late = {NULL, 0, 0};
    int64_t now = gh_clock_mono_ms();
    (void)pthread_mutex_lock(&sessions->lock);
    gh_mcp_session_expire(sessions, now, &ended);
    for (gh_mcp_session *at = sessions->oldest; at != NULL; at = at->newer) {
        gh_mcp_session_overdue(at, false, &late);
        at->owner->kept = 0;
    }
    for (gh_mcp_session *at = sessions->newest; at != NULL; at = at->older) {
        gh_mcp_session_age_streams(at, now, &at->owner->kept);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    bury(sessions, ended);
    fail_waiting(&late, false);
}

void gh_mcp_sessions_drain(gh_mcp_sessions *sessions)
{
    gh_mcp_work_list waiting = {NULL, 0, 0};
    (void)pthread_mutex_lock(&sessions->lock);
    sessions->drained = true;
    for (gh_mcp_session *at = sessions->oldest; at != NULL; at = at->newer) {
        gh_mcp_outbox_close(at->standalone);
        gh_mcp_session_overdue(at, true, &waiting);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    fail_waiting(&waiting, true);
}

void gh_mcp_sessions_free(gh_mcp_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    gh_mcp_session *ended = NULL;
    (void)pthread_mutex_lock(&sessions->lock);
    while (sessions->oldest != NULL) {
        gh_mcp_session_unlink(sessions, sessions->oldest, &ended);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    bury(sessions, ended);
    (void)pthread_mutex_destroy(&sessions->lock);
    free_table(sessions);
}

/* --- what a session says of itself --- */

const char *gh_mcp_session_id(const gh_mcp_session *session)
{
    return session->id;
}

const char *gh_mcp_session_version(const gh_mcp_session *session)
{
    return session->version;
}

void gh_mcp_session_initialized(gh_mcp_session *session)
{
    atomic_store(&session->initialized, true);
}

const char *gh_mcp_session_capabilities(const gh_mcp_session *session)
{
    return session->capabilities == NULL ? "{}" : session->capabilities;
}

void gh_mcp_session_set_level(gh_mcp_session *session, gatehouse_level level)
{
    atomic_store(&session->level, (int)level);
}

gatehouse_level gh_mcp_session_level(const gh_mcp_session *session)
{
    return (gatehouse_level)atomic_load(&session->level);
}
