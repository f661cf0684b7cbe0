#include "bridge/options.h"

#include <string.h>

#include "tests/support/suite.h"

static gh_bridge_settings settings;
static gh_error error;
static char home[] = "HOME=/nonexistent";
static char *env[8];

static void start(void)
{
    memset(&settings, 0, sizeof(settings));
    memset(&error, 0, sizeof(error));
    memset(env, 0, sizeof(env));
    env[0] = home;
}

static void finish(void)
{
    gh_bridge_options_clear(&settings);
}

static gh_status load(const char *a, const char *b, const char *c)
{
    const char *words[] = {"gatehouse-bridge", a, b, c};
    char *argv[5] = {NULL};
    int argc = 0;
    for (int i = 0; i < 4 && words[i] != NULL; i++) {
        argv[argc++] = (char *)(uintptr_t)words[i];
    }
    gh_bridge_options_clear(&settings);
    return gh_bridge_options_load(argc, argv, env, &settings, &error);
}

START_TEST(a_url_alone_runs_with_the_defaults)
{
    ck_assert_int_eq(load("http://localhost:8080/mcp", NULL, NULL), GH_OK);
    ck_assert_int_eq(settings.command, GH_BRIDGE_RUN);
    ck_assert_str_eq(settings.url, "http://localhost:8080/mcp");
    ck_assert_int_eq(settings.eof_wait_ms, 800);
    ck_assert_int_eq(settings.login_timeout_ms, 300000);
    ck_assert_int_eq(settings.request_timeout_ms, 600000);
    ck_assert_int_eq(settings.connect_timeout_ms, 10000);
    ck_assert_int_eq(settings.max_message, 16 * 1024 * 1024);
    ck_assert_int_eq(settings.callback_port, 0);
    ck_assert(!settings.no_browser);
    ck_assert_str_eq(settings.log_level, "warn");
    ck_assert_str_eq(settings.log_format, "text");
    ck_assert_ptr_nonnull(strstr(settings.state_dir, "gatehouse-bridge"));
}
END_TEST

static const struct {
    const char *word;
    gh_bridge_command command;
} COMMANDS[] = {{"login", GH_BRIDGE_LOGIN},
                {"logout", GH_BRIDGE_LOGOUT},
                {"status", GH_BRIDGE_STATUS},
                {"check", GH_BRIDGE_CHECK}};

START_TEST(the_first_word_may_be_a_command)
{
    ck_assert_int_eq(load(COMMANDS[_i].word, "https://mcp.example.org/mcp", NULL), GH_OK);
    ck_assert_int_eq(settings.command, COMMANDS[_i].command);
    ck_assert_str_eq(settings.url, "https://mcp.example.org/mcp");
    ck_assert_str_eq(settings.log_level, "info");
    ck_assert_int_eq(load(COMMANDS[_i].word, NULL, NULL), GH_ERR_INVALID);
}
END_TEST

static const struct {
    const char *a, *b, *says;
} REFUSED[] = {
    {NULL, NULL, "URL"},
    {"http://mcp.example.org/mcp", NULL, "--allow-http"},
    {"ftp://localhost/mcp", NULL, "https://"},
    {"localhost:8080/mcp", NULL, "https://"},
    {"https://user:secret@example.org/mcp", NULL, "password"},
    {"https://example.org/mcp#x", NULL, "fragment"},
    {"https://example.org/mcp", "https://example.org/other", "too many"},
    {"lgoin", "https://example.org/mcp", "lgoin"},
    {"--no-brwoser", "https://example.org/mcp", "no-browser"},
    {"--login-timeout=10ms", "https://example.org/mcp", "login-timeout"},
    {"--callback-port=70000", "https://example.org/mcp", "callback-port"},
    {"--log-level=loud", "https://example.org/mcp", "log-level"},
    {"--client-secret=x", "https://example.org/mcp", "--client-secret-file"},
};

START_TEST(what_is_wrong_is_refused_with_the_way_out)
{
    ck_assert_int_eq(load(REFUSED[_i].a, REFUSED[_i].b, NULL), GH_ERR_INVALID);
    ck_assert_msg(strstr(error.message, REFUSED[_i].says) != NULL, "%s", error.message);
    ck_assert_ptr_null(strstr(error.message, "secret@"));
}
END_TEST

START_TEST(plain_http_to_another_machine_needs_consent)
{
    ck_assert_int_eq(load("--allow-http", "http://mcp.example.org/mcp", NULL), GH_OK);
    ck_assert_int_eq(load("http://127.0.0.1:9/mcp", NULL, NULL), GH_OK);
    ck_assert_int_eq(load("http://[::1]:9/mcp", NULL, NULL), GH_OK);
}
END_TEST

START_TEST(options_come_from_the_environment_and_the_command_line_wins)
{
    static char wait[] = "GATEHOUSE_BRIDGE_EOF_WAIT=2s";
    static char quiet[] = "GATEHOUSE_BRIDGE_NO_BROWSER=true";
    env[1] = wait;
    env[2] = quiet;
    ck_assert_int_eq(load("https://example.org/mcp", NULL, NULL), GH_OK);
    ck_assert_int_eq(settings.eof_wait_ms, 2000);
    ck_assert(settings.no_browser);
    ck_assert_int_eq(load("--eof-wait", "0", "https://example.org/mcp"), GH_OK);
    ck_assert_int_eq(settings.eof_wait_ms, 0);
}
END_TEST

START_TEST(help_needs_no_url_and_names_every_option_and_command)
{
    static const char *const NAMES[] = {"--client-id", "--no-browser", "--eof-wait", "--state-dir", "login",
                                        "logout",      "status",       "check",      "--allow-http"};
    gh_buf out = GH_BUF_INIT(256 * 1024);
    ck_assert_int_eq(load("--help", NULL, NULL), GH_OK);
    ck_assert(settings.result.help);
    ck_assert_int_eq(gh_options_write_help(&GH_BRIDGE_OPTIONS, &out), GH_OK);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        ck_assert_msg(strstr(gh_buf_cstr(&out), NAMES[i]) != NULL, "%s is missing", NAMES[i]);
    }
    gh_buf_free(&out);
    ck_assert_int_eq(load("--print-config", NULL, NULL), GH_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bridge options");
    TCase *tests = tcase_create("bridge options");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_url_alone_runs_with_the_defaults);
    tcase_add_loop_test(tests, the_first_word_may_be_a_command, 0, 4);
    tcase_add_loop_test(tests, what_is_wrong_is_refused_with_the_way_out, 0,
                        (int)(sizeof(REFUSED) / sizeof(REFUSED[0])));
    tcase_add_test(tests, plain_http_to_another_machine_needs_consent);
    tcase_add_test(tests, options_come_from_the_environment_and_the_command_line_wins);
    tcase_add_test(tests, help_needs_no_url_and_names_every_option_and_command);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
