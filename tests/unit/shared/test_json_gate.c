#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/core/bytes.h"
#include "shared/json/gate.h"

static gh_status gate(const char *text)
{
    return gh_json_gate(gh_view_of(text), &GH_JSON_LIMITS_MESSAGE, NULL);
}

static gh_status gate_buf(gh_buf *buf, const gh_json_limits *limits)
{
    gh_status status = GH_OK;

    ck_assert_int_eq(gh_buf_status(buf), GH_OK);
    status = gh_json_gate(gh_buf_view(buf), limits, NULL);
    gh_buf_free(buf);
    return status;
}

START_TEST(legal_json_passes)
{
    static const char *const good[] = {"{}",
                                       "[]",
                                       "null",
                                       " true ",
                                       "false",
                                       "0",
                                       "-0",
                                       "-0.5e-7",
                                       "1E+2",
                                       "123456789012345678901234567890",
                                       "1e400",
                                       "\"\"",
                                       "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"",
                                       "\"\\ud83c\\udff0\"",
                                       "\"\xf0\x9f\x8f\xb0\x7f\"",
                                       "\t{ \"a\" : [ 1 , { } , [ ] ] ,\r\n\"b\" : null }\n",
                                       "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2}}",
                                       "[[],[[]],{\"\":\"\"}]"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(gate(good[i]) == GH_OK, "%s", good[i]);
    }
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "{}}",
                                      "{} {}",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{'a':1}",
                                      "{\"a\":1 \"b\":2}",
                                      "[}",
                                      "{]",
                                      "01",
                                      "-",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "1.e2",
                                      "1e",
                                      "1e+",
                                      "-01",
                                      "0x10",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "tru",
                                      "True",
                                      "nulll",
                                      "truefalse",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\\U0041\"",
                                      "\"a\nb\"",
                                      "\"a\tb\"",
                                      "// c\n1",
                                      "/* c */1",
                                      "\v1",
                                      "\xc2\xa0-1",
                                      "1\xef\xbb\xbf"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(gate(bad[i]) == GH_ERR_PARSE, "%zu: %s", i, bad[i]);
    }
}
END_TEST

