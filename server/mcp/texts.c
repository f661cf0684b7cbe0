/* Replies that are the same for every caller, rendered once when the engine starts. */
#include <stdlib.h>

#include "server/mcp/engine_private.h"
#include "shared/json/access.h"

#define TEXT_MAX ((size_t)8 * 1024 * 1024)
#define CAPABILITIES "{\"tools\":{}}"
/* Tools change only with a restart. Private although the same for all: a shared cache must not show them to
 * callers that this server would refuse (2026-07-28, server/utilities/caching). */
#define CACHE_HINTS "\"ttlMs\":300000,\"cacheScope\":\"private\""

/* Moves the text out; NULL when it could not be written. */
static gh_status finish(gh_buf *out, char **text)
{
    gh_status status = gh_buf_status(out);
    if (status == GH_OK) {
        *text = gh_buf_steal(out);
        status = *text == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(out);
    return status;
}

static gh_status render_info(gh_mcp_texts *texts, const gh_mcp_options *options)
{
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&out, "{\"name\":");
    (void)gh_json_write_string(&out, gh_view_of(options->server_name));
    if (options->server_title != NULL) {
        (void)gh_buf_append_cstr(&out, ",\"title\":");
        (void)gh_json_write_string(&out, gh_view_of(options->server_title));
    }
    (void)gh_buf_append_cstr(&out, ",\"version\":");
    (void)gh_json_write_string(&out, gh_view_of(options->server_version));
    (void)gh_buf_append_char(&out, '}');
    return finish(&out, &texts->server_info);
}

static gh_status render_instructions(gh_mcp_texts *texts, const gh_mcp_options *options)
{
    if (options->instructions == NULL) {
        return GH_OK;
    }
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    (void)gh_json_write_string(&out, gh_view_of(options->instructions));
    return finish(&out, &texts->instructions);
}

static gh_status render_meta(gh_mcp_texts *texts)
{
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&out, "\"_meta\":{\"" GH_MCP_META_SERVER_INFO "\":");
    (void)gh_buf_append_cstr(&out, texts->server_info);
    (void)gh_buf_append_char(&out, '}');
    return finish(&out, &texts->modern_meta);
}

/* Only versions that a request with per-request metadata may name: every one of them works for a retry of the
 * very request that learnt of them. */
static gh_status render_discover(gh_mcp_texts *texts)
{
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&out,
                             "{\"resultType\":\"complete\",\"supportedVersions\":[\"" GH_MCP_VERSION_MODERN
                             "\"],\"capabilities\":" CAPABILITIES);
    if (texts->instructions != NULL) {
        (void)gh_buf_append_cstr(&out, ",\"instructions\":");
        (void)gh_buf_append_cstr(&out, texts->instructions);
    }
    (void)gh_buf_append_cstr(&out, "," CACHE_HINTS ",");
    (void)gh_buf_append_cstr(&out, texts->modern_meta);
    (void)gh_buf_append_char(&out, '}');
    return finish(&out, &texts->discover);
}

/* All of an initialize result but the version. */
static gh_status render_initialize(gh_mcp_texts *texts)
{
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&out, "\"capabilities\":" CAPABILITIES ",\"serverInfo\":");
    (void)gh_buf_append_cstr(&out, texts->server_info);
    if (texts->instructions != NULL) {
        (void)gh_buf_append_cstr(&out, ",\"instructions\":");
        (void)gh_buf_append_cstr(&out, texts->instructions);
    }
    (void)gh_buf_append_char(&out, '}');
    return finish(&out, &texts->initialize);
}

static gh_status render_listings(gh_mcp_texts *texts, const gh_mcp_registry *registry)
{
    gh_buf legacy = GH_BUF_INIT(TEXT_MAX);
    gh_buf modern = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&legacy, "{\"tools\":");
    (void)gh_mcp_registry_write_tools(registry, &legacy);
    (void)gh_buf_append_char(&legacy, '}');
    (void)gh_buf_append_cstr(&modern, "{\"resultType\":\"complete\",\"tools\":");
    (void)gh_mcp_registry_write_tools(registry, &modern);
    (void)gh_buf_append_cstr(&modern, "," CACHE_HINTS ",");
    (void)gh_buf_append_cstr(&modern, texts->modern_meta);
    (void)gh_buf_append_char(&modern, '}');
    gh_status status = finish(&legacy, &texts->legacy_listing);
    gh_status other = finish(&modern, &texts->modern_listing);
    return status == GH_OK ? other : status;
}

gh_status gh_mcp_texts_render(gh_mcp_texts *texts, const gh_mcp_options *options,
                              const gh_mcp_registry *registry)
{
    gh_status status = render_info(texts, options);
    if (status == GH_OK) {
        status = render_instructions(texts, options);
    }
    if (status == GH_OK) {
        status = render_meta(texts);
    }
    if (status == GH_OK) {
        status = render_discover(texts);
    }
    if (status == GH_OK) {
        status = render_listings(texts, registry);
    }
    if (status == GH_OK) {
        status = render_initialize(texts);
    }
    return status;
}

void gh_mcp_texts_clear(gh_mcp_texts *texts)
{
    free(texts->server_info);
    free(texts->instructions);
    free(texts->modern_meta);
    free(texts->discover);
    free(texts->initialize);
    free(texts->legacy_listing);
    free(texts->modern_listing);
}
