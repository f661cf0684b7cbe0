/* A translator between a client and a server that the test plays itself, line by line. */
#ifndef GH_TESTS_TRANSLATOR_WORLD_H
#define GH_TESTS_TRANSLATOR_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/translator.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"
#include "tests/support/suite.h"

#define WORLD_LINES_MAX 4096

typedef struct world_side {
    char *lines[WORLD_LINES_MAX];
    size_t count, next;
} world_side;

static struct {
    gh_translator *translator;
    world_side server, client; /* what each of them was told */
    gh_server_memory memory;
    unsigned learned;
    int64_t now_ms;
} world;

#define V "io.modelcontextprotocol/"
#define META                                                                                                 \
    "\"_meta\":{\"" V "protocolVersion\":\"2026-07-28\",\"" V "clientInfo\":{\"name\":\"c\",\"version\":"    \
    "\"1\"},\"" V "clientCapabilities\":{\"elicitation\":{},\"sampling\":{}}}"
#define MODERN(id, method, members)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" META members "}}"
#define LEGACY(id, method, params)                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define INITIALIZE(id)                                                                                       \
    LEGACY(id, "initialize",                                                                                 \
           "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"elicitation\":{},\"roots\":{}},"         \
           "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}")
#define NOTE(method, params) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params "}"
#define CANCEL(id) NOTE("notifications/cancelled", "{\"requestId\":" id "}")
#define RESULT(id, members) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{" members "}}"
#define ERROR(id, code) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"no\"}}"

static void world_write(world_side *side, gh_view line)
{
    ck_assert_uint_lt(side->count, WORLD_LINES_MAX);
    side->lines[side->count] = gh_view_dup(line);
    ck_assert_ptr_nonnull(side->lines[side->count]);
    side->count++;
}

static void world_to_server(void *context, gh_view line)
{
    (void)context;
    world_write(&world.server, line);
}

static void world_to_client(void *context, gh_view line)
{
    (void)context;
    world_write(&world.client, line);
}

static void world_learned(void *context, const gh_server_memory *memory)
{
    (void)context;
    gh_server_memory_clear(&world.memory);
    ck_assert_int_eq(gh_server_memory_copy(memory, &world.memory), GH_OK);
    world.learned++;
}

static void world_lost(void *context)
{
    (void)context;
    ck_abort_msg("a message was lost");
}

static int64_t world_clock(void)
{
    return world.now_ms * 1000000;
}

static void world_open(gh_translator_options options)
{
    gh_log_set_level(GH_LOG_ERROR);
    world.now_ms = 1000;
    gh_clock_set_source(world_clock, NULL);
    options.max_message = 1024 * 1024;
    options.to_server = world_to_server;
    options.to_client = world_to_client;
    options.learned = world_learned;
    options.lost = world_lost;
    ck_assert_int_eq(gh_translator_new(&options, &world.translator), GH_OK);
}

static inline void world_fresh(void)
{
    world_open((gh_translator_options){0});
}

static inline void world_known(gh_mcp_era only, const char *capabilities)
{
    gh_server_memory memory = {.only = only, .capabilities = gh_text_dup(capabilities)};
    world_open((gh_translator_options){.known = &memory});
    gh_server_memory_clear(&memory);
}

static void world_empty(world_side *side)
{
    for (size_t i = 0; i < side->count; i++) {
        free(side->lines[i]);
    }
    side->count = 0;
    side->next = 0;
}

static void world_close(void)
{
    gh_translator_free(world.translator);
    world.translator = NULL;
    world_empty(&world.server);
    world_empty(&world.client);
    gh_server_memory_clear(&world.memory);
    world.learned = 0;
    gh_clock_set_source(NULL, NULL);
}

