/* A modern client before a server that only speaks the legacy era. */
#include "translator_world.h"

START_TEST(whatever_a_legacy_server_says_to_server_discover_opens_a_session)
{
    static const struct {
        const char *reply;
        int status;
        bool local;
    } SAID[] = {{ERROR("0", "-32601"), 200, false},
                {ERROR("0", "-32600"), 400, false},
                {ERROR("0", "-32000"), 400, false},
                {ERROR("0", "-32602"), 200, false},
                {ERROR("0", "-31000"), 405, true},
                {ERROR("0", "-31000"), 400, true},
                {RESULT("0", "\"echo\":1"), 200, false},
                {"{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{"
                 "\"supported\":[\"2025-11-25\"]}}}",
                 400, false}};
    for (size_t i = 0; i < sizeof(SAID) / sizeof(SAID[0]); i++) {
        world_close();
        world_fresh();
        client_says(MODERN("0", "server/discover", ""));
        (void)server_got();
        server_answers_with(SAID[i].reply, SAID[i].status, SAID[i].local);
        open_session();
        const char *answer = client_got();
        assert_has(answer, "\"supportedVersions\":[\"2026-07-28\"]");
        assert_has(answer, "\"logging\":{}");
        assert_lacks(answer, "tasks");
        assert_has(answer, "\"" V "serverInfo\":{\"name\":\"s\"");
        assert_has(answer, "\"ttlMs\":0,\"cacheScope\":\"private\"");
        ck_assert_int_eq(world.memory.only, GH_MCP_ERA_LEGACY);
        assert_quiet();
    }
}
END_TEST

START_TEST(the_session_has_the_clients_name_and_capabilities)
{
    world_close();
    world_known(GH_MCP_ERA_LEGACY, NULL);
    client_says(MODERN("1", "prompts/list", ""));
    const char *initialize = server_got();
    assert_has(initialize,
               "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"elicitation\":{},\"sampling\":{}}");
    assert_has(initialize, "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}");
    client_says(MODERN("2", "prompts/list", ""));
    assert_quiet();
    server_answers(with_id(OPENED, id_of(initialize)));
    assert_has(server_got(), "notifications/initialized");
    assert_has(server_got(), "prompts/list");
    assert_has(server_got(), "prompts/list");
    assert_quiet();
}
END_TEST

START_TEST(a_wrong_memory_corrects_itself)
{
    world_close();
    world_known(GH_MCP_ERA_LEGACY, NULL);
    client_says(MODERN("1", "prompts/list", ""));
    server_answers_with(with_id(ERROR("\"ID\"", "-32601"), id_of(server_got())), 404, false);
    ck_assert_str_eq(server_got(), MODERN("1", "prompts/list", ""));
    ck_assert_int_eq(world.memory.only, GH_MCP_ERA_UNKNOWN);
}
END_TEST

START_TEST(without_a_session_the_first_error_is_the_answer)
{
    world_close();
    world_fresh();
    client_says(MODERN("1", "server/discover", ""));
    (void)server_got();
    server_answers_with(ERROR("1", "-32601"), 404, false);
    client_says(MODERN("2", "prompts/list", ""));
    server_answers_with(with_id(ERROR("\"ID\"", "-31000"), id_of(server_got())), 404, true);
    assert_has(client_got(), "\"id\":1,\"error\":{\"code\":-32601");
    assert_has(client_got(), "\"id\":2,\"error\":{\"code\":-31000");
    assert_quiet();
}
END_TEST

START_TEST(requests_lose_the_modern_meta_and_results_get_their_type)
{
    client_says(MODERN("2", "tools/list", ",\"cursor\":\"c\""));
    const char *sent = server_got();
    assert_has(sent, "\"params\":{\"cursor\":\"c\"}");
    server_answers(with_id(RESULT("\"ID\"", "\"tools\":[],\"n\":1.0"), id_of(sent)));
    ck_assert_str_eq(client_got(),
                     RESULT("2", "\"tools\":[],\"n\":1.0,\"resultType\":\"complete\",\"ttlMs\":0,"
                                 "\"cacheScope\":\"private\""));
    client_says(LEGACY("3", "tools/call",
                       "{\"name\":\"t\",\"_meta\":{\"progressToken\":7,\"" V
                       "protocolVersion\":\"2026-07-28\","
                       "\"" V "clientCapabilities\":{}}}"));
    sent = server_got();
    assert_has(sent, "\"params\":{\"name\":\"t\",\"_meta\":{\"progressToken\":7}}");
    server_says(NOTE("notifications/progress", "{\"progressToken\":7,\"progress\":0.50}"), id_of(sent));
    assert_has(client_got(), "\"progress\":0.50");
    server_answers(with_id(RESULT("\"ID\"", ""), id_of(sent)));
    ck_assert_str_eq(client_got(), RESULT("3", "\"resultType\":\"complete\""));
}
END_TEST

