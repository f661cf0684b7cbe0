/* subscriptions/listen (2026-07-28, basic/patterns/subscriptions). */
#include "tests/unit/server/modern_fixture.h"

#define ANY "{\"type\":\"object\"}"
#define LISTEN(filter) REQUEST("subscriptions/listen", "\"notifications\":{" filter "}," META)
#define TAG "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":7}"

static int nothing(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.add_resource_text(of, NULL, NULL, "x");
}

static int tool_nothing(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.set_text(of, "x");
}

static atomic_bool alive;

static bool is_alive(void *context, const gh_principal *principal)
{
    (void)context;
    (void)principal;
    return atomic_load(&alive);
}

static void set_up_with(gh_mcp_options options)
{
    options.alive = is_alive;
    atomic_store(&alive, true);
    start_empty(&h, &options);
    add_tool(&h, (gatehouse_tool){.name = "one", .input_schema = ANY, .call = tool_nothing});
    add_resource(&h, (gatehouse_resource){.uri = "test://a", .name = "a", .read = nothing});
}

static void set_up(void)
{
    set_up_with(usual_options());
}

static running stream;

static void listen_to(const char *body)
{
    call_start(&stream, &h, headers_for("subscriptions/listen", NULL), body);
    await_stream(&stream, "\n\n");
}

static void end_listening(void)
{
    call_hang_up(&stream);
    call_join(&stream);
    running_forget(&stream);
}

START_TEST(the_first_message_acknowledges_what_there_is)
{
    listen_to(LISTEN("\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourcesListChanged\":true,"
                     "\"resourceSubscriptions\":[\"test://a\",\"test://\\u00e9\"]"));
    ck_assert_str_eq(gh_buf_cstr(&stream.reply.text),
                     "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
                     "\"params\":{" TAG ",\"notifications\":{\"toolsListChanged\":true,"
                     "\"resourcesListChanged\":true,\"resourceSubscriptions\":[\"test://a\","
                     "\"test://\xc3\xa9\"]}}}\n\n");
    end_listening();
    listen_to(LISTEN("\"resourceSubscriptions\":[\"test://a\",\"test://b\",\"test://\\u0061\"]"));
    ck_assert(stream_has(&stream.reply, "\"resourceSubscriptions\":[\"test://a\",\"test://b\"]"));
    end_listening();
    listen_to(LISTEN("\"toolsListChanged\":false"));
    ck_assert(stream_has(&stream.reply, "\"notifications\":{}"));
    end_listening();
}
END_TEST

START_TEST(changes_are_told_to_those_who_asked_for_them)
{
    listen_to(LISTEN("\"toolsListChanged\":true"));
    gh_mcp_engine_changed(h.engine, GH_MCP_RESOURCES);
    gh_mcp_engine_updated(h.engine, GH_VIEW_LIT("test://a"));
    add_prompt(&h, (gatehouse_prompt){.name = "p", .get = nothing});
    add_tool(&h, (gatehouse_tool){.name = "two", .input_schema = ANY, .call = tool_nothing});
    await_stream(&stream, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\","
                          "\"params\":{" TAG "}}\n\n");
    ck_assert_uint_eq(stream_count(&stream.reply), 2);
    end_listening();
}
END_TEST

START_TEST(resources_are_told_by_uri_and_templates_count_as_resources)
{
    listen_to(LISTEN("\"resourcesListChanged\":true,\"resourceSubscriptions\":[\"test://a\"]"));
    gh_mcp_engine_updated(h.engine, GH_VIEW_LIT("test://b"));
    gh_mcp_engine_updated(h.engine, GH_VIEW_LIT("test://a"));
    await_stream(&stream,
                 "\"method\":\"notifications/resources/updated\",\"params\":{" TAG ",\"uri\":\"test://a\"}}");
    ck_assert(!stream_has(&stream.reply, "test://b"));
    add_template(&h, (gatehouse_resource_template){.uri_template = "t://{x}", .name = "t", .read = nothing});
    await_stream(&stream, "notifications/resources/list_changed");
    end_listening();
}
END_TEST

START_TEST(several_streams_each_carry_their_own_id)
{
    running other;
    listen_to(LISTEN("\"toolsListChanged\":true"));
    call_start(&other, &h, headers_for("subscriptions/listen", NULL),
               "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0061\",\"method\":\"subscriptions/listen\",\"params\":{"
               "\"notifications\":{\"toolsListChanged\":true}," META "}}");
    await_stream(&other, "\n\n");
    gh_mcp_engine_changed(h.engine, GH_MCP_TOOLS);
    await_stream(&stream, "tools/list_changed\",\"params\":{" TAG);
    await_stream(&other, "tools/list_changed\",\"params\":{\"_meta\":{"
                         "\"io.modelcontextprotocol/subscriptionId\":\"\\u0061\"}");
    call_hang_up(&other);
    call_join(&other);
    running_forget(&other);
    end_listening();
}
END_TEST

#define FAREWELL                                                                                             \
    "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\",\"_meta\":{"                \
    "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"gatehouse\",\"title\":\"Gatehouse\",\"version\":"    \
    "\"0.1.0\"},\"io.modelcontextprotocol/subscriptionId\":7}}}\n\n"

