/* Pieces of a tools file. */
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

void gh_openapi_put(gh_openapi_reader *reader, cJSON *object, const char *name, cJSON *item)
{
    if (object == NULL || name == NULL) {
        cJSON_Delete(item);
        item = NULL;
    }
    if (item == NULL || !gh_json_add_item(object, name, item)) {
        reader->status = reader->status == GH_OK ? GH_ERR_NOMEM : reader->status;
    }
}

void gh_openapi_push(gh_openapi_reader *reader, cJSON *array, cJSON *item)
{
    if (array == NULL || item == NULL || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        reader->status = reader->status == GH_OK ? GH_ERR_NOMEM : reader->status;
    }
}

/* Where `text` may be cut so that at most `max` bytes are left, and no character is torn. */
static size_t cut_at(const char *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

bool gh_openapi_put_text(gh_openapi_reader *reader, cJSON *object, const char *name, const char *text,
                         size_t max)
{
    gh_view trimmed = gh_view_trim(gh_view_of(text));
    gh_buf cut = GH_BUF_INIT(max + 8);
    bool over = trimmed.len > max;
    if (trimmed.len == 0) {
        return false;
    }
    (void)gh_buf_append(&cut, trimmed.ptr, cut_at(trimmed.ptr, trimmed.len, max));
    (void)gh_buf_append_cstr(&cut, over ? "..." : "");
    gh_openapi_put(reader, object, name,
                   gh_buf_status(&cut) == GH_OK ? cJSON_CreateString(gh_buf_cstr(&cut)) : NULL);
    gh_buf_free(&cut);
    return over;
}

cJSON *gh_openapi_member(gh_openapi_reader *reader, cJSON *object, const char *name)
{
    cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    if (member == NULL) {
        member = cJSON_CreateObject();
        gh_openapi_put(reader, object, name, member);
        member = reader->status == GH_OK ? member : NULL;
    }
    return member;
}

char *gh_openapi_literal(const char *text, size_t max)
{
    gh_view trimmed = gh_view_trim(gh_view_of(text));
    size_t len = cut_at(trimmed.ptr, trimmed.len, max);
    gh_buf out = GH_BUF_INIT(2 * max + 8);
    (void)gh_buf_append(&out, "", 0);
    for (size_t i = 0; i < len; i++) {
        char c = trimmed.ptr[i];
        if (c == '{' || c == '}') {
            (void)gh_buf_append_char(&out, c);
        }
        (void)gh_buf_append_char(&out, c);
    }
    (void)gh_buf_append_cstr(&out, len < trimmed.len ? "..." : "");
    char *made = gh_buf_steal(&out);
    gh_buf_free(&out);
    return made;
}

cJSON *gh_openapi_variable(const char *name)
{
    gh_buf text = GH_BUF_INIT(1000);
    (void)gh_buf_appendf(&text, "{%s}", name != NULL ? name : "");
    cJSON *made =
        name != NULL && gh_buf_status(&text) == GH_OK ? cJSON_CreateString(gh_buf_cstr(&text)) : NULL;
    gh_buf_free(&text);
    return made;
}
