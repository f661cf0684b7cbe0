#include "server/http/router.h"

#include <string.h>

#include "tests/support/suite.h"

static gh_site *site;
static gh_router *router;
static gh_response response;
static int calls;

static void handle(void *context, const gh_request *request, gh_response *out)
{
    calls++;
    gh_response_header(out, "X-Method", request->method);
    gh_response_json(out, 200, gh_view_of(context));
}

static bool admit(void *context, const gh_request *request)
{
    (void)context;
    return gh_request_header(request, "Authorization").ptr != NULL;
}

static char TEXT[] = "{}";
static const gh_route ROUTES[] = {
    {"POST", "/mcp", GH_ROUTE_SHARED, handle, TEXT, false, (size_t)1 << 20, admit},
    {"GET", "/mcp", GH_ROUTE_SHARED, handle, TEXT, false, 0, NULL},
    {"GET", "/doc", GH_ROUTE_OPEN, handle, TEXT, false, 0, NULL},
    {"POST", "/form", GH_ROUTE_OWN, handle, TEXT, false, 0, NULL},
    {"GET", "/healthz", GH_ROUTE_OPEN, handle, TEXT, true, 0, NULL},
};

static void set_up(void)
{
    char allowed[] = "https://inspector.example";
    char *items[] = {allowed};
    const gh_text_list list = {items, 1};
    calls = 0;
    ck_assert_int_eq(gh_site_new("http://localhost:8080/", &list, &site, NULL), GH_OK);
    ck_assert_int_eq(gh_router_new(site, ROUTES, sizeof ROUTES / sizeof ROUTES[0], &router), GH_OK);
    gh_response_init(&response, NULL);
}

static void tear_down(void)
{
    gh_response_clear(&response);
    gh_router_free(router);
    gh_site_free(site);
}

/* Asks with `host` and up to two more headers. */
static int ask_at(const char *host, const char *method, const char *path, const char *name, const char *value,
                  const char *name2, const char *value2)
{
    const gh_header headers[] = {{GH_VIEW_LIT("Host"), gh_view_of(host)},
                                 {gh_view_of(name != NULL ? name : "X-None"), gh_view_of(value)},
                                 {gh_view_of(name2 != NULL ? name2 : "X-None"), gh_view_of(value2)}};
    const gh_request request = {
        .method = gh_view_of(method), .path = gh_view_of(path), .headers = headers, .header_count = 3};
    gh_response_clear(&response);
    gh_response_init(&response, NULL);
    gh_router_serve(router, &request, &response);
    if (response.status >= 400) {
        ck_assert_str_eq(response.type, "application/json");
        ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.body), "\"error_description\""));
    }
    return response.status;
}

static int ask(const char *method, const char *path)
{
    return ask_at("localhost:8080", method, path, NULL, NULL, NULL, NULL);
}

static int ask_from(const char *origin, const char *method, const char *path)
{
    return ask_at("localhost:8080", method, path, "Origin", origin, NULL, NULL);
}

static bool head_has(const char *line)
{
    return strstr(gh_buf_cstr(&response.head), line) != NULL;
}

