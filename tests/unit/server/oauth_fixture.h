/* Drives the authorization server's handlers as a browser and a client would, without a socket. */
#ifndef GH_TESTS_OAUTH_FIXTURE_H
#define GH_TESTS_OAUTH_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/oauth/server.h"
#include "server/store/store_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/net/form.h"
#include "shared/net/url.h"
#include "tests/support/suite.h"

#define ISSUER "http://localhost:8080"
#define RESOURCE "http://localhost:8080/mcp"
#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define CALLBACK "http://localhost:3118/callback"
#define CALLBACK_ENCODED "http%3A%2F%2Flocalhost%3A3118%2Fcallback"

typedef struct fixture {
    gh_store *store;
    gh_store_ops ops; /* a copy that a test may break */
    gh_oauth_server *server;
    gh_secret *password;
    char *scheme;
    gh_text_list schemes;
} fixture;

static inline gh_oauth_options fixture_options(fixture *f, const char *issuer, const char *resource)
{
    return (gh_oauth_options){.issuer = issuer,
                              .resource = resource,
                              .scopes_supported = "mcp offline_access",
                              .default_scope = "mcp",
                              .server_name = "Test & Tools",
                              .redirect_schemes = &f->schemes,
                              .dev_password = f->password,
                              .max_clients = 5,
                              .code_ttl_s = 60,
                              .access_ttl_s = 600,
                              .refresh_ttl_s = 30 * 86400,
                              .refresh_grace_s = 30,
                              .flow_ttl_s = 600};
}

static inline fixture *fixture_open_at(const char *issuer, const char *resource, const char *password)
{
    fixture *f = calloc(1, sizeof *f);
    ck_assert_ptr_nonnull(f);
    gh_log_set_level(GH_LOG_ERROR);
    f->scheme = gh_text_dup("cursor");
    f->schemes = (gh_text_list){&f->scheme, 1};
    f->password = password != NULL ? gh_secret_new(gh_view_of(password)) : NULL;
    gh_error error = {0};
    ck_assert_msg(gh_store_open("memory", &f->store, &error) == GH_OK, "%s", error.message);
    gh_oauth_options options = fixture_options(f, issuer, resource);
    ck_assert_msg(gh_oauth_server_new(&options, f->store, &f->server, &error) == GH_OK, "%s", error.message);
    f->ops = *f->store->ops;
    return f;
}

static inline fixture *fixture_open(void)
{
    return fixture_open_at(ISSUER, RESOURCE, NULL);
}

static inline void fixture_close(fixture *f)
{
    gh_oauth_server_free(f->server);
    gh_store_close(f->store);
    gh_secret_free(f->password);
    free(f->scheme);
    free(f);
}

/* A response whose parts are easy to ask for. */
typedef struct reply {
    int status;
    gh_response raw;
    char location[8192];
} reply;

static inline void reply_clear(reply *r)
{
    gh_response_clear(&r->raw);
}

/* The value of a header that must occur at most once; "" when absent. */
static inline void reply_header(const reply *r, const char *name, char *out, size_t size)
{
    const char *line = gh_buf_cstr(&r->raw.head);
    size_t len = strlen(name);
    int count = 0;
    out[0] = '\0';
    while (*line != '\0') {
        const char *end = strstr(line, "\r\n");
        ck_assert_ptr_nonnull(end);
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            ck_assert_uint_lt((size_t)(end - line), size);
            (void)snprintf(out, size, "%.*s", (int)(end - line - (long)len - 2), line + len + 2);
            count++;
        }
        line = end + 2;
    }
    ck_assert_int_le(count, 1);
}

static inline const char *reply_body(const reply *r)
{
    return gh_buf_cstr(&r->raw.body);
}

typedef struct call {
    const char *method, *path, *query, *body, *type, *cookie, *authorization;
} call;

