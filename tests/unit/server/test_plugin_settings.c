/* --plugin-config: settings and secrets of plugins. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/server/plugin_fixture.h"

static char folder[64];
static char config[96];
static char secret[96];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/gatehouse-settings-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(config, sizeof config, "%s/plugins.json", folder);
    (void)snprintf(secret, sizeof secret, "%s/token", folder);
}

static void remove_folder(void)
{
    (void)unlink(config);
    (void)unlink(secret);
    (void)rmdir(folder);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void enter_configured(world *w, const char *text)
{
    gh_error error = {GH_OK, ""};
    write_file(config, text, 0600);
    enter(w);
    gh_status status = gh_plugins_configure(w->plugins, config, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

START_TEST(a_plugin_sees_its_own_settings_by_its_files_name)
{
    world w;
    enter_configured(&w, "{ \"plugin_changing\": { \"city\": \"K\\u00f6ln\", \"n\": 1.50, \"on\": true,\n"
                         "\"list\": [1, 2] }, \"other\": { \"city\": \"Rome\" } }");
    ck_assert_int_eq(load(&w, CHANGING, NULL), GH_OK);
    says(&w, "setting", "{\"key\":\"city\"}", "K\xc3\xb6ln");
    says(&w, "setting", "{\"key\":\"n\"}", "1.50");
    says(&w, "setting", "{\"key\":\"on\"}", "true");
    says(&w, "setting", "{\"key\":\"list\"}", "[1,2]");
    says(&w, "setting", "{\"key\":\"none\"}", "There is no such setting.");
    says(&w, "setting", "{}",
         "{\\\"city\\\":\\\"K\\\\u00f6ln\\\",\\\"n\\\":1.50,\\\"on\\\":true,\\\"list\\\":[1,2]}");
    leave(&w);
}
END_TEST

START_TEST(without_settings_there_are_none)
{
    world w;
    enter_with(&w, CHANGING);
    says(&w, "setting", "{}", "{}");
    says(&w, "setting", "{\"key\":\"city\"}", "There is no such setting.");
    leave(&w);
}
END_TEST

START_TEST(a_secret_comes_from_its_file_and_is_in_setting_only)
{
    world w;
    char text[512];
    write_file(secret, "s3cret\n", 0600);
    (void)snprintf(text, sizeof text, "{\"plugin_changing\":{\"token_file\":\"%s\"}}", secret);
    enter_configured(&w, text);
    ck_assert_int_eq(load(&w, CHANGING, NULL), GH_OK);
    says(&w, "setting", "{\"key\":\"token\"}", "s3cret");
    ck_assert_ptr_null(strstr(call(&w, "setting", "{}"), "s3cret"));
    leave(&w);
    /* The value itself comes first. */
    (void)snprintf(text, sizeof text, "{\"plugin_changing\":{\"token\":\"own\",\"token_file\":\"/none\"}}");
    enter_configured(&w, text);
    ck_assert_int_eq(load(&w, CHANGING, NULL), GH_OK);
    says(&w, "setting", "{\"key\":\"token\"}", "own");
    leave(&w);
}
END_TEST

START_TEST(a_secret_that_cannot_be_read_or_that_others_can_keeps_the_plugin_from_starting)
{
    static const struct {
        mode_t mode;
        const char *part;
    } files[] = {{0644, "chmod 600"}, {0, "cannot open"}};
    for (size_t i = 0; i < 2; i++) {
        world w;
        gh_error error = {GH_OK, ""};
        char text[512];
        (void)unlink(secret);
        if (files[i].mode != 0) {
            write_file(secret, "s3cret\n", files[i].mode);
        }
        (void)snprintf(text, sizeof text, "{\"plugin_faulty\":{\"token_file\":\"%s\"}}", secret);
        ck_assert_int_eq(setenv("PLUGIN_FAULT", "no secret", 1), 0);
        enter_configured(&w, text);
        ck_assert_int_eq(load(&w, FAULTY, &error), GH_ERR_INVALID);
        ck_assert_msg(strstr(error.message, files[i].part) != NULL, "%s", error.message);
        ck_assert_ptr_nonnull(strstr(error.message, "its setting token_file"));
        ck_assert_ptr_null(strstr(error.message, "s3cret"));
        leave(&w);
    }
}
END_TEST

static const char *const WRONG[][2] = {
    {"", "not JSON"},       {"{\"a\":{}", "not JSON"},           {"[]", "not a JSON object"},
    {"{\"a\":1}", "\"a\""}, {"{\"a\":{},\"a\":{}}", "not JSON"},
};

START_TEST(a_file_that_is_no_such_json_is_refused)
{
    world w;
    gh_error error = {GH_OK, ""};
    write_file(config, WRONG[_i][0], 0600);
    enter(&w);
    ck_assert_int_eq(gh_plugins_configure(w.plugins, config, &error), GH_ERR_INVALID);
    ck_assert_msg(strstr(error.message, WRONG[_i][1]) != NULL, "%s", error.message);
    ck_assert_ptr_nonnull(strstr(error.message, config));
    leave(&w);
}
END_TEST

START_TEST(a_file_that_others_can_write_or_that_is_missing_is_refused)
{
    world w;
    gh_error error = {GH_OK, ""};
    enter(&w);
    ck_assert_int_eq(gh_plugins_configure(w.plugins, config, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "No such file"));
    write_file(config, "{}", 0620);
    ck_assert_int_eq(gh_plugins_configure(w.plugins, config, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "chmod go-w"));
    leave(&w);
}
END_TEST

START_TEST(settings_that_no_plugin_has_are_pointed_out)
{
    world w;
    char path[96];
    char text[4096];
    (void)snprintf(path, sizeof path, "%s/token", folder);
    enter_configured(&w, "{\"plugin_changing\":{},\"plugin_chnging\":{}}");
    ck_assert_int_eq(load(&w, CHANGING, NULL), GH_OK);
    FILE *log = fopen(path, "w+");
    ck_assert_ptr_nonnull(log);
    const gh_log_options options = {.fd = fileno(log), .format = GH_LOG_TEXT, .level = GH_LOG_WARN};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    gh_plugins_warn_unused(w.plugins);
    gh_log_stop();
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = '\0';
    ck_assert_int_eq(fclose(log), 0);
    ck_assert_msg(strstr(text, "plugin_chnging") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "plugin_changing") == NULL, "%s", text);
    leave(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin settings");
    TCase *tc = tcase_create("settings");
    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    tcase_add_test(tc, a_plugin_sees_its_own_settings_by_its_files_name);
    tcase_add_test(tc, without_settings_there_are_none);
    tcase_add_test(tc, a_secret_comes_from_its_file_and_is_in_setting_only);
    tcase_add_test(tc, a_secret_that_cannot_be_read_or_that_others_can_keeps_the_plugin_from_starting);
    tcase_add_loop_test(tc, a_file_that_is_no_such_json_is_refused, 0, sizeof WRONG / sizeof WRONG[0]);
    tcase_add_test(tc, a_file_that_others_can_write_or_that_is_missing_is_refused);
    tcase_add_test(tc, settings_that_no_plugin_has_are_pointed_out);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
