/* References within the document: JSON pointers (RFC 6901) and anchors. */
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"
#include "shared/net/url.h"

#define REF_MAX 256

/* One reference token of a JSON pointer (RFC 6901), unescaped in place. */
static void unescape_token(char *token)
{
    char *to = token;
    for (const char *from = token; *from != '\0'; from++) {
        if (from[0] == '~' && (from[1] == '0' || from[1] == '1')) {
            *to++ = from[1] == '0' ? '~' : '/';
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static const cJSON *step(const cJSON *at, char *token)
{
    unescape_token(token);
    if (!cJSON_IsArray(at)) {
        return gh_json_get(at, token);
    }
    int64_t index = 0;
    if (gh_view_to_int64(gh_view_of(token), 0, INT32_MAX, &index) != GH_OK) {
        return NULL;
    }
    return cJSON_GetArrayItem(at, (int)index);
}

static const cJSON *follow_pointer(const cJSON *root, char *pointer)
{
    const cJSON *at = root;
    char *token = pointer;
    while (at != NULL && token != NULL && *token == '/') {
        token++;
        char *end = strchr(token, '/');
        if (end != NULL) {
            *end = '\0';
        }
        at = step(at, token);
        if (end != NULL) {
            *end = '/';
        }
        token = end;
    }
    return at;
}

static const cJSON *find_anchor(const gh_schema *schema, const cJSON *node, const char *anchor);

static const cJSON *find_anchor_in(const gh_schema *schema, const cJSON *nodes, const char *anchor)
{
    const cJSON *node = NULL;
    const cJSON *found = NULL;
    cJSON_ArrayForEach(node, nodes)
    {
        found = find_anchor(schema, node, anchor);
        if (found != NULL) {
            break;
        }
    }
    return found;
}

static bool has_anchor(const gh_schema *schema, const cJSON *node, const char *anchor)
{
    if (schema->dialect == GH_DIALECT_07) {
        const char *id = gh_json_get_string(node, "$id");
        return id != NULL && id[0] == '#' && strcmp(id + 1, anchor) == 0;
    }
    const char *own = gh_json_get_string(node, "$anchor");
    const char *dynamic = gh_json_get_string(node, "$dynamicAnchor");
    return (own != NULL && strcmp(own, anchor) == 0) || (dynamic != NULL && strcmp(dynamic, anchor) == 0);
}

/* Looks where keywords hold schemas only: the "$anchor" of an example is none. Recursion is bounded by the
 * document's depth. */
static const cJSON *find_anchor(const gh_schema *schema, const cJSON *node, const char *anchor)
{
    const cJSON *keyword = NULL;
    const cJSON *found = cJSON_IsObject(node) && has_anchor(schema, node, anchor) ? node : NULL;
    if (!cJSON_IsObject(node) || found != NULL) {
        return found;
    }
    cJSON_ArrayForEach(keyword, node)
    {
        const gh_schema_keyword *row = gh_schema_keyword_find(keyword->string, schema->dialect);
        gh_schema_form form = row == NULL ? GH_FORM_ANY : row->form;
        bool one = form == GH_FORM_SCHEMA || (form == GH_FORM_ITEMS && cJSON_IsObject(keyword));
        bool many = form == GH_FORM_SCHEMA_MAP || form == GH_FORM_SCHEMA_LIST ||
                    form == GH_FORM_PATTERN_MAP || form == GH_FORM_ITEMS || form == GH_FORM_DEPENDENCIES;
        if (one) {
            found = find_anchor(schema, keyword, anchor);
        } else if (many) {
            found = find_anchor_in(schema, keyword, anchor);
        }
        if (found != NULL) {
            break;
        }
    }
    return found;
}

const cJSON *gh_schema_resolve(const gh_schema *schema, const char *ref)
{
    gh_buf fragment = GH_BUF_INIT(REF_MAX);
    const cJSON *found = NULL;
    if (ref[0] != '#' || gh_url_decode(gh_view_of(ref + 1), false, &fragment) != GH_OK) {
        goto out;
    }
    if (fragment.len == 0) {
        found = schema->json;
    } else if (fragment.data[0] == '/') {
        found = follow_pointer(schema->json, fragment.data);
    } else {
        found = find_anchor(schema, schema->json, gh_buf_cstr(&fragment));
    }
out:
    gh_buf_free(&fragment);
    return found;
}
