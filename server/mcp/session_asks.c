/* What a session's client is asked: elicitation, sampling, roots (2025-11-25, client features). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/session_private.h"
#include "shared/core/random.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/rpc/message.h"

#define RESULTS_MAX ((size_t)8 * 1024 * 1024) /* of one round together */
#define ANSWERS_MAX (RESULTS_MAX + (size_t)1024 * 1024)
#define ELICITATION_ID_BYTES 16

/* --- asking --- */

static gh_mcp_asked *copy_asks(const gh_call_ask *asks, size_t count)
{
    gh_mcp_asked *copy = calloc(count, sizeof *copy);
    bool whole = copy != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        copy[i].method = asks[i].method;
        copy[i].key = gh_text_dup(asks[i].key);
        whole = copy[i].key != NULL;
    }
    if (!whole && copy != NULL) {
        gh_mcp_flight holder = {.asked = copy, .asked_count = count};
        gh_mcp_session_forget_asked(&holder);
        copy = NULL;
    }
    return copy;
}

/* Remembers them under fresh ids, from *first on. Takes `asked` over on success. */
static gh_status remember(gh_mcp_session *session, const gh_mcp_work *work, gh_mcp_asked *asked, size_t count,
                          int64_t timeout_ms, uint64_t *first)
{
    gh_status status = GH_OK;
    (void)pthread_mutex_lock(&session->lock);
    gh_mcp_flight *flight = gh_mcp_session_flight(session, work);
    if (flight == NULL || session->mute) {
        status = flight == NULL ? GH_ERR_CLOSED : GH_ERR_UNAVAILABLE;
    } else {
        gh_mcp_session_forget_asked(flight);
        *first = session->last_ask + 1;
        for (size_t i = 0; i < count; i++) {
            asked[i].id = ++session->last_ask;
        }
        flight->asked = asked;
        flight->asked_count = count;
        flight->missing = count;
        flight->deadline = gh_deadline_in(timeout_ms);
    }
    (void)pthread_mutex_unlock(&session->lock);
    return status;
}

static void forget(gh_mcp_session *session, const gh_mcp_work *work)
{
    (void)pthread_mutex_lock(&session->lock);
    gh_mcp_flight *flight = gh_mcp_session_flight(session, work);
    if (flight != NULL) {
        gh_mcp_session_forget_asked(flight);
    }
    (void)pthread_mutex_unlock(&session->lock);
}

/* 2025-11-25 gives a page to visit an id; 2026-07-28 has none, so that handlers need not name one. */
static bool lacks_elicitation_id(const gh_call_ask *ask)
{
    gh_view params = gh_view_of(ask->params);
    gh_view mode = {NULL, 0};
    gh_view id = {NULL, 0};
    return strcmp(ask->method, "elicitation/create") == 0 && gh_json_slice_member(params, "mode", &mode) &&
           gh_json_slice_is(mode, GH_VIEW_LIT("url")) && !gh_json_slice_member(params, "elicitationId", &id);
}

static gh_status write_params(const gh_call_ask *ask, gh_buf *out)
{
    size_t len = strlen(ask->params);
    char *token = NULL;
    if (!lacks_elicitation_id(ask)) {
        return gh_buf_append_cstr(out, ask->params);
    }
    gh_status status = gh_random_token(ELICITATION_ID_BYTES, &token);
    if (status == GH_OK) {
        (void)gh_buf_append(out, ask->params, len - 1);
        status = gh_buf_appendf(out, ",\"elicitationId\":\"%s\"}", token);
    }
    free(token);
    return status;
}

static gh_status send_one(gh_mcp_work *work, uint64_t id, const gh_call_ask *ask)
{
    char number[24];
    gh_buf params = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_buf message = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)snprintf(number, sizeof number, "%" PRIu64, id);
    gh_status status = write_params(ask, &params);
    if (status == GH_OK) {
        status = gh_rpc_write_request(&message, gh_view_of(number), ask->method, gh_buf_view(&params));
    }
    if (status == GH_OK) {
        status = gh_mcp_outbox_put(gh_mcp_work_outbox(work), gh_buf_view(&message));
    }
    gh_buf_free(&params);
    gh_buf_free(&message);
    return status;
}

