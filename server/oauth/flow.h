/* A login under way, as login and consent see it. */
#ifndef GH_SERVER_OAUTH_FLOW_H
#define GH_SERVER_OAUTH_FLOW_H

#include "server/oauth/browser.h"
#include "shared/net/form.h"

/* One visit of a page or form of the flow. Zeroed by the caller, gh_visit_clear at the end. */
typedef struct gh_visit {
    gh_form *form;       /* the query of a GET, the body of a POST */
    const char *flow_id; /* of the form */
    char flow_hash[GH_SHA256_TEXT_MAX];
    gh_browser browser;
    gh_flow flow;
    gh_client client;
} gh_visit;

/* Reads the form and finds flow and client. False when the visit ends here: the response is then an error
 * page that says what to do (no such flow 400, another browser's 403, outage 503). */
bool gh_visit_open(const gh_oauth_server *server, const gh_request *request, gh_response *response,
                   gh_visit *visit);
void gh_visit_clear(gh_visit *visit);

/* True for a POST; anything else is shown, not done. */
bool gh_visit_is_post(const gh_request *request);

/* Error pages: over or unknown (400), forged or out of date (403), outage (503). */
void gh_flow_page_gone(gh_response *response);
void gh_flow_page_forged(gh_response *response);
/* What gh_csrf_check said: forged for GH_ERR_DENIED, else an outage. */
void gh_flow_page_refused(gh_response *response, gh_status status);
void gh_flow_page_failure(gh_response *response, gh_status status);

/* 303 to `path`?flow=ID. */
void gh_flow_redirect(gh_response *response, const char *path, const char *flow_id);

#endif
