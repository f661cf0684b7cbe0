/* tasks/get, tasks/update and tasks/cancel (extension io.modelcontextprotocol/tasks). */
#include <stdlib.h>

#include "server/mcp/engine_private.h"
#include "shared/json/slice.h"

#define NEEDED "{\"extensions\":{\"" GH_MCP_TASKS_EXTENSION "\":{}}}"

bool gh_mcp_check_tasks(gh_mcp_request *request)
{
    if (gh_call_capability(gh_mcp_request_capabilities(request), "extensions/" GH_MCP_TASKS_EXTENSION)) {
        return true;
    }
    gh_mcp_request_lacks(request, "The method", request->message->method, GH_VIEW_LIT(NEEDED));
    return false;
}

gh_status gh_mcp_task_scopes(const gh_mcp_request *request, const char *id, gh_buf *scopes)
{
    gh_status status =
        gh_mcp_tasks_scopes(request->engine->tasks, request->principal, gh_view_of(id), scopes);
    return status == GH_OK ? gh_buf_status(scopes) : status;
}

/* A result is for those who may call the tool, and so are its questions. A task that is not there is for the
 * caller to tell of. */
static bool may_deal(gh_mcp_request *request, const char *id)
{
    gh_buf scopes = GH_BUF_INIT(GH_MCP_SCOPES_MAX);
    gh_status status = gh_mcp_task_scopes(request, id, &scopes);
    bool may = status == GH_ERR_NOT_FOUND || (status == GH_OK && scopes.len == 0);
    if (!may && status == GH_OK) {
        may = gh_mcp_require_scopes(request, "task", gh_buf_cstr(&scopes));
    } else if (!may) {
        gh_mcp_request_fail_status(request, status);
    }
    gh_buf_free(&scopes);
    return may;
}

/* The id, owned; NULL after an answer. */
static char *read_id(gh_mcp_request *request)
{
    char *id = gh_mcp_check_tasks(request)
                   ? gh_mcp_request_string(request, request->message->params, "params", "taskId")
                   : NULL;
    if (id != NULL && !may_deal(request, id)) {
        free(id);
        return NULL;
    }
    return id;
}

static void fail(gh_mcp_request *request, gh_status status, const gh_error *error)
{
    if (status == GH_ERR_NOT_FOUND) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "There is no such task");
    } else if (status == GH_ERR_INVALID || status == GH_ERR_TOO_LARGE) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.inputResponses: %s",
                            error->message[0] == '\0' ? gh_status_text(status) : error->message);
    } else {
        gh_mcp_request_fail_status(request, status);
    }
}

/* `members`: those of the task, or NULL for an acknowledgement. */
static void answer(gh_mcp_request *request, const gh_buf *members)
{
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_append_cstr(&out, "{\"resultType\":\"complete\",");
    if (members != NULL) {
        (void)gh_buf_append_view(&out, gh_buf_view(members));
        (void)gh_buf_append_char(&out, ',');
    }
    (void)gh_buf_append_cstr(&out, request->engine->texts.modern_meta);
    (void)gh_buf_append_char(&out, '}');
    gh_mcp_request_answer(request, &out);
    gh_buf_free(&out);
}

void gh_mcp_tasks_method_get(gh_mcp_request *request)
{
    gh_error error = {GH_OK, ""};
    gh_buf members = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    char *id = read_id(request);
    if (id == NULL) {
        return;
    }
    gh_status status = gh_mcp_tasks_get(request->engine->tasks, request->principal, gh_view_of(id), &members);
    if (status == GH_OK) {
        status = gh_buf_status(&members);
    }
    if (status == GH_OK) {
        answer(request, &members);
    } else {
        fail(request, status == GH_ERR_TOO_LARGE ? GH_ERR_NOMEM : status, &error);
    }
    gh_buf_free(&members);
    free(id);
}

void gh_mcp_tasks_method_update(gh_mcp_request *request)
{
    gh_error error = {GH_OK, ""};
    gh_view responses = gh_mcp_request_param(request, "inputResponses");
    char *id = read_id(request);
    if (id == NULL) {
        return;
    }
    if (gh_json_slice_type(responses) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.inputResponses must be an object, not %s", gh_mcp_type_name(responses));
    } else {
        gh_status status = gh_mcp_tasks_update(request->engine->tasks, request->principal, gh_view_of(id),
                                               responses, &error);
        if (status == GH_OK) {
            answer(request, NULL);
        } else {
            fail(request, status, &error);
        }
    }
    free(id);
}

void gh_mcp_tasks_method_cancel(gh_mcp_request *request)
{
    gh_error error = {GH_OK, ""};
    char *id = read_id(request);
    if (id == NULL) {
        return;
    }
    gh_status status = gh_mcp_tasks_cancel(request->engine->tasks, request->principal, gh_view_of(id));
    if (status == GH_OK) {
        answer(request, NULL);
    } else {
        fail(request, status, &error);
    }
    free(id);
}
