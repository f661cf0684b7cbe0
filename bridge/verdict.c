#include "bridge/verdict.h"

#include <string.h>

#include "shared/net/url.h"
#include "shared/oauth/challenge.h"
#include "shared/rpc/mcp.h"

/* What is shown of a redirect's target. */
#define LOCATION_SHOWN 200

static void set(gh_verdict *verdict, gh_verdict_kind kind)
{
    verdict->kind = kind;
}

static bool is_scope_challenge(gh_view header)
{
    gh_challenge challenge = {0};
    bool found = false;

    if (header.len > 0 && gh_challenge_parse(header, &challenge) == GH_OK) {
        found = challenge.error != NULL && strcmp(challenge.error, "insufficient_scope") == 0;
        gh_challenge_clear(&challenge);
    }
    return found;
}

static void judge_broken(const gh_verdict_facts *facts, gh_verdict *verdict)
{
    const gh_http_result *result = facts->result;

    if (facts->too_large) {
        set(verdict, GH_VERDICT_FAILED);
        (void)gh_error_set(
            &verdict->error, GH_ERR_TOO_LARGE,
            "The server's answer is larger than %zu bytes. Raise --max-message to let it pass.",
            facts->max_message);
    } else if (result->http_status != 0) {
        set(verdict, GH_VERDICT_CUT);
        (void)gh_error_set(
            &verdict->error, GH_ERR_CLOSED,
            "The server's reply broke off before the answer was complete (%s). The request may "
            "have been carried out: look before you repeat it.",
            result->error.message);
    } else if (result->status == GH_ERR_TIMEOUT && result->maybe_delivered) {
        set(verdict, GH_VERDICT_UNSENT);
        (void)gh_error_set(&verdict->error, GH_ERR_TIMEOUT,
                           "The server did not answer in time (%s). The request may have been carried out; "
                           "--request-timeout sets how long to wait.",
                           result->error.message);
    } else if (result->maybe_delivered) {
        set(verdict, GH_VERDICT_UNSENT);
        (void)gh_error_set(
            &verdict->error, GH_ERR_CLOSED,
            "The connection was lost before the server answered (%s). The request may have been "
            "carried out: look before you repeat it.",
            result->error.message);
    } else {
        set(verdict, GH_VERDICT_UNSENT);
        (void)gh_error_set(&verdict->error, result->status, "The MCP server at %s cannot be reached: %s",
                           facts->url, result->error.message);
    }
}

static void judge_redirect(const gh_verdict_facts *facts, gh_verdict *verdict)
{
    gh_view shown = facts->location;

    shown.len = gh_view_find(shown, '?'); /* queries may hold secrets */
    if (shown.len > LOCATION_SHOWN) {
        shown.len = LOCATION_SHOWN;
    }
    (void)gh_error_set(
        &verdict->error, GH_ERR_DENIED,
        "The server redirects to \"%.*s\" (HTTP %d). Redirects are not followed, for they would "
        "take the access token elsewhere: use the final URL of the MCP server instead.",
        (int)shown.len, shown.len > 0 ? shown.ptr : "", facts->result->http_status);
}

static void judge_success(const gh_verdict_facts *facts, gh_verdict *verdict)
{
    int status = facts->result->http_status;

    if (facts->is_stream) {
        set(verdict, facts->wants_answer ? GH_VERDICT_CUT : GH_VERDICT_ACCEPTED);
        (void)gh_error_set(
            &verdict->error, GH_ERR_CLOSED,
            "The server ended its stream of events without an answer. The request may have been "
            "carried out: look before you repeat it.");
    } else if (!facts->wants_answer) {
        set(verdict, GH_VERDICT_ACCEPTED);
    } else if (facts->is_empty) {
        (void)gh_error_set(
            &verdict->error, GH_ERR_PARSE,
            "The server took the request (HTTP %d) but sent no answer. This is a fault of the server.",
            status);
    } else if (facts->is_json) {
        (void)gh_error_set(
            &verdict->error, GH_ERR_PARSE,
            "The server's answer (HTTP %d) is not the JSON-RPC response to this request. This is a "
            "fault of the server.",
            status);
    } else {
        (void)gh_error_set(
            &verdict->error, GH_ERR_PARSE,
            "The server answered with %.*s instead of JSON (HTTP %d). Check that %s is the URL of an "
            "MCP endpoint.",
            facts->content_type.len > 0 ? (int)facts->content_type.len : 17,
            facts->content_type.len > 0 ? facts->content_type.ptr : "an untyped answer", status, facts->url);
    }
}

