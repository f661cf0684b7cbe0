/* Texts, files, folders and prompts. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/server/api_fixture.h"

static char folder[] = "/tmp/gatehouse-api-XXXXXX";

static void write_file(const char *name, const char *bytes, size_t len)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

static void remove_file(const char *name)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
    (void)rmdir(path);
}

static void open_static(api_world *world)
{
    char path[200];
    static const char LOGO[] = "\x89PNG\r\n\x1a\n";
    memset(world, 0, sizeof *world);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/pages", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file("logo.png", LOGO, sizeof LOGO - 1);
    write_file("secret.txt", "outside", 7);
    write_file("pages/one.md", "# One", 5);
    write_file("pages/two.bin", "\x00\x01", 2);
    write_file("pages/.hidden", "h", 1);
    open_api(world, NULL);
    world->tools = read_tools(
        "{'resources':[{'uri':'handbook://start','name':'start','mimeType':'text/markdown','text':'# Hi'},"
        "{'uri':'handbook://logo','name':'logo','file':'logo.png'},"
        "{'folder':'pages','uri':'handbook://pages/','name':'pages'}],"
        "'prompts':[{'name':'review','description':'Reviews.','arguments':[{'name':'id','required':true},"
        "{'name':'note'}],'messages':[{'role':'user','text':'Order {id} for {@name}.{note}'},"
        "{'role':'assistant','text':'Yes.'}]}]}",
        "", folder);
}

static void close_static(api_world *world)
{
    static const char *const NAMES[] = {"pages/link",    "pages/late.txt", "pages/one.md", "pages/two.bin",
                                        "pages/.hidden", "pages",          "logo.png",     "secret.txt"};
    close_world(world);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        remove_file(NAMES[i]);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static void reads(api_world *world, const char *uri, const char *result)
{
    gh_status status = call_as(world, &ADA, uri, NULL);
    ck_assert_msg(status == GH_OK, "%s", world->error.message);
    ck_assert_str_eq(result_of(world), result);
}

START_TEST(texts_and_files_are_read)
{
    api_world world;
    open_static(&world);
    reads(&world, "handbook://start",
          "{'contents':[{'uri':'handbook://start','mimeType':'text/markdown','text':'# Hi'}]}");
    reads(&world, "handbook://logo",
          "{'contents':[{'uri':'handbook://logo','mimeType':'image/png','blob':'iVBORw0KGgo='}]}");
    remove_file("logo.png");
    ck_assert_int_eq(call_as(&world, &ADA, "handbook://logo", NULL), GH_ERR_NOT_FOUND);
    close_static(&world);
}
END_TEST

START_TEST(a_folder_s_files_are_read_also_those_that_came_later)
{
    api_world world;
    open_static(&world);
    reads(&world, "handbook://pages/one.md",
          "{'contents':[{'uri':'handbook://pages/one.md','mimeType':'text/markdown','text':'# One'}]}");
    reads(&world, "handbook://pages/two.bin",
          "{'contents':[{'uri':'handbook://pages/two.bin','blob':'AAE='}]}");
    write_file("pages/late.txt", "late", 4);
    reads(&world, "handbook://pages/late.txt",
          "{'contents':[{'uri':'handbook://pages/late.txt','mimeType':'text/plain','text':'late'}]}");
    close_static(&world);
}
END_TEST

static const char *const ELSEWHERE[] = {
    "handbook://pages/none.md",         "handbook://pages/..",
    "handbook://pages/.hidden",         "handbook://pages/link",
    "handbook://pages/..%2Fsecret.txt", "handbook://pages/%2e%2e%2fsecret.txt",
    "handbook://pages/../secret.txt",
};

START_TEST(nothing_outside_the_folder_is_read)
{
    api_world world;
    char link[200];
    open_static(&world);
    (void)snprintf(link, sizeof link, "%s/pages/link", folder);
    ck_assert_int_eq(symlink("../secret.txt", link), 0);
    ck_assert_int_eq(call_as(&world, &ADA, ELSEWHERE[_i], NULL), GH_ERR_NOT_FOUND);
    close_static(&world);
}
END_TEST

START_TEST(a_prompt_is_filled_and_what_is_left_out_is_empty)
{
    api_world world;
    open_static(&world);
    reads(&world, "handbook://start",
          "{'contents':[{'uri':'handbook://start','mimeType':'text/markdown','text':'# Hi'}]}");
    ck_assert_int_eq(call_as(&world, &ADA, "review", "{'id':'a{b}','note':' Note.'}"), GH_OK);
    ck_assert_str_eq(result_of(&world),
                     "{'messages':[{'role':'user','content':{'type':'text','text':'Order a{b} for Ada. "
                     "Note.'}},{'role':'assistant','content':{'type':'text','text':'Yes.'}}],'description':"
                     "'Reviews.'}");
    ck_assert_int_eq(call_as(&world, &ADA, "review", "{'id':'7'}"), GH_OK);
    ck_assert_ptr_nonnull(strstr(result_of(&world), "'text':'Order 7 for Ada.'"));
    close_static(&world);
}
END_TEST

/* --- resources that an API answers --- */

static const char REMOTE[] =
    "{'upstreams':{'a':{'url':'@URL'}},'resources':[{'uri':'orders://"
    "today','name':'today','request':{'method':"
    "'GET','path':'/today','retries':0}}],'resourceTemplates':[{'uriTemplate':'orders://{id}','name':'order',"
    "'mimeType':'application/json','request':{'method':'GET','path':'/orders/{id}','retries':0},"
    "'response':{'pointer':'/data'}}]}";

START_TEST(a_resource_is_what_the_api_answers)
{
    api_world world;
    OPEN_WORLD(&world, REMOTE,
               {.path = "/today",
                .reply = "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 4\r\n\r\n%PDF"},
               {.path = "/orders/a%20b", .reply = OK_JSON("{\"data\":[1,2]}"), .close = true},
               {.path = "/orders/9", .reply = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
               {.path = "/orders/8", .reply = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"});
    reads(&world, "orders://today",
          "{'contents':[{'uri':'orders://today','mimeType':'application/pdf','blob':'JVBERg=='}]}");
    reads(&world, "orders://a%20b",
          "{'contents':[{'uri':'orders://a%20b','mimeType':'application/json','text':'[1,2]'}]}");
    ck_assert_int_eq(call_as(&world, &ADA, "orders://9", NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(call_as(&world, &ADA, "orders://8", NULL), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(world.error.message, "not allow this user"));
    close_world(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_static");
    TCase *tests = tcase_create("static");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, texts_and_files_are_read);
    tcase_add_test(tests, a_folder_s_files_are_read_also_those_that_came_later);
    tcase_add_loop_test(tests, nothing_outside_the_folder_is_read, 0,
                        (int)(sizeof ELSEWHERE / sizeof *ELSEWHERE));
    tcase_add_test(tests, a_prompt_is_filled_and_what_is_left_out_is_empty);
    tcase_add_test(tests, a_resource_is_what_the_api_answers);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
