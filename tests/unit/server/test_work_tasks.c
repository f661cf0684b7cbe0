/* Calls that become tasks (extension io.modelcontextprotocol/tasks), through the engine. */
#include "server/mcp/tasks.h"
#include "tests/unit/server/modern_fixture.h"

#define FORM "{\"message\":\"Sure?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}"
#define ANY "{\"type\":\"object\"}"
#define CAN_TASK META_WITH(TASKS ",\"elicitation\":{}", "")

static atomic_int cancelled;
static atomic_bool go_on;

static int tool_task(void *data, gatehouse_call *of)
{
    (void)data;
    int code = HOST.become_task(of, 0, 0);
    HOST.set_task_status(of, "at it");
    HOST.progress(of, 1, 2, NULL);
    while (!atomic_load(&go_on) && HOST.wait(of, 2) == 0) {
    }
    return HOST.set_text(of, code == 0 ? "as a task" : "at once");
}

static int tool_endless(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.become_task(of, 0, 0);
    while (HOST.wait(of, 1000) == 0) {
    }
    atomic_fetch_add(&cancelled, 1);
    return HOST.set_text(of, "never read");
}

static int tool_fail(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.become_task(of, 0, 0);
    return 3;
}

static int tool_error(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.become_task(of, 0, 0);
    return HOST.set_error(of, "no");
}

/* Asks within the task. */
static int tool_confirm(void *data, gatehouse_call *of)
{
    (void)data;
    const char *action = HOST.answer_action(of, "sure");
    if (HOST.become_task(of, 0, 0) != 0) {
        return HOST.set_error(of, "no tasks");
    }
    return action == NULL ? HOST.ask(of, "sure", "elicitation/create", FORM) : HOST.set_text(of, action);
}

/* Asks first, and is a task afterwards. */
static int tool_ask_first(void *data, gatehouse_call *of)
{
    (void)data;
    const char *action = HOST.answer_action(of, "sure");
    if (action == NULL) {
        return HOST.ask(of, "sure", "elicitation/create", FORM);
    }
    (void)HOST.become_task(of, 0, 0);
    return HOST.set_text(of, action);
}

/* Asks, whatever it is told. */
static int tool_insatiable(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.become_task(of, 0, 0);
    return HOST.ask(of, "sure", "elicitation/create", FORM);
}

static void set_up(void)
{
    gh_mcp_options options = usual_options();
    options.call_timeout_ms = 150; /* which a task outlives */
    atomic_store(&cancelled, 0);
    atomic_store(&go_on, false);
    start_empty(&h, &options);
    add_tool(&h, (gatehouse_tool){.name = "task", .input_schema = ANY, .call = tool_task});
    add_tool(&h, (gatehouse_tool){.name = "endless", .input_schema = ANY, .call = tool_endless});
    add_tool(&h,
             (gatehouse_tool){
                 .name = "fail", .input_schema = ANY, .call = tool_fail, .flags = GATEHOUSE_TASK_REQUIRED});
    add_tool(&h, (gatehouse_tool){.name = "error", .input_schema = ANY, .call = tool_error});
    add_tool(&h, (gatehouse_tool){.name = "confirm", .input_schema = ANY, .call = tool_confirm});
    add_tool(&h, (gatehouse_tool){.name = "insatiable", .input_schema = ANY, .call = tool_insatiable});
    add_tool(&h, (gatehouse_tool){.name = "askFirst", .input_schema = ANY, .call = tool_ask_first});
    add_tool(&h, (gatehouse_tool){
                     .name = "quick", .input_schema = ANY, .call = tool_confirm, .flags = GATEHOUSE_QUICK});
}

static void stop_all(void)
{
    atomic_store(&go_on, true);
    tear_down();
}

static char task[GH_MCP_TASK_ID_MAX];

