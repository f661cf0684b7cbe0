#include "server/http/access_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/log.h"
#include "tests/support/suite.h"

/* Runs `write` with the log going to a file, and returns what it holds. */
static char *logged(gh_log_format format, gh_log_level level, void (*write)(void))
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    const gh_log_options options = {.fd = fileno(file), .format = format, .level = level};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    write();
    gh_log_stop();
    char *text = calloc(1, 8192);
    ck_assert_ptr_nonnull(text);
    rewind(file);
    ck_assert_uint_le(fread(text, 1, 8191, file), 8191);
    (void)fclose(file);
    return text;
}

static void write_both(void)
{
    gh_access_log_request(GH_VIEW_LIT("POST"), GH_VIEW_LIT("/mcp"), GH_VIEW_LIT("127.0.0.1"), 42086, NULL);
    gh_access_log_response(GH_VIEW_LIT("POST"), GH_VIEW_LIT("/mcp"), 401, 13980, NULL);
}

static void write_odd(void)
{
    gh_access_log_request(gh_view_of(NULL), GH_VIEW_LIT("/a\r\nb"), GH_VIEW_LIT("::1"), 9, NULL);
    gh_access_log_request(GH_VIEW_LIT("GET"), GH_VIEW_LIT("/"), GH_VIEW_LIT("203.0.113.9"), 0, NULL);
}

START_TEST(a_request_is_two_lines)
{
    char *text = logged(GH_LOG_TEXT, GH_LOG_INFO, write_both);
    ck_assert_ptr_nonnull(
        strstr(text, " [HTTP REQUEST] Method: POST | Path: /mcp | RemoteAddr: 127.0.0.1:42086\n"));
    ck_assert_ptr_nonnull(
        strstr(text, " [HTTP RESPONSE] Method: POST | Path: /mcp | Status: 401 | Duration: 13.98µs\n"));
    free(text);
}
END_TEST

START_TEST(the_same_as_json)
{
    char *text = logged(GH_LOG_JSON, GH_LOG_INFO, write_both);
    ck_assert_ptr_nonnull(strstr(text, "\"event\":\"HTTP REQUEST\",\"method\":\"POST\",\"path\":\"/mcp\""));
    ck_assert_ptr_nonnull(strstr(text, "\"remote_addr\":\"127.0.0.1:42086\""));
    ck_assert_ptr_nonnull(strstr(text, "\"status\":401"));
    free(text);
}
END_TEST

static void write_left(void)
{
    gh_access_log_response(GH_VIEW_LIT("POST"), GH_VIEW_LIT("/mcp"), GH_ACCESS_LOG_CLIENT_LEFT, 13980, NULL);
}

START_TEST(a_client_that_left_is_no_fault_of_the_server)
{
    char *text = logged(GH_LOG_TEXT, GH_LOG_INFO, write_left);
    ck_assert_ptr_nonnull(strstr(text, " | Status: 499 | Duration: 13.98µs | Note: client left\n"));
    free(text);
}
END_TEST

START_TEST(nothing_breaks_a_line)
{
    char *text = logged(GH_LOG_TEXT, GH_LOG_INFO, write_odd);
    size_t lines = 0;
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n' ? 1 : 0;
    }
    ck_assert_uint_eq(lines, 2);
    ck_assert_ptr_nonnull(strstr(text, "Method: - |"));
    ck_assert_ptr_nonnull(strstr(text, "RemoteAddr: [::1]:9\n"));
    ck_assert_ptr_nonnull(strstr(text, "RemoteAddr: 203.0.113.9\n"));
    free(text);
}
END_TEST

START_TEST(at_level_warn_it_is_silent)
{
    char *text = logged(GH_LOG_TEXT, GH_LOG_WARN, write_both);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("access_log");
    TCase *tests = tcase_create("access_log");
    tcase_add_test(tests, a_request_is_two_lines);
    tcase_add_test(tests, the_same_as_json);
    tcase_add_test(tests, a_client_that_left_is_no_fault_of_the_server);
    tcase_add_test(tests, nothing_breaks_a_line);
    tcase_add_test(tests, at_level_warn_it_is_silent);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
