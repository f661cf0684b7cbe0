#include "bridge/identity.h"

#include "bridge/printable.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "shared/oauth/challenge.h"

enum { CLAIMS_MAX = 32768, DESCRIPTION_MAX = 512 };

/* A member that says something. */
static const char *claim(const cJSON *claims, const char *name)
{
    const char *text = gh_json_get_string(claims, name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static char *describe_claims(const cJSON *claims)
{
    const char *name = claim(claims, "name");
    const char *email = claim(claims, "email");
    const char *subject = claim(claims, "sub");
    gh_buf text = GH_BUF_INIT(DESCRIPTION_MAX);
    if (name != NULL) {
        gh_printable_append(&text, name);
    }
    if (email != NULL) {
        gh_buf_append_cstr(&text, name != NULL ? " <" : "");
        gh_printable_append(&text, email);
        gh_buf_append_cstr(&text, name != NULL ? ">" : "");
    }
    if (name == NULL && email == NULL && subject != NULL) {
        gh_printable_append(&text, subject);
    }
    char *description = text.len > 0 ? gh_buf_steal(&text) : NULL;
    gh_buf_free(&text);
    return description;
}

char *gh_identity_describe(const gh_secret *token)
{
    gh_view rest = gh_secret_view(token);
    gh_view header;
    gh_view payload;
    if (rest.ptr == NULL || !gh_view_next(&rest, '.', &header) || !gh_view_next(&rest, '.', &payload)) {
        return NULL;
    }
    gh_buf claims = GH_BUF_INIT(CLAIMS_MAX);
    cJSON *json = NULL;
    char *description = NULL;
    if (gh_base64url_decode(payload, &claims) == GH_OK &&
        gh_json_parse(gh_buf_view(&claims), &GH_JSON_LIMITS_DOCUMENT, &json, NULL) == GH_OK) {
        description = describe_claims(json);
    }
    cJSON_Delete(json);
    gh_buf_free(&claims);
    return description;
}

gh_status gh_identity_challenge_url(gh_view challenge, char **url)
{
    gh_challenge parsed = {NULL, NULL, NULL, NULL, NULL};
    *url = NULL;
    if (challenge.ptr != NULL && gh_challenge_parse(challenge, &parsed) == GH_OK) {
        *url = parsed.resource_metadata;
        parsed.resource_metadata = NULL;
    }
    gh_challenge_clear(&parsed);
    return *url != NULL ? GH_OK : GH_ERR_NOT_FOUND;
}
