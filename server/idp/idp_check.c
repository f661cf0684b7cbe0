#include <stdio.h>
#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/core/random.h"
#include "shared/net/form.h"
#include "shared/net/url.h"
#include "shared/oauth/pkce.h"

#define DETAIL_MAX 400

typedef struct check_run {
    gh_idp *idp;
    gh_http_client *client;
    gh_idp_report report;
    void *context;
    bool good; /* all so far */
} check_run;

static void tell(check_run *run, gh_status status, const char *what, const char *detail, const gh_error *why,
                 const char *remedy)
{
    bool good = status == GH_OK;
    run->good = run->good && good;
    run->report(run->context, good, what, good ? detail : why->message, good ? NULL : remedy);
}

static void check_endpoints(check_run *run, const gh_server_metadata *m)
{
    const gh_idp *idp = run->idp;
    gh_error why = {0};
    gh_status status = gh_idp_judge_endpoints(idp, m, &why);
    tell(run, status, "endpoints", "all that are needed, over a safe connection", &why,
         "Correct the provider's address and URLs, and see that it is an OpenID Connect provider.");
    if (idp->needs_pkce) {
        status = gh_idp_judge_pkce(idp, m, &why);
        tell(run, status, "PKCE", "S256 is offered", &why, "Enable PKCE with S256 in the provider.");
    }
}

static void check_keys(check_run *run, const gh_server_metadata *m)
{
    gh_keyset *keys = NULL;
    gh_error why = {0};
    char detail[DETAIL_MAX];
    gh_status status = gh_idp_judge_algorithms(m, &why);
    tell(run, status, "algorithm",
         m->id_token_signing_alg_values_supported == NULL ? "none is named"
                                                          : m->id_token_signing_alg_values_supported,
         &why, "Choose a signing key in the provider (Authentik: the provider's Signing Key).");
    if (m->jwks_uri == NULL) {
        return; /* the endpoints' line has said so */
    }
    gh_idp_verdict verdict = gh_idp_fetch_keys(run->idp, run->client, m->jwks_uri, &keys, &why);
    (void)snprintf(detail, sizeof detail, "%zu usable", gh_keyset_count(keys));
    tell(run, verdict == GH_IDP_GOOD ? GH_OK : GH_ERR_INVALID, "keys", detail, &why,
         verdict == GH_IDP_BAD
             ? "Choose a signing key in the provider (Authentik: the provider's Signing Key)."
             : "See that the provider's jwks_uri can be reached from here.");
    gh_keyset_free(keys);
}

static void check_redirect(check_run *run, const gh_server_metadata *m)
{
    const gh_idp *idp = run->idp;
    gh_error why = {0};
    char remedy[DETAIL_MAX];
    gh_status status = gh_idp_probe_redirect(run->idp, run->client, m, &why);
    (void)snprintf(remedy, sizeof remedy,
                   "In the provider's client %s, add exactly this redirect URI (strict): %s", idp->client_id,
                   idp->redirect_uri);
    tell(run, status, "redirect URI", idp->redirect_uri, &why, remedy);
}

static void check_answers(check_run *run, const gh_server_metadata *m)
{
    gh_error why = {0};
    if (run->idp->renamed) {
        gh_status status = gh_idp_judge_answers(run->idp, m, &why);
        tell(run, status, "issuer in answers", "none is announced", &why,
             "Use --auth proxy, or turn the iss parameter off in the provider.");
    }
}

static void run_checks(check_run *run)
{
    const gh_idp *idp = run->idp;
    gh_server_metadata metadata = {0};
    gh_error why = {0};
    gh_idp_verdict verdict = gh_idp_discover(idp, run->client, &metadata, &why);
    tell(run, verdict == GH_IDP_GOOD ? GH_OK : GH_ERR_UNAVAILABLE, "reachable", idp->issuer, &why,
         "See that the provider runs, that --issuer is right, and that this machine can reach it "
         "(--idp-connect-to, --ca-file).");
    if (verdict == GH_IDP_GOOD) {
        gh_status status = gh_idp_judge_issuer(idp, &metadata, &why);
        tell(run, status, "issuer", metadata.issuer, &why,
             "Give --issuer exactly as the provider writes it.");
        check_answers(run, &metadata);
        check_endpoints(run, &metadata);
        check_keys(run, &metadata);
        gh_status safe = metadata.authorization_endpoint == NULL
                             ? GH_ERR_INVALID
                             : gh_idp_judge_url(idp, "URL", metadata.authorization_endpoint, &why);
        if (idp->redirect_uri != NULL && safe == GH_OK) {
            check_redirect(run, &metadata);
        }
    }
    gh_server_metadata_clear(&metadata);
}

gh_status gh_idp_check(gh_idp *idp, gh_idp_report report, void *context)
{
    check_run run = {.idp = idp, .report = report, .context = context, .good = true};
    gh_error why = {0};
    gh_status status = gh_idp_borrow(idp, gh_deadline_in(GH_IDP_CALL_MS), &run.client, &why);
    if (status != GH_OK) {
        tell(&run, status, "reachable", idp->issuer, &why, "Try again.");
        return status;
    }
    run_checks(&run);
    gh_idp_give_back(idp, run.client);
    return run.good ? GH_OK : GH_ERR_DENIED;
}