START_TEST(a_server_that_stops_ends_the_stream_with_its_result)
{
    listen_to(LISTEN("\"toolsListChanged\":true"));
    gh_mcp_engine_drain(h.engine);
    call_join(&stream);
    ck_assert(gh_view_ends_with(gh_buf_view(&stream.reply.text), GH_VIEW_LIT(FAREWELL)));
    running_forget(&stream);
    ck_assert_int_eq(post(&h, headers_for("subscriptions/listen", NULL), LISTEN("")), 200);
    ck_assert(stream_has(&h.reply, FAREWELL));
}
END_TEST

/* Set before a thread looks at the clock, and turned while they do. */
static _Atomic int64_t ahead_ms;

static int64_t wall(void)
{
    return INT64_C(4102444000000) + atomic_load(&ahead_ms);
}

static int64_t mono(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + atomic_load(&ahead_ms) * 1000000;
}

START_TEST(a_stream_ends_with_its_token)
{
    gh_clock_set_source(mono, wall);
    listen_to(LISTEN("\"toolsListChanged\":true"));
    atomic_store(&ahead_ms, 800001);
    call_join(&stream);
    ck_assert(stream_has(&stream.reply, FAREWELL));
    running_forget(&stream);
}
END_TEST

START_TEST(a_stream_ends_with_its_grant)
{
    gh_clock_set_source(mono, wall);
    listen_to(LISTEN("\"toolsListChanged\":true"));
    atomic_store(&alive, false);
    atomic_store(&ahead_ms, 6000);
    call_join(&stream);
    ck_assert(stream_has(&stream.reply, FAREWELL));
    running_forget(&stream);
}
END_TEST

START_TEST(a_quiet_stream_gets_comments)
{
    stop(&h);
    gh_mcp_options options = usual_options();
    options.keep_alive_ms = 50;
    set_up_with(options);
    listen_to(LISTEN("\"toolsListChanged\":true"));
    await_stream(&stream, "\n\n:\n\n:\n\n");
    end_listening();
}
END_TEST

START_TEST(a_flood_that_is_not_read_ends_the_stream_and_not_the_server)
{
    listen_to(LISTEN("\"resourceSubscriptions\":[\"test://a\"]"));
    (void)pthread_mutex_lock(&stream.reply.lock); /* the client's connection is stuck */
    for (int i = 0; i < 3000; i++) {
        gh_mcp_engine_updated(h.engine, GH_VIEW_LIT("test://a"));
    }
    (void)pthread_mutex_unlock(&stream.reply.lock);
    call_join(&stream);
    ck_assert(!stream_has(&stream.reply, "\"result\""));
    running_forget(&stream);
    ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META)), 200);
}
END_TEST

static const char *const WRONG[] = {
    META,
    "\"notifications\":7," META,
    "\"notifications\":[]," META,
    "\"notifications\":{\"toolsListChanged\":1}," META,
    "\"notifications\":{\"resourcesListChanged\":null}," META,
    "\"notifications\":{\"promptsListChanged\":\"true\"}," META,
    "\"notifications\":{\"resourceSubscriptions\":\"test://a\"}," META,
    "\"notifications\":{\"resourceSubscriptions\":[7]}," META,
    "\"notifications\":{\"taskIds\":7}," META_WITH(TASKS, ""),
};

START_TEST(filters_of_another_form_are_refused)
{
    char body[600];
    (void)snprintf(body, sizeof body, REQUEST("subscriptions/listen", "%s"), WRONG[_i]);
    (void)post(&h, headers_for("subscriptions/listen", NULL), body);
    expect_error(200, GH_RPC_INVALID_PARAMS);
    ck_assert(!h.reply.streamed);
}
END_TEST

START_TEST(a_client_that_reads_no_streams_cannot_listen)
{
    gh_mcp_headers headers = headers_for("subscriptions/listen", NULL);
    headers.accept = GH_VIEW_LIT("application/json");
    (void)post(&h, headers, LISTEN(""));
    expect_error(406, GH_RPC_INVALID_REQUEST);
}
END_TEST

START_TEST(there_is_no_get_and_no_delete)
{
    ck_assert_int_eq(get_as(&h, &ADA, headers_for(NULL, NULL)), 405);
    ck_assert_int_eq(delete_as(&h, &ADA, headers_for(NULL, NULL)), 405);
    ck_assert_int_eq(get_as(&h, &ADA, NO_HEADERS), 405);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subscriptions/listen");
    TCase *tc = tcase_create("listen");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_first_message_acknowledges_what_there_is);
    tcase_add_test(tc, changes_are_told_to_those_who_asked_for_them);
    tcase_add_test(tc, resources_are_told_by_uri_and_templates_count_as_resources);
    tcase_add_test(tc, several_streams_each_carry_their_own_id);
    tcase_add_test(tc, a_server_that_stops_ends_the_stream_with_its_result);
    tcase_add_test(tc, a_stream_ends_with_its_token);
    tcase_add_test(tc, a_stream_ends_with_its_grant);
    tcase_add_test(tc, a_quiet_stream_gets_comments);
    tcase_add_test(tc, a_flood_that_is_not_read_ends_the_stream_and_not_the_server);
    tcase_add_loop_test(tc, filters_of_another_form_are_refused, 0, sizeof WRONG / sizeof WRONG[0]);
    tcase_add_test(tc, a_client_that_reads_no_streams_cannot_listen);
    tcase_add_test(tc, there_is_no_get_and_no_delete);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
