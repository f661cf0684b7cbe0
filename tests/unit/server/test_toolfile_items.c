/* Tools files: resources, folders, templates and prompts. */
#include "tests/unit/server/toolfile_fixture.h"

#include "server/toolfile/toolfile_private.h"
#include "tests/support/suite.h"

static void refuse_item(const place *p, const char *kind, const char *members, const char *sentence)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "{" API ",\"%s\":[{%s}]}", kind, members);
    refuse_in(p, text, sentence);
}

/* --- resources --- */

START_TEST(resources_hold_text_files_or_answers)
{
    place p = enter();
    put(&p, "logo.png", "x", 0644);
    gh_toolset *set = accept_in(
        &p, "{" API ",\"resources\":[{\"uri\":\"h://start\",\"name\":\"start\",\"text\":\"Hello {x}\","
            "\"annotations\":{\"audience\":[\"user\"],\"priority\":0.5},\"scopes\":[\"a\"]},"
            "{\"uri\":\"h://logo\",\"name\":\"logo\",\"file\":\"./logo.png\"},"
            "{\"uri\":\"h://today\",\"name\":\"today\",\"mimeType\":\"application/json\","
            "\"request\":{\"path\":\"/{@subject}\"},\"response\":{\"type\":\"text\"}}]}");
    const gh_entry *start = entry_named(set, "start");
    ck_assert_int_eq(start->kind, GH_ENTRY_RESOURCE);
    ck_assert_str_eq(start->text, "Hello {x}");
    ck_assert_str_eq(start->scopes, "a");
    ck_assert(!start->has_request);
    const gh_entry *logo = entry_named(set, "logo");
    ck_assert_int_eq(logo->path[0], '/');
    ck_assert_int_eq(access(logo->path, R_OK), 0);
    ck_assert_str_eq(logo->mime_type, "image/png");
    const gh_entry *today = entry_named(set, "today");
    ck_assert(today->has_request);
    ck_assert_int_eq(today->response.kind, GH_RESPONSE_TEXT);
    gh_toolset_release(set);
    leave(&p);
}
END_TEST

#define R "\"uri\":\"h://x\",\"name\":\"x\","

START_TEST(resources_that_make_no_sense_are_refused)
{
    const place p = {"/nonexistent"};
    refuse_item(&p, "resources", "\"name\":\"x\",\"text\":\"\"", "resource: member \"uri\" is missing");
    refuse_item(&p, "resources", "\"uri\":\"x\",\"name\":\"x\",\"text\":\"\"",
                "resource x: uri must be absolute");
    refuse_item(&p, "resources", "\"uri\":\"h://{x}\",\"name\":\"x\",\"text\":\"\"", "uri must be absolute");
    refuse_item(&p, "resources", "\"uri\":\"h://x\",\"text\":\"\"", "member \"name\" is missing");
    refuse_item(&p, "resources", R "\"mimeType\":\"text/plain\"",
                "a resource needs one of \"text\", \"file\"");
    refuse_item(&p, "resources", R "\"text\":\"\",\"request\":{}", "a resource needs one of");
    refuse_item(&p, "resources", R "\"text\":\"\",\"response\":{}",
                "\"response\" goes with \"request\" only");
    refuse_item(&p, "resources", R "\"text\":\"\",\"mimeType\":\"png\"", "mimeType must be a media type");
    refuse_item(&p, "resources", R "\"text\":\"\",\"annotations\":{\"priority\":2}",
                "priority must be from 0 to 1");
    refuse_item(&p, "resources", R "\"text\":\"\",\"annotations\":{\"audience\":[\"me\"]}",
                "audience must be of");
    refuse_item(&p, "resources", R "\"request\":{\"path\":\"/{id}\"}", "{id} is not in what a resource has");
    refuse_item(&p, "resources", R "\"request\":{\"method\":\"DELETE\"}", "a resource is read with GET");
    refuse_text("{\"resources\":[{" R "\"text\":\"\"},{" R "\"text\":\"\"}]}",
                "there is one of that name already, in tools.json, line 1");
}
END_TEST

