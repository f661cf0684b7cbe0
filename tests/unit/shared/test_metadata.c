#include <check.h>
#include <string.h>

#include "shared/oauth/metadata.h"
#include "tests/support/suite.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

START_TEST(a_resource_document_is_read)
{
    gh_resource_metadata metadata;
    gh_error error;
    ck_assert_int_eq(
        gh_resource_metadata_parse(
            GH_VIEW_LIT("{\"resource\":\"https://h/mcp\",\"authorization_servers\":[\"https://a\","
                        "\"https://b/\"],\"scopes_supported\":[\"mcp\",\"mcp:x\"],\"resource_name\":\"N\","
                        "\"bearer_methods_supported\":[\"header\"],\"x\":{\"y\":[1]}}"),
            &metadata, &error),
        GH_OK);
    ck_assert_str_eq(metadata.resource, "https://h/mcp");
    ck_assert_uint_eq(metadata.authorization_server_count, 2);
    ck_assert_str_eq(metadata.authorization_servers[0], "https://a");
    ck_assert_str_eq(metadata.authorization_servers[1], "https://b/");
    ck_assert_str_eq(metadata.scopes_supported, "mcp mcp:x");
    ck_assert_str_eq(metadata.resource_name, "N");
    gh_resource_metadata_clear(&metadata);
    ck_assert_ptr_null(metadata.resource);
}
END_TEST

START_TEST(null_members_are_absent)
{
    gh_resource_metadata metadata;
    ck_assert_int_eq(
        gh_resource_metadata_parse(GH_VIEW_LIT("{\"resource\":\"https://h\",\"scopes_supported\":null,"
                                               "\"authorization_servers\":null,\"resource_name\":null}"),
                                   &metadata, NULL),
        GH_OK);
    ck_assert_ptr_null(metadata.scopes_supported);
    ck_assert_ptr_null(metadata.resource_name);
    ck_assert_uint_eq(metadata.authorization_server_count, 0);
    gh_resource_metadata_clear(&metadata);
}
END_TEST

START_TEST(an_empty_list_is_not_an_undefined_one)
{
    gh_resource_metadata metadata;
    ck_assert_int_eq(
        gh_resource_metadata_parse(GH_VIEW_LIT("{\"resource\":\"https://h\",\"scopes_supported\":[]}"),
                                   &metadata, NULL),
        GH_OK);
    ck_assert_str_eq(metadata.scopes_supported, "");
    gh_resource_metadata_clear(&metadata);
}
END_TEST

START_TEST(more_servers_than_fit_are_left_out)
{
    gh_resource_metadata metadata;
    ck_assert_int_eq(
        gh_resource_metadata_parse(
            GH_VIEW_LIT("{\"resource\":\"https://h\",\"authorization_servers\":[\"1\",\"2\",\"3\",\"4\","
                        "\"5\",\"6\",\"7\",\"8\",\"9\"]}"),
            &metadata, NULL),
        GH_OK);
    ck_assert_uint_eq(metadata.authorization_server_count, GH_METADATA_SERVERS_MAX);
    ck_assert_str_eq(metadata.authorization_servers[GH_METADATA_SERVERS_MAX - 1], "8");
    gh_resource_metadata_clear(&metadata);
}
END_TEST

static const struct {
    const char *json;
    gh_status status;
    const char *named;
} BAD[] = {
    {"", GH_ERR_PARSE, ""},
    {"[]", GH_ERR_INVALID, "object"},
    {"\"x\"", GH_ERR_INVALID, "object"},
    {"{", GH_ERR_PARSE, ""},
    {"{}", GH_ERR_INVALID, "resource"},
    {"{\"resource\":null}", GH_ERR_INVALID, "resource"},
    {"{\"resource\":\"\"}", GH_ERR_INVALID, "resource"},
    {"{\"resource\":1}", GH_ERR_INVALID, "resource"},
    {"{\"resource\":\"a\\nb\"}", GH_ERR_INVALID, "resource"},
    {"{\"Resource\":\"https://h\"}", GH_ERR_INVALID, "resource"},
    {"{\"resource\":\"r\",\"resource_name\":{}}", GH_ERR_INVALID, "resource_name"},
    {"{\"resource\":\"r\",\"scopes_supported\":\"mcp\"}", GH_ERR_INVALID, "scopes_supported"},
    {"{\"resource\":\"r\",\"scopes_supported\":[1]}", GH_ERR_INVALID, "scopes_supported"},
    {"{\"resource\":\"r\",\"scopes_supported\":[\"a b\"]}", GH_ERR_INVALID, "scopes_supported"},
    {"{\"resource\":\"r\",\"scopes_supported\":[\"a\",\"\"]}", GH_ERR_INVALID, "scopes_supported"},
    {"{\"resource\":\"r\",\"scopes_supported\":[null]}", GH_ERR_INVALID, "scopes_supported"},
    {"{\"resource\":\"r\",\"authorization_servers\":\"https://a\"}", GH_ERR_INVALID, "authorization_servers"},
    {"{\"resource\":\"r\",\"authorization_servers\":[\"https://a\",2]}", GH_ERR_INVALID,
     "authorization_servers"},
};

