/* What tests of the modern era share: requests with their metadata, and one engine. */
#ifndef GH_TESTS_UNIT_SERVER_MODERN_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_MODERN_FIXTURE_H

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/engine_harness.h"

#define VERSION_META "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""
#define CAPABILITIES(list) "\"io.modelcontextprotocol/clientCapabilities\":{" list "}"
#define META_WITH(list, more) "\"_meta\":{" VERSION_META "," CAPABILITIES(list) more "}"
#define META META_WITH("", "")
#define TASKS "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
#define REQUEST(method, params)                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\",\"params\":{" params "}}"
#define CALL(tool, meta) REQUEST("tools/call", "\"name\":\"" tool "\"," meta)

__attribute__((unused)) static harness h;

static inline void tear_down(void)
{
    stop(&h);
}

static inline gh_mcp_headers headers_for(const char *method, const char *name)
{
    gh_mcp_headers headers = NO_HEADERS;
    headers.version = GH_VIEW_LIT(GH_MCP_VERSION_MODERN);
    headers.method = gh_view_of(method);
    headers.name = gh_view_of(name);
    return headers;
}

/* A tool of no arguments. */
static inline int call(const char *tool, const char *body)
{
    return post(&h, headers_for("tools/call", tool), body);
}

static inline void expect_error(int http, int code)
{
    ck_assert_msg(h.reply.status == http, "HTTP %d instead of %d: %s", h.reply.status, http,
                  h.reply.body == NULL ? "" : h.reply.body);
    ck_assert_msg(error_code(&h) == code, "%d instead of %d: %s", error_code(&h), code, h.reply.body);
}

static inline const char *result_type(void)
{
    const char *type = gh_json_get_string(result_of(&h), "resultType");
    return type == NULL ? "" : type;
}

#endif
