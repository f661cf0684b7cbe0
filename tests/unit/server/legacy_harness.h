/* Sessions for the tests of the legacy era: the tools that come with the server and three that misbehave. */
#ifndef GH_TESTS_UNIT_SERVER_LEGACY_HARNESS_H
#define GH_TESTS_UNIT_SERVER_LEGACY_HARNESS_H

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/engine_harness.h"

static harness h;
static char session[80];
static gh_mcp_headers in_session;

#define INITIALIZE(id, version)                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                                        \
    ",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" version                                  \
    "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"test\",\"version\":\"1\"}}}"
#define CALL(id, params) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":" params "}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}"

#define LOOP(tc, test, list) tcase_add_loop_test(tc, test, 0, sizeof(list) / sizeof((list)[0]))

static inline int tool_outage(void *data, gatehouse_call *call)
{
    (void)data;
    (void)HOST.set_text(call, "half an answer");
    return 1;
}

static inline int tool_complaint(void *data, gatehouse_call *call)
{
    (void)data;
    return HOST.set_error(call, "The moon is not \"up\"");
}

static inline int tool_liar(void *data, gatehouse_call *call)
{
    (void)data;
    return HOST.set_structured(call, "{}");
}

static inline void start_sessions(const gh_mcp_options *options)
{
    start_empty(&h, options);
    add_builtin(&h);
    add_tool(
        &h, (gatehouse_tool){.name = "outage", .input_schema = "{\"type\":\"object\"}", .call = tool_outage});
    add_tool(&h, (gatehouse_tool){
                     .name = "complaint", .input_schema = "{\"type\":\"object\"}", .call = tool_complaint});
    add_tool(&h, (gatehouse_tool){.name = "liar",
                                  .input_schema = "{\"type\":\"object\"}",
                                  .output_schema = "{\"type\":\"object\",\"required\":[\"truth\"]}",
                                  .call = tool_liar});
}

/* Opens a session for Ada and points `in_session` at it. */
static inline void enter(const char *body)
{
    ck_assert_int_eq(post(&h, NO_HEADERS, body), 200);
    ck_assert_uint_ge(strlen(h.reply.session), 22);
    memcpy(session, h.reply.session, sizeof session);
    in_session = NO_HEADERS;
    in_session.session = gh_view_of(session);
}

static inline void set_up(void)
{
    const gh_mcp_options options = usual_options();
    start_sessions(&options);
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_11));
}

static inline void tear_down(void)
{
    stop(&h);
}

#endif
