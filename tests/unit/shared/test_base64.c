#include <check.h>

#include "shared/net/base64.h"
#include "tests/support/suite.h"

static const struct {
    const char *bytes;
    const char *url;
    const char *padded;
} RFC4648[] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {"fooba", "Zm9vYmE", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "-_-_", "+/+/"},
};

START_TEST(test_vectors_go_both_ways)
{
    gh_buf out = GH_BUF_INIT(64);
    ck_assert_int_eq(gh_base64url_encode(gh_view_of(RFC4648[_i].bytes), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), RFC4648[_i].url);
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_base64_encode(gh_view_of(RFC4648[_i].bytes), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), RFC4648[_i].padded);
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_base64url_decode(gh_view_of(RFC4648[_i].url), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), RFC4648[_i].bytes);
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_base64_decode(gh_view_of(RFC4648[_i].padded), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), RFC4648[_i].bytes);
    gh_buf_free(&out);
}
END_TEST

START_TEST(every_byte_value_survives)
{
    char bytes[256];
    gh_buf text = GH_BUF_INIT(512);
    gh_buf back = GH_BUF_INIT(512);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(unsigned char)i;
    }
    for (size_t len = 250; len <= sizeof bytes; len++) {
        gh_buf_clear(&text);
        gh_buf_clear(&back);
        ck_assert_int_eq(gh_base64url_encode(gh_view_make(bytes, len), &text), GH_OK);
        ck_assert_int_eq(gh_base64url_decode(gh_buf_view(&text), &back), GH_OK);
        ck_assert(gh_view_eq(gh_buf_view(&back), gh_view_make(bytes, len)));
    }
    gh_buf_free(&text);
    gh_buf_free(&back);
}
END_TEST

static const char *const BAD_URL[] = {"Z",    "Zg==", "Zm8=", "Zm9 v", "Zm9v\n",
                                      "+/+/", "Zh",   "Zm9",  "Zm9vY", "Zm\xc3\xa9"};

START_TEST(what_is_not_strict_base64url_is_refused_and_leaves_the_buffer_alone)
{
    gh_buf out = GH_BUF_INIT(64);
    ck_assert_int_eq(gh_buf_append_cstr(&out, "kept"), GH_OK);
    ck_assert_int_eq(gh_base64url_decode(gh_view_of(BAD_URL[_i]), &out), GH_ERR_PARSE);
    ck_assert_str_eq(gh_buf_cstr(&out), "kept");
    gh_buf_free(&out);
}
END_TEST

static const char *const BAD_PADDED[] = {
    "Zg", "Zg=", "Zg===", "Z===", "====", "Z=g=", "Zm8", "-_-_", "Zh==", "Zm9=", "Zg==Zg=="};

START_TEST(what_is_not_strict_base64_is_refused)
{
    gh_buf out = GH_BUF_INIT(64);
    ck_assert_int_eq(gh_base64_decode(gh_view_of(BAD_PADDED[_i]), &out), GH_ERR_PARSE);
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}
END_TEST

START_TEST(the_ceiling_of_the_buffer_holds)
{
    gh_buf out = GH_BUF_INIT(4);
    ck_assert_int_eq(gh_base64url_encode(GH_VIEW_LIT("foob"), &out), GH_ERR_TOO_LARGE);
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64");
    TCase *tests = tcase_create("base64");
    tcase_add_loop_test(tests, test_vectors_go_both_ways, 0, (int)(sizeof RFC4648 / sizeof *RFC4648));
    tcase_add_test(tests, every_byte_value_survives);
    tcase_add_loop_test(tests, what_is_not_strict_base64url_is_refused_and_leaves_the_buffer_alone, 0,
                        (int)(sizeof BAD_URL / sizeof *BAD_URL));
    tcase_add_loop_test(tests, what_is_not_strict_base64_is_refused, 0,
                        (int)(sizeof BAD_PADDED / sizeof *BAD_PADDED));
    tcase_add_test(tests, the_ceiling_of_the_buffer_holds);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
