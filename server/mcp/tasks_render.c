/* A task as the client sees it (SEP-2663, "Tasks"). */
#include <inttypes.h>

#include "server/mcp/tasks_private.h"
#include "shared/json/access.h"

static const char *const STATUS_NAMES[] = {
    [GH_MCP_TASK_WORKING] = "working",     [GH_MCP_TASK_INPUT_REQUIRED] = "input_required",
    [GH_MCP_TASK_COMPLETED] = "completed", [GH_MCP_TASK_FAILED] = "failed",
    [GH_MCP_TASK_CANCELLED] = "cancelled",
};

static void render_asks(const gh_mcp_task *task, gh_buf *out)
{
    const char *separator = "";

    (void)gh_buf_append_cstr(out, ",\"inputRequests\":{");
    for (size_t i = 0; i < task->ask_count; i++) {
        const gh_mcp_task_ask *ask = &task->asks[i];
        if (ask->answer) {
            continue;
        }
        (void)gh_buf_append_cstr(out, separator);
        (void)gh_json_write_string(out, gh_view_of(ask->wire));
        (void)gh_buf_append_cstr(out, ":{\"method\":");
        (void)gh_json_write_string(out, gh_view_of(ask->method));
        (void)gh_buf_append_cstr(out, ",\"params\":");
        (void)gh_buf_append_cstr(out, ask->params);
        (void)gh_buf_append_char(out, '}');
        separator = ",";
    }
    (void)gh_buf_append_char(out, '}');
}

static void render_detail(const gh_mcp_task *task, gh_buf *out)
{
    const char *payload = task->payload ? task->payload : task->fallback;

    if (task->status == GH_MCP_TASK_INPUT_REQUIRED) {
        render_asks(task, out);
    } else if (task->status == GH_MCP_TASK_COMPLETED) {
        (void)gh_buf_append_cstr(out, ",\"result\":");
        (void)gh_buf_append_cstr(out, payload);
    } else if (task->status == GH_MCP_TASK_FAILED) {
        (void)gh_buf_append_cstr(out, ",\"error\":");
        (void)gh_buf_append_cstr(out, payload);
    }
}

gh_status gh_mcp_task_render(const gh_mcp_task *task, bool detailed, gh_buf *out)
{
    char created[GH_CLOCK_TEXT_MAX];
    char updated[GH_CLOCK_TEXT_MAX];

    gh_clock_format_utc(task->created_ms, created);
    gh_clock_format_utc(task->updated_ms, updated);
    (void)gh_buf_appendf(out, "\"taskId\":\"%s\",\"status\":\"%s\"", task->id, STATUS_NAMES[task->status]);
    if (task->message) {
        (void)gh_buf_append_cstr(out, ",\"statusMessage\":");
        (void)gh_json_write_string(out, gh_view_of(task->message));
    }
    (void)gh_buf_appendf(out,
                         ",\"createdAt\":\"%s\",\"lastUpdatedAt\":\"%s\",\"ttlMs\":%" PRId64
                         ",\"pollIntervalMs\":%" PRId64,
                         created, updated, task->ttl_ms, task->poll_ms);
    if (detailed) {
        render_detail(task, out);
    }
    return gh_buf_status(out);
}

gh_status gh_mcp_task_render_detail(const gh_mcp_task *task, gh_buf *out)
{
    (void)gh_buf_append_char(out, '{');
    if (gh_mcp_task_render(task, true, out) != GH_OK) {
        return gh_buf_status(out);
    }
    return gh_buf_append_char(out, '}');
}
