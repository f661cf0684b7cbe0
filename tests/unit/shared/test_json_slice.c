#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/random.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

#define LIT(s) GH_VIEW_LIT(s)

static void expect_view(gh_view view, const char *text)
{
    ck_assert_msg(gh_view_eq_cstr(view, text), "'%.*s' is not '%s'", (int)view.len, view.ptr, text);
}

START_TEST(type_is_told_by_the_first_character)
{
    ck_assert_int_eq(gh_json_slice_type(LIT(" {}")), GH_JSON_OBJECT);
    ck_assert_int_eq(gh_json_slice_type(LIT("\n[]")), GH_JSON_ARRAY);
    ck_assert_int_eq(gh_json_slice_type(LIT("\"\"")), GH_JSON_STRING);
    ck_assert_int_eq(gh_json_slice_type(LIT("-1")), GH_JSON_NUMBER);
    ck_assert_int_eq(gh_json_slice_type(LIT("true")), GH_JSON_BOOL);
    ck_assert_int_eq(gh_json_slice_type(LIT("false")), GH_JSON_BOOL);
    ck_assert_int_eq(gh_json_slice_type(LIT("null")), GH_JSON_NULL);
    ck_assert_int_eq(gh_json_slice_type(LIT("  ")), GH_JSON_NONE);
    ck_assert_int_eq(gh_json_slice_type(gh_view_of(NULL)), GH_JSON_NONE);
    ck_assert_int_eq(gh_json_slice_type(LIT("x")), GH_JSON_NONE);
}
END_TEST

START_TEST(members_come_in_order_and_trimmed)
{
    gh_json_iter iter;
    gh_view key;
    gh_view value;

    ck_assert(gh_json_iter_start(LIT(" { \"a\" : 1 , \"b\\u0063\": [ 1, {\"x\":\"]}\"} ] ,\"d\":\"}\\\"\"} "),
                                 &iter));
    ck_assert(iter.object);
    ck_assert(gh_json_iter_next(&iter, &key, &value));
    expect_view(key, "\"a\"");
    expect_view(value, "1");
    ck_assert(gh_json_iter_next(&iter, &key, &value));
    expect_view(key, "\"b\\u0063\"");
    expect_view(value, "[ 1, {\"x\":\"]}\"} ]");
    ck_assert(gh_json_iter_next(&iter, NULL, &value));
    expect_view(value, "\"}\\\"\"");
    ck_assert(!gh_json_iter_next(&iter, &key, &value));
    ck_assert(!gh_json_iter_next(&iter, &key, &value));
}
END_TEST

START_TEST(elements_have_no_key)
{
    gh_json_iter iter;
    gh_view key = LIT("left over");
    gh_view value;

    ck_assert(gh_json_iter_start(LIT("[ null,-1.5e3 ]"), &iter));
    ck_assert(!iter.object);
    ck_assert(gh_json_iter_next(&iter, &key, &value));
    ck_assert_uint_eq(key.len, 0);
    expect_view(value, "null");
    ck_assert(gh_json_iter_next(&iter, &key, &value));
    expect_view(value, "-1.5e3");
    ck_assert(!gh_json_iter_next(&iter, &key, &value));
    ck_assert(gh_json_iter_start(LIT("[]"), &iter));
    ck_assert(!gh_json_iter_next(&iter, &key, &value));
    ck_assert(!gh_json_iter_start(LIT("\"[]\""), &iter));
    ck_assert(!gh_json_iter_start(LIT("7"), &iter));
    ck_assert(!gh_json_iter_start(LIT(""), &iter));
}
END_TEST

START_TEST(member_is_found_by_unescaped_name)
{
    gh_view value;
    gh_view object =
        LIT("{\"x\":{\"id\":0},\"i\\u0064\":12345678901234567890,\"\\ud83c\\udff0\":\"castle\"}");

    ck_assert(gh_json_slice_member(object, "id", &value));
    expect_view(value, "12345678901234567890");
    ck_assert(gh_json_slice_member(object, "\xf0\x9f\x8f\xb0", &value));
    expect_view(value, "\"castle\"");
    ck_assert(!gh_json_slice_member(object, "i", &value));
    ck_assert(!gh_json_slice_member(object, "idx", &value));
    ck_assert(!gh_json_slice_member(object, "", &value));
    ck_assert(!gh_json_slice_member(LIT("[\"id\",1]"), "id", &value));
}
END_TEST