START_TEST(files_of_resources_are_below_the_folder_of_the_tools_file)
{
    place p = enter();
    put_folder(&p, "sub");
    put(&p, "secret", "x", 0600);
    put_link(&p, "sub/up", "../secret");
    put_link(&p, "sub/out", "/etc/hostname");
    refuse_item(&p, "resources", R "\"file\":\"none\"", "file: cannot open none: No such file");
    refuse_item(&p, "resources", R "\"file\":\"/etc/hostname\"", "file: /etc/hostname is outside the folder");
    refuse_item(&p, "resources", R "\"file\":\"../x\"", "is outside the folder of the tools file");
    refuse_item(&p, "resources", R "\"file\":\"sub/out\"", "is outside the folder of the tools file");
    refuse_item(&p, "resources", R "\"file\":\"sub\"", "is not a regular file");
    refuse_item(&p, "resources", R "\"file\":\"\"", "file must not be empty");
    gh_toolset_release(accept_in(&p, "{\"resources\":[{" R "\"file\":\"sub/up\"}]}"));
    char path[256];
    path_in(&p, "large", path);
    put(&p, "large", "", 0600);
    ck_assert_int_eq(truncate(path, (off_t)GH_TOOLFILE_FILE_MAX + 1), 0);
    refuse_item(&p, "resources", R "\"file\":\"large\"", "is larger than 4 MiB");
    leave(&p);
}
END_TEST

/* --- folders --- */

static const char FOLDER[] = "{\"resources\":[{\"folder\":\"book\",\"uri\":\"book://p/\",\"name\":\"book\","
                             "\"description\":\"Pages.\",\"scopes\":[\"read\"]}]}";

START_TEST(each_file_of_a_folder_is_a_resource)
{
    place p = enter();
    put_folder(&p, "book");
    put_folder(&p, "book/chapter");
    put(&p, "book/a page.md", "A", 0644);
    put(&p, "book/z", "Z", 0644);
    put(&p, "book/.hidden", "H", 0644);
    gh_toolset *set = accept_in(&p, FOLDER);
    ck_assert_uint_eq(set->entry_count, 3);
    const gh_entry *book = &set->entries[0];
    ck_assert_int_eq(book->kind, GH_ENTRY_TEMPLATE);
    ck_assert_str_eq(book->uri, "book://p/{path}");
    ck_assert_int_eq(book->folder[0], '/');
    ck_assert_str_eq(book->description, "Pages.");
    const gh_entry *page = &set->entries[1];
    ck_assert_int_eq(page->kind, GH_ENTRY_RESOURCE);
    ck_assert_str_eq(page->name, "a page.md");
    ck_assert_str_eq(page->uri, "book://p/a%20page.md");
    ck_assert_str_eq(page->mime_type, "text/markdown");
    ck_assert_str_eq(page->scopes, "read");
    ck_assert_int_eq(access(page->path, R_OK), 0);
    ck_assert_str_eq(set->entries[2].name, "z");
    ck_assert_ptr_null(set->entries[2].mime_type);
    gh_toolset_release(set);
    leave(&p);
}
END_TEST

START_TEST(folders_that_make_no_sense_are_refused)
{
    place p = enter();
    refuse_in(&p, FOLDER, "folder: cannot open book: No such file");
    put(&p, "book", "x", 0600);
    refuse_in(&p, FOLDER, "folder: cannot open book: Not a directory");
    refuse_item(&p, "resources", "\"uri\":\"b://x\",\"name\":\"x\",\"folder\":\".\"", "must end with '/'");
    refuse_item(&p, "resources", "\"uri\":\"b://x/\",\"name\":\"x\",\"folder\":\"..\"",
                "is outside the folder");
    put_folder(&p, "links");
    put_link(&p, "links/out", "../book");
    refuse_item(&p, "resources", "\"uri\":\"b://x/\",\"name\":\"x\",\"folder\":\"links\"",
                "leads out of the folder");
    leave(&p);
}
END_TEST

/* By whatever name: what an upstream is sent is not what clients read. */
START_TEST(a_secret_is_no_resource)
{
    static const char UPSTREAM[] =
        "{\"upstreams\":{\"a\":{\"url\":\"https://a.example\",\"credential\":{\"type\":"
        "\"header\",\"name\":\"X-Key\",\"valueFile\":\"%s\"}}},\"resources\":[{%s}]}";
    static const char *const CASES[][3] = {
        {"book/key", "\"uri\":\"b://x/\",\"name\":\"x\",\"folder\":\"book\"",
         "key is a secret of an upstream"},
        {"link", "\"uri\":\"b://x/\",\"name\":\"x\",\"folder\":\"book\"", "key is a secret of an upstream"},
        {"link", "\"uri\":\"b://x\",\"name\":\"x\",\"file\":\"book/key\"", "is a secret of an upstream"},
    };
    place p = enter();
    put_folder(&p, "book");
    put(&p, "book/key", "abc", 0600);
    put_link(&p, "link", "book/key");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[1000];
        (void)snprintf(text, sizeof text, UPSTREAM, CASES[i][0], CASES[i][1]);
        refuse_in(&p, text, CASES[i][2]);
    }
    leave(&p);
}
END_TEST

