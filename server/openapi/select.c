/* Which operations become tools. */
#include <strings.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

bool gh_openapi_glob(gh_view pattern, gh_view text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, resume = 0; /* the last '*', and what it stands for so far */
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static bool has_tag(gh_view pattern, const cJSON *operation)
{
    const cJSON *tag = NULL;
    cJSON_ArrayForEach(tag, gh_json_get_array(operation, "tags"))
    {
        if (cJSON_IsString(tag) && gh_openapi_glob(pattern, gh_view_of(tag->valuestring))) {
            return true;
        }
    }
    return false;
}

static bool matches(gh_view pattern, const gh_openapi_call *call)
{
    static const gh_view TAG = {"tag:", 4};
    const char *id = gh_json_get_string(call->json, "operationId");
    size_t space = gh_view_find(pattern, ' ');
    if (gh_view_starts_with(pattern, TAG)) {
        return has_tag(gh_view_make(pattern.ptr + TAG.len, pattern.len - TAG.len), call->json);
    }
    if (pattern.len > 0 && pattern.ptr[0] == '/') {
        return gh_openapi_glob(pattern, gh_view_of(call->path));
    }
    if (space < pattern.len) {
        gh_view method = gh_view_make(pattern.ptr, space);
        gh_view path = gh_view_trim(gh_view_make(pattern.ptr + space, pattern.len - space));
        return (gh_view_eq_cstr(method, "*") || gh_view_eq_nocase(method, gh_view_of(call->method))) &&
               gh_openapi_glob(path, gh_view_of(call->path));
    }
    return id != NULL && gh_openapi_glob(pattern, gh_view_of(id));
}

bool gh_openapi_selected(const gh_text_list *select, const gh_openapi_call *call, bool *used)
{
    bool any = false, wanted = false, unwanted = false;
    for (size_t i = 0; select != NULL && i < select->count; i++) {
        gh_view pattern = gh_view_trim(gh_view_of(select->items[i]));
        bool against = pattern.len > 0 && pattern.ptr[0] == '!';
        if (against) {
            pattern = gh_view_make(pattern.ptr + 1, pattern.len - 1);
        }
        bool hit = matches(pattern, call);
        used[i] = used[i] || hit;
        any = any || !against;
        wanted = wanted || (hit && !against);
        unwanted = unwanted || (hit && against);
    }
    return (wanted || !any) && !unwanted;
}
