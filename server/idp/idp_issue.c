#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/net/url.h"

#define FORM_MAX ((size_t)(3 * GH_IDP_REPLY_MAX) + 32768) /* a token may triple when it is encoded */
#define CODE_MAX 64
#define PROVIDER "The identity provider"

typedef struct refusal {
    const char *code;
    gh_status status;
    const char *words; /* after "The identity provider refused (CODE): " */
} refusal;

/* RFC 8693 (2.2.2) has invalid_request for a subject token that will not do; many say it otherwise. */
static const refusal EXCHANGE_REFUSALS[] = {
    {"invalid_request", GH_ERR_EXPIRED, "your sign-in there cannot be used for this API (any more)"},
    {"invalid_grant", GH_ERR_EXPIRED, "your sign-in there cannot be used for this API (any more)"},
    {"invalid_token", GH_ERR_EXPIRED, "your sign-in there cannot be used for this API (any more)"},
    {"invalid_target", GH_ERR_DENIED, "it gives no token for the audience or resource of this API"},
    {"invalid_scope", GH_ERR_DENIED, "it does not give the scope that this API is called with"},
    {"access_denied", GH_ERR_DENIED, "you may not use this API"},
    {"invalid_client", GH_ERR_DENIED, "it does not accept this server's client id and secret"},
    {"unauthorized_client", GH_ERR_DENIED, "this server's client may not exchange tokens there"},
    {"unsupported_grant_type", GH_ERR_DENIED, "this server's client may not exchange tokens there"},
    {NULL, GH_ERR_DENIED, "see its log"}};

static const refusal CLIENT_REFUSALS[] = {
    {"invalid_target", GH_ERR_DENIED, "it gives no token for the audience or resource of this API"},
    {"invalid_scope", GH_ERR_DENIED, "it does not give the scope that this API is called with"},
    {"invalid_client", GH_ERR_DENIED, "it does not accept the client id and secret for this API"},
    {"unauthorized_client", GH_ERR_DENIED, "the client for this API may not use client credentials there"},
    {"unsupported_grant_type", GH_ERR_DENIED, "the client for this API may not use client credentials there"},
    {NULL, GH_ERR_DENIED, "see its log"}};

static gh_status refuse(const refusal *refusals, const char *who, const char *code, gh_error *error)
{
    const refusal *at = refusals;
    while (at->code != NULL && strcmp(at->code, code) != 0) {
        at++;
    }
    const char *again = at->status == GH_ERR_EXPIRED ? "sign in again, or " : "";
    return gh_error_set(error, at->status, "%s refused (%s): %s; %sask whoever runs this server.", who, code,
                        at->words, again);
}

/* One question to a token endpoint; borrowed. */
typedef struct question {
    const gh_idp *idp;
    const gh_secret *subject_token; /* NULL: client credentials */
    const gh_idp_target *target;
    gh_deadline deadline;
    gh_idp_login login;
    char code[CODE_MAX]; /* of OAuth, after GH_ERR_DENIED */
} question;

static void add_target(gh_buf *form, const gh_idp_target *target)
{
    const char *const names[] = {"audience", "resource", "scope"};
    const char *const values[] = {target->audience, target->resource, target->scope};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (values[i] != NULL) {
            (void)gh_idp_add_field(form, names[i], gh_view_of(values[i]));
        }
    }
}

static void write_form(gh_buf *form, const question *q)
{
    if (q->subject_token != NULL) {
        (void)gh_idp_add_field(form, "grant_type",
                               GH_VIEW_LIT("urn:ietf:params:oauth:grant-type:token-exchange"));
        (void)gh_idp_add_field(form, "subject_token", gh_secret_view(q->subject_token));
        (void)gh_idp_add_field(form, "subject_token_type", GH_VIEW_LIT(GH_IDP_ACCESS_TOKEN));
        (void)gh_idp_add_field(form, "requested_token_type", GH_VIEW_LIT(GH_IDP_ACCESS_TOKEN));
    } else {
        (void)gh_idp_add_field(form, "grant_type", GH_VIEW_LIT("client_credentials"));
    }
    add_target(form, q->target);
}

static gh_status ask(question *q, gh_http_client *client, const char *url, gh_idp_tokens *tokens,
                     gh_error *error)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    gh_error cause = {0};
    gh_status status = gh_buf_reserve(&form, FORM_MAX);
    write_form(&form, q);
    if (status == GH_OK) {
        status = gh_idp_post_form_as(q->idp, client, &q->login, url, &form, q->deadline, &reply, &cause);
    }
    if (status == GH_OK) {
        status = gh_idp_read_issued(&reply, q->subject_token != NULL, tokens, q->code, error);
    } else {
        status = gh_idp_outage(error, &cause);
    }
    if (status != GH_OK) {
        gh_idp_tokens_clear(tokens);
    }
    gh_buf_wipe_free(&form);
    gh_idp_reply_clear(&reply);
    return status;
}

