/* Who the API is told is asking. */
#include <string.h>

#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define WHAT "credential"

typedef enum credential_member {
    TYPE,
    AUDIENCE,
    RESOURCE,
    SCOPE,
    CLIENT_ID,
    CLIENT_SECRET_FILE,
    TOKEN_ENDPOINT,
    NAME,
    VALUE_FILE,
    PREFIX,
    MEMBERS
} credential_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    [TYPE] = {"type", GH_TOOLFILE_STRING, true},
    [AUDIENCE] = {"audience", GH_TOOLFILE_STRING, false},
    [RESOURCE] = {"resource", GH_TOOLFILE_STRING, false},
    [SCOPE] = {"scope", GH_TOOLFILE_STRING, false},
    [CLIENT_ID] = {"clientId", GH_TOOLFILE_STRING, false},
    [CLIENT_SECRET_FILE] = {"clientSecretFile", GH_TOOLFILE_STRING, false},
    [TOKEN_ENDPOINT] = {"tokenEndpoint", GH_TOOLFILE_STRING, false},
    [NAME] = {"name", GH_TOOLFILE_STRING, false},
    [VALUE_FILE] = {"valueFile", GH_TOOLFILE_STRING, false},
    [PREFIX] = {"prefix", GH_TOOLFILE_STRING, false},
};

#define BIT(member) (1u << (member))
#define TOKEN_MEMBERS (BIT(TYPE) | BIT(AUDIENCE) | BIT(RESOURCE) | BIT(SCOPE))

static const struct {
    const char *name;
    gh_credential_kind kind;
    unsigned allowed;
} KINDS[] = {
    {"none", GH_CREDENTIAL_NONE, BIT(TYPE)},
    {"user", GH_CREDENTIAL_USER, BIT(TYPE)},
    {"exchange", GH_CREDENTIAL_EXCHANGE, TOKEN_MEMBERS},
    {"client", GH_CREDENTIAL_CLIENT,
     TOKEN_MEMBERS | BIT(CLIENT_ID) | BIT(CLIENT_SECRET_FILE) | BIT(TOKEN_ENDPOINT)},
    {"header", GH_CREDENTIAL_HEADER, BIT(TYPE) | BIT(NAME) | BIT(VALUE_FILE) | BIT(PREFIX)},
};

#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static bool means_the_callers_token(gh_view type)
{
    static const char *const WORDS[] = {"token",  "passthrough", "pass-through", "forward",
                                        "caller", "bearer",      "incoming",     "request",
                                        "same",   "inherit",     "delegate"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (gh_json_slice_is(type, gh_view_of(WORDS[i]))) {
            return true;
        }
    }
    return false;
}

static gh_status refuse_kind(gh_toolfile_reader *reader, gh_view type)
{
    if (means_the_callers_token(type)) {
        return gh_toolfile_refuse(
            reader, type,
            WHAT ": the token that a client sends is never passed on: it was issued for this server, so the "
                 "API must not accept it, and whoever holds it there could act here. Say \"user\" for the "
                 "user's own token at the identity provider, or {\"type\": \"exchange\"} for one made of it");
    }
    return gh_toolfile_refuse(
        reader, type, WHAT ": its type must be \"none\", \"user\", \"exchange\", \"client\" or \"header\"");
}

static gh_status find_kind(gh_toolfile_reader *reader, gh_view type, size_t *index)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (gh_json_slice_is(type, gh_view_of(KINDS[i].name))) {
            *index = i;
            return GH_OK;
        }
    }
    return refuse_kind(reader, type);
}

static gh_status check_allowed(gh_toolfile_reader *reader, const gh_view *values, size_t index)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (values[i].ptr != NULL && (KINDS[index].allowed & BIT(i)) == 0) {
            return gh_toolfile_refuse(reader, values[i], WHAT ": \"%s\" does not go with the type \"%s\"",
                                      ROWS[i].name, KINDS[index].name);
        }
    }
    return GH_OK;
}

/* --- what the kinds need --- */

static gh_status check_resource(gh_toolfile_reader *reader, gh_view at, const gh_credential *credential)
{
    gh_url url;
    if (credential->resource != NULL &&
        (gh_url_parse(gh_view_of(credential->resource), &url, NULL) != GH_OK || url.has_fragment)) {
        return gh_toolfile_refuse(reader, at, WHAT ": resource must be an absolute URI without a fragment");
    }
    return GH_OK;
}

static gh_status read_words(gh_toolfile_reader *reader, const gh_view *values, gh_credential *credential)
{
    const struct {
        credential_member member;
        const char *what;
        char **out;
    } WORDS[] = {
        {AUDIENCE, WHAT ": audience", &credential->audience},
        {RESOURCE, WHAT ": resource", &credential->resource},
        {SCOPE, WHAT ": scope", &credential->scope},
        {CLIENT_ID, WHAT ": clientId", &credential->client_id},
        {TOKEN_ENDPOINT, WHAT ": tokenEndpoint", &credential->token_endpoint},
        {NAME, WHAT ": name", &credential->header},
    };
    gh_status status = GH_OK;
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0] && status == GH_OK; i++) {
        status = gh_toolfile_word(reader, values[WORDS[i].member], WORDS[i].what, GH_TOOLFILE_URI_MAX,
                                  WORDS[i].out);
    }
    return status == GH_OK ? check_resource(reader, values[RESOURCE], credential) : status;
}

