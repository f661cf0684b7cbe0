/* The legacy era: messages good and bad, the log, batches, threads. */
#include "tests/unit/server/legacy_harness.h"

/* --- messages --- */

static const char *const IDS[] = {
    "9007199254740993",    "-9007199254740993",  "0",     "\"\"",
    "\"a\\u0062\\n\\\"\"", "\"\\ud83d\\ude00\"", "\"7\"", "123456789012345678901234567890"};

START_TEST(ids_come_back_exactly_as_they_were_sent)
{
    char body[200];
    char expected[200];
    (void)snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\": %s ,\"method\":\"ping\"}", IDS[_i]);
    (void)snprintf(expected, sizeof expected, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", IDS[_i]);
    ck_assert_int_eq(post(&h, in_session, body), 200);
    ck_assert_str_eq(h.reply.body, expected);
}
END_TEST

static const char *const INVALID[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}",
    "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
    "{\"id\":1,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
    "{\"jsonrpc\":\"2.0\",\"id\":1}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[1]}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":\"x\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
    "7",
    "\"ping\"",
    "null",
    "{}",
};

START_TEST(what_is_json_but_no_message_is_400_with_minus_32600)
{
    ck_assert_int_eq(post(&h, in_session, INVALID[_i]), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

START_TEST(an_invalid_message_gets_its_id_back_when_that_could_be_read)
{
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":\"abc\",\"method\":7}"), 400);
    ck_assert(body_has(&h, "\"id\":\"abc\""));
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}"), 400);
    ck_assert(body_has(&h, "\"id\":null"));
}
END_TEST

START_TEST(what_is_not_json_is_400_with_minus_32700)
{
    static const char *const GARBAGE[] = {"",
                                          "   ",
                                          "{",
                                          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x",
                                          "GET / HTTP/1.1",
                                          "{'a':1}",
                                          "\xff\xfe",
                                          "{\"a\":\"\\u0000\"}",
                                          "{\"a\":01}",
                                          "[[[["};
    for (size_t i = 0; i < sizeof GARBAGE / sizeof GARBAGE[0]; i++) {
        ck_assert_int_eq(post(&h, in_session, GARBAGE[i]), 400);
        ck_assert_int_eq(error_code(&h), GH_RPC_PARSE_ERROR);
        ck_assert(body_has(&h, "\"id\":null"));
    }
    ck_assert_int_eq(post_as(&h, &ADA, in_session, (gh_view){NULL, 0}), 400);
    ck_assert_int_eq(post_as(&h, &ADA, in_session, GH_VIEW_LIT("\0\0")), 400);
}
END_TEST

START_TEST(deep_and_large_bodies_are_refused_and_the_next_request_works)
{
    size_t size = 5 * 1024 * 1024;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    memset(body, '[', size);
    ck_assert_int_eq(post_as(&h, &ADA, in_session, gh_view_make(body, 100000)), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_PARSE_ERROR);
    memset(body, ' ', size);
    ck_assert_int_eq(post_as(&h, &ADA, in_session, gh_view_make(body, size)), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_PARSE_ERROR);
    free(body);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

START_TEST(a_client_that_cannot_read_json_gets_406)
{
    in_session.accept = GH_VIEW_LIT("text/event-stream");
    ck_assert_int_eq(post(&h, in_session, PING), 406);
    static const char *const FINE[] = {"application/json", "*/*", "Application/JSON;q=0.9, text/event-stream",
                                       "application/*"};
    for (size_t i = 0; i < 4; i++) {
        in_session.accept = gh_view_of(FINE[i]);
        ck_assert_int_eq(post(&h, in_session, PING), 200);
    }
    in_session.accept = (gh_view){NULL, 0};
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

/* --- the log --- */

START_TEST(each_request_is_logged_with_its_outcome_and_the_session_id_is_cut)
{
    FILE *file = tmpfile();
    char text[4000] = "";
    char cut[16];
    ck_assert_ptr_nonnull(file);
    const gh_log_options options = {.fd = fileno(file), .format = GH_LOG_TEXT, .level = GH_LOG_INFO};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    ck_assert_int_eq(post(&h, NO_HEADERS, INITIALIZE("1", "2025-11-25")), 200);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\nb\"}"), 200);
    gh_log_stop();
    rewind(file);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
    (void)fclose(file);
    (void)snprintf(cut, sizeof cut, "%.8s", session);
    char expected[100];
    ck_assert_ptr_nonnull(strstr(text, "[REQUEST] Session: - | Method: initialize\n"));
    (void)snprintf(expected, sizeof expected, "[REQUEST] Session: %s\xe2\x80\xa6 | Method: ping\n", cut);
    ck_assert_ptr_nonnull(strstr(text, expected));
    (void)snprintf(expected, sizeof expected,
                   "[RESPONSE] Session: %s\xe2\x80\xa6 | Method: ping | Status: OK | Duration: ", cut);
    ck_assert_ptr_nonnull(strstr(text, expected));
    ck_assert_ptr_nonnull(strstr(text, "Status: ERROR | Duration: "));
    ck_assert_ptr_nonnull(strstr(text, "Error: -32601 Method not found"));
    ck_assert_ptr_null(strstr(text, session));
    ck_assert_ptr_null(strstr(text, "a\nb"));
}
END_TEST

/* --- batches --- */

