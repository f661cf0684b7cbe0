/* Answers in the server's place: while a person has to sign in first, and towards a client of the other era.
 * By what the server said of itself last; at first contact, by what servers may have. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/json/slice.h"

#define CAPABILITIES                                                                                         \
    "{\"tools\":{\"listChanged\":true},\"resources\":{\"listChanged\":true},\"prompts\":{\"listChanged\":"   \
    "true}}"
#define SERVER_INFO "{\"name\":\"gatehouse-bridge\",\"version\":\"" GATEHOUSE_VERSION "\"}"
#define INSTRUCTIONS "\"The user has to sign in in the browser first. Calls wait for that.\""
#define RESULT_MAX ((size_t)256 * 1024)

static const char *const LISTS[] = {"notifications/tools/list_changed",
                                    "notifications/resources/list_changed",
                                    "notifications/prompts/list_changed"};

/* The version that the client asked for, if it is a legacy one that we know. */
static const char *version_for(const gh_call *call)
{
    const char *found = GH_MCP_VERSION_2025_11;
    char *asked = NULL;

    if (gh_json_slice_string(gh_compose_member(call->message.params, "protocolVersion"), &asked) != GH_OK) {
        return found;
    }
    for (size_t i = 0; i < GH_MCP_VERSIONS_COUNT; i++) {
        if (strcmp(asked, GH_MCP_VERSIONS[i]) == 0 &&
            gh_mcp_version_era(gh_view_of(asked)) == GH_MCP_ERA_LEGACY) {
            found = GH_MCP_VERSIONS[i];
        }
    }
    free(asked);
    return found;
}

/* Towards a client of the other era only what means the same in both: extensions are negotiated in another
 * way in each, and so were tasks before they became one. */
static void write_capabilities(gh_buf *out, const gh_server_memory *memory, bool translated)
{
    static const char *const OTHERWISE[] = {"extensions", "tasks", NULL};
    const char *raw = memory->capabilities != NULL ? memory->capabilities : CAPABILITIES;

    (void)gh_compose_object(out, gh_view_of(raw), translated ? OTHERWISE : NULL, gh_view_make(NULL, 0));
}

static void write_rest(gh_buf *out, const gh_server_memory *memory)
{
    bool known = memory->capabilities != NULL;

    if (!known || memory->instructions != NULL) {
        (void)gh_buf_append_cstr(out, ",\"instructions\":");
        (void)gh_buf_append_cstr(out, known ? memory->instructions : INSTRUCTIONS);
    }
}

static void write_info(gh_buf *out, const gh_server_memory *memory)
{
    (void)gh_buf_append_cstr(out, memory->server_info != NULL ? memory->server_info : SERVER_INFO);
}

gh_status gh_ahead_initialize(const gh_call *call, const gh_server_memory *memory, gh_buf *result)
{
    (void)gh_buf_appendf(result, "{\"protocolVersion\":\"%s\",\"capabilities\":", version_for(call));
    write_capabilities(result, memory, memory->only == GH_MCP_ERA_MODERN);
    (void)gh_buf_append_cstr(result, ",\"serverInfo\":");
    write_info(result, memory);
    write_rest(result, memory);
    return gh_buf_append_char(result, '}');
}

gh_status gh_ahead_discover(const gh_server_memory *memory, gh_buf *result)
{
    (void)gh_buf_append_cstr(result,
                             "{\"resultType\":\"complete\",\"supportedVersions\":[\"" GH_MCP_VERSION_MODERN
                             "\"],\"capabilities\":");
    write_capabilities(result, memory, memory->only == GH_MCP_ERA_LEGACY);
    (void)gh_buf_append_cstr(result, ",\"_meta\":{\"" GH_MCP_META_SERVER_INFO "\":");
    write_info(result, memory);
    (void)gh_buf_append_char(result, '}');
    write_rest(result, memory);
    return gh_buf_append_cstr(result, ",\"ttlMs\":0,\"cacheScope\":\"private\"}");
}