/* Calls the tool, which must become a task. */
static void begin(const char *tool)
{
    char body[600];
    (void)snprintf(body, sizeof body, CALL("%s", CAN_TASK), tool);
    ck_assert_int_eq(call(tool, body), 200);
    const char *id = gh_json_get_string(result_of(&h), "taskId");
    ck_assert_msg(id != NULL, "%s", h.reply.body);
    ck_assert_str_eq(result_type(), "task");
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "status"), "working");
    (void)snprintf(task, sizeof task, "%s", id);
}

static int ask_as(const gh_principal *principal, const char *method, const char *more)
{
    char body[1024];
    (void)snprintf(body, sizeof body, REQUEST("%s", "\"taskId\":\"%s\"%s," CAN_TASK), method, task, more);
    return post_as(&h, principal, headers_for(method, task), gh_view_of(body));
}

static const char *status_of_task(void)
{
    ck_assert_int_eq(ask_as(&ADA, "tasks/get", ""), 200);
    const char *status = gh_json_get_string(result_of(&h), "status");
    ck_assert_msg(status != NULL, "%s", h.reply.body);
    ck_assert_str_eq(result_type(), "complete");
    return status;
}

static void await_status(const char *status)
{
    gh_deadline deadline = gh_deadline_in(PATIENCE_MS);
    while (strcmp(status_of_task(), status) != 0) {
        ck_assert_msg(!gh_deadline_passed(deadline), "%s", h.reply.body);
        nap();
    }
}

START_TEST(a_task_s_handle_comes_at_once_and_its_result_later)
{
    begin("task");
    ck_assert(!h.reply.streamed);
    gh_deadline deadline = gh_deadline_in(PATIENCE_MS);
    do {
        ck_assert(!gh_deadline_passed(deadline));
        ck_assert_str_eq(status_of_task(), "working");
    } while (!body_has(&h, "\"statusMessage\":\"at it\""));
    const struct timespec longer_than_a_call = {0, 300000000};
    (void)nanosleep(&longer_than_a_call, NULL);
    ck_assert_str_eq(status_of_task(), "working");
    atomic_store(&go_on, true);
    await_status("completed");
    const cJSON *result = gh_json_get_object(result_of(&h), "result");
    ck_assert_str_eq(gh_json_get_string(cJSON_GetArrayItem(gh_json_get_array(result, "content"), 0), "text"),
                     "as a task");
}
END_TEST

START_TEST(a_client_that_does_not_know_tasks_waits_for_the_answer)
{
    atomic_store(&go_on, true);
    ck_assert_int_eq(call("task", CALL("task", META)), 200);
    ck_assert_str_eq(content_text(&h), "at once");
    (void)call("fail", CALL("fail", META));
    expect_error(400, GH_MCP_MISSING_CAPABILITY);
    const cJSON *required = gh_json_get_object(error_data(&h), "requiredCapabilities");
    ck_assert_ptr_nonnull(
        gh_json_get_object(gh_json_get_object(required, "extensions"), "io.modelcontextprotocol/tasks"));
}
END_TEST

START_TEST(errors_of_the_tool_complete_and_faults_fail_the_task)
{
    begin("error");
    await_status("completed");
    bool wrong = false;
    ck_assert(gh_json_get_bool(gh_json_get_object(result_of(&h), "result"), "isError", &wrong) && wrong);
    begin("fail");
    await_status("failed");
    int64_t code = 0;
    ck_assert(gh_json_get_int64(gh_json_get_object(result_of(&h), "error"), "code", &code));
    ck_assert_int_eq(code, GH_RPC_INTERNAL_ERROR);
    ck_assert_ptr_null(gh_json_get(result_of(&h), "result"));
}
END_TEST

