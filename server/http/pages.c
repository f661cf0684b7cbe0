#include "server/http/pages.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/oauth/page.h"
#include "shared/core/clock.h"
#include "shared/core/cond.h"
#include "shared/json/access.h"
#include "shared/oauth/metadata.h"

#define DOCUMENT_MAX ((size_t)16 * 1024)
#define READY_MS 1000 /* asking may take the disk, and anybody may ask */

struct gh_pages {
    char *resource_metadata; /* the document */
    char *home;              /* the page */
    void *context;
    gh_status (*ready)(void *context, gh_error *error);
    pthread_mutex_t lock;    /* of what follows: the last answer, and until when it is good */
    pthread_cond_t answered; /* there is a new one */
    bool asking;             /* somebody is: then others wait until `good`, and no longer */
    gh_deadline good;
    gh_status last;
    gh_error missing;
};

static char *write_resource_metadata(const gh_pages_options *options)
{
    gh_buf out = GH_BUF_INIT(DOCUMENT_MAX);
    /* The members are only read. */
    const gh_resource_metadata metadata = {
        .resource = (char *)(uintptr_t)gh_site_mcp_url(options->site),
        .authorization_servers = {(char *)(uintptr_t)(options->authorization_server != NULL
                                                          ? options->authorization_server
                                                          : gh_site_origin(options->site))},
        .authorization_server_count = 1,
        .scopes_supported = (char *)(uintptr_t)options->scopes,
        .resource_name = (char *)(uintptr_t)options->server_name};
    cJSON *document = NULL;
    char *text = NULL;
    gh_status status = gh_resource_metadata_write(&metadata, &out);
    if (status == GH_OK) {
        status = gh_json_parse(gh_buf_view(&out), &GH_JSON_LIMITS_DOCUMENT, &document, NULL);
    }
    gh_buf_clear(&out);
    if (status == GH_OK && gh_json_add_words(document, "bearer_methods_supported", "header") &&
        gh_json_print(document, &out) == GH_OK) {
        text = gh_buf_steal(&out);
    }
    cJSON_Delete(document);
    gh_buf_free(&out);
    return text;
}

static void write_command(gh_buf *out, const char *label, const char *before, const char *url)
{
    (void)gh_buf_append_cstr(out, "<h2>");
    gh_page_escape(out, gh_view_of(label));
    (void)gh_buf_append_cstr(out, "</h2>\n<pre><code>");
    gh_page_escape(out, gh_view_of(before));
    gh_page_escape(out, gh_view_of(url));
    (void)gh_buf_append_cstr(out, "</code></pre>\n");
}

static void write_metadata_links(const gh_pages_options *options, gh_buf *out)
{
    (void)gh_buf_append_cstr(
        out, "<p><a href=\"/.well-known/oauth-protected-resource/mcp\">Resource metadata</a>");
    if (options->own_metadata) {
        (void)gh_buf_append_cstr(out, " &middot; <a href=\"/.well-known/oauth-authorization-server\">"
                                      "Authorization server metadata</a>");
    }
    (void)gh_buf_append_cstr(out, "</p>\n");
}

static char *write_home(const gh_pages_options *options)
{
    const char *url = gh_site_mcp_url(options->site);
    gh_buf out = GH_BUF_INIT(GH_PAGE_MAX);
    gh_page_begin(&out, options->server_name);
    (void)gh_buf_append_cstr(&out, "<h1>");
    gh_page_escape(&out, gh_view_of(options->server_name));
    (void)gh_buf_append_cstr(
        &out, options->open
                  ? "</h1>\n<p>This is an MCP server that lets in whoever is on this machine. Point a client "
                    "at its endpoint; nobody has to sign in.</p>\n"
                  : "</h1>\n<p>This is an MCP server that asks its callers to sign in. Point a "
                    "client at its endpoint; the client opens this site in your browser when it "
                    "is time to sign in.</p>\n");
    write_command(&out, "MCP endpoint", "", url);
    write_command(&out, "Claude Code", "claude mcp add --transport http gatehouse ", url);
    write_command(&out, "Codex", "codex mcp add gatehouse --url ", url);
    write_command(&out, "Clients that only start commands", "gatehouse-bridge ", url);
    if (!options->open) {
        write_metadata_links(options, &out);
    }
    gh_page_end(&out);
    char *text = gh_buf_steal(&out);
    gh_buf_free(&out);
    return text;
}

