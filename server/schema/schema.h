/* JSON Schema for tool arguments and results: what schemas in practice use, bounded in depth and work (MCP
 * 2026-07-28, basic/index, "JSON Schema Usage").
 *
 * Dialects: 2020-12, which no $schema means too, and draft-07, by its own rules (items may be an array with
 * additionalItems beside it, dependencies, nothing counts beside $ref, an $id "#name" is an anchor, what
 * came later is unknown). Any other $schema is refused with an error that says so, and so is a part of a
 * document in another dialect than the whole.
 *
 * Supported: boolean schemas, type, enum, const, properties, patternProperties, required,
 * additionalProperties, unevaluatedProperties, propertyNames, minProperties, maxProperties,
 * dependentRequired, dependentSchemas, minLength, maxLength, pattern (see pattern.h), minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, multipleOf, prefixItems, items, unevaluatedItems, minItems, maxItems,
 * uniqueItems, contains, minContains, maxContains, allOf, anyOf, oneOf, not, if, then, else, $defs,
 * definitions, $anchor, $id at the root, and $ref within the document, also to itself. Refused: a $ref that
 * leads elsewhere or nowhere (nothing is fetched), a nested $id, $dynamicRef, a pattern that pattern.h
 * refuses. `format` and the content keywords are annotations, which is the specification's default
 * (2020-12 validation, 7.2.1), and unknown keywords are ignored.
 *
 * Numbers are doubles: whole numbers beyond 2^53 that differ may be equal here, and multipleOf lets a few
 * units in the last place pass, so that 0.3 is a multiple of 0.1.
 *
 * A gh_schema is immutable after creation and may be used from several threads. */
#ifndef GH_SERVER_MCP_SCHEMA_H
#define GH_SERVER_MCP_SCHEMA_H

#include <cjson/cJSON.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"

typedef struct gh_schema gh_schema;

/* Work for one value, in keyword evaluations, comparisons and what costs as much as they do (some hundred
 * nanoseconds each at most), and nested evaluations. Every loop over the value, the schema or a text is
 * charged. */
#define GH_SCHEMA_WORK_MAX 2400000
#define GH_SCHEMA_DEPTH_MAX 128

/* Parses and verifies `text`. GH_ERR_PARSE, GH_ERR_TOO_LARGE, GH_ERR_INVALID (the error names the keyword, or
 * the pattern and what is wrong with it), GH_ERR_UNSUPPORTED (a dialect, keyword or pattern that is
 * refused). */
GH_MUST_USE gh_status gh_schema_new(const char *text, gh_schema **schema, gh_error *error);
/* Also appends to `where` the JSON pointer of the subschema that is wrong ("/properties/a"; nothing at the
 * root); NULL when nobody wants it. */
GH_MUST_USE gh_status gh_schema_read(const char *text, gh_schema **schema, gh_buf *where, gh_error *error);
void gh_schema_free(gh_schema *schema);

/* The parsed document, borrowed. */
const cJSON *gh_schema_json(const gh_schema *schema);

/* GH_OK, GH_ERR_INVALID (the error names the member by its path, which starts with `root`:
 * "arguments.name must be a string, not a number"), GH_ERR_TOO_LARGE when a bound was reached. */
GH_MUST_USE gh_status gh_schema_check(const gh_schema *schema, const cJSON *value, const char *root,
                                      gh_error *error);

#endif
