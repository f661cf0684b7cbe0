/* Calls that take their time: executor, streams, cancellation, deadlines. */
#include "tests/unit/server/modern_fixture.h"

static atomic_int cancelled;
static atomic_int began;

static int tool_slow(void *data, gatehouse_call *of)
{
    (void)data;
    atomic_fetch_add(&began, 1);
    if (HOST.wait(of, PATIENCE_MS) == 1) {
        atomic_fetch_add(&cancelled, 1);
    }
    return HOST.set_text(of, "late");
}

static int tool_nap(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.wait(of, 20);
    return HOST.set_text(of, "rested");
}

static int tool_talk(void *data, gatehouse_call *of)
{
    (void)data;
    HOST.progress(of, 0, 100, NULL);
    HOST.log(of, GATEHOUSE_DEBUG, NULL, "\"quiet\"");
    HOST.log(of, GATEHOUSE_WARNING, "talk", "{\"loud\":true}");
    HOST.progress(of, 0.5, 0, "half\nway");
    HOST.progress(of, 100, 100, "done");
    return HOST.set_text(of, "told");
}

static int tool_flood(void *data, gatehouse_call *of)
{
    (void)data;
    for (int i = 1; i <= 2000; i++) {
        HOST.progress(of, i, 2000, NULL);
    }
    return HOST.set_text(of, "told");
}

static int tool_hold(void *data, gatehouse_call *of)
{
    (void)data;
    HOST.progress(of, 1, 2, NULL);
    while (HOST.cancelled(of) == 0) {
        (void)HOST.wait(of, 5);
    }
    atomic_fetch_add(&cancelled, 1);
    return 0;
}

static int tool_fault(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.set_text(of, "hidden");
    return 41;
}

static int tool_liar(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.set_structured(of, "{\"n\":\"one\"}");
}

static int tool_refuse(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.set_protocol_error(of, 1234, "not today", "{\"day\":\"monday\"}");
}

static int tool_error(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.set_error(of, "no such city");
}

static int tool_meta(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.set_structured(of, "[1]");
    return HOST.set_meta(of, "{\"own/key\":1}");
}

#define ANY "{\"type\":\"object\"}"

static void set_up_with(gh_mcp_options options)
{
    atomic_store(&cancelled, 0);
    atomic_store(&began, 0);
    start_empty(&h, &options);
    add_tool(&h, (gatehouse_tool){.name = "slow", .input_schema = ANY, .call = tool_slow});
    add_tool(&h, (gatehouse_tool){.name = "short", .input_schema = ANY, .call = tool_slow, .timeout_ms = 60});
    add_tool(&h, (gatehouse_tool){.name = "nap", .input_schema = ANY, .call = tool_nap});
    add_tool(&h, (gatehouse_tool){.name = "talk", .input_schema = ANY, .call = tool_talk});
    add_tool(&h, (gatehouse_tool){
                     .name = "talkQuick", .input_schema = ANY, .call = tool_talk, .flags = GATEHOUSE_QUICK});
    add_tool(&h, (gatehouse_tool){
                     .name = "flood", .input_schema = ANY, .call = tool_flood, .flags = GATEHOUSE_QUICK});
    add_tool(&h, (gatehouse_tool){.name = "hold", .input_schema = ANY, .call = tool_hold});
    add_tool(&h, (gatehouse_tool){.name = "fault", .input_schema = ANY, .call = tool_fault});
    add_tool(&h, (gatehouse_tool){.name = "liar",
                                  .input_schema = ANY,
                                  .output_schema =
                                      "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}",
                                  .call = tool_liar});
    add_tool(&h, (gatehouse_tool){.name = "refuse", .input_schema = ANY, .call = tool_refuse});
    add_tool(&h, (gatehouse_tool){.name = "error", .input_schema = ANY, .call = tool_error});
    add_tool(&h, (gatehouse_tool){.name = "meta", .input_schema = ANY, .call = tool_meta});
    add_tool(&h, (gatehouse_tool){.name = "needy",
                                  .input_schema = ANY,
                                  .call = tool_slow,
                                  .needs = "{\"sampling\":{},\"elicitation\":{\"url\":{}}}"});
}

static void set_up(void)
{
    set_up_with(usual_options());
}

static void await_count(atomic_int *count, int least)
{
    gh_deadline deadline = gh_deadline_in(PATIENCE_MS);
    while (atomic_load(count) < least) {
        ck_assert(!gh_deadline_passed(deadline));
        nap();
    }
}

/* --- answers --- */

START_TEST(a_call_on_the_executor_that_says_nothing_before_its_answer_is_one_json_body)
{
    ck_assert_int_eq(call("nap", CALL("nap", META)), 200);
    ck_assert(!h.reply.streamed);
    ck_assert_str_eq(content_text(&h), "rested");
    ck_assert_str_eq(result_type(), "complete");
}
END_TEST