START_TEST(paths_match_exactly)
{
    static const char *const unknown[] = {"/",      "/mcp/", "/MCP",   "/mc",      "/mcpx",
                                          "/%6dcp", "//mcp", "/mcp/x", "/a/../mcp"};
    ck_assert_int_eq(ask("POST", "/mcp"), 200);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        ck_assert_msg(ask("POST", unknown[i]) == 404, "%s matched", unknown[i]);
    }
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(a_method_without_a_row_is_405_with_allow)
{
    ck_assert_int_eq(ask("PUT", "/mcp"), 405);
    ck_assert(head_has("Allow: POST, GET, HEAD, OPTIONS\r\n"));
    ck_assert_int_eq(ask("post", "/mcp"), 405);
    ck_assert_int_eq(ask("HEAD", "/form"), 405);
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(head_is_served_by_get)
{
    ck_assert_int_eq(ask("HEAD", "/doc"), 200);
    ck_assert(head_has("X-Method: GET\r\n"));
}
END_TEST

START_TEST(only_the_public_name_is_served)
{
    static const char *const other[] = {"127.0.0.1:8080",
                                        "[::1]:8080",
                                        "localhost",
                                        "localhost:8081",
                                        "evil.example",
                                        "localhost.evil.example:8080",
                                        "localhost:8080.evil.example"};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        ck_assert_msg(ask_at(other[i], "GET", "/doc", NULL, NULL, NULL, NULL) == 421, "%s was served",
                      other[i]);
        ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.body), "http://localhost:8080/mcp"));
        ck_assert(response.close);
    }
    ck_assert_int_eq(ask_at("127.0.0.1:8080", "GET", "/nothing", NULL, NULL, NULL, NULL), 421);
    ck_assert_int_eq(ask_at("LOCALHOST:8080", "GET", "/doc", NULL, NULL, NULL, NULL), 200);
    ck_assert_int_eq(ask_at("", "GET", "/doc", NULL, NULL, NULL, NULL), 400);
    ck_assert_int_eq(ask_at("a b", "GET", "/doc", NULL, NULL, NULL, NULL), 400);
    ck_assert_int_eq(ask_at("user@localhost:8080", "GET", "/doc", NULL, NULL, NULL, NULL), 400);
}
END_TEST

START_TEST(probes_may_ask_by_address)
{
    ck_assert_int_eq(ask_at("10.0.0.1:8080", "GET", "/healthz", NULL, NULL, NULL, NULL), 200);
}
END_TEST

START_TEST(foreign_pages_may_not_call)
{
    static const char *const foreign[] = {"http://evil.example",
                                          "null",
                                          "",
                                          "http://localhost:8081",
                                          "https://localhost:8080",
                                          "http://localhost:8080/",
                                          "http://LOCALHOST:8080"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        ck_assert_msg(ask_from(foreign[i], "POST", "/mcp") == 403, "%s passed", foreign[i]);
        ck_assert_msg(ask_from(foreign[i], "POST", "/form") == 403, "%s passed", foreign[i]);
    }
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(ask_from("http://localhost:8080", "POST", "/mcp"), 200);
    ck_assert_int_eq(ask_from("https://inspector.example", "POST", "/mcp"), 200);
    ck_assert_int_eq(ask_from("http://localhost:8080", "POST", "/form"), 200);
    ck_assert_int_eq(ask_from("https://inspector.example", "POST", "/form"), 403);
}
END_TEST

START_TEST(allowed_pages_may_read_replies)
{
    ck_assert_int_eq(ask_from("https://inspector.example", "POST", "/mcp"), 200);
    ck_assert(head_has("Access-Control-Allow-Origin: https://inspector.example\r\n"));
    ck_assert(head_has("Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id, Retry-After\r\n"));
    ck_assert(head_has("Vary: Origin\r\n"));
    ck_assert(!head_has("Allow-Credentials"));
}
END_TEST

START_TEST(public_documents_are_readable_by_allowed_pages_only)
{
    ck_assert_int_eq(ask_from("http://evil.example", "GET", "/doc"), 200);
    ck_assert(!head_has("Access-Control"));
    ck_assert(head_has("Vary: Origin\r\n"));
    ck_assert_int_eq(ask_from("https://inspector.example", "GET", "/doc"), 200);
    ck_assert(head_has("Access-Control-Allow-Origin: https://inspector.example\r\n"));
}
END_TEST

static void refuse_early(const char *host, const char *origin, const char *method, const char *path)
{
    const gh_header headers[] = {{GH_VIEW_LIT("Host"), gh_view_of(host)},
                                 {GH_VIEW_LIT("Origin"), gh_view_of(origin)}};
    const gh_request request = {
        .method = gh_view_of(method), .path = gh_view_of(path), .headers = headers, .header_count = 2};
    gh_response_clear(&response);
    gh_response_init(&response, NULL);
    gh_router_add_cors(router, &request, &response);
}

