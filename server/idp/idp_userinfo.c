#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/core/log.h"
#include "shared/json/access.h"

#define BEARER_MAX ((size_t)GH_IDP_REPLY_MAX + 16)

static gh_status ask(const gh_idp *idp, gh_http_client *client, const char *url,
                     const gh_secret *access_token, gh_deadline deadline, gh_idp_reply *reply,
                     gh_error *error)
{
    gh_error cause = {0};
    gh_buf bearer = GH_BUF_INIT(BEARER_MAX);
    gh_status status = gh_buf_reserve(&bearer, gh_secret_view(access_token).len + 16);
    if (status == GH_OK) {
        (void)gh_buf_append_cstr(&bearer, "Bearer ");
        status = gh_buf_append_view(&bearer, gh_secret_view(access_token));
    }
    if (status == GH_OK) {
        const gh_http_header headers[] = {{"Accept", "application/json"},
                                          {"Authorization", gh_buf_cstr(&bearer)}};
        const gh_http_request request = {.method = "GET", .url = url, .headers = headers, .header_count = 2};
        status = gh_idp_fetch(idp, client, &request, deadline, reply, &cause);
    }
    gh_buf_wipe_free(&bearer);
    return status == GH_OK ? GH_OK : gh_idp_outage(error, &cause);
}

/* Moves what `claims` lack over from `info`. */
static void merge(cJSON *claims, cJSON *info)
{
    cJSON *item = info->child;
    while (item != NULL) {
        cJSON *next = item->next;
        if (gh_json_get(claims, item->string) == NULL) {
            (void)cJSON_DetachItemViaPointer(info, item);
            (void)cJSON_AddItemToArray(claims, item); /* it keeps its name */
        }
        item = next;
    }
}

static gh_status read_reply(const gh_idp_reply *reply, cJSON *claims, gh_error *error)
{
    cJSON *info = NULL;
    gh_status status = GH_OK;
    if (reply->http_status >= 500 || reply->http_status == 429) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The identity provider answered with %d at its userinfo endpoint; try again in a "
                            "moment.",
                            reply->http_status);
    }
    gh_status parsed = gh_json_parse(gh_buf_view(&reply->body), &GH_JSON_LIMITS_DOCUMENT, &info, NULL);
    if (reply->http_status != 200 || parsed != GH_OK || !cJSON_IsObject(info)) {
        gh_log_debug("the identity provider's userinfo is left out (%d)", reply->http_status);
        goto out;
    }
    const char *subject = gh_json_get_string(info, "sub");
    const char *expected = gh_json_get_string(claims, "sub");
    if (subject == NULL || expected == NULL || strcmp(subject, expected) != 0) {
        status = gh_error_set(error, GH_ERR_DENIED,
                              "The identity provider's userinfo speaks of another account than its ID token "
                              "(sub).");
        goto out;
    }
    merge(claims, info);
out:
    cJSON_Delete(info);
    return status;
}

gh_status gh_idp_add_userinfo(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                              const gh_secret *access_token, gh_deadline deadline, cJSON *claims,
                              gh_error *error)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    if (m->userinfo_endpoint == NULL) {
        return GH_OK;
    }
    gh_status status = ask(idp, client, m->userinfo_endpoint, access_token, deadline, &reply, error);
    if (status == GH_OK) {
        status = read_reply(&reply, claims, error);
    }
    gh_idp_reply_clear(&reply);
    return status;
}
