/* What the files of the schema validator share; see schema.h. */
#ifndef GH_SERVER_MCP_SCHEMA_PRIVATE_H
#define GH_SERVER_MCP_SCHEMA_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/mcp/schema.h"
#include "shared/core/bytes.h"

struct gh_schema {
    cJSON *json;
};

/* A member's place in the value, linked through the callers' frames. */
typedef struct gh_schema_path {
    const struct gh_schema_path *parent; /* NULL at the root */
    const char *key;                     /* NULL for an array element */
    int index;
} gh_schema_path;

/* One evaluation. `error` is NULL inside branches whose failure decides nothing by itself. */
typedef struct gh_schema_walk {
    const cJSON *root;
    const char *name;
    gh_error *error;
    size_t work;
    int depth;
    bool exhausted;
} gh_schema_walk;

/* What a keyword's value must look like in a schema. */
typedef enum gh_schema_form {
    GH_FORM_ANY,
    GH_FORM_SCHEMA,
    GH_FORM_SCHEMA_MAP,
    GH_FORM_SCHEMA_LIST,
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
    GH_FORM_ROOT_ONLY,
    GH_FORM_REFUSED
} gh_schema_form;

typedef bool (*gh_schema_test)(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword,
                               const cJSON *value, const gh_schema_path *at);

typedef struct gh_schema_keyword {
    const char *name;
    gh_schema_form form;
    gh_schema_test test; /* NULL when it asserts nothing by itself */
} gh_schema_keyword;

/* NULL for an unknown keyword. */
const gh_schema_keyword *gh_schema_keyword_find(const char *name);

/* Does `value` satisfy `schema`? False, too, when a bound was reached. */
bool gh_schema_eval(gh_schema_walk *walk, const cJSON *schema, const cJSON *value, const gh_schema_path *at);
/* Same, without an error message. */
bool gh_schema_matches(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
                       const gh_schema_path *at);
/* Takes `cost` off the work that is left; false when there is none. */
bool gh_schema_spend(gh_schema_walk *walk, size_t cost);
/* Writes "PATH MESSAGE" to the error; always false. */
bool gh_schema_reject(gh_schema_walk *walk, const gh_schema_path *at, const char *format, ...)
    GH_PRINTF(3, 4);

/* The schema that a $ref names ("#", "#/pointer", "#anchor"); NULL when there is none in this document. */
const cJSON *gh_schema_resolve(const cJSON *root, const char *ref);
/* JSON equality: numbers by value, objects without order. */
bool gh_schema_equal(gh_schema_walk *walk, const cJSON *a, const cJSON *b);
/* "a string", "an object", "null"... */
const char *gh_schema_kind(const cJSON *value);
bool gh_schema_is_type(const cJSON *value, const char *type);
bool gh_schema_is_type_name(const char *type);

/* The tests, by what they look at. */
#define GH_SCHEMA_TEST(name)                                                                                 \
    bool name(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword, const cJSON *value,           \
              const gh_schema_path *at)
GH_SCHEMA_TEST(gh_schema_test_type);
GH_SCHEMA_TEST(gh_schema_test_enum);
GH_SCHEMA_TEST(gh_schema_test_const);
GH_SCHEMA_TEST(gh_schema_test_number);
GH_SCHEMA_TEST(gh_schema_test_length);
GH_SCHEMA_TEST(gh_schema_test_items_count);
GH_SCHEMA_TEST(gh_schema_test_unique);
GH_SCHEMA_TEST(gh_schema_test_members_count);
GH_SCHEMA_TEST(gh_schema_test_required);
GH_SCHEMA_TEST(gh_schema_test_dependent_required);
GH_SCHEMA_TEST(gh_schema_test_ref);
GH_SCHEMA_TEST(gh_schema_test_properties);
GH_SCHEMA_TEST(gh_schema_test_additional);
GH_SCHEMA_TEST(gh_schema_test_names);
GH_SCHEMA_TEST(gh_schema_test_dependent_schemas);
GH_SCHEMA_TEST(gh_schema_test_prefix);
GH_SCHEMA_TEST(gh_schema_test_items);
GH_SCHEMA_TEST(gh_schema_test_contains);
GH_SCHEMA_TEST(gh_schema_test_all);
GH_SCHEMA_TEST(gh_schema_test_any);
GH_SCHEMA_TEST(gh_schema_test_one);
GH_SCHEMA_TEST(gh_schema_test_not);
GH_SCHEMA_TEST(gh_schema_test_if);

#endif
