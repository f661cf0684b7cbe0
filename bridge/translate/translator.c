#include "bridge/translate/translator.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

gh_status gh_translator_new(const gh_translator_options *options, gh_translator **translator)
{
    size_t max = options->max_message;
    gh_translator *made = calloc(1, sizeof(*made));
    gh_status status = GH_OK;

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->options = *options;
    made->options.known = NULL;
    made->limits =
        (gh_json_limits){.size = max, .depth = GH_JSON_DEPTH_MAX, .members = max, .object_members = max};
    made->calls_end = &made->calls;
    if (options->known != NULL) {
        status = gh_server_memory_copy(options->known, &made->memory);
        made->only = options->known->only;
        made->remembered = made->only != GH_MCP_ERA_UNKNOWN;
    }
    if (options->legacy_only) {
        made->only = GH_MCP_ERA_LEGACY;
        made->remembered = false;
    }
    if (status == GH_OK) {
        status = gh_tools_new(options->allow, options->ignore, &made->tools);
    }
    if (status != GH_OK) {
        gh_translator_free(made);
        return status;
    }
    *translator = made;
    return GH_OK;
}

void gh_translator_lose(gh_translator *translator)
{
    gh_log_error("A message was lost for lack of memory.");
    translator->options.lost(translator->options.context);
}

static void free_letters(gh_letters *letters)
{
    while (letters->first != NULL) {
        gh_letter_free(gh_letters_take(letters));
    }
}

static void clear_up(gh_translator *translator)
{
    gh_up *up = &translator->up;

    while (up->waiters != NULL) {
        gh_waiter *waiter = up->waiters;

        up->waiters = waiter->next;
        free(waiter->client_id);
        free(waiter->uri);
        free(waiter);
    }
    free(up->meta);
    free(up->asked);
    free(up->level);
    free(up->listening);
    free(up->opening);
    gh_compose_set_free(&up->uris);
}

static void clear_down(gh_translator *translator)
{
    gh_down *down = &translator->down;

    while (down->listens != NULL) {
        gh_listen *listen = down->listens;

        down->listens = listen->next;
        free(listen->client_id);
        gh_compose_set_free(&listen->uris);
        free(listen);
    }
    free(down->level);
}

void gh_translator_free(gh_translator *translator)
{
    if (translator == NULL) {
        return;
    }
    while (translator->calls != NULL) {
        gh_call *call = translator->calls;

        translator->calls = call->next;
        gh_call_free(call);
    }
    free_letters(&translator->held);
    free_letters(&translator->deferred);
    clear_up(translator);
    clear_down(translator);
    gh_session_clear(translator);
    gh_tools_free(translator->tools);
    gh_server_memory_clear(&translator->memory);
    free(translator->fetch_meta);
    free(translator);
}

void gh_translator_set_only(gh_translator *translator, gh_mcp_era only, bool remember)
{
    translator->only = only;
    translator->remembered = false;
    if (only == GH_MCP_ERA_UNKNOWN) {
        translator->down.open = false;
    }
    remember = remember && !translator->options.legacy_only;
    if (translator->memory.only != (remember ? only : GH_MCP_ERA_UNKNOWN)) {
        translator->memory.only = remember ? only : GH_MCP_ERA_UNKNOWN;
        translator->options.learned(translator->options.context, &translator->memory);
    }
}

void gh_translator_note_server(gh_translator *translator, gh_view capabilities, gh_view server_info,
                               gh_view instructions)
{
    bool changed = false;

    if (gh_server_memory_note(&translator->memory, capabilities, server_info, instructions, &changed) ==
            GH_OK &&
        changed) {
        translator->options.learned(translator->options.context, &translator->memory);
    }
}

/* Modern when its `_meta` says so; what has none belongs to the era of the requests before it. */
static gh_mcp_era era_of(const gh_translator *translator, const gh_rpc_message *message)
{
    gh_view raw;
    char *version = NULL;
    gh_mcp_era era;

    if (message->method != NULL && strcmp(message->method, GH_MCP_INITIALIZE) == 0) {
        return GH_MCP_ERA_LEGACY;
    }
    if (message->params.len > 0 &&
        gh_json_slice_path(message->params, &raw, "_meta", GH_MCP_META_VERSION, (char *)NULL) &&
        gh_json_slice_string(raw, &version) == GH_OK) {
        era = gh_mcp_version_looks_modern(gh_view_of(version)) ? GH_MCP_ERA_MODERN : GH_MCP_ERA_LEGACY;
        free(version);
        return era;
    }
    return message->kind == GH_RPC_REQUEST ? GH_MCP_ERA_LEGACY : translator->client;
}

