/* Pages and cursors. */
#include "server/mcp/cursor.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

static void add_tools(gh_mcp_registry *registry, int from, int to)
{
    char name[16];
    for (int i = from; i < to; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        add_tool(registry, name);
    }
}

/* Names of a page, with a space before each, and its cursor (owned, NULL for none). */
static void read_page(const char *text, char *names, size_t size, char **cursor)
{
    char whole[4096];
    cJSON *json = NULL;
    (void)snprintf(whole, sizeof whole, "{%s}", text);
    ck_assert_int_eq(gh_json_parse(gh_view_of(whole), NULL, &json, NULL), GH_OK);
    names[0] = '\0';
    const cJSON *tool = NULL;
    cJSON_ArrayForEach(tool, gh_json_get_array(json, "tools"))
    {
        size_t len = strlen(names);
        (void)snprintf(names + len, size - len, " %s", gh_json_get_string(tool, "name"));
    }
    *cursor = gh_text_dup(gh_json_get_string(json, "nextCursor"));
    cJSON_Delete(json);
}

static char *next_page(gh_mcp_registry *registry, const char *cursor, char *names, size_t size)
{
    char *next = NULL;
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    char *text = page_of(catalog, GH_MCP_TOOLS, cursor, true);
    read_page(text, names, size, &next);
    free(text);
    gh_mcp_catalog_release(catalog);
    return next;
}

START_TEST(cursors_lead_from_page_to_page)
{
    static const char *const PAGES[] = {" t0 t1 t2", " t3 t4 t5", " t6"};
    char names[256];
    char *cursor = NULL;
    gh_mcp_registry *registry = a_registry(3);
    add_tools(registry, 0, 7);
    for (size_t i = 0; i < 3; i++) {
        char *next = next_page(registry, cursor, names, sizeof names);
        ck_assert_str_eq(names, PAGES[i]);
        ck_assert_int_eq(next != NULL, i < 2);
        free(cursor);
        cursor = next;
    }
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_list_that_fits_exactly_has_no_cursor)
{
    char names[256];
    gh_mcp_registry *registry = a_registry(3);
    add_tools(registry, 0, 3);
    ck_assert_ptr_null(next_page(registry, NULL, names, sizeof names));
    ck_assert_str_eq(names, " t0 t1 t2");
    add_tools(registry, 3, 6);
    char *cursor = next_page(registry, NULL, names, sizeof names);
    ck_assert_ptr_nonnull(cursor);
    ck_assert_ptr_null(next_page(registry, cursor, names, sizeof names));
    ck_assert_str_eq(names, " t3 t4 t5");
    free(cursor);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_cursor_goes_on_where_it_was_when_the_list_changes)
{
    char names[256];
    gh_mcp_registry *registry = a_registry(2);
    add_tools(registry, 0, 5);
    char *cursor = next_page(registry, NULL, names, sizeof names);
    ck_assert_str_eq(names, " t0 t1");
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("t0")),
                     GH_OK);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("t1")),
                     GH_OK);
    add_tools(registry, 5, 6);
    char *next = next_page(registry, cursor, names, sizeof names);
    ck_assert_str_eq(names, " t2 t3");
    free(cursor);
    cursor = next_page(registry, next, names, sizeof names);
    ck_assert_str_eq(names, " t4 t5");
    ck_assert_ptr_null(cursor);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("t4")),
                     GH_OK);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("t5")),
                     GH_OK);
    ck_assert_ptr_null(next_page(registry, next, names, sizeof names));
    ck_assert_str_eq(names, "");
    free(next);
    gh_mcp_registry_free(registry);
}
END_TEST