/* --- reading below a folder --- */

static gh_status read_below(const place *p, const char *name, size_t max, const char *expected)
{
    gh_buf out = GH_BUF_INIT(1000);
    (void)gh_buf_append_cstr(&out, ">");
    gh_status status = gh_toolfile_read_below(p->folder, gh_view_of(name), max, &out);
    ck_assert_str_eq(gh_buf_cstr(&out), status == GH_OK ? expected : ">");
    gh_buf_free(&out);
    return status;
}

static place make_tree(void)
{
    place p = enter();
    put_folder(&p, "a");
    put(&p, "a/page", "text", 0644);
    put_link(&p, "inside", "a/page");
    put_link(&p, "out", "/etc/hostname");
    put_link(&p, "up", "../../etc/hostname");
    put_link(&p, "loop", "loop");
    put(&p, ".hidden", "x", 0644);
    return p;
}

START_TEST(what_clients_name_stays_below_the_folder)
{
    static const char *const ELSEWHERE[] = {
        "",        "none", "/etc/hostname", "..",      "../x",    "a/../inside",
        "a//page", "a/",   "./a/page",      ".hidden", "out",     "up",
        "a",       "loop", "a/page/x",      "a\npage", "a/./page"};
    place p = make_tree();
    ck_assert_int_eq(read_below(&p, "a/page", 4, ">text"), GH_OK);
    ck_assert_int_eq(read_below(&p, "inside", 100, ">text"), GH_OK);
    ck_assert_int_eq(read_below(&p, "a/page", 3, ""), GH_ERR_TOO_LARGE);
    for (size_t i = 0; i < sizeof ELSEWHERE / sizeof ELSEWHERE[0]; i++) {
        ck_assert_msg(read_below(&p, ELSEWHERE[i], 100, "") == GH_ERR_NOT_FOUND, "%s", ELSEWHERE[i]);
    }
    gh_buf out = GH_BUF_INIT(100);
    ck_assert_int_eq(gh_toolfile_read_below(p.folder, gh_view_make("a/page\0x", 8), 100, &out),
                     GH_ERR_NOT_FOUND);
    gh_buf_free(&out);
    char path[256];
    path_in(&p, "pipe", path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(read_below(&p, "pipe", 100, ""), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_toolfile_read_below("/nonexistent", GH_VIEW_LIT("x"), 100, &out), GH_ERR_NOT_FOUND);
    leave(&p);
}
END_TEST

static bool walks(const place *p, const char *name)
{
    int fd = gh_toolfile_walk_below(open(p->folder, O_PATH | O_DIRECTORY | O_CLOEXEC), name, O_RDONLY);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

START_TEST(without_the_kernels_help_no_link_is_followed)
{
    place p = make_tree();
    put_link(&p, "linked", "a");
    ck_assert(walks(&p, "a/page"));
    ck_assert(walks(&p, "./a/page"));
    static const char *const ELSEWHERE[] = {"inside",        "out",     "up",   "loop",
                                            "linked/page",   "..",      "a/..", "a/../a",
                                            "/etc/hostname", "a//page", "none", "a/page/x"};
    for (size_t i = 0; i < sizeof ELSEWHERE / sizeof ELSEWHERE[0]; i++) {
        ck_assert_msg(!walks(&p, ELSEWHERE[i]), "%s", ELSEWHERE[i]);
    }
    leave(&p);
}
END_TEST

/* --- templates --- */

START_TEST(templates_take_their_variables_from_the_uri)
{
    gh_toolset *set = accept_text("{" API ",\"resourceTemplates\":[{\"uriTemplate\":\"o://{id}/{part.no}\","
                                  "\"name\":\"o\",\"request\":{\"path\":\"/{id}/{part.no}\"}}]}");
    ck_assert_int_eq(set->entries[0].kind, GH_ENTRY_TEMPLATE);
    ck_assert_str_eq(set->entries[0].uri, "o://{id}/{part.no}");
    ck_assert(set->entries[0].has_request);
    gh_toolset_release(set);
    const place p = {"/nonexistent"};
#define T(uri, path) "\"uriTemplate\":\"" uri "\",\"name\":\"o\",\"request\":{\"path\":\"" path "\"}"
    refuse_item(&p, "resourceTemplates", T("o://{id}", "/{no}"), "{no} is not in the URI template");
    refuse_item(&p, "resourceTemplates", T("o://{+id}", "/"), "plain variables only, such as {id}");
    refuse_item(&p, "resourceTemplates", T("o://{id", "/"), "plain variables only");
    refuse_item(&p, "resourceTemplates", T("o://id}{a}", "/"), "a '}' without its '{'");
    refuse_item(&p, "resourceTemplates", T("o://id", "/"), "must be an absolute URI with a variable");
    refuse_item(&p, "resourceTemplates", T("{id}", "/"), "must be an absolute URI with a variable");
    refuse_item(&p, "resourceTemplates", "\"uriTemplate\":\"o://{id}\",\"name\":\"o\"",
                "\"request\" is missing");
}
END_TEST

/* --- prompts --- */

START_TEST(prompts_have_arguments_and_messages)
{
    gh_toolset *set = accept_text(
        "{\"prompts\":[{\"name\":\"review\",\"arguments\":[{\"name\":\"id\",\"required\":true},{\"name\":"
        "\"b\"}],"
        "\"messages\":[{\"role\":\"user\",\"text\":\"Look at {id} for {@name}.\"},{\"role\":\"assistant\","
        "\"content\":{\"type\":\"text\",\"text\":\"{b}\"}}]}]}");
    const gh_entry *prompt = &set->entries[0];
    ck_assert_int_eq(prompt->kind, GH_ENTRY_PROMPT);
    ck_assert_uint_eq(prompt->message_count, 2);
    ck_assert_str_eq(prompt->messages[0].role, "user");
    ck_assert_ptr_nonnull(prompt->messages[0].text);
    ck_assert_ptr_nonnull(prompt->messages[1].content);
    ck_assert_str_eq(prompt->arguments, "[{\"name\":\"id\",\"required\":true},{\"name\":\"b\"}]");
    gh_toolset_release(set);
}
END_TEST

START_TEST(prompts_that_make_no_sense_are_refused)
{
    const place p = {"/nonexistent"};
#define P(message) "\"name\":\"p\",\"messages\":[" message "]"
    refuse_item(&p, "prompts", "\"name\":\"p\"", "prompt p: member \"messages\" is missing");
    refuse_item(&p, "prompts", P(""), "messages must be 1 to 100");
    refuse_item(&p, "prompts", P("1"), "messages must be an array of objects");
    refuse_item(&p, "prompts", P("{\"role\":\"system\",\"text\":\"\"}"),
                "role must be \"user\" or \"assistant\"");
    refuse_item(&p, "prompts", P("{\"role\":\"user\"}"), "either \"text\" or \"content\"");
    refuse_item(&p, "prompts", P("{\"role\":\"user\",\"text\":\"{x}\"}"),
                "{x} is not in the prompt's arguments");
    refuse_item(&p, "prompts", P("{\"role\":\"user\",\"content\":{\"type\":\"video\"}}"),
                "content needs a type");
    refuse_item(&p, "prompts", P("{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"{x}\"}}"),
                "{x} is not");
    refuse_item(&p, "prompts", "\"name\":\"p\\n\",\"messages\":[]", "name holds a control character");
#define A(arguments)                                                                                         \
    "\"name\":\"p\",\"arguments\":[" arguments "],\"messages\":[{\"role\":\"user\",\"text\":\"\"}]"
    refuse_item(&p, "prompts", A("{\"name\":\"a\"},{\"name\":\"a\"}"), "arguments: a is there twice");
    refuse_item(&p, "prompts", A("{\"name\":\"\"}"), "arguments: name must not be empty");
    refuse_item(&p, "prompts", A("\"a\""), "arguments must be an array of objects");
    refuse_item(&p, "prompts", A("{\"name\":\"a\",\"type\":\"string\"}"),
                "arguments: there is no member \"type\"");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("toolfile_items");
    TCase *all = tcase_create("all");
    tcase_add_test(all, resources_hold_text_files_or_answers);
    tcase_add_test(all, resources_that_make_no_sense_are_refused);
    tcase_add_test(all, files_of_resources_are_below_the_folder_of_the_tools_file);
    tcase_add_test(all, each_file_of_a_folder_is_a_resource);
    tcase_add_test(all, folders_that_make_no_sense_are_refused);
    tcase_add_test(all, a_secret_is_no_resource);
    tcase_add_test(all, what_clients_name_stays_below_the_folder);
    tcase_add_test(all, without_the_kernels_help_no_link_is_followed);
    tcase_add_test(all, templates_take_their_variables_from_the_uri);
    tcase_add_test(all, prompts_have_arguments_and_messages);
    tcase_add_test(all, prompts_that_make_no_sense_are_refused);
    suite_add_tcase(suite, all);
    return gh_suite_run(suite);
}