void gh_translator_route(gh_translator *translator, const gh_rpc_message *message)
{
    gh_mcp_era era = era_of(translator, message);

    if (message->kind == GH_RPC_REQUEST) {
        translator->client = era;
        if (!gh_lists_allow(translator, message)) {
            return;
        }
    }
    if (era == GH_MCP_ERA_LEGACY && translator->only == GH_MCP_ERA_MODERN) {
        gh_up_take(translator, message);
    } else if (era == GH_MCP_ERA_MODERN && translator->only == GH_MCP_ERA_LEGACY) {
        gh_down_take(translator, message);
    } else if (message->kind == GH_RPC_REQUEST) {
        gh_same_request(translator, message, era);
    } else {
        translator->options.to_server(translator->options.context, message->raw);
    }
}

/* The client does not want the reply any more. False when the request is not the translator's concern. */
static bool cancel(gh_translator *translator, gh_view id, const gh_rpc_message *message)
{
    gh_call *call = gh_call_of_client(translator, id);

    if (call == NULL && gh_call_is_answered(translator, id)) {
        return true;
    }
    if (call == NULL && gh_letters_drop_request(&translator->held, id)) {
        return true;
    }
    if (call == NULL) {
        return gh_down_unlisten(translator, id) || gh_up_listen_cancel(translator, id);
    }
    if (call->message.method != NULL && strcmp(call->message.method, GH_MCP_INITIALIZE) == 0) {
        call->answered = true; /* what comes after it depends on it */
        return true;
    }
    gh_call_remove(translator, call);
    if (call->state == GH_CALL_ASKING) {
        gh_up_withdraw(translator, call);
    } else if (call->server_id != NULL && strcmp(call->server_id, call->client_id) == 0) {
        translator->options.to_server(translator->options.context, message->raw);
    } else if (call->server_id != NULL) {
        gh_translator_cancel(translator, call->server_id);
    }
    gh_call_free(call);
    return true;
}

static bool is_cancelled(const gh_rpc_message *message)
{
    return message->kind == GH_RPC_NOTIFICATION && strcmp(message->method, GH_MCP_CANCELLED) == 0;
}

static void take_client(gh_translator *translator, const gh_rpc_message *message)
{
    if (is_cancelled(message) &&
        cancel(translator, gh_compose_member(message->params, "requestId"), message)) {
        return;
    }
    if (translator->holding) {
        if (!gh_letters_add(&translator->held, message->raw, NULL) && message->kind == GH_RPC_REQUEST) {
            gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR,
                                 "No memory is left for this message.");
        }
    } else if (message->kind == GH_RPC_RESULT || message->kind == GH_RPC_ERROR) {
        if (!gh_up_take_response(translator, message) &&
            !(translator->only == GH_MCP_ERA_MODERN && translator->client == GH_MCP_ERA_LEGACY)) {
            translator->options.to_server(translator->options.context, message->raw);
        }
    } else {
        gh_translator_route(translator, message);
    }
}

static void take_server(gh_translator *translator, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    gh_call *call = arrival->origin.is_answer ? gh_call_of_server(translator, message->id) : NULL;

    if (call != NULL) {
        gh_call_remove(translator, call);
        call->replied(translator, call, arrival);
    } else if (arrival->origin.is_answer) {
        translator->options.to_client(translator->options.context, arrival->line);
    } else if (translator->only == GH_MCP_ERA_MODERN && translator->client != GH_MCP_ERA_MODERN) {
        gh_up_message(translator, arrival);
    } else if (translator->only == GH_MCP_ERA_LEGACY && translator->client == GH_MCP_ERA_MODERN) {
        gh_down_message(translator, arrival);
    } else {
        gh_same_notification(translator, arrival);
    }
}

