/* Lists of tools: what of them is hidden, and getting one before a call whose headers depend on it. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

/* Pages that are asked for in search of a tool. */
#define PAGES_MAX 64

/* Owned; NULL when the call names none. */
static char *name_of(const gh_rpc_message *message)
{
    char *name = NULL;

    if (message->method == NULL || strcmp(message->method, GH_MCP_TOOLS_CALL) != 0 ||
        gh_json_slice_string(gh_compose_member(message->params, "name"), &name) != GH_OK) {
        return NULL;
    }
    return name;
}

bool gh_lists_allow(gh_translator *translator, const gh_rpc_message *message)
{
    char *name = gh_tools_has_patterns(translator->tools) ? name_of(message) : NULL;
    bool allowed = name == NULL || gh_tools_is_allowed(translator->tools, name);
    gh_error error = {0};

    if (!allowed) {
        (void)gh_error_set(&error, GH_ERR_DENIED,
                           "The tool \"%.200s\" is switched off here (--allow-tool, --ignore-tool).", name);
        gh_translator_refuse(translator, message->id, GH_RPC_INVALID_PARAMS, error.message);
    }
    free(name);
    return allowed;
}

gh_view gh_lists_result(gh_translator *translator, gh_view result, bool modern, gh_buf *buf)
{
    if (gh_tools_read(translator->tools, result, modern, buf) != GH_OK) {
        gh_log_warn("A list of tools could not be read for lack of memory.");
        return result;
    }
    return buf->len > 0 ? gh_buf_view(buf) : result;
}

/* True while some call waits for a tool that no page has named. */
static bool is_missing(const gh_translator *translator)
{
    for (const gh_call *call = translator->calls; call != NULL; call = call->next) {
        char *name = call->state == GH_CALL_LISTING ? name_of(&call->message) : NULL;
        bool missing = name != NULL && !gh_tools_knows(translator->tools, name);

        free(name);
        if (missing) {
            return true;
        }
    }
    return false;
}

static void release(gh_translator *translator, bool probe)
{
    gh_call *call = gh_call_detach(translator, GH_CALL_LISTING);

    free(translator->fetch_meta);
    translator->fetch_meta = NULL;
    while (call != NULL) {
        gh_call *next = call->next;
        char *name = name_of(&call->message);

        if (probe) {
            gh_same_probe(translator, call, NULL);
        } else {
            if (name != NULL) {
                gh_tools_note_absent(translator->tools, name);
            }
            call->send(translator, call);
        }
        free(name);
        call = next;
    }
}

static void fetched(gh_translator *translator, gh_call *call, const gh_arrival *arrival);

/* False when nothing could be asked. */
static bool fetch(gh_translator *translator, gh_view cursor)
{
    gh_buf members = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    bool asked = false;

    gh_compose_name(&members, "_meta");
    (void)gh_buf_append_cstr(&members, translator->fetch_meta);
    if (cursor.len > 0) {
        gh_compose_name(&members, "cursor");
        (void)gh_buf_append_view(&members, cursor);
    }
    if (gh_buf_status(&members) == GH_OK &&
        gh_compose_object(&params, gh_view_make(NULL, 0), NULL, gh_buf_view(&members)) == GH_OK) {
        asked = gh_call_own(translator, GH_MCP_TOOLS_LIST, gh_buf_view(&params), fetched) != NULL;
    }
    gh_buf_free(&members);
    gh_buf_free(&params);
    return asked;
}

static bool is_doubtful(const gh_translator *translator, const gh_arrival *arrival)
{
    if (translator->modern_seen || translator->only == GH_MCP_ERA_MODERN) {
        return false;
    }
    return arrival->message->kind == GH_RPC_RESULT
               ? gh_compose_member(arrival->message->result, "resultType").len == 0
               : gh_decide_request(arrival) == GH_SHOWS_DOUBT ||
                     gh_decide_request(arrival) == GH_SHOWS_LEGACY;
}

static void fetched(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    gh_buf shown = GH_BUF_INIT(gh_translator_room(translator));
    gh_view cursor = gh_view_make(NULL, 0);
    bool doubtful = is_doubtful(translator, arrival);

    gh_call_free(call);
    if (arrival->message->kind == GH_RPC_RESULT && !doubtful) {
        translator->modern_seen = true;
        (void)gh_lists_result(translator, arrival->message->result, true, &shown);
        cursor = gh_compose_member(arrival->message->result, "nextCursor");
    }
    if (gh_json_slice_type(cursor) != GH_JSON_STRING || !is_missing(translator) ||
        ++translator->fetch_pages >= PAGES_MAX || !fetch(translator, cursor)) {
        release(translator, doubtful);
    }
    gh_buf_free(&shown);
}

static gh_status write_meta(const gh_translator *translator, const gh_call *call, gh_buf *meta)
{
    gh_buf members = GH_BUF_INIT(gh_translator_room(translator));
    gh_status status;

    if (translator->only != GH_MCP_ERA_MODERN || translator->client == GH_MCP_ERA_MODERN) {
        static const char *const ITS_OWN[] = {"progressToken", NULL};

        gh_buf_free(&members);
        return gh_compose_object(meta, gh_compose_member(call->message.params, "_meta"), ITS_OWN,
                                 gh_view_make(NULL, 0));
    }
    status = gh_up_meta(translator, &members);
    if (status == GH_OK) {
        status = gh_compose_object(meta, gh_view_make(NULL, 0), NULL, gh_buf_view(&members));
    }
    gh_buf_free(&members);
    return status;
}

/* The call waits for a list, which is asked for unless it is under way. */
static bool wait_for_list(gh_translator *translator, gh_call *call)
{
    gh_buf meta = GH_BUF_INIT(gh_translator_room(translator));
    bool waits = true;

    if (translator->fetch_meta == NULL) {
        waits = write_meta(translator, call, &meta) == GH_OK;
        translator->fetch_meta = waits ? gh_buf_steal(&meta) : NULL;
        translator->fetch_pages = 0;
        waits = translator->fetch_meta != NULL && fetch(translator, gh_view_make(NULL, 0));
        if (!waits) {
            free(translator->fetch_meta);
            translator->fetch_meta = NULL;
        }
    }
    if (waits) {
        free(call->server_id);
        call->server_id = NULL;
        gh_call_add(translator, call, GH_CALL_LISTING);
    }
    gh_buf_free(&meta);
    return waits;
}

bool gh_lists_wait(gh_translator *translator, gh_call *call)
{
    char *name = name_of(&call->message);
    bool waits = name != NULL && !gh_tools_knows(translator->tools, name) && wait_for_list(translator, call);

    free(name);
    return waits;
}

bool gh_lists_repeat(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    char *name;

    if (call->repeated || arrival->message->kind != GH_RPC_ERROR || arrival->origin.local ||
        gh_compose_error_code(arrival->message->error) != GH_MCP_HEADER_MISMATCH) {
        return false;
    }
    name = name_of(&call->message);
    if (name == NULL) {
        return false;
    }
    gh_tools_forget(translator->tools, name);
    free(name);
    call->repeated = true;
    return wait_for_list(translator, call);
}