static void assert_refused(const gh_mcp_catalog *catalog, gh_mcp_kind kind, const char *raw)
{
    gh_buf out = GH_BUF_INIT(4096);
    ck_assert_int_eq(gh_mcp_catalog_list(catalog, kind, gh_view_of(raw), true, &out), GH_ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}

START_TEST(a_cursor_with_any_character_changed_is_refused)
{
    char names[256];
    char raw[64];
    gh_mcp_registry *registry = a_registry(2);
    add_tools(registry, 0, 5);
    char *cursor = next_page(registry, NULL, names, sizeof names);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    for (size_t i = 0; i < strlen(cursor); i++) {
        (void)snprintf(raw, sizeof raw, "\"%s\"", cursor);
        raw[1 + i] = raw[1 + i] == 'A' ? 'Q' : 'A';
        assert_refused(catalog, GH_MCP_TOOLS, raw);
    }
    free(cursor);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(what_is_no_cursor_of_this_list_is_refused)
{
    static const char *const RAW[] = {"\"\"",
                                      "\"2\"",
                                      "7",
                                      "null",
                                      "{}",
                                      "[]",
                                      "\"invalid-cursor\"",
                                      "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""};
    char names[256];
    char raw[80];
    gh_mcp_registry *registry = a_registry(2);
    add_tools(registry, 0, 5);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    for (size_t i = 0; i < sizeof RAW / sizeof RAW[0]; i++) {
        assert_refused(catalog, GH_MCP_TOOLS, RAW[i]);
    }
    char *cursor = next_page(registry, NULL, names, sizeof names);
    (void)snprintf(raw, sizeof raw, "\"%s\"", cursor);
    assert_refused(catalog, GH_MCP_PROMPTS, raw);
    assert_refused(catalog, GH_MCP_RESOURCES, raw);
    (void)snprintf(raw, sizeof raw, "\"%sA\"", cursor);
    assert_refused(catalog, GH_MCP_TOOLS, raw);
    gh_buf foreign = GH_BUF_INIT(128);
    (void)gh_buf_append_char(&foreign, '"');
    ck_assert_int_eq(
        gh_mcp_cursor_write(GH_VIEW_LIT("another key of 32 bytes, no less"), GH_MCP_TOOLS, 2, &foreign),
        GH_OK);
    (void)gh_buf_append_char(&foreign, '"');
    assert_refused(catalog, GH_MCP_TOOLS, gh_buf_cstr(&foreign));
    gh_buf_free(&foreign);
    free(cursor);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(cursors_are_good_at_another_server_with_the_same_key)
{
    char names[256];
    gh_mcp_registry *one = a_registry(2);
    gh_mcp_registry *two = a_registry(2);
    add_tools(one, 0, 3);
    add_tools(two, 0, 3);
    char *cursor = next_page(one, NULL, names, sizeof names);
    ck_assert_ptr_null(next_page(two, cursor, names, sizeof names));
    ck_assert_str_eq(names, " t2");
    free(cursor);
    gh_mcp_registry_free(one);
    gh_mcp_registry_free(two);
}
END_TEST

START_TEST(a_cursor_keeps_its_number)
{
    static const uint64_t NUMBERS[] = {0, 1, 255, 256, UINT64_C(0x0102030405060708), UINT64_MAX};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        uint64_t number = 42;
        gh_buf out = GH_BUF_INIT(64);
        ck_assert_int_eq(gh_mcp_cursor_write(GH_VIEW_LIT(FIXTURE_KEY), 3, NUMBERS[i], &out), GH_OK);
        ck_assert_int_eq(gh_mcp_cursor_read(GH_VIEW_LIT(FIXTURE_KEY), 3, gh_buf_view(&out), &number), GH_OK);
        ck_assert_uint_eq(number, NUMBERS[i]);
        ck_assert_int_eq(gh_mcp_cursor_read(GH_VIEW_LIT(FIXTURE_KEY), 2, gh_buf_view(&out), &number),
                         GH_ERR_INVALID);
        gh_buf_free(&out);
    }
}
END_TEST

START_TEST(a_page_of_too_many_bytes_is_cut)
{
    enum { COUNT = 40, LONG = 250000 };
    char *text = malloc(LONG + 1);
    char name[16];
    ck_assert_ptr_nonnull(text);
    memset(text, 'd', LONG);
    text[LONG] = '\0';
    gh_mcp_registry *registry = a_registry(0);
    for (int i = 0; i < COUNT; i++) {
        gatehouse_prompt prompt = prompt_named(name);
        (void)snprintf(name, sizeof name, "p%d", i);
        prompt.description = text;
        ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    }
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    char *page = page_of(catalog, GH_MCP_PROMPTS, NULL, true);
    char *cursor = strstr(page, "\"nextCursor\":\"");
    ck_assert_ptr_nonnull(cursor);
    ck_assert_uint_le(strlen(page), GH_MCP_PAGE_BYTES_MAX + 100);
    cursor += strlen("\"nextCursor\":\"");
    cursor[strcspn(cursor, "\"")] = '\0';
    char *rest = page_of(catalog, GH_MCP_PROMPTS, cursor, true);
    ck_assert_ptr_nonnull(strstr(rest, "\"p39\""));
    ck_assert_ptr_null(strstr(rest, "nextCursor"));
    free(rest);
    free(page);
    free(text);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_said_and_not_overrun)
{
    gh_mcp_registry *registry = a_registry(0);
    add_tools(registry, 0, 5);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    gh_buf out = GH_BUF_INIT(40);
    ck_assert_int_eq(gh_mcp_catalog_list(catalog, GH_MCP_TOOLS, (gh_view){NULL, 0}, true, &out),
                     GH_ERR_TOO_LARGE);
    ck_assert_uint_le(out.len, 40);
    gh_buf_free(&out);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry_pages");
    TCase *tc = tcase_create("pages");
    tcase_add_test(tc, cursors_lead_from_page_to_page);
    tcase_add_test(tc, a_list_that_fits_exactly_has_no_cursor);
    tcase_add_test(tc, a_cursor_goes_on_where_it_was_when_the_list_changes);
    tcase_add_test(tc, a_cursor_with_any_character_changed_is_refused);
    tcase_add_test(tc, what_is_no_cursor_of_this_list_is_refused);
    tcase_add_test(tc, cursors_are_good_at_another_server_with_the_same_key);
    tcase_add_test(tc, a_cursor_keeps_its_number);
    tcase_add_test(tc, a_page_of_too_many_bytes_is_cut);
    tcase_add_test(tc, a_buffer_that_is_too_small_is_said_and_not_overrun);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
