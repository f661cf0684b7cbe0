#include "shared/rpc/message.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json/access.h"
#include "shared/json/slice.h"

#define ID_STRING_MAX 1024
#define ID_NUMBER_MAX 64

typedef enum envelope_member {
    MEMBER_JSONRPC,
    MEMBER_ID,
    MEMBER_METHOD,
    MEMBER_PARAMS,
    MEMBER_RESULT,
    MEMBER_ERROR,
    MEMBER_COUNT
} envelope_member;

/* Raw values of the members that JSON-RPC knows; ptr is NULL where one is absent. */
typedef struct envelope {
    gh_view member[MEMBER_COUNT];
} envelope;

static const char *const member_names[MEMBER_COUNT] = {"jsonrpc", "id",     "method",
                                                       "params",  "result", "error"};

static gh_status invalid(gh_error *error, const char *what)
{
    return gh_error_set(error, GH_ERR_INVALID, "not a JSON-RPC 2.0 message: %s", what);
}

static bool has(const envelope *env, envelope_member member)
{
    return env->member[member].ptr != NULL;
}

static gh_status read_envelope(gh_view text, envelope *env, gh_error *error)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};

    if (!gh_json_iter_start(text, &iter) || !iter.object) {
        return invalid(error, "it must be an object");
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        for (int i = 0; i < MEMBER_COUNT; i++) {
            if (!gh_json_slice_is(key, gh_view_of(member_names[i]))) {
                continue;
            }
            /* The gate does not look for duplicates in very large objects. */
            if (has(env, (envelope_member)i)) {
                return gh_error_set(error, GH_ERR_INVALID, "not a JSON-RPC 2.0 message: two members \"%s\"",
                                    member_names[i]);
            }
            env->member[i] = value;
            break;
        }
    }
    return GH_OK;
}

/* JSON-RPC allows any number, and MCP asks for integers: whoever sends another gets it back as it came, which
 * is what makes it an id. */
static bool is_legal_id(gh_view id)
{
    if (gh_json_slice_type(id) == GH_JSON_STRING) {
        return id.len <= ID_STRING_MAX + 2;
    }
    return gh_json_slice_type(id) == GH_JSON_NUMBER && id.len <= ID_NUMBER_MAX;
}

static bool is_absent_or_null(const envelope *env, envelope_member member)
{
    return !has(env, member) || gh_json_slice_type(env->member[member]) == GH_JSON_NULL;
}

static gh_status classify_call(const envelope *env, gh_rpc_message *message, gh_error *error)
{
    gh_status status = GH_OK;

    if (has(env, MEMBER_RESULT) || has(env, MEMBER_ERROR)) {
        return invalid(error, "\"method\" together with \"result\" or \"error\"");
    }
    if (has(env, MEMBER_PARAMS) && gh_json_slice_type(env->member[MEMBER_PARAMS]) != GH_JSON_OBJECT) {
        return invalid(error, "\"params\" must be an object");
    }
    if (has(env, MEMBER_ID) && message->id.len == 0) {
        return invalid(error, "\"id\" must be a string or a number");
    }
    status = gh_json_slice_string(env->member[MEMBER_METHOD], &message->method);
    if (status == GH_ERR_INVALID) {
        return invalid(error, "\"method\" must be a string");
    }
    if (status != GH_OK) {
        return gh_error_set(error, status, "cannot read \"method\": %s", gh_status_text(status));
    }
    message->params = env->member[MEMBER_PARAMS];
    message->kind = message->id.len > 0 ? GH_RPC_REQUEST : GH_RPC_NOTIFICATION;
    return GH_OK;
}

static gh_status classify_response(const envelope *env, gh_rpc_message *message, gh_error *error)
{
    if (has(env, MEMBER_RESULT) == has(env, MEMBER_ERROR)) {
        return invalid(error, has(env, MEMBER_RESULT) ? "\"result\" together with \"error\""
                                                      : "neither \"method\" nor \"result\" nor \"error\"");
    }
    if (has(env, MEMBER_RESULT)) {
        if (message->id.len == 0) {
            return invalid(error, "a result needs an \"id\" that is a string or a number");
        }
        message->result = env->member[MEMBER_RESULT];
        message->kind = GH_RPC_RESULT;
        return GH_OK;
    }
    /* An error about a message whose id could not be read has a null id, or none. */
    if (message->id.len == 0 && !is_absent_or_null(env, MEMBER_ID)) {
        return invalid(error, "\"id\" must be a string or a number");
    }
    if (gh_json_slice_type(env->member[MEMBER_ERROR]) != GH_JSON_OBJECT) {
        return invalid(error, "\"error\" must be an object");
    }
    message->error = env->member[MEMBER_ERROR];
    message->kind = GH_RPC_ERROR;
    return GH_OK;
}