START_TEST(what_is_refused_before_it_is_served_can_be_read_by_the_same_pages)
{
    refuse_early("localhost:8080", "https://inspector.example", "POST", "/mcp");
    ck_assert(head_has("Access-Control-Allow-Origin: https://inspector.example\r\n"));
    ck_assert(head_has("Vary: Origin\r\n"));
    refuse_early("localhost:8080", "https://inspector.example", "GET", "/doc");
    ck_assert(head_has("Access-Control-Allow-Origin: https://inspector.example\r\n"));
    static const char *const others[][4] = {
        {"localhost:8080", "http://evil.example", "POST", "/mcp"},
        {"localhost:8080", "http://evil.example", "GET", "/doc"},
        {"localhost:8080", "https://inspector.example", "POST", "/form"},
        {"localhost:8080", "https://inspector.example", "GET", "/nothing"},
        {"evil.example", "https://inspector.example", "POST", "/mcp"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        refuse_early(others[i][0], others[i][1], others[i][2], others[i][3]);
        ck_assert_msg(!head_has("Access-Control"), "row %zu", i);
    }
}
END_TEST

START_TEST(limits_are_neither_for_probes_nor_for_preflights)
{
    const gh_header headers[] = {{GH_VIEW_LIT("Origin"), GH_VIEW_LIT("https://inspector.example")},
                                 {GH_VIEW_LIT("Access-Control-Request-Method"), GH_VIEW_LIT("POST")}};
    gh_request request = {
        .method = GH_VIEW_LIT("GET"), .path = GH_VIEW_LIT("/healthz"), .headers = headers, .header_count = 0};
    ck_assert(gh_router_is_unlimited(router, &request));
    request.path = GH_VIEW_LIT("/doc");
    ck_assert(!gh_router_is_unlimited(router, &request));
    request.method = GH_VIEW_LIT("OPTIONS");
    ck_assert(!gh_router_is_unlimited(router, &request));
    request.header_count = 2;
    ck_assert(gh_router_is_unlimited(router, &request));
    request.method = GH_VIEW_LIT("POST");
    ck_assert(!gh_router_is_unlimited(router, &request));
}
END_TEST

START_TEST(preflights_are_answered_for_allowed_pages)
{
    const gh_header headers[] = {
        {GH_VIEW_LIT("Host"), GH_VIEW_LIT("localhost:8080")},
        {GH_VIEW_LIT("Origin"), GH_VIEW_LIT("https://inspector.example")},
        {GH_VIEW_LIT("Access-Control-Request-Method"), GH_VIEW_LIT("POST")},
        {GH_VIEW_LIT("Access-Control-Request-Headers"),
         GH_VIEW_LIT("authorization, content-type, mcp-protocol-version, mcp-param-name, x-evil")}};
    const gh_request request = {
        .method = GH_VIEW_LIT("OPTIONS"), .path = GH_VIEW_LIT("/mcp"), .headers = headers, .header_count = 4};
    gh_router_serve(router, &request, &response);
    ck_assert_int_eq(response.status, 204);
    ck_assert(head_has("Access-Control-Allow-Origin: https://inspector.example\r\n"));
    ck_assert(head_has("Access-Control-Allow-Methods: POST, GET, HEAD, OPTIONS\r\n"));
    ck_assert(head_has("Access-Control-Allow-Headers: authorization, content-type, mcp-protocol-version, "
                       "mcp-param-name\r\n"));
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(other_preflights_are_refused)
{
    const char *wanted = "Access-Control-Request-Method";
    ck_assert_int_eq(
        ask_at("localhost:8080", "OPTIONS", "/mcp", "Origin", "http://evil.example", wanted, "POST"), 403);
    ck_assert(!head_has("Access-Control"));
    ck_assert_int_eq(
        ask_at("localhost:8080", "OPTIONS", "/form", "Origin", "https://inspector.example", wanted, "POST"),
        403);
    ck_assert_int_eq(ask("OPTIONS", "/mcp"), 204);
    ck_assert(head_has("Allow: POST, GET, HEAD, OPTIONS\r\n"));
    ck_assert_int_eq(ask("OPTIONS", "/nothing"), 404);
}
END_TEST

START_TEST(large_bodies_are_for_some_callers_of_some_routes)
{
    const gh_header token = {GH_VIEW_LIT("Authorization"), GH_VIEW_LIT("Bearer x")};
    gh_request request = {
        .method = GH_VIEW_LIT("POST"), .path = GH_VIEW_LIT("/mcp"), .headers = &token, .header_count = 1};
    ck_assert_uint_eq(gh_router_body_limit(router, &request), (size_t)1 << 20);
    ck_assert(gh_router_admits_large(router, &request));
    request.header_count = 0;
    ck_assert(!gh_router_admits_large(router, &request));
    request.path = GH_VIEW_LIT("/form");
    ck_assert_uint_eq(gh_router_body_limit(router, &request), GH_ROUTE_BODY_MAX);
    request.path = GH_VIEW_LIT("/nothing");
    ck_assert_uint_eq(gh_router_body_limit(router, &request), GH_ROUTE_BODY_MAX);
    ck_assert(!gh_router_admits_large(router, &request));
}
END_TEST

static gh_status new_site(const char *url, const char *origin)
{
    gh_error error = {0};
    gh_site *made = NULL;
    char *items[] = {(char *)(uintptr_t)origin};
    const gh_text_list list = {items, origin != NULL ? 1 : 0};
    gh_status status = gh_site_new(url, &list, &made, &error);
    ck_assert((status == GH_OK) == (error.message[0] == '\0'));
    gh_site_free(made);
    return status;
}

START_TEST(a_site_is_an_origin)
{
    static const char *const bad[] = {
        "localhost:8080",          "ftp://localhost",    "http://localhost:8080/base",
        "http://localhost:8080?x", "http://u@localhost", "",
        "http://localhost:99999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(new_site(bad[i], NULL) == GH_ERR_INVALID, "\"%s\" passed", bad[i]);
    }
    ck_assert_int_eq(new_site("http://localhost:8080", "null"), GH_ERR_INVALID);
    ck_assert_int_eq(new_site("http://localhost:8080", "https://a.example/path"), GH_ERR_INVALID);
    ck_assert_int_eq(new_site("http://localhost:8080", "https://a.example"), GH_OK);
}
END_TEST

START_TEST(a_default_port_may_be_left_out_of_host)
{
    gh_site *made = NULL;
    ck_assert_int_eq(gh_site_new("http://LocalHost:80", NULL, &made, NULL), GH_OK);
    ck_assert_str_eq(gh_site_origin(made), "http://localhost");
    ck_assert_str_eq(gh_site_mcp_url(made), "http://localhost/mcp");
    ck_assert_str_eq(gh_site_resource_metadata(made),
                     "http://localhost/.well-known/oauth-protected-resource/mcp");
    ck_assert_int_eq(gh_site_check_host(made, GH_VIEW_LIT("localhost")), GH_SITE_HOST_OURS);
    ck_assert_int_eq(gh_site_check_host(made, GH_VIEW_LIT("localhost:80")), GH_SITE_HOST_OURS);
    ck_assert_int_eq(gh_site_check_host(made, GH_VIEW_LIT("localhost:8080")), GH_SITE_HOST_OTHER);
    gh_site_free(made);
    ck_assert_int_eq(gh_site_new("http://[::1]:9", NULL, &made, NULL), GH_OK);
    ck_assert_int_eq(gh_site_check_host(made, GH_VIEW_LIT("[::1]:9")), GH_SITE_HOST_OURS);
    gh_site_free(made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *tests = tcase_create("router");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, paths_match_exactly);
    tcase_add_test(tests, a_method_without_a_row_is_405_with_allow);
    tcase_add_test(tests, head_is_served_by_get);
    tcase_add_test(tests, only_the_public_name_is_served);
    tcase_add_test(tests, probes_may_ask_by_address);
    tcase_add_test(tests, foreign_pages_may_not_call);
    tcase_add_test(tests, allowed_pages_may_read_replies);
    tcase_add_test(tests, public_documents_are_readable_by_allowed_pages_only);
    tcase_add_test(tests, what_is_refused_before_it_is_served_can_be_read_by_the_same_pages);
    tcase_add_test(tests, limits_are_neither_for_probes_nor_for_preflights);
    tcase_add_test(tests, preflights_are_answered_for_allowed_pages);
    tcase_add_test(tests, other_preflights_are_refused);
    tcase_add_test(tests, large_bodies_are_for_some_callers_of_some_routes);
    tcase_add_test(tests, a_site_is_an_origin);
    tcase_add_test(tests, a_default_port_may_be_left_out_of_host);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
