#include "bridge/era.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"
#include "shared/json/slice.h"

/* Generous for what servers use as session ids (UUIDs, tokens), and it still fits into a header. */
#define SESSION_MAX 2048

struct gh_era {
    gh_mcp_era client; /* of the client's last request */
    char *modern;      /* the version that it named */
    char *session;     /* legacy */
    char *negotiated;
};

gh_status gh_era_new(gh_era **era)
{
    *era = calloc(1, sizeof(**era));
    return *era == NULL ? GH_ERR_NOMEM : GH_OK;
}

void gh_era_free(gh_era *era)
{
    if (era != NULL) {
        gh_era_close(era);
        free(era->modern);
        free(era);
    }
}

void gh_era_close(gh_era *era)
{
    free(era->session);
    free(era->negotiated);
    era->session = NULL;
    era->negotiated = NULL;
}

/* The version in a message's `_meta`, owned; NULL when there is none. */
static char *meta_version(const gh_rpc_message *message)
{
    gh_view raw;
    char *version = NULL;

    if (message->params.len == 0 ||
        !gh_json_slice_path(message->params, &raw, "_meta", GH_MCP_META_VERSION, (char *)NULL) ||
        gh_json_slice_string(raw, &version) != GH_OK) {
        return NULL;
    }
    return version;
}

static bool is_method(const gh_rpc_message *message, const char *method)
{
    return message->method != NULL && strcmp(message->method, method) == 0;
}

gh_mcp_era gh_era_of(const gh_era *era, const gh_rpc_message *message)
{
    gh_mcp_era found = GH_MCP_ERA_LEGACY;
    char *version;

    if (is_method(message, GH_MCP_INITIALIZE)) {
        return GH_MCP_ERA_LEGACY;
    }
    version = meta_version(message);
    if (version != NULL) {
        found = gh_mcp_version_looks_modern(gh_view_of(version)) ? GH_MCP_ERA_MODERN : GH_MCP_ERA_LEGACY;
    } else if (message->kind != GH_RPC_REQUEST && era->client == GH_MCP_ERA_MODERN) {
        found = GH_MCP_ERA_MODERN;
    }
    free(version);
    return found;
}

void gh_era_note(gh_era *era, const gh_rpc_message *request)
{
    era->client = gh_era_of(era, request);
    if (era->client == GH_MCP_ERA_MODERN) {
        free(era->modern);
        era->modern = meta_version(request);
    }
}

/* A value that a header carries as it is: visible ASCII, spaces within. */
static bool is_plain(const char *value)
{
    size_t len = strlen(value);

    for (size_t i = 0; i < len; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e) {
            return false;
        }
    }
    return len > 0 && len <= GH_ERA_HEADER_VALUE_MAX && value[0] != ' ' && value[len - 1] != ' ';
}

/* Takes `value` over; NULL means that memory lacked. */
static gh_status add(gh_era_headers *headers, const char *name, char *value)
{
    if (value == NULL) {
        return GH_ERR_NOMEM;
    }
    headers->values[headers->count] = value;
    headers->list[headers->count] = (gh_http_header){name, value};
    headers->count++;
    return GH_OK;
}

static gh_status add_plain(gh_era_headers *headers, const char *name, const char *value, gh_error *error)
{
    if (!is_plain(value)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The %s of this message has characters that no HTTP header can carry.",
                            strcmp(name, GH_MCP_HEADER_METHOD) == 0 ? "method" : "protocol version");
    }
    return add(headers, name, gh_text_dup(value));
}

/* The member of `params` that Mcp-Name repeats; NULL for methods without one. */
static const char *name_member(const char *method)
{
    if (strcmp(method, GH_MCP_TOOLS_CALL) == 0 || strcmp(method, GH_MCP_PROMPTS_GET) == 0) {
        return "name";
    }
    if (strcmp(method, GH_MCP_RESOURCES_READ) == 0) {
        return "uri";
    }
    return gh_view_starts_with(gh_view_of(method), GH_VIEW_LIT("tasks/")) ? "taskId" : NULL;
}

static gh_status add_name(gh_era_headers *headers, const gh_rpc_message *message, gh_error *error)
{
    const char *member = name_member(message->method);
    gh_view raw;
    gh_buf encoded = GH_BUF_INIT(GH_ERA_HEADER_VALUE_MAX);
    char *name = NULL;
    gh_status status = GH_OK;

    if (member == NULL || message->params.len == 0 || !gh_json_slice_member(message->params, member, &raw) ||
        gh_json_slice_type(raw) != GH_JSON_STRING) {
        return GH_OK; /* the server says what is missing */
    }
    status = gh_json_slice_string(raw, &name);
    if (status == GH_OK) {
        status = gh_mcp_header_encode(gh_view_of(name), &encoded);
    }
    if (status == GH_OK) {
        status = add(headers, GH_MCP_HEADER_NAME, encoded.len > 0 ? gh_buf_steal(&encoded) : gh_text_dup(""));
    } else {
        status =
            gh_error_set(error, GH_ERR_INVALID, "The %s of this request is too long for a header.", member);
    }
    gh_buf_free(&encoded);
    free(name);
    return status;
}

