#include "shared/oauth/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json/access.h"

typedef enum member_kind {
    MEMBER_TEXT,
    MEMBER_WORDS,     /* an array of strings without spaces */
    MEMBER_RESPONSES, /* the same, but "code id_token" and its like are legal, and left out */
    MEMBER_FLAG
} member_kind;

typedef struct member {
    const char *name;
    size_t offset;
    member_kind kind;
} member;

#define RESOURCE(field) offsetof(gh_resource_metadata, field)
static const member RESOURCE_MEMBERS[] = {
    {"resource", RESOURCE(resource), MEMBER_TEXT},
    {"scopes_supported", RESOURCE(scopes_supported), MEMBER_WORDS},
    {"resource_name", RESOURCE(resource_name), MEMBER_TEXT},
};

#define SERVER(field) offsetof(gh_server_metadata, field)
static const member SERVER_MEMBERS[] = {
    {"issuer", SERVER(issuer), MEMBER_TEXT},
    {"authorization_endpoint", SERVER(authorization_endpoint), MEMBER_TEXT},
    {"token_endpoint", SERVER(token_endpoint), MEMBER_TEXT},
    {"registration_endpoint", SERVER(registration_endpoint), MEMBER_TEXT},
    {"revocation_endpoint", SERVER(revocation_endpoint), MEMBER_TEXT},
    {"device_authorization_endpoint", SERVER(device_authorization_endpoint), MEMBER_TEXT},
    {"jwks_uri", SERVER(jwks_uri), MEMBER_TEXT},
    {"userinfo_endpoint", SERVER(userinfo_endpoint), MEMBER_TEXT},
    {"scopes_supported", SERVER(scopes_supported), MEMBER_WORDS},
    {"response_types_supported", SERVER(response_types_supported), MEMBER_RESPONSES},
    {"grant_types_supported", SERVER(grant_types_supported), MEMBER_WORDS},
    {"code_challenge_methods_supported", SERVER(code_challenge_methods_supported), MEMBER_WORDS},
    {"token_endpoint_auth_methods_supported", SERVER(token_endpoint_auth_methods_supported), MEMBER_WORDS},
    {"token_endpoint_auth_signing_alg_values_supported",
     SERVER(token_endpoint_auth_signing_alg_values_supported), MEMBER_WORDS},
    {"id_token_signing_alg_values_supported", SERVER(id_token_signing_alg_values_supported), MEMBER_WORDS},
    {"authorization_response_iss_parameter_supported", SERVER(iss_parameter_supported), MEMBER_FLAG},
    {"client_id_metadata_document_supported", SERVER(client_id_metadata_document_supported), MEMBER_FLAG},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define ID_TOKEN_ALGORITHMS "id_token_signing_alg_values_supported"

static char **text_at(void *base, const member *m)
{
    return (char **)(void *)((char *)base + m->offset);
}

static gh_status wrong_type(gh_error *error, const char *name, const char *wanted)
{
    return gh_error_set(error, GH_ERR_INVALID, "the metadata's \"%s\" must be %s", name, wanted);
}

/* The member unless it is absent or null. */
static const cJSON *present(const cJSON *json, const char *name)
{
    const cJSON *item = gh_json_get(json, name);
    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

static gh_status read_text(const cJSON *item, const char *name, char **out, gh_error *error)
{
    if (!cJSON_IsString(item)) {
        return wrong_type(error, name, "a string");
    }
    if (gh_text_has_control(gh_view_of(item->valuestring))) {
        return wrong_type(error, name, "a string without control characters");
    }
    if (item->valuestring[0] == '\0') {
        return GH_OK;
    }
    *out = gh_text_dup(item->valuestring);
    return *out == NULL ? gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the metadata") : GH_OK;
}

static gh_status read_words(const cJSON *item, const member *m, char **out, gh_error *error)
{
    gh_buf words = GH_BUF_INIT(GH_JSON_LIMITS_DOCUMENT.size);
    gh_status status = GH_OK;
    const cJSON *element = NULL;
    if (!cJSON_IsArray(item)) {
        return wrong_type(error, m->name, "an array of strings");
    }
    (void)gh_buf_reserve(&words, 1);
    cJSON_ArrayForEach(element, item)
    {
        gh_view word = gh_view_of(cJSON_IsString(element) ? element->valuestring : NULL);
        bool spaced = gh_view_find(word, ' ') < word.len;
        if (word.len == 0 || gh_text_has_control(word) || (spaced && m->kind == MEMBER_WORDS)) {
            status = wrong_type(error, m->name, "an array of strings without spaces");
            goto out;
        }
        if (!spaced) {
            (void)gh_buf_append_cstr(&words, words.len > 0 ? " " : "");
            (void)gh_buf_append_view(&words, word);
        }
    }
    *out = gh_buf_steal(&words);
    if (*out == NULL) {
        status = gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the metadata");
    }
out:
    gh_buf_free(&words);
    return status;
}

static gh_status read_members(const cJSON *json, const member *table, size_t count, void *base,
                              gh_error *error)
{
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && i < count; i++) {
        const member *m = &table[i];
        const cJSON *item = present(json, m->name);
        if (item == NULL) {
            continue;
        }
        if (m->kind == MEMBER_TEXT) {
            status = read_text(item, m->name, text_at(base, m), error);
        } else if (m->kind != MEMBER_FLAG) {
            status = read_words(item, m, text_at(base, m), error);
        } else if (cJSON_IsBool(item)) {
            *(bool *)(void *)((char *)base + m->offset) = cJSON_IsTrue(item) != 0;
        } else {
            status = wrong_type(error, m->name, "true or false");
        }
    }
    return status;
}

static void clear_members(const member *table, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].kind != MEMBER_FLAG) {
            free(*text_at(base, &table[i]));
        }
    }
}

