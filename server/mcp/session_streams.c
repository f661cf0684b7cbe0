/* A session's streams: the one for announcements, and those of requests that a client may come back to. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/session_private.h"
#include "shared/json/access.h"
#include "shared/rpc/message.h"

#define STANDALONE_MESSAGES 256
#define STANDALONE_BYTES ((size_t)1024 * 1024)
#define URI_MAX ((size_t)8 * 1024)
#define ENDED_KEPT_MS (INT64_C(5) * 60 * 1000) /* how long a client may take to come back for the rest */

/* --- announcements --- */

static bool is_subscribed(const gh_mcp_session *session, gh_view uri)
{
    for (size_t i = 0; i < session->subscription_count; i++) {
        if (gh_view_eq_cstr(uri, session->subscriptions[i])) {
            return true;
        }
    }
    return false;
}

static const char *list_changed(gh_mcp_topic topic)
{
    switch (topic) {
    case GH_MCP_TOPIC_TOOLS:
        return "notifications/tools/list_changed";
    case GH_MCP_TOPIC_PROMPTS:
        return "notifications/prompts/list_changed";
    case GH_MCP_TOPIC_RESOURCES:
        return "notifications/resources/list_changed";
    default:
        return NULL;
    }
}

static void hear(void *context, gh_mcp_topic topic, gh_view subject, gh_view detail)
{
    gh_mcp_session *session = context;
    const char *method = list_changed(topic);
    gh_buf params = GH_BUF_INIT(URI_MAX * 6 + 64);
    gh_buf message = GH_BUF_INIT(URI_MAX * 6 + 256);
    (void)detail;
    if (topic == GH_MCP_TOPIC_UPDATED) {
        (void)pthread_mutex_lock(&session->lock);
        method = is_subscribed(session, subject) ? "notifications/resources/updated" : NULL;
        (void)pthread_mutex_unlock(&session->lock);
        if (method != NULL) {
            (void)gh_buf_append_cstr(&params, "{\"uri\":");
            (void)gh_json_write_string(&params, subject);
            (void)gh_buf_append_char(&params, '}');
        }
    } else if (!atomic_load(&session->initialized)) {
        method = NULL;
    }
    if (method != NULL && gh_buf_status(&params) == GH_OK &&
        gh_rpc_write_notification(&message, method, gh_buf_view(&params)) == GH_OK) {
        (void)gh_mcp_outbox_put(session->standalone, gh_buf_view(&message));
    }
    gh_buf_free(&params);
    gh_buf_free(&message);
}

/* With both locks held, as all that changes what a user has subscribed to. One that has ended subscribes to
 * nothing. */
static gh_status subscribe(gh_mcp_session *session, gh_view uri)
{
    gh_mcp_session_owner *owner = session->owner;
    if (owner == NULL || is_subscribed(session, uri)) {
        return GH_OK;
    }
    if (session->subscription_count == GH_MCP_SESSION_SUBSCRIPTIONS_MAX ||
        owner->subscribed + uri.len > GH_MCP_SESSION_SUBSCRIBED_BYTES) {
        return GH_ERR_TOO_LARGE;
    }
    if (session->subscriptions == NULL) {
        session->subscriptions = calloc(GH_MCP_SESSION_SUBSCRIPTIONS_MAX, sizeof(char *));
    }
    char *copy = session->subscriptions != NULL ? gh_view_dup(uri) : NULL;
    if (copy == NULL) {
        return GH_ERR_NOMEM;
    }
    session->subscriptions[session->subscription_count++] = copy;
    session->subscribed += uri.len;
    owner->subscribed += uri.len;
    return GH_OK;
}

static void unsubscribe(gh_mcp_session *session, gh_view uri)
{
    for (size_t i = 0; i < session->subscription_count; i++) {
        if (gh_view_eq_cstr(uri, session->subscriptions[i])) {
            free(session->subscriptions[i]);
            session->subscriptions[i] = session->subscriptions[--session->subscription_count];
            if (session->owner != NULL) {
                session->subscribed -= uri.len;
                session->owner->subscribed -= uri.len;
            }
            break;
        }
    }
}

