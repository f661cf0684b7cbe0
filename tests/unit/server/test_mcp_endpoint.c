#include "server/http/mcp_endpoint.h"

#include <stdio.h>
#include <string.h>

#include "server/exec/executor.h"
#include "server/mcp/registry.h"
#include "shared/core/log.h"
#include "tests/unit/server/token_fixture.h"

#define METADATA "http://localhost:8080/.well-known/oauth-protected-resource/mcp"
#define INITIALIZE                                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-"     \
    "18\","                                                                                                  \
    "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"

static gh_key *key;
static gh_keyset *keys;
static gh_status alive;
static gh_bearer *bearer;
static gh_mcp_registry *registry;
static gh_executor *executor;
static gh_mcp_engine *engine;
static gh_mcp_endpoint endpoint;
static gh_response response;
static char session[100];
static const char *last_event;

/* A client that reads what it is sent and goes away after a few looks at it. */
typedef struct reader {
    gh_buf seen;
    int looks;
    int patience; /* so often somebody else does not wait for the worker yet */
} reader;

static reader client;

static gh_keyset *give_keys(void *context)
{
    (void)context;
    return gh_keyset_ref(keys);
}

static gh_status grant_alive(void *context, const char *grant_id)
{
    (void)context;
    (void)grant_id;
    return alive;
}

static gh_status send_to_client(void *context, gh_view bytes)
{
    reader *to = context;
    return gh_buf_append_view(&to->seen, bytes);
}

static bool client_went(void *context)
{
    reader *to = context;
    return ++to->looks > 2;
}

static bool client_is_in_the_way(void *context)
{
    reader *to = context;
    return --to->patience < 0;
}

static const gh_response_sink SINK = {
    .context = &client, .write = send_to_client, .closed = client_went, .awaited = client_is_in_the_way};

static int say_nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

static void set_up(void)
{
    gh_error error = {0};
    gh_log_set_level(GH_LOG_ERROR);
    fixture_clock_start();
    alive = GH_OK;
    key = new_key("ES256");
    ck_assert_int_eq(gh_keyset_new(&key, 1, &keys), GH_OK);
    const gh_bearer_options options = {.issuer = ISSUER,
                                       .resource = RESOURCE,
                                       .required_scope = "mcp",
                                       .keys = give_keys,
                                       .grant_alive = grant_alive};
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
    const gh_view secret = GH_VIEW_LIT("01234567890123456789012345678901");
    const gh_mcp_registry_options lists = {.key = secret};
    const gh_executor_options threads = {.threads = 1, .queue = 1};
    const gatehouse_tool tool = {.size = sizeof tool,
                                 .name = "quiet",
                                 .input_schema = "{\"type\":\"object\"}",
                                 .call = say_nothing,
                                 .flags = GATEHOUSE_QUICK};
    ck_assert_int_eq(gh_mcp_registry_new(&lists, &registry), GH_OK);
    ck_assert_int_eq(
        gh_mcp_registry_add_tool(registry, (gh_mcp_owner){.who = &tool, .label = "test"}, &tool, &error),
        GH_OK);
    ck_assert_int_eq(gh_executor_new(&threads, &executor), GH_OK);
    const gh_mcp_options engine_options = {.server_name = "test",
                                           .server_version = "1",
                                           .executor = executor,
                                           .key = secret,
                                           .max_sessions = 10,
                                           .max_sessions_per_principal = 10,
                                           .session_idle_ms = 60000,
                                           .call_timeout_ms = 1000,
                                           .input_timeout_ms = 1000,
                                           .keep_alive_ms = 15000,
                                           .task_ttl_ms = 60000,
                                           .max_tasks = 10,
                                           .max_tasks_per_principal = 10};
    ck_assert_int_eq(gh_mcp_engine_new(&engine_options, registry, &engine), GH_OK);
    endpoint = (gh_mcp_endpoint){.bearer = bearer,
                                 .engine = engine,
                                 .resource_metadata = METADATA,
                                 .scope = "mcp",
                                 .required_scope = "mcp"};
    client = (reader){.seen = GH_BUF_INIT(1000000)};
    session[0] = '\0';
    last_event = NULL;
    gh_response_init(&response, NULL);
}

