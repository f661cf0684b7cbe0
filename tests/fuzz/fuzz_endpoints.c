/* The authorization server: one request, whatever it is, has one answer that splits no header. The input:
 * method and path with its query on the first line, Cookie on the second, Authorization on the third, a body
 * behind. */
#include <string.h>

#include "server/oauth/server.h"
#include "server/store/store.h"
#include "shared/core/log.h"
#include "tests/fuzz/fuzz.h"

typedef struct setting {
    gh_store *store;
    gh_oauth_server *server;
} setting;

static const struct {
    const char *path;
    gh_handler handler;
} ENDPOINTS[] = {
    {"/register", gh_oauth_handle_register}, {"/authorize", gh_oauth_handle_authorize},
    {"/login", gh_oauth_handle_login},       {"/consent", gh_oauth_handle_consent},
    {"/callback", gh_oauth_handle_callback}, {"/token", gh_oauth_handle_token},
    {"/device", gh_oauth_handle_device},     {"/device_authorization", gh_oauth_handle_device_authorization},
    {"/revoke", gh_oauth_handle_revoke},     {"/metadata", gh_oauth_handle_metadata},
};

static const setting *open_once(void)
{
    static setting it;
    static char cursor[] = "cursor";
    static char *scheme[] = {cursor};
    static const gh_text_list schemes = {scheme, 1};
    if (it.server != NULL) {
        return &it;
    }
    const gh_oauth_options options = {.issuer = "http://localhost:8080",
                                      .resource = "http://localhost:8080/mcp",
                                      .scopes_supported = "mcp offline_access",
                                      .default_scope = "mcp",
                                      .server_name = "Fuzz",
                                      .redirect_schemes = &schemes,
                                      .max_clients = 50,
                                      .code_ttl_s = 60,
                                      .access_ttl_s = 600,
                                      .refresh_ttl_s = 86400,
                                      .refresh_grace_s = 30,
                                      .flow_ttl_s = 600};
    gh_log_set_level(GH_LOG_ERROR);
    GH_FUZZ_REQUIRE(gh_store_open("memory", &it.store, NULL) == GH_OK);
    GH_FUZZ_REQUIRE(gh_oauth_server_new(&options, it.store, &it.server, NULL) == GH_OK);
    return &it;
}

static gh_view next_line(gh_view *text)
{
    gh_view line = {NULL, 0};
    (void)gh_view_next(text, '\n', &line);
    return line;
}

/* A head of whole lines, without a control character in any. */
static void check_head(const gh_response *response)
{
    gh_view head = gh_buf_view(&response->head);
    gh_view line;
    while (head.len > 0 && gh_view_next(&head, '\n', &line)) {
        GH_FUZZ_REQUIRE(line.len > 3 && line.ptr[line.len - 1] == '\r');
        for (size_t i = 0; i + 1 < line.len; i++) {
            GH_FUZZ_REQUIRE((unsigned char)line.ptr[i] >= 0x20);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_view first = next_line(&text);
    gh_view method = {NULL, 0};
    (void)gh_view_next(&first, ' ', &method);
    gh_view path = {NULL, 0};
    (void)gh_view_next(&first, '?', &path);
    gh_header headers[3] = {{GH_VIEW_LIT("Cookie"), next_line(&text)},
                            {GH_VIEW_LIT("Authorization"), next_line(&text)},
                            {GH_VIEW_LIT("Content-Type"), GH_VIEW_LIT("application/x-www-form-urlencoded")}};
    for (size_t i = 0; i < sizeof ENDPOINTS / sizeof ENDPOINTS[0]; i++) {
        if (!gh_view_eq_cstr(path, ENDPOINTS[i].path)) {
            continue;
        }
        if (i == 0) {
            headers[2].value = GH_VIEW_LIT("application/json");
        }
        const gh_request request = {.method = gh_view_eq_cstr(method, "POST") ? GH_VIEW_LIT("POST")
                                                                              : GH_VIEW_LIT("GET"),
                                    .path = path,
                                    .query = first,
                                    .headers = headers,
                                    .header_count = 3,
                                    .body = text,
                                    .remote_host = GH_VIEW_LIT("127.0.0.1"),
                                    .remote_port = 40000};
        gh_response response;
        gh_response_init(&response, NULL);
        ENDPOINTS[i].handler(open_once()->server, &request, &response);
        GH_FUZZ_REQUIRE(response.status >= 200 && response.status < 600 && response.status != 500);
        check_head(&response);
        gh_response_clear(&response);
    }
    return 0;
}
