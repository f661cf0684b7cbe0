/* Who the server is and what it can do. What never changes is rendered once. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/json/access.h"

#define TEXT_MAX ((size_t)8 * 1024 * 1024)

/* Private although the same for all: a shared cache must not show it to callers that this server would refuse
 * (2026-07-28, server/utilities/caching). What a resource holds is its plugin's business, so it is never
 * known to be fresh. */
const char GH_MCP_CACHE_LIST[] = "\"ttlMs\":300000,\"cacheScope\":\"private\"";
const char GH_MCP_CACHE_READ[] = "\"ttlMs\":0,\"cacheScope\":\"private\"";

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

gh_status gh_mcp_texts_render(gh_mcp_texts *texts, const gh_mcp_options *options)
{
    gh_status status = render_info(texts, options);
    if (status == GH_OK) {
        status = render_instructions(texts, options);
    }
    if (status == GH_OK) {
        status = render_meta(texts);
    }
    return status;
}

void gh_mcp_texts_clear(gh_mcp_texts *texts)
{
    free(texts->server_info);
    free(texts->instructions);
    free(texts->modern_meta);
}

/* --- what depends on the catalog --- */

static void write_capability(gh_buf *out, bool declared, const char *member)
{
    if (declared) {
        (void)gh_buf_append_char(out, ',');
        (void)gh_buf_append_cstr(out, member);
    }
}

void gh_mcp_write_capabilities(const gh_mcp_request *request, gh_buf *out)
{
    const gh_mcp_catalog *catalog = request->catalog;
    bool resources =
        gh_mcp_catalog_has(catalog, GH_MCP_RESOURCES) || gh_mcp_catalog_has(catalog, GH_MCP_TEMPLATES);
    (void)gh_buf_append_cstr(out, "{\"logging\":{}");
    write_capability(out, gh_mcp_catalog_has(catalog, GH_MCP_TOOLS), "\"tools\":{\"listChanged\":true}");
    write_capability(out, resources, "\"resources\":{\"subscribe\":true,\"listChanged\":true}");
    write_capability(out, gh_mcp_catalog_has(catalog, GH_MCP_PROMPTS), "\"prompts\":{\"listChanged\":true}");
    write_capability(out, gh_mcp_catalog_completes(catalog), "\"completions\":{}");
    write_capability(out, request->modern, "\"extensions\":{\"" GH_MCP_TASKS_EXTENSION "\":{}}");
    (void)gh_buf_append_char(out, '}');
}

static void write_instructions(const gh_mcp_texts *texts, gh_buf *out)
{
    if (texts->instructions != NULL) {
        (void)gh_buf_append_cstr(out, ",\"instructions\":");
        (void)gh_buf_append_cstr(out, texts->instructions);
    }
}

void gh_mcp_write_initialize(const gh_mcp_request *request, gh_buf *out)
{
    const gh_mcp_texts *texts = &request->engine->texts;
    (void)gh_buf_append_cstr(out, "\"capabilities\":");
    gh_mcp_write_capabilities(request, out);
    (void)gh_buf_append_cstr(out, ",\"serverInfo\":");
    (void)gh_buf_append_cstr(out, texts->server_info);
    write_instructions(texts, out);
    (void)gh_buf_append_char(out, '}');
}

/* Only versions that a request with per-request metadata may name: every one of them works for a retry of the
 * very request that learnt of them. */
void gh_mcp_discover(gh_mcp_request *request)
{
    const gh_mcp_texts *texts = &request->engine->texts;
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&out,
                             "{\"resultType\":\"complete\",\"supportedVersions\":[\"" GH_MCP_VERSION_MODERN
                             "\"],\"capabilities\":");
    gh_mcp_write_capabilities(request, &out);
    write_instructions(texts, &out);
    (void)gh_buf_append_char(&out, ',');
    (void)gh_buf_append_cstr(&out, GH_MCP_CACHE_LIST);
    (void)gh_buf_append_char(&out, ',');
    (void)gh_buf_append_cstr(&out, texts->modern_meta);
    (void)gh_buf_append_char(&out, '}');
    gh_mcp_request_answer(request, &out);
    gh_buf_free(&out);
}

void gh_mcp_write_meta(const gh_mcp_engine *engine, const char *meta, gh_buf *out)
{
    const char *own = engine->texts.modern_meta;
    if (meta == NULL || strcmp(meta, "{}") == 0) {
        (void)gh_buf_append_cstr(out, own);
    } else {
        (void)gh_buf_append(out, own, strlen(own) - 1);
        (void)gh_buf_append_char(out, ',');
        (void)gh_buf_append_cstr(out, meta + 1);
    }
}