START_TEST(errors_have_the_modern_codes)
{
    client_says(MODERN("2", "resources/read", ",\"uri\":\"file:///a\""));
    server_answers(with_id(ERROR("\"ID\"", "-32002"), id_of(server_got())));
    ck_assert_str_eq(client_got(),
                     "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"message\":\"no\",\"code\":-32602,"
                     "\"data\":{\"uri\":\"file:///a\"}}}");
    client_says(MODERN("3", "tasks/get", ",\"taskId\":\"a\""));
    assert_has(client_got(), "\"id\":3,\"error\":{\"code\":-32601");
    client_says(MODERN("4", "tools/call", ",\"name\":\"t\""));
    server_answers(
        with_id("{\"jsonrpc\":\"2.0\",\"id\":\"ID\",\"error\":{\"code\":-32042,\"message\":\"m\",\"data\":{"
                "\"elicitations\":[{\"mode\":\"url\",\"elicitationId\":\"e\",\"url\":\"https://x/\"}]}}}",
                id_of(server_got())));
    assert_has(client_got(), "\"resultType\":\"input_required\",\"inputRequests\":{\"e\":{\"method\":"
                             "\"elicitation/create\",\"params\":{\"mode\":\"url\"");
    client_says(
        MODERN("5", "tools/call", ",\"name\":\"t\",\"inputResponses\":{\"e\":{\"action\":\"accept\"}}"));
    assert_has(server_got(), "\"params\":{\"name\":\"t\"}");
}
END_TEST

START_TEST(the_log_level_is_set_when_it_changes_and_messages_are_for_who_asked)
{
#define LOUD(id, level)                                                                                      \
    LEGACY(id, "tools/call",                                                                                 \
           "{\"name\":\"t\",\"_meta\":{\"" V "protocolVersion\":\"2026-07-28\",\"" V "logLevel\":\"" level   \
           "\"}}")
    client_says(LOUD("2", "info"));
    assert_has(server_got(), "\"method\":\"logging/setLevel\",\"params\":{\"level\":\"info\"}");
    const char *loud = id_of(server_got());
    client_says(LOUD("3", "info"));
    assert_has(server_got(), "tools/call");
    client_says(MODERN("4", "tools/call", ",\"name\":\"t\""));
    const char *quiet = id_of(server_got());
    server_says(NOTE("notifications/message", "{\"data\":1}"), loud);
    assert_has(client_got(), "\"data\":1");
    server_says(NOTE("notifications/message", "{\"data\":2}"), quiet);
    assert_quiet();
    client_says(LOUD("5", "debug"));
    assert_has(server_got(), "logging/setLevel");
}
END_TEST

START_TEST(a_cancelled_request_is_cancelled_there_and_never_answered)
{
    client_says(MODERN("2", "tools/call", ",\"name\":\"t\""));
    const char *id = id_of(server_got());
    client_says(CANCEL("2"));
    ck_assert_str_eq(server_got(), with_id(CANCEL("\"ID\""), id));
    assert_quiet();
}
END_TEST

#define LISTEN(id, filter) MODERN(id, "subscriptions/listen", ",\"notifications\":{" filter "}")