START_TEST(path_walks_objects)
{
    gh_view value;
    gh_view object = LIT("{\"params\":{\"_meta\":{\"a/b\":\"v\"},\"list\":[{\"x\":1}]}}");

    ck_assert(gh_json_slice_path(object, &value, "params", "_meta", "a/b", NULL));
    expect_view(value, "\"v\"");
    ck_assert(!gh_json_slice_path(object, &value, "params", "list", "x", NULL));
    ck_assert(!gh_json_slice_path(object, &value, "params", "none", "x", NULL));
    expect_view(value, "\"v\"");
}
END_TEST

static void expect_string(gh_view raw, const char *expected)
{
    char *text = NULL;

    ck_assert_int_eq(gh_json_slice_string(raw, &text), GH_OK);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(strings_are_unescaped)
{
    expect_string(LIT("\"\""), "");
    expect_string(LIT("\"plain \xc3\xa4\""), "plain \xc3\xa4");
    expect_string(LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t");
    expect_string(LIT("\"\\u0041\\u00E4\\u20ac\\uD83C\\uDFF0!\""), "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x8f\xb0!");
}
END_TEST

START_TEST(what_is_not_one_string_is_not_unescaped)
{
    static const char *const invalid[] = {"",    "\"",       "x",      "1",  "\"a",
                                          "a\"", "\"a\"b\"", "\"a\" ", "{}", "\"\\\""};
    static const char *const broken[] = {"\"\\u0000\"", "\"\\ud800\"", "\"\\udfff\"", "\"\\q\"", "\"\\u12\""};
    char *text = NULL;

    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        ck_assert_int_eq(gh_json_slice_string(gh_view_of(invalid[i]), &text), GH_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ck_assert_int_eq(gh_json_slice_string(gh_view_of(broken[i]), &text), GH_ERR_PARSE);
    }
    ck_assert_int_eq(gh_json_slice_string(gh_view_make("\"a\0b\"", 5), &text), GH_ERR_INVALID);
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(unescape_appends_and_minds_the_ceiling)
{
    gh_buf buf = GH_BUF_INIT(6);

    (void)gh_buf_append_cstr(&buf, "x=");
    ck_assert_int_eq(gh_json_slice_unescape(LIT("\"a\\nb\""), &buf), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "x=a\nb");
    ck_assert_int_eq(gh_json_slice_unescape(LIT("\"\\u00e4\""), &buf), GH_ERR_TOO_LARGE);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(strings_are_compared_by_meaning)
{
    ck_assert(gh_json_slice_is(LIT("\"2.0\""), LIT("2.0")));
    ck_assert(gh_json_slice_is(LIT("\"\\u0032.0\""), LIT("2.0")));
    ck_assert(!gh_json_slice_is(LIT("2.0"), LIT("2.0")));
    ck_assert(!gh_json_slice_is(LIT("\"2.0"), LIT("2.0")));
    ck_assert(!gh_json_slice_is(LIT("\"2.\\u0030x\""), LIT("2.0")));
    ck_assert(!gh_json_slice_is(LIT("\"\\u0032.\""), LIT("2.0")));
    ck_assert(gh_json_slice_same_string(LIT("\"\\u00e4\\/\""), LIT("\"\xc3\xa4/\"")));
    ck_assert(gh_json_slice_same_string(LIT("\"\\u00e4\""), LIT("\"\\u00E4\"")));
    ck_assert(!gh_json_slice_same_string(LIT("\"\\u00e4\""), LIT("\"\xc3\"")));
    ck_assert(!gh_json_slice_same_string(LIT("\"a\\n\""), LIT("\"a\"")));
    ck_assert(!gh_json_slice_same_string(LIT("\"1\""), LIT("1")));
    ck_assert(!gh_json_slice_same_string(LIT("\"\\q\""), LIT("\"\\q\"")));
    ck_assert(!gh_json_slice_is(LIT("\"\\q\""), LIT("q")));
}
END_TEST

static void expect_compact(gh_view value, const char *expected)
{
    gh_buf buf = GH_BUF_INIT(1000);

    ck_assert_int_eq(gh_json_slice_compact(value, &buf), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), expected);
    gh_buf_free(&buf);
}

START_TEST(compact_removes_white_space_and_nothing_else)
{
    expect_compact(
        LIT(" {\r\n \"a b\" :\t[ 1.0 , 1e400 , \"x \\\" y\" ] ,\n\"n\" : 12345678901234567890 } \n"),
        "{\"a b\":[1.0,1e400,\"x \\\" y\"],\"n\":12345678901234567890}");
    expect_compact(LIT("\"\\u00e4 \xc3\xa4\""), "\"\\u00e4 \xc3\xa4\"");
    expect_compact(LIT("{}"), "{}");
    expect_compact(LIT(""), "");
}
END_TEST

START_TEST(compact_never_lets_a_line_break_through)
{
    gh_buf buf = GH_BUF_INIT(1000);

    ck_assert_int_eq(gh_json_slice_compact(LIT("\"a\nb\""), &buf), GH_ERR_PARSE);
    ck_assert_int_eq(gh_json_slice_compact(LIT("[1,\"open"), &buf), GH_ERR_PARSE);
    ck_assert_ptr_null(memchr(gh_buf_cstr(&buf), '\n', buf.len));
    gh_buf_free(&buf);
}
END_TEST

/* Every function over damaged text of exact size: a sanitizer sees reads beyond it. */
static void use_everything(gh_view text)
{
    gh_buf buf = GH_BUF_INIT(4096);
    gh_json_iter iter;
    gh_view key;
    gh_view value;
    char *string = NULL;
    size_t steps = 0;

    (void)gh_json_slice_type(text);
    if (gh_json_iter_start(text, &iter)) {
        while (gh_json_iter_next(&iter, &key, &value)) {
            ck_assert(value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len);
            steps++;
        }
    }
    ck_assert_uint_le(steps, text.len);
    (void)gh_json_slice_member(text, "b", &value);
    (void)gh_json_slice_path(text, &value, "a", "b", NULL);
    if (gh_json_slice_string(text, &string) == GH_OK) {
        free(string);
    }
    (void)gh_json_slice_is(text, LIT("abc"));
    (void)gh_json_slice_same_string(text, text);
    if (gh_json_slice_compact(text, &buf) == GH_OK) {
        ck_assert_uint_le(buf.len, text.len);
    }
    gh_buf_free(&buf);
}

START_TEST(damaged_text_is_never_read_beyond_its_end)
{
    static const char seed[] =
        "{\"a\":{\"b\":[1,\"x\\u00e4\\ud83c\\udff0\\\"\",[]]},\"c\":-1.5,\"\\u0062\":null}";
    static const char pieces[] = "{}[]\",:\\u0d8c \n1-tn\xc3";
    unsigned char noise[64];

    for (int round = 0; round < 3000; round++) {
        size_t len = 0;
        char *text = NULL;

        ck_assert_int_eq(gh_random_bytes(noise, sizeof(noise)), GH_OK);
        len = noise[0] % sizeof(seed);
        text = malloc(len > 0 ? len : 1);
        ck_assert_ptr_nonnull(text);
        memcpy(text, seed, len);
        for (size_t i = 1; len > 0 && i < noise[1] % 8U; i++) {
            text[noise[i * 2] % len] = pieces[noise[i * 2 + 1] % (sizeof(pieces) - 1)];
        }
        use_everything(gh_view_make(text, len));
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json slices");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, type_is_told_by_the_first_character);
    tcase_add_test(tc, members_come_in_order_and_trimmed);
    tcase_add_test(tc, elements_have_no_key);
    tcase_add_test(tc, member_is_found_by_unescaped_name);
    tcase_add_test(tc, path_walks_objects);
    tcase_add_test(tc, strings_are_unescaped);
    tcase_add_test(tc, what_is_not_one_string_is_not_unescaped);
    tcase_add_test(tc, unescape_appends_and_minds_the_ceiling);
    tcase_add_test(tc, strings_are_compared_by_meaning);
    tcase_add_test(tc, compact_removes_white_space_and_nothing_else);
    tcase_add_test(tc, compact_never_lets_a_line_break_through);
    tcase_add_test(tc, damaged_text_is_never_read_beyond_its_end);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
