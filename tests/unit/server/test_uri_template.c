#include "server/mcp/uri_template.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

typedef struct match_case {
    const char *pattern;
    const char *uri;
    const char *variables; /* NULL: no match */
} match_case;

static const match_case MATCHES[] = {
    {"weather://{city}/today", "weather://Oslo/today", "{\"city\":\"Oslo\"}"},
    {"weather://{city}/today", "weather://Oslo/today/", NULL},
    {"weather://{city}/today", "weather:///today", NULL},
    {"weather://{city}/today", "Weather://Oslo/today", NULL},
    {"weather://{city}/today", "weather://a/b/today", NULL},
    {"weather://{city}/today", "weather://Oslo/tomorrow", NULL},
    {"weather://{city}/today", "", NULL},
    {"x:{a}", "x:1", "{\"a\":\"1\"}"},
    {"x:{a}", "x:", NULL},
    {"x:{a}", "x", NULL},
    {"x:fixed", "x:fixed", "{}"},
    {"x:fixed", "x:fixed2", NULL},
    {"x:{a}-{b}", "x:1-2-3", "{\"a\":\"1\",\"b\":\"2-3\"}"},
    {"x:{a}-{b}", "x:--", NULL},
    {"x:{a}-{b}", "x:---", "{\"a\":\"-\",\"b\":\"-\"}"},
    {"x:{a}-{b}.txt", "x:p-q.txt.txt", "{\"a\":\"p\",\"b\":\"q.txt\"}"},
    {"x:{a}.txt", "x:.txt", NULL},
    {"x:{a}/{b}/{c}", "x:1/2/3", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}"},
    {"x:{a}/{b}/{c}", "x:1//3", NULL},
    {"x:{a}/{b}/{c}", "x:1/2/3/4", NULL},
    {"x:{a}ab{b}", "x:aabab", "{\"a\":\"a\",\"b\":\"ab\"}"},
    {"x:{a.b_1}?q={q}", "x:1?q=2", "{\"a.b_1\":\"1\",\"q\":\"2\"}"},
    /* percent-decoding */
    {"x:{a}", "x:S%C3%A3o%20Paulo", "{\"a\":\"S\xc3\xa3o Paulo\"}"},
    {"x:{a}", "x:%22%5c", "{\"a\":\"\\\"\\\\\"}"},
    {"x:{a}", "x:+", "{\"a\":\"+\"}"},
    {"x:{a}", "x:%2525", "{\"a\":\"%25\"}"},
    {"x:{a}", "x:\xc3\xa3", "{\"a\":\"\xc3\xa3\"}"},
    {"x:{a}", "x:%", NULL},
    {"x:{a}", "x:%4", NULL},
    {"x:{a}", "x:%zz", NULL},
    {"x:{a}", "x:%00", NULL},
    {"x:{a}", "x:%ff", NULL},
    {"x:{a}", "x:\xff", NULL},
    {"x:{a}", "x:%2Fetc%2Fpasswd", NULL},
    {"x:{a}", "x:..%2f..", NULL},
    {"x:{a}2{b}", "x:%212z", "{\"a\":\"!\",\"b\":\"z\"}"},
    {"x:{a}0", "x:%20", NULL},
    {"x:a%20b/{c}", "x:a%20b/1", "{\"c\":\"1\"}"},
    {"x:a%20b/{c}", "x:a b/1", NULL},
};

