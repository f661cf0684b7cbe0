/* What a tool says of itself, where it calls, who may, and what its answers mean. */
#include "tests/unit/server/openapi_fixture.h"

/* --- names and words --- */

START_TEST(names_are_legal_and_each_used_once)
{
    converted c = convert(
        HEAD
        "paths:\n"
        "  /a: {get: {operationId: repos/get.it}, post: {operationId: repos-get it}, put: {operationId: "
        "'repos_get_it'}}\n"
        "  '/pets/{id}/~x': {get: {}, head: {}, patch: {operationId: ''}}\n"
        "  /b: {get: {operationId: same}, post: {operationId: same}, put: {operationId: x, x-mcp: {name: "
        "my.own-Name}}}\n"
        "  /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {get: {}}\n");
    static const char *const NAMES[] = {"repos_get_it",  "repos-get_it",   "repos_get_it_2",
                                        "get_pets_id_x", "head_pets_id_x", "patch_pets_id_x",
                                        "same",          "same_2",         "my.own-Name"};
    for (int i = 0; i < COUNT(NAMES); i++) {
        (void)tool(&c, NAMES[i]);
    }
    const cJSON *one = NULL;
    cJSON_ArrayForEach(one, gh_json_get(c.json, "tools"))
    {
        ck_assert_uint_le(strlen(gh_json_get_string(one, "name")), 64);
    }
    done(&c);
}
END_TEST

START_TEST(words_are_the_descriptions_own)
{
    gh_buf text = GH_BUF_INIT(100000);
    (void)gh_buf_append_cstr(&text, HEAD
                             "paths:\n"
                             "  /a: {get: {operationId: a, summary: Get a., description: All about a.}}\n"
                             "  /b: {get: {operationId: b, summary: Get b.}}\n"
                             "  /c: {get: {operationId: c, deprecated: true, description: Old.}}\n"
                             "  /d: {get: {operationId: d, summary: s, x-mcp: {title: T, description: D}}}\n"
                             "  /e: {get: {operationId: e, description: '");
    for (int i = 0; i < 2000; i++) {
        (void)gh_buf_append_cstr(&text, "\xc3\xa9");
    }
    (void)gh_buf_append_cstr(&text, "'}}\n");
    converted c = convert(gh_buf_cstr(&text));
    assert_json(tool(&c, "a"), "title", "\"Get a.\"");
    assert_json(tool(&c, "a"), "description", "\"All about a.\"");
    assert_json(tool(&c, "b"), "description", "\"Get b.\"");
    assert_json(tool(&c, "c"), "description", "\"Deprecated: it may go away. Old.\"");
    assert_json(tool(&c, "c"), "title", "");
    assert_json(tool(&c, "d"), "title", "\"T\"");
    assert_json(tool(&c, "d"), "description", "\"D\"");
    assert_told(&c, "GET /e: the description is cut after 2000 bytes");
    ck_assert(gh_text_is_utf8(gh_view_of(gh_json_get_string(tool(&c, "e"), "description"))));
    ck_assert_uint_eq(strlen(gh_json_get_string(tool(&c, "e"), "description")), 2003);
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(methods_are_hints)
{
    converted c =
        convert(HEAD "paths: {/a: {get: {operationId: g}, head: {operationId: h}, put: {operationId: u}, "
                     "post: {operationId: o}, patch: {operationId: a}, delete: {operationId: d}}, "
                     "/b: {x-mcp: {annotations: {openWorldHint: false}}, post: {operationId: q, x-mcp: "
                     "{annotations: {readOnlyHint: true}}}}}\n");
    assert_json(tool(&c, "g"), "annotations", "{\"readOnlyHint\":true}");
    assert_json(tool(&c, "h"), "annotations", "{\"readOnlyHint\":true}");
    assert_json(tool(&c, "u"), "annotations", "{\"idempotentHint\":true}");
    assert_json(tool(&c, "o"), "annotations", "");
    assert_json(tool(&c, "a"), "annotations", "");
    assert_json(tool(&c, "d"), "annotations", "{\"destructiveHint\":true,\"idempotentHint\":true}");
    assert_json(tool(&c, "q"), "annotations", "{\"openWorldHint\":false,\"readOnlyHint\":true}");
    done(&c);
}
END_TEST

/* --- x-mcp --- */

START_TEST(inner_x_mcp_goes_over_outer)
{
    converted c = convert(
        HEAD "x-mcp: {timeoutMs: 1000, scopes: [a], hide: true, errors: {'404': Gone., '5xx': Down.}, "
             "retries: 1}\n"
             "paths:\n"
             "  /a: {get: {operationId: hidden}}\n"
             "  /b:\n"
             "    x-mcp: {enabled: true, timeoutMs: 2000}\n"
             "    get: {operationId: b, x-mcp: {scopes: [b, c], maxResponseBytes: 5000, errors: {'404': 'No "
             "{{b}}.'},\n"
             "          response: {type: text}, _meta: {k: 1}, icons: [{src: 'https://a.example/i.png'}]}}\n"
             "    post: {operationId: c, x-mcp: {hide: true}}\n");
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(c.json, "tools")), 1);
    assert_silent(&c);
    assert_json(tool(&c, "b"), "request",
                "{\"method\":\"GET\",\"path\":\"/"
                "b\",\"upstream\":\"pet_store\",\"timeoutMs\":2000,\"maxResponseBytes\":5000,"
                "\"retries\":1}");
    assert_json(tool(&c, "b"), "scopes", "[\"b\",\"c\"]");
    assert_json(tool(&c, "b"), "response",
                "{\"type\":\"text\",\"errors\":{\"5xx\":\"Down.\",\"404\":\"No {{b}}.\"}}");
    assert_json(tool(&c, "b"), "_meta", "{\"k\":1}");
    done(&c);
}
END_TEST