gh_status gh_rpc_parse(gh_view text, const gh_json_limits *limits, gh_rpc_message *message, gh_error *error)
{
    envelope env = {0};
    gh_status status = GH_OK;

    memset(message, 0, sizeof(*message));
    status = gh_json_gate(text, limits, error);
    if (status != GH_OK) {
        return status;
    }
    message->raw = gh_view_trim(text);
    if (gh_json_slice_type(text) == GH_JSON_ARRAY) {
        message->kind = GH_RPC_BATCH;
        return GH_OK;
    }
    status = read_envelope(text, &env, error);
    if (has(&env, MEMBER_ID) && is_legal_id(env.member[MEMBER_ID])) {
        message->id = env.member[MEMBER_ID];
    }
    if (status != GH_OK) {
        return status;
    }
    if (!gh_json_slice_is(env.member[MEMBER_JSONRPC], GH_VIEW_LIT("2.0"))) {
        return invalid(error, "\"jsonrpc\" must be \"2.0\"");
    }
    return has(&env, MEMBER_METHOD) ? classify_call(&env, message, error)
                                    : classify_response(&env, message, error);
}

void gh_rpc_message_clear(gh_rpc_message *message)
{
    if (message) {
        free(message->method);
        memset(message, 0, sizeof(*message));
    }
}

bool gh_rpc_id_equals(gh_view a, gh_view b)
{
    gh_json_type type = gh_json_slice_type(a);

    if (type != gh_json_slice_type(b)) {
        return false;
    }
    if (type == GH_JSON_STRING) {
        return gh_json_slice_same_string(a, b);
    }
    return type == GH_JSON_NUMBER && gh_view_eq(a, b);
}

static void write_head(gh_buf *out, gh_view id)
{
    (void)gh_buf_append_cstr(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    (void)gh_buf_append_view(out, id.len > 0 ? id : GH_VIEW_LIT("null"));
}

/* A raw value that is not JSON is our own mistake; it must not become half a message. */
static void write_raw(gh_buf *out, gh_view raw)
{
    gh_status status = gh_json_slice_compact(raw, out);

    if (status != GH_OK && out->status == GH_OK) {
        out->status = status;
    }
}

gh_status gh_rpc_write_result(gh_buf *out, gh_view id, gh_view result)
{
    write_head(out, id);
    (void)gh_buf_append_cstr(out, ",\"result\":");
    write_raw(out, result.len > 0 ? result : GH_VIEW_LIT("{}"));
    return gh_buf_append_char(out, '}');
}

gh_status gh_rpc_write_error(gh_buf *out, gh_view id, int code, gh_view message, gh_view data)
{
    write_head(out, id);
    (void)gh_buf_appendf(out, ",\"error\":{\"code\":%d,\"message\":", code);
    (void)gh_json_write_string(out, message);
    if (data.len > 0) {
        (void)gh_buf_append_cstr(out, ",\"data\":");
        write_raw(out, data);
    }
    return gh_buf_append_cstr(out, "}}");
}

static gh_status write_call(gh_buf *out, const char *method, gh_view params)
{
    (void)gh_buf_append_cstr(out, "\"method\":");
    (void)gh_json_write_string(out, gh_view_of(method));
    if (params.len > 0) {
        (void)gh_buf_append_cstr(out, ",\"params\":");
        write_raw(out, params);
    }
    return gh_buf_append_char(out, '}');
}

gh_status gh_rpc_write_request(gh_buf *out, gh_view id, const char *method, gh_view params)
{
    write_head(out, id);
    (void)gh_buf_append_char(out, ',');
    return write_call(out, method, params);
}

gh_status gh_rpc_write_notification(gh_buf *out, const char *method, gh_view params)
{
    (void)gh_buf_append_cstr(out, "{\"jsonrpc\":\"2.0\",");
    return write_call(out, method, params);
}
