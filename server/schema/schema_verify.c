/* Verifies a schema by its dialect, once, so that the evaluation need not look at the schema's own form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"

#define DIALECT_2020 "https://json-schema.org/draft/2020-12/schema"
#define DIALECT_07 "http://json-schema.org/draft-07/schema"
#define NAME_SHOWN 64     /* bytes of a keyword in an error */
#define PATTERN_SHOWN 128 /* bytes of a pattern in an error */
#define PATTERNS_SIZE_MAX (4U << 20)

typedef struct verifier {
    gh_schema *schema;
    gh_error *error;
    const cJSON **nodes; /* the schemas that are verified: what a $ref may lead to */
    size_t nodes_count;
    size_t nodes_cap;
    size_t patterns_size;
    const cJSON *wrong; /* the innermost schema that is; NULL while none is */
} verifier;

static gh_status verify(verifier *v, const cJSON *schema, bool top);

static gh_status wrong(const verifier *v, const cJSON *keyword, const char *want)
{
    return gh_error_set(v->error, GH_ERR_INVALID, "The schema's %.*s must be %s", NAME_SHOWN, keyword->string,
                        want);
}

/* Room for one more of `size` bytes; false without memory. */
static bool grow(void **list, size_t *cap, size_t count, size_t size)
{
    if (count < *cap) {
        return true;
    }
    size_t wider = *cap == 0 ? 16 : *cap * 2;
    void *moved = realloc(*list, wider * size);
    if (moved != NULL) {
        *list = moved;
        *cap = wider;
    }
    return moved != NULL;
}

static gh_status add_link(verifier *v, const cJSON *node, gh_pattern *pattern)
{
    gh_schema *schema = v->schema;
    void *links = schema->links;
    bool room = grow(&links, &schema->links_cap, schema->links_count, sizeof *schema->links);
    schema->links = links;
    if (!room) {
        gh_pattern_free(pattern);
        return GH_ERR_NOMEM;
    }
    schema->links[schema->links_count++] = (gh_schema_link){node, NULL, pattern};
    return GH_OK;
}

static gh_status add_pattern(verifier *v, const cJSON *node, const char *text)
{
    gh_error why = {GH_OK, ""};
    gh_pattern *pattern = NULL;
    gh_status status = gh_pattern_new(text, &pattern, &why);
    if (status != GH_OK) {
        /* What the schema's author wrote is wrong, whichever way. */
        status = status == GH_ERR_PARSE ? GH_ERR_INVALID : status;
        return gh_error_set(v->error, status, "The schema's pattern %.*s is refused: %s", PATTERN_SHOWN, text,
                            status == GH_ERR_NOMEM ? "out of memory" : why.message);
    }
    v->patterns_size += gh_pattern_size(pattern);
    if (v->patterns_size > PATTERNS_SIZE_MAX) {
        gh_pattern_free(pattern);
        return gh_error_set(v->error, GH_ERR_TOO_LARGE, "The schema's patterns take more than %u bytes",
                            PATTERNS_SIZE_MAX);
    }
    return add_link(v, node, pattern);
}

static gh_status verify_each(verifier *v, const cJSON *keyword)
{
    const cJSON *item = NULL;
    gh_status status = GH_OK;
    cJSON_ArrayForEach(item, keyword)
    {
        status = verify(v, item, false);
        if (status != GH_OK) {
            break;
        }
    }
    return status;
}

static gh_status verify_pattern_map(verifier *v, const cJSON *keyword)
{
    const cJSON *item = NULL;
    gh_status status = GH_OK;
    if (!cJSON_IsObject(keyword)) {
        return wrong(v, keyword, "an object of schemas");
    }
    cJSON_ArrayForEach(item, keyword)
    {
        status = add_pattern(v, item, item->string);
        if (status != GH_OK) {
            break;
        }
    }
    return status == GH_OK ? verify_each(v, keyword) : status;
}