static gh_status parse_object(gh_view json, cJSON **parsed, gh_error *error)
{
    gh_status status = gh_json_parse(json, &GH_JSON_LIMITS_DOCUMENT, parsed, error);
    if (status != GH_OK) {
        return status;
    }
    if (!cJSON_IsObject(*parsed)) {
        cJSON_Delete(*parsed);
        *parsed = NULL;
        return gh_error_set(error, GH_ERR_INVALID, "the metadata document must be a JSON object");
    }
    return GH_OK;
}

static gh_status read_servers(const cJSON *json, gh_resource_metadata *out, gh_error *error)
{
    const cJSON *list = present(json, "authorization_servers");
    const cJSON *element = NULL;
    if (list != NULL && !cJSON_IsArray(list)) {
        return wrong_type(error, "authorization_servers", "an array of strings");
    }
    cJSON_ArrayForEach(element, list)
    {
        if (!cJSON_IsString(element) || element->valuestring[0] == '\0') {
            return wrong_type(error, "authorization_servers", "an array of strings");
        }
        if (out->authorization_server_count == GH_METADATA_SERVERS_MAX) {
            break;
        }
        char **slot = &out->authorization_servers[out->authorization_server_count];
        gh_status status = read_text(element, "authorization_servers", slot, error);
        if (status != GH_OK) {
            return status;
        }
        out->authorization_server_count++;
    }
    return GH_OK;
}

gh_status gh_resource_metadata_parse(gh_view json, gh_resource_metadata *out, gh_error *error)
{
    cJSON *parsed = NULL;
    memset(out, 0, sizeof *out);
    gh_status status = parse_object(json, &parsed, error);
    if (status != GH_OK) {
        return status;
    }
    status = read_members(parsed, RESOURCE_MEMBERS, COUNT(RESOURCE_MEMBERS), out, error);
    if (status == GH_OK) {
        status = read_servers(parsed, out, error);
    }
    if (status == GH_OK && out->resource == NULL) {
        status = gh_error_set(error, GH_ERR_INVALID, "the metadata has no \"resource\" (RFC 9728, 2)");
    }
    cJSON_Delete(parsed);
    if (status != GH_OK) {
        gh_resource_metadata_clear(out);
    }
    return status;
}