START_TEST(what_misleads_parsers_is_refused)
{
    static const char *const bad[] = {
        "\xef\xbb\xbf{}",                          /* byte order mark */
        "\"\\u0000\"",        "{\"a\\u0000b\":1}", /* cut strings */
        "\"\\ud800\"",        "\"\\udc00\"",       /* lone surrogates */
        "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"",   "\"\\ud83cx\"", "\"\\udff0\\ud83c\"",
        "\"\xff\"",           "\"\xc0\x80\"", /* not UTF-8, overlong */
        "\"\xed\xa0\x80\"",   "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "{\"\x80\":1}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(gate(bad[i]) == GH_ERR_PARSE, "%zu", i);
    }
    ck_assert_int_eq(gh_json_gate(gh_view_make("{}\0", 3), NULL, NULL), GH_ERR_PARSE);
    ck_assert_int_eq(gh_json_gate(gh_view_make("\"a\0\"", 4), NULL, NULL), GH_ERR_PARSE);
    ck_assert_int_eq(gh_json_gate(gh_view_make(NULL, 0), NULL, NULL), GH_ERR_PARSE);
}
END_TEST

START_TEST(duplicate_names_are_refused_after_unescaping)
{
    static const char *const bad[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":{\"a\":{}},\"a\":2}",
        "{\"id\":1,\"i\\u0064\":2}",
        "{\"\\u0069d\":1,\"id\":2}",
        "{\"\\u00e4\":1,\"\xc3\xa4\":2}",
        "{\"\\ud83c\\udff0\":1,\"\xf0\x9f\x8f\xb0\":2}",
        "{\"/\":1,\"\\/\":2}",
        "{\"\":1,\"\":2}",
        "[{\"x\":[{\"k\":1,\"k\":2}]}]",
    };
    static const char *const good[] = {
        "{\"a\":1,\"A\":2,\"aa\":3,\"a \":4}",
        "[{\"a\":1},{\"a\":1}]",
        "{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}},\"b\":{\"a\":1,\"b\":2}}",
        "{\"a\\\\\":1,\"a\":2,\"a\\\"\":3}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(gate(bad[i]) == GH_ERR_PARSE, "%s", bad[i]);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(gate(good[i]) == GH_OK, "%s", good[i]);
    }
}
END_TEST

static void add_members(gh_buf *buf, int from, int to)
{
    for (int i = from; i < to; i++) {
        (void)gh_buf_appendf(buf, "%s\"name%d\":%d", i > from ? "," : "", i, i);
    }
}

START_TEST(uniqueness_holds_up_to_its_limit)
{
    gh_buf buf = GH_BUF_INIT(100000);

    /* The 64th member repeats the first: refused. The 66th: such large objects are only counted. */
    (void)gh_buf_append_char(&buf, '{');
    add_members(&buf, 0, GH_JSON_GATE_UNIQUE_MAX - 1);
    (void)gh_buf_append_cstr(&buf, ",\"name0\":1}");
    ck_assert_int_eq(gate_buf(&buf, NULL), GH_ERR_PARSE);

    (void)gh_buf_append_char(&buf, '{');
    add_members(&buf, 0, GH_JSON_GATE_UNIQUE_MAX + 1);
    (void)gh_buf_append_cstr(&buf, ",\"name0\":1}");
    ck_assert_int_eq(gate_buf(&buf, NULL), GH_OK);

    /* A large object within a small one does not switch the check off for the small one. */
    (void)gh_buf_append_cstr(&buf, "{\"x\":{");
    add_members(&buf, 0, 200);
    (void)gh_buf_append_cstr(&buf, "},\"x\":1}");
    ck_assert_int_eq(gate_buf(&buf, NULL), GH_ERR_PARSE);
}
END_TEST

START_TEST(names_of_open_objects_are_bounded)
{
    gh_buf buf = GH_BUF_INIT(1 << 20);

    /* Sixteen objects of 64 names, each inside the last member of the one before. */
    for (int level = 0; level < 16; level++) {
        (void)gh_buf_append_char(&buf, '{');
        add_members(&buf, 0, 63);
        (void)gh_buf_append_cstr(&buf, ",\"last\":");
    }
    (void)gh_buf_append_cstr(&buf, "{}");
    for (int level = 0; level < 16; level++) {
        (void)gh_buf_append_char(&buf, '}');
    }
    ck_assert_int_eq(gh_json_gate(gh_buf_view(&buf), NULL, NULL), GH_OK);
    gh_buf_clear(&buf);
    for (int level = 0; level < 20; level++) {
        (void)gh_buf_append_char(&buf, '{');
        add_members(&buf, 0, 63);
        (void)gh_buf_append_cstr(&buf, ",\"last\":");
    }
    (void)gh_buf_append_cstr(&buf, "{}");
    for (int level = 0; level < 20; level++) {
        (void)gh_buf_append_char(&buf, '}');
    }
    ck_assert_int_eq(gate_buf(&buf, NULL), GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(depth_is_limited)
{
    gh_json_limits limits = {1000, 3, 100, 100};
    gh_buf buf = GH_BUF_INIT(1 << 20);

    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[[[]]]"), &limits, NULL), GH_OK);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[[[[]]]]"), &limits, NULL), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("{\"a\":[{\"b\":{}}]}"), &limits, NULL), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[[],[],[[]]]"), &limits, NULL), GH_OK);
    for (int i = 0; i < 64; i++) {
        (void)gh_buf_append_cstr(&buf, i % 2 ? "[" : "{\"a\":");
    }
    for (int i = 63; i >= 0; i--) {
        (void)gh_buf_append_cstr(&buf, i % 2 ? "]" : "}");
    }
    ck_assert_int_eq(gate_buf(&buf, NULL), GH_OK);
    for (int i = 0; i < 500000; i++) {
        (void)gh_buf_append_char(&buf, '[');
    }
    limits = (gh_json_limits){1 << 20, SIZE_MAX, 1 << 20, 1 << 20};
    ck_assert_int_eq(gate_buf(&buf, &limits), GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(size_and_counts_are_limited)
{
    gh_json_limits limits = {20, 8, 4, 3};

    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("\"012345678901234567\""), &limits, NULL), GH_OK);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("\"0123456789012345678\""), &limits, NULL), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[1,2,3,4]"), &limits, NULL), GH_OK);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[1,2,3,4,5]"), &limits, NULL), GH_ERR_TOO_LARGE);
    limits.size = 100;
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("{\"a\":1,\"b\":2,\"c\":3}"), &limits, NULL), GH_OK);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}"), &limits, NULL),
                     GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[{\"a\":1},{\"a\":1}]"), &limits, NULL), GH_OK);
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[{\"a\":1},{\"a\":[1]}]"), &limits, NULL), GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(errors_name_the_byte)
{
    gh_error error = {GH_OK, ""};

    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("{\"a\": tru}"), NULL, &error), GH_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(error.message, "byte 6"));
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("[1,2"), NULL, &error), GH_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(error.message, "byte 4"));
    ck_assert_ptr_nonnull(strstr(error.message, "ends"));
    ck_assert_int_eq(gh_json_gate(GH_VIEW_LIT("\"abc\xff\""), NULL, &error), GH_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(error.message, "UTF-8"));
    ck_assert_ptr_nonnull(strstr(error.message, "byte 4"));
}
END_TEST

