#include <check.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/config/options.h"
#include "shared/json/gate.h"

typedef struct settings {
    char *listen;
    char *log_format;
    char *store_dir;
    bool verbose;
    bool banner;
    bool no_browser;
    int64_t workers;
    int64_t timeout;
    int64_t max_body;
    gh_secret *client_secret;
    gh_text_list origins;
} settings;

static gh_status check_listen(const char *value, gh_error *error)
{
    if (!strchr(value, ':')) {
        return gh_error_set(error, GH_ERR_INVALID, "'%s' lacks a port", value);
    }
    return GH_OK;
}

static const gh_option rows[] = {
    {.name = "listen",
     .type = GH_OPTION_STRING,
     .field = offsetof(settings, listen),
     .initial = "localhost:8080",
     .argument = "HOST:PORT",
     .help = "Where to listen.",
     .group = "Server",
     .check = check_listen},
    {.name = "workers",
     .type = GH_OPTION_INT,
     .field = offsetof(settings, workers),
     .initial = "8",
     .min = 1,
     .max = 64,
     .help =
         "Connections served at the same time, which is a sentence that is long enough to be wrapped once "
         "it is shown beside its option.\nSecond line."},
    {.name = "timeout",
     .type = GH_OPTION_DURATION,
     .field = offsetof(settings, timeout),
     .initial = "30s",
     .min = 100,
     .max = 3600000,
     .help = "How long to wait."},
    {.name = "max-body", .type = GH_OPTION_SIZE, .field = offsetof(settings, max_body), .initial = "4m"},
    {.name = "store-dir", .type = GH_OPTION_PATH, .field = offsetof(settings, store_dir), .help = "Folder."},
    {.name = "log-format",
     .type = GH_OPTION_ENUM,
     .field = offsetof(settings, log_format),
     .initial = "text",
     .choices = "text json",
     .help = "Form of the log.",
     .group = "Log"},
    {.name = "verbose", .type = GH_OPTION_BOOL, .field = offsetof(settings, verbose), .help = "More."},
    {.name = "banner",
     .type = GH_OPTION_BOOL,
     .field = offsetof(settings, banner),
     .initial = "true",
     .help = "Greeting."},
    {.name = "no-browser",
     .type = GH_OPTION_BOOL,
     .field = offsetof(settings, no_browser),
     .help = "URL only."},
    {.name = "client-secret",
     .type = GH_OPTION_SECRET,
     .field = offsetof(settings, client_secret),
     .help = "The client's secret.",
     .group = "Sign-in"},
    {.name = "allow-origin",
     .type = GH_OPTION_LIST,
     .field = offsetof(settings, origins),
     .initial = "http://a,http://b",
     .argument = "ORIGIN",
     .help = "May call."},
};

static const gh_option_table table = {
    .program = "gatehouse",
    .env_prefix = "GATEHOUSE_",
    .env_exclude = "GATEHOUSE_BRIDGE_",
    .version = "1.2.3",
    .usage = "gatehouse [OPTION...]",
    .footer = "See gatehouse(1).",
    .options = rows,
    .count = sizeof(rows) / sizeof(rows[0]),
};

static settings set;
static gh_options_result result;
static gh_error error;
static char folder[64];
static char config[128];
static char secret_file[128];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-test-options-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(config, sizeof(config), "%s/config.json", folder);
    (void)snprintf(secret_file, sizeof(secret_file), "%s/secret", folder);
    memset(&set, 0, sizeof(set));
    memset(&result, 0, sizeof(result));
}

