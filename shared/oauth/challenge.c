#include "shared/oauth/challenge.h"

#include <stdlib.h>
#include <string.h>

typedef struct scanner {
    gh_view text;
    size_t at;
} scanner;

static bool at_end(const scanner *in)
{
    return in->at >= in->text.len;
}

/* The current character, or NUL at the end; NUL itself never gets into a scanner. */
static char peek(const scanner *in)
{
    return at_end(in) ? '\0' : in->text.ptr[in->at];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(scanner *in)
{
    while (is_blank(peek(in))) {
        in->at++;
    }
}

static void skip_separators(scanner *in)
{
    while (is_blank(peek(in)) || peek(in) == ',') {
        in->at++;
    }
}

static gh_view read_token(scanner *in)
{
    size_t start = in->at;
    while (is_token_char(peek(in))) {
        in->at++;
    }
    return gh_view_make(in->text.ptr + start, in->at - start);
}

/* True when `name = value` comes next, and not a token68 or the next scheme. */
static bool param_follows(scanner in)
{
    if (read_token(&in).len == 0) {
        return false;
    }
    skip_blanks(&in);
    if (peek(&in) != '=') {
        return false;
    }
    in.at++;
    skip_blanks(&in);
    return !at_end(&in) && peek(&in) != '=' && peek(&in) != ',';
}

static gh_status read_quoted(scanner *in, gh_buf *value)
{
    in->at++;
    while (!at_end(in) && peek(in) != '"') {
        if (peek(in) == '\\') {
            in->at++;
        }
        if (at_end(in)) {
            break;
        }
        (void)gh_buf_append_char(value, peek(in));
        in->at++;
    }
    if (at_end(in)) {
        return GH_ERR_PARSE;
    }
    in->at++;
    return gh_buf_status(value);
}

/* Servers send URLs and scopes without quotes although they are no tokens; there is only one way to
 * understand them. */
static gh_status read_bare(scanner *in, gh_buf *value)
{
    while (!at_end(in) && !is_blank(peek(in)) && peek(in) != ',') {
        if (peek(in) == '"') {
            return GH_ERR_PARSE;
        }
        (void)gh_buf_append_char(value, peek(in));
        in->at++;
    }
    return gh_buf_status(value);
}

static char **member_of(gh_challenge *challenge, gh_view name)
{
    if (gh_view_eq_nocase(name, GH_VIEW_LIT("realm"))) {
        return &challenge->realm;
    }
    if (gh_view_eq_nocase(name, GH_VIEW_LIT("resource_metadata"))) {
        return &challenge->resource_metadata;
    }
    if (gh_view_eq_nocase(name, GH_VIEW_LIT("scope"))) {
        return &challenge->scope;
    }
    if (gh_view_eq_nocase(name, GH_VIEW_LIT("error"))) {
        return &challenge->error;
    }
    return gh_view_eq_nocase(name, GH_VIEW_LIT("error_description")) ? &challenge->error_description : NULL;
}

/* Reads one `name = value`; keeps it when `challenge` is not NULL and knows the name. */
static gh_status read_param(scanner *in, gh_challenge *challenge)
{
    gh_buf value = GH_BUF_INIT(in->text.len);
    gh_view name = read_token(in);
    char **member = challenge == NULL ? NULL : member_of(challenge, name);
    skip_blanks(in);
    in->at++;
    skip_blanks(in);
    gh_status status = peek(in) == '"' ? read_quoted(in, &value) : read_bare(in, &value);
    if (status == GH_OK && member != NULL) {
        /* A parameter that occurs twice has no meaning (RFC 9110, 11.2). */
        status = *member == NULL ? GH_OK : GH_ERR_PARSE;
    }
    if (status == GH_OK && member != NULL) {
        *member = gh_view_dup(gh_buf_view(&value));
        status = *member == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&value);
    return status;
}

static void skip_token68(scanner *in)
{
    while (is_token_char(peek(in)) || peek(in) == '/' || peek(in) == '=') {
        in->at++;
    }
}

/* Reads what follows a scheme, up to the next scheme or the end. */
static gh_status read_params(scanner *in, gh_challenge *challenge)
{
    gh_status status = GH_OK;
    if (!at_end(in) && !is_blank(peek(in)) && peek(in) != ',') {
        return GH_ERR_PARSE;
    }
    skip_blanks(in);
    if (!at_end(in) && peek(in) != ',' && !param_follows(*in)) {
        skip_token68(in);
    }
    while (status == GH_OK) {
        scanner start = *in;
        skip_separators(in);
        if (!param_follows(*in)) {
            bool separated = in->at > start.at || at_end(in);
            status = separated ? GH_OK : GH_ERR_PARSE;
            break;
        }
        status = read_param(in, challenge);
    }
    return status;
}

gh_status gh_challenge_parse(gh_view header, gh_challenge *challenge)
{
    scanner in = {header, 0};
    gh_challenge parsed = {NULL, NULL, NULL, NULL, NULL};
    gh_challenge bound = {NULL, NULL, NULL, NULL, NULL};
    bool has_bound = false;
    gh_status status = GH_OK;
    for (size_t i = 0; i < header.len; i++) {
        unsigned char c = (unsigned char)header.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return GH_ERR_PARSE;
        }
    }
    if (!gh_text_is_utf8(header)) {
        return GH_ERR_PARSE;
    }
    skip_separators(&in);
    while (status == GH_OK && !at_end(&in)) {
        gh_view scheme = read_token(&in);
        bool bearer = gh_view_eq_nocase(scheme, GH_VIEW_LIT("Bearer"));
        bool dpop = !has_bound && gh_view_eq_nocase(scheme, GH_VIEW_LIT("DPoP"));
        gh_challenge *into = bearer ? &parsed : dpop ? &bound : NULL;
        status = scheme.len == 0 ? GH_ERR_PARSE : read_params(&in, into);
        if (status == GH_OK && bearer) {
            gh_challenge_clear(&bound);
            *challenge = parsed;
            return GH_OK;
        }
        has_bound = has_bound || dpop;
    }
    if (status == GH_OK && has_bound) {
        *challenge = bound;
        return GH_OK;
    }
    gh_challenge_clear(&bound);
    gh_challenge_clear(&parsed);
    return status == GH_OK ? GH_ERR_NOT_FOUND : status;
}

