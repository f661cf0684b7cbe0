/* cJSON behind the gate, with typed access that does not guess. Trees have one owner; reading one from
 * several threads is fine. */
#ifndef GH_SHARED_JSON_ACCESS_H
#define GH_SHARED_JSON_ACCESS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/json/gate.h"

/* Gate, then parse. *json is owned by the caller (cJSON_Delete). */
GH_MUST_USE gh_status gh_json_parse(gh_view text, const gh_json_limits *limits, cJSON **json,
                                    gh_error *error);
/* Appends the compact text of `json`. */
GH_MUST_USE gh_status gh_json_print(const cJSON *json, gh_buf *out);

/* Case-sensitive look-ups; NULL / false when absent or of another type. Results are borrowed. */
const cJSON *gh_json_get(const cJSON *object, const char *name);
const char *gh_json_get_string(const cJSON *object, const char *name);
const cJSON *gh_json_get_object(const cJSON *object, const char *name);
const cJSON *gh_json_get_array(const cJSON *object, const char *name);
bool gh_json_get_bool(const cJSON *object, const char *name, bool *value);
/* Integral and within +-2^53 only. */
bool gh_json_get_int64(const cJSON *object, const char *name, int64_t *value);
/* True when array `name` of `object` holds the string `text`. */
bool gh_json_array_has(const cJSON *object, const char *name, const char *text);

/* Builders that say whether memory lacked; NULL `text` adds nothing and succeeds (no member is ever
 * null). */
bool gh_json_add_string(cJSON *object, const char *name, const char *text);
bool gh_json_add_view(cJSON *object, const char *name, gh_view text);
bool gh_json_add_int64(cJSON *object, const char *name, int64_t value); /* exact, via raw text */
bool gh_json_add_bool(cJSON *object, const char *name, bool value);
/* Takes `item` over, also on failure; false when it is NULL or memory lacks. */
bool gh_json_add_item(cJSON *object, const char *name, cJSON *item);
/* Space-separated words as an array of strings. */
bool gh_json_add_words(cJSON *object, const char *name, const char *words);

/* Appends `text` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
gh_status gh_json_write_string(gh_buf *out, gh_view text);

#endif
