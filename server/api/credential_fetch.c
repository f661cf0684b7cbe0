#include <string.h>

#include "server/api/credential_private.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"

#define KEY_MAX ((size_t)256 * 1024)

/* --- what a token depends on --- */

static void add_part(gh_buf *out, gh_view part, bool there)
{
    uint64_t len = there ? (uint64_t)part.len : UINT64_MAX;
    (void)gh_buf_append(out, &len, sizeof len);
    (void)gh_buf_append_view(out, part);
}

static void add_text(gh_buf *out, const char *text)
{
    add_part(out, gh_view_of(text), text != NULL);
}

static void add_user(gh_buf *out, const gh_principal *principal)
{
    add_text(out, principal->issuer);
    add_text(out, principal->subject);
    add_text(out, principal->client_id);
    add_text(out, principal->grant_id);
    /* One user's tokens may differ in what they allow. */
    add_part(out, gh_secret_view(principal->token), principal->token != NULL);
}

gh_status gh_credential_key(const gh_credential_wish *wish, unsigned char key[GH_SHA256_LEN])
{
    const gh_upstream *upstream = wish->upstream;
    const gh_credential *credential = &upstream->credential;
    const unsigned char kind = (unsigned char)credential->kind;
    gh_buf text = GH_BUF_INIT(KEY_MAX);
    gh_status status = gh_buf_reserve(&text, 4096);
    (void)gh_buf_append(&text, &kind, sizeof kind);
    add_text(&text, upstream->name);
    add_text(&text, upstream->url);
    add_text(&text, credential->audience);
    add_text(&text, credential->resource);
    add_text(&text, credential->scope);
    add_text(&text, credential->client_id);
    add_text(&text, credential->token_endpoint);
    add_part(&text, gh_secret_view(credential->secret), credential->secret != NULL);
    if (credential->kind != GH_CREDENTIAL_CLIENT && wish->principal != NULL) {
        add_user(&text, wish->principal);
    }
    if (status == GH_OK) {
        status = gh_buf_status(&text);
    }
    if (status == GH_OK) {
        status = gh_sha256(gh_buf_view(&text), key);
    }
    gh_buf_wipe_free(&text);
    return status;
}

/* --- asking --- */

/* The token within a header value of ours; NULL when there is none, or no memory. */
static gh_secret *token_in(const gh_secret *value)
{
    gh_view text = gh_secret_view(value);
    gh_view scheme = GH_VIEW_LIT("Bearer ");
    if (!gh_view_starts_with(text, scheme)) {
        return NULL;
    }
    return gh_secret_new(gh_view_make(text.ptr + scheme.len, text.len - scheme.len));
}

/* The user's own token, which is also what is exchanged. `stale` is a token that was refused, or NULL. */
static gh_status ask_user(const gh_credential_source *source, const gh_principal *principal,
                          const gh_secret *stale, gh_secret **token, int64_t *ends_at, gh_error *error)
{
    if (principal == NULL || source->user == NULL) {
        return gh_error_set(error, GH_ERR_DENIED, "This API is called as the person who asks; sign in.");
    }
    return source->user(source->context, principal, stale, token, ends_at, error);
}

static gh_status ask_subject(const gh_credential_source *source, const gh_principal *principal,
                             const gh_secret *stale, gh_secret **token, gh_error *error)
{
    int64_t ends_at = 0;
    if (source->user != NULL) {
        return ask_user(source, principal, stale, token, &ends_at, error);
    }
    if (principal == NULL || principal->token == NULL || stale != NULL) {
        return gh_error_set(error, GH_ERR_DENIED,
                            stale != NULL ? "Your access token is not accepted for this API; sign in again."
                                          : "This API is called as the person who asks; sign in.");
    }
    *token = gh_secret_new(gh_secret_view(principal->token));
    return *token != NULL ? GH_OK : GH_ERR_NOMEM;
}

