#include "bridge/options_login.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/file.h"
#include "shared/json/access.h"
#include "shared/net/url.h"

#define FILE_TEXT_MAX (64 * 1024)
#define PROGRAM_MAX 4096
#define KEY_MAX (64 * 1024)

const char *gh_bridge_program(const gh_bridge_settings *settings)
{
    return settings->program != NULL ? settings->program : "gatehouse-bridge";
}

bool gh_bridge_is_machine(const gh_bridge_settings *settings)
{
    return settings->grant != GH_BRIDGE_GRANT_CODE && settings->grant != GH_BRIDGE_GRANT_DEVICE;
}

gh_status gh_bridge_credentials_key(const gh_bridge_settings *settings, char **key)
{
    gh_buf text = GH_BUF_INIT(KEY_MAX);
    const char *parts[] = {settings->issuer, settings->no_resource ? "" : settings->resource,
                           gh_bridge_is_machine(settings) ? settings->client_id : NULL, settings->idp,
                           settings->assertion_file};

    gh_buf_append_cstr(&text, settings->url);
    if (gh_bridge_is_machine(settings)) {
        gh_buf_appendf(&text, "\ngrant %d", (int)settings->grant);
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] != NULL) {
            gh_buf_appendf(&text, "\n%zu %s", i, parts[i]);
        }
    }
    *key = gh_buf_steal(&text);
    gh_buf_free(&text);
    return *key != NULL ? GH_OK : GH_ERR_NOMEM;
}

/* For a shell: quoted where a shell would take it apart. */
static gh_status take_program(gh_bridge_settings *settings, const char *program)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+";
    gh_buf text = GH_BUF_INIT(PROGRAM_MAX);

    if (program == NULL || strchr(program, '/') == NULL || strchr(program, '\'') != NULL) {
        return GH_OK;
    }
    bool plain = program[strspn(program, PLAIN)] == '\0';
    gh_buf_appendf(&text, "%s%s%s", plain ? "" : "'", program, plain ? "" : "'");
    settings->program = gh_buf_steal(&text);
    gh_buf_free(&text);
    return settings->program != NULL ? GH_OK : GH_ERR_NOMEM;
}

/* The text of a JSON object, given itself or as @FILE. */
static gh_status read_object(const char *option, const char *given, gh_buf *text, cJSON **json,
                             gh_error *error)
{
    gh_status status = gh_buf_reserve(text, FILE_TEXT_MAX);
    gh_secret *content = NULL;

    if (status == GH_OK && given[0] == '@') {
        status = gh_file_read_secret(given + 1, gh_option_is_secret_mount(given + 1), &content, error);
        if (status != GH_OK) {
            return status;
        }
        gh_buf_append_view(text, gh_secret_view(content));
        gh_secret_free(content);
    } else if (status == GH_OK) {
        gh_buf_append_cstr(text, given);
    }
    status = gh_buf_status(text);
    if (status == GH_OK) {
        status = gh_json_parse(gh_buf_view(text), &GH_JSON_LIMITS_DOCUMENT, json, NULL);
    }
    if (status == GH_OK && !cJSON_IsObject(*json)) {
        status = GH_ERR_PARSE;
    }
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, GH_ERR_INVALID,
                              "--%s must be a JSON object, or @ and the name of a file with one.", option);
}

static gh_status replace(char **target, const char *text)
{
    char *copy = gh_text_dup(text);

    if (copy == NULL) {
        return GH_ERR_NOMEM;
    }
    free(*target);
    *target = copy;
    return GH_OK;
}

