#include "bridge/options_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/core/file.h"

#define HEADERS_MAX 64
#define VALUE_MAX (64 * 1024)
#define MASK "***"

static gh_status no_memory(gh_error *error)
{
    (void)gh_error_set(error, GH_ERR_NOMEM, "No memory is left.");
    return GH_ERR_NOMEM;
}

static void settle_transport(gh_bridge_settings *settings)
{
    static const struct {
        const char *name;
        gh_bridge_transport transport;
    } TRANSPORTS[] = {{"http-first", GH_BRIDGE_HTTP_FIRST},
                      {"sse-first", GH_BRIDGE_SSE_FIRST},
                      {"http-only", GH_BRIDGE_HTTP_ONLY},
                      {"sse-only", GH_BRIDGE_SSE_ONLY}};

    for (size_t i = 0; i < sizeof(TRANSPORTS) / sizeof(TRANSPORTS[0]); i++) {
        if (strcmp(settings->transport_name, TRANSPORTS[i].name) == 0) {
            settings->transport = TRANSPORTS[i].transport;
        }
    }
}

static gh_status check_callback_path(const char *path, gh_error *error)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._~-";

    if (path != NULL && path[0] == '/' && strlen(path) <= 100 && path[strspn(path, PLAIN)] == '\0') {
        return GH_OK;
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "--callback-path must begin with / and hold letters, digits and . _ ~ - only.");
}

/* A key that others can read is no secret any more. */
static gh_status check_key(const char *option, const char *path, bool is_key, gh_error *error)
{
    struct stat info;

    if (path == NULL) {
        return GH_OK;
    }
    if (stat(path, &info) != 0) {
        return gh_error_set(error, GH_ERR_INVALID, "--%s: cannot look at %.200s: %s.", option, path,
                            strerror(errno));
    }
    if (is_key && (info.st_mode & 077) != 0 && !gh_option_is_secret_mount(path)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--%s: %.200s holds a private key, but other users may read it; run: chmod 600 %.200s", option,
            path, path);
    }
    return GH_OK;
}

static gh_status check_tls(const gh_bridge_settings *settings, gh_error *error)
{
    gh_status status;

    if (settings->tls_key != NULL && settings->tls_cert == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "--tls-key needs --tls-cert.");
    }
    status = check_key("tls-cert", settings->tls_cert, settings->tls_key == NULL, error);
    return status == GH_OK ? check_key("tls-key", settings->tls_key, true, error) : status;
}

/* What the transport says itself cannot be said twice. */
static bool is_reserved(const char *name)
{
    static const char *const NAMES[] = {"Host",
                                        "Content-Length",
                                        "Content-Type",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Accept",
                                        "TE",
                                        "Trailer",
                                        "Upgrade",
                                        "Expect",
                                        "Keep-Alive",
                                        "Last-Event-ID",
                                        "Proxy-Authorization",
                                        "Proxy-Connection"};

    if (strlen(name) > 4 && gh_view_eq_nocase(gh_view_make(name, 4), GH_VIEW_LIT("Mcp-"))) {
        return true;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (gh_view_eq_nocase(gh_view_of(name), gh_view_of(NAMES[i]))) {
            return true;
        }
    }
    return false;
}

static const char *variable(char *const *env, gh_view name)
{
    for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
        if (strncmp(env[i], name.ptr, name.len) == 0 && env[i][name.len] == '=') {
            return env[i] + name.len + 1;
        }
    }
    return NULL;
}

/* Appends `text` with every ${NAME} replaced. */
static gh_status expand(gh_view text, char *const *env, const char *where, gh_buf *out, gh_error *error)
{
    for (size_t i = 0; i < text.len; i++) {
        gh_view rest = gh_view_make(text.ptr + i, text.len - i);
        size_t end = gh_view_find(rest, '}');
        gh_view name;
        const char *value;

        if (!gh_view_starts_with(rest, GH_VIEW_LIT("${")) || end == rest.len || end == 2) {
            (void)gh_buf_append_char(out, rest.ptr[0]);
            continue;
        }
        name = gh_view_make(rest.ptr + 2, end - 2);
        value = variable(env, name);
        if (value == NULL) {
            return gh_error_set(error, GH_ERR_INVALID, "%s: the environment has no variable \"%.*s\".", where,
                                (int)(name.len < 100 ? name.len : 100), name.ptr);
        }
        (void)gh_buf_append_cstr(out, value);
        i += end;
    }
    return gh_buf_status(out) == GH_OK
               ? GH_OK
               : gh_error_set(error, GH_ERR_INVALID, "%s: the value is too long.", where);
}

/* A header of the same name gives way. Takes both texts over. */
static gh_status keep(gh_bridge_settings *settings, char *name, char *value, const char *where,
                      gh_error *error)
{
    size_t at = 0;

    while (at < settings->header_count &&
           !gh_view_eq_nocase(gh_view_of(settings->headers[at].name), gh_view_of(name))) {
        at++;
    }
    if (at == HEADERS_MAX) {
        free(name);
        gh_wipe_free(value);
        return gh_error_set(error, GH_ERR_INVALID, "%s: more than %d headers.", where, HEADERS_MAX);
    }
    if (at < settings->header_count) {
        free((char *)(uintptr_t)settings->headers[at].name);
        gh_wipe_free((char *)(uintptr_t)settings->headers[at].value);
    } else {
        settings->header_count++;
    }
    settings->headers[at] = (gh_http_header){name, value};
    settings->own_authorization =
        settings->own_authorization || gh_view_eq_nocase(gh_view_of(name), GH_VIEW_LIT("Authorization"));
    return GH_OK;
}

