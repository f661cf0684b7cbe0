/* The APIs that a file names. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template_private.h"
#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define UPSTREAMS_MAX 1000
#define NAME_MAX_LEN 64
#define CONNECT_MS 5000
#define REQUEST_MS 10000
#define RESPONSE_BYTES (1024 * 1024)

typedef enum upstream_member {
    URL,
    CREDENTIAL,
    HEADERS,
    ALLOW_PRIVATE,
    CA_FILE,
    CONNECT_TIMEOUT,
    TIMEOUT,
    MAX_RESPONSE,
    MEMBERS
} upstream_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    [URL] = {"url", GH_TOOLFILE_STRING, true},
    [CREDENTIAL] = {"credential", GH_TOOLFILE_STRING | GH_TOOLFILE_OBJECT, false},
    [HEADERS] = {"headers", GH_TOOLFILE_OBJECT, false},
    [ALLOW_PRIVATE] = {"allowPrivate", GH_TOOLFILE_BOOL, false},
    [CA_FILE] = {"caFile", GH_TOOLFILE_STRING, false},
    [CONNECT_TIMEOUT] = {"connectTimeoutMs", GH_TOOLFILE_NUMBER, false},
    [TIMEOUT] = {"timeoutMs", GH_TOOLFILE_NUMBER, false},
    [MAX_RESPONSE] = {"maxResponseBytes", GH_TOOLFILE_NUMBER, false},
};

static bool is_name(const char *text)
{
    static const char CHARS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t len = strlen(text);
    return len > 0 && len <= NAME_MAX_LEN && strspn(text, CHARS) == len;
}

static bool is_address(const gh_url *url)
{
    return url->host_is_ipv6 || (url->host.len > 0 && strspn(url->host.ptr, "0123456789.") >= url->host.len);
}

static gh_status check_url(gh_toolfile_reader *reader, gh_view at, gh_upstream *upstream)
{
    gh_url url;
    gh_error why = {GH_OK, ""};
    size_t len = strlen(upstream->url);
    if (gh_url_parse(gh_view_make(upstream->url, len), &url, &why) != GH_OK) {
        return gh_toolfile_refuse(reader, at, "url: %s", why.message);
    }
    if (!gh_url_is_http(&url) || url.has_userinfo || url.has_query || url.has_fragment) {
        return gh_toolfile_refuse(
            reader, at,
            "url must be an https: URL such as https://api.example.com/v1, without a user, a query and a "
            "fragment");
    }
    if (gh_template_has_dot_segment(url.path)) {
        return gh_toolfile_refuse(reader, at, "url has a '.' or '..' in its path");
    }
    if (!gh_url_is_https(&url) && !gh_url_is_loopback(&url) && !upstream->allow_private) {
        return gh_toolfile_refuse(
            reader, at,
            "url must be https: what http: carries can be read on its way. It is allowed "
            "for this machine (localhost), and with \"allowPrivate\": true for a network "
            "of your own");
    }
    /* Whoever writes an address down means that one. */
    upstream->allow_private = upstream->allow_private || gh_url_is_loopback(&url) || is_address(&url);
    while (len > 0 && upstream->url[len - 1] == '/') {
        upstream->url[--len] = '\0';
    }
    return GH_OK;
}

static gh_status read_numbers(gh_toolfile_reader *reader, const gh_view *values, gh_upstream *upstream)
{
    int64_t bytes = RESPONSE_BYTES;
    upstream->connect_timeout_ms = CONNECT_MS;
    upstream->timeout_ms = REQUEST_MS;
    gh_status status = gh_toolfile_number(reader, values[CONNECT_TIMEOUT], "connectTimeoutMs", 1,
                                          GH_TOOLFILE_SECONDS_MAX * 1000, &upstream->connect_timeout_ms);
    if (status == GH_OK) {
        status = gh_toolfile_number(reader, values[TIMEOUT], "timeoutMs", 1, GH_TOOLFILE_SECONDS_MAX * 1000,
                                    &upstream->timeout_ms);
    }
    if (status == GH_OK) {
        status = gh_toolfile_number(reader, values[MAX_RESPONSE], "maxResponseBytes", 1,
                                    GH_TOOLFILE_RESPONSE_MAX, &bytes);
    }
    upstream->max_response = (size_t)bytes;
    return status;
}

static gh_status fill(gh_toolfile_reader *reader, const gh_view *values, gh_upstream *upstream)
{
    static const gh_toolfile_arguments NONE = {
        .noun = "what an upstream's headers may hold: {@subject} and the like, and no arguments"};
    upstream->allow_private = values[ALLOW_PRIVATE].ptr != NULL && gh_toolfile_is_true(values[ALLOW_PRIVATE]);
    gh_status status = gh_toolfile_word(reader, values[URL], "url", GH_URL_MAX, &upstream->url);
    if (status == GH_OK) {
        status = check_url(reader, values[URL], upstream);
    }
    if (status == GH_OK && values[CREDENTIAL].ptr != NULL) {
        status = gh_toolfile_read_credential(reader, values[CREDENTIAL], &upstream->credential);
    }
    if (status == GH_OK && values[HEADERS].ptr != NULL) {
        status = gh_toolfile_read_headers(reader, values[HEADERS], "headers", &NONE, NULL,
                                          &upstream->credential, &upstream->headers, &upstream->header_count);
    }
    if (status == GH_OK) {
        status = gh_toolfile_real_file(reader, values[CA_FILE], "caFile", &upstream->ca_file);
    }
    return status == GH_OK ? read_numbers(reader, values, upstream) : status;
}

static gh_status check_name(gh_toolfile_reader *reader, gh_view key, const char *name)
{
    const gh_toolset *set = &reader->kept->set;
    if (!is_name(name)) {
        return gh_toolfile_refuse(reader, key,
                                  "the name of an upstream must be 1 to %d letters, digits, '_', '-' or '.'",
                                  NAME_MAX_LEN);
    }
    for (size_t i = 0; i + 1 < set->upstream_count; i++) {
        if (strcmp(set->upstreams[i].name, name) == 0) {
            return gh_toolfile_refuse(reader, key, "there is one of that name already");
        }
    }
    return GH_OK;
}

static gh_status read_one(gh_toolfile_reader *reader, gh_view key, gh_view value)
{
    gh_view values[MEMBERS];
    gh_toolset *set = &reader->kept->set;
    gh_upstream *grown = reallocarray(set->upstreams, set->upstream_count + 1, sizeof *grown);
    if (grown == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    set->upstreams = grown;
    gh_upstream *upstream = &set->upstreams[set->upstream_count++];
    memset(upstream, 0, sizeof *upstream);
    gh_status status =
        gh_toolfile_text(reader, key, "the name of an upstream", GH_TOOLFILE_TEXT_MAX, &upstream->name);
    if (status == GH_OK) {
        gh_toolfile_set_item(reader, "upstream", upstream->name);
        status = check_name(reader, key, upstream->name);
    }
    if (status == GH_OK) {
        status = gh_toolfile_members(reader, "", value, ROWS, MEMBERS, values);
    }
    return status == GH_OK ? fill(reader, values, upstream) : status;
}

gh_status gh_toolfile_read_upstreams(gh_toolfile_reader *reader, gh_view object)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    if (reader->kept->set.upstream_count + gh_toolfile_count(object) > UPSTREAMS_MAX) {
        return gh_toolfile_refuse(reader, object, "there are more than %d upstreams", UPSTREAMS_MAX);
    }
    (void)gh_json_iter_start(object, &iter);
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &value)) {
        status = read_one(reader, key, value);
    }
    reader->item[0] = '\0';
    return status;
}