static void take_letter(gh_translator *translator, const gh_letter *letter)
{
    gh_rpc_message message = {0};
    gh_arrival arrival = {&message, gh_view_of(letter->text), letter->origin};

    if (gh_rpc_parse(gh_view_of(letter->text), &translator->limits, &message, NULL) == GH_OK) {
        if (letter->from_client) {
            take_client(translator, &message);
        } else {
            take_server(translator, &arrival);
        }
    } else {
        gh_translator_lose(translator);
    }
    gh_rpc_message_clear(&message);
}

void gh_translator_leave(gh_translator *translator)
{
    for (;;) {
        gh_letter *letter = gh_letters_take(&translator->deferred);

        if (letter == NULL && !translator->holding) {
            letter = gh_letters_take(&translator->held);
        }
        if (letter == NULL) {
            break;
        }
        take_letter(translator, letter);
        gh_letter_free(letter);
    }
    translator->busy = false;
}

void gh_translator_from_client(gh_translator *translator, const gh_rpc_message *message)
{
    if (translator->busy) {
        if (!gh_letters_add(&translator->deferred, message->raw, NULL)) {
            gh_translator_lose(translator);
        }
        return;
    }
    translator->busy = true;
    take_client(translator, message);
    gh_translator_leave(translator);
}

void gh_translator_from_server(gh_translator *translator, const gh_rpc_message *message, gh_view line,
                               const gh_translator_origin *origin)
{
    gh_arrival arrival = {message, line, *origin};

    if (translator->busy) {
        if (!gh_letters_add(&translator->deferred, line, origin)) {
            gh_translator_lose(translator);
        }
        return;
    }
    translator->busy = true;
    take_server(translator, &arrival);
    gh_translator_leave(translator);
}

void gh_translator_fail_held(gh_translator *translator, gh_view error)
{
    gh_letter *letter;

    translator->holding = false;
    while ((letter = gh_letters_take(&translator->held)) != NULL) {
        gh_rpc_message message = {0};

        gh_call *call = NULL;

        if (gh_rpc_parse(gh_view_of(letter->text), &translator->limits, &message, NULL) != GH_OK) {
            gh_translator_lose(translator);
        } else if (message.kind == GH_RPC_REQUEST) {
            call = gh_call_new(translator, &message);
            if (call != NULL) {
                gh_call_answer(translator, call, "error", error);
            } else {
                gh_translator_lose(translator);
            }
        } else {
            gh_log_warn("A message of the client was left out, for there is no connection to the server.");
        }
        gh_rpc_message_clear(&message);
        gh_letter_free(letter);
    }
}

gh_status gh_translator_headers(const gh_translator *translator, const gh_rpc_message *message,
                                gh_era_headers *headers)
{
    if (message->kind != GH_RPC_REQUEST || strcmp(message->method, GH_MCP_TOOLS_CALL) != 0 ||
        message->params.len == 0) {
        return GH_OK;
    }
    return gh_tools_headers(translator->tools, message->params, headers);
}

bool gh_translator_needs_tick(const gh_translator *translator)
{
    return translator->down.parked > 0 || translator->up.retry_at > 0 || translator->up.waiters != NULL;
}

void gh_translator_tick(gh_translator *translator)
{
    int64_t now = gh_clock_mono_ms();

    translator->busy = true;
    gh_down_drop_parked(translator, now - GH_TRANSLATOR_PARKED_MS);
    gh_up_listen_tick(translator, now);
    gh_translator_leave(translator);
}

bool gh_translator_is_idle(const gh_translator *translator)
{
    return translator->calls == NULL && !translator->holding && !translator->busy && !translator->announce &&
           (translator->only == GH_MCP_ERA_UNKNOWN || translator->only == translator->client);
}

bool gh_translator_has_open(const gh_translator *translator, gh_view id)
{
    for (const gh_listen *listen = translator->down.listens; listen != NULL; listen = listen->next) {
        if (gh_rpc_id_equals(gh_view_of(listen->client_id), id)) {
            return true;
        }
    }
    return gh_call_of_client(translator, id) != NULL || gh_up_listen_awaits(translator, id);
}

size_t gh_translator_held_count(const gh_translator *translator)
{
    return translator->held.count;
}

size_t gh_translator_held_bytes(const gh_translator *translator)
{
    return translator->held.bytes;
}