static void world_parse(const char *line, gh_rpc_message *message)
{
    gh_error error = {0};
    gh_status status = gh_rpc_parse(gh_view_of(line), NULL, message, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", error.message, line);
}

static void client_says(const char *line)
{
    gh_rpc_message message;
    world_parse(line, &message);
    gh_translator_from_client(world.translator, &message);
    gh_rpc_message_clear(&message);
}

/* An answer, by HTTP. */
static void server_answers_with(const char *line, int http_status, bool local)
{
    gh_rpc_message message;
    world_parse(line, &message);
    gh_translator_origin origin = {
        .request = message.id, .is_answer = true, .http_status = http_status, .local = local};
    gh_translator_from_server(world.translator, &message, gh_view_of(line), &origin);
    gh_rpc_message_clear(&message);
}

static inline void server_answers(const char *line)
{
    server_answers_with(line, 200, false);
}

/* On the stream of the request with this raw id; NULL: on its own. */
static inline void server_says(const char *line, const char *request)
{
    gh_rpc_message message;
    world_parse(line, &message);
    gh_translator_origin origin = {.request = gh_view_of(request)};
    gh_translator_from_server(world.translator, &message, gh_view_of(line), &origin);
    gh_rpc_message_clear(&message);
}

static const char *next_of(world_side *side)
{
    return side->next < side->count ? side->lines[side->next++] : "";
}

/* The next line that this side was told; "" when there is none. */
static inline const char *server_got(void)
{
    return next_of(&world.server);
}

static inline const char *client_got(void)
{
    return next_of(&world.client);
}

/* The raw id in a line; in a few static places, by turns. */
static inline const char *id_of(const char *line)
{
    static char places[8][1100];
    static unsigned turn;
    char *place = places[turn++ % 8];
    gh_view id;
    ck_assert_msg(gh_json_slice_member(gh_view_of(line), "id", &id), "no id in: %s", line);
    (void)snprintf(place, 1100, "%.*s", (int)id.len, id.ptr);
    return place;
}

/* A line with the raw id in place of each "ID". */
static inline const char *with_id(const char *pattern, const char *id)
{
    static char places[4][4096];
    static unsigned turn;
    char *place = places[turn++ % 4];
    gh_buf text = GH_BUF_INIT(4095);
    for (const char *at = pattern; *at != '\0';) {
        if (strncmp(at, "\"ID\"", 4) == 0) {
            (void)gh_buf_append_cstr(&text, id);
            at += 4;
        } else {
            (void)gh_buf_append_char(&text, *at++);
        }
    }
    ck_assert_int_eq(gh_buf_status(&text), GH_OK);
    memcpy(place, gh_buf_cstr(&text), text.len + 1);
    gh_buf_free(&text);
    return place;
}

#define assert_has(line, text) ck_assert_msg(strstr((line), (text)) != NULL, "no %s in: %s", (text), (line))
#define assert_lacks(line, text) ck_assert_msg(strstr((line), (text)) == NULL, "%s in: %s", (text), (line))
#define assert_quiet()                                                                                       \
    do {                                                                                                     \
        ck_assert_str_eq(server_got(), "");                                                                  \
        ck_assert_str_eq(client_got(), "");                                                                  \
    } while (0)

#define LEGACY_CAPABILITIES                                                                                  \
    "{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true},\"logging\":{},\"tasks\":{}}"
#define OPENED                                                                                               \
    RESULT("\"ID\"", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":" LEGACY_CAPABILITIES              \
                     ",\"serverInfo\":{\"name\":\"s\",\"version\":\"2\"}")

static inline void open_session(void)
{
    const char *initialize = server_got();
    assert_has(initialize, "\"method\":\"initialize\"");
    server_answers(with_id(OPENED, id_of(initialize)));
    assert_has(server_got(), "notifications/initialized");
}

/* A modern client that found out that the server is legacy. */
static inline void open_downward(void)
{
    world_fresh();
    client_says(MODERN("0", "server/discover", ""));
    (void)server_got();
    server_answers_with(ERROR("0", "-32601"), 200, false);
    open_session();
    assert_has(client_got(), "\"id\":0,\"result\"");
}

/* Calls the tool; gives the id that the call goes by at the server. */
static inline const char *call(const char *pattern)
{
    client_says(pattern);
    return id_of(server_got());
}
#define CALL(id) MODERN(id, "tools/call", ",\"name\":\"t\"")
#define ELICITATION(id) LEGACY(id, "elicitation/create", "{\"message\":\"m\"}")

static inline int world_run(Suite *suite, TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return gh_suite_run(suite);
}

#endif
