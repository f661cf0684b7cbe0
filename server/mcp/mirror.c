#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define SAFE_INTEGER_MAX 9007199254740991.0 /* 2^53 - 1 */
#define HEADER_MAX ((size_t)64 * 1024)

static bool mismatch(gh_mcp_request *request, const char *header, const char *what)
{
    gh_mcp_request_fail(request, 400, GH_MCP_HEADER_MISMATCH, "Header mismatch: %s %s", header, what);
    return false;
}

bool gh_mcp_mirror_method(gh_mcp_request *request)
{
    gh_view header = gh_view_trim(request->headers->method);
    if (header.len == 0) {
        return mismatch(request, GH_MCP_HEADER_METHOD, "is missing");
    }
    return gh_view_eq_cstr(header, request->message->method) ||
           mismatch(request, GH_MCP_HEADER_METHOD, "does not match the body's method");
}

/* Decodes the Base64 form, then compares. */
static bool same_text(gh_mcp_request *request, const char *name, gh_view header, gh_view body)
{
    gh_buf plain = GH_BUF_INIT(HEADER_MAX);
    bool same = false;
    gh_status status = gh_mcp_header_decode(header, &plain);
    if (status == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(request, status);
    } else if (status != GH_OK) {
        (void)mismatch(request, name, "has characters or Base64 that are not allowed");
    } else if (!gh_view_eq(gh_buf_view(&plain), body)) {
        (void)mismatch(request, name, "does not match the value in the body");
    } else {
        same = true;
    }
    gh_buf_free(&plain);
    return same;
}

bool gh_mcp_mirror_name(gh_mcp_request *request, const char *member)
{
    gh_view raw = {NULL, 0};
    char *body = NULL;
    gh_view header = gh_view_trim(request->headers->name);
    if (!gh_json_slice_member(request->message->params, member, &raw) ||
        gh_json_slice_string(raw, &body) != GH_OK) {
        /* Whoever serves the method says what is wrong with the body. */
        return true;
    }
    bool same = header.len == 0 ? mismatch(request, GH_MCP_HEADER_NAME, "is missing")
                                : same_text(request, GH_MCP_HEADER_NAME, header, gh_view_of(body));
    free(body);
    return same;
}

static const cJSON *value_at(const cJSON *arguments, const gh_mcp_param *param)
{
    const cJSON *at = arguments;
    for (size_t i = 0; i < param->depth && at != NULL; i++) {
        at = gh_json_get(at, param->path[i]);
    }
    return cJSON_IsNull(at) ? NULL : at;
}

static bool same_number(gh_view header, double body)
{
    cJSON *json = NULL;
    bool same = false;
    if (gh_json_parse(header, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) == GH_OK && cJSON_IsNumber(json)) {
        double number = json->valuedouble;
        same = fabs(body) <= SAFE_INTEGER_MAX && !(number < body) && !(number > body);
    }
    cJSON_Delete(json);
    return same;
}

static bool same_param(gh_mcp_request *request, const char *name, gh_view header, const cJSON *value)
{
    if (cJSON_IsString(value)) {
        return same_text(request, name, header, gh_view_of(value->valuestring));
    }
    bool same = false;
    if (cJSON_IsNumber(value)) {
        same = same_number(header, value->valuedouble);
    } else if (cJSON_IsBool(value)) {
        same = gh_view_eq_cstr(header, cJSON_IsTrue(value) ? "true" : "false");
    } else {
        /* No header can repeat an array or an object; the schema refuses it next. */
        return true;
    }
    return same || mismatch(request, name, "does not match the value in the body");
}

bool gh_mcp_mirror_params(gh_mcp_request *request, const gh_mcp_tool *tool, const cJSON *arguments)
{
    for (size_t i = 0; i < tool->params_count; i++) {
        const gh_mcp_param *param = &tool->params[i];
        const gh_mcp_headers *headers = request->headers;
        gh_view header = {NULL, 0};
        if (headers->param != NULL) {
            header = gh_view_trim(headers->param(headers->context, param->header));
        }
        char name[96];
        (void)snprintf(name, sizeof name, GH_MCP_HEADER_PARAM_PREFIX "%s", param->header);
        const cJSON *value = value_at(arguments, param);
        bool empty = cJSON_IsString(value) && value->valuestring[0] == '\0';
        bool fine = true;
        if (value == NULL) {
            /* A proxy must not act on a value that the tool never sees. */
            fine = header.ptr == NULL || mismatch(request, name, "is there, but the body has no such value");
        } else if (header.ptr == NULL || (header.len == 0 && !empty)) {
            fine = mismatch(request, name, "is missing");
        } else {
            fine = same_param(request, name, header, value);
        }
        if (!fine) {
            return false;
        }
    }
    return true;
}
