/* A legacy server's notifications, as the streams that a modern client listens on. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define URIS_MAX 1024
#define LISTENS_MAX 256
#define ACKNOWLEDGED "notifications/subscriptions/acknowledged"

static void free_listen(gh_listen *listen)
{
    if (listen != NULL) {
        free(listen->client_id);
        gh_compose_set_free(&listen->uris);
        free(listen);
    }
}

static void ignore(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    (void)translator;
    if (arrival->message->kind == GH_RPC_ERROR) {
        gh_log_debug("The server refused a %s.", call->message.method);
    }
    gh_call_free(call);
}

static void tell_server(gh_translator *translator, const char *method, const char *uri)
{
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

    (void)gh_buf_append_cstr(&params, "{\"uri\":");
    (void)gh_json_write_string(&params, gh_view_of(uri));
    (void)gh_buf_append_char(&params, '}');
    if (gh_buf_status(&params) == GH_OK) {
        (void)gh_call_own(translator, method, gh_buf_view(&params), ignore);
    }
    gh_buf_free(&params);
}

bool gh_down_is_subscribed(const gh_translator *translator, const char *uri)
{
    for (const gh_listen *listen = translator->down.listens; listen != NULL; listen = listen->next) {
        if (gh_compose_set_has(&listen->uris, uri)) {
            return true;
        }
    }
    return false;
}

static bool offers(const gh_translator *translator, const char *what, const char *member)
{
    gh_view capability = gh_compose_member(gh_view_of(translator->memory.capabilities), what);

    return gh_view_eq_cstr(gh_compose_member(capability, member), "true");
}

static bool wants(gh_view filter, const char *name)
{
    return gh_view_eq_cstr(gh_compose_member(filter, name), "true");
}

static void subscribe(gh_translator *translator, gh_listen *listen, gh_view uris)
{
    gh_json_iter iter;
    gh_view item;

    if (gh_json_slice_type(uris) != GH_JSON_ARRAY || !offers(translator, "resources", "subscribe") ||
        !gh_json_iter_start(uris, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, NULL, &item)) {
        char *uri = NULL;

        if (gh_json_slice_string(item, &uri) == GH_OK) {
            if (!gh_down_is_subscribed(translator, uri) && !gh_compose_set_has(&listen->uris, uri)) {
                tell_server(translator, "resources/subscribe", uri);
            }
            (void)gh_compose_set_add(&listen->uris, uri, URIS_MAX);
            free(uri);
        }
    }
}

static void write_acknowledged(const gh_listen *listen, bool with_uris, gh_buf *params)
{
    gh_buf filter = GH_BUF_INIT(params->max);
    const struct {
        const char *name;
        bool on;
    } lists[] = {{"toolsListChanged", listen->tools},
                 {"promptsListChanged", listen->prompts},
                 {"resourcesListChanged", listen->resources}};

    for (size_t i = 0; i < 3; i++) {
        if (lists[i].on) {
            gh_compose_name(&filter, lists[i].name);
            (void)gh_buf_append_cstr(&filter, "true");
        }
    }
    if (with_uris) {
        gh_compose_name(&filter, "resourceSubscriptions");
        (void)gh_buf_append_char(&filter, '[');
        for (size_t i = 0; i < listen->uris.count; i++) {
            (void)gh_buf_append_cstr(&filter, i > 0 ? "," : "");
            (void)gh_json_write_string(&filter, gh_view_of(listen->uris.items[i]));
        }
        (void)gh_buf_append_char(&filter, ']');
    }
    (void)gh_buf_appendf(params, "{\"_meta\":{\"" GH_MCP_META_SUBSCRIPTION_ID "\":%s},\"notifications\":{",
                         listen->client_id);
    (void)gh_buf_append_view(params, gh_buf_view(&filter));
    (void)gh_buf_append_cstr(params, "}}");
    if (filter.status != GH_OK) {
        params->status = filter.status;
    }
    gh_buf_free(&filter);
}

static size_t count(const gh_translator *translator)
{
    size_t found = 0;

    for (const gh_listen *listen = translator->down.listens; listen != NULL; listen = listen->next) {
        found++;
    }
    return found;
}

void gh_down_listen(gh_translator *translator, const gh_rpc_message *message)
{
    gh_view filter = gh_compose_member(message->params, "notifications");
    gh_listen *listen = count(translator) < LISTENS_MAX ? calloc(1, sizeof(*listen)) : NULL;
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

    if (listen != NULL) {
        listen->client_id = gh_view_dup(message->id);
    }
    if (listen == NULL || listen->client_id == NULL) {
        free_listen(listen);
        gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR, "There are too many streams.");
        return;
    }
    listen->tools = wants(filter, "toolsListChanged") && offers(translator, "tools", "listChanged");
    listen->prompts = wants(filter, "promptsListChanged") && offers(translator, "prompts", "listChanged");
    listen->resources =
        wants(filter, "resourcesListChanged") && offers(translator, "resources", "listChanged");
    subscribe(translator, listen, gh_compose_member(filter, "resourceSubscriptions"));
    listen->next = translator->down.listens;
    translator->down.listens = listen;
    write_acknowledged(listen, listen->uris.count > 0, &params);
    if (gh_buf_status(&params) == GH_OK) {
        gh_translator_notify(translator, true, ACKNOWLEDGED, gh_buf_view(&params));
        if (translator->announce) {
            gh_ahead_announce_modern(translator, gh_buf_view(&params));
            translator->announce = false;
        }
    }
    gh_buf_free(&params);
}

bool gh_down_unlisten(gh_translator *translator, gh_view client_id)
{
    for (gh_listen **at = &translator->down.listens; *at != NULL; at = &(*at)->next) {
        gh_listen *listen = *at;

        if (gh_rpc_id_equals(gh_view_of(listen->client_id), client_id)) {
            *at = listen->next;
            for (size_t i = 0; i < listen->uris.count; i++) {
                if (!gh_down_is_subscribed(translator, listen->uris.items[i])) {
                    tell_server(translator, "resources/unsubscribe", listen->uris.items[i]);
                }
            }
            free_listen(listen);
            return true;
        }
    }
    return false;
}

/* Also for what lies under a resource that was subscribed to. */
static bool is_about(const gh_listen *listen, const char *uri)
{
    for (size_t i = 0; i < listen->uris.count; i++) {
        const char *known = listen->uris.items[i];
        size_t len = strlen(known);

        if (strcmp(known, uri) == 0 ||
            (len > 0 && strncmp(known, uri, len) == 0 && (known[len - 1] == '/' || uri[len] == '/'))) {
            return true;
        }
    }
    return false;
}

