/* What the tests of the registry share. */
#ifndef GH_TESTS_REGISTRY_FIXTURE_H
#define GH_TESTS_REGISTRY_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"

#define FIXTURE_KEY "0123456789abcdef0123456789abcdef"

static const int FIXTURE_OWNER = 0;

static inline int nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

static inline gh_mcp_owner an_owner(void)
{
    return (gh_mcp_owner){.who = &FIXTURE_OWNER, .label = "hello.so"};
}

static inline gh_mcp_registry *a_registry(size_t page_size)
{
    gh_mcp_registry *registry = NULL;
    gh_mcp_registry_options options = {page_size, GH_VIEW_LIT(FIXTURE_KEY)};
    ck_assert_int_eq(gh_mcp_registry_new(&options, &registry), GH_OK);
    return registry;
}

static inline gatehouse_tool tool_named(const char *name)
{
    return (gatehouse_tool){.size = sizeof(gatehouse_tool),
                            .name = name,
                            .input_schema = "{\"type\":\"object\"}",
                            .call = nothing};
}

static inline gatehouse_resource resource_at(const char *uri)
{
    return (gatehouse_resource){.size = sizeof(gatehouse_resource), .uri = uri, .name = "r", .read = nothing};
}

static inline gatehouse_resource_template template_of(const char *text)
{
    return (gatehouse_resource_template){
        .size = sizeof(gatehouse_resource_template), .uri_template = text, .name = "t", .read = nothing};
}

static inline gatehouse_prompt prompt_named(const char *name)
{
    return (gatehouse_prompt){.size = sizeof(gatehouse_prompt), .name = name, .get = nothing};
}

static inline void add_tool(gh_mcp_registry *registry, const char *name)
{
    gatehouse_tool tool = tool_named(name);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_mcp_registry_add_tool(registry, an_owner(), &tool, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

/* The first page of a list, or the page at `cursor`, whose quotes are added; owned by the caller. */
static inline char *page_of(const gh_mcp_catalog *catalog, gh_mcp_kind kind, const char *cursor, bool modern)
{
    gh_buf out = GH_BUF_INIT((size_t)16 * 1024 * 1024);
    char quoted[128];
    gh_view raw = {NULL, 0};
    if (cursor != NULL) {
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", cursor);
        raw = gh_view_of(quoted);
    }
    ck_assert_int_eq(gh_mcp_catalog_list(catalog, kind, raw, modern, &out), GH_OK);
    char *text = gh_buf_steal(&out);
    ck_assert_ptr_nonnull(text);
    return text;
}

static inline void assert_list(const gh_mcp_catalog *catalog, gh_mcp_kind kind, bool modern,
                               const char *expected)
{
    char *text = page_of(catalog, kind, NULL, modern);
    ck_assert_str_eq(text, expected);
    free(text);
}

#endif