static inline reply fixture_call(fixture *f, gh_handler handler, const call *c)
{
    gh_header headers[3];
    size_t count = 0;
    if (c->type != NULL) {
        headers[count++] = (gh_header){GH_VIEW_LIT("content-type"), gh_view_of(c->type)};
    }
    if (c->cookie != NULL && c->cookie[0] != '\0') {
        headers[count++] = (gh_header){GH_VIEW_LIT("cookie"), gh_view_of(c->cookie)};
    }
    if (c->authorization != NULL) {
        headers[count++] = (gh_header){GH_VIEW_LIT("authorization"), gh_view_of(c->authorization)};
    }
    const gh_request request = {.method = gh_view_of(c->method),
                                .path = gh_view_of(c->path != NULL ? c->path : "/"),
                                .query = gh_view_of(c->query != NULL ? c->query : ""),
                                .body = gh_view_of(c->body != NULL ? c->body : ""),
                                .headers = headers,
                                .header_count = count,
                                .remote_host = GH_VIEW_LIT("127.0.0.1"),
                                .remote_port = 40000};
    reply r;
    memset(&r, 0, sizeof r);
    gh_response_init(&r.raw, NULL);
    handler(f->server, &request, &r.raw);
    r.status = r.raw.status;
    reply_header(&r, "Location", r.location, sizeof r.location);
    return r;
}

static inline reply get(fixture *f, gh_handler handler, const char *query, const char *cookie)
{
    return fixture_call(f, handler, &(call){.method = "GET", .query = query, .cookie = cookie});
}

static inline reply post(fixture *f, gh_handler handler, const char *body, const char *cookie)
{
    return fixture_call(f, handler, &(call){.method = "POST", .body = body, .type = FORM, .cookie = cookie});
}

