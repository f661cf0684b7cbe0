#include "server/tools/builtin.h"

#include "server/tools/tools_private.h"

static const gatehouse_tool SAY_HELLO = {
    .size = sizeof(gatehouse_tool),
    .name = "sayHello",
    .title = "Say hello",
    .description =
        "Returns a greeting, \"Hello, NAME!\". Leave `name` out to greet the user who is signed in.",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"description\":"
        "\"Whom to greet. Default: the user who is signed in.\",\"minLength\":1,\"maxLength\":100}},"
        "\"additionalProperties\":false}",
    .annotations = "{\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,"
                   "\"openWorldHint\":false}",
    .call = gh_tool_say_hello,
    .flags = GATEHOUSE_QUICK,
};

static const gatehouse_tool WHOAMI = {
    .size = sizeof(gatehouse_tool),
    .name = "whoami",
    .title = "Who am I",
    .description =
        "Tells who is signed in: subject, name and e-mail as far as known, the client that asked, the "
        "scopes that were granted, and how many seconds the access token is still valid.",
    .input_schema = "{\"type\":\"object\",\"additionalProperties\":false}",
    .output_schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"subject\":{\"type\":\"string\",\"description\":\"The user's stable identifier at the issuer\"},"
        "\"name\":{\"type\":\"string\",\"description\":\"The user's name; absent when not known\"},"
        "\"email\":{\"type\":\"string\",\"description\":\"The user's e-mail address; absent when not "
        "known\"},"
        "\"client\":{\"type\":\"string\",\"description\":\"The OAuth client that calls on the user's "
        "behalf\"},"
        "\"scopes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"Granted scopes\"},"
        "\"secondsLeft\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"Until the access token "
        "expires\"}},"
        "\"required\":[\"subject\",\"scopes\",\"secondsLeft\"],\"additionalProperties\":false}",
    .annotations = "{\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,"
                   "\"openWorldHint\":false}",
    .call = gh_tool_whoami,
    .flags = GATEHOUSE_QUICK,
};

int gh_builtin_init(const gatehouse_host *host, gatehouse_registrar *registrar)
{
    const gatehouse_tool *const tools[] = {&SAY_HELLO, &WHOAMI};
    int code = 0;
    for (size_t i = 0; code == 0 && i < sizeof tools / sizeof tools[0]; i++) {
        gatehouse_tool tool = *tools[i];
        tool.data = (void *)(uintptr_t)host; /* handlers only read it */
        code = host->add_tool(registrar, &tool);
    }
    return code;
}
