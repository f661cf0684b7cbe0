#include "server/oauth/scope.h"

#include <stdbool.h>
#include <stdlib.h>

#include "server/oauth/internal.h"
#include "shared/core/bytes.h"
#include "shared/core/text.h"

static bool is_scope_string(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            return false;
        }
    }
    return text.len <= GH_SCOPE_MAX;
}

gh_status gh_scopes_supported(const gh_oauth_server *server, char **scopes)
{
    gh_buf out = GH_BUF_INIT(GH_SCOPES_SUPPORTED_MAX);
    (void)gh_buf_append_cstr(&out, server->scopes_supported);
    if (server->more_scopes.list != NULL) {
        server->more_scopes.list(server->more_scopes.context, &out);
    }
    *scopes = gh_buf_steal(&out);
    gh_buf_free(&out);
    return *scopes == NULL ? GH_ERR_NOMEM : GH_OK;
}

gh_status gh_scope_select_supported(const gh_oauth_server *server, const char *requested, char **scope)
{
    char *supported = NULL;
    gh_status status = gh_scopes_supported(server, &supported);
    if (status == GH_OK) {
        status = gh_scope_select(requested, supported, scope);
    }
    free(supported);
    return status;
}

gh_status gh_scope_select(const char *requested, const char *supported, char **scope)
{
    gh_view wanted = gh_view_of(requested);
    gh_view rest = gh_view_of(supported);
    gh_view word;
    gh_buf out = GH_BUF_INIT(GH_SCOPE_MAX);
    if (!is_scope_string(wanted)) {
        return GH_ERR_PARSE;
    }
    while (gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && gh_text_has_word(wanted, word) && !gh_text_has_word(gh_buf_view(&out), word)) {
            (void)gh_buf_append_cstr(&out, out.len > 0 ? " " : "");
            (void)gh_buf_append_view(&out, word);
        }
    }
    if (gh_buf_status(&out) == GH_OK && out.len == 0) {
        gh_buf_free(&out);
        return GH_ERR_DENIED;
    }
    *scope = gh_buf_steal(&out);
    gh_buf_free(&out);
    return *scope == NULL ? GH_ERR_NOMEM : GH_OK;
}

gh_status gh_scope_narrow(const char *requested, const char *granted, char **scope)
{
    gh_view rest = gh_view_of(requested);
    gh_view word;
    while (gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !gh_text_has_word(gh_view_of(granted), word)) {
            return is_scope_string(gh_view_of(requested)) ? GH_ERR_DENIED : GH_ERR_PARSE;
        }
    }
    return gh_scope_select(requested, granted, scope);
}
