#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/options.h"
#include "tests/support/suite.h"

static gh_bridge_settings settings;
static gh_error error;
static char home[] = "HOME=/nonexistent", key[] = "MY_KEY=s3cret", empty[] = "EMPTY=";
static char *env[] = {home, key, empty, NULL};
static char file[64];

static void start(void)
{
    memset(&settings, 0, sizeof(settings));
    memset(&error, 0, sizeof(error));
    (void)snprintf(file, sizeof(file), "/tmp/gatehouse-headers-XXXXXX");
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
}

static void finish(void)
{
    gh_bridge_options_clear(&settings);
    (void)unlink(file);
}

static void write_file(const char *text, mode_t mode)
{
    int fd = open(file, O_WRONLY | O_TRUNC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    (void)close(fd);
}

static gh_status load(const char *a, const char *b, const char *c, const char *d)
{
    const char *words[] = {"gatehouse-bridge", "http://localhost:1/mcp", a, b, c, d};
    char *argv[7] = {NULL};
    int argc = 0;
    for (int i = 0; i < 6 && words[i] != NULL; i++) {
        argv[argc++] = (char *)(uintptr_t)words[i];
    }
    gh_bridge_options_clear(&settings);
    return gh_bridge_options_load(argc, argv, env, &settings, &error);
}

static const struct {
    const char *line, *name, *value;
} HEADERS[] = {
    {"X-Key: a", "X-Key", "a"},
    {"X-Key:a:b", "X-Key", "a:b"},
    {"X-Key:  ${MY_KEY}  ", "X-Key", "s3cret"},
    {"X-Key: Bearer ${MY_KEY}${MY_KEY}.", "X-Key", "Bearer s3crets3cret."},
    {"X-Key: $MY_KEY ${} $ ${x", "X-Key", "$MY_KEY ${} $ ${x"},
    {"X-Key: ${EMPTY}", "X-Key", ""},
    {"X-Key:", "X-Key", ""},
};

START_TEST(a_header_is_taken_apart_and_variables_are_put_in)
{
    ck_assert_int_eq(load("--header", HEADERS[_i].line, NULL, NULL), GH_OK);
    ck_assert_uint_eq(settings.header_count, 1);
    ck_assert_str_eq(settings.headers[0].name, HEADERS[_i].name);
    ck_assert_str_eq(settings.headers[0].value, HEADERS[_i].value);
    ck_assert_str_eq(settings.header_lines.items[0], "X-Key: ***");
    ck_assert(!settings.own_authorization);
}
END_TEST

static const char *const REFUSED[] = {"nonsense",          ": a",
                                      "X Key: a",          "X-Key: ${ABSENT}",
                                      "X-Key: ***",        "host: a",
                                      "Content-Length: 5", "Mcp-Session-Id: a",
                                      "mcp-param-x: a",    "Accept: text/plain"};

START_TEST(what_is_no_header_or_is_the_bridges_own_is_refused)
{
    ck_assert_int_eq(load("--header", REFUSED[_i], NULL, NULL), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "--header"));
}
END_TEST

START_TEST(the_file_has_one_header_on_a_line)
{
    write_file("# comment\n\n  X-A: 1\r\nX-B:${MY_KEY}\n", 0600);
    ck_assert_int_eq(load("--header-file", file, "--header", "x-a: 2"), GH_OK);
    ck_assert_uint_eq(settings.header_count, 2);
    ck_assert_str_eq(settings.headers[0].name, "x-a");
    ck_assert_str_eq(settings.headers[0].value, "2");
    ck_assert_str_eq(settings.headers[1].value, "s3cret");
    write_file("X-A: 1\nhidden-value\n", 0600);
    ck_assert_int_eq(load("--header-file", file, NULL, NULL), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "line 2"));
    ck_assert_ptr_null(strstr(error.message, "hidden"));
}
END_TEST

START_TEST(a_file_that_others_can_read_is_refused)
{
    write_file("X-A: 1\n", 0640);
    ck_assert_int_ne(load("--header-file", file, NULL, NULL), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, file));
    ck_assert_int_ne(load("--header-file", "/nonexistent/headers", NULL, NULL), GH_OK);
}
END_TEST

START_TEST(an_authorization_excludes_every_sign_in)
{
    ck_assert_int_eq(load("--header", "authorization: Bearer x", NULL, NULL), GH_OK);
    ck_assert(settings.own_authorization);
    ck_assert_int_eq(load("--header", "Authorization: Bearer x", "--device", NULL), GH_ERR_INVALID);
}
END_TEST

START_TEST(the_transport_has_a_name)
{
    ck_assert_int_eq(load(NULL, NULL, NULL, NULL), GH_OK);
    ck_assert_int_eq(settings.transport, GH_BRIDGE_HTTP_FIRST);
    ck_assert_int_eq(load("--transport", "sse-only", NULL, NULL), GH_OK);
    ck_assert_int_eq(settings.transport, GH_BRIDGE_SSE_ONLY);
    ck_assert_int_eq(load("--transport=sse", NULL, NULL, NULL), GH_ERR_INVALID);
}
END_TEST

START_TEST(a_private_key_must_be_private)
{
    write_file("key", 0644);
    ck_assert_int_ne(load("--tls-cert", file, NULL, NULL), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, "chmod 600"));
    ck_assert_int_ne(load("--tls-key", file, NULL, NULL), GH_OK);
    ck_assert_int_ne(load("--tls-cert", "/nonexistent/cert.pem", NULL, NULL), GH_OK);
    write_file("key", 0600);
    ck_assert_int_eq(load("--tls-cert", file, "--tls-key", file), GH_OK);
}
END_TEST

static const struct {
    const char *path;
    gh_status status;
} PATHS[] = {{"/oauth/callback", GH_OK},   {"/", GH_OK},
             {"callback", GH_ERR_INVALID}, {"/a?b", GH_ERR_INVALID},
             {"/a b", GH_ERR_INVALID},     {"/a#b", GH_ERR_INVALID}};

START_TEST(the_callback_has_a_plain_path)
{
    ck_assert_int_eq(load("--callback-path", PATHS[_i].path, NULL, NULL), PATHS[_i].status);
}
END_TEST

START_TEST(a_port_may_follow_the_url)
{
    ck_assert_int_eq(load("3334", NULL, NULL, NULL), GH_OK);
    ck_assert_int_eq(settings.callback_port, 3334);
    ck_assert_int_eq(load("0", NULL, NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("3334", "3335", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("port", NULL, NULL, NULL), GH_ERR_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options_connection");
    TCase *tests = tcase_create("options_connection");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_loop_test(tests, a_header_is_taken_apart_and_variables_are_put_in, 0,
                        (int)(sizeof(HEADERS) / sizeof(HEADERS[0])));
    tcase_add_loop_test(tests, what_is_no_header_or_is_the_bridges_own_is_refused, 0,
                        (int)(sizeof(REFUSED) / sizeof(REFUSED[0])));
    tcase_add_test(tests, the_file_has_one_header_on_a_line);
    tcase_add_test(tests, a_file_that_others_can_read_is_refused);
    tcase_add_test(tests, an_authorization_excludes_every_sign_in);
    tcase_add_test(tests, the_transport_has_a_name);
    tcase_add_test(tests, a_private_key_must_be_private);
    tcase_add_loop_test(tests, the_callback_has_a_plain_path, 0, (int)(sizeof(PATHS) / sizeof(PATHS[0])));
    tcase_add_test(tests, a_port_may_follow_the_url);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
