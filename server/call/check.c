/* What a handler hands over is checked here before it is kept. */
#include <stdlib.h>
#include <string.h>

#include "server/call/call_private.h"
#include "shared/core/log.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

static const char *const TYPE_COMPLAINTS[] = {
    [GH_JSON_OBJECT] = "it is not a JSON object",
    [GH_JSON_ARRAY] = "it is not a JSON array",
    [GH_JSON_STRING] = "it is not a JSON string",
};

bool gh_call_given(const gh_call *call, const char *function)
{
    if (call == NULL) {
        gh_log_error("a plugin's use of %s was refused: the call is NULL", function);
    }
    return call != NULL;
}

int gh_call_refuse(gh_call *call, gh_status status, const char *function, const char *why)
{
    if (!gh_call_given(call, function)) {
        return (int)GH_ERR_INVALID;
    }
    if (call->refused == GH_OK) {
        call->refused = gh_error_set(&call->why, status, "%s was refused: %s", function, why);
    }
    return (int)status;
}

gh_status gh_call_allowed(gh_call *call, unsigned kinds, const char *function)
{
    static const char *const NAMES[] = {
        [GH_CALL_TOOL] = "a tool has no use for it",
        [GH_CALL_RESOURCE] = "a resource has no use for it",
        [GH_CALL_PROMPT] = "a prompt has no use for it",
        [GH_CALL_COMPLETION] = "a completion has no use for it",
    };
    if (!gh_call_given(call, function)) {
        return GH_ERR_INVALID;
    }
    if ((kinds & GH_CALL_IN(call->question.kind)) == 0) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, NAMES[call->question.kind]);
    }
    return GH_OK;
}

gh_status gh_call_text(gh_call *call, const char *text, const char *function, gh_view *view)
{
    if (!gh_call_given(call, function)) {
        return GH_ERR_INVALID;
    }
    if (text == NULL) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, "there is no text");
    }
    *view = gh_view_make(text, strnlen(text, GH_CALL_TEXT_MAX + 1));
    if (view->len > GH_CALL_TEXT_MAX) {
        return (gh_status)gh_call_refuse(call, GH_ERR_TOO_LARGE, function, "the text is longer than 4 MiB");
    }
    if (!gh_text_is_utf8(*view)) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, "the text is not UTF-8");
    }
    return GH_OK;
}

gh_status gh_call_json(gh_call *call, const char *json, gh_json_type type, const char *function,
                       gh_view *view)
{
    gh_error error = {GH_OK, ""};
    if (!gh_call_given(call, function)) {
        return GH_ERR_INVALID;
    }
    if (json == NULL) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, "there is no JSON");
    }
    *view = gh_view_make(json, strnlen(json, GH_CALL_TEXT_MAX + 1));
    gh_status status = gh_json_gate(*view, &GH_JSON_LIMITS_MESSAGE, &error);
    if (status != GH_OK) {
        return (gh_status)gh_call_refuse(call, status, function, error.message);
    }
    if (type != GH_JSON_NONE && gh_json_slice_type(*view) != type) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, TYPE_COMPLAINTS[type]);
    }
    return GH_OK;
}

static gh_status replace(gh_call *call, char **slot, char *with, const char *function)
{
    if (with == NULL) {
        return (gh_status)gh_call_refuse(call, GH_ERR_NOMEM, function, "out of memory");
    }
    free(*slot);
    *slot = with;
    return GH_OK;
}

gh_status gh_call_replace_json(gh_call *call, char **slot, gh_view json, const char *function)
{
    gh_buf compact = GH_BUF_INIT(GH_CALL_TEXT_MAX);
    gh_status status = gh_json_slice_compact(json, &compact);
    status = replace(call, slot, status == GH_OK ? gh_buf_steal(&compact) : NULL, function);
    gh_buf_free(&compact);
    return status;
}

gh_status gh_call_replace_text(gh_call *call, char **slot, gh_view text, const char *function)
{
    return replace(call, slot, gh_view_dup(text), function);
}

int gh_call_written(gh_call *call, const char *function)
{
    gh_status status = gh_buf_status(&call->told.content);
    if (status == GH_OK) {
        return 0;
    }
    return gh_call_refuse(call, status, function,
                          status == GH_ERR_TOO_LARGE ? "the whole answer is larger than 16 MiB"
                                                     : "out of memory");
}

int gh_call_write_json(gh_call *call, gh_view json, const char *function)
{
    gh_status status = gh_json_slice_compact(json, &call->told.content);
    if (status == GH_ERR_PARSE) {
        return gh_call_refuse(call, status, function, "it is not JSON");
    }
    return gh_call_written(call, function);
}
