/* Tools files: upstreams, credentials, scopes and the descriptions that they point to. */
#include "tests/unit/server/toolfile_fixture.h"

#include "tests/support/suite.h"

static void refuse_upstream_in(const place *p, const char *members, const char *sentence)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "{\"upstreams\":{\"api\":{%s}}}", members);
    refuse_in(p, text, sentence);
}

static void refuse_upstream(const char *members, const char *sentence)
{
    const place nowhere = {"/nonexistent"};
    refuse_upstream_in(&nowhere, members, sentence);
}

/* --- where it is --- */

static void has_url(const char *given, const char *more, const char *kept, bool allow_private)
{
    char text[512];
    (void)snprintf(text, sizeof text, "{\"upstreams\":{\"api\":{\"url\":\"%s\"%s}}}", given, more);
    gh_toolset *set = accept_text(text);
    ck_assert_str_eq(set->upstreams[0].url, kept);
    ck_assert_msg(set->upstreams[0].allow_private == allow_private, "%s", given);
    gh_toolset_release(set);
}

#define PRIVATE ",\"allowPrivate\":true"

START_TEST(urls_are_https_unless_they_stay_at_home)
{
    has_url("https://api.example.com/v1/", "", "https://api.example.com/v1", false);
    has_url("https://api.example.com:8443", "", "https://api.example.com:8443", false);
    has_url("https://api.internal", PRIVATE, "https://api.internal", true);
    has_url("http://api.internal", PRIVATE, "http://api.internal", true);
    has_url("http://localhost:3000/", "", "http://localhost:3000", true);
    has_url("http://127.0.0.1", "", "http://127.0.0.1", true);
    has_url("http://[::1]:1", "", "http://[::1]:1", true);
    has_url("https://10.1.2.3", "", "https://10.1.2.3", true);
    has_url("https://[fd00::1]/a", "", "https://[fd00::1]/a", true);
    refuse_upstream("\"url\":\"http://api.example.com\"", "upstream api: url must be https");
    refuse_upstream("\"url\":\"http://10.1.2.3\"", "with \"allowPrivate\": true for a network of your own");
}
END_TEST

START_TEST(urls_are_plain)
{
    refuse_upstream("\"url\":\"https://u:p@api.example.com\"", "without a user, a query and a fragment");
    refuse_upstream("\"url\":\"https://api.example.com?a=b\"", "without a user, a query and a fragment");
    refuse_upstream("\"url\":\"https://api.example.com/#x\"", "without a user, a query and a fragment");
    refuse_upstream("\"url\":\"ftp://api.example.com\"", "url must be an https: URL");
    refuse_upstream("\"url\":\"file:///etc/passwd\"", "url must be an https: URL");
    refuse_upstream("\"url\":\"api.example.com\"", "url: ");
    refuse_upstream("\"url\":\"https://api.example.com/a/../b\"", "has a '.' or '..' in its path");
    refuse_upstream("\"url\":\"https://api.example.com/%2e%2e/b\"", "has a '.' or '..' in its path");
    refuse_upstream("\"url\":\"https://{host}/\"", "url: ");
    refuse_upstream("\"url\":\"https://127.1/\"", "url: ");
    refuse_upstream("\"url\":\"\"", "url must not be empty");
    refuse_upstream("", "upstream api: member \"url\" is missing");
    refuse_text("{\"upstreams\":{\"a b\":{}}}", "1 to 64 letters, digits, '_', '-' or '.'");
}
END_TEST

#define URL "\"url\":\"https://a.example\","

START_TEST(bounds_and_headers_of_an_upstream_are_checked)
{
    refuse_upstream(URL "\"timeoutMs\":600001", "timeoutMs must be a whole number from 1 to 600000");
    refuse_upstream(URL "\"connectTimeoutMs\":\"5s\"", "connectTimeoutMs must be a number, not a string");
    refuse_upstream(URL "\"maxResponseBytes\":0",
                    "maxResponseBytes must be a whole number from 1 to 16777216");
    refuse_upstream(URL "\"headers\":{\"Host\":\"x\"}", "headers: Host belongs to HTTP");
    refuse_upstream(URL "\"headers\":{\"X-User\":\"{user}\"}",
                    "headers: X-User: {user} is not in what an upstream's headers may hold");
    refuse_upstream(URL "\"caFile\":\"ca.pem\"", "caFile: cannot open /nonexistent/ca.pem");
    place p = enter();
    put(&p, "ca.pem", "x", 0644);
    char text[256];
    (void)snprintf(text, sizeof text, "{\"upstreams\":{\"api\":{" URL "\"caFile\":\"ca.pem\"}}}");
    gh_toolset *set = accept_in(&p, text);
    ck_assert_int_eq(set->upstreams[0].ca_file[0], '/');
    ck_assert_ptr_nonnull(strstr(set->upstreams[0].ca_file, "/ca.pem"));
    gh_toolset_release(set);
    leave(&p);
}
END_TEST

/* --- who is asking --- */

