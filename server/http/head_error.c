#include "server/http/head_error.h"

#include <string.h>

gh_head_error gh_head_error_of(int status, const char *version, int headers, bool late, bool cut)
{
    /* The library's list of methods is looked at after the request line was read and before the headers are.
     */
    bool before_headers = status == 400 && headers == 0 && version != NULL;
    if (cut) {
        return (gh_head_error){
            503, "temporarily_unavailable",
            "The server is very busy and does not wait for slow requests. Try again later.", false};
    }
    if (status == 413) {
        return (gh_head_error){431, "invalid_request", "The request head is larger than this server takes.",
                               false};
    }
    /* The HTTP/2 preface has the method PRI, which is not in that list. */
    if (status == 505 || (before_headers && version[0] >= '2' && version[0] <= '9')) {
        return (gh_head_error){505, "invalid_request", "This server speaks HTTP/1.1.", true};
    }
    if (before_headers && strncmp(version, "1.", 2) == 0) {
        return (gh_head_error){501, "method_not_implemented", "This server does not know that method.", true};
    }
    if (late) {
        return (gh_head_error){408, "request_timeout", "The request head did not arrive in time.", false};
    }
    if (status >= 500) {
        return (gh_head_error){500, "server_error", "The server failed at this request.", false};
    }
    return (gh_head_error){
        400, "invalid_request",
        "This is not a well-formed HTTP/1.1 request, or its head is larger than this server takes.", false};
}

gh_view gh_head_error_part(const char *text)
{
    gh_view view = gh_view_of(text);
    size_t end = 0;
    while (end < view.len && view.ptr[end] > ' ' && view.ptr[end] < 0x7f && view.ptr[end] != '?') {
        end++;
    }
    return end <= 256 ? gh_view_make(view.ptr, end) : gh_view_of(NULL);
}