START_TEST(a_batch_is_refused_since_2025_06_18)
{
    ck_assert_int_eq(post(&h, in_session, "[" PING "]"), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    ck_assert_int_eq(post(&h, NO_HEADERS, "[" PING "]"), 400);
    gh_mcp_headers modern = NO_HEADERS;
    modern.version = GH_VIEW_LIT(GH_MCP_VERSION_MODERN);
    ck_assert_int_eq(post(&h, modern, "[" PING "]"), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
}
END_TEST

START_TEST(a_batch_of_2025_03_26_is_answered_as_one_array)
{
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_03));
    ck_assert_int_eq(post(&h, in_session,
                          "[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"},"
                          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"},"
                          "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"nope\"},"
                          "7,[],{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}]"),
                     200);
    ck_assert_int_eq(cJSON_GetArraySize(h.reply.json), 4);
    ck_assert(body_has(&h, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}"));
    ck_assert(body_has(&h, "\"id\":9007199254740993,\"error\":{\"code\":-32601"));
    const cJSON *number = gh_json_get(cJSON_GetArrayItem(h.reply.json, 2), "error");
    int64_t code = 0;
    ck_assert(gh_json_get_int64(number, "code", &code));
    ck_assert_int_eq(code, GH_RPC_INVALID_REQUEST);
}
END_TEST

START_TEST(a_batch_without_requests_is_202_and_an_empty_or_huge_one_400)
{
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_03));
    ck_assert_int_eq(post(&h, in_session, "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}]"),
                     202);
    ck_assert_int_eq(post(&h, in_session, "[]"), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    char body[8000] = "[";
    for (int i = 0; i < 65; i++) {
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), "%s" PING, i == 0 ? "" : ",");
    }
    (void)snprintf(body + strlen(body), sizeof body - strlen(body), "]");
    ck_assert_int_eq(post(&h, in_session, body), 400);
}
END_TEST

START_TEST(initialize_and_modern_requests_have_no_place_in_a_batch)
{
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_03));
    ck_assert_int_eq(post(&h, in_session, "[" INITIALIZE("1", "2025-03-26") "]"), 200);
    ck_assert(body_has(&h, "-32600"));
    ck_assert_str_eq(h.reply.session, "");
    ck_assert_int_eq(post(&h, in_session,
                          "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
                          "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}]"),
                     200);
    ck_assert(body_has(&h, "-32600"));
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 2);
}
END_TEST

/* --- threads --- */

typedef struct worker {
    pthread_t thread;
    const gh_principal *principal;
    int failures;
} worker;

/* Check's assertions are for the main thread; a worker counts. */
static int send_one(const gh_principal *principal, const gh_mcp_headers *headers, const char *body,
                    char *opened)
{
    captured reply = {0};
    const gh_mcp_reply to = capture_into(&reply);
    gh_mcp_engine_post(h.engine, principal, headers, gh_view_of(body), &to);
    int status = reply.calls == 1 ? reply.status : -1;
    if (opened != NULL) {
        memcpy(opened, reply.session, sizeof reply.session);
    }
    forget(&reply);
    return status;
}

static void *work(void *argument)
{
    worker *self = argument;
    const gh_principal *other = self->principal == &ADA ? &GRACE : &ADA;
    for (int i = 0; i < 60; i++) {
        char id[80] = "";
        gh_mcp_headers headers = NO_HEADERS;
        self->failures += send_one(self->principal, &headers, INITIALIZE("1", "2025-06-18"), id) != 200;
        headers.session = gh_view_of(id);
        self->failures += send_one(self->principal, &headers, LIST, NULL) != 200;
        self->failures +=
            send_one(self->principal, &headers, CALL("2", "{\"name\":\"whoami\"}"), NULL) != 200;
        self->failures += send_one(other, &headers, PING, NULL) != 404;
        if (i % 2 == 0) {
            captured reply = {0};
            const gh_mcp_reply to = capture_into(&reply);
            gh_mcp_engine_delete(h.engine, self->principal, &headers, &to);
            self->failures += reply.status != 204;
            forget(&reply);
            self->failures += send_one(self->principal, &headers, PING, NULL) != 404;
        }
    }
    return NULL;
}

START_TEST(eight_threads_use_sessions_of_their_own_at_once)
{
    worker workers[8];
    gh_mcp_options options = usual_options();
    options.max_sessions = 1000;
    options.max_sessions_per_principal = 500;
    stop(&h);
    start_sessions(&options);
    for (size_t i = 0; i < 8; i++) {
        workers[i].principal = i % 2 == 0 ? &ADA : &GRACE;
        workers[i].failures = 0;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_int_eq(workers[i].failures, 0);
    }
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 8 * 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_legacy_messages");
    TCase *tc = tcase_create("engine_legacy_messages");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    LOOP(tc, ids_come_back_exactly_as_they_were_sent, IDS);
    LOOP(tc, what_is_json_but_no_message_is_400_with_minus_32600, INVALID);
    tcase_add_test(tc, an_invalid_message_gets_its_id_back_when_that_could_be_read);
    tcase_add_test(tc, what_is_not_json_is_400_with_minus_32700);
    tcase_add_test(tc, deep_and_large_bodies_are_refused_and_the_next_request_works);
    tcase_add_test(tc, a_client_that_cannot_read_json_gets_406);
    tcase_add_test(tc, each_request_is_logged_with_its_outcome_and_the_session_id_is_cut);
    tcase_add_test(tc, a_batch_is_refused_since_2025_06_18);
    tcase_add_test(tc, a_batch_of_2025_03_26_is_answered_as_one_array);
    tcase_add_test(tc, a_batch_without_requests_is_202_and_an_empty_or_huge_one_400);
    tcase_add_test(tc, initialize_and_modern_requests_have_no_place_in_a_batch);
    tcase_add_test(tc, eight_threads_use_sessions_of_their_own_at_once);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