gh_status gh_pages_new(const gh_pages_options *options, gh_pages **pages)
{
    gh_pages *made = calloc(1, sizeof *made);
    *pages = NULL;
    if (made == NULL || gh_cond_init(&made->answered) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&made->lock, NULL);
    made->good = gh_deadline_in(0);
    made->context = options->context;
    made->ready = options->ready;
    made->resource_metadata = write_resource_metadata(options);
    made->home = write_home(options);
    if (made->resource_metadata == NULL || made->home == NULL) {
        gh_pages_free(made);
        return GH_ERR_NOMEM;
    }
    *pages = made;
    return GH_OK;
}

void gh_pages_free(gh_pages *pages)
{
    if (pages != NULL) {
        (void)pthread_cond_destroy(&pages->answered);
        (void)pthread_mutex_destroy(&pages->lock);
        free(pages->resource_metadata);
        free(pages->home);
        free(pages);
    }
}

void gh_pages_handle_resource_metadata(void *context, const gh_request *request, gh_response *response)
{
    const gh_pages *pages = context;
    (void)request;
    gh_response_header_cstr(response, "Cache-Control", "max-age=300");
    gh_response_json(response, 200, gh_view_of(pages->resource_metadata));
}

void gh_pages_handle_health(void *context, const gh_request *request, gh_response *response)
{
    (void)context;
    (void)request;
    gh_response_json(response, 200, GH_VIEW_LIT("{\"status\":\"ok\"}"));
}

/* Releases the lock meanwhile. */
static void ask(gh_pages *pages)
{
    gh_error missing = {0};
    pages->asking = true;
    pages->good = gh_deadline_in(READY_MS);
    (void)pthread_mutex_unlock(&pages->lock);
    gh_status status = pages->ready(pages->context, &missing);
    (void)pthread_mutex_lock(&pages->lock);
    pages->last = status;
    pages->missing = missing;
    pages->good = gh_deadline_in(READY_MS);
    pages->asking = false;
    (void)pthread_cond_broadcast(&pages->answered);
}

/* A disk that hangs holds one worker, whoever else asks. */
static gh_status ask_ready(gh_pages *pages, gh_error *error)
{
    (void)pthread_mutex_lock(&pages->lock);
    if (!pages->asking && gh_deadline_passed(pages->good)) {
        ask(pages);
    }
    while (pages->asking && gh_cond_wait_until(&pages->answered, &pages->lock, pages->good)) {
    }
    gh_status status = pages->last;
    *error = pages->missing;
    if (pages->asking) {
        status = gh_error_set(error, GH_ERR_UNAVAILABLE,
                              "Finding out takes long: the store or its disk may be hanging.");
    }
    (void)pthread_mutex_unlock(&pages->lock);
    return status;
}

void gh_pages_handle_ready(void *context, const gh_request *request, gh_response *response)
{
    gh_error error = {0};
    (void)request;
    if (ask_ready(context, &error) == GH_OK) {
        gh_response_json(response, 200, GH_VIEW_LIT("{\"status\":\"ready\"}"));
    } else {
        gh_response_header_cstr(response, "Retry-After", "1");
        gh_response_error(response, 503, "not_ready", error.message);
    }
}

void gh_pages_handle_home(void *context, const gh_request *request, gh_response *response)
{
    const gh_pages *pages = context;
    (void)request;
    gh_page_headers(response, NULL);
    gh_response_html(response, 200, gh_view_of(pages->home));
}

void gh_pages_handle_icon(void *context, const gh_request *request, gh_response *response)
{
    (void)context;
    (void)request;
    gh_response_header_cstr(response, "Cache-Control", "max-age=86400");
    gh_response_empty(response, 204);
}