START_TEST(faults_errors_and_refusals_are_told_apart)
{
    ck_assert_int_eq(call("fault", CALL("fault", META)), 200);
    expect_error(200, GH_RPC_INTERNAL_ERROR);
    ck_assert_str_eq(error_text(&h), "Tool fault failed");
    ck_assert(!body_has(&h, "hidden") && !body_has(&h, "41"));
    (void)call("liar", CALL("liar", META));
    expect_error(200, GH_RPC_INTERNAL_ERROR);
    ck_assert(!body_has(&h, "one"));
    (void)call("refuse", CALL("refuse", META));
    expect_error(200, 1234);
    ck_assert_str_eq(error_text(&h), "not today");
    ck_assert_str_eq(gh_json_get_string(error_data(&h), "day"), "monday");
    ck_assert_int_eq(call("error", CALL("error", META)), 200);
    ck_assert(is_tool_error(&h));
    ck_assert_str_eq(content_text(&h), "no such city");
}
END_TEST

START_TEST(a_tool_s_metadata_stands_beside_the_server_s)
{
    ck_assert_int_eq(call("meta", CALL("meta", META)), 200);
    const cJSON *meta = gh_json_get_object(result_of(&h), "_meta");
    ck_assert_ptr_nonnull(gh_json_get(meta, "own/key"));
    ck_assert_ptr_nonnull(gh_json_get(meta, GH_MCP_META_SERVER_INFO));
    ck_assert_ptr_nonnull(gh_json_get_array(result_of(&h), "structuredContent"));
}
END_TEST

START_TEST(what_a_client_lacks_is_told_as_http_400_before_the_tool_runs)
{
    ck_assert_int_eq(call("needy", CALL("needy", META)), 400);
    expect_error(400, GH_MCP_MISSING_CAPABILITY);
    const cJSON *required = gh_json_get_object(error_data(&h), "requiredCapabilities");
    ck_assert_ptr_nonnull(gh_json_get_object(required, "sampling"));
    (void)call("needy", CALL("needy", META_WITH("\"sampling\":{},\"elicitation\":{}", "")));
    expect_error(400, GH_MCP_MISSING_CAPABILITY);
    ck_assert_int_eq(atomic_load(&began), 0);
}
END_TEST

/* --- events --- */

START_TEST(progress_and_log_come_first_on_a_stream_that_ends_with_the_answer)
{
    static const char *const TOOLS[] = {"talk", "talkQuick"};
    char body[600];
    (void)snprintf(body, sizeof body,
                   CALL("%s", META_WITH("", ",\"progressToken\":\"\\u0061b\","
                                            "\"io.modelcontextprotocol/logLevel\":"
                                            "\"warning\"")),
                   TOOLS[_i]);
    ck_assert_int_eq(call(TOOLS[_i], body), 200);
    ck_assert(h.reply.streamed);
    ck_assert_uint_eq(stream_count(&h.reply), 5);
    ck_assert_str_eq(
        gh_buf_cstr(&h.reply.text),
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":"
        "\"\\u0061b\",\"progress\":0,\"total\":100}}\n\n"
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"warning\","
        "\"logger\":\"talk\",\"data\":{\"loud\":true}}}\n\n"
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":"
        "\"\\u0061b\",\"progress\":0.5,\"message\":\"half\\nway\"}}\n\n"
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":"
        "\"\\u0061b\",\"progress\":100,\"total\":100,\"message\":\"done\"}}\n\n"
        "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\",\"content\":[{"
        "\"type\":\"text\",\"text\":\"told\"}],\"isError\":false,\"_meta\":{"
        "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"gatehouse\",\"title\":\"Gatehouse\","
        "\"version\":\"0.1.0\"}}}}\n\n");
}
END_TEST

START_TEST(a_call_that_says_more_than_is_kept_loses_the_first_of_it_and_not_its_answer)
{
    ck_assert_int_eq(call("flood", CALL("flood", META_WITH("", ",\"progressToken\":1"))), 200);
    ck_assert(h.reply.streamed);
    ck_assert(!stream_has(&h.reply, "\"progress\":1,"));
    ck_assert(stream_has(&h.reply, "\"progress\":2000,"));
    ck_assert(stream_has(&h.reply, "\"text\":\"told\""));
}
END_TEST

START_TEST(nothing_is_said_that_was_not_asked_for)
{
    ck_assert_int_eq(call("talk", CALL("talk", META)), 200);
    ck_assert(!h.reply.streamed);
    ck_assert_str_eq(content_text(&h), "told");
}
END_TEST

START_TEST(a_client_that_reads_no_streams_gets_the_answer_alone)
{
    gh_mcp_headers headers = headers_for("tools/call", "talk");
    headers.accept = GH_VIEW_LIT("application/json");
    ck_assert_int_eq(post(&h, headers, CALL("talk", META_WITH("", ",\"progressToken\":1"))), 200);
    ck_assert(!h.reply.streamed);
    ck_assert_str_eq(content_text(&h), "told");
}
END_TEST

