#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/config/options.h"
#include "tests/support/suite.h"

typedef struct settings {
    char *level;
    bool device;
    bool resource;
    int64_t wait;
    gh_text_list names;
} settings;

static const gh_option ROWS[] = {
    {.name = "level",
     .type = GH_OPTION_ENUM,
     .field = offsetof(settings, level),
     .initial = "warn",
     .choices = "warn debug"},
    {.name = "device", .type = GH_OPTION_BOOL, .field = offsetof(settings, device)},
    {.name = "wait",
     .type = GH_OPTION_DURATION,
     .field = offsetof(settings, wait),
     .initial = "5m",
     .min = 1000,
     .max = 3600000},
    {.name = "name", .type = GH_OPTION_LIST, .field = offsetof(settings, names)},
};

static const gh_option_alias ALIASES[] = {
    {.name = "debug", .option = "level", .value = "debug"},
    {.name = "device-code", .option = "device"},
    {.name = "timeout", .option = "wait", .unit = "s"},
    {.name = "call", .option = "name"},
    {.name = "proxy"},
};

static const gh_option_table TABLE = {.program = "prog",
                                      .env_prefix = "PROG_",
                                      .version = "1",
                                      .usage = "prog",
                                      .options = ROWS,
                                      .count = sizeof(ROWS) / sizeof(ROWS[0]),
                                      .aliases = ALIASES,
                                      .alias_count = sizeof(ALIASES) / sizeof(ALIASES[0])};

static settings values;
static gh_options_result result;
static gh_error error;

static void start(void)
{
    memset(&values, 0, sizeof(values));
    memset(&error, 0, sizeof(error));
}

static void finish(void)
{
    gh_options_clear(&TABLE, &values, &result);
}

static gh_status load_env(const char *a, const char *b, const char *c, char **env)
{
    const char *words[] = {"prog", a, b, c};
    char *argv[5] = {NULL};
    int argc = 0;
    for (int i = 0; i < 4 && words[i] != NULL; i++) {
        argv[argc++] = (char *)(uintptr_t)words[i];
    }
    gh_options_clear(&TABLE, &values, &result);
    memset(&values, 0, sizeof(values));
    return gh_options_load(&TABLE, argc, argv, env, &values, &result, &error);
}

static gh_status load(const char *a, const char *b, const char *c)
{
    return load_env(a, b, c, NULL);
}

START_TEST(an_alias_sets_what_it_stands_for)
{
    ck_assert_int_eq(load("--debug", "--device-code", "url"), GH_OK);
    ck_assert_str_eq(values.level, "debug");
    ck_assert(values.device);
    ck_assert_uint_eq(result.positional.count, 1);
    ck_assert_int_eq(load("--call", "me", "--name=you"), GH_OK);
    ck_assert_uint_eq(values.names.count, 2);
}
END_TEST

START_TEST(a_bare_number_gets_the_alias_unit)
{
    ck_assert_int_eq(load("--timeout", "90", NULL), GH_OK);
    ck_assert_int_eq(values.wait, 90000);
    ck_assert_int_eq(load("--timeout=2m", NULL, NULL), GH_OK);
    ck_assert_int_eq(values.wait, 120000);
    ck_assert_int_eq(load("--wait", "90", NULL), GH_ERR_INVALID);
}
END_TEST

START_TEST(an_alias_without_a_row_changes_nothing)
{
    ck_assert_int_eq(load("--proxy", "url", NULL), GH_OK);
    ck_assert_uint_eq(result.positional.count, 1);
    ck_assert_str_eq(values.level, "warn");
}
END_TEST

static const struct {
    const char *a, *b, *says;
} REFUSED[] = {
    {"--timeout", NULL, "needs a value"},    {"--timeout", "soon", "--timeout"},
    {"--timeout", "-5", "--timeout"},        {"--timeout", "99999999999999999999", "--timeout"},
    {"--debug=yes", NULL, "takes no value"}, {"--proxy=x", NULL, "takes no value"},
    {"--device-cod", NULL, "--device-code"}, {"--prox", NULL, "--proxy"},
};

START_TEST(what_is_wrong_is_told_with_the_alias_name)
{
    ck_assert_int_eq(load(REFUSED[_i].a, REFUSED[_i].b, NULL), GH_ERR_INVALID);
    ck_assert_msg(strstr(error.message, REFUSED[_i].says) != NULL, "%s", error.message);
}
END_TEST

START_TEST(an_alias_is_for_the_command_line_only)
{
    char variable[] = "PROG_DEBUG=1";
    char *env[] = {variable, NULL};
    gh_buf help = GH_BUF_INIT(65536);
    ck_assert_int_eq(load_env("url", NULL, NULL, env), GH_ERR_INVALID);
    ck_assert_int_eq(gh_options_write_help(&TABLE, &help), GH_OK);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&help), "--device-code"));
    gh_buf_free(&help);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options_alias");
    TCase *tests = tcase_create("options_alias");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, an_alias_sets_what_it_stands_for);
    tcase_add_test(tests, a_bare_number_gets_the_alias_unit);
    tcase_add_test(tests, an_alias_without_a_row_changes_nothing);
    tcase_add_loop_test(tests, what_is_wrong_is_told_with_the_alias_name, 0,
                        (int)(sizeof(REFUSED) / sizeof(REFUSED[0])));
    tcase_add_test(tests, an_alias_is_for_the_command_line_only);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
