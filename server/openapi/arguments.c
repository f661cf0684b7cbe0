/* The arguments of a tool: one object of schemas, whose names are legal and each used once. */
#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define NAME_MAX_BYTES 64
#define DESCRIPTION_MAX 1000

const char *gh_openapi_argument(gh_openapi_arguments *arguments, const char *wanted, cJSON *schema,
                                const char *description, bool required)
{
    gh_openapi_reader *reader = arguments->reader;
    const char *name = gh_openapi_unique(&arguments->names, gh_openapi_legal(wanted, NAME_MAX_BYTES));
    if (cJSON_IsTrue(schema)) { /* true: anything; an object has room for the description */
        cJSON_Delete(schema);
        schema = cJSON_CreateObject();
    }
    if (description != NULL && description[0] != '\0' && cJSON_IsObject(schema)) {
        cJSON_DeleteItemFromObjectCaseSensitive(schema, "description");
        (void)gh_openapi_put_text(reader, schema, "description", description, DESCRIPTION_MAX);
    }
    gh_openapi_put(reader, arguments->properties, name, schema);
    if (required) {
        gh_openapi_push(reader, arguments->required, name != NULL ? cJSON_CreateString(name) : NULL);
    }
    return name;
}
