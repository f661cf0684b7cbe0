/* Tools for ./dev bench: one that reports its progress, one that takes a text of any size, and as many more
 * as the setting "tools" says. */
#include <gatehouse/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 10
#define NO_ARGUMENTS "{\"type\":\"object\",\"additionalProperties\":false}"

static const gatehouse_host *host;

static int progress(void *data, gatehouse_call *call)
{
    (void)data;
    for (int step = 1; step <= STEPS; step++) {
        host->progress(call, step, STEPS, NULL);
    }
    return host->set_text(call, "Done.");
}

static int measure(void *data, gatehouse_call *call)
{
    char text[32];
    const char *given = host->text_argument(call, "text");
    (void)data;
    (void)snprintf(text, sizeof text, "%zu", given != NULL ? strlen(given) : 0);
    return host->set_text(call, text);
}

static int nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

static const gatehouse_tool TOOLS[] = {
    {.size = sizeof(gatehouse_tool),
     .name = "progress",
     .description = "Reports its progress ten times.",
     .input_schema = NO_ARGUMENTS,
     .call = progress},
    {.size = sizeof(gatehouse_tool),
     .name = "measure",
     .description = "Tells how long a text is.",
     .input_schema = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}",
     .call = measure,
     .flags = GATEHOUSE_QUICK},
};

const uint32_t gatehouse_plugin_abi = GATEHOUSE_PLUGIN_ABI;

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    const char *wanted = the_host->setting(registrar, "tools");
    long more = wanted != NULL ? strtol(wanted, NULL, 10) : 0;
    int code = 0;
    host = the_host;
    for (size_t i = 0; code == 0 && i < sizeof TOOLS / sizeof TOOLS[0]; i++) {
        code = host->add_tool(registrar, &TOOLS[i]);
    }
    for (long i = 0; code == 0 && i < more; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "more_%ld", i);
        const gatehouse_tool tool = {.size = sizeof tool,
                                     .name = name,
                                     .description = "One of many.",
                                     .input_schema = NO_ARGUMENTS,
                                     .call = nothing,
                                     .flags = GATEHOUSE_QUICK};
        code = host->add_tool(registrar, &tool);
    }
    return code;
}
