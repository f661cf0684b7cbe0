#include "server/descriptions.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/file.h"
#include "shared/json/slice.h"
#include "shared/net/http_client.h"
#include "shared/net/url.h"

#define FETCH_MS 10000
#define WHERE_MAX ((size_t)64 * 1024)

typedef struct text {
    char *label;
    char *folder;
    bool made; /* of an OpenAPI description */
    gh_buf bytes;
} text;

typedef struct reading {
    const gh_descriptions *wanted;
    text texts[GH_DESCRIPTIONS_MAX];
    size_t count;
} reading;

/* One OpenAPI description to convert. */
typedef struct order {
    const char *place; /* a file or a URL */
    const gh_text_list *select;
    const char *upstream;
} order;

static void text_clear(text *one)
{
    free(one->label);
    free(one->folder);
    gh_buf_free(&one->bytes);
}

/* The next of the texts, empty; NULL when there are too many. */
static text *next_text(reading *all, const char *label, size_t max, gh_error *error)
{
    if (all->count == GH_DESCRIPTIONS_MAX) {
        (void)gh_error_set(error, GH_ERR_INVALID,
                           "There are more than %d tools files and OpenAPI descriptions.",
                           GH_DESCRIPTIONS_MAX);
        return NULL;
    }
    text *one = &all->texts[all->count++];
    *one = (text){.label = gh_text_dup(label), .bytes = GH_BUF_INIT(max)};
    if (one->label == NULL) {
        (void)gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
        return NULL;
    }
    return one;
}

/* The folder that holds the file, absolute. */
static gh_status folder_of(const char *file, char **folder, gh_error *error)
{
    char *path = realpath(file, NULL);
    char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (slash == NULL) {
        free(path);
        return gh_error_set(error, GH_ERR_INVALID, "There is no file %s.", file);
    }
    slash[slash == path ? 1 : 0] = '\0';
    *folder = path;
    return GH_OK;
}

/* --- OpenAPI descriptions --- */

static bool is_url(const char *place)
{
    return strncmp(place, "https://", 8) == 0 || strncmp(place, "http://", 7) == 0;
}

static gh_status check_url(const char *place, gh_error *error)
{
    gh_url url;
    gh_error why = {0};
    if (gh_url_parse(gh_view_of(place), &url, &why) != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID, "%s: %s", place, why.message);
    }
    if (url.has_userinfo || (!gh_url_is_https(&url) && !gh_url_is_loopback(&url))) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "%s: a description is fetched by https, without a user name in the URL; or "
                            "download it and name the file.",
                            place);
    }
    return GH_OK;
}

static gh_status fetch(const char *place, const gh_descriptions *wanted, gh_buf *out, gh_error *error)
{
    static const gh_http_header headers[] = {{"Accept", "application/json, application/yaml, */*;q=0.5"}};
    const gh_http_client_options options = {
        .user_agent = "gatehouse/" GATEHOUSE_VERSION, .ca_file = wanted->ca_file, .quick_exit = true};
    const gh_http_request request = {.method = "GET",
                                     .url = place,
                                     .headers = headers,
                                     .header_count = 1,
                                     .timeout_ms = FETCH_MS,
                                     .max_response = GH_OPENAPI_MAX,
                                     .follow_redirects = true};
    gh_http_client *client = NULL;
    gh_http_result result = {0};
    gh_status status = check_url(place, error);
    if (status != GH_OK) {
        return status;
    }
    status = gh_http_client_new(&options, &client, error);
    if (status == GH_OK) {
        status = gh_http_perform_until(client, &request, wanted->stop, out, &result);
        if (status != GH_OK) {
            status = gh_error_set(error, GH_ERR_UNAVAILABLE, "The OpenAPI description cannot be fetched: %s",
                                  result.error.message);
        } else if (result.http_status != 200) {
            status =
                gh_error_set(error, GH_ERR_UNAVAILABLE, "%s answers with HTTP %d, not with a description.",
                             place, result.http_status);
        }
    }
    gh_http_client_free(client);
    return status;
}

static gh_status load(const char *place, const gh_descriptions *wanted, gh_buf *out, gh_error *error)
{
    gh_error why = {0};
    if (is_url(place)) {
        return fetch(place, wanted, out, error);
    }
    gh_status status = gh_file_read(place, out, &why);
    return status == GH_OK ? GH_OK : gh_error_set(error, GH_ERR_INVALID, "%s.", why.message);
}

/* Says which description it is about. */
typedef struct teller {
    const gh_descriptions *wanted;
    const char *place;
} teller;

static void tell(void *context, const char *where, const char *what)
{
    const teller *self = context;
    gh_buf line = GH_BUF_INIT(WHERE_MAX);
    (void)gh_buf_append_cstr(&line, self->place);
    (void)gh_buf_append_cstr(&line, where[0] != '\0' ? ": " : "");
    (void)gh_buf_append_cstr(&line, where);
    self->wanted->report(self->wanted->context, gh_buf_status(&line) == GH_OK ? gh_buf_cstr(&line) : where,
                         what);
    gh_buf_free(&line);
}