START_TEST(every_prefix_of_a_document_is_refused)
{
    static const char text[] =
        "{\"a\":[1,-2.5e3,\"x\\u00e4\\ud83c\\udff0\xc3\xa4\",true,null],\"b\":{\"c\":false}}";

    ck_assert_int_eq(gate(text), GH_OK);
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        /* A copy of the exact size, so that a sanitizer sees every byte read beyond. */
        char *copy = malloc(len + 1);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, len);
        char *exact = realloc(copy, len > 0 ? len : 1);
        ck_assert_msg(gh_json_gate(gh_view_make(exact, len), NULL, NULL) == GH_ERR_PARSE, "%zu", len);
        free(exact);
    }
}
END_TEST

/* Of this thread, however busy the machine is. */
static int64_t spent_ms(void)
{
    struct timespec spent = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (int64_t)spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

/* Names with a long common beginning, in nested objects, and escaped: what costs most. */
START_TEST(hostile_documents_take_linear_time)
{
    gh_buf buf = GH_BUF_INIT(8 << 20);
    char prefix[1001];
    int64_t began = 0;

    memset(prefix, 'p', 1000);
    prefix[1000] = '\0';
    (void)gh_buf_append_char(&buf, '[');
    for (int object = 0; object < 60; object++) {
        (void)gh_buf_append_cstr(&buf, object > 0 ? ",{" : "{");
        for (int i = 0; i < 64; i++) {
            (void)gh_buf_appendf(&buf, "%s\"%s\\u0061%d\":0", i > 0 ? "," : "", prefix, i);
        }
        (void)gh_buf_append_char(&buf, '}');
    }
    (void)gh_buf_append_char(&buf, ']');
    began = spent_ms();
    ck_assert_int_eq(gate_buf(&buf, NULL), GH_OK);
    ck_assert_int_lt(spent_ms() - began, 2000);
}
END_TEST

START_TEST(the_place_where_it_stopped_is_told)
{
    size_t at = 99;
    ck_assert_int_eq(gh_json_gate_at(GH_VIEW_LIT("{\"a\":1}\n"), NULL, &at, NULL), GH_OK);
    ck_assert_uint_eq(at, 8);
    ck_assert_int_eq(gh_json_gate_at(GH_VIEW_LIT("[1,\nx]"), NULL, &at, NULL), GH_ERR_PARSE);
    ck_assert_uint_eq(at, 4);
    ck_assert_int_eq(gh_json_gate_at(GH_VIEW_LIT("[1"), NULL, &at, NULL), GH_ERR_PARSE);
    ck_assert_uint_eq(at, 2);
    const gh_json_limits none = {0, 1, 1, 1};
    ck_assert_int_eq(gh_json_gate_at(GH_VIEW_LIT("[]"), &none, &at, NULL), GH_ERR_TOO_LARGE);
    ck_assert_uint_eq(at, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json gate");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, legal_json_passes);
    tcase_add_test(tc, the_place_where_it_stopped_is_told);
    tcase_add_test(tc, what_is_not_json_is_refused);
    tcase_add_test(tc, what_misleads_parsers_is_refused);
    tcase_add_test(tc, duplicate_names_are_refused_after_unescaping);
    tcase_add_test(tc, uniqueness_holds_up_to_its_limit);
    tcase_add_test(tc, names_of_open_objects_are_bounded);
    tcase_add_test(tc, depth_is_limited);
    tcase_add_test(tc, size_and_counts_are_limited);
    tcase_add_test(tc, errors_name_the_byte);
    tcase_add_test(tc, every_prefix_of_a_document_is_refused);
    tcase_add_test(tc, hostile_documents_take_linear_time);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
