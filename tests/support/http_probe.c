#include "tests/support/http_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

gh_http_client *gh_http_probe_client(void)
{
    const gh_http_client_options options = {.user_agent = "gatehouse-test/1", .quick_exit = true};
    gh_http_client *client = NULL;
    gh_error error;
    ck_assert_int_eq(gh_http_client_new(&options, &client, &error), GH_OK);
    return client;
}

static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    gh_http_probe *s = context;
    s->heads++;
    s->status = head->status;
    s->retry_after_s = head->retry_after_s;
    (void)snprintf(s->type, sizeof s->type, "%.*s", (int)head->content_type.len,
                   head->content_type.ptr != NULL ? head->content_type.ptr : "");
    ck_assert_ptr_nonnull(transfer);
    return GH_OK;
}

static gh_status on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    gh_http_probe *s = context;
    (void)transfer;
    s->chunks++;
    return gh_buf_append_view(&s->body, bytes);
}

static void on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    gh_http_probe *s = context;
    (void)transfer;
    s->dones++;
    s->result = *result;
}

gh_http_request gh_http_probe_request(const char *method, const char *url, gh_http_probe *s)
{
    gh_buf_init(&s->body, 1 << 20);
    return (gh_http_request){.method = method,
                             .url = url,
                             .timeout_ms = 5000,
                             .context = s,
                             .on_head = on_head,
                             .on_body = on_body,
                             .on_done = on_done};
}

void gh_http_probe_start(gh_http_client *client, const gh_http_request *request)
{
    gh_error error;
    gh_status status = gh_http_start(client, request, NULL, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

void gh_http_probe_run(gh_http_client *client)
{
    gh_deadline deadline = gh_deadline_in(10000);
    while (gh_http_client_active(client) > 0) {
        ck_assert(!gh_deadline_passed(deadline));
        ck_assert_int_eq(gh_http_client_poll(client, NULL, 0, 1000), GH_OK);
    }
}

/* Runs one request against `url` and leaves what was seen. */
void gh_http_probe_run_one(const char *method, const char *url, gh_http_probe *s)
{
    gh_http_client *client = gh_http_probe_client();
    gh_http_request request = gh_http_probe_request(method, url, s);
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    gh_http_client_free(client);
}

void gh_http_probe_url(const gh_http_fixture *fixture, char out[GH_HTTP_FIXTURE_URL_MAX])
{
    gh_http_fixture_url(fixture, "/mcp", out);
}
