#include "server/exchange/exchange.h"

gh_view gh_request_header(const gh_request *request, const char *name)
{
    gh_view wanted = gh_view_of(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (gh_view_eq_nocase(request->headers[i].name, wanted)) {
            gh_view value = request->headers[i].value;
            return value.ptr != NULL ? value : gh_view_make("", 0);
        }
    }
    return gh_view_of(NULL);
}

bool gh_request_is_type(const gh_request *request, const char *type)
{
    gh_view value = gh_request_header(request, "Content-Type");
    if (value.ptr == NULL) {
        return false;
    }
    gh_view media = gh_view_trim(gh_view_make(value.ptr, gh_view_find(value, ';')));
    return gh_view_eq_nocase(media, gh_view_of(type));
}

static gh_view cookie_in(gh_view header, gh_view wanted)
{
    gh_view rest = header;
    gh_view pair;
    while (gh_view_next(&rest, ';', &pair)) {
        pair = gh_view_trim(pair);
        size_t equals = gh_view_find(pair, '=');
        if (equals < pair.len && gh_view_eq(gh_view_make(pair.ptr, equals), wanted)) {
            return gh_view_make(pair.ptr + equals + 1, pair.len - equals - 1);
        }
    }
    return gh_view_of(NULL);
}

gh_view gh_request_cookie(const gh_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const gh_header *header = &request->headers[i];
        if (header->value.ptr == NULL || !gh_view_eq_nocase(header->name, GH_VIEW_LIT("Cookie"))) {
            continue;
        }
        gh_view value = cookie_in(header->value, gh_view_of(name));
        if (value.ptr != NULL) {
            return value;
        }
    }
    return gh_view_of(NULL);
}
