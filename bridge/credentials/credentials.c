#include "bridge/credentials/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/credentials/codec.h"
#include "shared/json/access.h"

enum { CODEC_VERSION = 1 };

/* Where each text member of the file lives in the struct. */
static const struct text_member {
    const char *name;
    size_t offset;
    bool required;
} TEXT_MEMBERS[] = {
    {"mcp_url", offsetof(gh_credentials, mcp_url), true},
    {"resource", offsetof(gh_credentials, resource), true},
    {"issuer", offsetof(gh_credentials, issuer), true},
    {"authorization_endpoint", offsetof(gh_credentials, authorization_endpoint), true},
    {"token_endpoint", offsetof(gh_credentials, token_endpoint), true},
    {"registration_endpoint", offsetof(gh_credentials, registration_endpoint), false},
    {"revocation_endpoint", offsetof(gh_credentials, revocation_endpoint), false},
    {"client_id", offsetof(gh_credentials, client_id), false},
    {"redirect_uri", offsetof(gh_credentials, redirect_uri), false},
    {"token_auth_method", offsetof(gh_credentials, token_auth_method), false},
    {"scope", offsetof(gh_credentials, scope), false},
};

static const struct secret_member {
    const char *name;
    size_t offset;
} SECRET_MEMBERS[] = {
    {"client_secret", offsetof(gh_credentials, client_secret)},
    {"access_token", offsetof(gh_credentials, access_token)},
    {"refresh_token", offsetof(gh_credentials, refresh_token)},
    {"dpop_key", offsetof(gh_credentials, dpop_key)},
};

