/* What a reply shows of the era that the server speaks ("Backward Compatibility" of 2026-07-28, versioning
 * and both transports). */
#include <stdlib.h>

#include "bridge/translate/parts.h"
#include "shared/json/slice.h"

static bool is_modern_code(long code)
{
    return code == GH_MCP_HEADER_MISMATCH || code == GH_MCP_MISSING_CAPABILITY ||
           code == GH_MCP_UNSUPPORTED_VERSION;
}

/* A refusal of the message, not of the caller or for the moment. */
static bool is_plain_refusal(int status)
{
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 407 &&
           status != 408 && status != 413 && status != 421 && status != 429;
}

/* What legacy servers answer to what they do not know, or to what comes before `initialize`. */
static bool is_legacy_code(long code)
{
    return code == GH_RPC_METHOD_NOT_FOUND || code == GH_RPC_INVALID_REQUEST ||
           code == GH_RPC_INVALID_PARAMS || (code <= -32000 && code >= -32019);
}

bool gh_decide_lists(gh_view versions, gh_mcp_era era)
{
    gh_json_iter iter;
    gh_view item;

    if (gh_json_slice_type(versions) != GH_JSON_ARRAY || !gh_json_iter_start(versions, &iter)) {
        return false;
    }
    while (gh_json_iter_next(&iter, NULL, &item)) {
        char *version = NULL;
        bool found = false;

        if (gh_json_slice_string(item, &version) == GH_OK) {
            found = era == GH_MCP_ERA_MODERN ? gh_mcp_version_looks_modern(gh_view_of(version))
                                             : gh_mcp_version_era(gh_view_of(version)) == era;
            free(version);
        }
        if (found) {
            return true;
        }
    }
    return false;
}

static gh_view supported_of(const gh_rpc_message *message)
{
    return gh_compose_member(gh_compose_member(message->error, "data"), "supported");
}

static gh_judgement of_modern_error(const gh_rpc_message *message)
{
    gh_view supported = supported_of(message);

    return gh_decide_lists(supported, GH_MCP_ERA_LEGACY) && !gh_decide_lists(supported, GH_MCP_ERA_MODERN)
               ? GH_SHOWS_LEGACY
               : GH_SHOWS_MODERN;
}

gh_judgement gh_decide_initialize(const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    long code;

    if (message->kind == GH_RPC_RESULT) {
        return GH_SHOWS_LEGACY;
    }
    if (arrival->origin.local) {
        return GH_SHOWS_NOTHING;
    }
    code = gh_compose_error_code(message->error);
    if (is_modern_code(code) || gh_decide_lists(supported_of(message), GH_MCP_ERA_MODERN)) {
        return of_modern_error(message);
    }
    return code == GH_RPC_METHOD_NOT_FOUND || is_plain_refusal(arrival->origin.http_status)
               ? GH_SHOWS_MODERN
               : GH_SHOWS_NOTHING;
}

gh_judgement gh_decide_discover(const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    gh_view versions;
    long code;

    if (message->kind == GH_RPC_RESULT) {
        versions = gh_compose_member(message->result, "supportedVersions");
        return gh_decide_lists(versions, GH_MCP_ERA_MODERN) ? GH_SHOWS_MODERN : GH_SHOWS_LEGACY;
    }
    if (arrival->origin.local) {
        return is_plain_refusal(arrival->origin.http_status) ? GH_SHOWS_LEGACY : GH_SHOWS_NOTHING;
    }
    code = gh_compose_error_code(message->error);
    if (is_modern_code(code)) {
        return of_modern_error(message);
    }
    return is_plain_refusal(arrival->origin.http_status) || is_legacy_code(code) ? GH_SHOWS_LEGACY
                                                                                 : GH_SHOWS_NOTHING;
}

gh_judgement gh_decide_request(const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    long code;

    if (message->kind == GH_RPC_RESULT) {
        return gh_compose_member(message->result, "resultType").len > 0 ? GH_SHOWS_MODERN : GH_SHOWS_NOTHING;
    }
    if (arrival->origin.local) {
        return is_plain_refusal(arrival->origin.http_status) ? GH_SHOWS_DOUBT : GH_SHOWS_NOTHING;
    }
    code = gh_compose_error_code(message->error);
    if (is_modern_code(code)) {
        return of_modern_error(message);
    }
    /* Invalid parameters are what both eras may find in a request that they understand. */
    return is_plain_refusal(arrival->origin.http_status) ||
                   (is_legacy_code(code) && code != GH_RPC_INVALID_PARAMS)
               ? GH_SHOWS_DOUBT
               : GH_SHOWS_NOTHING;
}