static gh_status take_header(gh_bridge_settings *settings, gh_view line, char *const *env, const char *where,
                             gh_error *error)
{
    size_t colon = gh_view_find(line, ':');
    gh_buf value = GH_BUF_INIT(VALUE_MAX);
    char *name = NULL;
    char *text = NULL;
    gh_status status = gh_buf_reserve(&value, VALUE_MAX); /* one block to wipe */

    if (status == GH_OK && colon == line.len) {
        status = gh_error_set(error, GH_ERR_INVALID, "%s must be of the form \"Name: value\".", where);
    }
    if (status == GH_OK) {
        gh_view rest = gh_view_trim(gh_view_make(line.ptr + colon + 1, line.len - colon - 1));

        status = expand(rest, env, where, &value, error);
    }
    if (status == GH_OK) {
        name = gh_view_dup(gh_view_trim(gh_view_make(line.ptr, colon)));
        text = gh_view_dup(gh_view_trim(gh_buf_view(&value)));
        status = name != NULL && text != NULL ? GH_OK : no_memory(error);
    }
    if (status == GH_OK && !gh_http_header_is_valid(name, text)) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "%s: the name or value has characters that no header can carry.", where);
    } else if (status == GH_OK && is_reserved(name)) {
        status = gh_error_set(error, GH_ERR_INVALID, "%s cannot set %.60s: the bridge sets it itself.", where,
                              name);
    } else if (status == GH_OK && strcmp(text, MASK) == 0) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "%s: " MASK " is the mask that --print-config shows, not a value.", where);
    }
    gh_buf_wipe_free(&value);
    if (status == GH_OK) {
        return keep(settings, name, text, where, error);
    }
    free(name);
    gh_wipe_free(text);
    return status == GH_ERR_NOMEM ? no_memory(error) : status;
}

static gh_status take_file(gh_bridge_settings *settings, char *const *env, gh_error *error)
{
    gh_secret *content = NULL;
    gh_view rest;
    gh_view line;
    const char *path = settings->header_file;
    gh_status status;

    if (path == NULL) {
        return GH_OK;
    }
    status = gh_file_read_secret(path, gh_option_is_secret_mount(path), &content, error);
    rest = gh_secret_view(content);
    for (int number = 1; status == GH_OK && gh_view_next(&rest, '\n', &line); number++) {
        gh_error where = {GH_OK, ""};

        line = gh_view_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        (void)gh_error_set(&where, GH_OK, "%.200s, line %d,", path, number);
        status = take_header(settings, line, env, where.message, error);
    }
    gh_secret_free(content);
    return status;
}

/* "Name: value" becomes "Name: ***": the list is what --print-config shows. */
static gh_status mask(char **line)
{
    gh_buf masked = GH_BUF_INIT(VALUE_MAX);
    char *text;

    (void)gh_buf_append_view(&masked, gh_view_make(*line, gh_view_find(gh_view_of(*line), ':')));
    (void)gh_buf_append_cstr(&masked, ": " MASK);
    text = gh_buf_steal(&masked);
    gh_buf_free(&masked);
    if (text == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_wipe_free(*line);
    *line = text;
    return GH_OK;
}

static gh_status take_headers(gh_bridge_settings *settings, char *const *env, gh_error *error)
{
    gh_status status = GH_OK;

    if (settings->header_lines.count == 0 && settings->header_file == NULL) {
        return GH_OK;
    }
    settings->headers = calloc(HEADERS_MAX, sizeof(*settings->headers));
    if (settings->headers == NULL) {
        return no_memory(error);
    }
    status = take_file(settings, env, error);
    for (size_t i = 0; status == GH_OK && i < settings->header_lines.count; i++) {
        char **line = &settings->header_lines.items[i];

        status = take_header(settings, gh_view_of(*line), env, "--header", error);
        if (status == GH_OK && mask(line) != GH_OK) {
            status = no_memory(error);
        }
    }
    return status;
}

static gh_status check_login(const gh_bridge_settings *settings, gh_error *error)
{
    if (!settings->own_authorization ||
        (settings->command != GH_BRIDGE_LOGIN && settings->grant == GH_BRIDGE_GRANT_CODE)) {
        return GH_OK;
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "The Authorization header is given with --header or --header-file, so no sign-in is "
                        "made: leave out the one or the other.");
}

gh_status gh_bridge_settle_connection(gh_bridge_settings *settings, char *const *env, gh_error *error)
{
    gh_status status = check_callback_path(settings->callback_path, error);

    settle_transport(settings);
    if (status == GH_OK) {
        status = check_tls(settings, error);
    }
    if (status == GH_OK) {
        status = take_headers(settings, env, error);
    }
    return status == GH_OK ? check_login(settings, error) : status;
}

void gh_bridge_clear_connection(gh_bridge_settings *settings)
{
    for (size_t i = 0; i < settings->header_count; i++) {
        free((char *)(uintptr_t)settings->headers[i].name);
        gh_wipe_free((char *)(uintptr_t)settings->headers[i].value);
    }
    free(settings->headers);
    settings->headers = NULL;
    settings->header_count = 0;
}
