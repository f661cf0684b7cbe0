/* Scopes of items, in both eras: who lacks one is refused before anything runs. */
#include "tests/unit/server/modern_fixture.h"

#define ANY "{\"type\":\"object\"}"
#define INITIALIZE(version)                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" version     \
    "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"
#define PLAIN_CALL(id, tool)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\"}}"

static atomic_int runs;

static int run(void *data, gatehouse_call *of)
{
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    return HOST.set_text(of, "ran");
}

static int show(void *data, gatehouse_call *of)
{
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    return HOST.add_resource_text(of, NULL, NULL, "x");
}

static void set_up_with(gh_mcp_options options)
{
    static const gh_scope_row row = {"mcp", "mcp:read"};
    gh_scope_table *table = NULL;
    atomic_store(&runs, 0);
    start_empty(&h, &options);
    add_tool(&h, (gatehouse_tool){.name = "free", .input_schema = ANY, .call = run});
    add_tool(&h, (gatehouse_tool){.name = "w", .input_schema = ANY, .call = run, .scopes = "mcp:read write"});
    add_tool(&h, (gatehouse_tool){.name = "r", .input_schema = ANY, .call = run, .scopes = "mcp:read"});
    add_resource(&h, (gatehouse_resource){.uri = "test://a", .name = "a", .read = show});
    add_resource(&h, (gatehouse_resource){.uri = "test://b", .name = "b", .read = show, .scopes = "write"});
    ck_assert_int_eq(gh_scope_table_new(&row, 1, &table, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_set_scopes(h.registry, table), GH_OK);
    gh_scope_table_release(table);
}

static void set_up(void)
{
    set_up_with(usual_options());
}

/* --- a reply that can say it --- */

static char refused_scopes[256];
static char refused_why[512];

static void on_insufficient_scope(void *context, const char *scopes, const char *description)
{
    captured *reply = context;
    reply->calls++;
    reply->status = 403;
    (void)snprintf(refused_scopes, sizeof refused_scopes, "%s", scopes);
    (void)snprintf(refused_why, sizeof refused_why, "%s", description);
}

static int ask(gh_mcp_headers headers, const char *body)
{
    forget(&h.reply);
    gh_mcp_reply reply = capture_into(&h.reply);
    reply.insufficient_scope = on_insufficient_scope;
    refused_scopes[0] = '\0';
    gh_mcp_engine_post(h.engine, &ADA, &headers, gh_view_of(body), &reply);
    return check_answered(&h.reply);
}

START_TEST(who_lacks_a_scope_hears_all_that_the_item_needs)
{
    ck_assert_int_eq(ask(headers_for("tools/call", "w"), CALL("w", META)), 403);
    ck_assert_str_eq(refused_scopes, "mcp:read write");
    ck_assert_ptr_nonnull(strstr(refused_why, "tool needs: mcp:read write"));
    ck_assert_int_eq(ask(headers_for("resources/read", "test://b"),
                         REQUEST("resources/read", "\"uri\":\"test://b\"," META)),
                     403);
    ck_assert_str_eq(refused_scopes, "write");
    ck_assert_int_eq(runs, 0);
}
END_TEST

START_TEST(what_a_scope_stands_for_is_enough)
{
    ck_assert_int_eq(ask(headers_for("tools/call", "r"), CALL("r", META)), 200);
    ck_assert_str_eq(refused_scopes, "");
    ck_assert_int_eq(runs, 1);
}
END_TEST

START_TEST(without_the_hook_it_is_a_json_rpc_error_with_403)
{
    ck_assert_int_eq(call("w", CALL("w", META)), 403);
    expect_error(403, GH_RPC_INVALID_REQUEST);
    ck_assert_int_eq(runs, 0);
}
END_TEST

static gh_mcp_headers enter(const char *initialize)
{
    gh_mcp_headers headers = NO_HEADERS;
    static char id[80];
    ck_assert_int_eq(post(&h, NO_HEADERS, initialize), 200);
    (void)snprintf(id, sizeof id, "%s", h.reply.session);
    headers.session = gh_view_of(id);
    return headers;
}

START_TEST(sessions_hear_it_and_go_on)
{
    gh_mcp_headers headers = enter(INITIALIZE("2025-11-25"));
    ck_assert_int_eq(ask(headers, PLAIN_CALL("2", "w")), 403);
    ck_assert_str_eq(refused_scopes, "mcp:read write");
    ck_assert_int_eq(ask(headers,
                         "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"resources/subscribe\",\"params\":{"
                         "\"uri\":\"test://b\"}}"),
                     403);
    ck_assert_int_eq(ask(headers, PLAIN_CALL("2", "r")), 200);
    ck_assert_int_eq(runs, 1);
}
END_TEST

START_TEST(one_message_that_may_not_run_keeps_its_whole_batch_from_running)
{
    gh_mcp_headers headers = enter(INITIALIZE("2025-03-26"));
    ck_assert_int_eq(ask(headers, "[" PLAIN_CALL("2", "free") ",{\"nonsense\":1}," PLAIN_CALL("3", "w") "]"),
                     403);
    ck_assert_str_eq(refused_scopes, "mcp:read write");
    ck_assert_ptr_nonnull(strstr(refused_why, "batch"));
    ck_assert_int_eq(runs, 0);
    ck_assert_int_eq(ask(headers, "[" PLAIN_CALL("2", "free") "," PLAIN_CALL("3", "r") "]"), 200);
    ck_assert_int_eq(runs, 2);
}
END_TEST

START_TEST(a_message_as_large_as_the_server_allows_is_looked_at_before_its_batch_runs)
{
    static const gh_json_limits limits = {8U << 20, 64, 400000, 1000};
    gh_mcp_options options = usual_options();
    gh_buf batch = GH_BUF_INIT(limits.size);
    options.limits = &limits;
    stop(&h);
    set_up_with(options);
    gh_mcp_headers headers = enter(INITIALIZE("2025-03-26"));
    (void)gh_buf_append_cstr(
        &batch,
        "[" PLAIN_CALL("2", "free") ",{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":"
                                    "\"tools/call\",\"params\":{\"name\":\"w\",\"arguments\":{\"a\":[0");
    for (size_t i = 0; i < 2 * GH_JSON_LIMITS_MESSAGE.members; i++) {
        (void)gh_buf_append_cstr(&batch, ",0");
    }
    (void)gh_buf_append_cstr(&batch, "]}}}]");
    ck_assert_int_eq(ask(headers, gh_buf_cstr(&batch)), 403);
    ck_assert_str_eq(refused_scopes, "mcp:read write");
    ck_assert_int_eq(runs, 0);
    gh_buf_free(&batch);
}
END_TEST

START_TEST(what_may_not_be_read_is_not_watched)
{
    running stream;
    call_start(&stream, &h, headers_for("subscriptions/listen", NULL),
               REQUEST("subscriptions/listen",
                       "\"notifications\":{\"resourceSubscriptions\":[\"test://a\",\"test://b\"]}," META));
    await_stream(&stream, "\n\n");
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&stream.reply.text), "[\"test://a\"]"));
    call_hang_up(&stream);
    call_join(&stream);
    running_forget(&stream);
}
END_TEST

