/* Smaller texts from elsewhere: redirects that clients register, an identity provider's tokens, sealed texts,
 * dates, annotations of tools, and what the bridge keeps and is told. */
#include "bridge/credentials/codec.h"
#include "bridge/login/jws.h"
#include "bridge/translate/tools.h"
#include "server/auth/seal.h"
#include "server/idp/idp_private.h"
#include "server/oauth/redirect.h"
#include "shared/json/access.h"
#include "shared/net/http_client.h"
#include "shared/net/url.h"
#include "shared/rpc/params.h"
#include "tests/fuzz/fuzz.h"

static void read_redirect(gh_view text)
{
    static char cursor[] = "cursor";
    static char *scheme[] = {cursor};
    static const gh_text_list schemes = {scheme, 1};
    gh_buf out = GH_BUF_INIT(1 << 16);
    if (gh_redirect_check(text, &schemes, NULL) == GH_OK) {
        gh_url url;
        GH_FUZZ_REQUIRE(gh_redirect_matches(text, text));
        GH_FUZZ_REQUIRE(gh_redirect_write_place(text, &out) == GH_OK);
        GH_FUZZ_REQUIRE(gh_redirect_write_source(text, &out) == GH_OK);
        /* Nothing of it ends the policy's directive or the page's attribute. */
        gh_view written = gh_buf_view(&out);
        for (size_t i = 0; i < written.len; i++) {
            GH_FUZZ_REQUIRE(written.ptr[i] > ' ' && written.ptr[i] != ';' && written.ptr[i] != '"' &&
                            written.ptr[i] != '<' && written.ptr[i] != '\'' && written.ptr[i] != ',');
        }
        if (gh_redirect_is_web(text)) {
            GH_FUZZ_REQUIRE(gh_url_parse(text, &url, NULL) == GH_OK && !url.has_userinfo);
        }
    }
    gh_buf_free(&out);
}

static void read_tokens(gh_view text)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_idp_tokens tokens = {0};
    gh_secret *id_token = NULL;
    char code[64] = "";
    reply.http_status = 200;
    if (gh_buf_append_view(&reply.body, text) == GH_OK &&
        gh_buf_append_cstr(&reply.content_type, "application/json") == GH_OK &&
        gh_idp_read_tokens(&reply, &tokens, &id_token, code, NULL) == GH_OK) {
        GH_FUZZ_REQUIRE(tokens.access_token != NULL);
    }
    gh_idp_tokens_clear(&tokens);
    gh_secret_free(id_token);
    gh_idp_reply_clear(&reply);
}

static void read_annotations(gh_view text)
{
    cJSON *json = NULL;
    gh_mcp_param *params = NULL;
    size_t count = 0;
    if (gh_json_parse(text, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) == GH_OK &&
        gh_mcp_params_read(json, &params, &count, NULL) == GH_OK) {
        GH_FUZZ_REQUIRE(count == 0 || params != NULL);
        free(params);
    }
    cJSON_Delete(json);
}

static void read_tools(gh_view text)
{
    gh_tools *tools = NULL;
    gh_buf out = GH_BUF_INIT(1 << 22);
    GH_FUZZ_REQUIRE(gh_tools_new(NULL, NULL, &tools) == GH_OK);
    if (gh_tools_read(tools, text, true, &out) == GH_OK) {
        (void)gh_tools_knows(tools, "x");
    }
    gh_buf_free(&out);
    gh_tools_free(tools);
}

static void open_sealed(gh_view text)
{
    static gh_sealer *sealer;
    gh_secret *plain = NULL;
    if (sealer == NULL) {
        GH_FUZZ_REQUIRE(gh_sealer_new(GH_VIEW_LIT("0123456789abcdef0123456789abcdef"), &sealer) == GH_OK);
    }
    GH_FUZZ_REQUIRE(gh_sealer_open_text(sealer, GH_VIEW_LIT("context"), text, &plain) != GH_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_credentials credentials = {0};
    gh_jws_key *key = NULL;
    int64_t seconds = 0;
    read_redirect(text);
    read_tokens(text);
    read_annotations(text);
    read_tools(text);
    open_sealed(text);
    (void)gh_http_date_parse(text, &seconds);
    if (gh_credentials_decode(text, &credentials, NULL) == GH_OK) {
        gh_credentials_clear(&credentials);
    }
    if (gh_jws_key_parse(text, &key) == GH_OK) {
        gh_jws_key_free(key);
    }
    return 0;
}