START_TEST(wrong_documents_are_refused_naming_the_member)
{
    gh_resource_metadata metadata;
    gh_error error = {.message = ""};
    ck_assert_int_eq(gh_resource_metadata_parse(gh_view_of(BAD[_i].json), &metadata, &error), BAD[_i].status);
    ck_assert_msg(error.message[0] != '\0' && strstr(error.message, BAD[_i].named) != NULL, "%s",
                  error.message);
}
END_TEST

START_TEST(a_resource_document_is_written_without_null)
{
    gh_buf out = GH_BUF_INIT(1024);
    char resource[] = "https://h/mcp";
    char server[] = "https://h";
    char scopes[] = "mcp tools";
    gh_resource_metadata metadata = {.resource = resource};
    ck_assert_int_eq(gh_resource_metadata_write(&metadata, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "{\"resource\":\"https://h/mcp\"}");
    gh_buf_clear(&out);
    metadata.authorization_servers[0] = server;
    metadata.authorization_server_count = 1;
    metadata.scopes_supported = scopes;
    ck_assert_int_eq(gh_resource_metadata_write(&metadata, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out),
                     "{\"resource\":\"https://h/mcp\",\"authorization_servers\":[\"https://h\"],"
                     "\"scopes_supported\":[\"mcp\",\"tools\"]}");
    gh_buf_free(&out);
}
END_TEST

static const char SERVER[] =
    "{\"issuer\":\"https://a/o/app/\",\"authorization_endpoint\":\"https://a/authorize\","
    "\"token_endpoint\":\"https://a/token\",\"registration_endpoint\":null,"
    "\"revocation_endpoint\":\"https://a/revoke\",\"device_authorization_endpoint\":\"https://a/device\","
    "\"jwks_uri\":\"https://a/jwks\",\"userinfo_endpoint\":\"https://a/userinfo\","
    "\"scopes_supported\":[\"openid\",\"offline_access\"],\"grant_types_supported\":[\"authorization_code\"],"
    "\"response_types_supported\":[\"code\",\"id_token\",\"code id_token\"],"
    "\"code_challenge_methods_supported\":[\"plain\",\"S256\"],"
    "\"token_endpoint_auth_methods_supported\":[\"none\"],"
    "\"token_endpoint_auth_signing_alg_values_supported\":[\"ES256\"],"
    "\"id_token_signing_alg_values_supported\":[\"RS256\"],"
    "\"authorization_response_iss_parameter_supported\":true,"
    "\"client_id_metadata_document_supported\":false}";

START_TEST(a_server_document_is_read)
{
    gh_server_metadata m;
    gh_error error = {.message = ""};
    ck_assert_msg(gh_server_metadata_parse(gh_view_of(SERVER), &m, &error) == GH_OK, "%s", error.message);
    ck_assert_str_eq(m.issuer, "https://a/o/app/");
    ck_assert_str_eq(m.authorization_endpoint, "https://a/authorize");
    ck_assert_str_eq(m.token_endpoint, "https://a/token");
    ck_assert_ptr_null(m.registration_endpoint);
    ck_assert_str_eq(m.revocation_endpoint, "https://a/revoke");
    ck_assert_str_eq(m.device_authorization_endpoint, "https://a/device");
    ck_assert_str_eq(m.jwks_uri, "https://a/jwks");
    ck_assert_str_eq(m.userinfo_endpoint, "https://a/userinfo");
    ck_assert_str_eq(m.scopes_supported, "openid offline_access");
    ck_assert_str_eq(m.grant_types_supported, "authorization_code");
    ck_assert_str_eq(m.code_challenge_methods_supported, "plain S256");
    ck_assert_str_eq(m.token_endpoint_auth_methods_supported, "none");
    ck_assert_str_eq(m.token_endpoint_auth_signing_alg_values_supported, "ES256");
    ck_assert_str_eq(m.id_token_signing_alg_values_supported, "RS256");
    ck_assert(m.iss_parameter_supported);
    ck_assert(!m.client_id_metadata_document_supported);
    gh_server_metadata_clear(&m);
}
END_TEST

START_TEST(combined_response_types_are_left_out_and_not_split)
{
    gh_server_metadata m;
    ck_assert_int_eq(gh_server_metadata_parse(gh_view_of(SERVER), &m, NULL), GH_OK);
    ck_assert_str_eq(m.response_types_supported, "code id_token");
    gh_server_metadata_clear(&m);
    ck_assert_int_eq(
        gh_server_metadata_parse(
            GH_VIEW_LIT("{\"issuer\":\"https://a\",\"response_types_supported\":[\"code id_token\"]}"), &m,
            NULL),
        GH_OK);
    ck_assert_str_eq(m.response_types_supported, "");
    gh_server_metadata_clear(&m);
}
END_TEST

static const char *const BAD_SERVER[] = {
    "{}",
    "{\"token_endpoint\":\"https://a\"}",
    "{\"issuer\":\"https://a\",\"token_endpoint\":[]}",
    "{\"issuer\":\"https://a\",\"code_challenge_methods_supported\":\"S256\"}",
    "{\"issuer\":\"https://a\",\"authorization_response_iss_parameter_supported\":\"true\"}",
    "{\"issuer\":\"https://a\",\"issuer\":\"https://b\"}",
};

START_TEST(wrong_server_documents_are_refused)
{
    gh_server_metadata m;
    gh_error error = {.message = ""};
    ck_assert_int_ne(gh_server_metadata_parse(gh_view_of(BAD_SERVER[_i]), &m, &error), GH_OK);
    ck_assert_str_ne(error.message, "");
}
END_TEST

START_TEST(openid_adds_what_its_discovery_requires)
{
    gh_server_metadata m;
    gh_buf plain = GH_BUF_INIT(4096);
    gh_buf openid = GH_BUF_INIT(4096);
    ck_assert_int_eq(gh_server_metadata_parse(gh_view_of(SERVER), &m, NULL), GH_OK);
    ck_assert_int_eq(gh_server_metadata_write(&m, false, &plain), GH_OK);
    ck_assert_int_eq(gh_server_metadata_write(&m, true, &openid), GH_OK);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&plain), "subject_types_supported"));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&plain), "id_token_signing_alg_values_supported"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&openid), "\"subject_types_supported\":[\"public\"]"));
    ck_assert_ptr_nonnull(
        strstr(gh_buf_cstr(&openid), "\"id_token_signing_alg_values_supported\":[\"RS256\"]"));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&openid), "null"));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&openid), "registration_endpoint"));
    ck_assert_ptr_nonnull(
        strstr(gh_buf_cstr(&plain), "\"authorization_response_iss_parameter_supported\":true"));
    gh_server_metadata_clear(&m);
    ck_assert_int_eq(gh_server_metadata_parse(gh_buf_view(&openid), &m, NULL), GH_OK);
    ck_assert_str_eq(m.issuer, "https://a/o/app/");
    ck_assert_str_eq(m.code_challenge_methods_supported, "plain S256");
    gh_server_metadata_clear(&m);
    gh_buf_free(&plain);
    gh_buf_free(&openid);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metadata");
    TCase *tests = tcase_create("metadata");
    tcase_add_test(tests, a_resource_document_is_read);
    tcase_add_test(tests, null_members_are_absent);
    tcase_add_test(tests, an_empty_list_is_not_an_undefined_one);
    tcase_add_test(tests, more_servers_than_fit_are_left_out);
    tcase_add_loop_test(tests, wrong_documents_are_refused_naming_the_member, 0, COUNT(BAD));
    tcase_add_test(tests, a_resource_document_is_written_without_null);
    tcase_add_test(tests, a_server_document_is_read);
    tcase_add_test(tests, combined_response_types_are_left_out_and_not_split);
    tcase_add_loop_test(tests, wrong_server_documents_are_refused, 0, COUNT(BAD_SERVER));
    tcase_add_test(tests, openid_adds_what_its_discovery_requires);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
