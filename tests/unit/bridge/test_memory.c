#include "bridge/translate/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/core/file.h"
#include "tests/support/suite.h"

static char folder[64];

static void setup(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-memory-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_one(const char *url)
{
    char path[256];
    char name[GH_SHA256_TEXT_MAX];
    ck_assert_int_eq(gh_sha256_text(gh_view_of(url), name), GH_OK);
    (void)snprintf(path, sizeof(path), "%s/%s.server.json", folder, name);
    (void)unlink(path);
}

static void teardown(void)
{
    remove_one("http://a/mcp");
    remove_one("u");
    ck_assert_int_eq(rmdir(folder), 0);
}

static gh_view text(const char *cstr)
{
    return gh_view_of(cstr);
}

START_TEST(what_was_saved_is_loaded_for_that_server_only)
{
    gh_server_memory memory = {.only = GH_MCP_ERA_MODERN};
    gh_server_memory loaded;
    bool changed;
    ck_assert_int_eq(gh_server_memory_load(folder, "http://a/mcp", &loaded), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_server_memory_note(&memory, text("{ \"tools\": {} }"), text("{\"name\":\"s\"}"),
                                           text("\"do \\\"this\\\"\""), &changed),
                     GH_OK);
    ck_assert(changed);
    ck_assert_int_eq(gh_server_memory_save(folder, "http://a/mcp", &memory, NULL), GH_OK);
    ck_assert_int_eq(gh_server_memory_load(folder, "http://a/mcp", &loaded), GH_OK);
    ck_assert_int_eq(loaded.only, GH_MCP_ERA_MODERN);
    ck_assert_str_eq(loaded.capabilities, "{\"tools\":{}}");
    ck_assert_str_eq(loaded.server_info, "{\"name\":\"s\"}");
    ck_assert_str_eq(loaded.instructions, "\"do \\\"this\\\"\"");
    gh_server_memory_clear(&loaded);
    ck_assert_int_eq(gh_server_memory_load(folder, "http://b/mcp", &loaded), GH_ERR_NOT_FOUND);
    gh_server_memory_clear(&memory);
}
END_TEST

START_TEST(only_news_is_a_change_and_wrong_types_count_as_lacking)
{
    gh_server_memory memory = {0};
    bool changed;
    ck_assert_int_eq(gh_server_memory_note(&memory, text("{}"), text("5"), text("{}"), &changed), GH_OK);
    ck_assert(changed);
    ck_assert_ptr_null(memory.server_info);
    ck_assert_ptr_null(memory.instructions);
    ck_assert_int_eq(gh_server_memory_note(&memory, text(" {} "), text(""), text(""), &changed), GH_OK);
    ck_assert(!changed);
    ck_assert_int_eq(gh_server_memory_note(&memory, text(""), text(""), text("\"x\""), &changed), GH_OK);
    ck_assert(changed);
    ck_assert_ptr_null(memory.capabilities);
    gh_server_memory_clear(&memory);
}
END_TEST

static int64_t now_s = 1800000000;

static int64_t wall(void)
{
    return now_s * 1000;
}

START_TEST(the_old_transport_is_remembered_for_a_week)
{
    gh_server_memory memory = {0};
    gh_server_memory loaded;
    bool changed;
    gh_clock_set_source(NULL, wall);
    gh_server_memory_note_sse(&memory, false, &changed);
    ck_assert(!changed);
    gh_server_memory_note_sse(&memory, true, &changed);
    ck_assert(changed);
    gh_server_memory_note_sse(&memory, true, &changed);
    ck_assert(!changed);
    ck_assert_int_eq(gh_server_memory_save(folder, "u", &memory, NULL), GH_OK);
    const struct {
        int64_t after_s;
        bool known;
    } times[] = {{0, true}, {6 * 86400, true}, {7 * 86400, false}, {-10 * 86400, false}};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        now_s = 1800000000 + times[i].after_s;
        ck_assert_int_eq(gh_server_memory_load(folder, "u", &loaded), GH_OK);
        ck_assert_msg((loaded.sse_until > 0) == times[i].known, "%zu", i);
        gh_server_memory_clear(&loaded);
    }
    gh_server_memory_note_sse(&memory, false, &changed);
    ck_assert(changed);
    ck_assert_int_eq(gh_server_memory_save(folder, "u", &memory, NULL), GH_OK);
    now_s = 1800000000;
    ck_assert_int_eq(gh_server_memory_load(folder, "u", &loaded), GH_OK);
    ck_assert_int_eq(loaded.sse_until, 0);
    gh_clock_set_source(NULL, NULL);
}
END_TEST

START_TEST(a_damaged_file_counts_as_none)
{
    static const char *const TEXTS[] = {"", "nonsense", "{\"era\":", "[1]"};
    gh_server_memory memory = {.only = GH_MCP_ERA_LEGACY};
    char path[256];
    char name[GH_SHA256_TEXT_MAX];
    ck_assert_int_eq(gh_sha256_text(text("u"), name), GH_OK);
    (void)snprintf(path, sizeof(path), "%s/%s.server.json", folder, name);
    ck_assert_int_eq(gh_server_memory_save(folder, "u", &memory, NULL), GH_OK);
    ck_assert_int_eq(access(path, F_OK), 0);
    for (size_t i = 0; i < 4; i++) {
        gh_server_memory loaded;
        ck_assert_int_eq(gh_file_write_private(path, text(TEXTS[i]), NULL), GH_OK);
        gh_status status = gh_server_memory_load(folder, "u", &loaded);
        ck_assert(status == GH_ERR_NOT_FOUND || loaded.only == GH_MCP_ERA_UNKNOWN);
        gh_server_memory_clear(&loaded);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_was_saved_is_loaded_for_that_server_only);
    tcase_add_test(tcase, only_news_is_a_change_and_wrong_types_count_as_lacking);
    tcase_add_test(tcase, the_old_transport_is_remembered_for_a_week);
    tcase_add_test(tcase, a_damaged_file_counts_as_none);
    suite_add_tcase(suite, tcase);
    return gh_suite_run(suite);
}
