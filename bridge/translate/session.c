/* What a legacy session holds beyond its id: it is said again when the server lost the session and the relay
 * opened a new one in its place. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define URIS_MAX 1024
/* All of it that is remembered has to fit into memory: longer ones are not. */
#define URI_MAX ((size_t)8 * 1024)
#define LEVEL_MAX ((size_t)64)
/* A server that leaves these without an answer holds up no call of the client's. */
#define OPEN_MAX 8
#define SET_LEVEL "logging/setLevel"
#define SUBSCRIBE "resources/subscribe"
#define UNSUBSCRIBE "resources/unsubscribe"

bool gh_session_is_lasting(const char *method)
{
    return strcmp(method, SET_LEVEL) == 0 || strcmp(method, SUBSCRIBE) == 0 ||
           strcmp(method, UNSUBSCRIBE) == 0;
}

static void note_level(gh_session *session, gh_view level)
{
    if (gh_json_slice_type(level) == GH_JSON_STRING && level.len <= LEVEL_MAX) {
        free(session->level);
        session->level = gh_view_dup(level);
    }
}

void gh_session_note(gh_translator *translator, const gh_rpc_message *request)
{
    gh_session *session = &translator->session;
    char *uri;

    if (strcmp(request->method, SET_LEVEL) == 0) {
        note_level(session, gh_compose_member(request->params, "level"));
        return;
    }
    uri = gh_compose_text(gh_compose_member(request->params, "uri"));
    if (uri != NULL && strcmp(request->method, UNSUBSCRIBE) == 0) {
        (void)gh_compose_set_remove(&session->uris, uri);
    } else if (uri != NULL && (strlen(uri) > URI_MAX || !gh_compose_set_add(&session->uris, uri, URIS_MAX))) {
        gh_log_warn("A subscription will not outlast a lost session: it is too long, or there are too many.");
    }
    free(uri);
}

void gh_session_clear(gh_translator *translator)
{
    gh_session *session = &translator->session;

    gh_compose_set_free(&session->uris);
    gh_compose_set_free(&session->unsaid);
    free(session->level);
    *session = (gh_session){.open = session->open};
}

/* What a server says of one of them lets the others go on; that it cannot be reached, or does not know the
 * session or us, ends the round. */
static bool concerns_one_only(const gh_arrival *arrival)
{
    int status = arrival->origin.http_status;

    return arrival->message->kind != GH_RPC_ERROR || !arrival->origin.local || status == 400 ||
           status == 403 || status == 422 || status == 500;
}

static void stop_saying(gh_session *session)
{
    gh_compose_set_free(&session->unsaid);
    session->level_unsaid = false;
}

static void replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    gh_session *session = &translator->session;

    session->open--;
    if (arrival->message->kind == GH_RPC_ERROR) {
        gh_log_warn("After it had lost the session the server refused a %s.", call->message.method);
    }
    gh_call_free(call);
    if (!concerns_one_only(arrival) || translator->ended) {
        stop_saying(session);
    }
    gh_session_say_again(translator);
}

bool gh_translator_is_repeat(const gh_translator *translator, gh_view id)
{
    const gh_call *call = gh_call_of_server(translator, id);

    return call != NULL && call->replied == replied;
}

static void say(gh_translator *translator, const char *method, const gh_buf *params)
{
    if (gh_buf_status(params) == GH_OK &&
        gh_call_own(translator, method, gh_buf_view(params), replied) != NULL) {
        translator->session.open++;
    } else {
        gh_log_warn("A %s could not be repeated for lack of memory.", method);
    }
}

static void say_level(gh_translator *translator)
{
    gh_session *session = &translator->session;
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

    session->level_unsaid = false;
    if (session->level != NULL) {
        (void)gh_buf_appendf(&params, "{\"level\":%s}", session->level);
        say(translator, SET_LEVEL, &params);
    }
    gh_buf_free(&params);
}

/* The client may have given it up meanwhile. */
static bool is_wanted(const gh_translator *translator, const char *uri)
{
    return translator->down.open ? gh_down_is_subscribed(translator, uri)
                                 : gh_compose_set_has(&translator->session.uris, uri);
}

static void say_subscription(gh_translator *translator)
{
    gh_session *session = &translator->session;
    char *uri = session->unsaid.items[--session->unsaid.count];
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

    if (is_wanted(translator, uri)) {
        (void)gh_buf_append_cstr(&params, "{\"uri\":");
        (void)gh_json_write_string(&params, gh_view_of(uri));
        (void)gh_buf_append_char(&params, '}');
        say(translator, SUBSCRIBE, &params);
    }
    gh_buf_free(&params);
    free(uri);
}

void gh_session_say_again(gh_translator *translator)
{
    gh_session *session = &translator->session;

    while (session->open < OPEN_MAX && (session->level_unsaid || session->unsaid.count > 0)) {
        if (session->level_unsaid) {
            say_level(translator);
        } else {
            say_subscription(translator);
        }
    }
}

bool gh_session_add(gh_translator *translator, const char *uri)
{
    return gh_compose_set_add(&translator->session.unsaid, uri, URIS_MAX);
}

static void renew(gh_translator *translator)
{
    gh_session *session = &translator->session;

    session->level_unsaid = true;
    for (size_t i = session->uris.count; i > 0; i--) { /* the last one is said first */
        if (!gh_session_add(translator, session->uris.items[i - 1])) {
            gh_log_warn("A subscription could not be repeated for lack of memory.");
        }
    }
}

void gh_translator_session_renewed(gh_translator *translator)
{
    translator->busy = true;
    stop_saying(&translator->session);
    if (translator->down.open) {
        gh_down_resubscribe(translator);
    } else {
        renew(translator);
    }
    gh_session_say_again(translator);
    gh_translator_leave(translator);
}

void gh_translator_note_sse(gh_translator *translator, bool over_sse)
{
    bool changed = false;

    gh_server_memory_note_sse(&translator->memory, over_sse, &changed);
    if (changed) {
        translator->options.learned(translator->options.context, &translator->memory);
    }
}