static const struct refusal {
    const char *x_mcp;
    const char *why;
} REFUSALS[] = {
    {"{scope: [a]}", "pets.yaml: GET /a: x-mcp has no member \"scope\"; did you mean \"scopes\"?"},
    {"{whatever: 1}", "x-mcp has no member \"whatever\""},
    {"[a]", "x-mcp must be an object"},
    {"{name: 'a b'}", "the name in x-mcp must be 1 to 128"},
    {"{name: ''}", "the name in x-mcp must be 1 to 128"},
    {"{name: first}", "there is a tool first already"},
    {"{name: 1}", "\"name\" of x-mcp must be text"},
    {"{scopes: a}", "\"scopes\" of x-mcp must be an array of scopes"},
    {"{scopes: [1]}", "\"scopes\" of x-mcp must be an array of scopes"},
    {"{hide: 1}", "\"hide\" of x-mcp must be true or false"},
    {"{response: {errors: [a]}}", "\"errors\" of x-mcp must be an object"},
    {"{timeoutMs: 1.5}", "\"timeoutMs\" of x-mcp must be a whole number"},
    {"{timeoutMs: -1}", "\"timeoutMs\" of x-mcp must be a whole number"},
    {"{upstream: {url: 'https://a.example'}}",
     "\"upstream\" of x-mcp must be an upstream's name, or (at the root only)"},
};

