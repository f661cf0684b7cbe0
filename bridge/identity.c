#include "bridge/identity.h"

#include "shared/core/bytes.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "shared/oauth/challenge.h"

enum { CLAIMS_MAX = 16384, DESCRIPTION_MAX = 512 };

static void append_clean(gh_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        gh_buf_append_char(out, c < 0x20 || c == 0x7f ? '?' : *text);
    }
}

static char *describe_claims(const cJSON *claims)
{
    const char *name = gh_json_get_string(claims, "name");
    const char *email = gh_json_get_string(claims, "email");
    const char *subject = gh_json_get_string(claims, "sub");
    gh_buf text = GH_BUF_INIT(DESCRIPTION_MAX);
    if (name != NULL) {
        append_clean(&text, name);
    }
    if (email != NULL) {
        gh_buf_append_cstr(&text, name != NULL ? " <" : "");
        append_clean(&text, email);
        gh_buf_append_cstr(&text, name != NULL ? ">" : "");
    }
    if (name == NULL && email == NULL && subject != NULL) {
        append_clean(&text, subject);
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
