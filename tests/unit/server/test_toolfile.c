/* Tools files: upstreams, tools and their requests. */
#include "tests/unit/server/toolfile_fixture.h"

#include "tests/support/suite.h"

/* --- the whole --- */

START_TEST(a_tool_is_read_with_all_that_it_says)
{
    gh_toolset *set = accept_text(
        "{\"$schema\":\"https://example.org/x\"," API ",\n\"tools\":[\n"
        "{\"name\":\"getOrder\",\"title\":\"An order\",\"description\":\"Gets "
        "it.\",\"scopes\":[\"a\",\"b\",\"a\"],"
        "\"icons\":[{\"src\":\"https://example.org/i.png\",\"sizes\":[\"any\"],\"theme\":\"dark\"}],"
        "\"_meta\":{ \"big\" : 12345678901234567890 },\"annotations\":{\"readOnlyHint\":true},"
        "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"n\":{}},"
        "\"required\":[\"id\"]},\"outputSchema\":{\"type\":\"object\"},"
        "\"request\":{\"path\":\"/orders/{id}\",\"query\":{\"n\":\"{n}\",\"v\":2,\"all\":false,"
        "\"list\":{\"value\":\"{n}\",\"style\":\"deepObject\"}},\"headers\":{\"If-Match\":\"{n}\"},"
        "\"timeoutMs\":700,\"maxResponseBytes\":800,\"retries\":3},"
        "\"response\":{\"type\":\"json\",\"pointer\":\"/data/~1\",\"wrap\":\"order\","
        "\"errors\":{\"4xx\":\"other\",\"404\":\"no {id}\"}}}]}");
    ck_assert_uint_eq(set->entry_count, 1);
    const gh_entry *tool = &set->entries[0];
    ck_assert_int_eq(tool->kind, GH_ENTRY_TOOL);
    ck_assert_str_eq(tool->file, "tools.json");
    ck_assert_uint_eq(tool->line, 3);
    ck_assert_str_eq(tool->scopes, "a b");
    ck_assert_str_eq(tool->meta, "{\"big\":12345678901234567890}");
    ck_assert_str_eq(tool->annotations, "{\"readOnlyHint\":true}");
    ck_assert_str_eq(tool->output_schema, "{\"type\":\"object\"}");
    ck_assert(tool->has_request);
    const gh_api_request *request = &tool->request;
    ck_assert_ptr_eq(request->upstream, &set->upstreams[0]);
    ck_assert_str_eq(request->method, "GET");
    ck_assert_int_eq(request->timeout_ms, 700);
    ck_assert_uint_eq(request->max_response, 800);
    ck_assert_uint_eq(request->retries, 3);
    ck_assert_uint_eq(request->query_count, 4);
    ck_assert_int_eq(request->query[0].style, GH_STYLE_FORM);
    ck_assert(request->query[0].explode);
    ck_assert_int_eq(request->query[3].style, GH_STYLE_DEEP);
    ck_assert(!request->query[3].explode);
    ck_assert_int_eq(request->headers[0].style, GH_STYLE_SIMPLE);
    ck_assert_int_eq(tool->response.kind, GH_RESPONSE_JSON);
    ck_assert_int_eq(tool->response.errors[0].to, 404);
    ck_assert_int_eq(tool->response.errors[1].from, 400);
    ck_assert_int_eq(tool->response.errors[1].to, 499);
    gh_toolset_release(set);
}
END_TEST

START_TEST(what_is_not_said_has_a_default)
{
    gh_toolset *set = accept_text("{" API ",\"tools\":[" TOOL(
        "a", "") ",{\"name\":\"b\",\"request\":{\"method\":\"POST\",\"path\":\"\"}},"
                 "{\"name\":\"c\",\"request\":{\"method\":\"DELETE\",\"path\":\"/\"}}]}");
    const gh_entry *tool = &set->entries[0];
    ck_assert_str_eq(tool->input_schema, "{\"type\":\"object\",\"additionalProperties\":false}");
    ck_assert_str_eq(tool->scopes, "");
    ck_assert_ptr_null(tool->title);
    ck_assert_int_eq(tool->request.timeout_ms, 10000);
    ck_assert_uint_eq(tool->request.max_response, 1024 * 1024);
    ck_assert_uint_eq(tool->request.retries, 1);
    ck_assert_int_eq(tool->request.body_kind, GH_BODY_NONE);
    ck_assert_uint_eq(set->entries[1].request.retries, 0);
    ck_assert_uint_eq(set->entries[2].request.retries, 1);
    ck_assert_int_eq(set->upstreams[0].credential.kind, GH_CREDENTIAL_NONE);
    ck_assert_int_eq(set->upstreams[0].connect_timeout_ms, 5000);
    ck_assert(!set->upstreams[0].allow_private);
    gh_toolset_release(set);
    set = accept_text(" {} ");
    ck_assert_uint_eq(set->entry_count, 0);
    gh_toolset_release(set);
}
END_TEST

