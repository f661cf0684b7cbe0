/* What a task asks its client, and what it is answered. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/tasks_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define WIRE_KEY_MAX 1024
#define KEYS_RENDERED_MAX                                                                                    \
    ((size_t)GH_CALL_ASKS_MAX * 8 * WIRE_KEY_MAX) /* a byte may become 6 by escaping                         \
                                                   */

static gh_mcp_task_key *find_key(const gh_mcp_task *task, gh_view text)
{
    for (size_t i = 0; i < task->key_count; i++) {
        if (gh_view_eq_cstr(text, task->keys[i].text)) {
            return &task->keys[i];
        }
    }
    return NULL;
}

/* NULL without memory. */
static gh_mcp_task_key *add_key(gh_mcp_task *task, gh_view text)
{
    gh_mcp_task_key *keys = realloc(task->keys, (task->key_count + 1) * sizeof *keys);
    char *copy = gh_view_dup(text);

    if (keys) {
        task->keys = keys;
    }
    if (!keys || !copy) {
        free(copy);
        return NULL;
    }
    keys[task->key_count] = (gh_mcp_task_key){.text = copy, .times = 1};
    return &keys[task->key_count++];
}

/* The key for the wire: the handler's, or with the first suffix that has not been used. */
static gh_status name_ask(gh_mcp_task *task, gh_mcp_task_ask *ask)
{
    gh_status status = GH_ERR_NOMEM;
    gh_mcp_task_key *used = find_key(task, gh_view_of(ask->key));
    gh_buf wire = GH_BUF_INIT(WIRE_KEY_MAX);

    (void)gh_buf_append_cstr(&wire, ask->key);
    while (used && gh_buf_status(&wire) == GH_OK && find_key(task, gh_buf_view(&wire))) {
        gh_buf_clear(&wire);
        (void)gh_buf_appendf(&wire, "%s-%u", ask->key, ++used->times);
    }
    status = gh_buf_status(&wire);
    if (status != GH_OK) {
        goto out;
    }
    ask->wire = gh_view_dup(gh_buf_view(&wire));
    if (!ask->wire || !add_key(task, gh_view_of(ask->wire))) {
        status = GH_ERR_NOMEM;
    }
out:
    gh_buf_free(&wire);
    return status;
}

static gh_status copy_ask(gh_mcp_task *task, const gh_call_ask *from, gh_mcp_task_ask *to)
{
    to->method = from->method;
    to->key = gh_text_dup(from->key);
    to->params = gh_text_dup(from->params);
    return to->key && to->params ? name_ask(task, to) : GH_ERR_NOMEM;
}

static size_t ask_size(const gh_mcp_task_ask *ask)
{
    return strlen(ask->params) + (ask->answer ? strlen(ask->answer) : 0);
}

static gh_status check_asks(const gh_mcp_task *task, const gh_call_ask *asks, size_t count, size_t *size)
{
    *size = 0;
    if (count == 0) {
        return GH_ERR_INVALID;
    }
    if (count > GH_CALL_ASKS_MAX || count > GH_MCP_TASK_KEYS_MAX - task->key_count) {
        return GH_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(asks[i].key, asks[k].key) == 0) {
                return GH_ERR_INVALID;
            }
        }
        *size += strlen(asks[i].params);
    }
    return *size <= GH_MCP_TASK_PAYLOAD_MAX - KEYS_RENDERED_MAX ? GH_OK : GH_ERR_TOO_LARGE;
}

gh_status gh_mcp_task_ask_all(gh_mcp_tasks *tasks, gh_mcp_task *task, const gh_call_ask *asks, size_t count)
{
    size_t size = 0;
    gh_status status = task->ask_count > 0 ? GH_ERR_CONFLICT : check_asks(task, asks, count, &size);

    if (status != GH_OK) {
        return status;
    }
    if (!gh_mcp_tasks_charge(tasks, task, size)) {
        return GH_ERR_TOO_LARGE;
    }
    task->asks = calloc(count, sizeof *task->asks);
    if (!task->asks) {
        gh_mcp_tasks_discharge(tasks, task, size);
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < count && status == GH_OK; i++) {
        status = copy_ask(task, &asks[i], &task->asks[i]);
    }
    task->ask_count = count;
    if (status != GH_OK) {
        for (size_t i = 0; i < count; i++) {
            free(task->asks[i].wire);
            free(task->asks[i].key);
            free(task->asks[i].params);
        }
        free(task->asks);
        task->asks = NULL;
        task->ask_count = 0;
        gh_mcp_tasks_discharge(tasks, task, size);
    }
    return status;
}