START_TEST(the_callers_token_is_never_passed_on)
{
    static const char *const WORDS[] = {"token", "passthrough", "forward", "caller", "bearer"};
    char members[128];
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        (void)snprintf(members, sizeof members, URL "\"credential\":\"%s\"", WORDS[i]);
        refuse_upstream(members, "the token that a client sends is never passed on: it was issued for this "
                                 "server");
        (void)snprintf(members, sizeof members, URL "\"credential\":{\"type\":\"%s\"}", WORDS[i]);
        refuse_upstream(members, "Say \"user\" for the user's own token");
    }
    refuse_upstream(URL "\"credential\":\"basic\"", "its type must be \"none\", \"user\", \"exchange\"");
    refuse_upstream(URL "\"headers\":{\"X-Token\":\"{@token}\"}",
                    "none for a token, which is never passed on");
}
END_TEST

START_TEST(credentials_without_secrets_are_read)
{
    gh_toolset *set = accept_text(
        "{\"upstreams\":{\"a\":{" URL "\"credential\":\"user\"},\"b\":{" URL
        "\"credential\":{\"type\":\"none\"}},"
        "\"c\":{" URL "\"credential\":{\"type\":\"exchange\",\"audience\":\"orders\",\"resource\":"
        "\"https://a.example\",\"scope\":\"r w\"}},\"d\":{" URL "\"credential\":{\"type\":\"client\"}},"
        "\"e\":{" URL "\"credential\":\"client\"}}}");
    ck_assert_int_eq(set->upstreams[0].credential.kind, GH_CREDENTIAL_USER);
    ck_assert_int_eq(set->upstreams[1].credential.kind, GH_CREDENTIAL_NONE);
    ck_assert_int_eq(set->upstreams[2].credential.kind, GH_CREDENTIAL_EXCHANGE);
    ck_assert_str_eq(set->upstreams[2].credential.audience, "orders");
    ck_assert_str_eq(set->upstreams[2].credential.resource, "https://a.example");
    ck_assert_str_eq(set->upstreams[2].credential.scope, "r w");
    ck_assert_int_eq(set->upstreams[3].credential.kind, GH_CREDENTIAL_CLIENT);
    ck_assert_ptr_null(set->upstreams[3].credential.client_id);
    ck_assert_int_eq(set->upstreams[4].credential.kind, GH_CREDENTIAL_CLIENT);
    gh_toolset_release(set);
}
END_TEST

START_TEST(credentials_that_make_no_sense_are_refused)
{
    refuse_upstream(URL "\"credential\":{}", "credential: member \"type\" is missing");
    refuse_upstream(URL "\"credential\":{\"type\":\"user\",\"audience\":\"x\"}",
                    "\"audience\" does not go with the type \"user\"");
    refuse_upstream(URL "\"credential\":{\"type\":\"exchange\"}", "an exchange needs \"audience\"");
    refuse_upstream(URL "\"credential\":\"exchange\"", "an exchange needs \"audience\"");
    refuse_upstream(URL "\"credential\":{\"type\":\"exchange\",\"resource\":\"orders\"}",
                    "must be an absolute URI");
    refuse_upstream(URL "\"credential\":{\"type\":\"client\",\"clientId\":\"a\"}", "go together");
    refuse_upstream(URL "\"credential\":{\"type\":\"client\",\"tokenEndpoint\":\"https://e.example/t\"}",
                    "the server's own secret is sent to its identity provider only");
    refuse_upstream(URL "\"credential\":{\"type\":\"client\",\"clientSecret\":\"x\"}",
                    "there is no member \"clientSecret\"; did you mean \"clientSecretFile\"?");
    refuse_upstream(URL "\"credential\":{\"type\":\"header\",\"name\":\"X-Key\",\"value\":\"x\"}",
                    "there is no member \"value\"; did you mean \"valueFile\"?");
    refuse_upstream(URL "\"credential\":{\"type\":\"header\",\"name\":\"X-Key\"}",
                    "needs \"name\" and \"valueFile\"");
    refuse_upstream(URL "\"credential\":{\"type\":\"header\",\"name\":\"Host\",\"valueFile\":\"k\"}",
                    "Host cannot be the header of a secret");
}
END_TEST