static gh_status verify_dependencies(verifier *v, const cJSON *keyword)
{
    const cJSON *item = NULL;
    gh_status status = GH_OK;
    if (!cJSON_IsObject(keyword)) {
        return wrong(v, keyword, "an object of schemas and arrays of strings");
    }
    cJSON_ArrayForEach(item, keyword)
    {
        bool names = cJSON_IsArray(item);
        if (names && gh_schema_form_wants(GH_FORM_STRINGS, item) != NULL) {
            return wrong(v, keyword, "an object of schemas and arrays of strings");
        }
        status = names ? GH_OK : verify(v, item, false);
        if (status != GH_OK) {
            break;
        }
    }
    return status;
}

static gh_status verify_items(verifier *v, const cJSON *keyword)
{
    if (!cJSON_IsArray(keyword)) {
        return verify(v, keyword, false);
    }
    return v->schema->dialect == GH_DIALECT_07
               ? verify_each(v, keyword)
               : wrong(v, keyword, "one schema; schemas of the first items go into prefixItems");
}

static gh_status verify_ref(verifier *v, const cJSON *keyword)
{
    if (!cJSON_IsString(keyword)) {
        return wrong(v, keyword, "a string");
    }
    if (keyword->valuestring[0] != '#') {
        return gh_error_set(v->error, GH_ERR_UNSUPPORTED,
                            "The schema's $ref leads out of the document; only \"#...\" is followed");
    }
    return add_link(v, keyword, NULL);
}

/* 0 for a dialect that is not known. */
static gh_schema_dialect read_dialect(const cJSON *keyword)
{
    const char *name = cJSON_IsString(keyword) ? keyword->valuestring : "";
    gh_view uri = gh_view_of(name);
    uri.len -= uri.len > 0 && name[uri.len - 1] == '#' ? 1 : 0;
    if (gh_view_eq_cstr(uri, DIALECT_2020)) {
        return GH_DIALECT_2020;
    }
    bool older =
        gh_view_eq_cstr(uri, DIALECT_07) || gh_view_eq_cstr(uri, "https://json-schema.org/draft-07/schema");
    return older ? GH_DIALECT_07 : (gh_schema_dialect)0;
}

static gh_status verify_dialect(const verifier *v, const cJSON *keyword)
{
    gh_schema_dialect dialect = read_dialect(keyword);
    if (dialect != 0 && dialect == v->schema->dialect) {
        return GH_OK;
    }
    return gh_error_set(v->error, GH_ERR_UNSUPPORTED,
                        "The schema's dialect ($schema) is not supported here; supported for a whole schema "
                        "are %s, which is also what no $schema means, and %s#",
                        DIALECT_2020, DIALECT_07);
}

/* A nested $id would move the base of the references below it; in draft-07 it may be a mere anchor. */
static gh_status verify_id(const verifier *v, const cJSON *keyword, bool top)
{
    if (!cJSON_IsString(keyword)) {
        return wrong(v, keyword, "a string");
    }
    bool anchor = v->schema->dialect == GH_DIALECT_07 && keyword->valuestring[0] == '#';
    return top || anchor ? GH_OK
                         : gh_error_set(v->error, GH_ERR_UNSUPPORTED,
                                        "The schema has a nested $id, which is not supported");
}

static gh_status verify_keyword(verifier *v, const gh_schema_keyword *row, const cJSON *keyword, bool top)
{
    switch (row->form) {
    case GH_FORM_SCHEMA:
        return verify(v, keyword, false);
    case GH_FORM_SCHEMA_MAP:
        return cJSON_IsObject(keyword) ? verify_each(v, keyword) : wrong(v, keyword, "an object of schemas");
    case GH_FORM_SCHEMA_LIST:
        return cJSON_IsArray(keyword) && keyword->child != NULL ? verify_each(v, keyword)
                                                                : wrong(v, keyword, "an array of schemas");
    case GH_FORM_ITEMS:
        return verify_items(v, keyword);
    case GH_FORM_DEPENDENCIES:
        return verify_dependencies(v, keyword);
    case GH_FORM_PATTERN:
        return cJSON_IsString(keyword) ? add_pattern(v, keyword, keyword->valuestring)
                                       : wrong(v, keyword, "a string");
    case GH_FORM_PATTERN_MAP:
        return verify_pattern_map(v, keyword);
    case GH_FORM_REF:
        return verify_ref(v, keyword);
    case GH_FORM_DIALECT:
        return verify_dialect(v, keyword);
    case GH_FORM_ID:
        return verify_id(v, keyword, top);
    case GH_FORM_REFUSED:
        return gh_error_set(v->error, GH_ERR_UNSUPPORTED, "The schema uses %s, which is not supported",
                            row->name);
    default: {
        const char *want = gh_schema_form_wants(row->form, keyword);
        return want == NULL ? GH_OK : wrong(v, keyword, want);
    }
    }
}

