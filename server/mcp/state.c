#include "server/mcp/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/work_private.h"
#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/json/slice.h"

/* What is sealed: when it expires (wall clock, milliseconds, as hexadecimal digits), then the state. */
#define EXPIRY_LEN 16
#define PLAIN_MAX (GH_CALL_STATE_MAX + EXPIRY_LEN + 1)
#define SEALED_MAX (PLAIN_MAX * 2)
#define PRINCIPAL_MAX ((size_t)1024 * 1024)

/* The length before each part keeps two parts from reading as two others. */
static void add(gh_buf *context, const char *text)
{
    const char *part = text == NULL ? "" : text;
    (void)gh_buf_appendf(context, "%zu:", strlen(part));
    (void)gh_buf_append_cstr(context, part);
}

/* Who asks for what, as one digest. White space between the arguments does not count. */
static gh_status context_of(const gh_mcp_work *work, const gh_principal *principal,
                            char digest[GH_SHA256_TEXT_MAX])
{
    gh_buf context =
        GH_BUF_INIT(strlen(work->question.arguments) + strlen(work->question.target) + PRINCIPAL_MAX);
    add(&context, "mcp request state 1");
    add(&context, principal->issuer);
    add(&context, principal->subject);
    add(&context, principal->client_id);
    add(&context, work->method);
    add(&context, work->question.target);
    gh_status status = gh_json_slice_compact(gh_view_of(work->question.arguments), &context);
    if (status == GH_OK) {
        status = gh_buf_status(&context);
    }
    if (status == GH_OK) {
        status = gh_sha256_text(gh_buf_view(&context), digest);
    }
    gh_buf_free(&context);
    return status;
}

gh_status gh_mcp_state_seal(const gh_mcp_work *work, const gh_principal *principal, gh_view state,
                            gh_buf *out)
{
    char digest[GH_SHA256_TEXT_MAX];
    char expiry[EXPIRY_LEN + 1];
    gh_buf plain = GH_BUF_INIT(PLAIN_MAX);
    gh_status status = context_of(work, principal, digest);
    if (status == GH_OK) {
        int64_t until = gh_clock_wall_ms() + work->engine->options.input_timeout_ms;
        (void)snprintf(expiry, sizeof expiry, "%016" PRIx64, (uint64_t)until);
        (void)gh_buf_append(&plain, expiry, EXPIRY_LEN);
        (void)gh_buf_append_view(&plain, state);
        status = gh_buf_status(&plain);
    }
    if (status == GH_OK) {
        (void)gh_buf_append_char(out, '"');
        status = gh_sealer_seal(work->engine->sealer, gh_view_of(digest), gh_buf_view(&plain), out);
        (void)gh_buf_append_char(out, '"');
    }
    gh_buf_wipe_free(&plain);
    return status == GH_OK ? gh_buf_status(out) : status;
}

static gh_status take_apart(gh_view plain, gh_buf *state)
{
    char expiry[EXPIRY_LEN + 1];
    if (plain.len < EXPIRY_LEN) {
        return GH_ERR_INVALID;
    }
    memcpy(expiry, plain.ptr, EXPIRY_LEN);
    expiry[EXPIRY_LEN] = '\0';
    if ((int64_t)strtoull(expiry, NULL, 16) < gh_clock_wall_ms()) {
        return GH_ERR_EXPIRED;
    }
    (void)gh_buf_reserve(state, 1);
    return gh_buf_append(state, plain.ptr + EXPIRY_LEN, plain.len - EXPIRY_LEN);
}

gh_status gh_mcp_state_open(const gh_mcp_work *work, const gh_principal *principal, gh_view raw,
                            gh_buf *state)
{
    char digest[GH_SHA256_TEXT_MAX];
    gh_buf sealed = GH_BUF_INIT(SEALED_MAX);
    gh_secret *plain = NULL;
    gh_status status = gh_json_slice_unescape(raw, &sealed);
    if (status == GH_OK) {
        status = context_of(work, principal, digest);
    }
    if (status == GH_OK) {
        status = gh_sealer_open_text(work->engine->sealer, gh_view_of(digest), gh_buf_view(&sealed), &plain);
    }
    if (status == GH_OK) {
        status = take_apart(gh_secret_view(plain), state);
    }
    gh_secret_free(plain);
    gh_buf_free(&sealed);
    return status;
}