START_TEST(secrets_come_from_files_that_nobody_else_reads)
{
    place p = enter();
    put(&p, "key", "s3cret\n", 0600);
    put(&p, "open", "s3cret\n", 0644);
    put(&p, "empty", "\n", 0600);
    put(&p, "lines", "one\ntwo\n", 0600);
    gh_toolset *set = accept_in(
        &p,
        "{\"upstreams\":{\"a\":{" URL "\"credential\":{\"type\":\"header\",\"name\":\"Authorization\","
        "\"valueFile\":\"key\",\"prefix\":\"Bearer \"}},\"b\":{" URL "\"credential\":{\"type\":\"client\","
        "\"clientId\":\"us\",\"clientSecretFile\":\"key\",\"tokenEndpoint\":\"http://localhost:1/t\"}}}}");
    ck_assert_str_eq(set->upstreams[0].credential.prefix, "Bearer ");
    ck_assert(gh_secret_equals(set->upstreams[0].credential.secret, GH_VIEW_LIT("s3cret")));
    ck_assert(gh_secret_equals(set->upstreams[1].credential.secret, GH_VIEW_LIT("s3cret")));
    gh_toolset_release(set);
#define HEADER_OF(file)                                                                                      \
    URL "\"credential\":{\"type\":\"header\",\"name\":\"X-Key\",\"valueFile\":\"" file "\"}"
    refuse_upstream_in(&p, HEADER_OF("open"), "holds a secret, but other users may read it; run: chmod 600");
    refuse_upstream_in(&p, HEADER_OF("empty"), "is empty; it should hold a secret");
    refuse_upstream_in(&p, HEADER_OF("none"), "valueFile: cannot open");
    refuse_upstream_in(&p, HEADER_OF("lines"), "must be one line without control characters");
    refuse_upstream_in(&p,
                       URL
                       "\"credential\":{\"type\":\"client\",\"clientId\":\"a\",\"clientSecretFile\":\"key\","
                       "\"tokenEndpoint\":\"http://e.example/t\"}",
                       "tokenEndpoint must be an https: URL");
    refuse_upstream_in(&p,
                       URL "\"credential\":{\"type\":\"header\",\"name\":\"X-Key\",\"valueFile\":\"key\"},"
                           "\"headers\":{\"x-key\":\"1\"}",
                       "x-key belongs to the credential");
    leave(&p);
}
END_TEST

/* --- scopes --- */

START_TEST(scope_rules_are_read)
{
    gh_toolset *set = accept_text("{\"scopes\":{\"orders:write\":[\"orders:read\",\"x\"],\"admin\":[]}}");
    ck_assert_uint_eq(set->scope_rule_count, 2);
    ck_assert_str_eq(set->scope_rules[0].scope, "orders:write");
    ck_assert_str_eq(set->scope_rules[0].implied, "orders:read x");
    ck_assert_str_eq(set->scope_rules[1].implied, "");
    gh_toolset_release(set);
    refuse_text("{\"scopes\":{\"a b\":[]}}", "scopes: a scope must be");
    refuse_text("{\"scopes\":{\"a\":\"b\"}}", "scopes: a must be an array of scopes");
    refuse_text("{\"scopes\":{\"a\":[\"\"]}}", "scopes: a scope must be");
}
END_TEST

/* --- descriptions --- */

static gh_status take(void *context, const gh_toolfile_description *one, gh_error *error)
{
    gh_buf *told = context;
    (void)gh_buf_appendf(told, "%zu %s %s %s", one->line, one->file != NULL ? one->file : "-",
                         one->url != NULL ? one->url : "-", one->upstream != NULL ? one->upstream : "-");
    for (size_t i = 0; i < one->select.count; i++) {
        (void)gh_buf_appendf(told, " [%s]", one->select.items[i]);
    }
    (void)gh_buf_append_char(told, ';');
    return told->len < 120 ? GH_OK : gh_error_set(error, GH_ERR_CANCELLED, "enough");
}

START_TEST(descriptions_are_told_one_by_one)
{
    static const char TEXT[] = "{\"openapi\":[{\"file\":\"pets.yaml\",\"select\":[\"GET /pets*\",\"!x\"],"
                               "\"upstream\":\"pets\"},\n{\"url\":\"https://a.example/o.json\"}]}";
    gh_buf told = GH_BUF_INIT(4000);
    gh_error error = {GH_OK, ""};
    const gh_toolfile_source source = {.label = "t.json", .folder = "/etc/x", .text = GH_VIEW_LIT(TEXT)};
    ck_assert_int_eq(gh_toolfile_descriptions(&source, take, &told, &error), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&told), "1 /etc/x/pets.yaml - pets [GET /pets*] [!x];"
                                         "2 - https://a.example/o.json -;");
    ck_assert_int_eq(gh_toolfile_descriptions(&source, take, &told, &error), GH_ERR_CANCELLED);
    gh_buf_free(&told);
    gh_toolset_release(accept_text(TEXT));
    refuse_text("{\"openapi\":[{\"file\":\"a\",\"url\":\"https://a.example\"}]}",
                "either \"file\" or \"url\"");
    refuse_text("{\"openapi\":[{}]}", "openapi: each needs either \"file\" or \"url\"");
    refuse_text("{\"openapi\":[{\"url\":\"http://a.example\"}]}", "url must be an https: URL");
    refuse_text("{\"openapi\":\"3.1.0\"}", "openapi must be an array, not a string");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("toolfile_upstream");
    TCase *all = tcase_create("all");
    tcase_add_test(all, urls_are_https_unless_they_stay_at_home);
    tcase_add_test(all, urls_are_plain);
    tcase_add_test(all, bounds_and_headers_of_an_upstream_are_checked);
    tcase_add_test(all, the_callers_token_is_never_passed_on);
    tcase_add_test(all, credentials_without_secrets_are_read);
    tcase_add_test(all, credentials_that_make_no_sense_are_refused);
    tcase_add_test(all, secrets_come_from_files_that_nobody_else_reads);
    tcase_add_test(all, scope_rules_are_read);
    tcase_add_test(all, descriptions_are_told_one_by_one);
    suite_add_tcase(suite, all);
    return gh_suite_run(suite);
}
