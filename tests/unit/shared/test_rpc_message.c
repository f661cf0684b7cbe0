#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/rpc/message.h"

#define LIT(s) GH_VIEW_LIT(s)

static gh_rpc_message message;
static gh_error error;

static gh_status parse(const char *text)
{
    gh_rpc_message_clear(&message);
    memset(&error, 0, sizeof(error));
    return gh_rpc_parse(gh_view_of(text), &GH_JSON_LIMITS_MESSAGE, &message, &error);
}

static void clear(void)
{
    gh_rpc_message_clear(&message);
}

static void nothing(void)
{
    memset(&message, 0, sizeof(message));
}

static void expect_view(gh_view view, const char *text)
{
    ck_assert_msg(gh_view_eq_cstr(view, text), "'%.*s' is not '%s'", (int)view.len, view.ptr ? view.ptr : "",
                  text);
}

START_TEST(request_is_taken_apart)
{
    ck_assert_int_eq(parse(" {\"jsonrpc\":\"2.0\", \"id\" : 12345678901234567890 , \"method\":\"tools/call\","
                           "\"params\": {\"name\": \"x\"} }\n"),
                     GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_REQUEST);
    ck_assert_str_eq(message.method, "tools/call");
    expect_view(message.id, "12345678901234567890");
    expect_view(message.params, "{\"name\": \"x\"}");
    ck_assert_int_eq(message.raw.ptr[0], '{');
    ck_assert_int_eq(message.raw.ptr[message.raw.len - 1], '}');
    ck_assert_uint_eq(message.result.len + message.error.len, 0);
}
END_TEST

START_TEST(notification_has_no_id)
{
    ck_assert_int_eq(parse("{\"method\":\"notifications\\/initialized\",\"jsonrpc\":\"2.0\"}"), GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_NOTIFICATION);
    ck_assert_str_eq(message.method, "notifications/initialized");
    ck_assert_uint_eq(message.id.len, 0);
    ck_assert_uint_eq(message.params.len, 0);
}
END_TEST

START_TEST(responses_are_told_apart)
{
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0062\",\"result\":{\"x\":1.0}}"), GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_RESULT);
    expect_view(message.id, "\"a\\u0062\"");
    expect_view(message.result, "{\"x\":1.0}");
    ck_assert_ptr_null(message.method);
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":-7,\"error\":{\"code\":-1,\"message\":\"m\"}}"),
                     GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_ERROR);
    expect_view(message.error, "{\"code\":-1,\"message\":\"m\"}");
    expect_view(message.id, "-7");
}
END_TEST

START_TEST(error_may_lack_an_id)
{
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"m\"}}"),
                     GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_ERROR);
    ck_assert_uint_eq(message.id.len, 0);
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"m\"}}"), GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_ERROR);
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":true,\"error\":{}}"), GH_ERR_INVALID);
}
END_TEST

START_TEST(batch_is_only_recognised)
{
    ck_assert_int_eq(parse(" [{\"jsonrpc\":\"2.0\"}] "), GH_OK);
    ck_assert_int_eq(message.kind, GH_RPC_BATCH);
    expect_view(message.raw, "[{\"jsonrpc\":\"2.0\"}]");
    ck_assert_ptr_null(message.method);
}
END_TEST

START_TEST(illegal_messages_are_invalid)
{
    static const char *const bad[] = {
        "null",
        "7",
        "\"text\"",
        "{}",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"id\":1,\"method\":\"m\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}",
        "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":\"p\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"e\"}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(parse(bad[i]) == GH_ERR_INVALID, "%s", bad[i]);
        ck_assert_uint_gt(strlen(error.message), 0);
    }
}
END_TEST

START_TEST(invalid_message_still_gives_a_legal_id)
{
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":\"x1\",\"method\":7}"), GH_ERR_INVALID);
    expect_view(message.id, "\"x1\"");
    ck_assert_int_eq(parse("{\"id\":9,\"method\":\"m\"}"), GH_ERR_INVALID);
    expect_view(message.id, "9");
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":false,\"method\":\"m\"}"), GH_ERR_INVALID);
    ck_assert_uint_eq(message.id.len, 0);
    ck_assert_ptr_null(message.method);
}
END_TEST

START_TEST(any_number_is_an_id_and_keeps_its_form)
{
    static const char *const ids[] = {"1.5", "1.0", "1e3", "-0", "12345678901234567890123", "-0.5E-7"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"m\"}", ids[i]);
        ck_assert_int_eq(parse(text), GH_OK);
        expect_view(message.id, ids[i]);
    }
    ck_assert(!gh_rpc_id_equals(LIT("1.0"), LIT("1")));
}
END_TEST

START_TEST(text_that_is_not_json_is_a_parse_error)
{
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\""), GH_ERR_PARSE);
    ck_assert_uint_eq(message.id.len, 0);
    ck_assert_int_eq(parse(""), GH_ERR_PARSE);
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"m\"}"), GH_ERR_PARSE);
    ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"meth\\u006fd\":\"n\"}"),
                     GH_ERR_PARSE);
}
END_TEST

