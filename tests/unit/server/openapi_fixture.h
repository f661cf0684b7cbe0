/* A description in, the tools file as a tree and what was reported out. */
#ifndef GH_TESTS_UNIT_SERVER_OPENAPI_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_OPENAPI_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi.h"
#include "server/toolfile/toolfile.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

#define HEAD                                                                                                 \
    "openapi: 3.1.0\n"                                                                                       \
    "info: {title: Pet store, version: '1'}\n"                                                               \
    "servers: [{url: 'https://api.example.com/v1'}]\n"
#define HEAD_30                                                                                              \
    "openapi: 3.0.3\n"                                                                                       \
    "info: {title: Pet store, version: '1'}\n"                                                               \
    "servers: [{url: 'https://api.example.com/v1'}]\n"

typedef struct converted {
    cJSON *json;
    gh_buf told; /* "GET /pets: ...\n" */
    gh_error error;
    gh_status status;
} converted;

static inline void note(void *context, const char *where, const char *what)
{
    gh_buf *told = context;
    (void)gh_buf_appendf(told, "%s: %s\n", where, what);
}

/* Whatever comes out is a tools file that is taken. `before` is another that was read before it. */
static inline void check_accepted(const char *before, gh_view made)
{
    const gh_toolfile_source sources[] = {{.label = "before.json", .folder = "/", .text = gh_view_of(before)},
                                          {.label = "made", .folder = "/", .text = made}};
    gh_error error = {GH_OK, ""};
    gh_toolset *set = NULL;
    gh_status status = before != NULL ? gh_toolset_read(sources, 2, &set, &error)
                                      : gh_toolset_read(sources + 1, 1, &set, &error);
    ck_assert_msg(status == GH_OK, "%s\n%.*s", error.message, (int)made.len, made.ptr);
    gh_toolset_release(set);
}

static inline converted convert_with(const char *text, const gh_openapi_options *options)
{
    converted c = {NULL, GH_BUF_INIT(1 << 20), {GH_OK, ""}, GH_OK};
    gh_buf out = GH_BUF_INIT(32 << 20);
    const char *before =
        options->upstream != NULL
            ? "{\"upstreams\":{\"orders\":{\"url\":\"https://orders.example.com\"}},\"tools\":[]}"
            : NULL;
    c.status = gh_openapi_convert(gh_view_of(text), options, note, &c.told, &out, &c.error);
    if (c.status == GH_OK) {
        gh_json_limits limits = {32 << 20, GH_JSON_DEPTH_MAX, 1000000, 100000};
        gh_error error = {GH_OK, ""};
        ck_assert_msg(gh_json_parse(gh_buf_view(&out), &limits, &c.json, &error) == GH_OK, "%s",
                      error.message);
        check_accepted(before, gh_buf_view(&out));
    }
    gh_buf_free(&out);
    return c;
}

static inline converted convert(const char *text)
{
    const gh_openapi_options options = {.label = "pets.yaml"};
    converted c = convert_with(text, &options);
    ck_assert_msg(c.status == GH_OK, "%s", c.error.message);
    return c;
}

static inline void done(converted *c)
{
    cJSON_Delete(c->json);
    gh_buf_free(&c->told);
}

static inline const cJSON *tool(const converted *c, const char *name)
{
    const cJSON *one = NULL;
    cJSON_ArrayForEach(one, gh_json_get_array(c->json, "tools"))
    {
        if (strcmp(gh_json_get_string(one, "name"), name) == 0) {
            return one;
        }
    }
    ck_abort_msg("no tool %s", name);
    return NULL;
}

/* `at` is members with '/' between: "request/query/limit". */
static inline void assert_json(const cJSON *from, const char *at, const char *expected)
{
    gh_view rest = gh_view_of(at);
    gh_view part;
    const cJSON *found = from;
    gh_buf text = GH_BUF_INIT(1 << 20);
    while (rest.len > 0 && gh_view_next(&rest, '/', &part)) {
        char *name = gh_view_dup(part);
        found = gh_json_get(found, name);
        free(name);
    }
    if (found != NULL) {
        ck_assert_int_eq(gh_json_print(found, &text), GH_OK);
    }
    ck_assert_msg(strcmp(gh_buf_cstr(&text), expected) == 0, "%s is %s and not %s", at, gh_buf_cstr(&text),
                  expected);
    gh_buf_free(&text);
}

static inline void assert_told(const converted *c, const char *part)
{
    ck_assert_msg(strstr(gh_buf_cstr(&c->told), part) != NULL, "not told: %s\ntold:\n%s", part,
                  gh_buf_cstr(&c->told));
}

static inline void assert_silent(const converted *c)
{
    ck_assert_msg(c->told.len == 0, "told:\n%s", gh_buf_cstr(&c->told));
}

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

#endif