START_TEST(what_is_wrong_is_told_with_file_line_and_item)
{
    refuse_text(
        "{\n" API ",\n\"tools\":[\n" TOOL("a", "") ",\n" TOOL("b", ",\n\"descripton\":\"x\"") "]}",
        "tools.json, line 6: tool b: there is no member \"descripton\"; did you mean \"description\"?");
    refuse_text("{\n\"tools\": [\n1,]}", "tools.json, line 3: not JSON at byte 15: expected");
    refuse_text("", "tools.json, line 1: not JSON");
    refuse_text("[]", "line 1: the file must be an object");
    refuse_text("{\"tool\":[]}", "line 1: the file: there is no member \"tool\"; did you mean \"tools\"?");
    refuse_text("{\"tools\":{}}", "tools must be an array, not an object");
    refuse_text("{\"tools\":[1]}", "tools must be an array of objects");
    refuse_text("{\"tools\":[{}]}", "line 1: tool: member \"name\" is missing");
    refuse_text("{\"tools\":[{\"name\":\"a\"}]}", "tool a: member \"request\" is missing");
    refuse_text("{\"tools\":[{\"name\":1}]}", "tool: name must be a string, not a number");
    refuse_text("{\"a\":1,\"a\":2}", "stands twice in one object");
    refuse_text("\xef\xbb\xbf{}", "not JSON at byte 0");
}
END_TEST

START_TEST(files_are_read_together)
{
    const gh_toolfile_source sources[] = {
        {.label = "one.json", .text = GH_VIEW_LIT("{" API ",\"tools\":[" TOOL("a", "") "]}")},
        {.label = "two.json", .text = GH_VIEW_LIT("{\"tools\":[" TOOL("b", "") "]}")},
        {.label = "three.json", .text = GH_VIEW_LIT("{\"tools\":[\n" TOOL("a", "") "]}")},
        {.label = "four.json", .text = GH_VIEW_LIT("{\n" API "}")},
    };
    gh_toolset *set = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_toolset_read(sources, 2, &set, &error), GH_OK);
    ck_assert_str_eq(set->entries[1].file, "two.json");
    ck_assert_ptr_eq(set->entries[1].request.upstream, &set->upstreams[0]);
    ck_assert_ptr_eq(gh_toolset_hold(set), set);
    gh_toolset_release(set);
    ck_assert_str_eq(set->entries[0].name, "a");
    gh_toolset_release(set);
    gh_toolset_release(NULL);
    ck_assert_int_eq(gh_toolset_read(sources, 3, &set, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message,
                     "three.json, line 2: tool a: there is one of that name already, in one.json, line 1");
    ck_assert_int_eq(gh_toolset_read(sources, 4, &set, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message, "four.json, line 2: upstream api: there is one of that name already");
    const gh_toolfile_source made[] = {
        sources[0],
        {.label = "api.yaml", .text = GH_VIEW_LIT("{\"tools\":[" TOOL("a", "") "]}"), .made = true}};
    ck_assert_int_eq(gh_toolset_read(made, 2, &set, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message,
                     "api.yaml: tool a: there is one of that name already, in one.json, line 1");
}
END_TEST

START_TEST(ten_thousand_tools_are_read_and_one_more_is_not)
{
    gh_buf text = GH_BUF_INIT(GH_TOOLFILE_MAX);
    (void)gh_buf_append_cstr(&text, "{" API ",\"tools\":[");
    for (int i = 0; i < GH_TOOLFILE_TOOLS_MAX; i++) {
        (void)gh_buf_appendf(
            &text,
            "%s\n{\"name\":\"t%d\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"id\":"
            "{\"type\":\"integer\"}},\"required\":[\"id\"]},\"request\":{\"path\":\"/{id}\"}}",
            i > 0 ? "," : "", i);
    }
    size_t before = text.len;
    (void)gh_buf_append_cstr(&text, "]}");
    gh_toolset *set = accept_text(gh_buf_cstr(&text));
    ck_assert_uint_eq(set->entry_count, GH_TOOLFILE_TOOLS_MAX);
    ck_assert_uint_eq(set->entries[GH_TOOLFILE_TOOLS_MAX - 1].line, GH_TOOLFILE_TOOLS_MAX + 1);
    gh_toolset_release(set);
    text.len = before;
    (void)gh_buf_append_cstr(&text, "," TOOL("more", "") "]}");
    refuse_text(gh_buf_cstr(&text), "there are more than 10000 tools");
    gh_buf_free(&text);
    ck_assert_int_eq(gh_buf_reserve(&text, GH_TOOLFILE_MAX), GH_OK);
    memset(text.data, ' ', GH_TOOLFILE_MAX);
    const gh_toolfile_source large = {.label = "tools.json",
                                      .text = {text.data, GH_TOOLFILE_MAX + (size_t)1}};
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_toolset_read(&large, 1, &set, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message, "tools.json is larger than 16 MiB");
    gh_buf_free(&text);
}
END_TEST

/* --- tools --- */

static void refuse_tool(const char *members, const char *sentence)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "{" API ",\"tools\":[{\"name\":\"t\",%s}]}", members);
    refuse_text(text, sentence);
}