static bool is_opening(const gh_call *call)
{
    return call->client_id != NULL && !call->answered && call->message.method != NULL &&
           (strcmp(call->message.method, GH_MCP_INITIALIZE) == 0 ||
            strcmp(call->message.method, GH_MCP_DISCOVER) == 0);
}

void gh_ahead_answer(gh_translator *translator, gh_call *call)
{
    bool modern = strcmp(call->message.method, GH_MCP_DISCOVER) == 0;
    gh_buf result = GH_BUF_INIT(RESULT_MAX);
    gh_buf line = GH_BUF_INIT(RESULT_MAX);
    gh_status status = modern ? gh_ahead_discover(&translator->memory, &result)
                              : gh_ahead_initialize(call, &translator->memory, &result);

    if (status == GH_OK) {
        status = gh_rpc_write_result(&line, gh_view_of(call->client_id), gh_buf_view(&result));
    }
    if (status == GH_OK) {
        gh_translator_say(translator, &line, true);
        call->answered = true;
        translator->announce = translator->announce || modern;
    }
    gh_buf_free(&result);
    gh_buf_free(&line);
}

static bool is_look(const gh_call *call)
{
    return call->client_id != NULL && call->message.method != NULL &&
           strcmp(call->message.method, GH_MCP_DISCOVER) == 0;
}

/* Nothing but looks waits for the decision that is under way. */
static bool has_looks_only(const gh_translator *translator)
{
    bool any = false;

    for (const gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->state == GH_CALL_DECIDING && !is_look(call)) {
            return false;
        }
        any = any || call->state == GH_CALL_DECIDING;
    }
    return any;
}

bool gh_ahead_answer_looks(gh_translator *translator)
{
    gh_call *call = has_looks_only(translator) ? gh_call_detach(translator, GH_CALL_DECIDING) : NULL;
    bool any = call != NULL;

    while (call != NULL) {
        gh_call *next = call->next;

        if (!call->answered) {
            gh_ahead_answer(translator, call);
        }
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left for this reply.");
        call = next;
    }
    return any;
}

bool gh_translator_is_look(const gh_translator *translator, gh_view id)
{
    const gh_call *call = gh_call_of_server(translator, id);

    if (call == NULL || is_look(call)) {
        return call != NULL;
    }
    return call->client_id == NULL && strcmp(call->message.method, GH_MCP_INITIALIZE) == 0 &&
           translator->held.count == 0 && has_looks_only(translator);
}

bool gh_ahead_asks_to_sign_in(const gh_arrival *arrival)
{
    return arrival->message->kind == GH_RPC_ERROR && arrival->origin.local &&
           arrival->origin.http_status == 401;
}

bool gh_translator_answer_ahead(gh_translator *translator)
{
    bool any = false;

    translator->busy = true;
    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (is_opening(call)) {
            gh_ahead_answer(translator, call);
            any = any || call->answered;
        }
    }
    gh_translator_leave(translator);
    return any;
}

void gh_ahead_announce_legacy(gh_translator *translator)
{
    for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
        gh_translator_notify(translator, true, LISTS[i], gh_view_make(NULL, 0));
    }
}

void gh_ahead_announce_modern(gh_translator *translator, gh_view acknowledged)
{
    static const char *const FILTERS[] = {"toolsListChanged", "resourcesListChanged", "promptsListChanged"};
    gh_view filter = gh_compose_member(acknowledged, "notifications");
    gh_view id = gh_compose_member(gh_compose_member(acknowledged, "_meta"), GH_MCP_META_SUBSCRIPTION_ID);

    for (size_t i = 0; id.len > 0 && i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
        gh_buf params = GH_BUF_INIT(4096);

        if (gh_view_eq_cstr(gh_compose_member(filter, FILTERS[i]), "true")) {
            (void)gh_buf_append_cstr(&params, "{\"_meta\":{\"" GH_MCP_META_SUBSCRIPTION_ID "\":");
            (void)gh_buf_append_view(&params, id);
            (void)gh_buf_append_cstr(&params, "}}");
            if (gh_buf_status(&params) == GH_OK) {
                gh_translator_notify(translator, true, LISTS[i], gh_buf_view(&params));
            }
        }
        gh_buf_free(&params);
    }
}