START_TEST(wrong_x_mcp_is_refused)
{
    const gh_openapi_options options = {.label = "pets.yaml"};
    gh_buf text = GH_BUF_INIT(1000);
    (void)gh_buf_appendf(&text, HEAD "paths: {/: {get: {operationId: first}}, /a: {get: {x-mcp: %s}}}",
                         REFUSALS[_i].x_mcp);
    converted c = convert_with(gh_buf_cstr(&text), &options);
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    ck_assert_msg(strstr(c.error.message, REFUSALS[_i].why) != NULL, "%s", c.error.message);
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(names_of_tools_belong_to_operations)
{
    const gh_openapi_options options = {.label = "pets.yaml"};
    converted c = convert_with(HEAD "x-mcp: {name: a}\npaths: {/a: {get: {}}}", &options);
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    ck_assert_str_eq(c.error.message, "pets.yaml: x-mcp can have \"name\" in an operation only");
    done(&c);
}
END_TEST

/* --- where calls go --- */

static const struct server_case {
    const char *servers;
    const char *base;
    const char *url; /* NULL: refused */
} SERVERS[] = {
    {"[{url: 'https://a.example/v1/'}]", NULL, "https://a.example/v1"},
    {"[{url: 'https://{host}:{port}/{v}', variables: {host: {default: a.example}, port: {default: '8443'}, "
     "v: {default: v2}}}]",
     NULL, "https://a.example:8443/v2"},
    {"[{url: 'https://{host}/'}, {url: 'https://b.example'}]", NULL, "https://b.example"},
    {"[{url: 'ftp://a.example'}, {url: 'https://u:p@a.example'}, {url: 'https://a.example/?q'}, {url: "
     "'https://b.example'}]",
     NULL, "https://b.example"},
    {"[{url: 'http://a.example'}, {url: 'https://a.example/../b'}, {url: 'https://a.example/%2e%2e/b'}, "
     "{url: 'http://localhost:8080/v1'}]",
     NULL, "http://localhost:8080/v1"},
    {"[{url: 'http://a.example'}]", NULL, NULL},
    {"[{url: /v1}]", "https://a.example:8443/docs/openapi.yaml", "https://a.example:8443/v1"},
    {"[{url: v1}]", "https://a.example/docs/openapi.yaml", "https://a.example/docs/v1"},
    {"[{url: ./v1}]", "https://a.example/docs/openapi.yaml", "https://a.example/docs/v1"},
    {"[{url: ../v1}]", "https://a.example/docs/x/openapi.yaml", "https://a.example/docs/v1"},
    {"[{url: ../../../v1}]", "https://a.example/docs/openapi.yaml", "https://a.example/v1"},
    {"[{url: //b.example/v1}]", "https://a.example/docs/openapi.yaml", "https://b.example/v1"},
    {"[{url: ''}]", "https://a.example/docs/openapi.yaml", "https://a.example/docs"},
    {"[]", "https://a.example/docs/openapi.yaml", "https://a.example"},
    {"[{url: 'http://localhost:9200'}, {url: 'http://127.0.0.1/'}, {url: 'https://169.254.169.254/latest'}, "
     "{url: 'https://[::1]'}, {url: 'https://[::ffff:a00:5]'}, {url: //10.0.0.5/v1}, {url: "
     "'https://b.example'}]",
     "https://a.example/openapi.yaml", "https://b.example"},
    {"[{url: 'http://localhost:9200'}]", "https://a.example/openapi.yaml", NULL},
    {"[{url: 'http://localhost:9200'}]", "http://localhost:8080/openapi.yaml", NULL},
    {"[{url: 'http://localhost:8080/v1'}]", "http://localhost:8080/openapi.yaml", "http://localhost:8080/v1"},
    {"[{url: /v1}]", "https://10.0.0.5/openapi.yaml", "https://10.0.0.5/v1"},
    {"[{url: /v1}]", NULL, NULL},
    {"[{url: 'https://{x}.example'}]", NULL, NULL},
    {"[{}]", NULL, NULL},
    {"[]", NULL, NULL},
    {"1", NULL, NULL},
};

START_TEST(the_first_usable_server_is_called)
{
    const gh_openapi_options options = {.label = "pets.yaml", .base = SERVERS[_i].base};
    gh_buf text = GH_BUF_INIT(1000);
    (void)gh_buf_appendf(&text, "openapi: 3.0.3\nservers: %s\npaths: {/a: {get: {operationId: a}}}",
                         SERVERS[_i].servers);
    converted c = convert_with(gh_buf_cstr(&text), &options);
    if (SERVERS[_i].url == NULL) {
        ck_assert_int_eq(c.status, GH_ERR_INVALID);
        ck_assert_msg(strstr(c.error.message, "no server of the description can be used") != NULL, "%s",
                      c.error.message);
    } else {
        ck_assert_msg(c.status == GH_OK, "%s", c.error.message);
        ck_assert_str_eq(gh_json_get_string(gh_json_get(gh_json_get(c.json, "upstreams"), "api"), "url"),
                         SERVERS[_i].url);
    }
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(servers_of_operations_are_of_the_same_origin)
{
    converted c = convert(HEAD "paths:\n"
                               "  /a: {servers: [{url: 'https://api.example.com/v2'}], get: {operationId: "
                               "a}, put: {operationId: b, servers: [{url: 'https://evil.example'}]}}\n"
                               "  /c: {get: {operationId: c}, put: {operationId: d, servers: [{url: "
                               "'https://api.example.com/v1'}]}}\n"
                               "  /e: {get: {servers: [{url: '{x}'}]}}\n");
    assert_told(&c, "PUT /a: left out: it goes to another server than the rest, https://evil.example");
    assert_told(&c, "GET /e: left out: it has servers of its own, and none can be used");
    assert_json(c.json, "upstreams",
                "{\"pet_store\":{\"url\":\"https://api.example.com/v2\"},\"pet_store_2\":{\"url\":"
                "\"https://api.example.com/v1\"}}");
    assert_json(tool(&c, "a"), "request/upstream", "\"pet_store\"");
    assert_json(tool(&c, "c"), "request/upstream", "\"pet_store_2\"");
    assert_json(tool(&c, "d"), "request/upstream", "\"pet_store_2\"");
    done(&c);
}
END_TEST

START_TEST(what_is_wrong_with_a_server_is_told_once)
{
    converted c = convert("openapi: 3.1.0\n"
                          "servers: [{url: 'http://a.example'}, {url: 'https://a.example'}]\n"
                          "paths: {/a: {get: {}, put: {}}, /b: {get: {}}}");
    const char *line =
        "the server http://a.example cannot be used: what http: carries can be read on its way";
    assert_told(&c, line);
    ck_assert_ptr_null(strstr(strstr(gh_buf_cstr(&c.told), line) + 1, line));
    done(&c);
}
END_TEST

START_TEST(plain_http_is_for_who_allows_it)
{
    converted c = convert("openapi: 3.1.0\n"
                          "servers: [{url: 'http://stock.internal'}]\n"
                          "x-mcp: {upstream: {allowPrivate: true}}\n"
                          "paths: {/a: {get: {}}}");
    assert_json(c.json, "upstreams", "{\"api\":{\"allowPrivate\":true,\"url\":\"http://stock.internal\"}}");
    assert_silent(&c);
    done(&c);
}
END_TEST

START_TEST(servers_may_all_be_of_operations)
{
    converted c = convert("openapi: 3.1.0\n"
                          "paths: {/a: {servers: [{url: 'https://a.example/v1'}], get: {operationId: a}}, "
                          "/b: {servers: [{url: 'https://b.example'}], get: {operationId: b}}}");
    assert_json(c.json, "upstreams", "{\"api\":{\"url\":\"https://a.example/v1\"}}");
    assert_json(tool(&c, "a"), "request/upstream", "\"api\"");
    assert_told(&c, "GET /b: left out: it goes to another server than the rest, https://b.example");
    done(&c);
}
END_TEST

START_TEST(a_named_upstream_takes_all_calls)
{
    const gh_openapi_options options = {.label = "pets.yaml", .upstream = "orders"};
    converted c = convert_with(
        HEAD "x-mcp: {credential: user}\n"
             "security: [{key: []}]\n"
             "components: {securitySchemes: {key: {type: apiKey, in: header, name: K}}}\n"
             "paths:\n"
             "  /a: {get: {operationId: a}, put: {servers: [{url: 'https://api.example.com/v2'}]}}\n"
             "  /b: {get: {operationId: b, servers: [{url: 'https://api.example.com/v1/'}], x-mcp: "
             "{upstream: other}}}\n",
        &options);
    ck_assert_msg(c.status == GH_OK, "%s", c.error.message);
    assert_json(c.json, "upstreams", "");
    assert_json(tool(&c, "a"), "request/upstream", "\"orders\"");
    assert_json(tool(&c, "b"), "request/upstream", "\"orders\"");
    assert_told(&c, "PUT /a: left out: it has a server of its own, which is not that of upstream orders");
    assert_told(&c, "\"credential\" of x-mcp does not count: the upstream was named elsewhere");
    assert_told(&c, "GET /b: \"upstream\" of x-mcp does not count");
    ck_assert_ptr_null(strstr(gh_buf_cstr(&c.told), "operations ask for a credential"));
    done(&c);
}
END_TEST

START_TEST(x_mcp_says_who_calls)
{
    converted c = convert(
        HEAD
        "x-mcp: {upstream: {url: 'https://b.example', timeoutMs: 500}, credential: user}\n"
        "paths: {/a: {get: {operationId: a}}, /b: {x-mcp: {credential: none}, get: {operationId: b}}}\n");
    assert_json(c.json, "upstreams",
                "{\"pet_store\":{\"timeoutMs\":500,\"url\":\"https://b.example\",\"credential\":\"user\"},"
                "\"pet_store_2\":{\"timeoutMs\":500,\"url\":\"https://b.example\",\"credential\":\"none\"}}");
    assert_json(tool(&c, "b"), "request/upstream", "\"pet_store_2\"");
    done(&c);
}
END_TEST

START_TEST(a_fetched_description_does_not_choose_credentials)
{
    const gh_openapi_options options = {.label = "x", .base = "https://a.example/openapi.json"};
    converted c = convert_with(HEAD "x-mcp: {upstream: {headers: {X-A: b}}, credential: {type: header, name: "
                                    "X, valueFile: /etc/hostname}}\n"
                                    "paths: {/a: {get: {operationId: a}}}\n",
                               &options);
    ck_assert_msg(c.status == GH_OK, "%s", c.error.message);
    assert_told(&c, "\"credential\" of x-mcp does not count: the description was fetched");
    assert_told(&c, "\"upstream\" of x-mcp does not count: the description was fetched");
    assert_json(c.json, "upstreams", "{\"pet_store\":{\"url\":\"https://api.example.com/v1\"}}");
    done(&c);
}
END_TEST

/* --- who may --- */

#define SCHEMES                                                                                              \
    "components: {securitySchemes: {oauth: {type: oauth2, flows: {}}, oidc: {type: openIdConnect}, key: "    \
    "{type: apiKey, in: header, name: K}}}\n"

static const struct security_case {
    const char *root, *own;
    const char *scopes;
    const char *told; /* NULL: nothing about scopes */
} SECURITY[] = {
    {"", "security: [{oauth: [read, 'write:all']}]", "[\"read\",\"write:all\"]", NULL},
    {"security: [{oidc: [read]}]", "", "[\"read\"]", NULL},
    {"security: [{oidc: [read]}]", "security: []", "", NULL},
    {"security: [{oidc: [read]}]", "security: [{}, {oauth: [a]}]", "", NULL},
    {"", "security: [{key: [], oauth: [a], oidc: [b]}]", "[\"a\",\"b\"]", NULL},
    {"", "security: [{key: [admin]}]", "", NULL},
    {"", "security: [{oauth: [a]}, {oidc: [b]}]", "[\"a\"]", "of 2 ways to authorize the first counts"},
    {"", "security: [{oauth: ['a b', c]}]", "[\"c\"]", "a scope of oauth is none (RFC 6749, 3.3)"},
    {"", "security: [[oauth], [[a]]]", "", "of 2 ways"},
    {"", "security: {oauth: [a]}", "", NULL},
    {"", "security: [{lost: [a]}]", "", "the security scheme lost is not described"},
    {"", "security: [{oauth: [a]}], x-mcp: {scopes: [mine]}", "[\"mine\"]", NULL},
    {"", "security: [{oauth: [a]}], x-mcp: {scopes: []}", "[]", NULL},
};

START_TEST(requirements_are_scopes)
{
    const struct security_case *one = &SECURITY[_i];
    gh_buf text = GH_BUF_INIT(4000);
    (void)gh_buf_appendf(
        &text, HEAD SCHEMES "%s\nx-mcp: {credential: user}\npaths: {/a: {get: {operationId: a, %s}}}",
        one->root, one->own);
    converted c = convert(gh_buf_cstr(&text));
    assert_json(tool(&c, "a"), "scopes", one->scopes);
    if (one->told != NULL) {
        assert_told(&c, one->told);
    } else {
        assert_silent(&c);
    }
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(calls_without_a_credential_that_is_asked_for_are_told)
{
    converted c = convert(HEAD SCHEMES "paths: {/a: {get: {operationId: a, security: [{key: []}]}}}");
    assert_told(&c, "operations ask for a credential, and calls are made without one");
    done(&c);
}
END_TEST

/* --- what comes back --- */

static const struct response_case {
    const char *responses;
    const char *response;
    const char *output;
    const char *told;
} RESPONSES[] = {
    {"{'200': {description: x, content: {application/json: {schema: {type: object, properties: {a: {type: "
     "string}}}}}}}",
     "{\"type\":\"json\"}", "{\"properties\":{\"a\":{\"type\":\"string\"}},\"type\":\"object\"}", NULL},
    {"{'2XX': {description: x, content: {application/json: {schema: {type: array, items: {type: string}}}}}}",
     "{\"type\":\"json\",\"wrap\":\"result\"}",
     "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},"
     "\"required\":["
     "\"result\"]}",
     NULL},
    {"{'200': {description: x, content: {application/json: {schema: {type: object, additionalProperties: "
     "false, properties: "
     "{a: {type: string, format: date, minLength: 1, pattern: x}, b: {oneOf: [{type: string}, {type: "
     "string}]}}}}, application/xml: {}}}}",
     "{\"type\":\"json\"}",
     "{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":"
     "\"string\"}]}},"
     "\"type\":\"object\"}",
     NULL},
    {"{'200': {description: x, content: {application/json: {}}}}", "{\"type\":\"json\"}", "", NULL},
    {"{'200': {description: x, content: {application/json: {schema: {}}}}}", "{\"type\":\"json\"}", "",
     "no outputSchema: the result is not of one JSON type"},
    {"{'200': {description: x, content: {application/json: {schema: {type: [object, 'null']}}}}}",
     "{\"type\":\"json\"}", "", "no outputSchema: the result is not of one JSON type"},
    {"{'200': {description: x, content: {application/json: {schema: {type: object}}}}, '204': {description: "
     "y}}",
     "{\"type\":\"auto\"}", "", "no outputSchema: what comes back is not always of the same form"},
    {"{'200': {description: x, content: {application/json: {schema: {type: object}}}}, '201': {description: "
     "y, content: "
     "{application/json: {schema: {type: array}}}}}",
     "{\"type\":\"json\"}", "", "no outputSchema: what comes back is not always of the same form"},
    {"{'200': {description: x, content: {text/csv: {}, text/plain: {}}}}", "{\"type\":\"text\"}", "", NULL},
    {"{'200': {description: x, content: {image/png: {}}}}", "{\"type\":\"image\"}", "", NULL},
    {"{'200': {description: x, content: {audio/ogg: {}}}}", "{\"type\":\"audio\"}", "", NULL},
    {"{'200': {description: x, content: {application/pdf: {}}}}", "{\"type\":\"auto\"}", "", NULL},
    {"{'204': {description: x}}", "{\"type\":\"auto\"}", "", NULL},
    {"{default: {description: x}}", "{\"type\":\"auto\"}", "", NULL},
    {"{'204': {description: x}, '404': {description: 'No {id}.'}, '5XX': {description: ' Down '}, '400': "
     "{description: ''}, "
     "'302': {description: y}, default: {description: z}, '4x4': {description: q}}",
     "{\"type\":\"auto\",\"errors\":{\"404\":\"No {{id}}.\",\"5xx\":\"Down\"}}", "", NULL},
    /* what says no more than the number is left to the server's own words */
    {"{'204': {description: x}, '404': {description: ' Not found. '}, '401': {description: Unauthorized}, "
     "'500': "
     "{description: Internal Server Error}, '409': {description: Not found in the basket}}",
     "{\"type\":\"auto\",\"errors\":{\"409\":\"Not found in the basket\"}}", "", NULL},
};

START_TEST(responses_say_what_comes_back)
{
    const struct response_case *one = &RESPONSES[_i];
    gh_buf text = GH_BUF_INIT(4000);
    (void)gh_buf_appendf(&text, HEAD "paths: {/a: {get: {operationId: a, responses: %s}}}", one->responses);
    converted c = convert(gh_buf_cstr(&text));
    assert_json(tool(&c, "a"), "response", one->response);
    assert_json(tool(&c, "a"), "outputSchema", one->output);
    if (one->told != NULL) {
        assert_told(&c, one->told);
    } else {
        assert_silent(&c);
    }
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(an_output_schema_can_be_left_out)
{
    converted c = convert(
        HEAD "x-mcp: {outputSchema: false}\n"
             "paths:\n"
             "  /a: {get: {operationId: a, responses: {'200': {$ref: '#/components/responses/Ok'}}}}\n"
             "  /b: {get: {operationId: b, responses: {'200': {$ref: '#/components/responses/Ok'}}, x-mcp: "
             "{outputSchema: true}}}\n"
             "  /c: {get: {operationId: c, responses: {'200': {$ref: '#/components/responses/Ok'}}, x-mcp: "
             "{outputSchema: true, response: {pointer: /data}}}}\n"
             "components: {responses: {Ok: {description: x, content: {application/json: {schema: {type: "
             "object}}}}}}\n");
    assert_json(tool(&c, "a"), "outputSchema", "");
    assert_json(tool(&c, "b"), "outputSchema", "{\"type\":\"object\"}");
    assert_json(tool(&c, "c"), "outputSchema", "");
    assert_told(&c, "GET /c: no outputSchema: x-mcp says which part of the response counts");
    done(&c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi_tools");
    TCase *tc = tcase_create("openapi_tools");
    tcase_add_test(tc, names_are_legal_and_each_used_once);
    tcase_add_test(tc, words_are_the_descriptions_own);
    tcase_add_test(tc, methods_are_hints);
    tcase_add_test(tc, inner_x_mcp_goes_over_outer);
    tcase_add_loop_test(tc, wrong_x_mcp_is_refused, 0, COUNT(REFUSALS));
    tcase_add_test(tc, names_of_tools_belong_to_operations);
    tcase_add_loop_test(tc, the_first_usable_server_is_called, 0, COUNT(SERVERS));
    tcase_add_test(tc, servers_of_operations_are_of_the_same_origin);
    tcase_add_test(tc, what_is_wrong_with_a_server_is_told_once);
    tcase_add_test(tc, plain_http_is_for_who_allows_it);
    tcase_add_test(tc, servers_may_all_be_of_operations);
    tcase_add_test(tc, a_named_upstream_takes_all_calls);
    tcase_add_test(tc, x_mcp_says_who_calls);
    tcase_add_test(tc, a_fetched_description_does_not_choose_credentials);
    tcase_add_loop_test(tc, requirements_are_scopes, 0, COUNT(SECURITY));
    tcase_add_test(tc, calls_without_a_credential_that_is_asked_for_are_told);
    tcase_add_loop_test(tc, responses_say_what_comes_back, 0, COUNT(RESPONSES));
    tcase_add_test(tc, an_output_schema_can_be_left_out);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
