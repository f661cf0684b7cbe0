/* Runs the cases of tests/fixtures/schema, one file for each keyword. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

#define FILE_MAX (256 * 1024)
#define CASES_LEAST 300

typedef struct tally {
    int files;
    int cases;
    int wrong;
} tally;

static cJSON *read_cases(const char *path)
{
    static char text[FILE_MAX];
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    ck_assert_uint_lt(len, sizeof text);
    cJSON *groups = NULL;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_json_parse(gh_view_make(text, len), NULL, &groups, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", path, error.message);
    ck_assert(cJSON_IsArray(groups));
    return groups;
}

static void run_case(const char *path, const char *group, const gh_schema *schema, const cJSON *test,
                     tally *total)
{
    bool valid = false;
    gh_error error = {GH_OK, ""};
    const char *what = gh_json_get_string(test, "description");
    const cJSON *data = gh_json_get(test, "data");
    ck_assert_msg(what != NULL && data != NULL && gh_json_get_bool(test, "valid", &valid),
                  "%s: a test of \"%s\" lacks description, data or valid", path, group);
    gh_status status = gh_schema_check(schema, data, "data", &error);
    total->cases++;
    if (status != (valid ? GH_OK : GH_ERR_INVALID)) {
        total->wrong++;
        (void)fprintf(stderr, "%s: %s: %s: %s\n", path, group, what,
                      status == GH_OK ? "accepted" : error.message);
    }
}

static void run_group(const char *path, const cJSON *group, tally *total)
{
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    const char *what = gh_json_get_string(group, "description");
    const cJSON *json = gh_json_get(group, "schema");
    const cJSON *tests = gh_json_get_array(group, "tests");
    ck_assert_msg(what != NULL && json != NULL && tests != NULL && tests->child != NULL,
                  "%s: a group lacks description, schema or tests", path);
    char *text = cJSON_PrintUnformatted(json);
    ck_assert_ptr_nonnull(text);
    gh_status status = gh_schema_new(text, &schema, &error);
    ck_assert_msg(status == GH_OK, "%s: %s: %s", path, what, error.message);
    const cJSON *test = NULL;
    cJSON_ArrayForEach(test, tests)
    {
        run_case(path, what, schema, test, total);
    }
    gh_schema_free(schema);
    cJSON_free(text);
}

static void run_file(const char *path, tally *total)
{
    cJSON *groups = read_cases(path);
    const cJSON *group = NULL;
    cJSON_ArrayForEach(group, groups)
    {
        run_group(path, group, total);
    }
    cJSON_Delete(groups);
    total->files++;
}

START_TEST(every_case_is_judged_as_it_says)
{
    tally total = {0, 0, 0};
    DIR *folder = opendir(FIXTURES);
    ck_assert_msg(folder != NULL, "%s cannot be read", FIXTURES);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (!gh_view_ends_with(gh_view_of(entry->d_name), GH_VIEW_LIT(".json"))) {
            continue;
        }
        char path[1024];
        int len = snprintf(path, sizeof path, "%s/%s", FIXTURES, entry->d_name);
        ck_assert_int_lt(len, (int)sizeof path);
        run_file(path, &total);
    }
    (void)closedir(folder);
    ck_assert_int_ge(total.cases, CASES_LEAST);
    ck_assert_msg(total.wrong == 0, "%d of %d cases in %d files are judged wrongly", total.wrong, total.cases,
                  total.files);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema suite");
    TCase *tc = tcase_create("schema suite");
    tcase_add_test(tc, every_case_is_judged_as_it_says);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