START_TEST(uris_match_or_not)
{
    const match_case *one = &MATCHES[_i];
    gh_uri_template *pattern = NULL;
    gh_error error = {GH_OK, ""};
    gh_buf out = GH_BUF_INIT(4096);
    gh_status status = gh_uri_template_new(gh_view_of(one->pattern), &pattern, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", one->pattern, error.message);
    status = gh_uri_template_match(pattern, gh_view_of(one->uri), &out);
    ck_assert_msg(status == (one->variables == NULL ? GH_ERR_NOT_FOUND : GH_OK), "%s of %s: %s", one->uri,
                  one->pattern, gh_status_text(status));
    ck_assert_str_eq(gh_buf_cstr(&out), one->variables == NULL ? "" : one->variables);
    gh_buf_free(&out);
    gh_uri_template_free(pattern);
}
END_TEST

typedef struct refusal {
    const char *pattern;
    gh_status status;
    const char *says;
} refusal;

static const refusal REFUSALS[] = {
    {"x:{+a}", GH_ERR_UNSUPPORTED, "operator '+'"},
    {"x:{#a}", GH_ERR_UNSUPPORTED, "operator '#'"},
    {"x:{.a}", GH_ERR_UNSUPPORTED, "operator '.'"},
    {"x:{/a}", GH_ERR_UNSUPPORTED, "operator '/'"},
    {"x:{;a}", GH_ERR_UNSUPPORTED, "operator ';'"},
    {"x:{?a}", GH_ERR_UNSUPPORTED, "operator '?'"},
    {"x:{&a}", GH_ERR_UNSUPPORTED, "operator '&'"},
    {"x:{=a}", GH_ERR_UNSUPPORTED, "operator '='"},
    {"x:{a,b}", GH_ERR_UNSUPPORTED, "list"},
    {"x:{a:3}", GH_ERR_UNSUPPORTED, "modifier"},
    {"x:{a*}", GH_ERR_UNSUPPORTED, "modifier"},
    {"x:{a}/{a}", GH_ERR_UNSUPPORTED, "twice"},
    {"x:{a}{b}", GH_ERR_UNSUPPORTED, "between"},
    {"x:{}", GH_ERR_PARSE, "variable"},
    {"x:{a b}", GH_ERR_PARSE, "variable"},
    {"x:{a-b}", GH_ERR_PARSE, "variable"},
    {"x:{a..b}", GH_ERR_PARSE, "variable"},
    {"x:{a.}", GH_ERR_PARSE, "variable"},
    {"x:{a%4}", GH_ERR_PARSE, "variable"},
    {"x:{{a}}", GH_ERR_PARSE, "variable"},
    {"x:{a", GH_ERR_PARSE, "'}'"},
    {"x:a}", GH_ERR_PARSE, "percent-encode"},
    {"x:a b", GH_ERR_PARSE, "percent-encode"},
    {"x:%g0", GH_ERR_PARSE, "percent-encode"},
    {"x:caf\xc3\xa9", GH_ERR_PARSE, "percent-encode"},
    {"x:a\nb", GH_ERR_PARSE, "percent-encode"},
    {"", GH_ERR_PARSE, "empty"},
    {"no/scheme/{a}", GH_ERR_PARSE, "scheme"},
    {"{a}:x", GH_ERR_PARSE, "scheme"},
    {"1x:{a}", GH_ERR_PARSE, "scheme"},
    {":{a}", GH_ERR_PARSE, "scheme"},
    {"a/b:{a}", GH_ERR_PARSE, "scheme"},
};

START_TEST(templates_beyond_level_1_and_broken_ones_are_refused)
{
    const refusal *one = &REFUSALS[_i];
    gh_uri_template *pattern = NULL;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_uri_template_new(gh_view_of(one->pattern), &pattern, &error);
    ck_assert_msg(status == one->status, "%s: %s", one->pattern, gh_status_text(status));
    ck_assert_msg(strstr(error.message, one->says) != NULL, "%s: %s", one->pattern, error.message);
    ck_assert_ptr_null(pattern);
}
END_TEST

START_TEST(long_templates_and_uris_are_refused)
{
    gh_uri_template *pattern = NULL;
    gh_buf text = GH_BUF_INIT(16384);
    gh_buf out = GH_BUF_INIT(16384);
    (void)gh_buf_append_cstr(&text, "x:");
    for (int i = 0; i < GH_URI_TEMPLATE_VARIABLES_MAX; i++) {
        (void)gh_buf_appendf(&text, "{v%d}/", i);
    }
    ck_assert_int_eq(gh_uri_template_new(gh_buf_view(&text), &pattern, NULL), GH_OK);
    gh_uri_template_free(pattern);
    (void)gh_buf_append_cstr(&text, "{more}");
    ck_assert_int_eq(gh_uri_template_new(gh_buf_view(&text), &pattern, NULL), GH_ERR_TOO_LARGE);
    gh_buf_clear(&text);
    (void)gh_buf_append_cstr(&text, "x:");
    while (text.len < GH_URI_TEMPLATE_MAX) {
        (void)gh_buf_append_char(&text, 'y');
    }
    ck_assert_int_eq(gh_uri_template_new(GH_VIEW_LIT("x:{a}"), &pattern, NULL), GH_OK);
    ck_assert_int_eq(gh_uri_template_match(pattern, gh_buf_view(&text), &out), GH_OK);
    (void)gh_buf_append_char(&text, 'y');
    ck_assert_int_eq(gh_uri_template_match(pattern, gh_buf_view(&text), &out), GH_ERR_NOT_FOUND);
    gh_uri_template_free(pattern);
    ck_assert_int_eq(gh_uri_template_new(gh_buf_view(&text), &pattern, NULL), GH_ERR_TOO_LARGE);
    gh_buf_free(&text);
    gh_buf_free(&out);
}
END_TEST

START_TEST(a_nul_does_not_match)
{
    gh_uri_template *pattern = NULL;
    gh_buf out = GH_BUF_INIT(64);
    ck_assert_int_eq(gh_uri_template_new(GH_VIEW_LIT("x:{a}"), &pattern, NULL), GH_OK);
    ck_assert_int_eq(gh_uri_template_match(pattern, GH_VIEW_LIT("x:1\0002"), &out), GH_ERR_NOT_FOUND);
    ck_assert_uint_eq(out.len, 0);
    gh_uri_template_free(pattern);
    gh_buf_free(&out);
}
END_TEST

START_TEST(a_template_knows_its_variables)
{
    gh_uri_template *pattern = NULL;
    ck_assert_int_eq(gh_uri_template_new(GH_VIEW_LIT("x:{a}/{bc}"), &pattern, NULL), GH_OK);
    ck_assert(gh_uri_template_has(pattern, GH_VIEW_LIT("a")));
    ck_assert(gh_uri_template_has(pattern, GH_VIEW_LIT("bc")));
    ck_assert(!gh_uri_template_has(pattern, GH_VIEW_LIT("b")));
    ck_assert(!gh_uri_template_has(pattern, GH_VIEW_LIT("")));
    gh_uri_template_free(pattern);
    gh_uri_template_free(NULL);
}
END_TEST

START_TEST(lack_of_room_is_not_taken_for_no_match)
{
    gh_uri_template *pattern = NULL;
    gh_buf out = GH_BUF_INIT(4);
    ck_assert_int_eq(gh_uri_template_new(GH_VIEW_LIT("x:{a}"), &pattern, NULL), GH_OK);
    ck_assert_int_eq(gh_uri_template_match(pattern, GH_VIEW_LIT("x:1"), &out), GH_ERR_TOO_LARGE);
    gh_buf_free(&out);
    gh_uri_template_free(pattern);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uri_template");
    TCase *tc = tcase_create("uri_template");
    tcase_add_loop_test(tc, uris_match_or_not, 0, sizeof MATCHES / sizeof MATCHES[0]);
    tcase_add_loop_test(tc, templates_beyond_level_1_and_broken_ones_are_refused, 0,
                        sizeof REFUSALS / sizeof REFUSALS[0]);
    tcase_add_test(tc, long_templates_and_uris_are_refused);
    tcase_add_test(tc, a_nul_does_not_match);
    tcase_add_test(tc, a_template_knows_its_variables);
    tcase_add_test(tc, lack_of_room_is_not_taken_for_no_match);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