static gh_status take_client(gh_bridge_settings *settings, const cJSON *json, gh_error *error)
{
    const char *id = gh_json_get_string(json, "client_id");
    const char *secret = gh_json_get_string(json, "client_secret");
    const char *method = gh_json_get_string(json, "token_endpoint_auth_method");
    gh_status status = GH_OK;

    if (id == NULL || id[0] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "--static-oauth-client-info has no \"client_id\".");
    }
    if (method != NULL &&
        !gh_text_has_word(GH_VIEW_LIT("none client_secret_basic client_secret_post private_key_jwt"),
                          gh_view_of(method))) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "--static-oauth-client-info names the token_endpoint_auth_method \"%.60s\", "
                            "which the bridge does not know.",
                            method);
    }
    if (settings->client_id == NULL) {
        status = replace(&settings->client_id, id);
    }
    if (status == GH_OK && settings->client_secret == NULL && secret != NULL && secret[0] != '\0') {
        settings->client_secret = gh_secret_new(gh_view_of(secret));
        status = settings->client_secret != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    if (status == GH_OK && method != NULL) {
        status = replace(&settings->client_auth_method, method);
    }
    return status;
}

/* Taken apart into client-id and client-secret, and not kept: --print-config would show the secret. */
static gh_status settle_client_info(gh_bridge_settings *settings, gh_error *error)
{
    gh_buf text = GH_BUF_INIT(FILE_TEXT_MAX);
    cJSON *json = NULL;

    if (settings->client_info == NULL) {
        return GH_OK;
    }
    gh_status status = read_object("static-oauth-client-info", settings->client_info, &text, &json, error);
    if (status == GH_OK) {
        status = take_client(settings, json, error);
    }
    cJSON *secret = cJSON_GetObjectItemCaseSensitive(json, "client_secret");
    if (cJSON_IsString(secret)) {
        gh_wipe(secret->valuestring, strlen(secret->valuestring));
    }
    cJSON_Delete(json);
    gh_buf_wipe_free(&text);
    gh_wipe_free(settings->client_info);
    settings->client_info = NULL;
    return status;
}

/* Kept as the object's text. Its scope counts as --scope. */
static gh_status settle_client_metadata(gh_bridge_settings *settings, gh_error *error)
{
    gh_buf text = GH_BUF_INIT(FILE_TEXT_MAX);
    cJSON *json = NULL;

    if (settings->client_metadata == NULL) {
        return GH_OK;
    }
    gh_status status =
        read_object("static-oauth-client-metadata", settings->client_metadata, &text, &json, error);
    const char *scope = gh_json_get_string(json, "scope");
    if (status == GH_OK && scope != NULL && scope[0] != '\0' && settings->scope == NULL) {
        status = replace(&settings->scope, scope);
    }
    if (status == GH_OK) {
        status = replace(&settings->client_metadata, gh_buf_cstr(&text));
    }
    cJSON_Delete(json);
    gh_buf_wipe_free(&text);
    return status;
}

static gh_status check_link(const char *option, const char *text, bool needs_path, bool allow_http,
                            gh_error *error)
{
    gh_url url;

    if (text == NULL) {
        return GH_OK;
    }
    bool usable = gh_url_parse(gh_view_of(text), &url, NULL) == GH_OK && gh_url_is_http(&url) &&
                  !url.has_userinfo && !url.has_fragment;
    if (!usable || (!gh_url_is_https(&url) && !gh_url_is_loopback(&url) && !allow_http)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "--%s must be an https:// URL without user name and fragment.", option);
    }
    if (needs_path && (url.path.len <= 1 || !gh_url_is_https(&url))) {
        return gh_error_set(error, GH_ERR_INVALID, "--%s must be an https:// URL with a path.", option);
    }
    return GH_OK;
}

static gh_status check_links(const gh_bridge_settings *settings, gh_error *error)
{
    bool http = settings->allow_http;
    gh_status status = check_link("client-metadata-url", settings->client_metadata_url, true, false, error);

    if (status == GH_OK) {
        status = check_link("issuer", settings->issuer, false, http, error);
    }
    if (status == GH_OK) {
        status = check_link("idp", settings->idp, false, http, error);
    }
    if (status == GH_OK && settings->resource != NULL && settings->no_resource) {
        status = gh_error_set(error, GH_ERR_INVALID, "--resource and --no-resource exclude each other.");
    }
    return status;
}

