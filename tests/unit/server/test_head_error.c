#include "server/http/head_error.h"

#include "tests/support/suite.h"

START_TEST(each_cause_has_its_status)
{
    static const struct {
        int given;
        const char *version;
        int headers;
        bool late, cut;
        int status;
        bool names_request;
    } cases[] = {
        {400, NULL, 0, false, false, 400, false}, {413, NULL, 0, false, false, 431, false},
        {400, "1.1", 0, false, false, 501, true}, {400, "1.1", 3, false, false, 400, false},
        {400, "2.0", 0, false, false, 505, true}, {505, "9.9", 0, false, false, 505, true},
        {400, NULL, 0, true, false, 408, false},  {400, NULL, 0, true, true, 503, false},
        {500, NULL, 0, false, false, 500, false}, {413, NULL, 0, true, false, 431, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gh_head_error error =
            gh_head_error_of(cases[i].given, cases[i].version, cases[i].headers, cases[i].late, cases[i].cut);
        ck_assert_int_eq(error.status, cases[i].status);
        ck_assert(error.names_request == cases[i].names_request);
        ck_assert_ptr_nonnull(error.code);
        ck_assert_ptr_nonnull(error.description);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("head_error");
    TCase *tests = tcase_create("core");
    tcase_add_test(tests, each_cause_has_its_status);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
