#include "server/oauth/grant.h"

#include <string.h>

#include "server/oauth/device.h"
#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/core/random.h"

#define GRANT_ID_BYTES 16

/* A copy in *to of what may be missing; false on lack of memory. */
static bool copy_optional(const char *from, char **to)
{
    *to = gh_text_dup(from);
    return *to != NULL || from == NULL;
}

gh_status gh_grant_make(const gh_oauth_server *server, const gh_flow *flow, gh_grant *grant)
{
    gh_status status = gh_random_id(GRANT_ID_BYTES, &grant->id);
    if (status != GH_OK) {
        return status;
    }
    grant->client_id = gh_text_dup(flow->client_id);
    grant->subject = gh_text_dup(flow->subject);
    grant->scope = gh_text_dup(flow->scope);
    grant->resource = gh_text_dup(flow->resource);
    grant->created_at = gh_clock_wall_s();
    /* The access token that the code brings at its last moment ends before the grant does. */
    int64_t access_s = server->code_ttl_s + server->access_ttl_s;
    grant->expires_at =
        grant->created_at + (server->refresh_ttl_s > access_s ? server->refresh_ttl_s : access_s);
    bool complete = copy_optional(flow->name, &grant->name) && copy_optional(flow->email, &grant->email) &&
                    grant->client_id != NULL && grant->subject != NULL && grant->scope != NULL &&
                    grant->resource != NULL;
    return complete ? GH_OK : GH_ERR_NOMEM;
}

static bool fill_code(const gh_oauth_server *server, const gh_flow *flow, const gh_grant *grant,
                      const char *text, gh_code *code)
{
    char hash[GH_SHA256_TEXT_MAX];
    if (gh_sha256_text(gh_view_of(text), hash) != GH_OK) {
        return false;
    }
    code->hash = gh_text_dup(hash);
    code->grant_id = gh_text_dup(grant->id);
    code->client_id = gh_text_dup(flow->client_id);
    code->redirect_uri = gh_text_dup(flow->redirect_uri);
    code->challenge = gh_text_dup(flow->challenge);
    code->resource = gh_text_dup(flow->resource);
    code->expires_at = gh_clock_wall_s() + server->code_ttl_s;
    return code->hash != NULL && code->grant_id != NULL && code->client_id != NULL &&
           code->redirect_uri != NULL && code->challenge != NULL && code->resource != NULL;
}

gh_status gh_grant_keep(const gh_oauth_server *server, const gh_flow *flow, const gh_grant *grant,
                        char **code_text)
{
    gh_code code;
    if (gh_device_is_target(flow->redirect_uri)) {
        return gh_device_keep(server, flow, grant);
    }
    memset(&code, 0, sizeof code);
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, code_text);
    if (status == GH_OK) {
        status = fill_code(server, flow, grant, *code_text, &code)
                     ? gh_store_grant_add(server->store, grant, &code)
                     : GH_ERR_NOMEM;
    }
    gh_code_clear(&code);
    return status;
}
