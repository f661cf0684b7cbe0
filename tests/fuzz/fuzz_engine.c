/* One message to /mcp from a caller with a token, in any era: it is answered once, in JSON. The input:
 * version, Mcp-Method, Mcp-Name, Mcp-Session-Id ("*" for one that there is), a line each, and the body
 * behind. After "+" and the HTTP method before the version there are three more lines: Accept, Last-Event-ID,
 * and what all headers Mcp-Param-... say. */
#include <string.h>

#include "server/exec/executor.h"
#include "server/mcp/engine.h"
#include "server/plugin/plugin.h"
#include "server/tools/builtin.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "tests/fuzz/fuzz.h"

#define KEY GH_VIEW_LIT("0123456789abcdef0123456789abcdef")

typedef struct answer {
    int count;
    bool leaves; /* the client goes away at once */
    char session[80];
} answer;

static gh_principal caller = {.issuer = (char[]){"https://id.example"},
                              .subject = (char[]){"u-1"},
                              .name = (char[]){"Ada"},
                              .client_id = (char[]){"client-1"},
                              .scope = (char[]){"mcp"},
                              .expires_at = INT64_C(4102444800)};

static void on_json(void *context, int status, gh_view session, gh_view body)
{
    answer *one = context;
    cJSON *json = NULL;
    one->count++;
    GH_FUZZ_REQUIRE(status >= 200 && status < 600 && status != 500);
    GH_FUZZ_REQUIRE(gh_json_parse(body, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) != GH_ERR_PARSE);
    cJSON_Delete(json);
    if (session.len > 0 && session.len < sizeof one->session) {
        memcpy(one->session, session.ptr, session.len);
        one->session[session.len] = '\0';
    }
}

static void on_empty(void *context, int status)
{
    answer *one = context;
    one->count++;
    GH_FUZZ_REQUIRE(status >= 200 && status < 600 && status != 500);
}

/* The client goes away with the first event. */
static gh_status on_stream(void *context, gh_view text)
{
    answer *one = context;
    (void)text;
    one->count++;
    return GH_ERR_CLOSED;
}

static bool on_closed(void *context)
{
    const answer *one = context;
    return one->leaves || one->count > 0;
}

static gh_mcp_engine *open_engine(void)
{
    static gh_mcp_engine *engine;
    static gh_mcp_registry *registry;
    static gh_executor *executor;
    static gh_plugins *plugins;
    if (engine != NULL) {
        return engine;
    }
    const gh_mcp_registry_options lists = {.page_size = 1, .key = KEY};
    const gh_executor_options threads = {.threads = 2, .queue = 16, .spare = 2};
    gh_log_set_level(GH_LOG_ERROR);
    GH_FUZZ_REQUIRE(gh_mcp_registry_new(&lists, &registry) == GH_OK);
    GH_FUZZ_REQUIRE(gh_executor_new(&threads, &executor) == GH_OK);
    plugins = gh_plugins_new(registry);
    GH_FUZZ_REQUIRE(plugins != NULL && gh_plugins_add(plugins, "builtin", gh_builtin_init, NULL) == GH_OK);
    const gh_mcp_options options = {.server_name = "gatehouse",
                                    .server_title = "Fuzz",
                                    .server_version = "0",
                                    .executor = executor,
                                    .key = KEY,
                                    .max_sessions = 100,
                                    .max_sessions_per_principal = 50,
                                    .session_idle_ms = 60000,
                                    .call_timeout_ms = 1000,
                                    .input_timeout_ms = 1000,
                                    .keep_alive_ms = 15000,
                                    .task_ttl_ms = 60000,
                                    .max_tasks = 100,
                                    .max_tasks_per_principal = 50};
    GH_FUZZ_REQUIRE(gh_mcp_engine_new(&options, registry, &engine) == GH_OK);
    return engine;
}

static gh_mcp_reply reply_to(answer *one)
{
    return (gh_mcp_reply){
        .context = one, .json = on_json, .empty = on_empty, .stream = on_stream, .closed = on_closed};
}

static gh_view next_line(gh_view *text)
{
    gh_view line = {NULL, 0};
    (void)gh_view_next(text, '\n', &line);
    return line;
}

static gh_view any_param(void *context, const char *name)
{
    const gh_view *value = context;
    (void)name;
    return *value;
}

static gh_view a_session(void)
{
    static answer hello;
    if (hello.count == 0) {
        const gh_mcp_headers headers = {.accept = GH_VIEW_LIT("application/json, text/event-stream")};
        const gh_mcp_reply reply = reply_to(&hello);
        gh_mcp_engine_post(
            open_engine(), &caller, &headers,
            GH_VIEW_LIT("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                        "\"protocolVersion\":\"2025-03-26\",\"capabilities\":{},\"clientInfo\":{"
                        "\"name\":\"f\",\"version\":\"1\"}}}"),
            &reply);
        GH_FUZZ_REQUIRE(hello.session[0] != '\0');
    }
    return gh_view_of(hello.session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_mcp_headers headers = {.accept = GH_VIEW_LIT("application/json, text/event-stream")};
    gh_view verb = {NULL, 0};
    gh_view param = {NULL, 0};
    headers.version = next_line(&text);
    bool more = headers.version.len > 0 && headers.version.ptr[0] == '+';
    if (more) {
        (void)gh_view_next(&headers.version, ' ', &verb);
    }
    headers.method = next_line(&text);
    headers.name = next_line(&text);
    headers.session = next_line(&text);
    if (gh_view_eq_cstr(headers.session, "*")) {
        headers.session = a_session();
    }
    if (more) {
        headers.accept = next_line(&text);
        headers.last_event = next_line(&text);
        param = next_line(&text);
        headers.context = &param;
        headers.param = any_param;
    }
    answer one = {.leaves = gh_view_eq_cstr(verb, "+GET")};
    const gh_mcp_reply reply = reply_to(&one);
    if (one.leaves) {
        gh_mcp_engine_get(open_engine(), &caller, &headers, &reply);
        GH_FUZZ_REQUIRE(one.count <= 1);
        return 0;
    }
    if (gh_view_eq_cstr(verb, "+DELETE") && !gh_view_eq(headers.session, a_session())) {
        gh_mcp_engine_delete(open_engine(), &caller, &headers, &reply);
    } else {
        gh_mcp_engine_post(open_engine(), &caller, &headers, text, &reply);
    }
    GH_FUZZ_REQUIRE(one.count == 1);
    return 0;
}