static void tear_down(void)
{
    gh_response_clear(&response);
    gh_buf_free(&client.seen);
    ck_assert(gh_executor_stop(executor, 1000));
    gh_mcp_engine_free(engine);
    gh_executor_free(executor);
    gh_mcp_registry_free(registry);
    gh_bearer_free(bearer);
    gh_keyset_free(keys);
    gh_key_free(key);
    gh_clock_set_source(NULL, NULL);
}

static char *token_with(const char *scope)
{
    char *text =
        text_of("{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"u-1\",\"client_id\":\"c-1\",\"scope\":\"%s\","
                "\"gid\":\"g-1\",\"jti\":\"j-1\",\"iat\":%d,\"exp\":%d}",
                ISSUER, RESOURCE, scope, NOW, NOW + 600);
    cJSON *claims = NULL;
    char *token = NULL;
    ck_assert_int_eq(gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, &claims, NULL), GH_OK);
    ck_assert_int_eq(gh_jwt_sign(key, "at+jwt", claims, &token), GH_OK);
    char *header = text_of("Bearer %s", token);
    cJSON_Delete(claims);
    free(text);
    free(token);
    return header;
}

/* One call; NULL values leave a header out, and so does an empty session. */
static void call_by(const char *method, gh_handler handler, const char *authorization, const char *type,
                    const char *accept, const char *body)
{
    gh_header headers[6];
    size_t count = 0;
    if (authorization != NULL) {
        headers[count++] = (gh_header){GH_VIEW_LIT("Authorization"), gh_view_of(authorization)};
    }
    if (type != NULL) {
        headers[count++] = (gh_header){GH_VIEW_LIT("Content-Type"), gh_view_of(type)};
    }
    if (accept != NULL) {
        headers[count++] = (gh_header){GH_VIEW_LIT("Accept"), gh_view_of(accept)};
    }
    if (session[0] != '\0') {
        headers[count++] = (gh_header){GH_VIEW_LIT("Mcp-Session-Id"), gh_view_of(session)};
    }
    if (last_event != NULL) {
        headers[count++] = (gh_header){GH_VIEW_LIT("Last-Event-ID"), gh_view_of(last_event)};
    }
    const gh_request request = {.method = gh_view_of(method),
                                .path = GH_VIEW_LIT("/mcp"),
                                .headers = headers,
                                .header_count = count,
                                .body = gh_view_of(body)};
    gh_response_clear(&response);
    gh_response_init(&response, &SINK);
    handler(&endpoint, &request, &response);
    ck_assert_uint_eq(atomic_load(&endpoint.streams), 0);
}

static void call(gh_handler handler, const char *authorization, const char *type, const char *accept,
                 const char *body)
{
    call_by("POST", handler, authorization, type, accept, body);
}

/* Opens a session, which later calls then name. */
static void enter(const char *token)
{
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 200);
    const char *line = strstr(gh_buf_cstr(&response.head), "Mcp-Session-Id: ");
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(sscanf(line, "Mcp-Session-Id: %99s", session), 1);
}

static bool head_has(const char *part)
{
    return strstr(gh_buf_cstr(&response.head), part) != NULL;
}

static bool body_has(const char *part)
{
    return strstr(gh_buf_cstr(&response.body), part) != NULL;
}

START_TEST(without_a_token_there_is_a_challenge_and_nothing_else)
{
    static const gh_handler handlers[] = {gh_mcp_handle_post, gh_mcp_handle_get, gh_mcp_handle_delete};
    for (size_t i = 0; i < 3; i++) {
        call(handlers[i], NULL, "text/plain", "image/png", "garbage");
        ck_assert_int_eq(response.status, 401);
        ck_assert(head_has("WWW-Authenticate: Bearer realm=\"mcp\", resource_metadata=\"" METADATA
                           "\", scope=\"mcp\"\r\n"));
        ck_assert(body_has("\"error_description\""));
    }
}
END_TEST

START_TEST(a_browser_gets_a_page_with_the_challenge)
{
    call(gh_mcp_handle_get, NULL, NULL, "text/html,application/xhtml+xml,*/*;q=0.8", "");
    ck_assert_int_eq(response.status, 401);
    ck_assert(head_has("WWW-Authenticate: Bearer realm=\"mcp\", resource_metadata=\"" METADATA "\""));
    ck_assert(head_has("Content-Security-Policy: "));
    ck_assert_str_eq(response.type, "text/html; charset=utf-8");
    ck_assert(body_has("<h1>"));
}
END_TEST