START_TEST(listening_is_acknowledged_at_once_and_gets_what_it_asked_for)
{
    client_says(LISTEN("\"l\"",
                       "\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourceSubscriptions\":["
                       "\"file:///a\"]"));
    assert_has(server_got(), "\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"file:///a\"}");
    ck_assert_str_eq(client_got(),
                     NOTE("notifications/subscriptions/acknowledged",
                          "{\"_meta\":{\"" V "subscriptionId\":\"l\"},\"notifications\":{"
                          "\"toolsListChanged\":true,\"resourceSubscriptions\":[\"file:///a\"]}}"));
    client_says(LISTEN("8", "\"resourceSubscriptions\":[\"file:///a\"]"));
    assert_has(client_got(), "subscriptionId\":8");
    ck_assert_str_eq(server_got(), "");
    server_says(NOTE("notifications/tools/list_changed", "{}"), NULL);
    ck_assert_str_eq(client_got(),
                     NOTE("notifications/tools/list_changed", "{\"_meta\":{\"" V "subscriptionId\":\"l\"}}"));
    server_says(NOTE("notifications/prompts/list_changed", "{}"), NULL);
    assert_quiet();
    server_says(NOTE("notifications/resources/updated", "{\"uri\":\"file:///a\"}"), NULL);
    assert_has(client_got(), "\"uri\":\"file:///a\"");
    assert_has(client_got(), "\"uri\":\"file:///a\"");
    client_says(CANCEL("8"));
    assert_quiet(); /* the other one still wants it */
    client_says(CANCEL("\"l\""));
    assert_has(server_got(), "resources/unsubscribe");
    assert_quiet();
}
END_TEST

START_TEST(a_renewed_session_has_the_subscriptions_again)
{
    client_says(LISTEN("8", "\"resourceSubscriptions\":[\"file:///a\"]"));
    (void)server_got();
    gh_translator_session_renewed(world.translator);
    assert_has(server_got(), "resources/subscribe");
}
END_TEST

START_TEST(the_end_answers_streams_and_what_is_open)
{
    client_says(LISTEN("8", "\"toolsListChanged\":true"));
    (void)client_got();
    const char *id = call(CALL("2"));
    server_says(ELICITATION("1"), id);
    (void)client_got();
    (void)call(CALL("3"));
    gh_translator_input_ended(world.translator);
    ck_assert_str_eq(server_got(), with_id(CANCEL("\"ID\""), id));
    gh_translator_end(world.translator, -31002, "the end");
    assert_has(client_got(), "\"id\":8,\"result\":{\"resultType\":\"complete\"");
    assert_has(client_got(), "\"id\":3,\"error\":{\"code\":-31002");
    assert_quiet();
}
END_TEST

START_TEST(answered_ahead_the_client_hears_on_its_stream_that_lists_changed)
{
    world_close();
    world_fresh();
    client_says(MODERN("1", "server/discover", ""));
    ck_assert(gh_translator_answer_ahead(world.translator));
    assert_has(client_got(),
               "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{\"listChanged\":true}");
    client_says(LISTEN("8", "\"toolsListChanged\":true"));
    (void)server_got();
    server_answers_with(ERROR("1", "-32601"), 404, false);
    (void)server_got();
    server_answers_with(ERROR("8", "-32601"), 404, false);
    open_session();
    assert_has(client_got(), "acknowledged");
    ck_assert_str_eq(client_got(),
                     NOTE("notifications/tools/list_changed", "{\"_meta\":{\"" V "subscriptionId\":8}}"));
    assert_quiet();
}
END_TEST

START_TEST(a_look_at_a_server_that_is_known_asks_nobody_to_sign_in)
{
    world_close();
    world_known(GH_MCP_ERA_LEGACY, "{\"tools\":{\"listChanged\":true}}");
    client_says(MODERN("1", "server/discover", ""));
    const char *initialize = server_got();
    assert_has(initialize, "\"method\":\"initialize\"");
    ck_assert(gh_translator_is_look(world.translator, gh_view_of(id_of(initialize))));
    server_answers_with(with_id(ERROR("\"ID\"", "-31001"), id_of(initialize)), 401, true);
    assert_has(client_got(), "\"id\":1,\"result\":{\"resultType\":\"complete\"");
    assert_quiet();
    /* What follows is no look, and hears of the lists afterwards. */
    client_says(LISTEN("2", "\"toolsListChanged\":true"));
    initialize = server_got();
    ck_assert(!gh_translator_is_look(world.translator, gh_view_of(id_of(initialize))));
    server_answers(with_id(OPENED, id_of(initialize)));
    assert_has(server_got(), "notifications/initialized");
    assert_has(client_got(), "acknowledged");
    assert_has(client_got(), "notifications/tools/list_changed");
    assert_quiet();
}
END_TEST

START_TEST(what_comes_while_a_look_is_under_way_waits_and_is_no_look)
{
    world_close();
    world_known(GH_MCP_ERA_LEGACY, NULL);
    client_says(MODERN("1", "server/discover", ""));
    const char *initialize = server_got();
    client_says(MODERN("2", "prompts/list", ""));
    ck_assert(!gh_translator_is_look(world.translator, gh_view_of(id_of(initialize))));
    server_answers_with(with_id(ERROR("\"ID\"", "-31001"), id_of(initialize)), 401, true);
    assert_has(client_got(), "\"id\":1,\"result\"");
    initialize = server_got();
    ck_assert(!gh_translator_is_look(world.translator, gh_view_of(id_of(initialize))));
    server_answers_with(with_id(ERROR("\"ID\"", "-31001"), id_of(initialize)), 401, true);
    assert_has(client_got(), "\"id\":2,\"error\":{\"code\":-31001");
    assert_quiet();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator_down");
    TCase *tcase = tcase_create("down");
    tcase_add_checked_fixture(tcase, open_downward, world_close);
    tcase_add_test(tcase, whatever_a_legacy_server_says_to_server_discover_opens_a_session);
    tcase_add_test(tcase, the_session_has_the_clients_name_and_capabilities);
    tcase_add_test(tcase, a_wrong_memory_corrects_itself);
    tcase_add_test(tcase, without_a_session_the_first_error_is_the_answer);
    tcase_add_test(tcase, requests_lose_the_modern_meta_and_results_get_their_type);
    tcase_add_test(tcase, errors_have_the_modern_codes);
    tcase_add_test(tcase, the_log_level_is_set_when_it_changes_and_messages_are_for_who_asked);
    tcase_add_test(tcase, a_cancelled_request_is_cancelled_there_and_never_answered);
    tcase_add_test(tcase, listening_is_acknowledged_at_once_and_gets_what_it_asked_for);
    tcase_add_test(tcase, a_renewed_session_has_the_subscriptions_again);
    tcase_add_test(tcase, the_end_answers_streams_and_what_is_open);
    tcase_add_test(tcase, answered_ahead_the_client_hears_on_its_stream_that_lists_changed);
    tcase_add_test(tcase, a_look_at_a_server_that_is_known_asks_nobody_to_sign_in);
    tcase_add_test(tcase, what_comes_while_a_look_is_under_way_waits_and_is_no_look);
    return world_run(suite, tcase);
}