static gh_status modern_headers(const gh_era *era, const gh_rpc_message *message, gh_era_headers *headers,
                                gh_error *error)
{
    char *version = meta_version(message);
    gh_status status = GH_OK;

    if (version != NULL || era->modern != NULL) {
        status = add_plain(headers, GH_MCP_HEADER_VERSION, version != NULL ? version : era->modern, error);
    }
    if (status == GH_OK && message->method != NULL) {
        status = add_plain(headers, GH_MCP_HEADER_METHOD, message->method, error);
    }
    if (status == GH_OK && message->kind == GH_RPC_REQUEST) {
        status = add_name(headers, message, error);
    }
    free(version);
    return status;
}

static gh_status legacy_headers(const gh_era *era, const gh_rpc_message *message, gh_era_headers *headers)
{
    gh_status status = GH_OK;

    if (message != NULL && is_method(message, GH_MCP_INITIALIZE)) {
        return GH_OK; /* a new session begins */
    }
    if (era->session != NULL) {
        status = add(headers, GH_MCP_HEADER_SESSION, gh_text_dup(era->session));
    }
    if (status == GH_OK && era->negotiated != NULL) {
        status = add(headers, GH_MCP_HEADER_VERSION, gh_text_dup(era->negotiated));
    }
    return status;
}

gh_status gh_era_headers_for(const gh_era *era, const gh_rpc_message *message, gh_era_headers *headers,
                             gh_error *error)
{
    gh_status status;

    memset(headers, 0, sizeof(*headers));
    if (message != NULL && gh_era_of(era, message) == GH_MCP_ERA_MODERN) {
        status = modern_headers(era, message, headers, error);
    } else {
        status = legacy_headers(era, message, headers);
    }
    if (status != GH_OK) {
        gh_era_headers_clear(headers);
    }
    return status;
}

gh_status gh_era_headers_add_param(gh_era_headers *headers, const char *name, const char *value)
{
    size_t name_len = strlen(GH_MCP_HEADER_PARAM_PREFIX) + strlen(name);
    gh_buf both = GH_BUF_INIT(name_len + strlen(value) + 1);
    char *block;

    if (headers->count >= GH_ERA_HEADERS_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    /* One block for both: what `values` holds is freed. */
    (void)gh_buf_appendf(&both, "%s%s", GH_MCP_HEADER_PARAM_PREFIX, name);
    (void)gh_buf_append_char(&both, '\0');
    (void)gh_buf_append_cstr(&both, value);
    block = gh_buf_steal(&both);
    if (block == NULL) {
        gh_buf_free(&both);
        return GH_ERR_NOMEM;
    }
    headers->values[headers->count] = block;
    headers->list[headers->count] = (gh_http_header){block, block + name_len + 1};
    headers->count++;
    return GH_OK;
}

void gh_era_headers_clear(gh_era_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        free(headers->values[i]);
    }
    memset(headers, 0, sizeof(*headers));
}

static bool is_session_id(gh_view id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] < 0x21 || id.ptr[i] > 0x7e) {
            return false;
        }
    }
    return id.len > 0 && id.len <= SESSION_MAX;
}

gh_status gh_era_open(gh_era *era, gh_view session_id, gh_view result)
{
    gh_view raw;
    char *version = NULL;

    gh_era_close(era);
    if (gh_json_slice_member(result, "protocolVersion", &raw) &&
        gh_json_slice_string(raw, &version) == GH_OK && is_plain(version)) {
        era->negotiated = version;
    } else {
        free(version);
    }
    if (session_id.len == 0) {
        return GH_OK;
    }
    if (!is_session_id(session_id)) {
        return GH_ERR_INVALID;
    }
    era->session = gh_view_dup(session_id);
    return era->session == NULL ? GH_ERR_NOMEM : GH_OK;
}

bool gh_era_has_session(const gh_era *era)
{
    return era->session != NULL;
}

const char *gh_era_version(const gh_era *era)
{
    return era->client == GH_MCP_ERA_MODERN ? era->modern : era->negotiated;
}

bool gh_era_is_repeatable(const char *method)
{
    static const char *const METHODS[] = {
        GH_MCP_INITIALIZE,
        GH_MCP_PING,
        GH_MCP_DISCOVER,
        GH_MCP_TOOLS_LIST,
        GH_MCP_RESOURCES_READ,
        GH_MCP_PROMPTS_GET,
        GH_MCP_SUBSCRIPTIONS_LISTEN,
        "resources/list",
        "resources/templates/list",
        "prompts/list",
        "completion/complete",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
    };

    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
        if (method != NULL && strcmp(method, METHODS[i]) == 0) {
            return true;
        }
    }
    return false;
}