static gh_status add_description(reading *all, const order *one, const char *folder, gh_error *error)
{
    gh_buf description = GH_BUF_INIT(GH_OPENAPI_MAX);
    teller to = {all->wanted, one->place};
    text *made = next_text(all, one->place, GH_TOOLFILE_MAX, error);
    gh_status status = made == NULL ? error->status : GH_OK;
    if (status == GH_OK) {
        status = load(one->place, all->wanted, &description, error);
    }
    if (status == GH_OK) {
        const gh_openapi_options options = {.label = one->place,
                                            .base = is_url(one->place) ? one->place : NULL,
                                            .select = one->select,
                                            .upstream = one->upstream};
        made->made = true;
        made->folder = gh_text_dup(folder);
        status = made->folder == NULL ? GH_ERR_NOMEM
                                      : gh_openapi_convert(gh_buf_view(&description), &options,
                                                           all->wanted->report != NULL ? tell : NULL, &to,
                                                           &made->bytes, error);
    }
    gh_buf_free(&description);
    return status;
}

/* What a tools file points to; the URL is checked like one of the command line. */
typedef struct pointing {
    reading *all;
    const char *label; /* of the tools file */
    const char *folder;
} pointing;

static gh_status follow(void *context, const gh_toolfile_description *one, gh_error *error)
{
    const pointing *from = context;
    const order wanted = {
        .place = one->url != NULL ? one->url : one->file, .select = &one->select, .upstream = one->upstream};
    gh_error why = {GH_OK, ""};
    gh_status status = add_description(from->all, &wanted, from->folder, &why);
    return status == GH_OK || why.message[0] == '\0'
               ? status
               : gh_error_set(error, status, "%s, line %zu: %s", from->label, one->line, why.message);
}

/* --- all --- */

bool gh_descriptions_is_openapi(gh_view bytes)
{
    gh_view member;
    bool json = gh_json_gate(bytes, &GH_TOOLFILE_LIMITS, NULL) == GH_OK;
    bool points = json && gh_json_slice_member(bytes, "openapi", &member) &&
                  gh_json_slice_type(member) == GH_JSON_ARRAY;
    return !points && gh_openapi_is(bytes);
}

static gh_toolfile_source source_of(const text *one)
{
    return (gh_toolfile_source){
        .label = one->label, .folder = one->folder, .text = gh_buf_view(&one->bytes), .made = one->made};
}

static gh_status add_file(reading *all, const char *file, gh_error *error)
{
    gh_error why = {0};
    text *one = next_text(all, file, GH_TOOLFILE_MAX, error);
    if (one == NULL) {
        return error->status;
    }
    gh_status status = folder_of(file, &one->folder, error);
    if (status == GH_OK && gh_file_read(file, &one->bytes, &why) != GH_OK) {
        status = gh_error_set(error, GH_ERR_INVALID, "%s.", why.message);
    }
    if (status == GH_OK && gh_descriptions_is_openapi(gh_buf_view(&one->bytes))) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "%s is an OpenAPI description, not a tools file: give it by --openapi.", file);
    }
    if (status == GH_OK) {
        const gh_toolfile_source source = source_of(one);
        pointing from = {all, one->label, one->folder};
        status = gh_toolfile_descriptions(&source, follow, &from, error);
    }
    return status;
}

static gh_status gather(reading *all, gh_error *error)
{
    const gh_descriptions *wanted = all->wanted;
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && wanted->tools != NULL && i < wanted->tools->count; i++) {
        status = add_file(all, wanted->tools->items[i], error);
    }
    for (size_t i = 0; status == GH_OK && wanted->openapi != NULL && i < wanted->openapi->count; i++) {
        const order one = {.place = wanted->openapi->items[i],
                           .select = wanted->select,
                           .upstream = wanted->openapi_upstream};
        status = add_description(all, &one, "/", error);
    }
    return status;
}

gh_status gh_descriptions_read(const gh_descriptions *wanted, gh_toolset **set, gh_error *error)
{
    gh_toolfile_source sources[GH_DESCRIPTIONS_MAX];
    reading *all = calloc(1, sizeof *all);
    gh_status status = all == NULL ? GH_ERR_NOMEM : GH_OK;
    *set = NULL;
    if (status == GH_OK) {
        all->wanted = wanted;
        status = gather(all, error);
    }
    if (status == GH_OK) {
        for (size_t i = 0; i < all->count; i++) {
            sources[i] = source_of(&all->texts[i]);
        }
        status = gh_toolset_read(sources, all->count, set, error);
    }
    if (status == GH_ERR_NOMEM) {
        (void)gh_error_set(error, status, "Out of memory.");
    }
    for (size_t i = 0; all != NULL && i < all->count; i++) {
        text_clear(&all->texts[i]);
    }
    free(all);
    return status;
}