START_TEST(names_and_hints_are_checked)
{
    refuse_text("{" API ",\"tools\":[" TOOL("a b", "") "]}", "1 to 128 letters, digits, '_', '-' or '.'");
    refuse_text("{" API ",\"tools\":[" TOOL("", "") "]}", "name must not be empty");
    refuse_tool("\"request\":{},\"annotations\":{\"readonlyHint\":true}",
                "annotations: there is no member \"readonlyHint\"; did you mean \"readOnlyHint\"?");
    refuse_tool("\"request\":{},\"annotations\":{\"readOnlyHint\":\"yes\"}",
                "annotations: readOnlyHint must be a boolean, not a string");
    refuse_tool("\"request\":{},\"icons\":[{\"src\":\"http://example.org/x\"}]",
                "icons: src must be an https:");
    refuse_tool("\"request\":{},\"icons\":[{}]", "icons: member \"src\" is missing");
    refuse_tool("\"request\":{},\"icons\":[{\"src\":\"data:,x\",\"theme\":\"red\"}]", "icons: theme must be");
    refuse_tool("\"request\":{},\"scopes\":[\"a b\"]", "scopes: a scope must be");
    refuse_tool("\"request\":{},\"scopes\":[1]", "scopes must be a string");
    refuse_tool("\"request\":{},\"_meta\":[]", "_meta must be an object, not an array");
}
END_TEST

START_TEST(schemas_are_checked)
{
    refuse_tool("\"request\":{},\"inputSchema\":{}", "inputSchema must say \"type\": \"object\"");
    refuse_tool(
        "\"request\":{},\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"text\"}}}",
        "tool t: inputSchema at /properties/a");
    refuse_tool("\"request\":{},\"outputSchema\":{\"$ref\":\"https://example.org/x\"}", "outputSchema");
    refuse_tool("\"request\":{},\"outputSchema\":{},\"response\":{\"type\":\"image\"}",
                "promises structured content");
}
END_TEST

#define ID                                                                                                   \
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"id\":{},\"opt\":{},\"a\":{\"type\":\"object\","  \
    "\"properties\":{\"b\":{},"                                                                              \
    "\"c\":{}},\"required\":[\"b\"]},\"free\":{}},\"required\":[\"id\",\"a\",\"free\"]},"

START_TEST(variables_must_be_arguments)
{
    refuse_tool(ID "\"request\":{\"path\":\"/{ID}\"}", "request: path: {ID} is not in the input schema");
    refuse_tool(ID "\"request\":{\"path\":\"/{opt}\"}", "request: path: {opt} must be a required argument");
    refuse_tool(ID "\"request\":{\"path\":\"/{a.c}\"}", "{a.c} must be a required argument");
    refuse_tool(ID "\"request\":{\"path\":\"/{a.d}\"}", "{a.d} is not in the input schema");
    refuse_tool(ID "\"request\":{\"path\":\"/{free.x}\"}", "{free.x} must be a required argument");
    refuse_tool(ID "\"request\":{\"query\":{\"q\":\"{nope}\"}}", "request: query: q: {nope} is not in");
    refuse_tool(ID "\"request\":{\"headers\":{\"X-A\":\"{nope}\"}}",
                "request: headers: X-A: {nope} is not in");
    refuse_tool(ID "\"request\":{\"method\":\"POST\",\"body\":{\"json\":{\"a\":[\"{nope}\"]}}}",
                "request: body: json: {nope} is not in");
    refuse_tool(ID "\"request\":{\"method\":\"POST\",\"body\":{\"form\":{\"a\":\"{nope}\"}}}",
                "{nope} is not in");
    refuse_tool(ID "\"request\":{\"method\":\"POST\",\"body\":{\"text\":\"{nope}\"}}", "{nope} is not in");
    refuse_tool(ID "\"request\":{},\"response\":{\"errors\":{\"404\":\"{nope}\"}}",
                "response: errors: {nope}");
    gh_toolset_release(accept_text("{" API ",\"tools\":[{\"name\":\"t\"," ID
                                   "\"request\":{\"path\":\"/{id}/{a.b}/{@subject}\","
                                   "\"query\":{\"o\":\"{opt}\",\"f\":\"{free.x.y}\"}}}]}"));
    gh_toolset_release(
        accept_text("{" API ",\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\","
                    "\"additionalProperties\":true},\"request\":{\"query\":{\"o\":\"{any}\"}}}]}"));
}
END_TEST

