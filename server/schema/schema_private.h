/* What the files of the schema validator share; see schema.h. */
#ifndef GH_SERVER_MCP_SCHEMA_PRIVATE_H
#define GH_SERVER_MCP_SCHEMA_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/schema/pattern.h"
#include "server/schema/schema.h"
#include "shared/core/bytes.h"

/* Which keywords there are; a set of them in the keywords' table. */
typedef enum gh_schema_dialect {
    GH_DIALECT_2020 = 1,
    GH_DIALECT_07 = 2,
    GH_DIALECT_ALL = 3
} gh_schema_dialect;

/* What a node of the document stands for: the target of a $ref (the keyword's node), a compiled pattern (a
 * pattern's node, or the member of patternProperties that it is the name of). */
typedef struct gh_schema_link {
    const cJSON *node;
    const cJSON *target;
    gh_pattern *pattern; /* owned */
} gh_schema_link;

struct gh_schema {
    cJSON *json;
    gh_schema_dialect dialect;
    gh_schema_link *links; /* sorted by node, once the schema is verified */
    size_t links_count;
    size_t links_cap;
};

/* A member's place in the value, linked through the callers' frames. */
typedef struct gh_schema_path {
    const struct gh_schema_path *parent; /* NULL at the root */
    const char *key;                     /* NULL for an array element */
    int index;
} gh_schema_path;

/* One evaluation. `error` is NULL inside branches whose failure decides nothing by itself. */
typedef struct gh_schema_walk {
    const gh_schema *schema;
    const char *name;
    gh_error *error;
    size_t work;
    int depth;
    bool exhausted;
} gh_schema_walk;

/* Which members or items of one value are evaluated, for unevaluatedProperties and unevaluatedItems
 * (2020-12 core, section 11). */
typedef struct gh_schema_marks {
    const cJSON *origin; /* the keyword that asks */
    bool *seen;          /* by position */
    bool all;
} gh_schema_marks;

/* What a keyword's value must look like in a schema. */
typedef enum gh_schema_form {
    GH_FORM_ANY,
    GH_FORM_SCHEMA,
    GH_FORM_SCHEMA_MAP,
    GH_FORM_SCHEMA_LIST,
    GH_FORM_ITEMS,
    GH_FORM_DEPENDENCIES,
    GH_FORM_PATTERN,
    GH_FORM_PATTERN_MAP,
    GH_FORM_STRING,
    GH_FORM_STRINGS,
    GH_FORM_STRINGS_MAP,
    GH_FORM_LIST,
    GH_FORM_TYPE,
    GH_FORM_NUMBER,
    GH_FORM_POSITIVE,
    GH_FORM_COUNT,
    GH_FORM_BOOL,
    GH_FORM_REF,
    GH_FORM_DIALECT,
    GH_FORM_ID,
    GH_FORM_REFUSED
} gh_schema_form;

typedef bool (*gh_schema_test)(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword,
                               const cJSON *value, const gh_schema_path *at);
/* Marks what the keyword evaluates of a value that satisfies its schema. */
typedef void (*gh_schema_mark)(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword,
                               const cJSON *value, gh_schema_marks *marks);

typedef struct gh_schema_keyword {
    const char *name;
    gh_schema_dialect dialects;
    gh_schema_form form;
    gh_schema_test test; /* NULL when it asserts nothing by itself */
    gh_schema_mark mark; /* NULL when it evaluates no member and no item */
} gh_schema_keyword;

/* NULL for a keyword that the dialect does not know. */
const gh_schema_keyword *gh_schema_keyword_find(const char *name, gh_schema_dialect dialect);

/* Verifies the document by its dialect and fills `links`. *at becomes the subschema that is wrong. */
GH_MUST_USE gh_status gh_schema_verify(gh_schema *schema, const cJSON **at, gh_error *error);
/* Appends the JSON pointer that leads from `root` to `node`. */
void gh_schema_point(const cJSON *root, const cJSON *node, gh_buf *out);
/* What is wrong with a keyword's plain value ("a string", "true or false"), NULL when nothing is. */
const char *gh_schema_form_wants(gh_schema_form form, const cJSON *keyword);
/* The schema that a $ref names ("#", "#/pointer", "#anchor"); NULL when there is none in this document. */
const cJSON *gh_schema_resolve(const gh_schema *schema, const char *ref);
/* NULL when `node` has none. */
const gh_schema_link *gh_schema_link_find(const gh_schema *schema, const cJSON *node);

