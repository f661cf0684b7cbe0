/* JSON Schema 2020-12 for tool arguments and results: what schemas in practice use, bounded in depth and
 * work (MCP 2026-07-28, basic/index, "JSON Schema Usage").
 *
 * Supported: boolean schemas, type, enum, const, properties, required, additionalProperties, propertyNames,
 * minProperties, maxProperties, dependentRequired, dependentSchemas, minLength, maxLength, minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, multipleOf, prefixItems, items, minItems, maxItems, uniqueItems,
 * contains, minContains, maxContains, allOf, anyOf, oneOf, not, if, then, else, $defs, $anchor, and $ref
 * within the document. Refused: another dialect in $schema, a $ref that leads elsewhere or nowhere, a nested
 * $id, patternProperties, unevaluatedProperties, unevaluatedItems, $dynamicRef. `pattern` and `format` are
 * annotations here: its regular expressions are ECMAScript's, so the tool itself checks them. Unknown
 * keywords are ignored.
 *
 * A gh_schema is immutable after creation and may be used from several threads. */
#ifndef GH_SERVER_MCP_SCHEMA_H
#define GH_SERVER_MCP_SCHEMA_H

#include <cjson/cJSON.h>

#include "shared/core/status.h"

typedef struct gh_schema gh_schema;

/* Keyword evaluations and comparisons for one value, and nested evaluations. */
#define GH_SCHEMA_WORK_MAX 400000
#define GH_SCHEMA_DEPTH_MAX 128

/* Parses and verifies `text`. GH_ERR_PARSE, GH_ERR_TOO_LARGE, GH_ERR_INVALID (the error names the keyword),
 * GH_ERR_UNSUPPORTED (a dialect or keyword that is refused). */
GH_MUST_USE gh_status gh_schema_new(const char *text, gh_schema **schema, gh_error *error);
void gh_schema_free(gh_schema *schema);

/* The parsed document, borrowed. */
const cJSON *gh_schema_json(const gh_schema *schema);

/* GH_OK, GH_ERR_INVALID (the error names the member by its path, which starts with `root`:
 * "arguments.name must be a string, not a number"), GH_ERR_TOO_LARGE when a bound was reached. */
GH_MUST_USE gh_status gh_schema_check(const gh_schema *schema, const cJSON *value, const char *root,
                                      gh_error *error);

#endif