/* --- requests --- */

static void refuse_request(const char *request, const char *sentence)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "\"request\":%s", request);
    refuse_tool(text, sentence);
}

START_TEST(paths_are_checked)
{
    refuse_request("{\"path\":\"x\"}", "request: path must begin with '/'");
    refuse_request("{\"path\":\"{@subject}/x\"}", "request: path must begin with '/'");
    refuse_request("{\"path\":\"/a?b=c\"}", "path has no query and no fragment: write \"query\"");
    refuse_request("{\"path\":\"/a#b\"}", "path has no query and no fragment");
    refuse_request("{\"path\":\"/a/../b\"}", "path holds a '.' or '..'");
    refuse_request("{\"path\":\"/a/%2E%2e/b\"}", "path holds a '.' or '..'");
    refuse_request("{\"path\":\"/a/..;x/b\"}", "path holds a '.' or '..'");
    refuse_request("{\"path\":\"/a b\"}", "path holds a character that must be percent-encoded");
    refuse_request("{\"path\":\"/a\\\\b\"}", "path holds a character that must be percent-encoded");
    refuse_request("{\"path\":\"/\\u00e9\"}", "path holds a character that must be percent-encoded");
    refuse_request("{\"path\":\"/a%00\"}", "path holds a broken escape");
    refuse_request("{\"path\":\"/a%g\"}", "path holds a broken escape");
    refuse_request("{\"path\":\"/{{x}}\"}", "path holds a character that must be percent-encoded");
    refuse_request("{\"path\":\"/{@token}\"}", "none for a token, which is never passed on");
}
END_TEST

START_TEST(methods_bodies_and_bounds_are_checked)
{
    refuse_request("{\"method\":\"get\"}",
                   "method must be GET, HEAD, POST, PUT, PATCH or DELETE, in capitals");
    refuse_request("{\"method\":\"CONNECT\"}", "method must be");
    refuse_request("{\"body\":{\"json\":{}}}", "GET has no body");
    refuse_request("{\"method\":\"POST\",\"body\":{}}", "body needs one of \"json\", \"form\" and \"text\"");
    refuse_request("{\"method\":\"POST\",\"body\":{\"json\":1,\"text\":\"x\"}}", "body needs one of");
    refuse_request("{\"method\":\"POST\",\"body\":{\"form\":{},\"type\":\"a/b\"}}",
                   "a form has no other type");
    refuse_request("{\"method\":\"POST\",\"body\":{\"text\":\"x\",\"type\":\"plain\"}}",
                   "must be a media type");
    refuse_request("{\"method\":\"POST\",\"body\":{\"text\":\"x\",\"type\":\"a/b\\r\\nX: y\"}}",
                   "body: type holds a control character");
    refuse_request("{\"timeoutMs\":0}", "timeoutMs must be a whole number from 1 to 600000");
    refuse_request("{\"timeoutMs\":1.5}", "timeoutMs must be a whole number");
    refuse_request("{\"maxResponseBytes\":99999999999}", "maxResponseBytes must be a whole number");
    refuse_request("{\"retries\":6}", "retries must be a whole number from 0 to 5");
    refuse_request("{\"query\":{\"a\":[1]}}", "query: a must be a string, number or boolean");
    refuse_request("{\"query\":{\"a\":{\"value\":\"x\",\"style\":\"matrix\"}}}", "query: a: style must be");
    refuse_request("{\"query\":{\"a\":{\"style\":\"form\"}}}", "query: a: member \"value\" is missing");
    refuse_request("{\"upstream\":\"other\"}", "there is no upstream \"other\"");
    refuse_request("{\"upstream\":\"appi\"}", "there is no upstream \"appi\"; did you mean \"api\"?");
    refuse_text("{\"tools\":[" TOOL("a", "") "]}", "there is no upstream: write \"upstreams\"");
    refuse_text(
        "{\"upstreams\":{\"a\":{\"url\":\"https://a.example\"},\"b\":{\"url\":\"https://b.example\"}},"
        "\"tools\":[" TOOL("a", "") "]}",
        "say \"upstream\", since there are several");
}
END_TEST