void gh_challenge_clear(gh_challenge *challenge)
{
    free(challenge->realm);
    free(challenge->resource_metadata);
    free(challenge->scope);
    free(challenge->error);
    free(challenge->error_description);
    memset(challenge, 0, sizeof *challenge);
}

static gh_status write_param(gh_buf *out, const char *name, const char *value, bool *first)
{
    if (value == NULL) {
        return GH_OK;
    }
    if (gh_text_has_control(gh_view_of(value))) {
        return GH_ERR_INVALID;
    }
    (void)gh_buf_appendf(out, "%s%s=\"", *first ? " " : ", ", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            (void)gh_buf_append_char(out, '\\');
        }
        (void)gh_buf_append_char(out, *c);
    }
    (void)gh_buf_append_char(out, '"');
    *first = false;
    return gh_buf_status(out);
}

gh_status gh_challenge_write(const gh_challenge *challenge, gh_buf *out)
{
    const struct {
        const char *name;
        const char *value;
    } params[] = {{"realm", challenge->realm},
                  {"error", challenge->error},
                  {"error_description", challenge->error_description},
                  {"resource_metadata", challenge->resource_metadata},
                  {"scope", challenge->scope}};
    bool first = true;
    gh_status status = gh_buf_append_cstr(out, "Bearer");
    for (size_t i = 0; status == GH_OK && i < sizeof params / sizeof *params; i++) {
        status = write_param(out, params[i].name, params[i].value, &first);
    }
    return status;
}