static const struct flag_member {
    const char *name;
    size_t offset;
} FLAG_MEMBERS[] = {
    {"iss_parameter_supported", offsetof(gh_credentials, iss_parameter_supported)},
    {"dpop_bound", offsetof(gh_credentials, dpop_bound)},
    {"endpoints_guessed", offsetof(gh_credentials, endpoints_guessed)},
    {"client_in_doubt", offsetof(gh_credentials, client_in_doubt)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char **text_at(gh_credentials *credentials, size_t offset)
{
    return (char **)(void *)((char *)credentials + offset);
}

static gh_secret **secret_at(gh_credentials *credentials, size_t offset)
{
    return (gh_secret **)(void *)((char *)credentials + offset);
}

void gh_credentials_clear(gh_credentials *credentials)
{
    if (credentials == NULL) {
        return;
    }
    for (size_t i = 0; i < COUNT(TEXT_MEMBERS); i++) {
        free(*text_at(credentials, TEXT_MEMBERS[i].offset));
    }
    for (size_t i = 0; i < COUNT(SECRET_MEMBERS); i++) {
        gh_secret_free(*secret_at(credentials, SECRET_MEMBERS[i].offset));
    }
    memset(credentials, 0, sizeof(*credentials));
}

gh_status gh_credentials_copy(const gh_credentials *from, gh_credentials *to)
{
    gh_credentials *source = (gh_credentials *)(uintptr_t)from; /* offsets only; nothing is written */
    bool complete = true;

    *to = *from;
    for (size_t i = 0; i < COUNT(TEXT_MEMBERS); i++) {
        const char *text = *text_at(source, TEXT_MEMBERS[i].offset);
        char **copy = text_at(to, TEXT_MEMBERS[i].offset);
        *copy = gh_text_dup(text);
        complete = complete && (*copy != NULL) == (text != NULL);
    }
    for (size_t i = 0; i < COUNT(SECRET_MEMBERS); i++) {
        const gh_secret *secret = *secret_at(source, SECRET_MEMBERS[i].offset);
        gh_secret **copy = secret_at(to, SECRET_MEMBERS[i].offset);
        *copy = secret != NULL ? gh_secret_new(gh_secret_view(secret)) : NULL;
        complete = complete && (*copy != NULL) == (secret != NULL);
    }
    if (!complete) {
        gh_credentials_clear(to);
    }
    return complete ? GH_OK : GH_ERR_NOMEM;
}

/* The tree would keep secrets in memory that nothing wipes, so the text is written member by member. */
static void write_member(gh_buf *out, const char *name, gh_view value)
{
    gh_buf_append_cstr(out, ",\n  ");
    (void)gh_json_write_string(out, gh_view_of(name));
    gh_buf_append_cstr(out, ": ");
    (void)gh_json_write_string(out, value);
}

gh_status gh_credentials_encode(const gh_credentials *credentials, gh_buf *out)
{
    /* Reserved at once: a buffer that grows leaves unwiped copies behind. */
    gh_status status = gh_buf_reserve(out, GH_CREDENTIALS_FILE_MAX);
    if (status != GH_OK) {
        return status;
    }
    gh_credentials *fields = (gh_credentials *)(uintptr_t)credentials; /* offsets only; nothing is written */
    gh_buf_appendf(out, "{\n  \"version\": %d", CODEC_VERSION);
    for (size_t i = 0; i < COUNT(TEXT_MEMBERS); i++) {
        const char *text = *text_at(fields, TEXT_MEMBERS[i].offset);
        if (text != NULL) {
            write_member(out, TEXT_MEMBERS[i].name, gh_view_of(text));
        }
    }
    for (size_t i = 0; i < COUNT(SECRET_MEMBERS); i++) {
        const gh_secret *secret = *secret_at(fields, SECRET_MEMBERS[i].offset);
        if (secret != NULL) {
            write_member(out, SECRET_MEMBERS[i].name, gh_secret_view(secret));
        }
    }
    for (size_t i = 0; i < COUNT(FLAG_MEMBERS); i++) {
        const bool *flag = (const bool *)(const void *)((const char *)credentials + FLAG_MEMBERS[i].offset);
        gh_buf_appendf(out, ",\n  \"%s\": %s", FLAG_MEMBERS[i].name, *flag ? "true" : "false");
    }
    gh_buf_appendf(out, ",\n  \"expires_at\": %lld\n}\n", (long long)credentials->expires_at);
    return gh_buf_status(out);
}

/* cJSON keeps its own copies of the strings: wipe the secret ones before the tree is freed. */
static void wipe_tree(cJSON *json)
{
    for (size_t i = 0; i < COUNT(SECRET_MEMBERS); i++) {
        cJSON *item = cJSON_GetObjectItemCaseSensitive(json, SECRET_MEMBERS[i].name);
        if (cJSON_IsString(item)) {
            gh_wipe(item->valuestring, strlen(item->valuestring));
        }
    }
    cJSON_Delete(json);
}

static gh_status read_members(const cJSON *json, gh_credentials *credentials, gh_error *error)
{
    for (size_t i = 0; i < COUNT(TEXT_MEMBERS); i++) {
        const char *text = gh_json_get_string(json, TEXT_MEMBERS[i].name);
        if (text == NULL && TEXT_MEMBERS[i].required) {
            return gh_error_set(error, GH_ERR_INVALID, "the stored credentials lack \"%s\"",
                                TEXT_MEMBERS[i].name);
        }
        if (text == NULL) {
            continue;
        }
        char *copy = gh_text_dup(text);
        if (copy == NULL) {
            return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
        }
        *text_at(credentials, TEXT_MEMBERS[i].offset) = copy;
    }
    for (size_t i = 0; i < COUNT(SECRET_MEMBERS); i++) {
        const char *text = gh_json_get_string(json, SECRET_MEMBERS[i].name);
        if (text == NULL) {
            continue;
        }
        gh_secret *secret = gh_secret_new(gh_view_of(text));
        if (secret == NULL) {
            return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
        }
        *secret_at(credentials, SECRET_MEMBERS[i].offset) = secret;
    }
    if (!gh_json_get_int64(json, "expires_at", &credentials->expires_at)) {
        credentials->expires_at = 0;
    }
    for (size_t i = 0; i < COUNT(FLAG_MEMBERS); i++) {
        bool *flag = (bool *)(void *)((char *)credentials + FLAG_MEMBERS[i].offset);
        if (!gh_json_get_bool(json, FLAG_MEMBERS[i].name, flag)) {
            *flag = false;
        }
    }
    return GH_OK;
}

gh_status gh_credentials_decode(gh_view text, gh_credentials *credentials, gh_error *error)
{
    memset(credentials, 0, sizeof(*credentials));
    cJSON *json = NULL;
    gh_status status = gh_json_parse(text, &GH_JSON_LIMITS_DOCUMENT, &json, error);
    if (status != GH_OK) {
        return status;
    }
    int64_t version = 0;
    if (!gh_json_get_int64(json, "version", &version) || version != CODEC_VERSION) {
        status = gh_error_set(error, GH_ERR_UNSUPPORTED,
                              "the stored credentials are of another version of this program");
    } else {
        status = read_members(json, credentials, error);
    }
    if (status != GH_OK) {
        gh_credentials_clear(credentials);
    }
    wipe_tree(json);
    return status;
}
