/* Tools files against a scripted API on loopback, without a server. JSON is written with ' for ", and "@URL"
 * stands for where the API is. */
#ifndef GH_TESTS_UNIT_SERVER_API_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_API_FIXTURE_H

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "shared/core/log.h"
#include "tests/support/http_fixture.h"

#define OK_JSON(text) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" text

typedef struct api_world {
    gh_http_fixture *fixture; /* NULL when nothing is called */
    gh_toolset *tools;
    gh_api *api;
    gh_buf out;
    bool failed;
    gh_error error;
} api_world;

__attribute__((unused)) static gh_principal ADA = {.issuer = (char[]){"https://id.example"},
                                                   .subject = (char[]){"ada"},
                                                   .name = (char[]){"Ada"},
                                                   .scope = (char[]){"mcp"},
                                                   .expires_at = INT64_C(4102444800)};
__attribute__((unused)) static gh_principal BOB = {.issuer = (char[]){"https://id.example"},
                                                   .subject = (char[]){"bob"},
                                                   .name = (char[]){"Bob"},
                                                   .scope = (char[]){"mcp"},
                                                   .expires_at = INT64_C(4102444800)};

/* Tokens are "token-of-SUBJECT-N", where N counts those that were refused. */
static atomic_int refused_tokens;

static gh_status user_token(void *context, const gh_principal *principal, const gh_secret *stale,
                            gh_secret **token, int64_t *expires_at, gh_error *error)
{
    gh_buf text = GH_BUF_INIT(200);
    (void)context;
    (void)error;
    int refused = stale != NULL ? atomic_fetch_add(&refused_tokens, 1) + 1 : 0;
    (void)gh_buf_appendf(&text, "token-of-%s-%d", principal->subject, refused);
    *token = gh_secret_new(gh_buf_view(&text));
    *expires_at = INT64_C(4102444800);
    gh_buf_free(&text);
    return GH_OK;
}

static const gh_credential_source SOURCE = {.user = user_token, .auth = "test"};

/* The JSON that `text` stands for. */
static inline void write_json(const char *text, const char *url, gh_buf *out)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (strncmp(c, "@URL", 4) == 0) {
            (void)gh_buf_append_cstr(out, url);
            c += 3;
        } else {
            (void)gh_buf_append_char(out, *c == '\'' ? '"' : *c);
        }
    }
    ck_assert_int_eq(gh_buf_status(out), GH_OK);
}

static inline gh_toolset *read_tools(const char *text, const char *url, const char *folder)
{
    gh_toolset *tools = NULL;
    gh_error error = {GH_OK, ""};
    gh_buf json = GH_BUF_INIT((size_t)1024 * 1024);
    write_json(text, url, &json);
    const gh_toolfile_source source = {.label = "tools.json", .folder = folder, .text = gh_buf_view(&json)};
    gh_status status = gh_toolset_read(&source, 1, &tools, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    gh_buf_free(&json);
    return tools;
}

static inline void open_api(api_world *world, gh_mcp_registry *registry)
{
    gh_error error = {GH_OK, ""};
    const gh_api_options options = {.registry = registry, .source = &SOURCE};
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_msg(gh_api_new(&options, &world->api, &error) == GH_OK, "%s", error.message);
    gh_buf_init(&world->out, (size_t)32 * 1024 * 1024);
}

/* `steps` may be NULL. */
static inline void open_world(api_world *world, const gh_http_fixture_step *steps, size_t count,
                              const char *tools)
{
    char url[GH_HTTP_FIXTURE_URL_MAX] = "http://127.0.0.1:9";
    memset(world, 0, sizeof *world);
    if (steps != NULL) {
        world->fixture = gh_http_fixture_start(steps, count);
        ck_assert_ptr_nonnull(world->fixture);
        gh_http_fixture_url(world->fixture, "", url);
    }
    open_api(world, NULL);
    world->tools = read_tools(tools, url, ".");
}

#define OPEN_WORLD(world, tools, ...)                                                                        \
    static const gh_http_fixture_step steps_of_world[] = {__VA_ARGS__};                                      \
    open_world(world, steps_of_world, sizeof steps_of_world / sizeof *steps_of_world, tools)

static inline void close_world(api_world *world)
{
    gh_api_free(world->api);
    gh_toolset_release(world->tools);
    gh_http_fixture_stop(world->fixture);
    gh_buf_free(&world->out);
}

static inline gh_status call_as(api_world *world, const gh_principal *who, const char *name,
                                const char *arguments)
{
    gh_buf json = GH_BUF_INIT((size_t)8 * 1024 * 1024);
    gh_buf_clear(&world->out);
    world->error.message[0] = '\0';
    write_json(arguments != NULL ? arguments : "{}", "", &json);
    const gh_api_trial trial = {.name = name, .arguments = gh_buf_cstr(&json), .principal = who};
    gh_status status =
        gh_api_try(world->api, world->tools, &trial, &world->out, &world->failed, &world->error);
    gh_buf_free(&json);
    return status;
}

/* The result, with ' for ". */
static inline const char *result_of(api_world *world)
{
    for (size_t i = 0; i < world->out.len; i++) {
        world->out.data[i] = world->out.data[i] == '"' ? '\'' : world->out.data[i];
    }
    return gh_buf_cstr(&world->out);
}

static inline void works(api_world *world, const char *name, const char *arguments, const char *part)
{
    gh_status status = call_as(world, &ADA, name, arguments);
    ck_assert_msg(status == GH_OK, "%s", world->error.message);
    const char *result = result_of(world);
    ck_assert_msg(!world->failed && strstr(result, part) != NULL, "%s", result);
}

/* A tool's error that the model reads. */
static inline void fails(api_world *world, const char *name, const char *arguments, const char *part)
{
    gh_status status = call_as(world, &ADA, name, arguments);
    ck_assert_msg(status == GH_OK, "%s", world->error.message);
    const char *result = result_of(world);
    ck_assert_msg(world->failed && strstr(result, part) != NULL, "%s", result);
}

static inline void was_asked(api_world *world, size_t request, const char *request_line)
{
    ck_assert_uint_lt(request, gh_http_fixture_requests(world->fixture));
    gh_view head = gh_http_fixture_head(world->fixture, request);
    size_t len = strlen(request_line);
    ck_assert_msg(head.len > len && strncmp(head.ptr, request_line, len) == 0 &&
                      strncmp(head.ptr + len, " HTTP/1.1\r\n", 11) == 0,
                  "%.*s", (int)gh_view_find(head, '\r'), head.ptr);
}

static inline bool had_line(api_world *world, size_t request, const char *line)
{
    return gh_http_fixture_has_line(world->fixture, request, line);
}

#endif
