/* A plugin for Gatehouse with one tool, greet. README.md beside it is the guide. */
#include <gatehouse/plugin.h>
#include <stdio.h>

static const gatehouse_host *host;

static int greet(void *data, gatehouse_call *call)
{
    char text[512];
    const char *greeting = host->text_argument(call, "greeting"); /* NULL when it was left out */
    const char *name = host->name(call);                          /* NULL when the token does not say */
    (void)data;
    snprintf(text, sizeof text, "%.200s, %.200s!", greeting != NULL ? greeting : "Hello",
             name != NULL ? name : host->subject(call));
    return host->set_text(call, text);
}

static const gatehouse_tool GREET = {
    .size = sizeof GREET,
    .name = "greet",
    .description = "Greets the person who is signed in.",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{\"greeting\":{\"type\":\"string\",\"maxLength\":50}},"
        "\"additionalProperties\":false}",
    .call = greet,
    .flags = GATEHOUSE_QUICK, /* it never blocks */
};

const uint32_t gatehouse_plugin_abi = GATEHOUSE_PLUGIN_ABI;

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    host = the_host;
    return host->add_tool(registrar, &GREET);
}
