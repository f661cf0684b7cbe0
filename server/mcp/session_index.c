/* The session table's index, all of it with the table's lock held. */
#include <stdlib.h>

#include "server/mcp/session_private.h"

static size_t hash_bytes(size_t hash, const char *text, size_t len)
{
    uint64_t h = hash ^ UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(h ^ (h >> 32));
}

size_t gh_mcp_session_hash(gh_view id)
{
    return hash_bytes(0, id.ptr, id.len);
}

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

void gh_mcp_session_touch(gh_mcp_sessions *table, gh_mcp_session *session, int64_t now)
{
    unlink_age(table, session);
    link_newest(table, session, now);
}

static void drop_owner(gh_mcp_sessions *table, gh_mcp_session_owner *gone)
{
    gh_mcp_session_owner **at = &table->owners[gone->hash & (table->buckets - 1)];
    while (*at != NULL && *at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    gh_principal_free(gone->principal);
    free(gone);
}

void gh_mcp_session_unlink(gh_mcp_sessions *table, gh_mcp_session *session, gh_mcp_session **ended)
{
    gh_mcp_session **at = &table->by_id[session->hash & (table->buckets - 1)];
    while (*at != NULL && *at != session) {
        at = &(*at)->next;
    }
    *at = session->next;
    gh_mcp_session_owner *of = session->owner;
    at = &of->sessions;
    while (*at != NULL && *at != session) {
        at = &(*at)->sibling;
    }
    *at = session->sibling;
    unlink_age(table, session);
    of->subscribed -= session->subscribed;
    session->owner = NULL;
    table->count--;
    if (--of->count == 0) {
        drop_owner(table, of);
    }
    session->holders++;
    session->next = *ended;
    *ended = session;
}

void gh_mcp_session_expire(gh_mcp_sessions *table, int64_t now, gh_mcp_session **ended)
{
    while (table->oldest != NULL && now - table->oldest->used_ms >= table->idle_ms) {
        if (table->oldest->holders > 0) {
            gh_mcp_session_touch(table, table->oldest, now);
        } else {
            gh_mcp_session_unlink(table, table->oldest, ended);
        }
    }
}

static gh_mcp_session_owner *find_owner(const gh_mcp_sessions *table, const gh_principal *principal,
                                        size_t hash)
{
    gh_mcp_session_owner *at = table->owners[hash & (table->buckets - 1)];
    while (at != NULL && !(at->hash == hash && gh_principal_same_user(at->principal, principal))) {
        at = at->next;
    }
    return at;
}

gh_mcp_session *gh_mcp_session_find(const gh_mcp_sessions *table, const gh_principal *principal, gh_view id)
{
    if (id.len == 0 || id.len >= GH_MCP_SESSION_ID_MAX) {
        return NULL;
    }
    size_t hash = gh_mcp_session_hash(id);
    gh_mcp_session *at = table->by_id[hash & (table->buckets - 1)];
    while (at != NULL && !(at->hash == hash && gh_view_eq_cstr(id, at->id))) {
        at = at->next;
    }
    return at != NULL && gh_principal_is(principal, at->owner->principal, at->client_id) ? at : NULL;
}

static gh_principal *copy_user(const gh_principal *principal)
{
    gh_principal *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->issuer = gh_text_dup(principal->issuer);
    copy->subject = gh_text_dup(principal->subject);
    if (!gh_principal_same_user(copy, principal)) {
        gh_principal_free(copy);
        copy = NULL;
    }
    return copy;
}

static gh_mcp_session_owner *add_owner(gh_mcp_sessions *table, const gh_principal *principal, size_t hash)
{
    gh_mcp_session_owner *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return NULL;
    }
    fresh->principal = copy_user(principal);
    if (fresh->principal == NULL) {
        free(fresh);
        return NULL;
    }
    fresh->hash = hash;
    gh_mcp_session_owner **bucket = &table->owners[hash & (table->buckets - 1)];
    fresh->next = *bucket;
    *bucket = fresh;
    return fresh;
}

static gh_mcp_session *longest_idle_of(const gh_mcp_session_owner *of)
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

static gh_status make_room(gh_mcp_sessions *table, const gh_principal *principal, size_t hash,
                           gh_mcp_session **ended)
{
    const gh_mcp_session_owner *of = find_owner(table, principal, hash);
    gh_mcp_session *leaves = NULL;
    if (of != NULL && of->count >= table->max_per_principal) {
        leaves = longest_idle_of(of);
    } else if (table->count >= table->max) {
        leaves = longest_idle(table);
    } else {
        return GH_OK;
    }
    if (leaves != NULL) {
        gh_mcp_session_unlink(table, leaves, ended);
    }
    return leaves != NULL ? GH_OK : GH_ERR_UNAVAILABLE;
}

gh_status gh_mcp_session_insert(gh_mcp_sessions *table, const gh_principal *principal, gh_mcp_session *fresh,
                                gh_mcp_session **ended)
{
    int64_t now = gh_clock_mono_ms();
    size_t hash = (size_t)gh_principal_user_key(principal);
    gh_mcp_session_expire(table, now, ended);
    fresh->client_id = gh_text_dup(principal->client_id);
    if (fresh->client_id == NULL && principal->client_id != NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = make_room(table, principal, hash, ended);
    if (status != GH_OK) {
        return status;
    }
    gh_mcp_session_owner *of = find_owner(table, principal, hash);
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