gh_status gh_mcp_session_subscribe(gh_mcp_session *session, gh_view uri)
{
    if (uri.len > URI_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    (void)pthread_mutex_lock(&session->table->lock);
    (void)pthread_mutex_lock(&session->lock);
    gh_status status = subscribe(session, uri);
    (void)pthread_mutex_unlock(&session->lock);
    (void)pthread_mutex_unlock(&session->table->lock);
    return status;
}

void gh_mcp_session_unsubscribe(gh_mcp_session *session, gh_view uri)
{
    (void)pthread_mutex_lock(&session->table->lock);
    (void)pthread_mutex_lock(&session->lock);
    unsubscribe(session, uri);
    (void)pthread_mutex_unlock(&session->lock);
    (void)pthread_mutex_unlock(&session->table->lock);
}

/* --- streams --- */

gh_status gh_mcp_session_open_streams(gh_mcp_session *session)
{
    static const gh_mcp_outbox_options options = {
        .max_messages = STANDALONE_MESSAGES, .max_bytes = STANDALONE_BYTES, .keep = true, .shed = true};
    session->last_stream = GH_MCP_SESSION_STANDALONE;
    session->listener = (gh_mcp_listener){.context = session, .hear = hear};
    return gh_mcp_outbox_new(&options, &session->standalone);
}

gh_mcp_outbox *gh_mcp_session_standalone(gh_mcp_session *session)
{
    return session->standalone;
}

static void drop_stream(gh_mcp_session *session, gh_mcp_kept_stream **at)
{
    gh_mcp_kept_stream *gone = *at;
    *at = gone->next;
    session->stream_count--;
    gh_mcp_outbox_release(gone->outbox);
    free(gone);
}

/* The oldest that has ended. */
static bool make_room(gh_mcp_session *session)
{
    for (gh_mcp_kept_stream **at = &session->streams; *at != NULL; at = &(*at)->next) {
        if (gh_mcp_outbox_ended((*at)->outbox)) {
            drop_stream(session, at);
            return true;
        }
    }
    return false;
}

static uint64_t append_stream(gh_mcp_session *session, gh_mcp_outbox *outbox)
{
    gh_mcp_kept_stream **end = &session->streams;
    while (*end != NULL && (*end)->outbox != outbox) {
        end = &(*end)->next;
    }
    if (*end != NULL) {
        return (*end)->number;
    }
    if (session->stream_count >= GH_MCP_SESSION_STREAMS_MAX && !make_room(session)) {
        return 0;
    }
    gh_mcp_kept_stream *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return 0;
    }
    fresh->outbox = gh_mcp_outbox_hold(outbox);
    fresh->number = ++session->last_stream;
    for (end = &session->streams; *end != NULL; end = &(*end)->next) {
    }
    *end = fresh;
    session->stream_count++;
    return fresh->number;
}

uint64_t gh_mcp_session_add_stream(gh_mcp_session *session, gh_mcp_outbox *outbox)
{
    (void)pthread_mutex_lock(&session->lock);
    uint64_t number = append_stream(session, outbox);
    (void)pthread_mutex_unlock(&session->lock);
    return number;
}

static bool parse_event_id(gh_view id, uint64_t *stream, uint64_t *after)
{
    size_t dash = gh_view_find(id, '-');
    int64_t numbers[2] = {0, 0};
    if (dash == id.len || gh_view_to_int64(gh_view_make(id.ptr, dash), 1, INT64_MAX, &numbers[0]) != GH_OK ||
        gh_view_to_int64(gh_view_make(id.ptr + dash + 1, id.len - dash - 1), 0, INT64_MAX, &numbers[1]) !=
            GH_OK) {
        return false;
    }
    *stream = (uint64_t)numbers[0];
    *after = (uint64_t)numbers[1];
    return true;
}

gh_status gh_mcp_session_resume(gh_mcp_session *session, gh_view event_id, gh_mcp_outbox **outbox,
                                uint64_t *stream, uint64_t *after)
{
    gh_mcp_outbox *found = NULL;
    if (!parse_event_id(gh_view_trim(event_id), stream, after)) {
        return GH_ERR_INVALID;
    }
    if (*stream == GH_MCP_SESSION_STANDALONE) {
        *outbox = gh_mcp_outbox_hold(session->standalone);
        return GH_OK;
    }
    (void)pthread_mutex_lock(&session->lock);
    for (const gh_mcp_kept_stream *at = session->streams; at != NULL && found == NULL; at = at->next) {
        found = at->number == *stream ? gh_mcp_outbox_hold(at->outbox) : NULL;
    }
    (void)pthread_mutex_unlock(&session->lock);
    *outbox = found;
    return found == NULL ? GH_ERR_NOT_FOUND : GH_OK;
}

/* What those that have ended hold. */
static size_t ended_bytes(const gh_mcp_session *session)
{
    size_t bytes = 0;
    for (const gh_mcp_kept_stream *at = session->streams; at != NULL; at = at->next) {
        bytes += at->ended_ms != 0 ? gh_mcp_outbox_size(at->outbox) : 0;
    }
    return bytes;
}

void gh_mcp_session_age_streams(gh_mcp_session *session, int64_t now, size_t *kept)
{
    (void)pthread_mutex_lock(&session->lock);
    gh_mcp_kept_stream **at = &session->streams;
    while (*at != NULL) {
        if ((*at)->ended_ms == 0 && gh_mcp_outbox_ended((*at)->outbox)) {
            (*at)->ended_ms = now;
        }
        if ((*at)->ended_ms != 0 && now - (*at)->ended_ms >= ENDED_KEPT_MS) {
            drop_stream(session, at);
        } else {
            at = &(*at)->next;
        }
    }
    size_t bytes = ended_bytes(session);
    while (bytes > GH_MCP_SESSION_KEPT_BYTES - *kept && make_room(session)) {
        bytes = ended_bytes(session);
    }
    *kept += bytes;
    (void)pthread_mutex_unlock(&session->lock);
}

void gh_mcp_session_free_streams(gh_mcp_session *session)
{
    while (session->streams != NULL) {
        drop_stream(session, &session->streams);
    }
    for (size_t i = 0; i < session->subscription_count; i++) {
        free(session->subscriptions[i]);
    }
    free(session->subscriptions);
    gh_mcp_outbox_release(session->standalone);
}
