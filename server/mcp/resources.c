/* resources/read of both eras (server/resources). */
#include <stdlib.h>

#include "server/mcp/work.h"
#include "shared/json/access.h"

#define VARIABLES_MAX ((size_t)256 * 1024)

void gh_mcp_resource_unknown(gh_mcp_request *request, gh_view uri)
{
    gh_buf data = GH_BUF_INIT(GH_MCP_REPLY_MAX / 2);
    (void)gh_buf_append_cstr(&data, "{\"uri\":");
    (void)gh_json_write_string(&data, uri);
    (void)gh_buf_append_char(&data, '}');
    (void)gh_error_set(&request->error, GH_ERR_NOT_FOUND, "Resource not found");
    /* A URI that is as large as a message may be is not said again. */
    gh_mcp_request_fail_data(request, 200,
                             request->modern ? GH_RPC_INVALID_PARAMS : GH_MCP_RESOURCE_NOT_FOUND,
                             gh_buf_status(&data) == GH_OK ? gh_buf_view(&data) : gh_view_of(NULL));
    gh_buf_free(&data);
}

static void read_resource(gh_mcp_request *request, gh_view uri, const gh_mcp_resource *found)
{
    const gh_mcp_aim aim = {.kind = GH_CALL_RESOURCE,
                            .item = found->label,
                            .mime_type = found->item.mime_type,
                            .target = uri,
                            .handler = found->item.read,
                            .data = found->item.data,
                            .flags = found->item.flags,
                            .timeout_ms = found->item.timeout_ms};
    gh_mcp_work_start(request, &aim);
}

static void read_template(gh_mcp_request *request, gh_view uri)
{
    gh_buf variables = GH_BUF_INIT(VARIABLES_MAX);
    const gh_mcp_template *found = gh_mcp_catalog_match(request->catalog, uri, &variables);
    if (found == NULL || gh_buf_status(&variables) != GH_OK) {
        gh_mcp_resource_unknown(request, uri);
    } else if (gh_mcp_require_scopes(request, "resource", found->item.scopes)) {
        const gh_mcp_aim aim = {.kind = GH_CALL_RESOURCE,
                                .item = found->label,
                                .mime_type = found->item.mime_type,
                                .target = uri,
                                .variables = gh_buf_view(&variables),
                                .handler = found->item.read,
                                .data = found->item.data,
                                .flags = found->item.flags,
                                .timeout_ms = found->item.timeout_ms};
        gh_mcp_work_start(request, &aim);
    }
    gh_buf_free(&variables);
}

void gh_mcp_resources_read(gh_mcp_request *request)
{
    if (!gh_mcp_offers_resources(request)) {
        return;
    }
    char *uri = gh_mcp_request_string(request, request->message->params, "params", "uri");
    if (uri == NULL) {
        return;
    }
    const gh_mcp_resource *found = gh_mcp_catalog_resource(request->catalog, gh_view_of(uri));
    if (found == NULL) {
        read_template(request, gh_view_of(uri));
    } else if (gh_mcp_require_scopes(request, "resource", found->item.scopes)) {
        read_resource(request, gh_view_of(uri), found);
    }
    free(uri);
}
