/* What APIs answer to tools, what websites say of clients, and what providers issue: a line with the
 * Content-Type, a line with the status, a line with a URL or header, and the body behind. */
#include <string.h>

#include "server/api/api_private.h"
#include "server/idp/idp_private.h"
#include "server/oauth/cimd_private.h"
#include "server/oauth/device_code.h"
#include "server/oauth/internal.h"
#include "shared/json/access.h"
#include "shared/json/gate.h"
#include "shared/net/http_client.h"
#include "shared/net/url.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)1 << 22)

typedef struct reply_text {
    char *type; /* NULL for none */
    int status;
    gh_view body;
} reply_text;

/* Valid UTF-8, as a JSON string needs it. */
static bool is_utf8(gh_view text)
{
    gh_buf json = GH_BUF_INIT(8 * OUT_MAX);
    (void)gh_json_write_string(&json, text);
    bool good = gh_buf_status(&json) == GH_OK && gh_json_gate(gh_buf_view(&json), NULL, NULL) != GH_ERR_PARSE;
    gh_buf_free(&json);
    return good;
}

static void read_content(const reply_text *from, gh_response_kind kind, bool is_tool)
{
    static char pointer[] = "/data/0";
    static char wrap[] = "items";
    const gh_entry entry = {.kind = is_tool ? GH_ENTRY_TOOL : GH_ENTRY_RESOURCE,
                            .response = {.kind = kind,
                                         .pointer = from->status % 2 == 1 ? pointer : NULL,
                                         .wrap = is_tool ? wrap : NULL}};
    gh_api_reply reply = {.status = from->status, .body = GH_BUF_INIT(OUT_MAX), .type = from->type};
    gh_api_content content = {.form = GH_API_EMPTY};
    gh_error error = {GH_OK, ""};
    GH_FUZZ_REQUIRE(gh_buf_append_view(&reply.body, from->body) == GH_OK);
    gh_status status = gh_api_content_read(&entry, &reply, &content, &error);
    GH_FUZZ_REQUIRE((status == GH_OK) == (error.message[0] == '\0'));
    if (status == GH_OK && content.form == GH_API_JSON) {
        GH_FUZZ_REQUIRE(gh_json_gate(gh_buf_view(&content.text), NULL, NULL) != GH_ERR_PARSE);
    } else if (status == GH_OK && content.form == GH_API_TEXT) {
        GH_FUZZ_REQUIRE(is_utf8(gh_buf_view(&content.text)));
    } else if (status == GH_OK && content.form != GH_API_EMPTY) {
        GH_FUZZ_REQUIRE(content.mime != NULL && content.bytes.len <= from->body.len);
    }
    gh_api_content_clear(&content);
    gh_buf_free(&reply.body);
}

/* What a model is told of a failure: text on one line. */
static void read_error(const reply_text *from)
{
    static char name[] = "orders";
    static char base[] = "https://api.example.com";
    const gh_upstream upstream = {.name = name, .url = base};
    const gh_entry entry = {.kind = GH_ENTRY_TOOL, .has_request = true, .request = {.upstream = &upstream}};
    const gh_api_job job = {.entry = &entry, .values = {.arguments = GH_VIEW_LIT("{}")}};
    gh_api_reply reply = {.status = from->status, .body = GH_BUF_INIT(OUT_MAX), .type = from->type};
    gh_buf out = GH_BUF_INIT(OUT_MAX);
    gh_buf clean = GH_BUF_INIT(OUT_MAX);
    GH_FUZZ_REQUIRE(gh_buf_append_view(&reply.body, from->body) == GH_OK);
    gh_api_error_write(&job, &reply, &out);
    GH_FUZZ_REQUIRE(!gh_text_has_control(gh_buf_view(&out)) && is_utf8(gh_buf_view(&out)));
    gh_api_text_clean(from->body, &clean);
    GH_FUZZ_REQUIRE(!gh_text_has_control(gh_buf_view(&clean)));
    gh_buf_free(&reply.body);
    gh_buf_free(&out);
    gh_buf_free(&clean);
}

