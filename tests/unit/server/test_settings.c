#include "server/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/http/address.h"
#include "tests/support/suite.h"

static gh_settings settings;
static gh_error error;

static void set_up(void)
{
    memset(&settings, 0, sizeof settings);
    memset(&error, 0, sizeof error);
    ck_assert_int_eq(setenv("XDG_STATE_HOME", "/nowhere/state", 1), 0);
}

static void tear_down(void)
{
    gh_settings_clear(&settings);
}

/* Loads with up to four arguments. */
static gh_status load(const char *a, const char *b, const char *c, const char *d)
{
    char *argv[] = {(char *)(uintptr_t) "gatehouse",
                    (char *)(uintptr_t)a,
                    (char *)(uintptr_t)b,
                    (char *)(uintptr_t)c,
                    (char *)(uintptr_t)d,
                    NULL};
    char *env[] = {NULL};
    int argc = 1;
    while (argv[argc] != NULL) {
        argc++;
    }
    gh_settings_clear(&settings);
    memset(&error, 0, sizeof error);
    gh_status status = gh_settings_load(argc, argv, env, &settings, &error);
    ck_assert((status == GH_OK) == (error.message[0] == '\0'));
    return status;
}

START_TEST(without_options_it_is_dev_mode_on_loopback)
{
    ck_assert_int_eq(load(NULL, NULL, NULL, NULL), GH_OK);
    ck_assert_str_eq(settings.auth, "dev");
    ck_assert_str_eq(settings.listen, "127.0.0.1:8080");
    ck_assert_ptr_null(settings.public_url);
    ck_assert_str_eq(settings.store, "sqlite:/nowhere/state/gatehouse/dev.db");
    ck_assert_int_eq(settings.workers, 256);
    ck_assert_int_eq(settings.max_body, 4 * 1024 * 1024);
    ck_assert_int_eq(settings.access_token_ttl_ms, 600000);
    ck_assert(gh_text_list_has(&settings.redirect_schemes, "cursor"));
    ck_assert_ptr_null(settings.dev_password);
}
END_TEST

START_TEST(dev_mode_listens_on_loopback_only)
{
    static const char *const bad[] = {"0.0.0.0:8080", "[::]:8080", "192.168.1.5:80", "example.com:80"};
    static const char *const good[] = {"127.0.0.1:0", "localhost:9", "127.1.2.3:9", "[::1]:9", "9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(load("--listen", bad[i], NULL, NULL) == GH_ERR_DENIED, "%s passed", bad[i]);
        ck_assert_ptr_nonnull(strstr(error.message, "127.0.0.1:"));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(load("--listen", good[i], NULL, NULL) == GH_OK, "%s: %s", good[i], error.message);
    }
}
END_TEST

START_TEST(dev_mode_is_public_on_loopback_only)
{
    ck_assert_int_eq(load("--public-url", "http://example.com:8080", NULL, NULL), GH_ERR_DENIED);
    ck_assert_int_eq(load("--public-url", "https://localhost:8080", NULL, NULL), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "TLS"));
    ck_assert_int_eq(load("--public-url", "localhost", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--public-url", "http://localhost:9", NULL, NULL), GH_OK);
}
END_TEST

START_TEST(wrong_values_are_usage_errors)
{
    ck_assert_int_eq(load("--listen", "localhost", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--listen", "::1:80", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--listen", "localhost:65536", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--store", "postgres", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--workers", "3", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--auth", "proxy", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("serve", NULL, NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--wrokers", "8", NULL, NULL), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "--workers"));
}
END_TEST

START_TEST(help_and_version_need_nothing_else)
{
    ck_assert_int_eq(load("--listen", "0.0.0.0:1", "--help", NULL), GH_OK);
    ck_assert(settings.result.help);
    ck_assert_int_eq(load("--version", NULL, NULL, NULL), GH_OK);
    ck_assert(settings.result.version);
}
END_TEST

START_TEST(the_printed_configuration_masks_the_password)
{
    char path[] = "/tmp/gatehouse-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "hunter2\n", 8), 8);
    ck_assert_int_eq(close(fd), 0);
    gh_buf text = GH_BUF_INIT(65536);
    gh_status status = load("--dev-password-file", path, "--print-config", NULL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    ck_assert(gh_secret_equals(settings.dev_password, GH_VIEW_LIT("hunter2")));
    ck_assert_int_eq(gh_settings_write_config(&settings, &text), GH_OK);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&text), "hunter2"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&text), "***"));
    gh_buf_free(&text);
}
END_TEST

START_TEST(help_names_every_option)
{
    static const char *const names[] = {"--auth",
                                        "--listen",
                                        "--public-url",
                                        "--store",
                                        "--name",
                                        "--dev-password-file",
                                        "--allow-origin",
                                        "--redirect-scheme",
                                        "--trusted-proxy",
                                        "--workers",
                                        "--max-body",
                                        "--request-timeout",
                                        "--body-timeout",
                                        "--drain-timeout",
                                        "--log-format",
                                        "--log-level",
                                        "--max-clients",
                                        "--max-sessions",
                                        "--session-idle",
                                        "--access-token-ttl",
                                        "--refresh-token-ttl"};
    gh_buf text = GH_BUF_INIT(65536);
    ck_assert_int_eq(gh_settings_write_help(&text), GH_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert_msg(strstr(gh_buf_cstr(&text), names[i]) != NULL, "%s is not in --help", names[i]);
    }
    gh_buf_free(&text);
}
END_TEST

START_TEST(addresses_have_a_host_and_a_port)
{
    gh_address address;
    ck_assert_int_eq(gh_address_parse("[::1]:8080", &address, NULL), GH_OK);
    ck_assert_str_eq(address.host, "::1");
    ck_assert_uint_eq(address.port, 8080);
    ck_assert_int_eq(gh_address_parse("8080", &address, NULL), GH_OK);
    ck_assert_str_eq(address.host, "localhost");
    ck_assert_int_eq(gh_address_parse(":8080", &address, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(gh_address_parse("", &address, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(gh_address_parse("[localhost]:1", &address, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(gh_address_parse("localhost:-1", &address, NULL), GH_ERR_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tests = tcase_create("settings");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, without_options_it_is_dev_mode_on_loopback);
    tcase_add_test(tests, dev_mode_listens_on_loopback_only);
    tcase_add_test(tests, dev_mode_is_public_on_loopback_only);
    tcase_add_test(tests, wrong_values_are_usage_errors);
    tcase_add_test(tests, help_and_version_need_nothing_else);
    tcase_add_test(tests, the_printed_configuration_masks_the_password);
    tcase_add_test(tests, help_names_every_option);
    tcase_add_test(tests, addresses_have_a_host_and_a_port);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