/* What the flow itself says in the authorization request cannot be said twice. */
static gh_status check_parameters(const gh_bridge_settings *settings, gh_error *error)
{
    static const char RESERVED[] = "response_type client_id redirect_uri state code_challenge "
                                   "code_challenge_method resource scope request request_uri response_mode";

    for (size_t i = 0; i < settings->authorize_params.count; i++) {
        gh_view text = gh_view_of(settings->authorize_params.items[i]);
        gh_view name = gh_view_make(text.ptr, gh_view_find(text, '='));

        if (name.len == 0 || name.len == text.len) {
            return gh_error_set(error, GH_ERR_INVALID, "--authorize-param must be of the form NAME=VALUE.");
        }
        if (gh_text_has_word(gh_view_of(RESERVED), name)) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "--authorize-param cannot set \"%.*s\": the bridge sets it itself.",
                                (int)(name.len < 60 ? name.len : 60), name.ptr);
        }
    }
    return GH_OK;
}

static gh_status need(bool given, const char *option, const char *wanted, gh_error *error)
{
    return given ? GH_OK : gh_error_set(error, GH_ERR_INVALID, "%s needs %s.", option, wanted);
}

static gh_status settle_grant(gh_bridge_settings *settings, gh_error *error)
{
    const struct {
        bool chosen;
        gh_bridge_grant grant;
    } grants[] = {
        {settings->device, GH_BRIDGE_GRANT_DEVICE},
        {settings->client_credentials, GH_BRIDGE_GRANT_CLIENT},
        {settings->assertion_file != NULL, GH_BRIDGE_GRANT_ASSERTION},
        {settings->idp != NULL, GH_BRIDGE_GRANT_ENTERPRISE},
    };
    for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        if (grants[i].chosen && settings->grant != GH_BRIDGE_GRANT_CODE) {
            return gh_error_set(
                error, GH_ERR_INVALID,
                "--device, --client-credentials, --assertion-file and --idp exclude each other.");
        }
        settings->grant = grants[i].chosen ? grants[i].grant : settings->grant;
    }
    bool proves = settings->client_secret != NULL || settings->client_key != NULL;
    gh_status status = need(settings->client_key == NULL || settings->client_id != NULL ||
                                settings->client_metadata_url != NULL,
                            "--client-key", "--client-id or --client-metadata-url", error);
    if (status == GH_OK && settings->grant == GH_BRIDGE_GRANT_CLIENT) {
        status = need(settings->client_id != NULL && proves, "--client-credentials",
                      "--client-id, and --client-secret-file or --client-key", error);
    }
    if (status == GH_OK && (settings->grant == GH_BRIDGE_GRANT_ENTERPRISE)) {
        status = need(settings->client_id != NULL && settings->idp_client_id != NULL &&
                          settings->idp_token_file != NULL,
                      "--idp", "--client-id, --idp-client-id and --idp-token-file", error);
    }
    if (status == GH_OK && settings->idp == NULL) {
        status = need(settings->idp_client_id == NULL && settings->idp_token_file == NULL &&
                          settings->idp_client_secret == NULL,
                      "--idp-client-id, --idp-client-secret-file or --idp-token-file", "--idp", error);
    }
    return status;
}

gh_status gh_bridge_settle_login(gh_bridge_settings *settings, const char *program, gh_error *error)
{
    gh_status status = take_program(settings, program);

    if (status == GH_OK) {
        status = settle_client_info(settings, error);
    }
    if (status == GH_OK) {
        status = settle_client_metadata(settings, error);
    }
    if (status == GH_ERR_NOMEM) {
        return gh_error_set(error, GH_ERR_NOMEM, "No memory is left.");
    }
    if (status == GH_OK) {
        status = check_links(settings, error);
    }
    if (status == GH_OK) {
        status = check_parameters(settings, error);
    }
    return status == GH_OK ? settle_grant(settings, error) : status;
}