START_TEST(clients_get_json_whatever_else_they_take)
{
    static const char *const accepts[] = {"text/event-stream",
                                          "text/event-stream, text/html",
                                          "*/*",
                                          "application/json, text/htmlx",
                                          ",;,",
                                          ""};
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        call(gh_mcp_handle_get, NULL, NULL, accepts[i], "");
        ck_assert_int_eq(response.status, 401);
        ck_assert_str_eq(response.type, "application/json");
    }
    call(gh_mcp_handle_post, NULL, NULL, "text/html", "");
    ck_assert_str_eq(response.type, "application/json");
    call(gh_mcp_handle_get, "Bearer garbage", NULL, "text/html", "");
    ck_assert_str_eq(response.type, "application/json");
    ck_assert(head_has("error=\"invalid_token\""));
}
END_TEST

START_TEST(a_bad_token_is_named_in_the_challenge)
{
    char *good = token_with("mcp");
    good[strlen(good) - 10] ^= 1;
    call(gh_mcp_handle_post, good, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 401);
    ck_assert(head_has("error=\"invalid_token\""));
    ck_assert(head_has("error_description="));
    ck_assert(head_has("resource_metadata=\"" METADATA "\""));
    ck_assert(body_has("\"error\":\"invalid_token\""));
    ck_assert(!body_has(good + 7));
    free(good);
}
END_TEST

START_TEST(too_little_scope_is_403)
{
    char *token = token_with("other");
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 403);
    ck_assert(head_has("error=\"insufficient_scope\""));
    ck_assert(head_has("scope=\"mcp other\""));
    free(token);
}
END_TEST

/* What a tool needs is asked for together with what every call needs and what the token has. */
START_TEST(too_little_scope_for_a_tool_is_403_with_all_that_is_needed)
{
    gh_error error = {0};
    const gatehouse_tool tool = {.size = sizeof tool,
                                 .name = "scoped",
                                 .input_schema = "{\"type\":\"object\"}",
                                 .call = say_nothing,
                                 .scopes = "notes:write"};
    ck_assert_int_eq(
        gh_mcp_registry_add_tool(registry, (gh_mcp_owner){.who = &tool, .label = "test"}, &tool, &error),
        GH_OK);
    char *token = token_with("offline_access mcp other");
    enter(token);
    call(gh_mcp_handle_post, token, "application/json", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"scoped\"}}");
    ck_assert_int_eq(response.status, 403);
    ck_assert(head_has("error=\"insufficient_scope\""));
    ck_assert(head_has("scope=\"mcp notes:write other\""));
    ck_assert(head_has("resource_metadata=\"" METADATA "\""));
    ck_assert(body_has("\"error\":\"insufficient_scope\""));
    free(token);
}
END_TEST

START_TEST(a_revoked_grant_counts_at_once_and_an_outage_is_503)
{
    char *token = token_with("mcp");
    alive = GH_ERR_NOT_FOUND;
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 401);
    alive = GH_ERR_UNAVAILABLE;
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 503);
    ck_assert(head_has("Retry-After: 5\r\n"));
    ck_assert(!head_has("WWW-Authenticate"));
    free(token);
}
END_TEST

START_TEST(who_may_not_enter_gets_403_and_no_challenge)
{
    static const char *const rules[] = {"groups=mcp"};
    gh_bearer *strict = NULL;
    const gh_bearer_options options = {.issuer = ISSUER,
                                       .resource = RESOURCE,
                                       .keys = give_keys,
                                       .foreign = true,
                                       .required_claims = rules,
                                       .required_claim_count = 1};
    ck_assert_int_eq(gh_bearer_new(&options, &strict), GH_OK);
    endpoint.bearer = strict;
    char *token = token_with("mcp");
    call(gh_mcp_handle_post, token, "application/json", "application/json, text/event-stream", INITIALIZE);
    ck_assert_int_eq(response.status, 403);
    ck_assert(body_has("access_denied"));
    ck_assert(!head_has("WWW-Authenticate"));
    free(token);
    gh_bearer_free(strict);
}
END_TEST