static gh_status check_endpoint(gh_toolfile_reader *reader, gh_view at, const char *text)
{
    gh_url url;
    gh_error why = {GH_OK, ""};
    if (gh_url_parse(gh_view_of(text), &url, &why) != GH_OK) {
        return gh_toolfile_refuse(reader, at, WHAT ": tokenEndpoint: %s", why.message);
    }
    if (!(gh_url_is_https(&url) || (gh_url_is_http(&url) && gh_url_is_loopback(&url))) || url.has_userinfo ||
        url.has_fragment) {
        return gh_toolfile_refuse(reader, at,
                                  WHAT ": tokenEndpoint must be an https: URL (http: on this machine only), "
                                       "without a user and a fragment");
    }
    return GH_OK;
}

static gh_status read_client(gh_toolfile_reader *reader, gh_view at, const gh_view *values,
                             gh_credential *credential)
{
    if ((values[CLIENT_ID].ptr == NULL) != (values[CLIENT_SECRET_FILE].ptr == NULL)) {
        return gh_toolfile_refuse(reader, at,
                                  WHAT ": clientId and clientSecretFile go together; without both the "
                                       "server's own are used");
    }
    if (values[TOKEN_ENDPOINT].ptr != NULL) {
        if (values[CLIENT_ID].ptr == NULL) {
            return gh_toolfile_refuse(reader, values[TOKEN_ENDPOINT],
                                      WHAT
                                      ": tokenEndpoint needs clientId and clientSecretFile: the server's "
                                      "own secret is sent to its identity provider only");
        }
        gh_status status = check_endpoint(reader, values[TOKEN_ENDPOINT], credential->token_endpoint);
        if (status != GH_OK) {
            return status;
        }
    }
    return gh_toolfile_secret(reader, values[CLIENT_SECRET_FILE], WHAT ": clientSecretFile",
                              &credential->secret);
}

static gh_status read_header(gh_toolfile_reader *reader, gh_view at, const gh_view *values,
                             gh_credential *credential)
{
    if (credential->header == NULL || values[VALUE_FILE].ptr == NULL) {
        return gh_toolfile_refuse(reader, at, WHAT ": a header needs \"name\" and \"valueFile\"");
    }
    gh_view name = gh_view_of(credential->header);
    if (!gh_toolfile_is_header_name(name) || gh_toolfile_is_reserved_header(name) ||
        gh_view_eq_nocase(name, GH_VIEW_LIT("Content-Type"))) {
        return gh_toolfile_refuse(reader, values[NAME], WHAT ": %.64s cannot be the header of a secret",
                                  credential->header);
    }
    gh_status status =
        gh_toolfile_text(reader, values[PREFIX], WHAT ": prefix", GH_TOOLFILE_NAME_MAX, &credential->prefix);
    if (status == GH_OK && credential->prefix != NULL &&
        gh_text_has_control(gh_view_of(credential->prefix))) {
        status = gh_toolfile_refuse(reader, values[PREFIX], WHAT ": prefix holds a control character");
    }
    if (status == GH_OK) {
        status = gh_toolfile_secret(reader, values[VALUE_FILE], WHAT ": valueFile", &credential->secret);
    }
    if (status == GH_OK && gh_text_has_control(gh_secret_view(credential->secret))) {
        status = gh_toolfile_refuse(reader, values[VALUE_FILE],
                                    WHAT ": the value in valueFile must be one line without control "
                                         "characters");
    }
    return status;
}

gh_status gh_toolfile_read_credential(gh_toolfile_reader *reader, gh_view value, gh_credential *credential)
{
    gh_view values[MEMBERS] = {[TYPE] = value};
    size_t index = 0;
    gh_status status = GH_OK;
    if (gh_json_slice_type(value) == GH_JSON_OBJECT) {
        status = gh_toolfile_members(reader, WHAT, value, ROWS, MEMBERS, values);
    }
    if (status == GH_OK) {
        status = find_kind(reader, values[TYPE], &index);
    }
    if (status == GH_OK) {
        credential->kind = KINDS[index].kind;
        status = check_allowed(reader, values, index);
    }
    if (status == GH_OK) {
        status = read_words(reader, values, credential);
    }
    if (status != GH_OK) {
        return status;
    }
    switch (credential->kind) {
    case GH_CREDENTIAL_NONE:
    case GH_CREDENTIAL_USER:
        break;
    case GH_CREDENTIAL_EXCHANGE:
        if (credential->audience == NULL && credential->resource == NULL && credential->scope == NULL) {
            return gh_toolfile_refuse(reader, value,
                                      WHAT
                                      ": an exchange needs \"audience\", \"resource\" or \"scope\", which "
                                      "say what the new token is for");
        }
        break;
    case GH_CREDENTIAL_CLIENT:
        return read_client(reader, value, values, credential);
    case GH_CREDENTIAL_HEADER:
        return read_header(reader, value, values, credential);
    }
    return GH_OK;
}
