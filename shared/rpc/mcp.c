#include "shared/rpc/mcp.h"

#include "shared/net/base64.h"

#define SENTINEL_PREFIX GH_VIEW_LIT("=?base64?")
#define SENTINEL_SUFFIX GH_VIEW_LIT("?=")

const char *const GH_MCP_VERSIONS[] = {GH_MCP_VERSION_MODERN, GH_MCP_VERSION_2025_11, GH_MCP_VERSION_2025_06,
                                       GH_MCP_VERSION_2025_03};
const size_t GH_MCP_VERSIONS_COUNT = sizeof(GH_MCP_VERSIONS) / sizeof(GH_MCP_VERSIONS[0]);

gh_mcp_era gh_mcp_version_era(gh_view version)
{
    if (gh_view_eq_cstr(version, GH_MCP_VERSION_MODERN)) {
        return GH_MCP_ERA_MODERN;
    }
    for (size_t i = 0; i < GH_MCP_VERSIONS_COUNT; i++) {
        if (gh_view_eq_cstr(version, GH_MCP_VERSIONS[i])) {
            return GH_MCP_ERA_LEGACY;
        }
    }
    return gh_view_eq_cstr(version, GH_MCP_VERSION_2024_11) ? GH_MCP_ERA_LEGACY : GH_MCP_ERA_UNKNOWN;
}

bool gh_mcp_version_looks_modern(gh_view version)
{
    static const char form[] = "dddd-dd-dd";
    gh_view first = GH_VIEW_LIT(GH_MCP_VERSION_MODERN);

    if (version.len != first.len) {
        return false;
    }
    for (size_t i = 0; i < version.len; i++) {
        bool digit = version.ptr[i] >= '0' && version.ptr[i] <= '9';
        if (form[i] == 'd' ? !digit : version.ptr[i] != form[i]) {
            return false;
        }
    }
    /* Dates of this form sort as text does. */
    for (size_t i = 0; i < version.len; i++) {
        if (version.ptr[i] != first.ptr[i]) {
            return version.ptr[i] > first.ptr[i];
        }
    }
    return true;
}

static bool is_sentinel(gh_view value)
{
    return value.len >= SENTINEL_PREFIX.len + SENTINEL_SUFFIX.len &&
           gh_view_starts_with(value, SENTINEL_PREFIX) && gh_view_ends_with(value, SENTINEL_SUFFIX);
}

/* RFC 9110, 5.5 without obs-text. */
static bool is_header_safe(gh_view value, bool tab)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if ((c < 0x20 || c > 0x7e) && !(tab && c == '\t')) {
            return false;
        }
    }
    return value.len == 0 || (gh_view_trim(value).len == value.len);
}

gh_status gh_mcp_header_encode(gh_view value, gh_buf *out)
{
    /* A tab within would be legal, but some proxies turn it into a space. */
    if (is_header_safe(value, false) && !is_sentinel(value)) {
        return gh_buf_append_view(out, value);
    }
    (void)gh_buf_append_view(out, SENTINEL_PREFIX);
    (void)gh_base64_encode(value, out);
    return gh_buf_append_view(out, SENTINEL_SUFFIX);
}

gh_status gh_mcp_header_decode(gh_view header, gh_buf *out)
{
    size_t before = out->len;
    gh_view encoded;
    gh_status status = GH_OK;

    header = gh_view_trim(header);
    if (!is_header_safe(header, true)) {
        return GH_ERR_INVALID;
    }
    if (!is_sentinel(header)) {
        return gh_buf_append_view(out, header);
    }
    encoded = gh_view_make(header.ptr + SENTINEL_PREFIX.len,
                           header.len - SENTINEL_PREFIX.len - SENTINEL_SUFFIX.len);
    status = gh_base64_decode(encoded, out);
    if (status != GH_OK) {
        return status == GH_ERR_NOMEM || status == GH_ERR_TOO_LARGE ? status : GH_ERR_INVALID;
    }
    if (!gh_text_is_utf8(gh_view_make(gh_buf_cstr(out) + before, out->len - before))) {
        return GH_ERR_INVALID;
    }
    return GH_OK;
}
