/* What a model is told when an API refuses: enough to act on, and nothing of what is behind the API. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define PIECE_MAX ((size_t)16 * 1024)
#define SOON_S 86400 /* a longer wait is no use to anybody */

/* --- what the API says itself --- */

static void add_piece(gh_buf *out, gh_view raw)
{
    if (out->len > 0) {
        (void)gh_buf_append_cstr(out, ": ");
    }
    size_t before = out->len;
    bool is_text = gh_json_slice_type(raw) == GH_JSON_STRING;
    if ((is_text ? gh_json_slice_unescape(raw, out) : gh_json_slice_compact(raw, out)) != GH_OK) {
        out->len = before; /* half of it says nothing */
    }
}

static bool is_said(gh_view object, const char *name, gh_view *value)
{
    gh_json_type type = gh_json_slice_member(object, name, value) ? gh_json_slice_type(*value) : GH_JSON_NONE;
    return type == GH_JSON_OBJECT || type == GH_JSON_ARRAY || (type == GH_JSON_STRING && value->len > 2);
}

/* RFC 9457 has title and detail; the rest is what others are fond of. */
static void gather(gh_view object, gh_buf *out)
{
    static const char *const MESSAGES[] = {"detail", "message", "error_description", "error", "errors"};
    gh_view value = {NULL, 0};
    gh_view inner = {NULL, 0};
    size_t before = out->len;
    if (is_said(object, "title", &value)) {
        add_piece(out, value);
    }
    for (size_t i = 0; i < sizeof MESSAGES / sizeof *MESSAGES; i++) {
        if (is_said(object, MESSAGES[i], &value)) {
            bool nested = is_said(value, "message", &inner) && gh_json_slice_type(inner) == GH_JSON_STRING;
            add_piece(out, nested ? inner : value);
            break;
        }
    }
    /* What is wrong with which member. */
    if (is_said(object, "detail", &value) && is_said(object, "errors", &value)) {
        add_piece(out, value);
    }
    if (out->len == before) {
        add_piece(out, object);
    }
}

static void read_message(const gh_api_reply *reply, const char *media, gh_buf *out)
{
    gh_buf plain = GH_BUF_INIT(2 * PIECE_MAX);
    bool decoded = gh_api_text_decode(reply->type, gh_buf_view(&reply->body), &plain) == GH_OK;
    gh_view text = gh_view_trim(gh_buf_view(&plain));
    if (decoded && gh_api_media_is_json(media) &&
        gh_json_gate(text, &GH_JSON_LIMITS_DOCUMENT, NULL) == GH_OK) {
        if (gh_json_slice_type(text) == GH_JSON_OBJECT) {
            gather(text, out);
        } else {
            add_piece(out, text);
        }
    } else if (decoded && media != NULL && strcmp(media, "text/plain") == 0) {
        (void)gh_buf_append_view(out, text);
    }
    gh_buf_free(&plain);
}

static void append_excerpt(const gh_api_reply *reply, gh_buf *out)
{
    gh_buf message = GH_BUF_INIT(4 * PIECE_MAX);
    gh_buf clean = GH_BUF_INIT(2 * GH_API_EXCERPT_MAX);
    char *media = gh_api_media_type(reply->type);
    if (!reply->encoded && !gh_api_reply_repeats_credential(reply)) {
        read_message(reply, media, &message);
        gh_api_text_clean(gh_buf_view(&message), &clean);
    }
    if (clean.len > 0) {
        (void)gh_buf_append_cstr(out, " It says: ");
        (void)gh_buf_append_view(out, gh_buf_view(&clean));
    }
    free(media);
    gh_buf_free(&message);
    gh_buf_free(&clean);
}

/* --- by status --- */

static const char *unauthorized(const gh_upstream *upstream)
{
    switch (upstream->credential.kind) {
    case GH_CREDENTIAL_USER:
    case GH_CREDENTIAL_EXCHANGE:
        return "The API does not accept your sign-in any more (401). Sign in again, then try again.";
    case GH_CREDENTIAL_NONE:
        return "The API asks for a sign-in (401), and this server is not set up to give one.";
    case GH_CREDENTIAL_CLIENT:
    case GH_CREDENTIAL_HEADER:
        break;
    }
    return "The API does not accept this server's own credential (401). Whoever runs the server must renew "
           "it.";
}

static void append_when(const gh_api_reply *reply, gh_buf *out)
{
    if (reply->retry_after_s > 0 && reply->retry_after_s <= SOON_S) {
        (void)gh_buf_appendf(out, " Try again in %lld second%s.", (long long)reply->retry_after_s,
                             reply->retry_after_s == 1 ? "" : "s");
    } else {
        (void)gh_buf_append_cstr(out, " Try again later.");
    }
}

static void append_default(const gh_api_job *job, const gh_api_reply *reply, gh_buf *out)
{
    int status = reply->status;
    switch (status) {
    case 401:
        (void)gh_buf_append_cstr(out, unauthorized(job->entry->request.upstream));
        return;
    case 403:
        (void)gh_buf_append_cstr(out, "The API does not allow this user to do that (403).");
        return;
    case 404:
    case 410:
        (void)gh_buf_appendf(out, "The API has no such thing (%d). Check the arguments.", status);
        append_excerpt(reply, out);
        return;
    case 409:
    case 412:
        (void)gh_buf_appendf(out,
                             "The request conflicts with what is there now (%d). Look at the current state "
                             "before you try again.",
                             status);
        append_excerpt(reply, out);
        return;
    case 413:
        (void)gh_buf_append_cstr(out, "The request is too large for the API (413). Send less.");
        return;
    case 429:
        (void)gh_buf_append_cstr(out, "The API gets too many requests (429).");
        append_when(reply, out);
        return;
    default:
        break;
    }
    if (status >= 500) {
        (void)gh_buf_appendf(out, "The API failed (%d).", status);
        append_when(reply, out);
    } else if (status >= 400) {
        (void)gh_buf_appendf(out, "The API refused the request (%d).", status);
        append_excerpt(reply, out);
    } else {
        (void)gh_buf_appendf(out, "The API answered with a redirect (%d) that is not followed.", status);
    }
}

/* The file's own words for the status: those for the fewest statuses. */
static const gh_template *text_for(const gh_api_response *response, int status)
{
    const gh_api_error *best = NULL;
    for (size_t i = 0; i < response->error_count; i++) {
        const gh_api_error *one = &response->errors[i];
        if (one->from <= status && status <= one->to &&
            (best == NULL || one->to - one->from < best->to - best->from)) {
            best = one;
        }
    }
    return best == NULL ? NULL : best->text;
}

void gh_api_error_write(const gh_api_job *job, const gh_api_reply *reply, gh_buf *out)
{
    const gh_template *text = text_for(&job->entry->response, reply->status);
    if (text == NULL || gh_template_fill(text, GH_PLACE_TEXT, &job->values, out, NULL) != GH_OK) {
        append_default(job, reply, out);
    }
}
