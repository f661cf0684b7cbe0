/* Where calls go: the upstream that is named, or one that is made of a server of the description. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"
#include "shared/net/url.h"

#define UPSTREAMS_MAX 100

/* --- URLs --- */

static bool fill_variables(gh_openapi_reader *reader, const cJSON *server, gh_buf *out)
{
    gh_view rest = gh_view_of(gh_json_get_string(server, "url"));
    while (rest.len > 0) {
        size_t open = gh_view_find(rest, '{');
        (void)gh_buf_append(out, rest.ptr, open);
        rest = gh_view_make(rest.ptr + open, rest.len - open);
        size_t close = gh_view_find(rest, '}');
        if (rest.len == 0) {
            break;
        }
        char *name = close < rest.len ? gh_view_dup(gh_view_make(rest.ptr + 1, close - 1)) : NULL;
        const cJSON *variable = name != NULL ? gh_json_get(gh_json_get(server, "variables"), name) : NULL;
        const char *value = gh_json_get_string(variable, "default");
        free(name);
        if (value == NULL) {
            gh_openapi_tell(reader, "the server %.150s has a variable without a default",
                            gh_json_get_string(server, "url"));
            return false;
        }
        (void)gh_buf_append_cstr(out, value);
        rest = gh_view_make(rest.ptr + close + 1, rest.len - close - 1);
    }
    return gh_buf_status(out) == GH_OK;
}

static bool is_absolute(gh_view text)
{
    size_t colon = gh_view_find(text, ':');
    for (size_t i = 0; i < colon; i++) {
        if (colon == text.len || (!isalnum((unsigned char)text.ptr[i]) && text.ptr[i] != '+')) {
            return false;
        }
    }
    return colon > 0 && colon < text.len;
}

/* RFC 3986, 5.2, for what servers look like: "/v1", "v1", "./v1", "../v1", "//host/v1". */
static bool resolve(gh_view relative, const char *base_text, gh_buf *out)
{
    gh_url base;
    if (base_text == NULL || gh_url_parse(gh_view_of(base_text), &base, NULL) != GH_OK) {
        return false;
    }
    if (gh_view_starts_with(relative, GH_VIEW_LIT("//"))) {
        (void)gh_buf_append_view(out, base.scheme);
        (void)gh_buf_append_char(out, ':');
        return gh_buf_append_view(out, relative) == GH_OK;
    }
    if (gh_url_write_origin(&base, out) != GH_OK) {
        return false;
    }
    gh_view folder = {NULL, 0};
    if (relative.len == 0 || relative.ptr[0] != '/') {
        folder = base.path;
        while (folder.len > 0 && folder.ptr[folder.len - 1] != '/') {
            folder.len--;
        }
        folder = folder.len == 0 ? GH_VIEW_LIT("/") : folder;
    }
    while (gh_view_starts_with(relative, GH_VIEW_LIT("./")) ||
           gh_view_starts_with(relative, GH_VIEW_LIT("../"))) {
        bool up = gh_view_starts_with(relative, GH_VIEW_LIT("../"));
        relative = gh_view_make(relative.ptr + (up ? 3 : 2), relative.len - (up ? 3 : 2));
        while (up && folder.len > 1 && folder.ptr[--folder.len - 1] != '/') {
        }
    }
    (void)gh_buf_append_view(out, folder);
    return gh_buf_append_view(out, relative) == GH_OK;
}

/* This machine and plain addresses are called when somebody here names them. A description that was fetched
 * may name the place that it came from, and hosts that are looked at when they are connected to. */
static bool leads_inside(const gh_openapi_reader *reader, const gh_url *url)
{
    gh_url base;
    bool digits = true;
    for (size_t i = 0; i < url->host.len && digits; i++) {
        digits = isdigit((unsigned char)url->host.ptr[i]) || url->host.ptr[i] == '.';
    }
    return reader->options->base != NULL && (url->host_is_ipv6 || digits || gh_url_is_loopback(url)) &&
           (gh_url_parse(gh_view_of(reader->options->base), &base, NULL) != GH_OK ||
            !gh_url_same_origin(&base, url));
}

