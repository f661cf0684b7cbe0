#include <string.h>

#include "server/oauth/answer.h"
#include "server/oauth/authorization.h"
#include "server/oauth/cimd.h"
#include "server/oauth/flow.h"
#include "server/oauth/login_page.h"
#include "server/oauth/page.h"
#include "server/oauth/redirect.h"
#include "server/oauth/upstream.h"
#include "server/oauth/upstream_state.h"
#include "shared/core/clock.h"
#include "shared/core/random.h"

#define AGAIN                                                                                                \
    "Go back to the application and sign in again. If that does not help, remove its saved sign-in for "     \
    "this server, so that it registers anew."

/* One authorization request on its way to becoming a flow. */
typedef struct attempt {
    const gh_oauth_server *server;
    gh_form *form;
    gh_client client;
    const char *redirect_uri; /* of the form, like `state` */
    const char *state;
    gh_authorization request;
    gh_browser browser;
} attempt;

/* Errors that must never redirect: whoever would be redirected to is not known to be the client. */
static void page_error(gh_response *response, const char *what)
{
    gh_page_message(response, 400, "This sign-in link does not work", what, AGAIN);
}

static bool find_client(attempt *a, gh_response *response)
{
    const char *id = gh_form_get(a->form, "client_id");
    gh_error why = {0};
    gh_status status = GH_ERR_NOT_FOUND;
    if (id == NULL || gh_form_count(a->form, "client_id") != 1) {
        page_error(response, "The application did not say, exactly once, who it is (client_id).");
        return false;
    }
    if (strlen(id) <= GH_OAUTH_CLIENT_ID_MAX) {
        status = gh_clients_find(a->server, id, &a->client, &why);
    }
    if (status == GH_ERR_NOT_FOUND) {
        page_error(response, why.message[0] != '\0' ? why.message
                                                    : "The application is not registered with this server.");
    } else if (status == GH_ERR_UNAVAILABLE && why.message[0] != '\0') {
        gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
        gh_page_message(response, 503, "Not available at the moment", why.message, AGAIN);
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    }
    return status == GH_OK;
}

static bool find_redirect(attempt *a, gh_response *response)
{
    a->redirect_uri = gh_form_get(a->form, "redirect_uri");
    if (a->redirect_uri == NULL || gh_form_count(a->form, "redirect_uri") != 1) {
        page_error(response, "The application did not say, exactly once, where the answer goes "
                             "(redirect_uri).");
        return false;
    }
    if (!gh_redirect_is_registered(a->client.redirect_uris, gh_view_of(a->redirect_uri))) {
        page_error(response, "The address that the answer would go to (redirect_uri) is none that the "
                             "application registered.");
        return false;
    }
    return true;
}

/* A state that occurs twice is no state; one that is too long could not go back whole. */
static bool find_state(attempt *a, gh_response *response)
{
    a->state = gh_form_count(a->form, "state") == 1 ? gh_form_get(a->form, "state") : NULL;
    if (a->state != NULL && strlen(a->state) > GH_OAUTH_STATE_MAX) {
        page_error(response, "The application sent a state that is longer than 2,048 bytes.");
        return false;
    }
    return true;
}

static gh_status keep_flow(const attempt *a, const char *id)
{
    char hash[GH_SHA256_TEXT_MAX];
    gh_flow flow;
    gh_status status = gh_sha256_text(gh_view_of(id), hash);
    if (status != GH_OK) {
        return status;
    }
    memset(&flow, 0, sizeof flow);
    flow.id_hash = gh_text_dup(hash);
    flow.cookie_hash = gh_text_dup(a->browser.cookie_hash);
    flow.client_id = gh_text_dup(a->client.id);
    flow.redirect_uri = gh_text_dup(a->redirect_uri);
    flow.state = gh_text_dup(a->state);
    flow.scope = gh_text_dup(a->request.scope);
    flow.resource = gh_text_dup(a->server->resource);
    flow.challenge = gh_text_dup(a->request.challenge);
    /* Whoever is sent to the provider has time for both: our page and the login there. */
    flow.expires_at =
        gh_clock_wall_s() + a->server->flow_ttl_s + (a->server->idp != NULL ? GH_UPSTREAM_LOGIN_S : 0);
    bool complete = flow.id_hash != NULL && flow.cookie_hash != NULL && flow.client_id != NULL &&
                    flow.redirect_uri != NULL && flow.scope != NULL && flow.resource != NULL &&
                    flow.challenge != NULL && (flow.state != NULL || a->state == NULL);
    status = complete ? gh_store_flow_add(a->server->store, &flow, GH_OAUTH_FLOWS_MAX) : GH_ERR_NOMEM;
    gh_flow_clear(&flow);
    return status;
}

static gh_status show_login(const attempt *a, const char *id, gh_response *response)
{
    char csrf[GH_SHA256_TEXT_MAX];
    const gh_login_input input = {0};
    gh_status status = gh_csrf_token(a->server, "login", id, &a->browser, NULL, csrf);
    if (status == GH_OK) {
        gh_login_page(a->server, &a->client, id, csrf, &input, 200, response);
    }
    return status;
}

static gh_status begin_login(attempt *a, const gh_request *request, gh_response *response)
{
    char *id = NULL;
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &id);
    if (status == GH_OK) {
        status = gh_browser_open(a->server, request, response, &a->browser);
    }
    if (status == GH_OK) {
        status = keep_flow(a, id);
    }
    if (status == GH_OK) {
        status = a->server->idp == NULL
                     ? show_login(a, id, response)
                     : gh_upstream_welcome(a->server, &a->client, &a->browser, id, response);
    }
    gh_wipe_free(id);
    return status;
}

/* From here on the client is told of errors. */
static void proceed(attempt *a, const gh_request *request, gh_response *response)
{
    const gh_answer answer = {a->redirect_uri, a->state, 302};
    gh_refusal refusal = {NULL, NULL};
    gh_status status = gh_authorization_check(a->server, &a->client, a->form, &refusal, &a->request);
    if (status == GH_OK && refusal.code != NULL) {
        gh_answer_refusal(a->server, &answer, 400, refusal.code, refusal.description, response);
        return;
    }
    if (status == GH_OK) {
        if (!gh_upstream_is_ready(a->server, &answer, response)) {
            return;
        }
        status = begin_login(a, request, response);
    }
    if (status == GH_ERR_UNAVAILABLE) {
        gh_answer_refusal(a->server, &answer, 503, "temporarily_unavailable",
                          "The server cannot reach its store at the moment; try again soon.", response);
    } else if (status != GH_OK) {
        gh_answer_refusal(a->server, &answer, 500, "server_error", "The server failed at this request.",
                          response);
    }
}

void gh_oauth_handle_authorize(void *server, const gh_request *request, gh_response *response)
{
    attempt a;
    memset(&a, 0, sizeof a);
    a.server = server;
    gh_status status = gh_form_parse(request->query, &a.form, NULL);
    if (status == GH_ERR_NOMEM) {
        gh_flow_page_failure(response, status);
    } else if (status != GH_OK) {
        page_error(response, "Its parameters cannot be read.");
    } else if (find_client(&a, response) && find_redirect(&a, response) && find_state(&a, response)) {
        proceed(&a, request, response);
    }
    gh_form_free(a.form);
    gh_client_clear(&a.client);
    gh_authorization_clear(&a.request);
    gh_browser_clear(&a.browser);
}