/* Does `value` satisfy `schema`? False, too, when a bound was reached. */
bool gh_schema_eval(gh_schema_walk *walk, const cJSON *schema, const cJSON *value, const gh_schema_path *at);
/* Same, without an error message. */
bool gh_schema_matches(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
                       const gh_schema_path *at);
/* Marks what `schema`, which `value` satisfies, evaluates of it. */
void gh_schema_mark_all(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
                        gh_schema_marks *marks);
/* Takes `cost` off the work that is left; false when there is none. */
bool gh_schema_spend(gh_schema_walk *walk, size_t cost);
/* The member of that name, paid by what the search takes. */
const cJSON *gh_schema_member(gh_schema_walk *walk, const cJSON *object, const char *name);
/* Does the pattern that belongs to `node` match `text`? */
bool gh_schema_pattern(gh_schema_walk *walk, const cJSON *node, const char *text);
/* Writes "PATH MESSAGE" to the error; always false. */
bool gh_schema_reject(gh_schema_walk *walk, const gh_schema_path *at, const char *format, ...)
    GH_PRINTF(3, 4);
/* The schemas of the first items: prefixItems, or what items was for it; NULL when there are none. */
const cJSON *gh_schema_tuple(const gh_schema_walk *walk, const cJSON *schema);

/* JSON equality: numbers by value, objects without order. */
bool gh_schema_equal(gh_schema_walk *walk, const cJSON *a, const cJSON *b);
/* "a string", "an object", "null"... */
const char *gh_schema_kind(const cJSON *value);
bool gh_schema_is_type(const cJSON *value, const char *type);
bool gh_schema_is_type_name(const char *type);

/* The tests, by what they look at, and the marks. */
#define GH_SCHEMA_TEST(name)                                                                                 \
    bool name(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword, const cJSON *value,           \
              const gh_schema_path *at)
#define GH_SCHEMA_MARK(name)                                                                                 \
    void name(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword, const cJSON *value,           \
              gh_schema_marks *marks)
GH_SCHEMA_TEST(gh_schema_test_type);
GH_SCHEMA_TEST(gh_schema_test_enum);
GH_SCHEMA_TEST(gh_schema_test_const);
GH_SCHEMA_TEST(gh_schema_test_number);
GH_SCHEMA_TEST(gh_schema_test_length);
GH_SCHEMA_TEST(gh_schema_test_pattern);
GH_SCHEMA_TEST(gh_schema_test_items_count);
GH_SCHEMA_TEST(gh_schema_test_unique);
GH_SCHEMA_TEST(gh_schema_test_members_count);
GH_SCHEMA_TEST(gh_schema_test_required);
GH_SCHEMA_TEST(gh_schema_test_dependent_required);
GH_SCHEMA_TEST(gh_schema_test_ref);
GH_SCHEMA_TEST(gh_schema_test_properties);
GH_SCHEMA_TEST(gh_schema_test_pattern_properties);
GH_SCHEMA_TEST(gh_schema_test_additional);
GH_SCHEMA_TEST(gh_schema_test_names);
GH_SCHEMA_TEST(gh_schema_test_dependent_schemas);
GH_SCHEMA_TEST(gh_schema_test_dependencies);
GH_SCHEMA_TEST(gh_schema_test_unevaluated_members);
GH_SCHEMA_TEST(gh_schema_test_prefix);
GH_SCHEMA_TEST(gh_schema_test_items);
GH_SCHEMA_TEST(gh_schema_test_additional_items);
GH_SCHEMA_TEST(gh_schema_test_contains);
GH_SCHEMA_TEST(gh_schema_test_unevaluated_items);
GH_SCHEMA_TEST(gh_schema_test_all);
GH_SCHEMA_TEST(gh_schema_test_any);
GH_SCHEMA_TEST(gh_schema_test_one);
GH_SCHEMA_TEST(gh_schema_test_not);
GH_SCHEMA_TEST(gh_schema_test_if);
GH_SCHEMA_MARK(gh_schema_mark_members);
GH_SCHEMA_MARK(gh_schema_mark_pattern_members);
GH_SCHEMA_MARK(gh_schema_mark_every_member);
GH_SCHEMA_MARK(gh_schema_mark_prefix);
GH_SCHEMA_MARK(gh_schema_mark_every_item);
GH_SCHEMA_MARK(gh_schema_mark_contains);
GH_SCHEMA_MARK(gh_schema_mark_ref);
GH_SCHEMA_MARK(gh_schema_mark_in_all);
GH_SCHEMA_MARK(gh_schema_mark_in_matching);
GH_SCHEMA_MARK(gh_schema_mark_in_if);
GH_SCHEMA_MARK(gh_schema_mark_in_dependent);

#endif
