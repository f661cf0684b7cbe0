/* An MCP server and its authorization server on loopback, scripted, with a loop, settings and a state folder
 * for the bridge beside them; and a browser that answers what a login asks. Include it in one source file per
 * program. */
#ifndef GH_TESTS_UNIT_BRIDGE_LOGIN_WORLD_H
#define GH_TESTS_UNIT_BRIDGE_LOGIN_WORLD_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/credentials/credentials.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/bytes.h"
#include "shared/net/form.h"
#include "tests/support/http_fixture.h"

#define WORLD_STEPS 40
#define WORLD_USUAL 8 /* the last steps, which are always there */
#define WORLD_RESOURCE "/.well-known/oauth-protected-resource/mcp"
#define WORLD_RESOURCE_ROOT "/.well-known/oauth-protected-resource"
#define WORLD_SERVER "/.well-known/oauth-authorization-server"
#define WORLD_OPENID "/.well-known/openid-configuration"
#define WORLD_TOKENS                                                                                         \
    "{\"access_token\":\"access-1\",\"token_type\":\"Bearer\",\"expires_in\":600,"                           \
    "\"refresh_token\":\"refresh-1\",\"scope\":\"mcp\"}"

static struct world {
    gh_http_client *http;
    gh_loop *loop;
    gh_http_fixture *fixture;
    gh_http_fixture_step steps[WORLD_STEPS];
    char *replies[WORLD_STEPS];
    size_t used;
    char origin[64];
    gh_bridge_settings settings;
    char folder[64];
    char state_dir[96];
} world;

/* One answer; the first that fits and was not used is given. `json` NULL: an empty body. `head` holds more
 * header lines, each with its CRLF. */
static inline void world_put(size_t at, const char *method, const char *path, int status, const char *head,
                             const char *json, bool repeat)
{
    char *reply = NULL;
    const char *body = json != NULL ? json : "";
    ck_assert_int_ge(
        asprintf(&reply, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
                 status, head, strlen(body), body),
        0);
    /* The fixture's lock, taken before and after, orders this write among its threads' reading. */
    (void)gh_http_fixture_requests(world.fixture);
    free(world.replies[at]);
    world.replies[at] = reply;
    world.steps[at] =
        (gh_http_fixture_step){.method = method, .path = path, .reply = reply, .repeat = repeat};
    (void)gh_http_fixture_requests(world.fixture);
}

static inline void world_once(const char *method, const char *path, int status, const char *json)
{
    ck_assert_uint_lt(world.used, WORLD_STEPS - WORLD_USUAL);
    world_put(world.used++, method, path, status, "", json, false);
}

static inline void world_always(const char *method, const char *path, int status, const char *json)
{
    ck_assert_uint_lt(world.used, WORLD_STEPS - WORLD_USUAL);
    world_put(world.used++, method, path, status, "", json, true);
}

/* Text with each '@' replaced by the origin; freed with the world's next use of it. */
static inline const char *world_text(const char *template)
{
    static gh_buf texts[16];
    static size_t next;
    gh_buf *text = &texts[next++ % 16];
    gh_buf_free(text);
    gh_buf_init(text, 16384);
    for (; *template != '\0'; template ++) {
        if (*template == '@') {
            gh_buf_append_cstr(text, world.origin);
        } else {
            gh_buf_append_char(text, *template);
        }
    }
    return gh_buf_cstr(text);
}

static inline const char *world_resource(void)
{
    return world_text("{\"resource\":\"@/mcp\",\"authorization_servers\":[\"@\"],"
                      "\"scopes_supported\":[\"mcp\"]}");
}

/* The server's metadata; `more` begins with a comma. */
static inline const char *world_server(const char *more)
{
    char text[2048];
    (void)snprintf(
        text, sizeof(text),
        "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/authorize\",\"token_endpoint\":\"@/token\","
        "\"revocation_endpoint\":\"@/revoke\",\"response_types_supported\":[\"code\"],"
        "\"code_challenge_methods_supported\":[\"S256\"]%s}",
        more);
    return world_text(text);
}

#define WORLD_REGISTERS ",\"registration_endpoint\":\"@/register\""
#define WORLD_ISS ",\"authorization_response_iss_parameter_supported\":true"

