#include "bridge/login/authorization.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"
#include "shared/net/url.h"

enum { SCOPE_MAX = 4096 };

#define OFFLINE "offline_access"

static bool has_word(const char *words, const char *word)
{
    return words != NULL && gh_text_has_word(gh_view_of(words), gh_view_of(word));
}

static void add_words(gh_buf *scope, const char *words)
{
    gh_view rest = gh_view_of(words);
    gh_view word;
    while (words != NULL && gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !gh_text_has_word(gh_buf_view(scope), word)) {
            gh_buf_append_cstr(scope, scope->len > 0 ? " " : "");
            gh_buf_append_view(scope, word);
        }
    }
}

/* MCP authorization, Scope Selection Strategy, Step-Up Authorization Flow, Refresh Tokens. */
gh_status gh_authorization_scope(const gh_scope_sources *sources, char **scope, gh_error *error)
{
    gh_buf words = GH_BUF_INIT(SCOPE_MAX);
    *scope = NULL;
    if (sources->settings != NULL) {
        add_words(&words, sources->settings);
    } else {
        add_words(&words, sources->challenge != NULL ? sources->challenge : sources->resource);
        add_words(&words, sources->granted);
        add_words(&words, has_word(sources->server, OFFLINE) ? OFFLINE : NULL);
    }
    gh_status status = gh_buf_status(&words);
    if (status == GH_OK && words.len > 0) {
        *scope = gh_buf_steal(&words);
        status = *scope != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    gh_buf_free(&words);
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, status,
                              "the server names more scopes than can be asked for; choose some with "
                              "--scope");
}

/* True when one of them is called so. */
static bool add_more(const gh_text_list *more, const char *name, gh_buf *query)
{
    bool found = false;
    for (size_t i = 0; more != NULL && i < more->count; i++) {
        gh_view text = gh_view_of(more->items[i]);
        char *key = gh_view_dup(gh_view_make(text.ptr, gh_view_find(text, '=')));
        if (key == NULL) {
            query->status = GH_ERR_NOMEM;
            break;
        }
        gh_form_add(query, key, text.ptr + strlen(key) + 1);
        found |= strcmp(key, name) == 0;
        free(key);
    }
    return found;
}

gh_status gh_authorization_url(const gh_authorization_request *request, char **url, gh_error *error)
{
    gh_buf query = GH_BUF_INIT(GH_URL_MAX);
    gh_buf text = GH_BUF_INIT(GH_URL_MAX);
    *url = NULL;
    gh_form_add(&query, "response_type", "code");
    gh_form_add(&query, "client_id", request->client_id);
    gh_form_add(&query, "redirect_uri", request->redirect_uri);
    gh_form_add(&query, "state", request->state);
    gh_form_add(&query, "code_challenge", request->code_challenge);
    gh_form_add(&query, "code_challenge_method", "S256");
    gh_form_add(&query, "resource", request->resource);
    gh_form_add(&query, "scope", request->scope);
    /* Without it a provider that follows OpenID Connect Core, 11, gives no refresh token. */
    if (!add_more(request->more, "prompt", &query)) {
        gh_form_add(&query, "prompt", has_word(request->scope, OFFLINE) ? "consent" : NULL);
    }
    gh_buf_append_cstr(&text, request->endpoint);
    gh_buf_append_char(&text, strchr(request->endpoint, '?') == NULL ? '?' : '&');
    gh_buf_append_view(&text, gh_buf_view(&query));
    gh_status status = gh_buf_status(&query) != GH_OK ? gh_buf_status(&query) : gh_buf_status(&text);
    if (status == GH_OK) {
        *url = gh_buf_steal(&text);
        status = *url != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    gh_buf_free(&query);
    gh_buf_free(&text);
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, status,
                              "the sign-in page's URL would be longer than %d bytes; choose fewer "
                              "scopes with --scope",
                              GH_URL_MAX);
}

/* RFC 9207, 2.4: compared as strings; required when the server announced it. */
static bool is_from(const gh_form *query, const gh_authorization_issuer *issuer)
{
    const char *iss = gh_form_get(query, "iss");
    return iss == NULL ? !issuer->promised : strcmp(iss, issuer->issuer) == 0;
}

static gh_status refusal(const char *code, const char *description, gh_error *error)
{
    bool denied = strcmp(code, "access_denied") == 0;
    return gh_error_set(
        error, strcmp(code, "invalid_scope") == 0 ? GH_ERR_CONFLICT : GH_ERR_DENIED, "%s%.60s%s%s%.200s",
        denied ? "access was refused in the browser (" : "the authorization server refused: ", code,
        denied ? ")" : "", description != NULL ? ": " : "", description != NULL ? description : "");
}

gh_status gh_authorization_response(const gh_form *query, const gh_authorization_issuer *issuer,
                                    gh_secret **code, gh_error *error)
{
    const char *refused = gh_form_get(query, "error");
    const char *given = gh_form_get(query, "code");
    if (!is_from(query, issuer)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the answer did not come from the authorization server that was asked, so it was not used; sign "
            "in again, and if this repeats, tell whoever runs the server");
    }
    if (refused != NULL) {
        return refusal(refused, gh_form_get(query, "error_description"), error);
    }
    if (given == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "the authorization server's answer holds no code");
    }
    *code = gh_secret_new(gh_view_of(given));
    return *code != NULL ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "out of memory");
}
