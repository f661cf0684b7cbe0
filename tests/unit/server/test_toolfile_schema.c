/* The page about the format, the schema for editors and the parser say the same. */
#include "tests/unit/server/toolfile_fixture.h"

#include "server/schema/schema.h"
#include "shared/core/file.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

#define FILE_MAX ((size_t)256 * 1024)
#define BLOCKS_MAX 16

typedef struct world {
    place at;
    gh_schema *schema;
    gh_buf page;
    gh_view blocks[BLOCKS_MAX];
    size_t count;
    size_t changes;
} world;

static void read_whole(const char *path, gh_buf *out)
{
    gh_error error = {GH_OK, ""};
    *out = GH_BUF_INIT(FILE_MAX);
    ck_assert_msg(gh_file_read(path, out, &error) == GH_OK, "%s", error.message);
}

/* Every block of JSON on the page is a whole file. */
static void find_blocks(world *w)
{
    static const char OPEN[] = "\n```json\n";
    const char *at = w->page.data;
    while ((at = strstr(at, OPEN)) != NULL) {
        const char *start = at + sizeof OPEN - 1;
        at = strstr(start, "\n```\n");
        ck_assert_ptr_nonnull(at);
        ck_assert_uint_lt(w->count, BLOCKS_MAX);
        w->blocks[w->count++] = gh_view_make(start, (size_t)(at - start));
    }
    ck_assert_uint_ge(w->count, 2);
}

static world enter_world(void)
{
    world w = {.at = enter()};
    gh_buf text;
    gh_error error = {GH_OK, ""};
    read_whole(TOOLFILE "/tools.schema.json", &text);
    ck_assert_msg(gh_schema_new(gh_buf_cstr(&text), &w.schema, &error) == GH_OK, "%s", error.message);
    gh_buf_free(&text);
    read_whole(TOOLFILE "/README.md", &w.page);
    find_blocks(&w);
    put(&w.at, "maps.key", "secret", 0600);
    put(&w.at, "logo.png", "png", 0644);
    put_folder(&w.at, "handbook");
    put(&w.at, "handbook/first.md", "# First", 0644);
    return w;
}

static void leave_world(world *w)
{
    leave(&w->at);
    gh_schema_free(w->schema);
    gh_buf_free(&w->page);
}

static bool schema_accepts(const world *w, const cJSON *json, gh_error *error)
{
    gh_status status = gh_schema_check(w->schema, json, "file", error);
    ck_assert_msg(status == GH_OK || status == GH_ERR_INVALID, "%s", gh_status_text(status));
    return status == GH_OK;
}

static bool parser_accepts(const world *w, gh_view text, gh_error *error)
{
    gh_toolset *set = NULL;
    const gh_toolfile_source source = {.label = "tools.json", .folder = w->at.folder, .text = text};
    gh_status status = gh_toolset_read(&source, 1, &set, error);
    ck_assert(status == GH_OK || status == GH_ERR_INVALID);
    gh_toolset_release(set);
    return status == GH_OK;
}

static cJSON *parse(gh_view text)
{
    cJSON *json = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_msg(gh_json_parse(text, NULL, &json, &error) == GH_OK, "%s", error.message);
    return json;
}

START_TEST(the_examples_are_accepted_by_the_schema_and_by_the_parser)
{
    world w = enter_world();
    for (size_t i = 0; i < w.count; i++) {
        gh_error error = {GH_OK, ""};
        cJSON *json = parse(w.blocks[i]);
        ck_assert_msg(schema_accepts(&w, json, &error), "example %zu: %s", i, error.message);
        ck_assert_msg(parser_accepts(&w, w.blocks[i], &error), "example %zu: %s", i, error.message);
        cJSON_Delete(json);
    }
    leave_world(&w);
}
END_TEST

/* --- changing the examples --- */

typedef struct change {
    world *w;
    cJSON *root;
    void (*judge)(const struct change *change, const char *what);
} change;

static void both_refuse(const change *c, const char *what)
{
    gh_error error = {GH_OK, ""};
    char *text = cJSON_PrintUnformatted(c->root);
    ck_assert_msg(!schema_accepts(c->w, c->root, &error), "the schema accepts %s", what);
    ck_assert_msg(!parser_accepts(c->w, gh_view_of(text), &error), "the parser accepts %s", what);
    cJSON_free(text);
    c->w->changes++;
}

/* The parser knows more than the schema, and never less. */
static void the_schema_is_not_stricter(const change *c, const char *what)
{
    gh_error said = {GH_OK, ""};
    gh_error error = {GH_OK, ""};
    char *text = cJSON_PrintUnformatted(c->root);
    bool parsed = parser_accepts(c->w, gh_view_of(text), &error);
    ck_assert_msg(!parsed || schema_accepts(c->w, c->root, &said), "without %s the schema says %s", what,
                  said.message);
    cJSON_free(text);
    c->w->changes++;
}