static gh_status exchange(const gh_credential_source *source, const gh_credential_wish *wish,
                          gh_secret **token, int64_t *ends_at, gh_error *error)
{
    const gh_credential *credential = &wish->upstream->credential;
    gh_deadline deadline = gh_deadline_in(GH_CREDENTIAL_MS);
    gh_secret *subject = NULL;
    gh_secret *other = NULL;
    if (source->exchange == NULL) {
        return gh_error_set(error, GH_ERR_DENIED, "This server cannot exchange tokens; ask whoever runs it.");
    }
    gh_status status = ask_subject(source, wish->principal, NULL, &subject, error);
    if (status == GH_OK) {
        status = gh_deadline_passed(deadline)
                     ? gh_error_set(error, GH_ERR_UNAVAILABLE,
                                    "The identity provider is slow; try again in a moment.")
                     : source->exchange(source->context, subject, credential, token, ends_at, error);
    }
    if (status == GH_ERR_EXPIRED && source->user != NULL) {
        /* It may have ended there sooner than it said: whether the sign-in goes on, a refresh tells. */
        status = gh_deadline_passed(deadline) ? GH_ERR_EXPIRED
                                              : ask_subject(source, wish->principal, subject, &other, error);
        if (status == GH_OK) {
            status = source->exchange(source->context, other, credential, token, ends_at, error);
        }
    }
    gh_secret_free(subject);
    gh_secret_free(other);
    return status == GH_ERR_EXPIRED ? GH_ERR_DENIED : status;
}

static gh_status ask(const gh_credential_source *source, const gh_credential_wish *wish, gh_secret **token,
                     int64_t *ends_at, gh_error *error)
{
    const gh_credential *credential = &wish->upstream->credential;
    if (credential->kind == GH_CREDENTIAL_EXCHANGE) {
        return exchange(source, wish, token, ends_at, error);
    }
    if (credential->kind == GH_CREDENTIAL_USER) {
        gh_secret *stale = token_in(wish->stale);
        gh_status status = ask_user(source, wish->principal, stale, token, ends_at, error);
        gh_secret_free(stale);
        return status;
    }
    if (source->client == NULL) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "This server has no client for this API; ask whoever runs it.");
    }
    return source->client(source->context, credential, token, ends_at, error);
}

/* What a token may be made of: visible ASCII, which is more than RFC 6750 (2.1) allows and all that is safe.
 */
static bool is_token(gh_view token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= 0x20 || token.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return token.len > 0 && token.len <= GH_CREDENTIAL_TOKEN_MAX;
}

static gh_status write_bearer(const gh_secret *token, gh_secret **value)
{
    gh_view view = gh_secret_view(token);
    gh_buf text = GH_BUF_INIT(GH_CREDENTIAL_TOKEN_MAX + 16);
    gh_status status = gh_buf_reserve(&text, view.len + 16);
    (void)gh_buf_append_cstr(&text, "Bearer ");
    (void)gh_buf_append_view(&text, view);
    if (status == GH_OK) {
        status = gh_buf_status(&text);
    }
    if (status == GH_OK) {
        *value = gh_secret_new(gh_buf_view(&text));
        status = *value != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    gh_buf_wipe_free(&text);
    return status;
}

gh_status gh_credential_fetch(const gh_credential_source *source, const gh_credential_wish *wish,
                              gh_secret **value, int64_t *ends_at, gh_error *error)
{
    gh_error why = {0};
    gh_secret *token = NULL;
    *ends_at = 0;
    gh_status status = ask(source, wish, &token, ends_at, &why);
    if (status == GH_OK && !is_token(gh_secret_view(token))) {
        status = gh_error_set(&why, GH_ERR_DENIED,
                              "The identity provider gave a token that no header can carry; ask whoever runs "
                              "this server.");
    }
    if (status == GH_OK) {
        status = write_bearer(token, value);
    }
    gh_secret_free(token);
    if (status == GH_OK) {
        return GH_OK;
    }
    return gh_error_set(error, status == GH_ERR_DENIED ? GH_ERR_DENIED : GH_ERR_UNAVAILABLE, "%s",
                        why.message[0] != '\0' ? why.message
                                               : "The server could not get a token for this API; try again "
                                                 "in a moment.");
}