static void remove_folder(void)
{
    gh_options_clear(&table, &set, &result);
    (void)unlink(config);
    (void)unlink(secret_file);
    (void)rmdir(folder);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* `args` and `env` are separated by '|'. */
static gh_status load(const char *args, const char *env)
{
    static char args_text[4096];
    static char env_text[4096];
    char *argv[32] = {(char *)"gatehouse"};
    char *envp[32] = {NULL};
    char *rest = NULL;
    int argc = 1;
    size_t envc = 0;

    gh_options_clear(&table, &set, &result);
    memset(&set, 0, sizeof(set));
    memset(&error, 0, sizeof(error));
    (void)snprintf(args_text, sizeof(args_text), "%s", args);
    (void)snprintf(env_text, sizeof(env_text), "%s", env);
    rest = args[0] ? args_text : NULL;
    while (rest) {
        argv[argc++] = strsep(&rest, "|");
    }
    rest = env[0] ? env_text : NULL;
    while (rest) {
        envp[envc++] = strsep(&rest, "|");
    }
    return gh_options_load(&table, argc, argv, envp, &set, &result, &error);
}

static gh_status load_file(const char *json, const char *args, const char *env)
{
    char all[512];

    write_file(config, json, 0600);
    (void)snprintf(all, sizeof(all), "--config|%s%s%s", config, args[0] ? "|" : "", args);
    return load(all, env);
}

static void expect_ok(gh_status status)
{
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static void expect_error(gh_status status, const char *part)
{
    ck_assert_int_ne(status, GH_OK);
    ck_assert_msg(strstr(error.message, part) != NULL, "'%s' lacks '%s'", error.message, part);
}

START_TEST(defaults_hold_without_any_source)
{
    expect_ok(load("", ""));
    ck_assert_str_eq(set.listen, "localhost:8080");
    ck_assert_str_eq(set.log_format, "text");
    ck_assert_ptr_null(set.store_dir);
    ck_assert(!set.verbose);
    ck_assert(set.banner);
    ck_assert_int_eq(set.workers, 8);
    ck_assert_int_eq(set.timeout, 30000);
    ck_assert_int_eq(set.max_body, 4 << 20);
    ck_assert_ptr_null(set.client_secret);
    ck_assert_uint_eq(set.origins.count, 2);
    ck_assert(gh_text_list_has(&set.origins, "http://b"));
    ck_assert(!gh_text_list_has(&set.origins, "http://c"));
}
END_TEST

START_TEST(file_gives_way_to_environment_and_command_line)
{
    expect_ok(load_file("{\"listen\":\"f:1\",\"workers\":2,\"log-format\":\"json\"}", "", ""));
    ck_assert_str_eq(set.listen, "f:1");
    ck_assert_int_eq(set.workers, 2);
    expect_ok(load_file("{\"listen\":\"f:1\",\"workers\":2,\"log-format\":\"json\"}", "",
                        "GATEHOUSE_LISTEN=e:1|GATEHOUSE_WORKERS=3"));
    ck_assert_str_eq(set.listen, "e:1");
    ck_assert_int_eq(set.workers, 3);
    ck_assert_str_eq(set.log_format, "json");
    expect_ok(load_file("{\"listen\":\"f:1\",\"workers\":2,\"log-format\":\"json\"}", "--listen|c:1",
                        "GATEHOUSE_LISTEN=e:1|GATEHOUSE_WORKERS=3"));
    ck_assert_str_eq(set.listen, "c:1");
    ck_assert_int_eq(set.workers, 3);
    ck_assert_str_eq(set.log_format, "json");
}
END_TEST

START_TEST(command_line_forms)
{
    expect_ok(load("--listen=h:1|--verbose|--no-banner|one|--workers|4|-|--|--two|three", ""));
    ck_assert_str_eq(set.listen, "h:1");
    ck_assert(set.verbose);
    ck_assert(!set.banner);
    ck_assert_int_eq(set.workers, 4);
    ck_assert_uint_eq(result.positional.count, 4);
    ck_assert_str_eq(result.positional.items[0], "one");
    ck_assert_str_eq(result.positional.items[1], "-");
    ck_assert_str_eq(result.positional.items[2], "--two");
    ck_assert_str_eq(result.positional.items[3], "three");
    expect_ok(load("--verbose=false|--no-browser|--workers|1|--workers|2", ""));
    ck_assert(!set.verbose);
    ck_assert(set.no_browser);
    ck_assert_int_eq(set.workers, 2);
    expect_ok(load("--store-dir=--odd", ""));
    ck_assert_str_eq(set.store_dir, "--odd");
}
END_TEST

START_TEST(wrong_command_lines_are_explained)
{
    expect_error(load("--lisen|x:1", ""), "--lisen is not an option of gatehouse; did you mean --listen?");
    expect_error(load("--log-fromat=json", ""), "did you mean --log-format?");
    expect_error(load("--client-secret-fil=x", ""), "did you mean --client-secret-file?");
    expect_error(load("--client-secrt=x", ""), "did you mean --client-secret-file?");
    expect_error(load("--versio", ""), "did you mean --version?");
    expect_error(load("--entirely-else", ""), "see --help");
    expect_error(load("-x", ""), "-x is not an option");
    expect_error(load("--listen", ""), "--listen needs a value: --listen HOST:PORT");
    expect_error(load("--listen|--verbose", ""), "--listen needs a value");
    expect_error(load("--config", ""), "--config needs a value");
    expect_error(load("--no-banner=true", ""), "--no-banner takes no value");
    expect_error(load("--no-workers", ""), "not an option");
    expect_error(load("--print-config=yes", ""), "takes no value");
    expect_error(load("--verbose=maybe", ""), "--verbose: 'maybe' is not true or false");
}
END_TEST

START_TEST(wrong_values_are_explained)
{
    expect_error(load("--workers|many", ""), "--workers: 'many' is not a whole number");
    expect_error(load("--workers|0", ""), "choose from 1 to 64");
    expect_error(load("--workers|65", ""), "out of range");
    expect_error(load("--timeout|30", ""), "'30' is not a time with its unit");
    expect_error(load("--timeout|30x", ""), "800ms");
    expect_error(load("--timeout|50ms", ""), "choose from 100ms to 1h");
    expect_error(load("--timeout|99999999999999999999s", ""), "not a time");
    expect_error(load("--timeout|9223372036854775807d", ""), "not a time");
    expect_error(load("--timeout|-5s", ""), "not a time");
    expect_error(load("--max-body|4x", ""), "'4x' is not a size");
    expect_error(load("--log-format|jsno", ""),
                 "--log-format: 'jsno' is not one of: text json; did you mean json?");
    expect_error(load("--log-format|", ""), "not one of");
    expect_error(load("--listen|localhost", ""), "--listen: 'localhost' lacks a port");
    expect_error(load("--listen|a:1\nX", ""), "control characters");
    expect_error(load("--listen|a:\xff", ""), "not UTF-8");
    expect_error(load("", "GATEHOUSE_WORKERS=x"), "GATEHOUSE_WORKERS: 'x'");
    expect_error(load_file("{\"workers\":99}", "", ""), "\"workers\" in ");
    expect_error(load_file("{\"workers\":99}", "", ""), config);
}
END_TEST

START_TEST(durations_and_sizes_have_units)
{
    static const struct {
        const char *text;
        int64_t value;
    } times[] = {{"100ms", 100}, {"30s", 30000}, {"10m", 600000}, {"1h", 3600000}, {"2S", 2000}};
    static const struct {
        const char *text;
        int64_t value;
    } sizes[] = {{"0", 0}, {"4096", 4096}, {"64k", 65536}, {"4M", 4 << 20}, {"1g", 1 << 30}};
    char args[64];

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        (void)snprintf(args, sizeof(args), "--timeout|%s", times[i].text);
        expect_ok(load(args, ""));
        ck_assert_int_eq(set.timeout, times[i].value);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        (void)snprintf(args, sizeof(args), "--max-body|%s", sizes[i].text);
        expect_ok(load(args, ""));
        ck_assert_int_eq(set.max_body, sizes[i].value);
    }
}
END_TEST

START_TEST(a_source_replaces_the_list_of_a_lower_one)
{
    expect_ok(load("--allow-origin|http://1|--allow-origin=http://2", ""));
    ck_assert_uint_eq(set.origins.count, 2);
    ck_assert_str_eq(set.origins.items[0], "http://1");
    expect_ok(load("", "GATEHOUSE_ALLOW_ORIGIN=http://3, http://4 ,,http://5"));
    ck_assert_uint_eq(set.origins.count, 3);
    ck_assert_str_eq(set.origins.items[1], "http://4");
    expect_ok(load_file("{\"allow-origin\":[\"http://6\"]}", "", ""));
    ck_assert_uint_eq(set.origins.count, 1);
    ck_assert_str_eq(set.origins.items[0], "http://6");
    expect_ok(load_file("{\"allow-origin\":[\"http://6\"]}", "--allow-origin|http://7",
                        "GATEHOUSE_ALLOW_ORIGIN=x"));
    ck_assert_uint_eq(set.origins.count, 1);
    ck_assert_str_eq(set.origins.items[0], "http://7");
    expect_ok(load_file("{\"allow-origin\":[]}", "", ""));
    ck_assert_uint_eq(set.origins.count, 0);
}
END_TEST

START_TEST(empty_values_take_away_or_are_ignored)
{
    expect_ok(load_file("{\"store-dir\":\"/f\"}", "", "GATEHOUSE_STORE_DIR=|GATEHOUSE_UNKNOWN="));
    ck_assert_str_eq(set.store_dir, "/f");
    expect_ok(load_file("{\"store-dir\":\"/f\"}", "--store-dir=", ""));
    ck_assert_ptr_null(set.store_dir);
    expect_ok(load("--allow-origin=", ""));
    ck_assert_uint_eq(set.origins.count, 0);
}
END_TEST

START_TEST(unknown_variables_are_refused_with_the_nearest)
{
    expect_error(load("", "GATEHOUSE_LOG_FROMAT=json"),
                 "GATEHOUSE_LOG_FROMAT in the environment is not a setting of gatehouse; did you mean "
                 "GATEHOUSE_LOG_FORMAT?");
    expect_error(load("", "GATEHOUSE_TOTALLY_OTHER=1"), "see --help");
    expect_error(load("", "GATEHOUSE_listen=a:1"), "GATEHOUSE_listen");
    expect_error(load("", "GATEHOUSE_HELP=1"), "GATEHOUSE_HELP");
}
END_TEST

START_TEST(variables_of_others_are_left_alone)
{
    expect_ok(load("", "GATEHOUSE_BRIDGE_STATE_DIR=/x|GATEHOUSES=1|PATH=/bin|gatehouse_listen=z|NOEQUALS"));
    expect_ok(load(
        "", "GATEHOUSE_SERVICE_HOST=10.0.0.1|GATEHOUSE_SERVICE_PORT_HTTP=80|GATEHOUSE_PORT=tcp://10.0.0.1:80|"
            "GATEHOUSE_PORT_80_TCP_ADDR=10.0.0.1"));
    ck_assert_str_eq(set.listen, "localhost:8080");
    expect_error(load("", "GATEHOUSE_PORT=8080"), "GATEHOUSE_PORT in the environment");
}
END_TEST

START_TEST(secret_is_never_an_argument)
{
    expect_error(load("--client-secret|hush", ""), "--client-secret-file FILE");
    expect_error(load("--client-secret=hush", ""), "every user of this machine");
    ck_assert_ptr_null(strstr(error.message, "hush"));
}
END_TEST

static void expect_secret(const char *expected)
{
    ck_assert(gh_secret_equals(set.client_secret, gh_view_of(expected)));
}

START_TEST(secret_comes_from_each_legal_place)
{
    char text[300];

    write_file(secret_file, "from-file\n", 0600);
    (void)snprintf(text, sizeof(text), "--client-secret-file|%s", secret_file);
    expect_ok(load(text, "GATEHOUSE_CLIENT_SECRET=from-env"));
    expect_secret("from-file");
    expect_ok(load("", "GATEHOUSE_CLIENT_SECRET=from-env"));
    expect_secret("from-env");
    (void)snprintf(text, sizeof(text), "GATEHOUSE_CLIENT_SECRET_FILE=%s", secret_file);
    expect_ok(load("", text));
    expect_secret("from-file");
    expect_ok(load_file("{\"client-secret\":\"in-config\"}", "", ""));
    expect_secret("in-config");
    (void)snprintf(text, sizeof(text), "{\"client-secret-file\":\"%s\"}", secret_file);
    expect_ok(load_file(text, "", ""));
    expect_secret("from-file");
}
END_TEST

START_TEST(careless_secrets_are_refused)
{
    char text[300];

    write_file(secret_file, "hush", 0644);
    (void)snprintf(text, sizeof(text), "--client-secret-file|%s", secret_file);
    expect_error(load(text, ""), "chmod 600");
    expect_error(load("--client-secret-file|/nonexistent/s", ""),
                 "--client-secret-file: cannot open /nonexistent/s");
    expect_error(load("", "GATEHOUSE_CLIENT_SECRET=***"), "mask");
    expect_error(load_file("{\"client-secret\":\"***\"}", "", ""), "client-secret-file");
    write_file(secret_file, "hush", 0600);
    (void)snprintf(text, sizeof(text), "GATEHOUSE_CLIENT_SECRET=a|GATEHOUSE_CLIENT_SECRET_FILE=%s",
                   secret_file);
    expect_error(load("", text), "keep one of the two");
    (void)snprintf(text, sizeof(text), "{\"client-secret\":\"a\",\"client-secret-file\":\"%s\"}",
                   secret_file);
    expect_error(load_file(text, "", ""), "keep one of the two");
}
END_TEST

START_TEST(config_with_a_secret_must_be_private)
{
    char args[200];

    (void)snprintf(args, sizeof(args), "--config=%s", config);
    write_file(config, "{\"client-secret\":\"hush\"}", 0644);
    ck_assert_int_eq(load(args, ""), GH_ERR_DENIED);
    expect_error(load(args, ""), "chmod 600");
    write_file(config, "{\"workers\":3}", 0644);
    expect_ok(load(args, ""));
    ck_assert_int_eq(set.workers, 3);
}
END_TEST

START_TEST(config_is_named_by_either_way)
{
    char env[200];

    write_file(config, "{\"workers\":3}", 0600);
    (void)snprintf(env, sizeof(env), "GATEHOUSE_CONFIG=%s", config);
    expect_ok(load("", env));
    ck_assert_int_eq(set.workers, 3);
    expect_error(load("--config|/nonexistent/c.json", env), "/nonexistent/c.json");
    expect_ok(load("--config=", env));
    ck_assert_int_eq(set.workers, 8);
}
END_TEST

START_TEST(config_values_have_json_types)
{
    expect_ok(
        load_file("{\"workers\":\"5\",\"timeout\":\"1m\",\"max-body\":1024,\"verbose\":true,\"banner\":false,"
                  "\"store-dir\":\"/\\u00e4\"}",
                  "", ""));
    ck_assert_int_eq(set.workers, 5);
    ck_assert_int_eq(set.timeout, 60000);
    ck_assert_int_eq(set.max_body, 1024);
    ck_assert(set.verbose);
    ck_assert(!set.banner);
    ck_assert_str_eq(set.store_dir, "/\xc3\xa4");
}
END_TEST

START_TEST(wrong_configs_are_explained)
{
    expect_error(load_file("{\"log-fromat\":\"json\"}", "", ""), "did you mean \"log-format\"?");
    expect_error(load_file("{\"qqqqqqqq\":1}", "", ""), "see --help");
    expect_error(load_file("{\"listen\":7}", "", ""), "must be a string");
    expect_error(load_file("{\"listen\":null}", "", ""), "must be a string");
    expect_error(load_file("{\"verbose\":1}", "", ""), "must be true or false");
    expect_error(load_file("{\"workers\":true}", "", ""), "must be a number");
    expect_error(load_file("{\"workers\":1.5}", "", ""), "not a whole number");
    expect_error(load_file("{\"timeout\":30}", "", ""), "a time with its unit");
    expect_error(load_file("{\"allow-origin\":\"x\"}", "", ""), "must be an array of strings");
    expect_error(load_file("{\"allow-origin\":[1]}", "", ""), "must be an array of strings");
    expect_error(load_file("{\"workers\":1,}", "", ""), "byte 13");
    expect_error(load_file("{\"workers\":1,\"workers\":2}", "", ""), "twice");
    expect_error(load_file("[]", "", ""), "must hold a JSON object");
    expect_error(load_file("{\"config\":\"x\"}", "", ""), "not a setting");
}
END_TEST

START_TEST(help_and_version_need_nothing_else)
{
    expect_ok(load("--nonsense|--help", "GATEHOUSE_NONSENSE=1"));
    ck_assert(result.help);
    expect_ok(load("-h|--workers|no", ""));
    ck_assert(result.help);
    expect_ok(load("--version|--config|/nonexistent", ""));
    ck_assert(result.version);
    ck_assert(!result.help);
    expect_ok(load("--print-config", ""));
    ck_assert(result.print_config);
    expect_ok(load("--|--help", ""));
    ck_assert(!result.help);
}
END_TEST

START_TEST(help_shows_every_option_within_100_columns)
{
    gh_buf buf = GH_BUF_INIT(100000);
    gh_view rest;
    gh_view line;
    const char *text = NULL;

    ck_assert_int_eq(gh_options_write_help(&table, &buf), GH_OK);
    text = gh_buf_cstr(&buf);
    rest = gh_buf_view(&buf);
    while (gh_view_next(&rest, '\n', &line)) {
        ck_assert_msg(line.len <= 100, "%.*s", (int)line.len, line.ptr);
        ck_assert_msg(line.len == 0 || line.ptr[line.len - 1] != ' ', "space at the end: %.*s", (int)line.len,
                      line.ptr);
    }
    for (size_t i = 0; i < table.count; i++) {
        ck_assert_msg(strstr(text, rows[i].name) != NULL, "%s", rows[i].name);
    }
    ck_assert_ptr_nonnull(strstr(text, "Usage:\n  gatehouse [OPTION...]\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nServer:\n  --listen HOST:PORT"));
    ck_assert_ptr_nonnull(strstr(text, "Where to listen. (default: localhost:8080)\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nLog:\n  --log-format text|json"));
    ck_assert_ptr_nonnull(strstr(text, "--[no-]banner"));
    ck_assert_ptr_nonnull(strstr(text, "--client-secret-file FILE"));
    ck_assert_ptr_null(strstr(text, "--client-secret "));
    ck_assert_ptr_nonnull(strstr(text, "GATEHOUSE_LISTEN"));
    ck_assert_ptr_nonnull(strstr(text, "--config FILE"));
    ck_assert_ptr_nonnull(strstr(text, "See gatehouse(1)."));
    gh_buf_free(&buf);
}
END_TEST

START_TEST(print_config_masks_secrets_and_can_be_read_again)
{
    gh_buf buf = GH_BUF_INIT(100000);

    expect_ok(
        load("--timeout|90s|--max-body|1536|--store-dir|/a \"b\"|--verbose", "GATEHOUSE_CLIENT_SECRET=hush"));
    ck_assert_int_eq(gh_options_write_config(&table, &set, &buf), GH_OK);
    ck_assert_int_eq(gh_json_gate(gh_buf_view(&buf), NULL, NULL), GH_OK);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&buf), "hush"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&buf), "\"client-secret\": \"***\""));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&buf), "\"timeout\": \"90s\""));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&buf), "\"allow-origin\": [\"http://a\", \"http://b\"]"));

    gh_buf_clear(&buf);
    expect_ok(load("--timeout|90s|--max-body|1536|--store-dir|/a \"b\"|--verbose", ""));
    ck_assert_int_eq(gh_options_write_config(&table, &set, &buf), GH_OK);
    expect_ok(load_file(gh_buf_cstr(&buf), "", ""));
    ck_assert_int_eq(set.timeout, 90000);
    ck_assert_int_eq(set.max_body, 1536);
    ck_assert_str_eq(set.store_dir, "/a \"b\"");
    ck_assert(set.verbose);
    ck_assert_uint_eq(set.origins.count, 2);
    gh_buf_free(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, defaults_hold_without_any_source);
    tcase_add_test(tc, file_gives_way_to_environment_and_command_line);
    tcase_add_test(tc, command_line_forms);
    tcase_add_test(tc, wrong_command_lines_are_explained);
    tcase_add_test(tc, wrong_values_are_explained);
    tcase_add_test(tc, durations_and_sizes_have_units);
    tcase_add_test(tc, a_source_replaces_the_list_of_a_lower_one);
    tcase_add_test(tc, empty_values_take_away_or_are_ignored);
    tcase_add_test(tc, unknown_variables_are_refused_with_the_nearest);
    tcase_add_test(tc, variables_of_others_are_left_alone);
    tcase_add_test(tc, secret_is_never_an_argument);
    tcase_add_test(tc, secret_comes_from_each_legal_place);
    tcase_add_test(tc, careless_secrets_are_refused);
    tcase_add_test(tc, config_with_a_secret_must_be_private);
    tcase_add_test(tc, config_is_named_by_either_way);
    tcase_add_test(tc, config_values_have_json_types);
    tcase_add_test(tc, wrong_configs_are_explained);
    tcase_add_test(tc, help_and_version_need_nothing_else);
    tcase_add_test(tc, help_shows_every_option_within_100_columns);
    tcase_add_test(tc, print_config_masks_secrets_and_can_be_read_again);
    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
