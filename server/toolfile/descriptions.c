/* The OpenAPI descriptions that a tools file names, for whoever reads them. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define SELECT_MAX 10000

typedef enum description_member { FILE_NAME, URL, SELECT, UPSTREAM, MEMBERS } description_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    [FILE_NAME] = {"file", GH_TOOLFILE_STRING, false},
    [URL] = {"url", GH_TOOLFILE_STRING, false},
    [SELECT] = {"select", GH_TOOLFILE_ARRAY, false},
    [UPSTREAM] = {"upstream", GH_TOOLFILE_STRING, false},
};

static void clear(gh_toolfile_description *one)
{
    for (size_t i = 0; i < one->select.count; i++) {
        free(one->select.items[i]);
    }
    free((void *)one->select.items);
    free(one->file);
    free(one->url);
    free(one->upstream);
}

static gh_status check_url(gh_toolfile_reader *reader, gh_view at, const char *text)
{
    gh_url url;
    if (text != NULL && (gh_url_parse(gh_view_of(text), &url, NULL) != GH_OK ||
                         !(gh_url_is_https(&url) || (gh_url_is_http(&url) && gh_url_is_loopback(&url))) ||
                         url.has_userinfo || url.has_fragment)) {
        return gh_toolfile_refuse(
            reader, at,
            "url must be an https: URL (http: on this machine only), without a user and "
            "a fragment");
    }
    return GH_OK;
}

static gh_status read_select(gh_toolfile_reader *reader, gh_view array, gh_text_list *list)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    size_t count = array.ptr != NULL ? gh_toolfile_count(array) : 0;
    if (count == 0) {
        return GH_OK;
    }
    if (count > SELECT_MAX) {
        return gh_toolfile_refuse(reader, array, "select has more than %d elements", SELECT_MAX);
    }
    list->items = calloc(count, sizeof *list->items);
    if (list->items == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    (void)gh_json_iter_start(array, &iter);
    while (status == GH_OK && list->count < count && gh_json_iter_next(&iter, NULL, &value)) {
        status = gh_toolfile_word(reader, value, "select", GH_TOOLFILE_URI_MAX, &list->items[list->count++]);
    }
    return status;
}

static gh_status read_one(gh_toolfile_reader *reader, gh_view object, gh_toolfile_description *one)
{
    gh_view values[MEMBERS];
    if (gh_json_slice_type(object) != GH_JSON_OBJECT) {
        return gh_toolfile_refuse(reader, object, "openapi must be an array of objects");
    }
    one->line = gh_toolfile_line(reader, object);
    gh_status status = gh_toolfile_members(reader, "", object, ROWS, MEMBERS, values);
    if (status == GH_OK && (values[FILE_NAME].ptr != NULL) == (values[URL].ptr != NULL)) {
        status = gh_toolfile_refuse(reader, object, "each needs either \"file\" or \"url\"");
    }
    if (status == GH_OK) {
        status = gh_toolfile_path(reader, values[FILE_NAME], "file", &one->file);
    }
    if (status == GH_OK) {
        status = gh_toolfile_word(reader, values[URL], "url", GH_TOOLFILE_URI_MAX, &one->url);
    }
    if (status == GH_OK) {
        status = check_url(reader, values[URL], one->url);
    }
    if (status == GH_OK) {
        status = gh_toolfile_word(reader, values[UPSTREAM], "upstream", GH_TOOLFILE_NAME_MAX, &one->upstream);
    }
    return status == GH_OK ? read_select(reader, values[SELECT], &one->select) : status;
}

gh_status gh_toolfile_each_description(gh_toolfile_reader *reader, gh_view array, gh_toolfile_take *take,
                                       void *context)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    (void)gh_json_iter_start(array, &iter);
    while (status == GH_OK && gh_json_iter_next(&iter, NULL, &value)) {
        gh_toolfile_description one = {.line = 0};
        gh_toolfile_set_item(reader, "openapi", NULL);
        status = read_one(reader, value, &one);
        if (status == GH_OK && take != NULL) {
            status = take(context, &one, reader->error);
        }
        clear(&one);
    }
    reader->item[0] = '\0';
    return status;
}
