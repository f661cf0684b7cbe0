#include <string.h>

#include "server/oauth/cimd_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/net/http_client.h"

#define HEADER_MAX 1024

/* The value of `name=` among the directives, without quotes; an empty view when absent. */
static gh_view directive(gh_view list, const char *name, bool *found)
{
    gh_view rest = list;
    gh_view part;
    *found = false;
    while (rest.ptr != NULL && gh_view_next(&rest, ',', &part)) {
        gh_view word = gh_view_trim(part);
        size_t equals = gh_view_find(word, '=');
        if (gh_view_eq_nocase(gh_view_trim(gh_view_make(word.ptr, equals)), gh_view_of(name))) {
            *found = true;
            size_t skip = equals < word.len ? equals + 1 : equals;
            gh_view value = gh_view_trim(gh_view_make(word.ptr + skip, word.len - skip));
            if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
                value = gh_view_make(value.ptr + 1, value.len - 2);
            }
            return value;
        }
    }
    return gh_view_make(NULL, 0);
}

static int64_t number(gh_view text, int64_t fallback)
{
    int64_t value = 0;
    return gh_view_to_int64(gh_view_trim(text), 0, INT64_MAX / 2, &value) == GH_OK ? value : fallback;
}

/* Seconds from `date` (or now) until `expires`; what is no date has expired (RFC 9111, 5.3). */
static int64_t until(gh_view expires, gh_view date)
{
    int64_t end = 0;
    int64_t start = 0;
    if (gh_http_date_parse(expires, &end) != GH_OK) {
        return 0;
    }
    if (gh_http_date_parse(date, &start) != GH_OK) {
        start = gh_clock_wall_s();
    }
    return end > start ? end - start : 0;
}

int64_t gh_cimd_keep_s(gh_view cache_control, gh_view age, gh_view expires, gh_view date)
{
    bool no_store = false;
    bool no_cache = false;
    bool has_shared = false;
    bool has_age = false;
    int64_t keep = GH_CIMD_KEEP_DEFAULT_S;
    (void)directive(cache_control, "no-store", &no_store);
    (void)directive(cache_control, "no-cache", &no_cache);
    gh_view shared = directive(cache_control, "s-maxage", &has_shared);
    gh_view own = directive(cache_control, "max-age", &has_age);
    if (no_store || no_cache) {
        keep = 0;
    } else if (has_shared || has_age) {
        keep = number(has_shared ? shared : own, 0) - number(age, 0);
    } else if (expires.len > 0) {
        keep = until(expires, date) - number(age, 0);
    }
    return keep < GH_CIMD_KEEP_MIN_S ? GH_CIMD_KEEP_MIN_S
                                     : (keep > GH_CIMD_KEEP_MAX_S ? GH_CIMD_KEEP_MAX_S : keep);
}

typedef struct fetch_state {
    gh_cimd_reply *reply;
    bool is_json;
    bool done;
    gh_http_result result;
} fetch_state;

static bool is_json(gh_view type)
{
    return gh_view_eq_nocase(type, GH_VIEW_LIT("application/json")) ||
           (gh_view_starts_with_nocase(type, GH_VIEW_LIT("application/")) && type.len > 5 &&
            gh_view_eq_nocase(gh_view_make(type.ptr + type.len - 5, 5), GH_VIEW_LIT("+json")));
}

static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    fetch_state *state = context;
    state->is_json = is_json(head->content_type);
    state->reply->keep_s = gh_cimd_keep_s(
        gh_http_transfer_header(transfer, "Cache-Control"), gh_http_transfer_header(transfer, "Age"),
        gh_http_transfer_header(transfer, "Expires"), gh_http_transfer_header(transfer, "Date"));
    return GH_OK;
}

static gh_status on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    fetch_state *state = context;
    (void)transfer;
    return gh_buf_append_view(&state->reply->body, bytes);
}

static void on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    fetch_state *state = context;
    (void)transfer;
    state->result = *result;
    state->done = true;
}

static gh_status run(gh_http_client *client, const gh_cimd_network *network, const char *url,
                     fetch_state *state, gh_error *error)
{
    static const gh_http_header headers[] = {{"Accept", "application/json"}};
    const gh_http_request request = {.method = "GET",
                                     .url = url,
                                     .headers = headers,
                                     .header_count = 1,
                                     .connect_timeout_ms = network->timeout_ms,
                                     .timeout_ms = network->timeout_ms,
                                     .max_response = GH_CIMD_DOCUMENT_MAX,
                                     .may_connect = network->may_connect,
                                     .context = state,
                                     .on_head = on_head,
                                     .on_body = on_body,
                                     .on_done = on_done};
    gh_http_transfer *transfer = NULL;
    gh_status status = gh_http_start(client, &request, &transfer, error);
    while (status == GH_OK && !state->done) {
        status = gh_http_client_poll(client, NULL, 0, (int)network->timeout_ms);
    }
    if (status != GH_OK) {
        if (!state->done) {
            gh_http_cancel(transfer);
        }
        return status;
    }
    if (state->result.status != GH_OK && error != NULL) {
        *error = state->result.error;
    }
    return state->result.status;
}

/* What failed is for the log: told to whoever asks, it would map the networks that this server reaches. */
static gh_status judge(gh_status status, const fetch_state *state, const char *url, const gh_error *cause,
                       gh_error *why)
{
    int http_status = state->result.http_status;
    if (status == GH_ERR_TOO_LARGE) {
        return gh_error_set(why, GH_ERR_DENIED, "The application's metadata document is larger than 64 KB.");
    }
    if (status != GH_OK) {
        gh_log_info("client metadata document not fetched: %s: %s", url, cause->message);
        return gh_error_set(why, status == GH_ERR_DENIED ? GH_ERR_DENIED : GH_ERR_UNAVAILABLE,
                            "The application's metadata document could not be fetched from its client_id.");
    }
    if (http_status >= 500 || http_status == 429) {
        return gh_error_set(why, GH_ERR_UNAVAILABLE,
                            "The site of the application's metadata document answers with HTTP %d.",
                            http_status);
    }
    if (http_status != 200) {
        return gh_error_set(why, GH_ERR_DENIED,
                            "The application's client_id leads to HTTP %d, not to its metadata document.",
                            http_status);
    }
    return state->is_json ? GH_OK
                          : gh_error_set(why, GH_ERR_DENIED,
                                         "What the application's client_id leads to is not sent as JSON.");
}

gh_status gh_cimd_fetch(void *context, const char *url, gh_cimd_reply *reply, gh_error *why)
{
    const gh_cimd_network *network = context;
    const gh_http_client_options options = {.user_agent = "gatehouse/" GATEHOUSE_VERSION,
                                            .ca_file = network->ca_file,
                                            .connect_to = network->connect_to,
                                            .quick_exit = true};
    gh_http_client *client = NULL;
    gh_error cause = {0};
    fetch_state state = {.reply = reply};
    gh_status status = gh_http_client_new(&options, &client, &cause);
    if (status == GH_OK) {
        status = run(client, network, url, &state, &cause);
    }
    status = judge(status, &state, url, &cause, why);
    gh_http_client_free(client);
    return status;
}