START_TEST(a_task_that_is_cancelled_tells_its_handler)
{
    begin("endless");
    ck_assert_int_eq(ask_as(&ADA, "tasks/cancel", ""), 200);
    ck_assert_str_eq(result_type(), "complete");
    ck_assert_ptr_null(gh_json_get(result_of(&h), "status"));
    ck_assert_str_eq(status_of_task(), "cancelled");
    gh_deadline deadline = gh_deadline_in(PATIENCE_MS);
    while (atomic_load(&cancelled) == 0) {
        ck_assert(!gh_deadline_passed(deadline));
        nap();
    }
    ck_assert_int_eq(ask_as(&ADA, "tasks/cancel", ""), 200);
    ck_assert_str_eq(status_of_task(), "cancelled");
}
END_TEST

START_TEST(a_task_asks_by_its_record_and_goes_on_with_the_answer)
{
    static const char *const TOOLS[] = {"confirm", "quick"};
    begin(TOOLS[_i]);
    await_status("input_required");
    const cJSON *asks = gh_json_get_object(result_of(&h), "inputRequests");
    ck_assert_str_eq(gh_json_get_string(gh_json_get_object(asks, "sure"), "method"), "elicitation/create");
    ck_assert_int_eq(ask_as(&ADA, "tasks/update", ",\"inputResponses\":{\"unknown\":{}}"), 200);
    ck_assert_str_eq(status_of_task(), "input_required");
    (void)ask_as(&ADA, "tasks/update", ",\"inputResponses\":7");
    expect_error(200, GH_RPC_INVALID_PARAMS);
    (void)ask_as(&ADA, "tasks/update", ",\"inputResponses\":{\"sure\":7}");
    expect_error(200, GH_RPC_INVALID_PARAMS);
    ck_assert_int_eq(ask_as(&ADA, "tasks/update", ",\"inputResponses\":{\"sure\":{\"action\":\"decline\"}}"),
                     200);
    ck_assert_str_eq(result_type(), "complete");
    ck_assert_ptr_null(gh_json_get(result_of(&h), "taskId"));
    await_status("completed");
    ck_assert(body_has(&h, "\"text\":\"decline\""));
}
END_TEST

START_TEST(a_task_that_asks_without_an_end_fails)
{
    char answer[100];
    begin("insatiable");
    for (int i = 1; i <= 64; i++) {
        await_status("input_required");
        const cJSON *asked = gh_json_get_object(result_of(&h), "inputRequests")->child;
        (void)snprintf(answer, sizeof answer, ",\"inputResponses\":{\"%s\":{\"action\":\"accept\"}}",
                       asked->string);
        ck_assert_int_eq(ask_as(&ADA, "tasks/update", answer), 200);
    }
    await_status("failed");
    int64_t code = 0;
    ck_assert(gh_json_get_int64(gh_json_get_object(result_of(&h), "error"), "code", &code));
    ck_assert_int_eq(code, GH_RPC_INTERNAL_ERROR);
}
END_TEST

START_TEST(a_call_may_ask_first_and_be_a_task_afterwards)
{
    ck_assert_int_eq(call("askFirst", CALL("askFirst", CAN_TASK)), 200);
    ck_assert_str_eq(result_type(), "input_required");
    ck_assert_ptr_null(gh_json_get(result_of(&h), "taskId"));
    ck_assert_int_eq(
        call("askFirst", CALL("askFirst", "\"inputResponses\":{\"sure\":{\"action\":\"accept\"}}," CAN_TASK)),
        200);
    ck_assert_str_eq(result_type(), "task");
    ck_assert_ptr_null(gh_json_get(result_of(&h), "requestState"));
    (void)snprintf(task, sizeof task, "%s", gh_json_get_string(result_of(&h), "taskId"));
    await_status("completed");
    ck_assert(body_has(&h, "\"text\":\"accept\""));
}
END_TEST