START_TEST(media_types_are_checked_leniently)
{
    static const char *const fine[] = {"application/json, text/event-stream", "*/*", "application/json",
                                       "APPLICATION/*"};
    char *token = token_with("mcp");
    call(gh_mcp_handle_post, token, "text/plain", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 415);
    call(gh_mcp_handle_post, token, NULL, NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 415);
    call(gh_mcp_handle_post, token, "application/json", "text/html, image/*", INITIALIZE);
    ck_assert_int_eq(response.status, 406);
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        call(gh_mcp_handle_post, token, "Application/JSON; charset=utf-8", fine[i], INITIALIZE);
        ck_assert_msg(response.status == 200, "Accept: %s gave %d", fine[i], response.status);
    }
    free(token);
}
END_TEST

START_TEST(the_engine_answers_who_may_come_in)
{
    char *token = token_with("mcp");
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response.type, "application/json");
    ck_assert(body_has("\"protocolVersion\":\"2025-06-18\""));
    ck_assert(head_has("Mcp-Session-Id: "));
    call(gh_mcp_handle_post, token, "application/json", NULL, "{nonsense");
    ck_assert_int_eq(response.status, 400);
    ck_assert(body_has("-32700"));
    free(token);
}
END_TEST

START_TEST(get_without_a_session_has_no_stream_to_offer)
{
    char *token = token_with("mcp");
    call_by("GET", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 405);
    ck_assert(head_has("Allow: POST, DELETE, OPTIONS\r\n"));
    free(token);
}
END_TEST

START_TEST(get_in_a_session_streams_until_the_client_goes)
{
    char *token = token_with("mcp");
    enter(token);
    call_by("GET", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 200);
    ck_assert(response.streaming);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&client.seen), "Content-Type: text/event-stream\r\n"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&client.seen), "X-Accel-Buffering: no\r\n"));
    ck_assert_int_gt(client.looks, 2);
    free(token);
}
END_TEST

START_TEST(get_takes_up_a_stream_by_the_last_event)
{
    char *token = token_with("mcp");
    enter(token);
    last_event = "1-0";
    call_by("GET", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 200);
    last_event = "77-1";
    call_by("GET", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 400);
    free(token);
}
END_TEST

START_TEST(head_opens_no_stream)
{
    char *token = token_with("mcp");
    enter(token);
    call_by("HEAD", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 405);
    ck_assert(!response.streaming);
    ck_assert(head_has("Allow: GET, POST, DELETE, OPTIONS\r\n"));
    free(token);
}
END_TEST

START_TEST(streams_without_an_end_have_a_bound_and_calls_do_not_count)
{
    gh_response second;
    const gh_request request = {.method = GH_VIEW_LIT("GET"), .path = GH_VIEW_LIT("/mcp")};
    char *token = token_with("mcp");
    const gh_header headers[] = {{GH_VIEW_LIT("Authorization"), gh_view_of(token)},
                                 {GH_VIEW_LIT("Content-Type"), GH_VIEW_LIT("application/json")},
                                 {GH_VIEW_LIT("Mcp-Method"), GH_VIEW_LIT("subscriptions/listen")}};
    gh_request full = request;
    full.headers = headers;
    full.header_count = 3;
    endpoint.max_streams = 1;
    atomic_store(&endpoint.streams, 1);
    static const gh_handler handlers[] = {gh_mcp_handle_get, gh_mcp_handle_post};
    for (size_t i = 0; i < 2; i++) {
        gh_response_init(&second, &SINK);
        handlers[i](&endpoint, &full, &second);
        ck_assert_int_eq(second.status, 503);
        ck_assert(gh_response_has_header(&second, "Retry-After"));
        gh_response_clear(&second);
    }
    full.header_count = 2;
    full.body = GH_VIEW_LIT(INITIALIZE);
    gh_response_init(&second, &SINK);
    gh_mcp_handle_post(&endpoint, &full, &second);
    ck_assert_int_eq(second.status, 200);
    ck_assert_uint_eq(atomic_load(&endpoint.streams), 1);
    gh_response_clear(&second);
    free(token);
}
END_TEST