static bool is_usable(gh_openapi_reader *reader, gh_view text, bool plain)
{
    gh_url url;
    gh_error why = {GH_OK, ""};
    const char *wrong = NULL;
    if (gh_url_parse(text, &url, &why) != GH_OK) {
        wrong = why.message;
    } else if (!gh_url_is_http(&url) || url.has_userinfo || url.has_query || url.has_fragment) {
        wrong = "it must be https, without a user, a query and a fragment";
    } else if (leads_inside(reader, &url)) {
        wrong = "it is this machine or an address, which a description that was fetched must not choose; "
                "name the upstream that calls go to";
    } else if (!gh_openapi_is_straight(url.path)) {
        wrong = "its path may lead elsewhere than it reads";
    } else if (!gh_url_is_https(&url) && !gh_url_is_loopback(&url) && !plain) {
        wrong = "what http: carries can be read on its way; name an upstream if it must be";
    }
    if (wrong != NULL) {
        gh_openapi_tell(reader, "the server %.*s cannot be used: %.200s",
                        (int)(text.len < 150 ? text.len : 150), text.ptr, wrong);
    }
    return wrong == NULL;
}

static bool one_server(gh_openapi_reader *reader, const cJSON *server, bool plain, gh_buf *url)
{
    const char *text = gh_json_get_string(server, "url");
    gh_buf filled = GH_BUF_INIT(GH_URL_MAX);
    bool good = text != NULL && fill_variables(reader, server, &filled);
    if (good && is_absolute(gh_buf_view(&filled))) {
        good = gh_buf_append_view(url, gh_buf_view(&filled)) == GH_OK;
    } else if (good) {
        good = resolve(gh_buf_view(&filled), reader->options->base, url);
        if (!good) {
            gh_openapi_tell(reader, "the server %.150s is relative, and to what is not known", text);
        }
    }
    good = good && is_usable(reader, gh_buf_view(url), plain);
    while (good && url->len > 0 && url->data[url->len - 1] == '/') {
        url->data[--url->len] = '\0';
    }
    gh_buf_free(&filled);
    return good;
}

bool gh_openapi_server(gh_openapi_reader *reader, const cJSON *servers, bool plain, gh_buf *url)
{
    static const char NONE[] = "/"; /* what no servers means (OpenAPI 3.1, 4.8.1.1) */
    const cJSON *server = NULL;
    cJSON_ArrayForEach(server, servers)
    {
        gh_buf_clear(url);
        if (one_server(reader, server, plain, url)) {
            return true;
        }
    }
    gh_buf_clear(url);
    if (cJSON_GetArraySize(servers) > 0 || !resolve(gh_view_of(NONE), reader->options->base, url)) {
        return false;
    }
    url->data[--url->len] = '\0';
    return true;
}

/* --- upstreams --- */

static const cJSON *servers_of(const gh_openapi_call *call)
{
    const cJSON *own = gh_json_get_array(call->json, "servers");
    return cJSON_GetArraySize(own) > 0 ? own : gh_json_get_array(call->item, "servers");
}

static bool same_origin(gh_view left, gh_view right)
{
    gh_url a, b;
    return gh_url_parse(left, &a, NULL) == GH_OK && gh_url_parse(right, &b, NULL) == GH_OK &&
           gh_url_same_origin(&a, &b);
}

/* The server that the description names for all; sought once, so that what is wrong is told once. */
static const char *home_of(gh_openapi_reader *reader, bool plain)
{
    const char *where = reader->where;
    gh_buf url = GH_BUF_INIT(GH_URL_MAX);
    if (!reader->server_sought) {
        reader->server_sought = true;
        reader->where = "";
        if (gh_openapi_server(reader, gh_json_get_array(reader->root, "servers"), plain, &url)) {
            reader->server = gh_text_dup(gh_buf_cstr(&url));
        }
        reader->where = where;
    }
    gh_buf_free(&url);
    return reader->server;
}

/* A server of the operation's own: of the same origin as the rest, if there is one. */
static bool own_url(gh_openapi_reader *reader, const cJSON *own, bool plain, const char *home, gh_buf *url)
{
    if (!gh_openapi_server(reader, own, plain, url)) {
        gh_openapi_tell(reader, "left out: it has servers of its own, and none can be used");
        return false;
    }
    home = home != NULL ? home : reader->origin;
    if (home != NULL && !same_origin(gh_view_of(home), gh_buf_view(url))) {
        gh_openapi_tell(reader, "left out: it goes to another server than the rest, %.150s",
                        gh_buf_cstr(url));
        return false;
    }
    if (home == NULL) {
        reader->origin = gh_text_dup(gh_buf_cstr(url));
    }
    return true;
}