START_TEST(tasks_are_their_principal_s_own)
{
    static const char *const METHODS[] = {"tasks/get", "tasks/update", "tasks/cancel"};
    begin("endless");
    for (size_t i = 0; i < 3; i++) {
        (void)ask_as(&GRACE, METHODS[i], ",\"inputResponses\":{}");
        expect_error(200, GH_RPC_INVALID_PARAMS);
        ck_assert_str_eq(error_text(&h), "There is no such task");
    }
    ck_assert_str_eq(status_of_task(), "working");
    (void)ask_as(&ADA, "tasks/cancel", "");
    (void)snprintf(task, sizeof task, "unknown");
    (void)ask_as(&ADA, "tasks/get", "");
    expect_error(200, GH_RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(the_methods_of_tasks_need_the_extension_and_its_header)
{
    static const char *const METHODS[] = {"tasks/get", "tasks/update", "tasks/cancel"};
    char body[600];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(body, sizeof body, REQUEST("%s", "\"taskId\":\"x\"," META), METHODS[i]);
        (void)post(&h, headers_for(METHODS[i], "x"), body);
        expect_error(400, GH_MCP_MISSING_CAPABILITY);
        (void)snprintf(body, sizeof body, REQUEST("%s", "\"taskId\":\"x\"," CAN_TASK), METHODS[i]);
        (void)post(&h, headers_for(METHODS[i], "y"), body);
        expect_error(400, GH_MCP_HEADER_MISMATCH);
        (void)snprintf(body, sizeof body, REQUEST("%s", "\"taskId\":7," CAN_TASK), METHODS[i]);
        (void)post(&h, headers_for(METHODS[i], "7"), body);
        expect_error(200, GH_RPC_INVALID_PARAMS);
    }
}
END_TEST

START_TEST(a_stream_may_listen_to_a_task)
{
    char body[1024];
    running stream;
    begin("task");
    (void)snprintf(
        body, sizeof body,
        REQUEST("subscriptions/listen", "\"notifications\":{\"taskIds\":[\"%s\",\"unknown\"]}," CAN_TASK),
        task);
    call_start(&stream, &h, headers_for("subscriptions/listen", NULL), body);
    await_stream(&stream, "acknowledged");
    await_stream(&stream, "\"status\":\"working\"");
    ck_assert(!stream_has(&stream.reply, "unknown"));
    atomic_store(&go_on, true);
    await_stream(&stream, "\"status\":\"completed\"");
    call_hang_up(&stream);
    call_join(&stream);
    for (size_t i = 0; i < stream_count(&stream.reply); i++) {
        cJSON *message = stream_message(&stream.reply, i);
        const cJSON *of_it = gh_json_get_object(message, "params");
        ck_assert_ptr_nonnull(gh_json_get(gh_json_get_object(of_it, "_meta"), GH_MCP_META_SUBSCRIPTION_ID));
        ck_assert(i == 0 || strcmp(gh_json_get_string(of_it, "taskId"), task) == 0);
        cJSON_Delete(message);
    }
    running_forget(&stream);
    (void)snprintf(body, sizeof body,
                   REQUEST("subscriptions/listen", "\"notifications\":{\"taskIds\":[]}," META));
    (void)post(&h, headers_for("subscriptions/listen", NULL), body);
    expect_error(400, GH_MCP_MISSING_CAPABILITY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tasks through the engine");
    TCase *tc = tcase_create("tasks");
    tcase_add_checked_fixture(tc, set_up, stop_all);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_task_s_handle_comes_at_once_and_its_result_later);
    tcase_add_test(tc, a_client_that_does_not_know_tasks_waits_for_the_answer);
    tcase_add_test(tc, errors_of_the_tool_complete_and_faults_fail_the_task);
    tcase_add_test(tc, a_task_that_is_cancelled_tells_its_handler);
    tcase_add_loop_test(tc, a_task_asks_by_its_record_and_goes_on_with_the_answer, 0, 2);
    tcase_add_test(tc, a_call_may_ask_first_and_be_a_task_afterwards);
    tcase_add_test(tc, a_task_that_asks_without_an_end_fails);
    tcase_add_test(tc, tasks_are_their_principal_s_own);
    tcase_add_test(tc, the_methods_of_tasks_need_the_extension_and_its_header);
    tcase_add_test(tc, a_stream_may_listen_to_a_task);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