/* "name=value&…" from pairs that end with NULL; a NULL value leaves the pair out. Owned. */
static inline char *form(const char *name, ...)
{
    gh_buf out = GH_BUF_INIT(65536);
    va_list pairs;
    va_start(pairs, name);
    while (name != NULL) {
        (void)gh_form_add(&out, name, va_arg(pairs, const char *));
        name = va_arg(pairs, const char *);
    }
    va_end(pairs);
    (void)gh_buf_reserve(&out, 1);
    char *text = gh_buf_steal(&out);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* A string member of a JSON body, "" when absent. */
static inline void json_member(const reply *r, const char *name, char *out, size_t size)
{
    cJSON *json = NULL;
    ck_assert_int_eq(gh_json_parse(gh_buf_view(&r->raw.body), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    const char *text = gh_json_get_string(json, name);
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
    cJSON_Delete(json);
}

static inline void assert_error(const reply *r, int status, const char *code)
{
    char found[256];
    json_member(r, "error", found, sizeof found);
    ck_assert_str_eq(found, code);
    ck_assert_int_eq(r->status, status);
    json_member(r, "error_description", found, sizeof found);
    ck_assert_str_ne(found, "");
}

static inline void assert_header(const reply *r, const char *name, const char *value)
{
    char found[8192];
    reply_header(r, name, found, sizeof found);
    ck_assert_str_eq(found, value);
}

/* An HTML error page that sends nobody anywhere. */
static inline void assert_page(const reply *r, int status)
{
    ck_assert_int_eq(r->status, status);
    ck_assert_str_eq(r->location, "");
    ck_assert_str_eq(r->raw.type, "text/html; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(reply_body(r), "What to do:"));
}

/* The decoded parameter of the Location's query, "" when absent. */
static inline void location_param(const reply *r, const char *name, char *out, size_t size)
{
    const char *query = strchr(r->location, '?');
    gh_form *fields = NULL;
    out[0] = '\0';
    if (query == NULL) {
        return;
    }
    ck_assert_int_eq(gh_form_parse(gh_view_of(query + 1), &fields, NULL), GH_OK);
    ck_assert_uint_le(gh_form_count(fields, name), 1);
    const char *value = gh_form_get(fields, name);
    (void)snprintf(out, size, "%s", value != NULL ? value : "");
    gh_form_free(fields);
}

/* A redirect to `target` that carries this error, this state and the issuer. */
static inline void assert_redirect_error(const reply *r, const char *target, const char *error,
                                         const char *state)
{
    char found[4096];
    ck_assert_msg(r->status == 302 || r->status == 303, "status %d: %s", r->status, reply_body(r));
    ck_assert_int_eq(strncmp(r->location, target, strlen(target)), 0);
    location_param(r, "error", found, sizeof found);
    ck_assert_str_eq(found, error);
    location_param(r, "error_description", found, sizeof found);
    ck_assert_str_ne(found, "");
    location_param(r, "state", found, sizeof found);
    ck_assert_str_eq(found, state);
    location_param(r, "iss", found, sizeof found);
    ck_assert_str_eq(found, ISSUER);
    location_param(r, "code", found, sizeof found);
    ck_assert_str_eq(found, "");
}

/* The value of a hidden field of the page. */
static inline void hidden_field(const reply *r, const char *name, char *out, size_t size)
{
    char start[96];
    (void)snprintf(start, sizeof start, "name=\"%s\" value=\"", name);
    const char *at = strstr(reply_body(r), start);
    ck_assert_msg(at != NULL, "no field %s in %s", name, reply_body(r));
    at += strlen(start);
    const char *end = strchr(at, '"');
    ck_assert_ptr_nonnull(end);
    (void)snprintf(out, size, "%.*s", (int)(end - at), at);
}

static inline reply post_registration(fixture *f, const char *json)
{
    return fixture_call(f, gh_oauth_handle_register, &(call){.method = "POST", .body = json, .type = JSON});
}

/* Registers what `json` says and gives the new client id. */
static inline void register_json(fixture *f, const char *json, char *id, size_t size)
{
    reply r = post_registration(f, json);
    ck_assert_msg(r.status == 201, "%d %s", r.status, reply_body(&r));
    json_member(&r, "client_id", id, size);
    reply_clear(&r);
}

#define CLIENT_JSON                                                                                          \
    "{\"client_name\":\"Claude Code\",\"redirect_uris\":[\"" CALLBACK "\"],\"grant_types\":"                 \
    "[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"                              \
    "\"token_endpoint_auth_method\":\"none\"}"

static inline void register_client(fixture *f, char *id, size_t size)
{
    register_json(f, CLIENT_JSON, id, size);
}

/* A login in one browser. */
typedef struct login {
    fixture *f;
    char client[128];
    char cookie[256];
    char flow[128];
    char csrf[128];
    char consent[128];
    char code[128];
} login;

static inline char *authorize_query(const char *client, const char *redirect, const char *state)
{
    return form("response_type", "code", "client_id", client, "redirect_uri", redirect, "state", state,
                "code_challenge", CHALLENGE, "code_challenge_method", "S256", "resource", RESOURCE, NULL);
}

/* Keeps the cookie that a response sets, as a browser does. */
static inline void keep_cookie(login *l, const reply *r)
{
    char header[512];
    reply_header(r, "Set-Cookie", header, sizeof header);
    if (header[0] != '\0') {
        (void)snprintf(l->cookie, sizeof l->cookie, "%.*s", (int)strcspn(header, ";"), header);
    }
}

/* Sends the authorization request `query` and remembers the login page that answers. */
static inline void login_start_query(login *l, const char *query)
{
    reply r = get(l->f, gh_oauth_handle_authorize, query, l->cookie);
    ck_assert_msg(r.status == 200, "%d %s", r.status, r.location);
    keep_cookie(l, &r);
    hidden_field(&r, "flow", l->flow, sizeof l->flow);
    hidden_field(&r, "csrf", l->csrf, sizeof l->csrf);
    reply_clear(&r);
}

static inline void login_start(login *l, const char *redirect, const char *state)
{
    char *query = authorize_query(l->client, redirect, state);
    login_start_query(l, query);
    free(query);
}

static inline reply login_post(const login *l, const char *name, const char *email, const char *password)
{
    char *body =
        form("flow", l->flow, "csrf", l->csrf, "name", name, "email", email, "password", password, NULL);
    reply r = post(l->f, gh_oauth_handle_login, body, l->cookie);
    free(body);
    return r;
}

static inline void login_sign_in(login *l, const char *name, const char *email)
{
    reply r = login_post(l, name, email, NULL);
    ck_assert_msg(r.status == 303, "%d %s", r.status, reply_body(&r));
    ck_assert_int_eq(strncmp(r.location, "/authorize/consent?flow=", 24), 0);
    reply_clear(&r);
}

static inline reply login_show_consent(const login *l)
{
    char *query = form("flow", l->flow, NULL);
    reply r = get(l->f, gh_oauth_handle_consent, query, l->cookie);
    free(query);
    return r;
}

static inline void login_read_consent(login *l)
{
    reply r = login_show_consent(l);
    ck_assert_msg(r.status == 200, "%d %s", r.status, r.location);
    hidden_field(&r, "csrf", l->consent, sizeof l->consent);
    reply_clear(&r);
}

static inline reply login_decide(const login *l, const char *decision)
{
    char *body = form("flow", l->flow, "csrf", l->consent, "decision", decision, NULL);
    reply r = post(l->f, gh_oauth_handle_consent, body, l->cookie);
    free(body);
    return r;
}

static inline void login_approve(login *l)
{
    reply r = login_decide(l, "approve");
    ck_assert_msg(r.status == 303, "%d %s", r.status, reply_body(&r));
    location_param(&r, "code", l->code, sizeof l->code);
    ck_assert_str_ne(l->code, "");
    reply_clear(&r);
}

/* From a started login to its code. */
static inline void login_finish(login *l)
{
    login_sign_in(l, "Alice", "alice@example.com");
    login_read_consent(l);
    login_approve(l);
}

/* Registration to code in one go. */
static inline login login_all(fixture *f)
{
    login l = {.f = f};
    register_client(f, l.client, sizeof l.client);
    login_start(&l, CALLBACK, "st");
    login_finish(&l);
    return l;
}

static inline reply post_token(fixture *f, const char *body)
{
    return post(f, gh_oauth_handle_token, body, NULL);
}

static inline reply exchange_code(fixture *f, const char *client, const char *code, const char *verifier,
                                  const char *redirect)
{
    char *body = form("grant_type", "authorization_code", "client_id", client, "code", code, "code_verifier",
                      verifier, "redirect_uri", redirect, "resource", RESOURCE, NULL);
    reply r = post_token(f, body);
    free(body);
    return r;
}

static inline reply exchange_refresh(fixture *f, const char *client, const char *token, const char *scope)
{
    char *body = form("grant_type", "refresh_token", "client_id", client, "refresh_token", token, "scope",
                      scope, "resource", RESOURCE, NULL);
    reply r = post_token(f, body);
    free(body);
    return r;
}

/* Tokens of a reply that must be a success. */
typedef struct tokens {
    char access[4096];
    char refresh[128];
    char scope[256];
} tokens;

static inline tokens read_tokens(reply *r)
{
    tokens t;
    ck_assert_msg(r->status == 200, "%d %s", r->status, reply_body(r));
    json_member(r, "access_token", t.access, sizeof t.access);
    json_member(r, "refresh_token", t.refresh, sizeof t.refresh);
    json_member(r, "scope", t.scope, sizeof t.scope);
    reply_clear(r);
    return t;
}

static inline tokens tokens_of(login *l)
{
    reply r = exchange_code(l->f, l->client, l->code, VERIFIER, CALLBACK);
    return read_tokens(&r);
}

/* A wall clock that stands still, and jumps when a test says so. */
static int64_t fixture_wall_ms = 1800000000000;
static int64_t fixture_mono_ms = 1000000;

static inline int64_t fixture_wall(void)
{
    return fixture_wall_ms;
}

static inline int64_t fixture_mono(void)
{
    return fixture_mono_ms * 1000000;
}

static inline void clock_stop(void)
{
    gh_clock_set_source(fixture_mono, fixture_wall);
}

static inline void clock_forward(int64_t seconds)
{
    fixture_wall_ms += seconds * 1000;
    fixture_mono_ms += seconds * 1000;
}

#endif