/* Members whose own members are anybody's choice. */
static bool is_map(const char *name)
{
    static const char *const MAPS[] = {"upstreams", "headers", "query", "form", "errors"};
    for (size_t i = 0; name != NULL && i < sizeof MAPS / sizeof MAPS[0]; i++) {
        if (strcmp(name, MAPS[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_free(const char *name)
{
    static const char *const FREE[] = {"inputSchema", "outputSchema", "_meta", "json", "content"};
    for (size_t i = 0; name != NULL && i < sizeof FREE / sizeof FREE[0]; i++) {
        if (strcmp(name, FREE[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void add_member(change *c, cJSON *object, const char *what)
{
    cJSON *added = cJSON_AddNumberToObject(object, "zzz", 1);
    ck_assert_ptr_nonnull(added);
    c->judge(c, what);
    cJSON_Delete(cJSON_DetachItemViaPointer(object, added));
}

/* `member` with null in its place. */
static void nullify(change *c, cJSON *member, const char *what)
{
    int type = member->type;
    cJSON *child = member->child;
    member->type = cJSON_NULL | (type & cJSON_StringIsConst);
    member->child = NULL;
    c->judge(c, what);
    member->type = type;
    member->child = child;
}

typedef void (*visit)(change *c, cJSON *object, const char *what);

static void walk(change *c, cJSON *at, const char *name, visit each)
{
    bool scopes_at_the_top = name != NULL && strcmp(name, "scopes") == 0 && cJSON_IsObject(at);
    if (is_free(name)) {
        return;
    }
    if (cJSON_IsObject(at) && !is_map(name) && !scopes_at_the_top) {
        each(c, at, name != NULL ? name : "an element or the top");
    }
    for (cJSON *child = at->child; child != NULL; child = child->next) {
        walk(c, child, cJSON_IsObject(at) && !is_map(name) ? child->string : NULL, each);
    }
}

static void add_to(change *c, cJSON *object, const char *what)
{
    add_member(c, object, what);
}

static void nullify_each(change *c, cJSON *object, const char *what)
{
    (void)what;
    for (cJSON *child = object->child; child != NULL; child = child->next) {
        if (strcmp(child->string, "json") != 0) {
            nullify(c, child, child->string);
        }
    }
}

/* Detaching and adding changes the order of members, which nobody minds. */
static void remove_each(change *c, cJSON *object, const char *what)
{
    int count = cJSON_GetArraySize(object);
    (void)what;
    for (int i = 0; i < count; i++) {
        cJSON *child = cJSON_DetachItemViaPointer(object, object->child);
        c->judge(c, child->string);
        ck_assert(cJSON_AddItemToObject(object, child->string, child));
    }
}

static void change_all(visit each, void (*judge)(const change *c, const char *what))
{
    world w = enter_world();
    for (size_t i = 0; i < w.count; i++) {
        change c = {&w, parse(w.blocks[i]), judge};
        walk(&c, c.root, NULL, each);
        cJSON_Delete(c.root);
    }
    ck_assert_uint_gt(w.changes, 25);
    leave_world(&w);
}

START_TEST(members_that_are_not_known_are_refused_everywhere)
{
    change_all(add_to, both_refuse);
}
END_TEST

START_TEST(null_is_nowhere_a_value)
{
    change_all(nullify_each, both_refuse);
}
END_TEST

START_TEST(the_schema_needs_nothing_that_the_parser_does_not)
{
    change_all(remove_each, the_schema_is_not_stricter);
}
END_TEST

START_TEST(what_is_wrong_by_form_is_wrong_for_both)
{
    static const char *const WRONG[] = {
        "{\"upstreams\":{\"a b\":{\"url\":\"https://x.example\"}}}",
        "{\"upstreams\":{\"a\":{\"url\":\"https://x.example?a\"}}}",
        "{\"upstreams\":{\"a\":{\"url\":\"https://x.example\",\"credential\":\"token\"}}}",
        "{\"upstreams\":{\"a\":{\"url\":\"https://x.example\",\"credential\":\"exchange\"}}}",
        "{\"upstreams\":{\"a\":{\"url\":\"https://"
        "x.example\",\"credential\":{\"type\":\"client\",\"clientId\":\"a\"}}}}",
        "{\"upstreams\":{\"a\":{\"url\":\"https://x.example\",\"timeoutMs\":0}}}",
        "{\"scopes\":{\"a\":[\"b c\"]}}",
        "{\"scopes\":{\"a\\\\\":[]}}",
        "{" API ",\"tools\":[{\"name\":\"a b\",\"request\":{}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{\"method\":\"get\"}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{\"path\":\"a\"}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{\"method\":\"POST\",\"body\":{}}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{\"method\":\"POST\",\"body\":{\"json\":1,\"text\":"
        "\"\"}}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{\"retries\":6}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{},\"response\":{\"pointer\":\"a\"}}]}",
        "{" API ",\"tools\":[{\"name\":\"a\",\"request\":{},\"response\":{\"errors\":{\"200\":\"\"}}}]}",
        "{\"resources\":[{\"uri\":\"a:b\",\"name\":\"a\"}]}",
        "{\"resources\":[{\"uri\":\"a\",\"name\":\"a\",\"text\":\"\"}]}",
        "{\"resources\":[{\"uri\":\"a:b\",\"name\":\"\",\"text\":\"\"}]}",
        "{\"prompts\":[{\"name\":\"a\",\"messages\":[]}]}",
        "{\"prompts\":[{\"name\":\"a\",\"messages\":[{\"role\":\"me\",\"text\":\"\"}]}]}",
        "{\"openapi\":[{}]}",
    };
    world w = enter_world();
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        gh_error error = {GH_OK, ""};
        cJSON *json = parse(gh_view_of(WRONG[i]));
        ck_assert_msg(!schema_accepts(&w, json, &error), "the schema accepts %s", WRONG[i]);
        ck_assert_msg(!parser_accepts(&w, gh_view_of(WRONG[i]), &error), "the parser accepts %s", WRONG[i]);
        cJSON_Delete(json);
    }
    leave_world(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("toolfile_schema");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, the_examples_are_accepted_by_the_schema_and_by_the_parser);
    tcase_add_test(all, members_that_are_not_known_are_refused_everywhere);
    tcase_add_test(all, null_is_nowhere_a_value);
    tcase_add_test(all, the_schema_needs_nothing_that_the_parser_does_not);
    tcase_add_test(all, what_is_wrong_by_form_is_wrong_for_both);
    suite_add_tcase(suite, all);
    return gh_suite_run(suite);
}