/* False when the operation is left out, or the conversion has ended. */
static bool find_url(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *members,
                     gh_buf *url)
{
    const bool plain = cJSON_IsTrue(gh_json_get(members, "allowPrivate"));
    const char *given = gh_json_get_string(members, "url");
    const char *home = given != NULL ? given : home_of(reader, plain);
    const cJSON *own = servers_of(call);
    if (cJSON_GetArraySize(own) > 0) {
        return own_url(reader, own, plain, home, url);
    }
    return home != NULL ? gh_buf_append_cstr(url, home) == GH_OK
                        : gh_openapi_refuse(reader, "no server of the description can be used: it takes one "
                                                    "with an absolute https: URL. Or write an upstream in a "
                                                    "tools file, and name it by --openapi-upstream, with "
                                                    "--tools for the file");
}

static const char *add_upstream(gh_openapi_reader *reader, cJSON *made)
{
    const cJSON *info = gh_json_get(reader->root, "info");
    const char *title = gh_json_get_string(info, "title");
    const cJSON *other = NULL;
    gh_openapi_names names = {NULL, 0, 0};
    cJSON_ArrayForEach(other, reader->upstreams)
    {
        if (cJSON_Compare(other, made, true)) {
            cJSON_Delete(made);
            gh_openapi_names_clear(&names);
            return other->string;
        }
        (void)gh_openapi_unique(&names, gh_text_dup(other->string));
    }
    if (names.count >= UPSTREAMS_MAX) {
        gh_openapi_tell(reader, "left out: there are over %d servers", UPSTREAMS_MAX);
        gh_openapi_names_clear(&names);
        cJSON_Delete(made);
        return NULL;
    }
    char *wanted = gh_openapi_legal(title != NULL && title[0] != '\0' ? title : "api", 40);
    for (char *at = wanted; at != NULL && *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    const char *name = gh_openapi_unique(&names, wanted);
    gh_openapi_put(reader, reader->upstreams, name, made);
    gh_openapi_names_clear(&names);
    return reader->status == GH_OK ? made->string : NULL;
}

static const char *make_upstream(gh_openapi_reader *reader, const gh_openapi_call *call,
                                 const cJSON *overrides)
{
    const cJSON *members = gh_json_get_object(overrides, "upstream");
    const cJSON *credential = gh_json_get(overrides, "credential");
    const char *name = NULL;
    gh_buf url = GH_BUF_INIT(GH_URL_MAX);
    cJSON *made = NULL;
    if (!find_url(reader, call, members, &url)) {
        goto out;
    }
    made = members != NULL ? cJSON_Duplicate(members, true) : cJSON_CreateObject();
    cJSON_DeleteItemFromObjectCaseSensitive(made, "url");
    gh_openapi_put(reader, made, "url", cJSON_CreateString(gh_buf_cstr(&url)));
    if (credential != NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(made, "credential");
        gh_openapi_put(reader, made, "credential", cJSON_Duplicate(credential, true));
    }
    if (reader->status != GH_OK) {
        cJSON_Delete(made);
        goto out;
    }
    name = add_upstream(reader, made);
out:
    gh_buf_free(&url);
    return name;
}

/* A server of the operation's own must be the one that the upstream stands for. */
static const char *named_upstream(gh_openapi_reader *reader, const gh_openapi_call *call, const char *name)
{
    const cJSON *own = servers_of(call);
    const char *home = cJSON_GetArraySize(own) > 0 ? home_of(reader, true) : NULL;
    gh_buf mine = GH_BUF_INIT(GH_URL_MAX);
    if (cJSON_GetArraySize(own) > 0 && (home == NULL || !gh_openapi_server(reader, own, true, &mine) ||
                                        !gh_view_eq_cstr(gh_buf_view(&mine), home))) {
        gh_openapi_tell(reader, "left out: it has a server of its own, which is not that of upstream %.60s",
                        name);
        name = NULL;
    }
    gh_buf_free(&mine);
    return name;
}

const char *gh_openapi_upstream(gh_openapi_reader *reader, const gh_openapi_call *call,
                                const cJSON *overrides)
{
    const char *given = reader->options->upstream;
    const char *said = gh_json_get_string(overrides, "upstream");
    if (given != NULL) {
        return named_upstream(reader, call, given);
    }
    return said != NULL ? named_upstream(reader, call, said) : make_upstream(reader, call, overrides);
}