START_TEST(a_progress_token_of_another_type_is_refused)
{
    static const char *const TOKENS[] = {"null", "1.5", "1e3", "{}", "true"};
    for (size_t i = 0; i < sizeof TOKENS / sizeof TOKENS[0]; i++) {
        char body[500];
        (void)snprintf(body, sizeof body, CALL("talk", META_WITH("", ",\"progressToken\":%s")), TOKENS[i]);
        (void)call("talk", body);
        expect_error(200, GH_RPC_INVALID_PARAMS);
    }
}
END_TEST

/* --- ends --- */

START_TEST(a_client_that_goes_away_cancels_its_call)
{
    static const char *const TOOLS[] = {"slow", "hold"};
    char body[400];
    running call_of;
    (void)snprintf(body, sizeof body, CALL("%s", META_WITH("", ",\"progressToken\":1")), TOOLS[_i]);
    call_start(&call_of, &h, headers_for("tools/call", TOOLS[_i]), body);
    if (_i == 0) {
        await_count(&began, 1);
    } else {
        await_stream(&call_of, "notifications/progress");
    }
    call_hang_up(&call_of);
    call_join(&call_of);
    await_count(&cancelled, 1);
    ck_assert(!stream_has(&call_of.reply, "\"result\""));
    running_forget(&call_of);
}
END_TEST

START_TEST(a_call_that_overruns_its_time_fails_and_its_handler_is_told)
{
    ck_assert_int_eq(call("short", CALL("short", META)), 200);
    expect_error(200, GH_RPC_INTERNAL_ERROR);
    ck_assert_str_eq(error_text(&h), "The call did not finish in 0.06 s");
    await_count(&cancelled, 1);
    ck_assert_int_eq(call("nap", CALL("nap", META)), 200);
}
END_TEST

START_TEST(a_server_that_is_busy_says_so_and_goes_on)
{
    running calls[24];
    for (size_t i = 0; i < 24; i++) {
        call_start(&calls[i], &h, headers_for("tools/call", "slow"), CALL("slow", META));
    }
    await_count(&began, 8);
    gh_deadline deadline = gh_deadline_in(PATIENCE_MS);
    do {
        ck_assert(!gh_deadline_passed(deadline));
        running probe;
        call_start(&probe, &h, headers_for("tools/call", "nap"), CALL("nap", META));
        nap();
        call_hang_up(&probe);
        call_join(&probe);
        h.reply.status = probe.reply.status;
        running_forget(&probe);
    } while (h.reply.status != 503);
    for (size_t i = 0; i < 24; i++) {
        call_hang_up(&calls[i]);
    }
    for (size_t i = 0; i < 24; i++) {
        call_join(&calls[i]);
        running_forget(&calls[i]);
    }
    do {
        ck_assert(!gh_deadline_passed(deadline));
        (void)call("nap", CALL("nap", META));
    } while (h.reply.status != 200);
}
END_TEST

START_TEST(a_stream_that_is_quiet_is_kept_alive)
{
    stop(&h);
    gh_mcp_options options = usual_options();
    options.keep_alive_ms = 100;
    set_up_with(options);
    running held;
    call_start(&held, &h, headers_for("tools/call", "hold"),
               CALL("hold", META_WITH("", ",\"progressToken\":1")));
    await_stream(&held, "\n\n:\n\n:\n\n");
    call_hang_up(&held);
    call_join(&held);
    running_forget(&held);
}
END_TEST

START_TEST(a_call_that_runs_may_finish_while_the_server_stops)
{
    running rest;
    call_start(&rest, &h, headers_for("tools/call", "nap"), CALL("nap", META));
    gh_mcp_engine_drain(h.engine);
    call_join(&rest);
    ck_assert_int_eq(rest.reply.status, 200);
    ck_assert_ptr_nonnull(strstr(rest.reply.body, "rested"));
    running_forget(&rest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("works");
    TCase *tc = tcase_create("works");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_call_on_the_executor_that_says_nothing_before_its_answer_is_one_json_body);
    tcase_add_test(tc, faults_errors_and_refusals_are_told_apart);
    tcase_add_test(tc, a_tool_s_metadata_stands_beside_the_server_s);
    tcase_add_test(tc, what_a_client_lacks_is_told_as_http_400_before_the_tool_runs);
    tcase_add_loop_test(tc, progress_and_log_come_first_on_a_stream_that_ends_with_the_answer, 0, 2);
    tcase_add_test(tc, a_call_that_says_more_than_is_kept_loses_the_first_of_it_and_not_its_answer);
    tcase_add_test(tc, nothing_is_said_that_was_not_asked_for);
    tcase_add_test(tc, a_client_that_reads_no_streams_gets_the_answer_alone);
    tcase_add_test(tc, a_progress_token_of_another_type_is_refused);
    tcase_add_loop_test(tc, a_client_that_goes_away_cancels_its_call, 0, 2);
    tcase_add_test(tc, a_call_that_overruns_its_time_fails_and_its_handler_is_told);
    tcase_add_test(tc, a_server_that_is_busy_says_so_and_goes_on);
    tcase_add_test(tc, a_stream_that_is_quiet_is_kept_alive);
    tcase_add_test(tc, a_call_that_runs_may_finish_while_the_server_stops);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
