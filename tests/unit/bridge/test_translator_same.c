/* Both sides of the same era: what passes, what is watched, and how the era is found out. */
#include "translator_world.h"

static void setup(void)
{
    world_fresh();
}

static void passes_up(const char *line)
{
    client_says(line);
    ck_assert_str_eq(server_got(), line);
}

static void passes_down(const char *line)
{
    server_answers(line);
    ck_assert_str_eq(client_got(), line);
}

START_TEST(a_legacy_conversation_passes_byte_for_byte)
{
    passes_up(INITIALIZE("1"));
    passes_down(RESULT("1", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"x\":1.0}"));
    passes_up("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    passes_up(LEGACY("2", "tools/call", "{\"name\":\"t\",\"arguments\":{\"n\":1.50}}"));
    passes_down(RESULT("2", "\"a\":1E2,\"b\":\"\\u00e9\""));
    server_says(LEGACY("7", "elicitation/create", "{\"message\":\"m\"}"), "2");
    ck_assert_str_eq(client_got(), LEGACY("7", "elicitation/create", "{\"message\":\"m\"}"));
    passes_up(RESULT("7", "\"action\":\"accept\""));
    assert_quiet();
    ck_assert(gh_translator_is_idle(world.translator));
}
END_TEST

START_TEST(what_comes_before_initialize_is_answered_waits_and_goes_in_order)
{
    client_says(INITIALIZE("1"));
    client_says("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    client_says(LEGACY("2", "ping", "{}"));
    ck_assert_uint_eq(world.server.count, 1);
    ck_assert_uint_eq(gh_translator_held_count(world.translator), 2);
    server_answers(RESULT("1", "\"protocolVersion\":\"2025-11-25\""));
    (void)server_got();
    assert_has(server_got(), "notifications/initialized");
    assert_has(server_got(), "\"ping\"");
    ck_assert_uint_eq(gh_translator_held_count(world.translator), 0);
}
END_TEST

START_TEST(a_modern_conversation_passes_byte_for_byte)
{
    passes_up(MODERN("1", "server/discover", ""));
    passes_down(RESULT("1", "\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"
                            "\"capabilities\":{\"tools\":{}}"));
    passes_up(MODERN("\"a\"", "prompts/get", ",\"name\":\"p\""));
    passes_down(RESULT("\"a\"", "\"resultType\":\"input_required\",\"requestState\":\"s\""));
    passes_up(MODERN("3", "subscriptions/listen", ",\"notifications\":{}"));
    server_says(NOTE("notifications/subscriptions/acknowledged", "{\"_meta\":{\"" V "subscriptionId\":3}}"),
                "3");
    assert_has(client_got(), "acknowledged");
    passes_up(CANCEL("3"));
    assert_quiet();
    ck_assert(gh_translator_is_idle(world.translator));
}
END_TEST

START_TEST(the_capabilities_of_the_server_are_remembered_and_only_news_is_told)
{
    passes_up(INITIALIZE("1"));
    passes_down(RESULT("1", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{ \"tools\":{}},"
                            "\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"do\""));
    ck_assert_uint_eq(world.learned, 1);
    ck_assert_str_eq(world.memory.capabilities, "{\"tools\":{}}");
    ck_assert_str_eq(world.memory.instructions, "\"do\"");
    ck_assert_int_eq(world.memory.only, GH_MCP_ERA_UNKNOWN);
    passes_up(INITIALIZE("2"));
    passes_down(RESULT("2", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
                            "\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"do\""));
    ck_assert_uint_eq(world.learned, 1);
}
END_TEST

/* What `initialize` gets of a server that does not want it for another reason is passed on. */
START_TEST(an_initialize_that_fails_for_the_moment_does_not_change_the_era)
{
    static const int STATUSES[] = {0, 401, 403, 429, 500, 503};
    for (size_t i = 0; i < 6; i++) {
        client_says(INITIALIZE("1"));
        server_answers_with(ERROR("1", "-31000"), STATUSES[i], true);
        assert_has(client_got(), "-31000");
    }
    ck_assert_uint_eq(world.server.count, 6);
}
END_TEST

START_TEST(a_refusal_of_server_discover_by_a_modern_server_stays)
{
    client_says(MODERN("1", "server/discover", ""));
    server_answers_with(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{"
        "\"supported\":[\"2027-01-01\"]}}}",
        400, false);
    assert_has(client_got(), "-32022");
    (void)server_got();
    assert_quiet();
}
END_TEST

/* Both eras may answer so: who knows is asked. */
START_TEST(a_doubtful_refusal_is_settled_by_asking_server_discover)
{
    client_says(MODERN("1", "prompts/list", ""));
    (void)server_got();
    server_answers_with(ERROR("1", "-32601"), 404, false);
    const char *probe = server_got();
    assert_has(probe, "server/discover");
    assert_has(probe, "clientCapabilities");
    client_says(MODERN("2", "prompts/list", ""));
    ck_assert_str_eq(server_got(), ""); /* held */
    server_answers(with_id(RESULT("\"ID\"", "\"supportedVersions\":[\"2026-07-28\"]"), id_of(probe)));
    assert_has(client_got(), "-32601");
    assert_has(server_got(), "\"id\":2");
    server_answers_with(ERROR("2", "-32601"), 404, false);
    assert_has(client_got(), "-32601");
    assert_quiet();
}
END_TEST

START_TEST(a_failed_probe_gives_the_first_error_back)
{
    client_says(MODERN("1", "prompts/list", ""));
    (void)server_got();
    server_answers_with(ERROR("1", "-32600"), 400, false);
    server_answers_with(with_id(ERROR("\"ID\"", "-31000"), id_of(server_got())), 502, true);
    assert_has(client_got(), "-32600");
    assert_quiet();
}
END_TEST

START_TEST(an_id_in_use_is_refused_without_its_name)
{
    client_says(MODERN("1", "tools/list", ""));
    client_says(MODERN("1", "tools/list", ""));
    assert_has(client_got(), "\"id\":null,\"error\":{\"code\":-32600");
    passes_down(RESULT("1", "\"resultType\":\"complete\",\"tools\":[]"));
    ck_assert_uint_eq(world.server.count, 1);
}
END_TEST

static gh_text_list list_of(char **items, size_t count)
{
    return (gh_text_list){.items = items, .count = count};
}

START_TEST(hidden_tools_are_neither_listed_nor_called)
{
    char *ignored[] = {(char *)(uintptr_t) "del*", (char *)(uintptr_t) "*_all"};
    gh_text_list ignore = list_of(ignored, 2);
    world_close();
    world_open((gh_translator_options){.ignore = &ignore});
    passes_up(LEGACY("1", "tools/list", "{}"));
    server_answers(RESULT("1", "\"x\":1.0,\"tools\":[{\"name\":\"delete\"},{\"name\":\"get\",\"n\":1e1},{"
                               "\"name\":\"drop_all\"}],\"nextCursor\":\"c\""));
    ck_assert_str_eq(client_got(),
                     RESULT("1", "\"x\":1.0,\"tools\":[{\"name\":\"get\",\"n\":1e1}],\"nextCursor\":\"c\""));
    client_says(LEGACY("2", "tools/call", "{\"name\":\"delete\"}"));
    assert_has(client_got(), "\"id\":2,\"error\":{\"code\":-32602");
    passes_up(LEGACY("3", "tools/call", "{\"name\":\"get\"}"));
    passes_down(RESULT("3", ""));
}
END_TEST

START_TEST(only_allowed_tools_are_shown)
{
    char *allowed[] = {(char *)(uintptr_t) "get*"};
    char *ignored[] = {(char *)(uintptr_t) "getAway"};
    gh_text_list allow = list_of(allowed, 1);
    gh_text_list ignore = list_of(ignored, 1);
    world_close();
    world_open((gh_translator_options){.allow = &allow, .ignore = &ignore});
    passes_up(MODERN("1", "tools/list", ""));
    server_answers(RESULT("1", "\"resultType\":\"complete\",\"tools\":[{\"name\":\"getIt\"},{\"name\":"
                               "\"getAway\"},{\"name\":\"set\"}]"));
    ck_assert_str_eq(client_got(),
                     RESULT("1", "\"resultType\":\"complete\",\"tools\":[{\"name\":\"getIt\"}]"));
    client_says(MODERN("2", "tools/call", ",\"name\":\"set\""));
    assert_has(client_got(), "-32602");
    ck_assert_uint_eq(world.server.count, 1);
}
END_TEST

/* The client asks, and the server answers so. */
static void exchange(const char *line, const char *answer)
{
    passes_up(line);
    passes_down(answer);
}

START_TEST(a_new_session_is_told_what_the_client_told_the_lost_one)
{
    exchange(INITIALIZE("1"), RESULT("1", "\"protocolVersion\":\"2025-11-25\""));
    exchange(LEGACY("2", "resources/subscribe", "{\"uri\":\"a:kept\"}"), RESULT("2", ""));
    exchange(LEGACY("3", "resources/subscribe", "{\"uri\":\"a:given-up\"}"), RESULT("3", ""));
    exchange(LEGACY("4", "resources/subscribe", "{\"uri\":\"a:refused\"}"), ERROR("4", "-32602"));
    exchange(LEGACY("5", "resources/unsubscribe", "{\"uri\":\"a:given-up\"}"), RESULT("5", ""));
    exchange(LEGACY("6", "logging/setLevel", "{\"level\":\"debug\"}"), RESULT("6", ""));
    exchange(LEGACY("7", "logging/setLevel", "{\"level\":\"error\"}"), ERROR("7", "-32602"));
    for (int round = 0; round < 2; round++) {
        gh_translator_session_renewed(world.translator);
        const char *level = server_got();
        assert_has(level, "\"method\":\"logging/setLevel\",\"params\":{\"level\":\"debug\"}");
        const char *kept = server_got();
        assert_has(kept, "\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"a:kept\"}");
        server_answers(with_id(ERROR("\"ID\"", "-32602"), id_of(level)));
        server_answers(with_id(RESULT("\"ID\"", ""), id_of(kept)));
        assert_quiet();
    }
    /* What it opens itself begins with nothing. */
    exchange(INITIALIZE("8"), RESULT("8", "\"protocolVersion\":\"2025-11-25\""));
    gh_translator_session_renewed(world.translator);
    assert_quiet();
}
END_TEST

/* Subscribes to "a:0", "a:1" and so on. */
static void subscribe_to(int count)
{
    for (int i = 0; i < count; i++) {
        char line[128], reply[64];
        (void)snprintf(line, sizeof(line), LEGACY("%d", "resources/subscribe", "{\"uri\":\"a:%d\"}"), i + 10,
                       i);
        (void)snprintf(reply, sizeof(reply), RESULT("%d", ""), i + 10);
        exchange(line, reply);
    }
}

START_TEST(subscriptions_come_back_few_at_a_time_and_not_to_a_server_that_is_away)
{
    const char *open[8];
    subscribe_to(12);
    gh_translator_session_renewed(world.translator);
    for (int i = 0; i < 8; i++) {
        open[i] = id_of(server_got());
        ck_assert(gh_translator_is_repeat(world.translator, gh_view_of(open[i])));
    }
    assert_quiet();
    /* One that is refused makes room for the next like any other. */
    server_answers(with_id(ERROR("\"ID\"", "-32602"), open[0]));
    assert_has(server_got(), "resources/subscribe");
    server_answers_with(with_id(ERROR("\"ID\"", "-31000"), open[1]), 400, true);
    assert_has(server_got(), "resources/subscribe");
    /* The client gives one up whose turn is still to come. */
    exchange(LEGACY("3", "resources/unsubscribe", "{\"uri\":\"a:10\"}"), RESULT("3", ""));
    server_answers(with_id(RESULT("\"ID\"", ""), open[2]));
    assert_has(server_got(), "a:11");
    /* Away: the others would only fail alike. */
    server_answers_with(with_id(ERROR("\"ID\"", "-31000"), open[3]), 0, true);
    server_answers(with_id(RESULT("\"ID\"", ""), open[4]));
    assert_quiet();
    ck_assert(!gh_translator_is_repeat(world.translator, gh_view_of(open[4])));
}
END_TEST

START_TEST(a_subscription_of_any_length_passes_but_an_endless_one_is_not_remembered)
{
    static char line[16 * 1024];
    static char uri[12 * 1024];
    memset(uri, 'u', sizeof(uri) - 1);
    (void)snprintf(line, sizeof(line), LEGACY("2", "resources/subscribe", "{\"uri\":\"%s\"}"), uri);
    exchange(line, RESULT("2", ""));
    gh_translator_session_renewed(world.translator);
    assert_quiet();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator_same");
    TCase *tcase = tcase_create("same");
    tcase_add_checked_fixture(tcase, setup, world_close);
    tcase_add_test(tcase, a_legacy_conversation_passes_byte_for_byte);
    tcase_add_test(tcase, what_comes_before_initialize_is_answered_waits_and_goes_in_order);
    tcase_add_test(tcase, a_modern_conversation_passes_byte_for_byte);
    tcase_add_test(tcase, the_capabilities_of_the_server_are_remembered_and_only_news_is_told);
    tcase_add_test(tcase, an_initialize_that_fails_for_the_moment_does_not_change_the_era);
    tcase_add_test(tcase, a_refusal_of_server_discover_by_a_modern_server_stays);
    tcase_add_test(tcase, a_doubtful_refusal_is_settled_by_asking_server_discover);
    tcase_add_test(tcase, a_failed_probe_gives_the_first_error_back);
    tcase_add_test(tcase, an_id_in_use_is_refused_without_its_name);
    tcase_add_test(tcase, hidden_tools_are_neither_listed_nor_called);
    tcase_add_test(tcase, only_allowed_tools_are_shown);
    tcase_add_test(tcase, a_new_session_is_told_what_the_client_told_the_lost_one);
    tcase_add_test(tcase, subscriptions_come_back_few_at_a_time_and_not_to_a_server_that_is_away);
    tcase_add_test(tcase, a_subscription_of_any_length_passes_but_an_endless_one_is_not_remembered);
    return world_run(suite, tcase);
}