static bool hears(const gh_listen *listen, const char *method, const char *uri)
{
    if (strcmp(method, "notifications/tools/list_changed") == 0) {
        return listen->tools;
    }
    if (strcmp(method, "notifications/prompts/list_changed") == 0) {
        return listen->prompts;
    }
    if (strcmp(method, "notifications/resources/list_changed") == 0) {
        return listen->resources;
    }
    return uri != NULL && is_about(listen, uri);
}

void gh_down_publish(gh_translator *translator, const gh_rpc_message *message)
{
    char *uri = gh_compose_text(gh_compose_member(message->params, "uri"));

    for (const gh_listen *listen = translator->down.listens; listen != NULL; listen = listen->next) {
        gh_buf meta = GH_BUF_INIT(8192);
        gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

        if (hears(listen, message->method, uri)) {
            (void)gh_buf_appendf(&meta, "\"" GH_MCP_META_SUBSCRIPTION_ID "\":%s", listen->client_id);
            if (gh_buf_status(&meta) == GH_OK &&
                gh_compose_params(&params, message->params, gh_buf_view(&meta), NULL,
                                  gh_view_make(NULL, 0)) == GH_OK) {
                gh_translator_notify(translator, true, message->method, gh_buf_view(&params));
            }
        }
        gh_buf_free(&meta);
        gh_buf_free(&params);
    }
    free(uri);
}

void gh_down_resubscribe(gh_translator *translator)
{
    free(translator->down.level);
    translator->down.level = NULL; /* the next call that wants one sets it */
    for (const gh_listen *listen = translator->down.listens; listen != NULL; listen = listen->next) {
        for (size_t i = 0; i < listen->uris.count; i++) {
            if (!gh_session_add(translator, listen->uris.items[i])) {
                gh_log_warn("A subscription does not outlast the lost session: there are too many.");
            }
        }
    }
}

void gh_down_listens_end(gh_translator *translator)
{
    while (translator->down.listens != NULL) {
        gh_listen *listen = translator->down.listens;
        gh_buf line = GH_BUF_INIT(8192);

        (void)gh_buf_appendf(
            &line,
            "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"resultType\":\"complete\",\"_meta\":"
            "{\"" GH_MCP_META_SUBSCRIPTION_ID "\":%s}}}",
            listen->client_id, listen->client_id);
        gh_translator_say(translator, &line, true);
        gh_buf_free(&line);
        translator->down.listens = listen->next;
        free_listen(listen);
    }
}
