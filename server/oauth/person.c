#include "server/oauth/person.h"

#include <string.h>

#include "server/auth/claims.h"
#include "server/oauth/display.h"
#include "shared/json/access.h"

#define SUBJECT_MAX 255 /* characters (OpenID Connect Core 1.0, 2) */
#define NAME_BYTES_MAX 400

gh_status gh_requirements_check(const gh_text_list *requirements, gh_error *error)
{
    for (size_t i = 0; i < requirements->count; i++) {
        if (!gh_claims_rule_is_valid(requirements->items[i])) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "a required claim must be NAME=VALUE, such as groups=mcp, and not '%s'",
                                requirements->items[i]);
        }
    }
    return GH_OK;
}

static bool is_subject(const char *subject)
{
    gh_view text = gh_view_of(subject);
    if (text.len == 0 || text.len > SUBJECT_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* NULL without a name that can be shown. */
static char *name_of(const cJSON *claims)
{
    const char *name = gh_json_get_string(claims, "name");
    gh_buf clean = GH_BUF_INIT(NAME_BYTES_MAX);
    if (name == NULL || name[0] == '\0') {
        name = gh_json_get_string(claims, "preferred_username");
    }
    bool fit = gh_display_clean(gh_view_of(name), &clean) == GH_OK && clean.len > 0;
    char *text = fit ? gh_buf_steal(&clean) : NULL;
    gh_buf_free(&clean);
    return text;
}

static char *email_of(const cJSON *claims)
{
    const char *email = gh_json_get_string(claims, "email");
    return email != NULL && gh_display_is_email(gh_view_of(email)) ? gh_text_dup(email) : NULL;
}

gh_status gh_person_read(const cJSON *claims, gh_flow *flow)
{
    const char *subject = gh_json_get_string(claims, "sub");
    if (!is_subject(subject)) {
        return GH_ERR_DENIED;
    }
    flow->subject = gh_text_dup(subject);
    flow->name = name_of(claims);
    flow->email = email_of(claims);
    return flow->subject != NULL ? GH_OK : GH_ERR_NOMEM;
}

bool gh_person_may_enter(const gh_oauth_server *server, const cJSON *claims)
{
    return gh_claims_allow(claims, (const char *const *)server->requirements.items,
                           server->requirements.count);
}

bool gh_person_may_stay(const gh_oauth_server *server, const cJSON *claims, const char *subject)
{
    if (claims == NULL) {
        return true;
    }
    const char *named = gh_json_get_string(claims, "sub");
    return named != NULL && strcmp(named, subject) == 0 && gh_person_may_enter(server, claims);
}