static inline void world_open(void)
{
    gh_http_client_options options = {.user_agent = "test"};
    memset(&world, 0, sizeof(world));
    for (size_t i = 0; i < WORLD_STEPS; i++) {
        world.steps[i].method = "UNUSED";
    }
    world.fixture = gh_http_fixture_start(world.steps, WORLD_STEPS);
    ck_assert_ptr_nonnull(world.fixture);
    (void)snprintf(world.origin, sizeof(world.origin), "http://127.0.0.1:%u",
                   (unsigned)gh_http_fixture_port(world.fixture));
    size_t at = WORLD_STEPS - WORLD_USUAL;
    char challenge[256];
    (void)snprintf(challenge, sizeof(challenge),
                   "WWW-Authenticate: Bearer resource_metadata=\"%s" WORLD_RESOURCE "\", scope=\"mcp\"\r\n",
                   world.origin);
    world_put(at++, "POST", "/mcp", 401, challenge, "{}", true);
    world_put(at++, "GET", WORLD_RESOURCE, 200, "", world_resource(), true);
    world_put(at++, "GET", WORLD_SERVER, 200, "", world_server(WORLD_REGISTERS WORLD_ISS), true);
    world_put(at++, "POST", "/register", 201, "", "{\"client_id\":\"client-1\"}", true);
    world_put(at++, "POST", "/token", 200, "", WORLD_TOKENS, true);
    world_put(at++, "POST", "/revoke", 200, "", NULL, true);
    world_put(at++, NULL, NULL, 404, "", "{}", true);
    ck_assert_uint_lt(at, WORLD_STEPS);
    ck_assert_int_eq(gh_http_client_new(&options, &world.http, NULL), GH_OK);
    ck_assert_int_eq(gh_loop_new(world.http, &world.loop), GH_OK);
    (void)snprintf(world.folder, sizeof(world.folder), "/tmp/gh_login_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(world.folder));
    (void)snprintf(world.state_dir, sizeof(world.state_dir), "%s/state", world.folder);
    world.settings = (gh_bridge_settings){
        .state_dir = world.state_dir,
        .no_browser = true,
        .login_timeout_ms = 20000,
        .connect_timeout_ms = 5000,
    };
    ck_assert_int_ge(asprintf(&world.settings.url, "%s/mcp", world.origin), 0);
}

static inline int world_remove(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void world_close(void)
{
    gh_loop_free(world.loop);
    gh_http_client_free(world.http);
    gh_http_fixture_stop(world.fixture);
    for (size_t i = 0; i < WORLD_STEPS; i++) {
        free(world.replies[i]);
    }
    free(world.settings.url);
    for (int i = 0; i < 16; i++) {
        (void)world_text(""); /* frees the last ones but for a byte each */
    }
    (void)nftw(world.folder, world_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The `nth` request that begins with `line` ("POST /token "), or -1. */
static inline int world_find(const char *line, size_t nth)
{
    for (size_t i = 0; i < gh_http_fixture_requests(world.fixture); i++) {
        if (gh_view_starts_with(gh_http_fixture_head(world.fixture, i), gh_view_of(line)) && nth-- == 0) {
            return (int)i;
        }
    }
    return -1;
}

static inline size_t world_count(const char *line)
{
    size_t count = 0;
    while (world_find(line, count) >= 0) {
        count++;
    }
    return count;
}

/* The form that the `nth` request of that line carried; free it. */
static inline gh_form *world_form(const char *line, size_t nth)
{
    gh_form *form = NULL;
    int at = world_find(line, nth);
    ck_assert_msg(at >= 0, "no request %zu of %s", nth, line);
    ck_assert_int_eq(gh_form_parse(gh_http_fixture_body(world.fixture, (size_t)at), &form, NULL), GH_OK);
    return form;
}

static inline bool world_sent(const char *line, size_t nth, const char *name, const char *value)
{
    gh_form *form = world_form(line, nth);
    const char *sent = gh_form_get(form, name);
    bool same = value == NULL ? sent == NULL : sent != NULL && strcmp(sent, value) == 0;
    gh_form_free(form);
    return same;
}

typedef struct world_watch {
    bool (*condition)(void *context);
    void *context;
    gh_deadline deadline;
    gh_loop_timer *timer;
} world_watch;

static inline void world_look(void *context)
{
    world_watch *watch = context;
    watch->timer = NULL;
    if (watch->condition(watch->context)) {
        gh_loop_stop(world.loop, 1);
    } else if (gh_deadline_passed(watch->deadline)) {
        gh_loop_stop(world.loop, 0);
    } else {
        ck_assert_int_eq(gh_loop_timer_add(world.loop, 5, world_look, watch, &watch->timer), GH_OK);
    }
}

/* Runs the loop until the condition holds; false after `ms`. */
static inline bool world_until(bool (*condition)(void *context), void *context, int ms)
{
    world_watch watch = {condition, context, gh_deadline_in(ms), NULL};
    ck_assert_int_eq(gh_loop_timer_add(world.loop, 0, world_look, &watch, &watch.timer), GH_OK);
    return gh_loop_run(world.loop) == 1;
}

static inline bool world_never(void *context)
{
    (void)context;
    return false;
}

static inline void world_run(int ms)
{
    (void)world_until(world_never, NULL, ms);
}

static inline bool world_is_true(void *context)
{
    return *(const bool *)context;
}

typedef struct world_page {
    bool done;
    int status; /* 0 when the connection broke */
    char text[16384];
} world_page;

static inline void world_page_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    world_page *page = context;
    gh_view body = gh_http_transfer_body(transfer);
    page->status = result->status == GH_OK ? result->http_status : 0;
    (void)snprintf(page->text, sizeof(page->text), "%.*s", (int)body.len, body.len > 0 ? body.ptr : "");
    page->done = true;
}

static inline void world_get(const char *url, world_page *page)
{
    gh_http_request request = {
        .method = "GET", .url = url, .timeout_ms = 15000, .context = page, .on_done = world_page_done};
    memset(page, 0, sizeof(*page));
    ck_assert_int_eq(gh_http_start(world.http, &request, NULL, NULL), GH_OK);
}

/* A parameter of a URL; valid until the next call. */
static inline const char *world_parameter(const char *url, const char *name)
{
    static char value[2048];
    gh_form *form = NULL;
    const char *mark = strchr(url, '?');
    ck_assert_ptr_nonnull(mark);
    ck_assert_int_eq(gh_form_parse(gh_view_of(mark + 1), &form, NULL), GH_OK);
    const char *found = gh_form_get(form, name);
    (void)snprintf(value, sizeof(value), "%s", found != NULL ? found : "");
    gh_form_free(form);
    return found != NULL ? value : NULL;
}

/* Starts the browser's way back to the redirect of `login_url`, with these parameters and, unless `state` is
 * NULL, a state: "" stands for the right one. */
static inline void world_go_back(const char *login_url, const char *state, const char *parameters,
                                 world_page *page)
{
    gh_buf url = GH_BUF_INIT(8192);
    gh_buf_appendf(&url, "%s?%s", world_parameter(login_url, "redirect_uri"), parameters);
    if (state != NULL) {
        gh_buf_appendf(&url, "&state=%s", state[0] != '\0' ? state : world_parameter(login_url, "state"));
    }
    world_get(gh_buf_cstr(&url), page);
    gh_buf_free(&url);
}

/* What the person who agrees comes back with. */
static inline void world_agree(const char *login_url, world_page *page)
{
    char parameters[256];
    (void)snprintf(parameters, sizeof(parameters), "code=code-1&iss=%s", world.origin);
    world_go_back(login_url, "", parameters, page);
}

/* Stored credentials as an earlier login left them; access NULL for none, expires_in from now. */
static inline void world_store(const char *access, const char *refresh, int64_t expires_in)
{
    gh_keeper *keeper = NULL;
    gh_credentials stored = {
        .mcp_url = strdup(world.settings.url),
        .resource = strdup(world.settings.url),
        .issuer = strdup(world.origin),
        .authorization_endpoint = strdup(world_text("@/authorize")),
        .token_endpoint = strdup(world_text("@/token")),
        .registration_endpoint = strdup(world_text("@/register")),
        .revocation_endpoint = strdup(world_text("@/revoke")),
        .client_id = strdup("client-0"),
        .redirect_uri = strdup("http://127.0.0.1:1/callback"),
        .scope = strdup("mcp"),
        .access_token = access != NULL ? gh_secret_new(gh_view_of(access)) : NULL,
        .refresh_token = refresh != NULL ? gh_secret_new(gh_view_of(refresh)) : NULL,
        .expires_at = gh_clock_wall_s() + expires_in,
    };
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_save(keeper, &stored, NULL), GH_OK);
    gh_keeper_close(keeper);
    gh_credentials_clear(&stored);
}

/* Loads what is stored now; false when there is nothing. Clear it. */
static inline bool world_stored(gh_credentials *stored)
{
    gh_keeper *keeper = NULL;
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &keeper, NULL), GH_OK);
    gh_status status = gh_keeper_load(keeper, stored, NULL);
    gh_keeper_close(keeper);
    return status == GH_OK;
}

#endif