gh_status gh_mcp_session_ask(gh_mcp_session *session, gh_mcp_work *work, const gh_call_ask *asks,
                             size_t count, int64_t timeout_ms)
{
    uint64_t first = 0;
    if (count == 0) {
        return GH_ERR_INVALID;
    }
    gh_mcp_asked *copy = copy_asks(asks, count);
    if (copy == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = remember(session, work, copy, count, timeout_ms, &first);
    if (status != GH_OK) {
        gh_mcp_flight holder = {.asked = copy, .asked_count = count};
        gh_mcp_session_forget_asked(&holder);
        return status;
    }
    for (size_t i = 0; status == GH_OK && i < count; i++) {
        status = send_one(work, first + i, &asks[i]);
    }
    if (status != GH_OK) {
        forget(session, work);
    }
    return status;
}

/* --- answering --- */

static gh_mcp_asked *find_asked(const gh_mcp_session *session, gh_view id, gh_mcp_flight **flight)
{
    char number[24];
    for (gh_mcp_flight *at = session->flights; at != NULL; at = at->next) {
        for (size_t i = 0; i < at->asked_count; i++) {
            (void)snprintf(number, sizeof number, "%" PRIu64, at->asked[i].id);
            if (at->asked[i].result == NULL && gh_rpc_id_equals(gh_view_of(number), id)) {
                *flight = at;
                return &at->asked[i];
            }
        }
    }
    return NULL;
}

/* An error is no consent, and neither is a result that is none. */
static char *result_text(const gh_mcp_asked *asked, gh_view result)
{
    if (gh_json_slice_type(result) == GH_JSON_OBJECT) {
        return gh_view_dup(result);
    }
    return gh_text_dup(strcmp(asked->method, "elicitation/create") == 0 ? "{\"action\":\"decline\"}" : "{}");
}

/* What came in, taken out of the flight when it is complete. */
typedef struct round_of_asks {
    gh_mcp_work *work; /* held; NULL while answers are missing */
    gh_mcp_flight whole;
    bool too_large;
} round_of_asks;

static void take_round(gh_mcp_flight *flight, round_of_asks *out)
{
    out->work = gh_mcp_work_hold(flight->work);
    out->whole.asked = flight->asked;
    out->whole.asked_count = flight->asked_count;
    flight->asked = NULL;
    flight->asked_count = 0;
    gh_mcp_session_forget_asked(flight);
}

static gh_status keep_result(gh_mcp_session *session, gh_view id, gh_view result, round_of_asks *out)
{
    gh_mcp_flight *flight = NULL;
    gh_mcp_asked *asked = find_asked(session, id, &flight);
    if (asked == NULL) {
        return GH_ERR_NOT_FOUND;
    }
    if (result.len > RESULTS_MAX - flight->bytes) {
        out->too_large = true;
    } else {
        asked->result = result_text(asked, result);
        if (asked->result == NULL) {
            return GH_ERR_NOMEM;
        }
        flight->bytes += result.len;
        flight->missing--;
    }
    if (out->too_large || flight->missing == 0) {
        take_round(flight, out);
    }
    return GH_OK;
}

static void write_answers(const gh_mcp_flight *round, gh_buf *out)
{
    for (size_t i = 0; i < round->asked_count; i++) {
        (void)gh_buf_append_char(out, i == 0 ? '{' : ',');
        (void)gh_json_write_string(out, gh_view_of(round->asked[i].key));
        (void)gh_buf_append_char(out, ':');
        (void)gh_buf_append_cstr(out, round->asked[i].result);
    }
    (void)gh_buf_append_char(out, '}');
}

static void answer(round_of_asks *complete)
{
    gh_buf answers = GH_BUF_INIT(ANSWERS_MAX);
    if (!complete->too_large) {
        write_answers(&complete->whole, &answers);
    }
    if (complete->too_large || gh_buf_status(&answers) != GH_OK) {
        gh_mcp_work_fail(complete->work, GH_RPC_INTERNAL_ERROR, "The client's answers are too large");
    } else {
        gh_mcp_work_answer(complete->work, gh_buf_view(&answers));
    }
    gh_buf_free(&answers);
    gh_mcp_session_forget_asked(&complete->whole);
    gh_mcp_work_release(complete->work);
}

gh_status gh_mcp_session_response(gh_mcp_session *session, gh_view id, gh_view result)
{
    round_of_asks complete = {.work = NULL};
    (void)pthread_mutex_lock(&session->lock);
    gh_status status = keep_result(session, id, result, &complete);
    (void)pthread_mutex_unlock(&session->lock);
    if (complete.work != NULL) {
        answer(&complete);
    }
    return status;
}

void gh_mcp_session_overdue(gh_mcp_session *session, bool all, gh_mcp_work_list *late)
{
    (void)pthread_mutex_lock(&session->lock);
    session->mute = session->mute || all;
    for (gh_mcp_flight *at = session->flights; at != NULL; at = at->next) {
        if (at->asked_count > 0 && (all || gh_deadline_passed(at->deadline))) {
            size_t before = late->count;
            gh_mcp_work_list_add(late, at->work);
            if (late->count > before) {
                gh_mcp_session_forget_asked(at);
            }
        }
    }
    (void)pthread_mutex_unlock(&session->lock);
}
