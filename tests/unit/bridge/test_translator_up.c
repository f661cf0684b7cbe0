/* A legacy client before a server that only speaks the modern era. */
#include "translator_world.h"

#define DISCOVERED(capabilities)                                                                             \
    RESULT("\"ID\"", "\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":"  \
                     "{" capabilities "},\"instructions\":\"do\",\"_meta\":{\"" V                            \
                     "serverInfo\":{\"name\":\"s\",\"version\":\"2\"}}")
#define ALL                                                                                                  \
    "\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true,\"listChanged\":true},"              \
    "\"extensions\":{\"x\":{}}"
#define TAGGED(method, id, members) NOTE(method, "{\"_meta\":{\"" V "subscriptionId\":" id "}" members "}")

static void open_with(const char *capabilities)
{
    world_fresh();
    client_says(INITIALIZE("1"));
    (void)server_got();
    server_answers_with(ERROR("1", "-32601"), 404, false);
    server_answers(with_id(capabilities, id_of(server_got())));
    (void)client_got();
}

static void setup(void)
{
    open_with(DISCOVERED("\"tools\":{}"));
}

START_TEST(an_initialize_that_a_modern_server_does_not_know_is_answered_from_its_discovery)
{
    static const char *const REFUSALS[] = {ERROR("1", "-32601"), ERROR("1", "-32020"), ERROR("1", "-32021"),
                                           ERROR("1", "-32602")};
    for (size_t i = 0; i < 4; i++) {
        world_close();
        world_fresh();
        client_says(INITIALIZE("1"));
        ck_assert_str_eq(server_got(), INITIALIZE("1"));
        server_answers_with(REFUSALS[i], 400, false);
        const char *discovery = server_got();
        assert_has(discovery, "\"method\":\"server/discover\"");
        assert_has(discovery, "\"" V "clientInfo\":{\"name\":\"c\"");
        assert_has(discovery, "\"elicitation\":{}");
        server_answers(with_id(DISCOVERED(ALL), id_of(discovery)));
        const char *answer = client_got();
        assert_has(answer, "\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"");
        assert_has(answer, "\"subscribe\":true");
        assert_lacks(answer, "extensions");
        assert_has(answer, "\"serverInfo\":{\"name\":\"s\",\"version\":\"2\"}");
        assert_has(answer, "\"instructions\":\"do\"");
        ck_assert_int_eq(world.memory.only, GH_MCP_ERA_MODERN);
        assert_quiet();
    }
}
END_TEST

START_TEST(without_a_discovery_the_first_error_is_the_answer)
{
    world_close();
    world_fresh();
    client_says(INITIALIZE("1"));
    (void)server_got();
    client_says(LEGACY("2", "tools/list", "{}"));
    server_answers_with(ERROR("1", "-32601"), 404, false);
    server_answers_with(with_id(ERROR("\"ID\"", "-31000"), id_of(server_got())), 404, true);
    assert_has(client_got(), "\"id\":2,\"error\":{\"code\":-32601");
    assert_has(client_got(), "\"id\":1,\"error\":{\"code\":-32601");
    ck_assert_uint_eq(world.memory.only, GH_MCP_ERA_UNKNOWN);
    assert_quiet();
}
END_TEST

START_TEST(what_is_remembered_saves_the_first_try)
{
    world_close();
    world_known(GH_MCP_ERA_MODERN, NULL);
    client_says(INITIALIZE("1"));
    const char *discovery = server_got();
    assert_has(discovery, "server/discover");
    server_answers(with_id(DISCOVERED(ALL), id_of(discovery)));
    assert_has(client_got(), "\"id\":1,\"result\"");
    ck_assert_uint_eq(world.server.count, 1);
}
END_TEST

START_TEST(a_wrong_memory_corrects_itself)
{
    world_close();
    world_known(GH_MCP_ERA_MODERN, NULL);
    client_says(INITIALIZE("1"));
    client_says(LEGACY("2", "ping", "{}"));
    server_answers_with(with_id(ERROR("\"ID\"", "-32601"), id_of(server_got())), 200, false);
    ck_assert_str_eq(server_got(), INITIALIZE("1"));
    ck_assert_int_eq(world.memory.only, GH_MCP_ERA_UNKNOWN);
    server_answers(RESULT("1", "\"protocolVersion\":\"2025-11-25\""));
    assert_has(client_got(), "\"id\":1,\"result\"");
    ck_assert_str_eq(server_got(), LEGACY("2", "ping", "{}"));
}
END_TEST

START_TEST(requests_get_the_modern_meta_and_results_lose_their_type)
{
    client_says(LEGACY("2", "prompts/get", "{\"name\":\"p\",\"_meta\":{\"progressToken\":7}}"));
    const char *sent = server_got();
    assert_has(sent, "\"progressToken\":7,\"" V "protocolVersion\":\"2026-07-28\"");
    assert_has(sent, "\"" V "clientCapabilities\":{\"elicitation\":{},\"roots\":{}}");
    assert_lacks(sent, "logLevel");
    server_says(NOTE("notifications/progress", "{\"progressToken\":7,\"progress\":1}"), id_of(sent));
    ck_assert_str_eq(client_got(), NOTE("notifications/progress", "{\"progressToken\":7,\"progress\":1}"));
    server_answers(
        with_id(RESULT("\"ID\"", "\"resultType\":\"complete\",\"n\":1.0,\"ttlMs\":5"), id_of(sent)));
    ck_assert_str_eq(client_got(), RESULT("2", "\"n\":1.0,\"ttlMs\":5"));
    assert_quiet();
}
END_TEST

START_TEST(errors_pass_with_the_clients_id)
{
    client_says(LEGACY("\"x\"", "prompts/get", "{\"name\":\"p\"}"));
    server_answers_with(with_id(ERROR("\"ID\"", "-32602"), id_of(server_got())), 400, false);
    ck_assert_str_eq(client_got(), ERROR("\"x\"", "-32602"));
    client_says(LEGACY("3", "prompts/get", "{}"));
    server_answers(with_id(RESULT("\"ID\"", "\"resultType\":\"task\""), id_of(server_got())));
    assert_has(client_got(), "\"id\":3,\"error\":{\"code\":-32603");
}
END_TEST

START_TEST(a_ping_asks_the_server)
{
    client_says("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}");
    const char *sent = server_got();
    assert_has(sent, "server/discover");
    ck_assert_str_eq(client_got(), "");
    server_answers(with_id(DISCOVERED(""), id_of(sent)));
    ck_assert_str_eq(client_got(), RESULT("2", ""));
}
END_TEST

START_TEST(the_log_level_goes_with_every_request)
{
    client_says(LEGACY("2", "logging/setLevel", "{\"level\":\"warning\"}"));
    ck_assert_str_eq(client_got(), RESULT("2", ""));
    client_says(LEGACY("3", "logging/setLevel", "{\"level\":\"loud\"}"));
    assert_has(client_got(), "\"id\":3,\"error\":{\"code\":-32602");
    client_says(LEGACY("4", "prompts/list", "{}"));
    assert_has(server_got(), "\"" V "logLevel\":\"warning\"");
}
END_TEST

START_TEST(a_cancelled_request_is_cancelled_there_and_never_answered)
{
    client_says(LEGACY("2", "prompts/get", "{}"));
    const char *id = id_of(server_got());
    client_says(CANCEL("2"));
    ck_assert_str_eq(server_got(), with_id(CANCEL("\"ID\""), id));
    assert_quiet();
    ck_assert(!gh_translator_has_open(world.translator, GH_VIEW_LIT("2")));
}
END_TEST

static const char *ask_for_input(const char *requests)
{
    char line[2048];
    client_says(LEGACY("2", "prompts/get", "{\"name\":\"p\"}"));
    const char *id = id_of(server_got());
    (void)snprintf(
        line, sizeof(line),
        RESULT("%s", "\"resultType\":\"input_required\",\"requestState\":\"s 1\",\"inputRequests\":{%s}"), id,
        requests);
    server_answers(line);
    return id;
}
#define ELICIT(key)                                                                                          \
    "\"" key "\":{\"method\":\"elicitation/create\",\"params\":{\"message\":\"m\",\"requestedSchema\":{}}}"
#define ROOTS(key) "\"" key "\":{\"method\":\"roots/list\"}"

START_TEST(input_requests_become_requests_to_the_client_and_the_call_is_said_again)
{
    const char *first = ask_for_input(ELICIT("a") "," ROOTS("b"));
    const char *elicitation = client_got();
    const char *roots = client_got();
    assert_has(elicitation, "\"method\":\"elicitation/create\",\"params\":{\"message\":\"m\"");
    assert_has(roots, "\"method\":\"roots/list\"");
    client_says(with_id(RESULT("\"ID\"", "\"roots\":[]"), id_of(roots)));
    assert_quiet();
    client_says(
        with_id(RESULT("\"ID\"", "\"action\":\"accept\",\"content\":{\"n\":1.0}"), id_of(elicitation)));
    const char *retry = server_got();
    assert_has(retry, "\"inputResponses\":{\"a\":{\"action\":\"accept\",\"content\":{\"n\":1.0}},\"b\":{"
                      "\"roots\":[]}},\"requestState\":\"s 1\"");
    assert_has(retry, "\"name\":\"p\"");
    ck_assert_str_ne(id_of(retry), first);
    server_answers(with_id(RESULT("\"ID\"", "\"resultType\":\"complete\""), id_of(retry)));
    ck_assert_str_eq(client_got(), RESULT("2", ""));
    assert_quiet();
}
END_TEST

START_TEST(an_error_instead_of_an_elicitation_counts_as_a_cancel)
{
    (void)ask_for_input(ELICIT("a"));
    client_says(with_id(ERROR("\"ID\"", "-1"), id_of(client_got())));
    assert_has(server_got(), "\"inputResponses\":{\"a\":{\"action\":\"cancel\"}}");
}
END_TEST

START_TEST(an_error_instead_of_other_input_is_the_answer)
{
    (void)ask_for_input(ROOTS("b") "," ELICIT("a"));
    const char *roots = client_got();
    const char *elicitation = client_got();
    client_says(with_id(ERROR("\"ID\"", "-1"), id_of(roots)));
    ck_assert_str_eq(client_got(), with_id(CANCEL("\"ID\""), id_of(elicitation)));
    ck_assert_str_eq(client_got(), ERROR("2", "-1"));
    assert_quiet();
}
END_TEST

START_TEST(what_the_client_cannot_give_ends_the_call)
{
    (void)ask_for_input("\"s\":{\"method\":\"sampling/createMessage\",\"params\":{}}");
    assert_has(client_got(), "\"id\":2,\"error\":{\"code\":-32603");
    assert_quiet();
}
END_TEST

START_TEST(a_url_to_open_has_an_id_for_the_legacy_client)
{
    world_close();
    world_fresh();
    client_says(LEGACY("1", "initialize",
                       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"elicitation\":{"
                       "\"url\":{}}}}"));
    (void)server_got();
    server_answers_with(ERROR("1", "-32601"), 404, false);
    server_answers(with_id(DISCOVERED(""), id_of(server_got())));
    (void)client_got();
    (void)ask_for_input(
        "\"u\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"url\":\"https://x/"
        "\",\"message\":\"m\"}}");
    assert_has(client_got(), "\"elicitationId\":\"");
    client_says(CANCEL("2"));
    assert_has(client_got(), "notifications/cancelled");
    assert_quiet();
}
END_TEST

START_TEST(a_server_that_asks_without_end_is_stopped)
{
    client_says(LEGACY("2", "prompts/get", "{\"name\":\"p\"}"));
    for (int i = 0; i < 16; i++) {
        server_answers(with_id(RESULT("\"ID\"", "\"resultType\":\"input_required\",\"requestState\":\"s\""),
                               id_of(server_got())));
        ck_assert_str_eq(client_got(), "");
    }
    server_answers(with_id(RESULT("\"ID\"", "\"resultType\":\"input_required\",\"requestState\":\"s\""),
                           id_of(server_got())));
    assert_has(client_got(), "\"id\":2,\"error\"");
    assert_quiet();
}
END_TEST

START_TEST(at_the_end_of_input_what_waits_for_the_client_is_answered)
{
    (void)ask_for_input(ELICIT("a"));
    (void)client_got();
    gh_translator_input_ended(world.translator);
    assert_has(client_got(), "\"id\":2,\"error\":{\"code\":-31002");
    assert_quiet();
}
END_TEST

static void setup_changes(void)
{
    open_with(DISCOVERED(ALL));
}

static const char *listen_first(void)
{
    client_says("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    const char *listen = server_got();
    assert_has(listen, "subscriptions/listen");
    assert_has(listen, "\"notifications\":{\"toolsListChanged\":true,\"resourcesListChanged\":true}");
    const char *id = id_of(listen);
    server_says(
        with_id(TAGGED("notifications/subscriptions/acknowledged", "\"ID\"", ",\"notifications\":{}"), id),
        id);
    assert_quiet();
    return id;
}

START_TEST(changes_are_listened_to_after_initialized_and_reach_the_client_untagged)
{
    const char *id = listen_first();
    server_says(with_id(TAGGED("notifications/tools/list_changed", "\"ID\"", ""), id), id);
    ck_assert_str_eq(client_got(), NOTE("notifications/tools/list_changed", "{}"));
}
END_TEST

START_TEST(subscribing_opens_another_stream_before_the_old_one_is_closed)
{
    const char *old = listen_first();
    client_says(LEGACY("5", "resources/subscribe", "{\"uri\":\"file:///a\"}"));
    const char *listen = server_got();
    assert_has(listen, "\"resourceSubscriptions\":[\"file:///a\"]");
    client_says(LEGACY("6", "resources/subscribe", "{\"uri\":\"file:///b\"}"));
    assert_quiet(); /* until the first is acknowledged */
    const char *id = id_of(listen);
    server_says(with_id(TAGGED("notifications/subscriptions/acknowledged", "\"ID\"",
                               ",\"notifications\":{\"resourceSubscriptions\":[\"file:///a\"]}"),
                        id),
                id);
    ck_assert_str_eq(server_got(), with_id(CANCEL("\"ID\""), old));
    ck_assert_str_eq(client_got(), RESULT("5", ""));
    assert_has(server_got(), "\"resourceSubscriptions\":[\"file:///a\",\"file:///b\"]");
    server_says(with_id(TAGGED("notifications/resources/updated", "\"ID\"", ",\"uri\":\"file:///a\""), id),
                id);
    ck_assert_str_eq(client_got(), NOTE("notifications/resources/updated", "{\"uri\":\"file:///a\"}"));
    assert_quiet();
}
END_TEST

START_TEST(a_resource_that_is_not_acknowledged_is_an_error)
{
    (void)listen_first();
    client_says(LEGACY("5", "resources/subscribe", "{\"uri\":\"file:///a\"}"));
    const char *id = id_of(server_got());
    server_says(
        with_id(TAGGED("notifications/subscriptions/acknowledged", "\"ID\"", ",\"notifications\":{}"), id),
        id);
    assert_has(client_got(), "\"id\":5,\"error\":{\"code\":-32602");
}
END_TEST

START_TEST(a_subscription_that_is_never_acknowledged_is_answered_after_a_minute)
{
    (void)listen_first();
    client_says(LEGACY("5", "resources/subscribe", "{\"uri\":\"file:///a\"}"));
    const char *listen = id_of(server_got());
    client_says(LEGACY("5", "tools/list", "{}")); /* its id is taken until then */
    assert_has(client_got(), "\"id\":null,\"error\":{\"code\":-32600");
    ck_assert(gh_translator_needs_tick(world.translator));
    world.now_ms += 59 * 1000;
    gh_translator_tick(world.translator);
    assert_quiet();
    world.now_ms += 1000;
    gh_translator_tick(world.translator);
    assert_has(client_got(), "\"id\":5,\"error\":{\"code\":-31000");
    server_says(with_id(TAGGED("notifications/subscriptions/acknowledged", "\"ID\"",
                               ",\"notifications\":{\"resourceSubscriptions\":[\"file:///a\"]}"),
                        listen),
                listen);
    ck_assert_str_eq(client_got(), "");
}
END_TEST

START_TEST(a_stream_that_broke_off_is_opened_again_after_a_while)
{
    const char *id = listen_first();
    server_answers_with(with_id(ERROR("\"ID\"", "-31000"), id), 0, true);
    assert_quiet();
    ck_assert(gh_translator_needs_tick(world.translator));
    gh_translator_tick(world.translator);
    assert_quiet();
    world.now_ms += 1500;
    gh_translator_tick(world.translator);
    assert_has(server_got(), "subscriptions/listen");
}
END_TEST

START_TEST(answered_ahead_the_client_hears_that_lists_changed_and_no_second_answer)
{
    world_close();
    world_known(GH_MCP_ERA_MODERN, "{\"prompts\":{}}");
    client_says(INITIALIZE("1"));
    ck_assert(gh_translator_answer_ahead(world.translator));
    assert_has(client_got(),
               "\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"prompts\":{}}");
    ck_assert(!gh_translator_answer_ahead(world.translator));
    client_says(LEGACY("2", "prompts/list", "{}"));
    server_answers(with_id(DISCOVERED(ALL), id_of(server_got())));
    assert_has(client_got(), "notifications/tools/list_changed");
    assert_has(client_got(), "notifications/resources/list_changed");
    assert_has(client_got(), "notifications/prompts/list_changed");
    assert_has(server_got(), "prompts/list");
    assert_quiet();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator_up");
    TCase *tcase = tcase_create("up");
    TCase *changes = tcase_create("changes");
    tcase_add_checked_fixture(tcase, setup, world_close);
    tcase_add_test(tcase, an_initialize_that_a_modern_server_does_not_know_is_answered_from_its_discovery);
    tcase_add_test(tcase, without_a_discovery_the_first_error_is_the_answer);
    tcase_add_test(tcase, what_is_remembered_saves_the_first_try);
    tcase_add_test(tcase, a_wrong_memory_corrects_itself);
    tcase_add_test(tcase, requests_get_the_modern_meta_and_results_lose_their_type);
    tcase_add_test(tcase, errors_pass_with_the_clients_id);
    tcase_add_test(tcase, a_ping_asks_the_server);
    tcase_add_test(tcase, the_log_level_goes_with_every_request);
    tcase_add_test(tcase, a_cancelled_request_is_cancelled_there_and_never_answered);
    tcase_add_test(tcase, input_requests_become_requests_to_the_client_and_the_call_is_said_again);
    tcase_add_test(tcase, an_error_instead_of_an_elicitation_counts_as_a_cancel);
    tcase_add_test(tcase, an_error_instead_of_other_input_is_the_answer);
    tcase_add_test(tcase, what_the_client_cannot_give_ends_the_call);
    tcase_add_test(tcase, a_url_to_open_has_an_id_for_the_legacy_client);
    tcase_add_test(tcase, a_server_that_asks_without_end_is_stopped);
    tcase_add_test(tcase, at_the_end_of_input_what_waits_for_the_client_is_answered);
    tcase_add_test(tcase, answered_ahead_the_client_hears_that_lists_changed_and_no_second_answer);
    tcase_add_checked_fixture(changes, setup_changes, world_close);
    tcase_add_test(changes, changes_are_listened_to_after_initialized_and_reach_the_client_untagged);
    tcase_add_test(changes, subscribing_opens_another_stream_before_the_old_one_is_closed);
    tcase_add_test(changes, a_resource_that_is_not_acknowledged_is_an_error);
    tcase_add_test(changes, a_subscription_that_is_never_acknowledged_is_answered_after_a_minute);
    tcase_add_test(changes, a_stream_that_broke_off_is_opened_again_after_a_while);
    suite_add_tcase(suite, changes);
    return world_run(suite, tcase);
}