static void assert_nobody_is_in(const gh_share *share)
{
    for (size_t i = 0; i < GH_SHARE_BUCKETS; i++) {
        ck_assert_ptr_null(share->users[i]);
    }
}

START_TEST(one_user_s_requests_have_a_bound_that_other_clients_do_not_move)
{
    char *token = token_with("mcp");
    gh_share share;
    gh_share_seat seats[3];
    const gh_principal other_client = {
        .issuer = (char[]){ISSUER}, .subject = (char[]){"u-1"}, .client_id = (char[]){"c-9"}};
    const gh_principal other_user = {
        .issuer = (char[]){ISSUER}, .subject = (char[]){"u-2"}, .client_id = (char[]){"c-1"}};
    const gh_share_bounds bounds = {{6, 3}, {4, 2}, 2, 60000};
    ck_assert_int_eq(gh_share_init(&share, &bounds), GH_OK);
    endpoint.share = &share;
    enter(token);
    ck_assert_int_eq(gh_share_enter(&share, &seats[0], &other_user, false), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &seats[1], &other_client, false), GH_SHARE_IN);
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 200);
    /* Until the reply has gone out. */
    ck_assert_int_eq(gh_share_enter(&share, &seats[2], &other_client, false), GH_SHARE_LEFT);
    gh_response_clear(&response);
    ck_assert_int_eq(gh_share_enter(&share, &seats[2], &other_client, false), GH_SHARE_IN);
    client.patience = 3;
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 429);
    ck_assert(head_has("Retry-After: 5"));
    ck_assert(body_has("Others have most of the server"));
    ck_assert_int_lt(client.patience, 0); /* there was none left: it waited until its worker was asked for */
    call_by("GET", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 429);
    call_by("DELETE", gh_mcp_handle_delete, token, NULL, NULL, NULL);
    ck_assert_int_eq(response.status, 204);
    gh_share_leave(&share, &seats[1]);
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 200);
    gh_share_leave(&share, &seats[0]);
    gh_share_leave(&share, &seats[2]);
    gh_response_clear(&response);
    assert_nobody_is_in(&share);
    gh_share_clear(&share);
    free(token);
}
END_TEST

START_TEST(one_user_s_streams_have_a_bound_and_calls_go_on)
{
    char *token = token_with("mcp");
    gh_share share;
    gh_share_seat stream;
    const gh_principal other_client = {
        .issuer = (char[]){ISSUER}, .subject = (char[]){"u-1"}, .client_id = (char[]){"c-9"}};
    const gh_share_bounds bounds = {{10, 8}, {2, 1}, 1, 0};
    ck_assert_int_eq(gh_share_init(&share, &bounds), GH_OK);
    endpoint.share = &share;
    enter(token);
    ck_assert_int_eq(gh_share_enter(&share, &stream, &other_client, true), GH_SHARE_IN);
    call_by("GET", gh_mcp_handle_get, token, NULL, "text/event-stream", NULL);
    ck_assert_int_eq(response.status, 429);
    ck_assert(head_has("Retry-After: 30"));
    ck_assert_uint_eq(atomic_load(&endpoint.streams), 0);
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 200);
    gh_share_leave(&share, &stream);
    gh_response_clear(&response);
    assert_nobody_is_in(&share);
    gh_share_clear(&share);
    free(token);
}
END_TEST

START_TEST(one_user_s_requests_in_a_minute_have_a_bound)
{
    const gh_rates_options options = {.per_user = 3};
    char *token = token_with("mcp");
    ck_assert_int_eq(gh_rates_new(&options, &endpoint.rates), GH_OK);
    ck_assert_int_eq(gh_metrics_new("1", "dev", &endpoint.metrics), GH_OK);
    for (int i = 0; i < 3; i++) {
        call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
        ck_assert_int_eq(response.status, 200);
    }
    call(gh_mcp_handle_post, token, "application/json", NULL, INITIALIZE);
    ck_assert_int_eq(response.status, 429);
    ck_assert(head_has("Retry-After: 20"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.body), "too_many_requests"));
    gh_buf text = GH_BUF_INIT(1000000);
    ck_assert_int_eq(gh_metrics_write(endpoint.metrics, &text), GH_OK);
    ck_assert_ptr_nonnull(
        strstr(gh_buf_cstr(&text), "gatehouse_limited_total{limit=\"requests-per-minute-user\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&text), "gatehouse_bearer_checks_total{outcome=\"ok\"} 4\n"));
    gh_buf_free(&text);
    gh_metrics_free(endpoint.metrics);
    gh_rates_free(endpoint.rates);
    free(token);
}
END_TEST