static void read_client(const char *url, gh_view document)
{
    static char cursor[] = "cursor";
    static char *scheme[] = {cursor};
    const gh_oauth_server server = {.schemes = {scheme, 1}};
    gh_client client = {.id = NULL};
    gh_error error = {GH_OK, ""};
    gh_url parsed;
    if (gh_cimd_url_check(url, &error) == GH_OK) {
        GH_FUZZ_REQUIRE(gh_url_parse(gh_view_of(url), &parsed, NULL) == GH_OK && gh_url_is_https(&parsed));
        GH_FUZZ_REQUIRE(!parsed.has_userinfo && !parsed.has_fragment);
    }
    if (gh_cimd_document_read(&server, url, document, &client, &error) == GH_OK) {
        GH_FUZZ_REQUIRE(strcmp(client.id, url) == 0 && client.redirect_uris != NULL);
    }
    gh_client_clear(&client);
}

static void read_issued(const reply_text *from)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    for (int exchanged = 0; exchanged < 2; exchanged++) {
        gh_idp_tokens tokens = {0};
        char code[64] = "";
        reply.http_status = from->status;
        if (gh_buf_append_view(&reply.body, from->body) == GH_OK &&
            gh_buf_append_cstr(&reply.content_type, from->type != NULL ? from->type : "") == GH_OK &&
            gh_idp_read_issued(&reply, exchanged != 0, &tokens, code, NULL) == GH_OK) {
            GH_FUZZ_REQUIRE(tokens.access_token != NULL && tokens.refresh_token == NULL);
        }
        gh_idp_tokens_clear(&tokens);
        gh_idp_reply_clear(&reply);
        reply = (gh_idp_reply)GH_IDP_REPLY_INIT;
    }
    gh_idp_reply_clear(&reply);
}

static bool is_at_api(const char *text)
{
    gh_url base, url;
    return gh_url_parse(GH_VIEW_LIT("https://api.example.com/"), &base, NULL) == GH_OK &&
           gh_url_parse(gh_view_of(text), &url, NULL) == GH_OK && gh_url_same_origin(&base, &url) &&
           !url.has_userinfo;
}

static void read_header(const char *text)
{
    char code[GH_USER_CODE_LEN + 1];
    gh_view view = gh_view_of(text);
    char *resolved = gh_http_resolve_same_origin("https://api.example.com/a/b", text);
    GH_FUZZ_REQUIRE(resolved == NULL || is_at_api(resolved));
    if (gh_api_url_is_below("https://api.example.com/v1", text)) {
        GH_FUZZ_REQUIRE(is_at_api(text) && strstr(text, "/v1") != NULL && strstr(text, "/../") == NULL);
    }
    int64_t keep = gh_cimd_keep_s(view, view, view, view);
    GH_FUZZ_REQUIRE(keep >= GH_CIMD_KEEP_MIN_S && keep <= GH_CIMD_KEEP_MAX_S);
    if (gh_user_code_read(view, code)) {
        GH_FUZZ_REQUIRE(strlen(code) == GH_USER_CODE_LEN);
    }
    free(resolved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view rest = gh_fuzz_view(data, size);
    gh_view type = {"", 0};
    gh_view status = {"", 0};
    gh_view header = {"", 0};
    int64_t number = 200;
    (void)gh_view_next(&rest, '\n', &type);
    (void)gh_view_next(&rest, '\n', &status);
    (void)gh_view_next(&rest, '\n', &header);
    if (gh_view_to_int64(status, 100, 599, &number) != GH_OK) {
        number = 200;
    }
    char *line = gh_view_dup(header);
    reply_text from = {.type = type.len > 0 ? gh_view_dup(type) : NULL,
                       .status = (int)number,
                       .body = rest.ptr != NULL ? rest : gh_view_make("", 0)};
    for (gh_response_kind kind = GH_RESPONSE_AUTO; kind <= GH_RESPONSE_AUDIO; kind++) {
        read_content(&from, kind, true);
        read_content(&from, kind, false);
    }
    read_error(&from);
    read_issued(&from);
    if (line != NULL) {
        read_client(line, from.body);
        read_header(line);
    }
    free(line);
    free(from.type);
    return 0;
}
