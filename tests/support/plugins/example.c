/* A plugin with one tool, addNumbers. Build: cc -shared -fPIC -Iinclude example.c -lcjson -o example.so */
#include <cjson/cJSON.h>
#include <gatehouse/plugin.h>
#include <math.h>
#include <stdio.h>

static const gatehouse_host *host;

static int add_numbers(void *data, gatehouse_call *call)
{
    char json[64];
    cJSON *arguments = cJSON_Parse(host->arguments(call)); /* they match the input schema */
    double sum = cJSON_GetNumberValue(cJSON_GetObjectItem(arguments, "a")) +
                 cJSON_GetNumberValue(cJSON_GetObjectItem(arguments, "b"));
    (void)data;
    cJSON_Delete(arguments);
    if (!isfinite(sum)) {
        return host->set_error(call, "The sum is too large.");
    }
    (void)snprintf(json, sizeof json, "{\"sum\":%.17g}", sum);
    return host->set_structured(call, json);
}

static const gatehouse_tool ADD_NUMBERS = {
    .size = sizeof(gatehouse_tool),
    .name = "addNumbers",
    .title = "Add numbers",
    .description = "Returns the sum of two numbers.",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}},"
        "\"required\":[\"a\",\"b\"],\"additionalProperties\":false}",
    .output_schema =
        "{\"type\":\"object\",\"properties\":{\"sum\":{\"type\":\"number\"}},\"required\":[\"sum\"]}",
    .annotations = "{\"readOnlyHint\":true,\"openWorldHint\":false}",
    .call = add_numbers,
};

const uint32_t gatehouse_plugin_abi = GATEHOUSE_PLUGIN_ABI;

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    host = the_host;
    return host->add_tool(registrar, &ADD_NUMBERS);
}