gh_status gh_server_metadata_parse(gh_view json, gh_server_metadata *out, gh_error *error)
{
    cJSON *parsed = NULL;
    memset(out, 0, sizeof *out);
    gh_status status = parse_object(json, &parsed, error);
    if (status != GH_OK) {
        return status;
    }
    status = read_members(parsed, SERVER_MEMBERS, COUNT(SERVER_MEMBERS), out, error);
    if (status == GH_OK && out->issuer == NULL) {
        status = gh_error_set(error, GH_ERR_INVALID, "the metadata has no \"issuer\" (RFC 8414, 2)");
    }
    cJSON_Delete(parsed);
    if (status != GH_OK) {
        gh_server_metadata_clear(out);
    }
    return status;
}

void gh_resource_metadata_clear(gh_resource_metadata *metadata)
{
    clear_members(RESOURCE_MEMBERS, COUNT(RESOURCE_MEMBERS), metadata);
    for (size_t i = 0; i < metadata->authorization_server_count; i++) {
        free(metadata->authorization_servers[i]);
    }
    memset(metadata, 0, sizeof *metadata);
}

void gh_server_metadata_clear(gh_server_metadata *metadata)
{
    clear_members(SERVER_MEMBERS, COUNT(SERVER_MEMBERS), metadata);
    memset(metadata, 0, sizeof *metadata);
}

static bool write_member(cJSON *json, const member *m, const void *base)
{
    const char *at = (const char *)base + m->offset;
    if (m->kind == MEMBER_FLAG) {
        bool flag = *(const bool *)(const void *)at;
        return !flag || gh_json_add_bool(json, m->name, true);
    }
    const char *text = *(char *const *)(const void *)at;
    if (text == NULL) {
        return true;
    }
    return m->kind == MEMBER_TEXT ? gh_json_add_string(json, m->name, text)
                                  : gh_json_add_words(json, m->name, text);
}

static gh_status print_and_delete(cJSON *json, bool complete, gh_buf *out)
{
    gh_status status = json != NULL && complete ? gh_json_print(json, out) : GH_ERR_NOMEM;
    cJSON_Delete(json);
    return status;
}

static bool write_servers(cJSON *json, const gh_resource_metadata *metadata)
{
    cJSON *list = metadata->authorization_server_count > 0 ? cJSON_CreateArray() : NULL;
    if (metadata->authorization_server_count == 0) {
        return true;
    }
    bool complete = list != NULL;
    for (size_t i = 0; complete && i < metadata->authorization_server_count; i++) {
        cJSON *item = cJSON_CreateString(metadata->authorization_servers[i]);
        complete = item != NULL && cJSON_AddItemToArray(list, item) != 0;
    }
    return gh_json_add_item(json, "authorization_servers", list) && complete;
}

gh_status gh_resource_metadata_write(const gh_resource_metadata *metadata, gh_buf *out)
{
    cJSON *json = cJSON_CreateObject();
    bool complete =
        json != NULL && write_member(json, &RESOURCE_MEMBERS[0], metadata) && write_servers(json, metadata);
    for (size_t i = 1; complete && i < COUNT(RESOURCE_MEMBERS); i++) {
        complete = write_member(json, &RESOURCE_MEMBERS[i], metadata);
    }
    return print_and_delete(json, complete, out);
}

gh_status gh_server_metadata_write(const gh_server_metadata *metadata, bool openid, gh_buf *out)
{
    cJSON *json = cJSON_CreateObject();
    bool complete = json != NULL;
    for (size_t i = 0; complete && i < COUNT(SERVER_MEMBERS); i++) {
        if (openid || strcmp(SERVER_MEMBERS[i].name, ID_TOKEN_ALGORITHMS) != 0) {
            complete = write_member(json, &SERVER_MEMBERS[i], metadata);
        }
    }
    if (complete && openid) {
        const char *fallback = metadata->id_token_signing_alg_values_supported == NULL ? "RS256" : NULL;
        complete = gh_json_add_words(json, "subject_types_supported", "public") &&
                   (fallback == NULL || gh_json_add_words(json, ID_TOKEN_ALGORITHMS, fallback));
    }
    return print_and_delete(json, complete, out);
}