START_TEST(lists_show_everything_unless_told)
{
    ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META)), 200);
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(result_of(&h), "tools")), 3);
    stop(&h);
    gh_mcp_options options = usual_options();
    options.hide_unscoped = true;
    set_up_with(options);
    ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META)), 200);
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(result_of(&h), "tools")), 2);
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "cacheScope"), "private");
    ck_assert_int_eq(call("w", CALL("w", META)), 403);
}
END_TEST

START_TEST(where_nobody_signs_in_nothing_is_looked_at)
{
    stop(&h);
    gh_mcp_options options = usual_options();
    options.hide_unscoped = true;
    options.ignore_scopes = true;
    set_up_with(options);
    ck_assert_int_eq(call("w", CALL("w", META)), 200);
    ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META)), 200);
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(result_of(&h), "tools")), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_scopes");
    TCase *tc = tcase_create("scopes");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, who_lacks_a_scope_hears_all_that_the_item_needs);
    tcase_add_test(tc, what_a_scope_stands_for_is_enough);
    tcase_add_test(tc, without_the_hook_it_is_a_json_rpc_error_with_403);
    tcase_add_test(tc, sessions_hear_it_and_go_on);
    tcase_add_test(tc, one_message_that_may_not_run_keeps_its_whole_batch_from_running);
    tcase_add_test(tc, a_message_as_large_as_the_server_allows_is_looked_at_before_its_batch_runs);
    tcase_add_test(tc, what_may_not_be_read_is_not_watched);
    tcase_add_test(tc, lists_show_everything_unless_told);
    tcase_add_test(tc, where_nobody_signs_in_nothing_is_looked_at);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