static gh_status add_node(verifier *v, const cJSON *schema)
{
    void *nodes = v->nodes;
    bool room = grow(&nodes, &v->nodes_cap, v->nodes_count, sizeof *v->nodes);
    v->nodes = nodes;
    if (!room) {
        return GH_ERR_NOMEM;
    }
    v->nodes[v->nodes_count++] = schema;
    return GH_OK;
}

static bool is_verified(const verifier *v, const cJSON *schema)
{
    for (size_t i = 0; i < v->nodes_count; i++) {
        if (v->nodes[i] == schema) {
            return true;
        }
    }
    return false;
}

/* Recursion is bounded by the depth that the gate let through. */
static gh_status verify(verifier *v, const cJSON *schema, bool top)
{
    if (!cJSON_IsObject(schema) && !cJSON_IsBool(schema)) {
        v->wrong = schema;
        return gh_error_set(v->error, GH_ERR_INVALID, "A schema must be an object, true or false");
    }
    gh_status status = add_node(v, schema);
    const cJSON *keyword = NULL;
    cJSON_ArrayForEach(keyword, schema)
    {
        const gh_schema_keyword *row = gh_schema_keyword_find(keyword->string, v->schema->dialect);
        if (status == GH_OK && row != NULL) {
            status = verify_keyword(v, row, keyword, top);
        }
    }
    if (status != GH_OK && v->wrong == NULL) {
        v->wrong = schema;
    }
    return status;
}

/* A $ref may lead to where no keyword expects a schema (#/components/...); then that is verified, too, which
 * may add references to the list. */
static gh_status follow_refs(verifier *v)
{
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && i < v->schema->links_count; i++) {
        const gh_schema_link *link = &v->schema->links[i];
        if (link->pattern != NULL) {
            continue;
        }
        const char *ref = link->node->valuestring;
        const cJSON *target = gh_schema_resolve(v->schema, ref);
        if (!cJSON_IsObject(target) && !cJSON_IsBool(target)) {
            v->wrong = link->node;
            return gh_error_set(v->error, GH_ERR_INVALID, "The schema's $ref %.*s leads to no schema",
                                NAME_SHOWN, ref);
        }
        v->schema->links[i].target = target;
        if (!is_verified(v, target)) {
            status = verify(v, target, false);
        }
    }
    return status;
}

static int compare_links(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)((const gh_schema_link *)a)->node;
    uintptr_t right = (uintptr_t)((const gh_schema_link *)b)->node;
    return (left > right) - (left < right);
}

const gh_schema_link *gh_schema_link_find(const gh_schema *schema, const cJSON *node)
{
    const gh_schema_link wanted = {node, NULL, NULL};
    return schema->links_count == 0
               ? NULL
               : bsearch(&wanted, schema->links, schema->links_count, sizeof *schema->links, compare_links);
}

gh_status gh_schema_verify(gh_schema *schema, const cJSON **at, gh_error *error)
{
    verifier v = {.schema = schema, .error = error};
    const cJSON *named = gh_json_get(schema->json, "$schema");
    schema->dialect = named == NULL ? GH_DIALECT_2020 : read_dialect(named);
    gh_status status = schema->dialect == 0 ? verify_dialect(&v, named) : verify(&v, schema->json, true);
    if (status == GH_OK) {
        status = follow_refs(&v);
    }
    if (status == GH_OK && schema->links_count > 0) {
        qsort(schema->links, schema->links_count, sizeof *schema->links, compare_links);
    }
    *at = v.wrong;
    free(v.nodes);
    return status;
}
