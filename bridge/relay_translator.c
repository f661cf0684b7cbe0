/* How the relay and its translator hold together, and what is remembered of the server between two starts. */
#include <string.h>

#include "bridge/relay_parts.h"
#include "shared/core/log.h"

static void to_client(void *context, gh_view line)
{
    gh_relay *relay = context;

    gh_stdio_write_line(relay->stdio, line);
}

static void to_server(void *context, gh_view line)
{
    gh_relay *relay = context;
    gh_relay_item *item = NULL;

    if (relay->line != NULL && line.ptr == relay->line->message.raw.ptr) {
        item = relay->line;
        relay->line = NULL;
    } else if (gh_relay_item_new(relay, line, &relay->limits, &item, NULL) != GH_OK) {
        gh_relay_break(relay); /* what the translator writes can be read */
        gh_relay_item_free(item);
        return;
    }
    item->quiet =
        item->message.kind == GH_RPC_REQUEST && gh_translator_is_repeat(relay->translator, item->message.id);
    gh_relay_list_append(&relay->inbox, item);
}

static void on_learned(void *context, const gh_server_memory *memory)
{
    gh_relay *relay = context;
    gh_error error = {0};

    if (relay->memory_key != NULL &&
        gh_server_memory_save(relay->settings->state_dir, relay->memory_key, memory, &error) != GH_OK) {
        gh_log_warn("What is known of the server could not be stored: %s", error.message);
    }
}

gh_status gh_relay_make_translator(gh_relay *relay)
{
    gh_server_memory memory = {0};
    gh_translator_options options = {
        .known = &memory,
        .legacy_only = relay->settings->protocol != NULL && strcmp(relay->settings->protocol, "legacy") == 0,
        .allow = &relay->settings->allow_tools,
        .ignore = &relay->settings->ignore_tools,
        .max_message = (size_t)relay->settings->max_message,
        .context = relay,
        .to_server = to_server,
        .to_client = to_client,
        .lost = gh_relay_break,
        .learned = on_learned,
    };
    gh_status status;

    if (relay->settings->state_dir != NULL &&
        gh_bridge_credentials_key(relay->settings, &relay->memory_key) != GH_OK) {
        return GH_ERR_NOMEM;
    }
    if (relay->memory_key == NULL ||
        gh_server_memory_load(relay->settings->state_dir, relay->memory_key, &memory) != GH_OK) {
        gh_log_debug("Nothing is known of the server from an earlier time.");
    }
    if (memory.sse_until > 0) {
        gh_remote_expect_sse(relay->remote);
    }
    status = gh_translator_new(&options, &relay->translator);
    gh_server_memory_clear(&memory);
    return status;
}
