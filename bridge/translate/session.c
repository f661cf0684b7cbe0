/* What a legacy session holds beyond its id: it is said again when the server lost the session and the relay
 * opened a new one in its place. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define URIS_MAX 1024
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
    if (gh_json_slice_type(level) == GH_JSON_STRING) {
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
    } else if (uri != NULL && !gh_compose_set_has(&session->uris, uri) &&
               !gh_compose_set_add(&session->uris, uri, URIS_MAX)) {
        gh_log_warn("A subscription will not outlast a lost session: there are too many.");
    }
    free(uri);
}

void gh_session_clear(gh_translator *translator)
{
    gh_compose_set_free(&translator->session.uris);
    free(translator->session.level);
    translator->session = (gh_session){0};
}

static void replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    (void)translator;
    if (arrival->message->kind == GH_RPC_ERROR) {
        gh_log_warn("After it had lost the session the server refused a %s.", call->message.method);
    }
    gh_call_free(call);
}

static void say(gh_translator *translator, const char *method, const gh_buf *params)
{
    if (gh_buf_status(params) != GH_OK ||
        gh_call_own(translator, method, gh_buf_view(params), replied) == NULL) {
        gh_log_warn("A %s could not be repeated for lack of memory.", method);
    }
}

static void say_again(gh_translator *translator)
{
    const gh_session *session = &translator->session;
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

    if (session->level != NULL) {
        (void)gh_buf_appendf(&params, "{\"level\":%s}", session->level);
        say(translator, SET_LEVEL, &params);
    }
    for (size_t i = 0; i < session->uris.count; i++) {
        gh_buf_clear(&params);
        (void)gh_buf_append_cstr(&params, "{\"uri\":");
        (void)gh_json_write_string(&params, gh_view_of(session->uris.items[i]));
        (void)gh_buf_append_char(&params, '}');
        say(translator, SUBSCRIBE, &params);
    }
    gh_buf_free(&params);
}

void gh_translator_session_renewed(gh_translator *translator)
{
    translator->busy = true;
    if (translator->down.open) {
        gh_down_resubscribe(translator);
    } else {
        say_again(translator);
    }
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
