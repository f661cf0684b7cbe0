/* A schema on the first line, a value behind it: whatever both are, the judgement ends, is explained and is
 * the same the second time. */
#include <string.h>

#include "server/schema/schema.h"
#include "shared/json/access.h"
#include "tests/fuzz/fuzz.h"

static void judge(const gh_schema *schema, const cJSON *value)
{
    gh_error error = {GH_OK, ""};
    gh_status status = gh_schema_check(schema, value, "arguments", &error);
    GH_FUZZ_REQUIRE(status == GH_OK || status == GH_ERR_INVALID || status == GH_ERR_TOO_LARGE);
    GH_FUZZ_REQUIRE((status == GH_OK) == (error.message[0] == '\0'));
    GH_FUZZ_REQUIRE(gh_schema_check(schema, value, "arguments", NULL) == status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view rest = gh_fuzz_view(data, size);
    gh_view line = {"", 0};
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    cJSON *value = NULL;
    char *text = gh_view_next(&rest, '\n', &line) ? gh_view_dup(line) : NULL;
    if (text == NULL) {
        return 0;
    }
    if (gh_schema_new(text, &schema, &error) == GH_OK) {
        GH_FUZZ_REQUIRE(gh_schema_json(schema) != NULL);
        if (gh_json_parse(rest, &GH_JSON_LIMITS_DOCUMENT, &value, NULL) == GH_OK) {
            judge(schema, value);
        }
        judge(schema, gh_schema_json(schema));
    } else {
        GH_FUZZ_REQUIRE(schema == NULL && error.message[0] != '\0');
    }
    cJSON_Delete(value);
    gh_schema_free(schema);
    free(text);
    return 0;
}
