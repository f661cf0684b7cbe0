/* A plugin with everything but tasks: resources, a template, a prompt, completions, settings; and tools that
 * add, remove and announce while the server runs. */
#include <gatehouse/plugin.h>
#include <stdio.h>
#include <string.h>

static const gatehouse_host *host;
static gatehouse_registrar *self;

static int say(void *data, gatehouse_call *call)
{
    return host->set_text(call, data);
}

static int read_fixed(void *data, gatehouse_call *call)
{
    (void)data;
    return host->add_resource_text(call, NULL, NULL, "It does not change.");
}

static int read_city(void *data, gatehouse_call *call)
{
    char text[256];
    const char *city = host->variable(call, "city");
    (void)data;
    if (strcmp(city, "Atlantis") == 0) {
        return host->set_not_found(call);
    }
    (void)snprintf(text, sizeof text, "%.200s lies on a river.", city);
    return host->add_resource_text(call, NULL, NULL, text);
}

static int complete(void *data, gatehouse_call *call)
{
    static const char *const CITIES[] = {"Paris", "Parma", "Porto"};
    (void)data;
    for (size_t i = 0; i < sizeof CITIES / sizeof CITIES[0]; i++) {
        if (strncmp(CITIES[i], host->typed(call), strlen(host->typed(call))) == 0) {
            (void)host->add_completion(call, CITIES[i]);
        }
    }
    return 0;
}

static int praise(void *data, gatehouse_call *call)
{
    char text[256];
    (void)data;
    (void)snprintf(text, sizeof text, "Praise %.200s.", host->text_argument(call, "city"));
    return host->add_message(call, "user", text);
}

static int done(gatehouse_call *call, int code)
{
    return host->set_text(call, code == 0 ? "done" : "refused");
}

static int add(void *data, gatehouse_call *call)
{
    static char hello[] = "hello";
    (void)data;
    const gatehouse_tool tool = {.size = sizeof tool,
                                 .name = host->text_argument(call, "name"),
                                 .input_schema = "{\"type\":\"object\"}",
                                 .call = say,
                                 .data = hello};
    return done(call, host->add_tool(self, &tool));
}

static int take(void *data, gatehouse_call *call)
{
    const char *kind = host->text_argument(call, "kind");
    const char *name = host->text_argument(call, "name");
    (void)data;
    if (strcmp(kind, "tool") == 0) {
        return done(call, host->remove_tool(self, name));
    }
    if (strcmp(kind, "resource") == 0) {
        return done(call, host->remove_resource(self, name));
    }
    if (strcmp(kind, "template") == 0) {
        return done(call, host->remove_resource_template(self, name));
    }
    return done(call, host->remove_prompt(self, name));
}

static int announce(void *data, gatehouse_call *call)
{
    const char *what = host->text_argument(call, "what");
    (void)data;
    if (strcmp(what, "tools") == 0) {
        host->tools_changed(self);
    } else if (strcmp(what, "resources") == 0) {
        host->resources_changed(self);
    } else if (strcmp(what, "prompts") == 0) {
        host->prompts_changed(self);
    } else {
        host->resource_updated(self, what);
    }
    host->resource_updated(self, NULL);
    host->resource_updated(self, "\xff");
    host->write_log(self, GATEHOUSE_DEBUG, "announced");
    host->write_log(self, GATEHOUSE_NOTICE, NULL);
    return host->set_text(call, "done");
}

static int setting(void *data, gatehouse_call *call)
{
    const char *key = host->text_argument(call, "key");
    const char *value = key == NULL ? host->settings(self) : host->setting(self, key);
    (void)data;
    if (value != NULL && key != NULL && host->setting(self, key) != value) {
        return 98; /* it should be the same for the life of the process */
    }
    return value == NULL ? host->set_error(call, "There is no such setting.") : host->set_text(call, value);
}

static int add_tool(const char *name, gatehouse_handler handler)
{
    const gatehouse_tool tool = {.size = sizeof tool,
                                 .name = name,
                                 .description = "For tests.",
                                 .input_schema = "{\"type\":\"object\"}",
                                 .call = handler};
    return host->add_tool(self, &tool);
}

const uint32_t gatehouse_plugin_abi = GATEHOUSE_PLUGIN_ABI;

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    host = the_host;
    self = registrar;
    const gatehouse_resource fixed = {.size = sizeof fixed,
                                      .uri = "test://fixed",
                                      .name = "fixed",
                                      .description = "For tests.",
                                      .mime_type = "text/plain",
                                      .read = read_fixed};
    const gatehouse_resource_template city = {.size = sizeof city,
                                              .uri_template = "test://city/{city}",
                                              .name = "city",
                                              .read = read_city,
                                              .complete = complete};
    const gatehouse_prompt praise_prompt = {.size = sizeof praise_prompt,
                                            .name = "praise",
                                            .arguments = "[{\"name\":\"city\",\"required\":true}]",
                                            .get = praise,
                                            .complete = complete};
    int code = add_tool("add", add) | add_tool("take", take) | add_tool("announce", announce) |
               add_tool("setting", setting);
    code |= host->add_resource(registrar, &fixed) | host->add_resource_template(registrar, &city) |
            host->add_prompt(registrar, &praise_prompt);
    return code;
}
