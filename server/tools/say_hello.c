#include <stdlib.h>

#include "server/tools/tool.h"
#include "shared/core/bytes.h"
#include "shared/json/access.h"

#define TEXT_MAX 4096

/* The best that is known of the signed-in user. */
static const char *name_of(const gh_principal *principal)
{
    if (principal->name != NULL && principal->name[0] != '\0') {
        return principal->name;
    }
    if (principal->email != NULL && principal->email[0] != '\0') {
        return principal->email;
    }
    return principal->subject;
}

static gh_status say_hello(const gh_tool_call *call, gh_tool_result *result)
{
    const char *name = gh_json_get_string(call->arguments, "name");
    gh_buf text = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_appendf(&text, "Hello, %s!", name != NULL ? name : name_of(call->principal));
    gh_status status = gh_buf_status(&text);
    result->text = gh_buf_steal(&text);
    gh_buf_free(&text);
    if (status == GH_OK && result->text == NULL) {
        status = GH_ERR_NOMEM;
    }
    return status;
}

const gh_tool GH_TOOL_SAY_HELLO = {
    .name = "sayHello",
    .title = "Say hello",
    .description =
        "Returns a greeting, \"Hello, NAME!\". Leave `name` out to greet the user who is signed in.",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"description\":"
        "\"Whom to greet. Default: the user who is signed in.\",\"minLength\":1,\"maxLength\":100}},"
        "\"additionalProperties\":false}",
    .output_schema = NULL,
    .annotations = "{\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,"
                   "\"openWorldHint\":false}",
    .call = say_hello,
};
