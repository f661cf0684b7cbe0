#include "server/options.h"

#include <stdio.h>
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

#define ARGUMENTS_MAX 16

/* Loads with these arguments, which end with NULL. */
static gh_status load_list(const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t) "gatehouse"};
    char *env[] = {NULL};
    int argc = 1;
    for (; *arguments != NULL; arguments++) {
        ck_assert_int_le(argc, ARGUMENTS_MAX);
        argv[argc++] = (char *)(uintptr_t)*arguments;
    }
    gh_settings_clear(&settings);
    memset(&error, 0, sizeof error);
    gh_status status = gh_settings_load(argc, argv, env, &settings, &error);
    ck_assert((status == GH_OK) == (error.message[0] == '\0'));
    return status;
}

/* Up to four arguments. */
static gh_status load(const char *a, const char *b, const char *c, const char *d)
{
    const char *const list[] = {a, b, c, d, NULL};
    return load_list(list);
}

#define PROVIDER "http://localhost:9000/application/o/mcp/"
#define ISSUER "--issuer", PROVIDER
#define CLIENT "--client-id", "gatehouse"
#define LOAD(...) load_list((const char *const[]){__VA_ARGS__, NULL})
/* The arguments that follow the outcome and a word of its sentence (NULL for GH_OK). */
#define EXPECT(outcome, word, ...) expect((const char *const[]){__VA_ARGS__, NULL}, outcome, word)

