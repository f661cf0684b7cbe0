/* Limits and metrics: what the settings make of what was given and of what was not. */
#include "server/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"

#define ARGUMENTS_MAX 16
#define LOAD(...) load((const char *const[]){__VA_ARGS__, NULL})

static gh_settings settings;
static gh_error error;

static gh_status load(const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 4] = {(char *)(uintptr_t) "gatehouse", (char *)(uintptr_t) "--store",
                                     (char *)(uintptr_t) "memory"};
    char *env[] = {NULL};
    int argc = 3;
    for (; *arguments != NULL; arguments++) {
        ck_assert_int_le(argc, ARGUMENTS_MAX);
        argv[argc++] = (char *)(uintptr_t)*arguments;
    }
    gh_settings_clear(&settings);
    memset(&error, 0, sizeof error);
    return gh_settings_load(argc, argv, env, &settings, &error);
}

static void tear_down(void)
{
    gh_settings_clear(&settings);
}

static void refused(gh_status status, const char *word)
{
    ck_assert_int_eq(status, GH_ERR_DENIED);
    ck_assert_msg(strstr(error.message, word) != NULL, "'%s' says nothing of %s", error.message, word);
}

START_TEST(without_options_there_are_limits_that_fit_together)
{
    ck_assert_int_eq(LOAD("--auth", "dev"), GH_OK);
    ck_assert_int_eq(settings.max_connections, 16384 + 256);
    ck_assert_int_eq(settings.max_streams, 205);
    ck_assert_int_eq(settings.max_streams_user, 103);
    ck_assert_int_eq(settings.max_sessions_user, 100);
    ck_assert_int_eq(settings.max_calls_user, 1024);
    ck_assert_int_eq(settings.max_head, 16384);
    ck_assert_int_eq(settings.max_depth, 64);
    ck_assert_int_eq(settings.max_members, 100000);
    ck_assert_int_eq(settings.requests_per_minute, 60000);
    ck_assert_int_eq(settings.requests_per_minute_user, 60000);
    ck_assert(!settings.counts_local && !settings.counts_local_users);
    ck_assert_ptr_null(settings.metrics_listen);
}
END_TEST

START_TEST(limits_follow_the_workers)
{
    ck_assert_int_eq(LOAD("--workers", "4"), GH_OK);
    ck_assert_int_eq(settings.max_connections, 16384 + 4);
    ck_assert_int_eq(settings.max_streams, 2); /* calls have workers, too */
    ck_assert_int_eq(settings.max_streams_user, 1);
    ck_assert_int_eq(LOAD("--workers", "1300"), GH_OK);
    ck_assert_int_eq(settings.max_streams, 1040);
    ck_assert_int_eq(settings.max_streams_user, 520);
    ck_assert_int_eq(LOAD("--max-streams", "9"), GH_OK);
    ck_assert_int_eq(settings.max_streams_user, 5);
    ck_assert_int_eq(LOAD("--max-streams", "1"), GH_OK);
    ck_assert_int_eq(settings.max_streams_user, 1);
}
END_TEST

START_TEST(what_cannot_be_is_said)
{
    refused(LOAD("--workers", "100", "--max-connections", "100"), "--max-connections 100");
    ck_assert_int_eq(LOAD("--workers", "100", "--max-connections", "101"), GH_OK);
    refused(LOAD("--workers", "100", "--max-streams", "101"), "--workers");
    ck_assert_int_eq(LOAD("--max-depth", "65"), GH_ERR_INVALID);
    ck_assert_int_eq(LOAD("--max-head", "1k"), GH_ERR_INVALID);
    ck_assert_int_eq(LOAD("--requests-per-minute", "-1"), GH_ERR_INVALID);
}
END_TEST

START_TEST(a_rate_that_was_given_counts_for_this_machine_too)
{
    ck_assert_int_eq(LOAD("--requests-per-minute", "60000"), GH_OK);
    ck_assert(settings.counts_local && !settings.counts_local_users);
    ck_assert_int_eq(LOAD("--requests-per-minute-user", "0"), GH_OK);
    ck_assert_int_eq(settings.requests_per_minute_user, 0);
    ck_assert(!settings.counts_local && settings.counts_local_users);
}
END_TEST

static void write_token(const char *path, const char *token)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(token, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, 0600), 0);
}

START_TEST(metrics_stay_on_this_machine_or_ask_for_a_token)
{
    char path[] = "/tmp/gatehouse-token-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    ck_assert_int_eq(LOAD("--metrics-listen", "127.0.0.1:0"), GH_OK);
    ck_assert_int_eq(LOAD("--metrics-listen", "[::1]:9464"), GH_OK);
    refused(LOAD("--metrics-listen", "0.0.0.0:9464"), "--metrics-token-file");
    refused(LOAD("--metrics-listen", "192.0.2.1:9464"), "127.0.0.1:9464");
    ck_assert_int_eq(LOAD("--metrics-listen", "example"), GH_ERR_INVALID);
    write_token(path, "too short\n");
    refused(LOAD("--metrics-listen", "0.0.0.0:9464", "--metrics-token-file", path), "16 characters");
    write_token(path, "long enough for it\n");
    ck_assert_int_eq(LOAD("--metrics-listen", "0.0.0.0:9464", "--metrics-token-file", path), GH_OK);
    refused(LOAD("--metrics-token-file", path), "--metrics-listen");
    (void)unlink(path);
}
END_TEST

START_TEST(the_printed_configuration_has_what_is_in_effect)
{
    gh_buf text = GH_BUF_INIT(65536);
    ck_assert_int_eq(LOAD("--workers", "10"), GH_OK);
    ck_assert_int_eq(gh_settings_write_config(&settings, &text), GH_OK);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&text), "\"max-streams\": 8"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&text), "\"max-connections\": 16394"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&text), "\"requests-per-minute\": 60000"));
    gh_buf_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings_limits");
    TCase *tests = tcase_create("settings_limits");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, without_options_there_are_limits_that_fit_together);
    tcase_add_test(tests, limits_follow_the_workers);
    tcase_add_test(tests, what_cannot_be_is_said);
    tcase_add_test(tests, a_rate_that_was_given_counts_for_this_machine_too);
    tcase_add_test(tests, metrics_stay_on_this_machine_or_ask_for_a_token);
    tcase_add_test(tests, the_printed_configuration_has_what_is_in_effect);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