START_TEST(headers_of_http_and_of_the_credential_are_refused)
{
    static const char *const TAKEN[] = {"Host",
                                        "content-length",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Upgrade",
                                        "TE",
                                        "Trailer",
                                        "Expect",
                                        "Proxy-Auth",
                                        "X-Forwarded-For",
                                        "Mcp-Session-Id",
                                        "Forwarded",
                                        "Keep-Alive",
                                        "Accept-Encoding",
                                        "Sec-Fetch-Site",
                                        "X-Real-Ip"};
    char request[256];
    for (size_t i = 0; i < sizeof TAKEN / sizeof TAKEN[0]; i++) {
        (void)snprintf(request, sizeof request, "{\"headers\":{\"%s\":\"x\"}}", TAKEN[i]);
        refuse_request(request, "belongs to HTTP or to this server");
    }
    refuse_request("{\"headers\":{\"authorization\":\"Bearer {@subject}\"}}", "belongs to the credential");
    refuse_request("{\"headers\":{\"Cookie\":\"a=b\"}}", "belongs to the credential");
    refuse_request("{\"headers\":{\"Content-Type\":\"a/b\"}}", "comes from the body: say \"type\" in it");
    refuse_request("{\"headers\":{\"X A\":\"x\"}}", "is no name of a header");
    refuse_request("{\"headers\":{\"X-A\\r\\nB\":\"x\"}}", "a name holds a control character");
    refuse_request("{\"headers\":{\"X-A\":\"a\\r\\nAuthorization: x\"}}", "holds a line break");
    refuse_request("{\"headers\":{\"X-A\":\"1\",\"x-a\":\"2\"}}", "\"x-a\" is there twice");
    refuse_request("{\"headers\":{\"X-A\":{}}}", "must be a string, number or boolean");
    refuse_text(
        "{\"upstreams\":{\"a\":{\"url\":\"https://a.example\",\"headers\":{\"X-User\":\"{@subject}\"}}},"
        "\"tools\":[{\"name\":\"t\",\"request\":{\"headers\":{\"x-user\":\"root\"}}}]}",
        "headers: x-user is set by the upstream already");
}
END_TEST

START_TEST(responses_are_checked)
{
    refuse_tool("\"request\":{},\"response\":{\"type\":\"xml\"}", "response: type must be \"auto\"");
    refuse_tool("\"request\":{},\"response\":{\"pointer\":\"data\"}", "must be a JSON pointer");
    refuse_tool("\"request\":{},\"response\":{\"pointer\":\"/a~2\"}", "must be a JSON pointer");
    refuse_tool("\"request\":{},\"response\":{\"type\":\"text\",\"pointer\":\"/a\"}", "are for JSON");
    refuse_tool("\"request\":{},\"response\":{\"wrap\":\"\"}", "wrap must not be empty");
    refuse_tool("\"request\":{},\"response\":{\"errors\":{\"200\":\"x\"}}",
                "errors are named by an HTTP status");
    refuse_tool("\"request\":{},\"response\":{\"errors\":{\"9xx\":\"x\"}}",
                "errors are named by an HTTP status");
    refuse_tool("\"request\":{},\"response\":{\"errors\":{\"404\":{}}}", "response: errors must be a string");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("toolfile");
    TCase *whole = tcase_create("whole");
    TCase *tools = tcase_create("tools");
    TCase *requests = tcase_create("requests");
    tcase_set_timeout(whole, 60);
    tcase_add_test(whole, a_tool_is_read_with_all_that_it_says);
    tcase_add_test(whole, what_is_not_said_has_a_default);
    tcase_add_test(whole, what_is_wrong_is_told_with_file_line_and_item);
    tcase_add_test(whole, files_are_read_together);
    tcase_add_test(whole, ten_thousand_tools_are_read_and_one_more_is_not);
    tcase_add_test(tools, names_and_hints_are_checked);
    tcase_add_test(tools, schemas_are_checked);
    tcase_add_test(tools, variables_must_be_arguments);
    tcase_add_test(requests, paths_are_checked);
    tcase_add_test(requests, methods_bodies_and_bounds_are_checked);
    tcase_add_test(requests, headers_of_http_and_of_the_credential_are_refused);
    tcase_add_test(requests, responses_are_checked);
    suite_add_tcase(suite, whole);
    suite_add_tcase(suite, tools);
    suite_add_tcase(suite, requests);
    return gh_suite_run(suite);
}