void gh_mcp_task_clear_asks(gh_mcp_tasks *tasks, gh_mcp_task *task)
{
    for (size_t i = 0; i < task->ask_count; i++) {
        gh_mcp_task_ask *ask = &task->asks[i];
        gh_mcp_tasks_discharge(tasks, task, ask_size(ask));
        free(ask->wire);
        free(ask->key);
        free(ask->params);
        free(ask->answer);
    }
    free(task->asks);
    task->asks = NULL;
    task->ask_count = 0;
}

void gh_mcp_task_free_keys(gh_mcp_task *task)
{
    for (size_t i = 0; i < task->key_count; i++) {
        free(task->keys[i].text);
    }
    free(task->keys);
    task->keys = NULL;
    task->key_count = 0;
}

bool gh_mcp_task_waits(const gh_mcp_task *task)
{
    for (size_t i = 0; i < task->ask_count; i++) {
        if (!task->asks[i].answer) {
            return true;
        }
    }
    return false;
}

static gh_mcp_task_ask *find_outstanding(const gh_mcp_task *task, gh_view raw_key)
{
    for (size_t i = 0; i < task->ask_count; i++) {
        if (!task->asks[i].answer && gh_json_slice_is(raw_key, gh_view_of(task->asks[i].wire))) {
            return &task->asks[i];
        }
    }
    return NULL;
}

/* Are the responses such that all of them can be taken? Nothing is changed. */
static gh_status check_responses(const gh_mcp_task *task, gh_view responses, size_t *size, gh_error *error)
{
    gh_json_iter iter;
    gh_view key;
    gh_view value;

    *size = 0;
    if (gh_json_slice_type(responses) != GH_JSON_OBJECT || !gh_json_iter_start(responses, &iter)) {
        return gh_error_set(error, GH_ERR_INVALID, "inputResponses must be an object");
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (!find_outstanding(task, key)) {
            continue;
        }
        if (gh_json_slice_type(value) != GH_JSON_OBJECT) {
            return gh_error_set(error, GH_ERR_INVALID, "each of inputResponses must be an object");
        }
        *size += value.len;
    }
    return GH_OK;
}

gh_status gh_mcp_task_answer(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_view responses, bool *changed,
                             gh_error *error)
{
    size_t size = 0;
    size_t taken = 0;
    gh_json_iter iter;
    gh_view key;
    gh_view value;
    gh_status status = check_responses(task, responses, &size, error);

    *changed = false;
    if (status != GH_OK) {
        return status;
    }
    if (!gh_mcp_tasks_charge(tasks, task, size)) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "There is no room for so many responses");
    }
    (void)gh_json_iter_start(responses, &iter);
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &value)) {
        gh_mcp_task_ask *ask = find_outstanding(task, key);
        if (!ask) {
            continue;
        }
        ask->answer = gh_view_dup(value);
        if (!ask->answer) {
            status = gh_error_set(error, GH_ERR_NOMEM, "There is not enough memory");
        } else {
            taken += value.len;
            *changed = true;
        }
    }
    gh_mcp_tasks_discharge(tasks, task, size - taken);
    return status;
}

gh_status gh_mcp_task_answers(const gh_mcp_task *task, gh_buf *out)
{
    (void)gh_buf_append_char(out, '{');
    for (size_t i = 0; i < task->ask_count; i++) {
        (void)gh_buf_append_cstr(out, i > 0 ? "," : "");
        (void)gh_json_write_string(out, gh_view_of(task->asks[i].key));
        (void)gh_buf_append_char(out, ':');
        (void)gh_buf_append_cstr(out, task->asks[i].answer);
    }
    (void)gh_buf_append_char(out, '}');
    return gh_buf_status(out);
}