static void expect(const char *const *arguments, gh_status outcome, const char *word)
{
    gh_status status = load_list(arguments);
    ck_assert_msg(status == outcome, "%s %s...: %d, '%s'", arguments[0], arguments[1], (int)status,
                  error.message);
    if (word != NULL) {
        ck_assert_msg(strstr(error.message, word) != NULL, "'%s' says nothing of %s", error.message, word);
    }
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

START_TEST(without_signing_in_it_stays_on_this_machine_too)
{
    EXPECT(GH_OK, NULL, "--auth", "none");
    EXPECT(GH_ERR_DENIED, "--auth none", "--auth", "none", "--listen", "0.0.0.0:8080");
    EXPECT(GH_ERR_DENIED, "--auth none", "--auth", "none", "--public-url", "http://example.com");
    EXPECT(GH_ERR_DENIED, "asks nobody", "--auth", "none", ISSUER);
    EXPECT(GH_ERR_DENIED, "--required-scopes has no use with --auth none", "--auth", "none",
           "--required-scopes", "mcp");
}
END_TEST

START_TEST(wrong_values_are_usage_errors)
{
    ck_assert_int_eq(load("--listen", "localhost", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--listen", "::1:80", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--listen", "localhost:65536", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--store", "postgres", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--workers", "3", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--auth", "ldap", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--issuer", "localhost:9000", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--issuer", "ftp://localhost/", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--issuer", "http://localhost/?a=b", NULL, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(load("--wrokers", "8", NULL, NULL), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "--workers"));
}
END_TEST

START_TEST(a_command_and_its_words_are_kept_in_order)
{
    EXPECT(GH_OK, NULL, "grants", "--store", "memory", "revoke", "g1");
    ck_assert_uint_eq(settings.result.positional.count, 3);
    ck_assert_str_eq(settings.result.positional.items[0], "grants");
    ck_assert_str_eq(settings.result.positional.items[1], "revoke");
    ck_assert_str_eq(settings.result.positional.items[2], "g1");
    EXPECT(GH_OK, NULL, "--store", "memory");
    ck_assert_uint_eq(settings.result.positional.count, 0);
}
END_TEST

START_TEST(an_issuer_makes_it_proxy_mode)
{
    EXPECT(GH_OK, NULL, ISSUER, CLIENT);
    ck_assert_str_eq(settings.auth, "proxy");
    ck_assert_str_eq(settings.issuer, PROVIDER);
    ck_assert_str_eq(settings.store, "sqlite:/nowhere/state/gatehouse/proxy.db");
    EXPECT(GH_OK, NULL, "--auth", "direct", ISSUER);
    ck_assert_str_eq(settings.auth, "direct");
}
END_TEST

START_TEST(every_mode_but_dev_needs_an_issuer)
{
    EXPECT(GH_ERR_DENIED, "--issuer", "--auth", "proxy");
    EXPECT(GH_ERR_DENIED, "--issuer", "--auth", "proxy", CLIENT);
    EXPECT(GH_ERR_DENIED, "--issuer", "--auth", "direct");
    EXPECT(GH_ERR_DENIED, "--issuer", "--auth", "facade", CLIENT, "--accept-client-id-audience");
}
END_TEST

START_TEST(dev_mode_refuses_an_issuer)
{
    EXPECT(GH_ERR_DENIED, "--issuer", "--auth", "dev", ISSUER);
    EXPECT(GH_ERR_DENIED, "--auth dev", "--auth", "dev", ISSUER, CLIENT);
}
END_TEST

START_TEST(proxy_and_facade_need_a_client_id)
{
    EXPECT(GH_ERR_DENIED, "--client-id", ISSUER, "--store", "memory");
    EXPECT(GH_ERR_DENIED, "--client-id", "--auth", "proxy", ISSUER);
    EXPECT(GH_ERR_DENIED, "--client-id", "--auth", "facade", ISSUER, "--accept-client-id-audience");
    EXPECT(GH_OK, NULL, "--auth", "proxy", ISSUER, CLIENT);
    EXPECT(GH_OK, NULL, "--auth", "direct", ISSUER);
    EXPECT(GH_ERR_DENIED, "--client-id", "--auth", "direct", ISSUER, "--accept-client-id-audience");
    EXPECT(GH_OK, NULL, "--auth", "direct", ISSUER, CLIENT, "--accept-client-id-audience");
}
END_TEST

START_TEST(facade_mode_asks_for_leave_to_take_every_token_of_the_client)
{
    EXPECT(GH_ERR_DENIED, "--accept-client-id-audience", "--auth", "facade", ISSUER, CLIENT);
    EXPECT(GH_OK, NULL, "--auth", "facade", ISSUER, CLIENT, "--accept-client-id-audience");
}
END_TEST

START_TEST(a_password_is_for_dev_mode_only)
{
    char path[] = "/tmp/gatehouse-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "hunter2\n", 8), 8);
    ck_assert_int_eq(close(fd), 0);
    gh_status dev = LOAD("--dev-password-file", path);
    gh_status proxy = LOAD("--dev-password-file", path, ISSUER, CLIENT);
    gh_status none = LOAD("--dev-password-file", path, "--auth", "none");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(dev, GH_OK);
    ck_assert_int_eq(proxy, GH_ERR_DENIED);
    ck_assert_int_eq(none, GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "--dev-password-file"));
}
END_TEST

START_TEST(own_tokens_cannot_be_required_to_carry_foreign_scopes)
{
    EXPECT(GH_ERR_DENIED, "their scope is mcp", "--required-scopes", "mcp files");
    EXPECT(GH_ERR_DENIED, "--auth proxy", ISSUER, CLIENT, "--required-scopes", "openid");
    EXPECT(GH_OK, NULL, "--required-scopes", "mcp");
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--required-scopes", "");
    EXPECT(GH_OK, NULL, "--auth", "direct", ISSUER, "--required-scopes", "openid files");
}
END_TEST

START_TEST(a_required_claim_has_a_name_and_a_value)
{
    static const char *const bad[] = {"groups", "=mcp", "groups=", "="};
    static const char *const good[] = {"groups=mcp", "groups=a b", "groups=a=b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        EXPECT(GH_ERR_INVALID, bad[i], ISSUER, CLIENT, "--require-claim", bad[i]);
        EXPECT(GH_ERR_INVALID, bad[i], ISSUER, CLIENT, "--require-claim", good[0], "--require-claim", bad[i]);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--require-claim", good[i]);
        ck_assert(gh_text_list_has(&settings.required_claims, good[i]));
    }
}
END_TEST

START_TEST(what_is_about_descriptions_needs_one)
{
    EXPECT(GH_ERR_INVALID, "--openapi-select", "--openapi-select", "GET *");
    EXPECT(GH_ERR_INVALID, "--openapi-upstream", "--tools", "a.json", "--openapi-upstream", "orders");
    EXPECT(GH_OK, NULL, "--openapi", "a.yaml", "--openapi-select", "GET *", "--openapi-upstream", "orders");
    EXPECT(GH_OK, NULL, "--openapi-select", "GET *", "tools", "check", "a.yaml");
}
END_TEST

START_TEST(who_listens_to_other_machines_says_under_which_name)
{
    static const char *const open[] = {"0.0.0.0:8080", "[::]:8080", "192.168.1.5:80", "example.com:80"};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        EXPECT(GH_ERR_DENIED, "--public-url", ISSUER, CLIENT, "--listen", open[i]);
        EXPECT(GH_ERR_DENIED, "--public-url", "--auth", "direct", ISSUER, "--listen", open[i]);
        EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--listen", open[i], "--public-url", "https://mcp.example.com");
        EXPECT(GH_ERR_DENIED, "--auth dev", "--listen", open[i], "--public-url", "http://localhost:8080");
    }
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--listen", "127.0.0.1:0");
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--listen", "[::1]:0");
}
END_TEST

START_TEST(plain_http_to_other_machines_needs_leave)
{
    static const char *const plain[] = {"http://mcp.example.com", "http://192.168.1.5:8080",
                                        "http://localhost.example.com"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        EXPECT(GH_ERR_DENIED, "--allow-insecure-http", ISSUER, CLIENT, "--public-url", plain[i]);
        EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--public-url", plain[i], "--allow-insecure-http");
        EXPECT(GH_ERR_DENIED, "--auth dev", "--public-url", plain[i], "--allow-insecure-http");
    }
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--public-url", "http://localhost:8080");
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--public-url", "http://127.0.0.1:8080");
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--public-url", "https://mcp.example.com");
    EXPECT(GH_ERR_INVALID, "--public-url", ISSUER, CLIENT, "--public-url", "ftp://mcp.example.com",
           "--allow-insecure-http");
}
END_TEST

START_TEST(every_mode_has_a_store_of_its_own)
{
    static const char *const modes[] = {"dev", "proxy", "direct", "facade"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char expected[128];
        (void)snprintf(expected, sizeof expected, "sqlite:/nowhere/state/gatehouse/%s.db", modes[i]);
        if (i == 0) {
            EXPECT(GH_OK, NULL, "--auth", modes[i]);
        } else {
            EXPECT(GH_OK, NULL, "--auth", modes[i], ISSUER, CLIENT, "--accept-client-id-audience");
        }
        ck_assert_str_eq(settings.store, expected);
    }
    EXPECT(GH_OK, NULL, ISSUER, CLIENT, "--store", "sqlite:/elsewhere/a.db");
    ck_assert_str_eq(settings.store, "sqlite:/elsewhere/a.db");
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
                                        "--issuer",
                                        "--client-id",
                                        "--client-secret-file",
                                        "--scopes",
                                        "--required-scopes",
                                        "--audience",
                                        "--accept-client-id-audience",
                                        "--require-claim",
                                        "--idp-connect-to",
                                        "--ca-file",
                                        "--allow-insecure-http",
                                        "--secret-key-file",
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
    tcase_add_test(tests, without_signing_in_it_stays_on_this_machine_too);
    tcase_add_test(tests, wrong_values_are_usage_errors);
    tcase_add_test(tests, a_command_and_its_words_are_kept_in_order);
    tcase_add_test(tests, an_issuer_makes_it_proxy_mode);
    tcase_add_test(tests, every_mode_but_dev_needs_an_issuer);
    tcase_add_test(tests, dev_mode_refuses_an_issuer);
    tcase_add_test(tests, proxy_and_facade_need_a_client_id);
    tcase_add_test(tests, facade_mode_asks_for_leave_to_take_every_token_of_the_client);
    tcase_add_test(tests, a_password_is_for_dev_mode_only);
    tcase_add_test(tests, own_tokens_cannot_be_required_to_carry_foreign_scopes);
    tcase_add_test(tests, a_required_claim_has_a_name_and_a_value);
    tcase_add_test(tests, what_is_about_descriptions_needs_one);
    tcase_add_test(tests, who_listens_to_other_machines_says_under_which_name);
    tcase_add_test(tests, plain_http_to_other_machines_needs_leave);
    tcase_add_test(tests, every_mode_has_a_store_of_its_own);
    tcase_add_test(tests, help_and_version_need_nothing_else);
    tcase_add_test(tests, the_printed_configuration_masks_the_password);
    tcase_add_test(tests, help_names_every_option);
    tcase_add_test(tests, addresses_have_a_host_and_a_port);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