static void judge_server_error(const gh_verdict_facts *facts, gh_verdict *verdict)
{
    int status = facts->result->http_status;

    if ((status == 429 || status == 503) && facts->retry_after_s >= 0) {
        verdict->retry_after_s = facts->retry_after_s;
        (void)gh_error_set(&verdict->error, GH_ERR_UNAVAILABLE,
                           "The server is busy (HTTP %d). Try again in %lld seconds.", status,
                           (long long)facts->retry_after_s);
    } else if (status == 429) {
        (void)gh_error_set(&verdict->error, GH_ERR_UNAVAILABLE,
                           "The server takes no more requests for now (HTTP 429). Try again later.");
    } else {
        (void)gh_error_set(
            &verdict->error, GH_ERR_UNAVAILABLE,
            "The server, or a proxy before it, failed (HTTP %d). Try again; if it stays so, look "
            "into the server's log.",
            status);
    }
}

static void judge_refusal(const gh_verdict_facts *facts, gh_verdict *verdict)
{
    int status = facts->result->http_status;

    if (status == 401) {
        set(verdict, GH_VERDICT_UNAUTHORIZED);
        verdict->code = GH_RPC_LOCAL_AUTH_REQUIRED;
        (void)gh_error_set(
            &verdict->error, GH_ERR_DENIED,
            "The server refused the access token (HTTP 401). Run `%.100s login %s` to sign in again.",
            facts->program != NULL ? facts->program : "gatehouse-bridge", facts->url);
    } else if (status == 403 && is_scope_challenge(facts->challenge)) {
        set(verdict, GH_VERDICT_UNAUTHORIZED);
        verdict->code = GH_RPC_LOCAL_AUTH_REQUIRED;
        (void)gh_error_set(&verdict->error, GH_ERR_DENIED,
                           "The server asks for more permissions than this sign-in has (HTTP 403).");
    } else if (status == 403) {
        (void)gh_error_set(
            &verdict->error, GH_ERR_DENIED,
            "The server refused this request (HTTP 403): the account that is signed in may not do "
            "this, or the server does not accept requests from here.");
    } else if (status == 404 && facts->in_session) {
        set(verdict, GH_VERDICT_SESSION_LOST);
        (void)gh_error_set(&verdict->error, GH_ERR_NOT_FOUND,
                           "The server has forgotten this session (HTTP 404). Restart the client.");
    } else if (status == 404 || status == 405) {
        (void)gh_error_set(&verdict->error, GH_ERR_NOT_FOUND,
                           "There is no MCP endpoint at %s (HTTP %d). Check the URL, its path included.",
                           facts->url, status);
    } else if (status == 413) {
        (void)gh_error_set(&verdict->error, GH_ERR_TOO_LARGE,
                           "The server finds this message too large (HTTP 413).");
    } else if (status == 421) {
        (void)gh_error_set(&verdict->error, GH_ERR_INVALID,
                           "The server does not go by the host name in %s (HTTP 421). Use the URL that it "
                           "names itself when it starts, for example with localhost.",
                           facts->url);
    } else {
        (void)gh_error_set(
            &verdict->error, GH_ERR_INVALID,
            "The server does not accept this request (HTTP %d) and gives no reason that can be passed on.",
            status);
    }
}

void gh_verdict_of(const gh_verdict_facts *facts, gh_verdict *verdict)
{
    const gh_http_result *result = facts->result;
    /* We stop reading bodies that are not looked at; the status still counts. */
    bool broken = result->status != GH_OK && (result->status != GH_ERR_CANCELLED ||
                                              result->http_status == 0 || facts->is_json || facts->is_stream);

    memset(verdict, 0, sizeof(*verdict));
    verdict->kind = GH_VERDICT_FAILED;
    verdict->http_status = result->http_status;
    verdict->code = GH_RPC_LOCAL_ERROR;
    verdict->maybe_delivered = result->maybe_delivered || result->http_status != 0;
    verdict->is_stream = facts->is_stream;
    verdict->retry_after_s = -1;
    if (broken && !(facts->is_json && result->http_status >= 400 && !facts->too_large)) {
        judge_broken(facts, verdict);
    } else if (result->http_status < 300) {
        judge_success(facts, verdict);
    } else if (result->http_status < 400) {
        judge_redirect(facts, verdict);
    } else if (result->http_status == 429 || result->http_status >= 500) {
        judge_server_error(facts, verdict);
    } else {
        judge_refusal(facts, verdict);
    }
}
