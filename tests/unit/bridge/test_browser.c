#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/browser.h"
#include "shared/core/bytes.h"
#include "shared/core/file.h"
#include "tests/support/suite.h"

static char folder[64];
static char script[128];
static char output[128];

static void setup(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/gh_browser_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(script, sizeof(script), "%s/browser", folder);
    (void)snprintf(output, sizeof(output), "%s/seen", folder);
    FILE *file = fopen(script, "w");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "#!/bin/sh\nfor a in \"$@\"; do echo \"[$a]\"; done > %s.part\nmv %s.part %s\n",
                  output, output, output);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(script, 0700), 0);
    ck_assert_int_eq(unsetenv("BROWSER"), 0);
}

static void teardown(void)
{
    (void)unlink(script);
    (void)unlink(output);
    (void)rmdir(folder);
}

/* What the script was called with, or NULL after two seconds. */
static const char *seen(void)
{
    static gh_buf text;
    gh_buf_free(&text);
    gh_buf_init(&text, 4096);
    for (int i = 0; i < 200; i++) {
        if (access(output, R_OK) == 0 && gh_file_read(output, &text, NULL) == GH_OK) {
            return gh_buf_cstr(&text);
        }
        (void)usleep(10000);
    }
    return NULL;
}

START_TEST(the_url_is_one_argument_whatever_it_holds)
{
    char command[160];
    (void)snprintf(command, sizeof(command), "%s  --new-window", script);
    ck_assert_int_eq(gh_browser_open(command, "http://127.0.0.1:1/a?b=$(touch%20x)&c=;d", NULL), GH_OK);
    ck_assert_str_eq(seen(), "[--new-window]\n[http://127.0.0.1:1/a?b=$(touch%20x)&c=;d]\n");
}
END_TEST

START_TEST(percent_s_stands_for_the_url)
{
    char command[160];
    (void)snprintf(command, sizeof(command), "%s --url=%%s --last", script);
    ck_assert_int_eq(gh_browser_open(command, "https://example.org/", NULL), GH_OK);
    ck_assert_str_eq(seen(), "[--url=https://example.org/]\n[--last]\n");
}
END_TEST

START_TEST(the_environment_names_a_browser)
{
    char list[200];
    (void)snprintf(list, sizeof(list), "/nonexistent/browser:%s", script);
    ck_assert_int_eq(setenv("BROWSER", list, 1), 0);
    ck_assert_int_eq(gh_browser_open(NULL, "https://example.org/x", NULL), GH_OK);
    ck_assert_str_eq(seen(), "[https://example.org/x]\n");
}
END_TEST

START_TEST(anything_but_http_is_refused)
{
    static const char *const urls[] = {"file:///etc/passwd", "javascript:alert(1)", "--help", "",
                                       "ftp://h/",           "http://user@h/ x"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        gh_error error = {GH_OK, ""};
        ck_assert_int_eq(gh_browser_open(script, urls[i], &error), GH_ERR_DENIED);
        ck_assert_ptr_nonnull(strstr(error.message, "http"));
    }
    ck_assert_int_ne(access(output, F_OK), 0);
}
END_TEST

START_TEST(a_browser_that_is_not_there_is_reported)
{
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_browser_open("/nonexistent/browser", "https://example.org/", &error),
                     GH_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.message, "--browser"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("browser");
    TCase *tests = tcase_create("browser");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_url_is_one_argument_whatever_it_holds);
    tcase_add_test(tests, percent_s_stands_for_the_url);
    tcase_add_test(tests, the_environment_names_a_browser);
    tcase_add_test(tests, anything_but_http_is_refused);
    tcase_add_test(tests, a_browser_that_is_not_there_is_reported);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