START_TEST(a_subscription_may_not_be_large)
{
    char *token = token_with("mcp");
    char *body = calloc(1, GH_MCP_LONG_BODY_MAX + 2);
    ck_assert_ptr_nonnull(body);
    memset(body, ' ', GH_MCP_LONG_BODY_MAX + 1);
    const gh_header headers[] = {{GH_VIEW_LIT("Authorization"), gh_view_of(token)},
                                 {GH_VIEW_LIT("Content-Type"), GH_VIEW_LIT("application/json")},
                                 {GH_VIEW_LIT("Mcp-Method"), GH_VIEW_LIT("subscriptions/listen")}};
    const gh_request request = {.method = GH_VIEW_LIT("POST"),
                                .path = GH_VIEW_LIT("/mcp"),
                                .headers = headers,
                                .header_count = 3,
                                .body = gh_view_of(body)};
    gh_mcp_handle_post(&endpoint, &request, &response);
    ck_assert_int_eq(response.status, 413);
    ck_assert_uint_eq(atomic_load(&endpoint.streams), 0);
    free(body);
    free(token);
}
END_TEST

START_TEST(delete_without_a_session_is_the_engines_answer)
{
    char *token = token_with("mcp");
    call(gh_mcp_handle_delete, token, NULL, NULL, NULL);
    ck_assert_int_eq(response.status, 400);
    free(token);
}
END_TEST

START_TEST(only_a_good_token_admits_large_bodies)
{
    char *token = token_with("mcp");
    gh_header header = {GH_VIEW_LIT("Authorization"), gh_view_of(token)};
    gh_request request = {.headers = &header, .header_count = 1};
    ck_assert(gh_mcp_admit(&endpoint, &request));
    alive = GH_ERR_NOT_FOUND;
    ck_assert(!gh_mcp_admit(&endpoint, &request));
    request.header_count = 0;
    ck_assert(!gh_mcp_admit(&endpoint, &request));
    free(token);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mcp_endpoint");
    TCase *tests = tcase_create("mcp_endpoint");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, without_a_token_there_is_a_challenge_and_nothing_else);
    tcase_add_test(tests, a_browser_gets_a_page_with_the_challenge);
    tcase_add_test(tests, clients_get_json_whatever_else_they_take);
    tcase_add_test(tests, a_bad_token_is_named_in_the_challenge);
    tcase_add_test(tests, too_little_scope_is_403);
    tcase_add_test(tests, too_little_scope_for_a_tool_is_403_with_all_that_is_needed);
    tcase_add_test(tests, a_revoked_grant_counts_at_once_and_an_outage_is_503);
    tcase_add_test(tests, who_may_not_enter_gets_403_and_no_challenge);
    tcase_add_test(tests, media_types_are_checked_leniently);
    tcase_add_test(tests, the_engine_answers_who_may_come_in);
    tcase_add_test(tests, get_without_a_session_has_no_stream_to_offer);
    tcase_add_test(tests, get_in_a_session_streams_until_the_client_goes);
    tcase_add_test(tests, get_takes_up_a_stream_by_the_last_event);
    tcase_add_test(tests, head_opens_no_stream);
    tcase_add_test(tests, streams_without_an_end_have_a_bound_and_calls_do_not_count);
    tcase_add_test(tests, one_user_s_requests_have_a_bound_that_other_clients_do_not_move);
    tcase_add_test(tests, one_user_s_streams_have_a_bound_and_calls_go_on);
    tcase_add_test(tests, one_user_s_requests_in_a_minute_have_a_bound);
    tcase_add_test(tests, a_subscription_may_not_be_large);
    tcase_add_test(tests, delete_without_a_session_is_the_engines_answer);
    tcase_add_test(tests, only_a_good_token_admits_large_bodies);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