/* At the provider's own token endpoint; `as` NULL: as the own client. */
static gh_status ask_provider(gh_idp *idp, question *q, const gh_idp_client *as, const refusal *refusals,
                              gh_idp_tokens *tokens, gh_error *error)
{
    gh_server_metadata metadata = {0};
    gh_http_client *client = NULL;
    gh_status status = gh_idp_need_metadata(idp, &metadata, error);
    if (status == GH_OK && metadata.token_endpoint == NULL) {
        status = gh_error_set(error, GH_ERR_DENIED, PROVIDER " has no token endpoint.");
    }
    if (status == GH_OK) {
        status = gh_idp_borrow(idp, q->deadline, &client, error);
    }
    if (status == GH_OK) {
        q->login = gh_idp_own_login(idp, &metadata);
        if (as != NULL && as->client_id != NULL) {
            q->login.client_id = as->client_id;
            q->login.secret = as->secret;
        }
        status = ask(q, client, metadata.token_endpoint, tokens, error);
    }
    if (status == GH_ERR_DENIED && q->code[0] != '\0') {
        status = refuse(refusals, PROVIDER, q->code, error);
    }
    gh_idp_give_back(idp, client);
    gh_server_metadata_clear(&metadata);
    return status;
}

gh_status gh_idp_exchange_token(gh_idp *idp, const gh_secret *subject_token, const gh_idp_target *target,
                                gh_idp_tokens *tokens, gh_error *error)
{
    question q = {.idp = idp,
                  .subject_token = subject_token,
                  .target = target,
                  .deadline = gh_deadline_in(GH_IDP_CALL_MS)};
    memset(tokens, 0, sizeof *tokens);
    if (idp->client_id == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "exchanging tokens needs --client-id");
    }
    return ask_provider(idp, &q, NULL, EXCHANGE_REFUSALS, tokens, error);
}

/* At an endpoint of which nothing else is known. An HTTP client of its own does, since this is rare. */
static gh_status ask_endpoint(question *q, const gh_idp_client *as, gh_idp_tokens *tokens, gh_error *error)
{
    const gh_http_client_options plain = {
        .user_agent = "gatehouse/" GATEHOUSE_VERSION, .ca_file = as->ca_file, .quick_exit = true};
    gh_http_client *client = NULL;
    gh_error cause = {0};
    gh_status status = q->idp != NULL ? gh_idp_client_new(q->idp, &client, error)
                                      : gh_http_client_new(&plain, &client, error);
    if (status != GH_OK) {
        return status;
    }
    q->login = (gh_idp_login){.client_id = as->client_id, .secret = as->secret};
    status = ask(q, client, as->token_endpoint, tokens, &cause);
    if (status == GH_ERR_DENIED && strcmp(q->code, "invalid_client") == 0) {
        q->login.in_body = true;
        status = ask(q, client, as->token_endpoint, tokens, &cause);
    }
    if (status == GH_ERR_DENIED) {
        (void)refuse(CLIENT_REFUSALS, "The authorization server of this API", q->code, error);
    } else if (status != GH_OK) {
        (void)gh_error_set(error, status, "%s gave no token for this API; try again in a moment. (%s)",
                           as->token_endpoint, cause.message);
    }
    gh_http_client_free(client);
    return status;
}

static gh_status check_client(const gh_idp *idp, const gh_idp_client *as, gh_error *error)
{
    gh_url url;
    bool named = as->client_id != NULL && as->secret != NULL;
    if (as->token_endpoint == NULL) {
        bool own = idp != NULL && idp->client_id != NULL && idp->client_secret != NULL;
        return idp != NULL && (as->client_id != NULL ? named : own)
                   ? GH_OK
                   : gh_error_set(error, GH_ERR_INVALID,
                                  "client credentials need a client id, its secret and a token endpoint");
    }
    if (!named || gh_url_parse(gh_view_of(as->token_endpoint), &url, NULL) != GH_OK ||
        !gh_url_is_http(&url) || (!gh_url_is_https(&url) && !gh_url_is_loopback(&url))) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "a token endpoint needs https, and a client id and a secret of its own");
    }
    return GH_OK;
}

gh_status gh_idp_client_credentials(gh_idp *idp, const gh_idp_client *as, const gh_idp_target *target,
                                    gh_idp_tokens *tokens, gh_error *error)
{
    question q = {.idp = idp, .target = target, .deadline = gh_deadline_in(GH_IDP_CALL_MS)};
    memset(tokens, 0, sizeof *tokens);
    gh_status status = check_client(idp, as, error);
    if (status != GH_OK) {
        return status;
    }
    return as->token_endpoint == NULL ? ask_provider(idp, &q, as, CLIENT_REFUSALS, tokens, error)
                                      : ask_endpoint(&q, as, tokens, error);
}