START_TEST(duplicates_hidden_in_a_large_envelope_are_invalid)
{
    gh_buf buf = GH_BUF_INIT(10000);

    (void)gh_buf_append_cstr(&buf, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"");
    for (int i = 0; i < 100; i++) {
        (void)gh_buf_appendf(&buf, ",\"extra%d\":0", i);
    }
    (void)gh_buf_append_cstr(&buf, ",\"\\u006dethod\":\"tools/call\"}");
    ck_assert_int_eq(parse(gh_buf_cstr(&buf)), GH_ERR_INVALID);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(id_sizes_are_bounded)
{
    gh_buf buf = GH_BUF_INIT(10000);

    for (size_t len = 1023; len <= 1026; len++) {
        gh_buf_clear(&buf);
        (void)gh_buf_append_cstr(&buf, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"");
        for (size_t i = 0; i < len; i++) {
            (void)gh_buf_append_char(&buf, 'i');
        }
        (void)gh_buf_append_cstr(&buf, "\"}");
        ck_assert_int_eq(parse(gh_buf_cstr(&buf)), len <= 1024 ? GH_OK : GH_ERR_INVALID);
    }
    for (size_t len = 63; len <= 66; len++) {
        gh_buf_clear(&buf);
        (void)gh_buf_append_cstr(&buf, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":");
        for (size_t i = 0; i < len; i++) {
            (void)gh_buf_append_char(&buf, '9');
        }
        (void)gh_buf_append_cstr(&buf, "}");
        ck_assert_int_eq(parse(gh_buf_cstr(&buf)), len <= 64 ? GH_OK : GH_ERR_INVALID);
    }
    gh_rpc_message_clear(&message);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(ids_compare_as_json_rpc_means_it)
{
    ck_assert(gh_rpc_id_equals(LIT("1"), LIT("1")));
    ck_assert(!gh_rpc_id_equals(LIT("1"), LIT("2")));
    ck_assert(!gh_rpc_id_equals(LIT("1"), LIT("\"1\"")));
    ck_assert(gh_rpc_id_equals(LIT("\"a\""), LIT("\"\\u0061\"")));
    ck_assert(!gh_rpc_id_equals(LIT("\"a\""), LIT("\"A\"")));
    ck_assert(!gh_rpc_id_equals(LIT("9007199254740993"), LIT("9007199254740992")));
    ck_assert(!gh_rpc_id_equals(LIT(""), LIT("")));
    ck_assert(!gh_rpc_id_equals(LIT("null"), LIT("null")));
}
END_TEST

static void expect_text(gh_buf *buf, const char *expected)
{
    ck_assert_int_eq(gh_buf_status(buf), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(buf), expected);
    ck_assert_int_eq(gh_json_gate(gh_buf_view(buf), NULL, NULL), GH_OK);
    gh_buf_free(buf);
}

START_TEST(writers_make_one_compact_message)
{
    gh_buf buf = GH_BUF_INIT(1000);
    gh_view none = {NULL, 0};

    (void)gh_rpc_write_result(&buf, LIT("12345678901234567890"), LIT("{ \"a\" : [ 1.0 ,\n \"x y\" ] }"));
    expect_text(&buf, "{\"jsonrpc\":\"2.0\",\"id\":12345678901234567890,\"result\":{\"a\":[1.0,\"x y\"]}}");
    (void)gh_rpc_write_result(&buf, LIT("\"i\""), none);
    expect_text(&buf, "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{}}");
    (void)gh_rpc_write_error(&buf, none, -32700, LIT("say \"no\"\n"), none);
    expect_text(
        &buf,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"say \\\"no\\\"\\n\"}}");
    (void)gh_rpc_write_error(&buf, LIT("1"), -32022, LIT("m"), LIT("{\"supported\": []}"));
    expect_text(&buf, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":\"m\",\"data\":"
                      "{\"supported\":[]}}}");
    (void)gh_rpc_write_request(&buf, LIT("1"), "tools/list", none);
    expect_text(&buf, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    (void)gh_rpc_write_request(&buf, LIT("\"r\""), "tools/call", LIT("{\"name\": 1}"));
    expect_text(&buf, "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"tools/call\",\"params\":{\"name\":1}}");
    (void)gh_rpc_write_notification(&buf, "notifications/x", LIT("{}"));
    expect_text(&buf, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{}}");
}
END_TEST

START_TEST(writers_fail_rather_than_write_half_a_message)
{
    gh_buf buf = GH_BUF_INIT(1000);
    gh_view none = {NULL, 0};

    ck_assert_int_eq(gh_rpc_write_result(&buf, LIT("1"), LIT("\"a\nb\"")), GH_ERR_PARSE);
    ck_assert_int_eq(gh_buf_status(&buf), GH_ERR_PARSE);
    gh_buf_free(&buf);
    gh_buf_init(&buf, 20);
    ck_assert_int_eq(gh_rpc_write_request(&buf, LIT("1"), "ping", none), GH_ERR_TOO_LARGE);
    gh_buf_free(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rpc message");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, request_is_taken_apart);
    tcase_add_test(tc, notification_has_no_id);
    tcase_add_test(tc, responses_are_told_apart);
    tcase_add_test(tc, error_may_lack_an_id);
    tcase_add_test(tc, batch_is_only_recognised);
    tcase_add_test(tc, illegal_messages_are_invalid);
    tcase_add_test(tc, invalid_message_still_gives_a_legal_id);
    tcase_add_test(tc, any_number_is_an_id_and_keeps_its_form);
    tcase_add_test(tc, text_that_is_not_json_is_a_parse_error);
    tcase_add_test(tc, duplicates_hidden_in_a_large_envelope_are_invalid);
    tcase_add_test(tc, id_sizes_are_bounded);
    tcase_add_test(tc, ids_compare_as_json_rpc_means_it);
    tcase_add_test(tc, writers_make_one_compact_message);
    tcase_add_test(tc, writers_fail_rather_than_write_half_a_message);
    tcase_add_checked_fixture(tc, nothing, clear);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
