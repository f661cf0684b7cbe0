/* Where in a schema something is, as a JSON pointer (RFC 6901). */
#include <string.h>

#include "server/schema/schema_private.h"

static void append_name(gh_buf *out, const char *name)
{
    (void)gh_buf_append_char(out, '/');
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '~' || *at == '/') {
            (void)gh_buf_append_cstr(out, *at == '~' ? "~0" : "~1");
        } else {
            (void)gh_buf_append_char(out, *at);
        }
    }
}

/* Recursion is bounded by the depth that the gate let through. */
static bool find(const cJSON *at, const cJSON *node, gh_buf *out)
{
    size_t len = out->len;
    size_t index = 0;
    const cJSON *child = NULL;
    if (at == node) {
        return true;
    }
    cJSON_ArrayForEach(child, at)
    {
        if (child->string != NULL) {
            append_name(out, child->string);
        } else {
            (void)gh_buf_appendf(out, "/%zu", index);
        }
        if (find(child, node, out)) {
            return true;
        }
        out->len = len;
        index++;
    }
    return false;
}

void gh_schema_point(const cJSON *root, const cJSON *node, gh_buf *out)
{
    (void)find(root, node, out);
}
