/* A plugin that does wrong what a plugin can do wrong. PLUGIN_FAULT in the environment says what its init
 * does; without it, there is a tool `misbehave` whose argument `how` says what a call does. */
#include <gatehouse/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ABI
#define ABI GATEHOUSE_PLUGIN_ABI
#endif

const uint32_t gatehouse_plugin_abi = ABI;

static const gatehouse_host *host;
static gatehouse_registrar *kept;

static int say_who(gatehouse_call *call)
{
    char text[1024];
    const char *name = host->name(call);
    const char *email = host->email(call);
    const char *client = host->client(call);
    (void)snprintf(text, sizeof text, "%s|%s|%s|%s|%s|%s", host->issuer(call), host->subject(call),
                   name == NULL ? "NULL" : name, email == NULL ? "NULL" : email,
                   client == NULL ? "NULL" : client, host->scope(call));
    return host->set_text(call, text);
}

static int set_long_text(gatehouse_call *call)
{
    size_t len = (size_t)5 * 1024 * 1024;
    char *text = malloc(len + 1);
    if (text == NULL) {
        return 1;
    }
    memset(text, 'a', len);
    text[len] = '\0';
    int code = host->set_text(call, text);
    free(text);
    return code;
}

static gatehouse_tool tool_for(const char *fault);

/* There is one of that name already. */
static int add_late(gatehouse_call *call)
{
    gatehouse_tool tool = tool_for("late");
    return host->set_text(call, host->add_tool(kept, &tool) == 0 ? "added" : "refused");
}

static int misbehave(void *data, gatehouse_call *call)
{
    const char *how = host->arguments(call);
    if (strcmp(data, "the tool's own") != 0) {
        return 99;
    }
    if (strstr(how, "\"who\"") != NULL) {
        return say_who(call);
    }
    if (strstr(how, "\"arguments\"") != NULL) {
        return host->set_text(call, how);
    }
    if (strstr(how, "\"code\"") != NULL) {
        (void)host->set_text(call, "never seen");
        return 7;
    }
    if (strstr(how, "\"no json\"") != NULL) {
        (void)host->set_structured(call, "{\"sum\":nan}");
        return 0;
    }
    if (strstr(how, "\"array\"") != NULL) {
        (void)host->add_content(call, "[1]");
        return 0;
    }
    if (strstr(how, "\"null\"") != NULL) {
        (void)host->set_structured(call, NULL);
        (void)host->set_text(call, NULL);
        return 0;
    }
    if (strstr(how, "\"not utf-8\"") != NULL) {
        (void)host->set_text(call, "\xff\xfe");
        (void)host->set_text(call, "fine");
        return 0;
    }
    if (strstr(how, "\"long\"") != NULL) {
        return set_long_text(call);
    }
    if (strstr(how, "\"late\"") != NULL) {
        return add_late(call);
    }
    if (strstr(how, "\"twice\"") != NULL) {
        (void)host->set_structured(call, "{\"n\":1}");
        (void)host->set_structured(call, "{\"n\":2}");
        (void)host->set_text(call, "one");
        return host->set_text(call, "two");
    }
    if (strstr(how, "\"error\"") != NULL) {
        (void)host->set_error(call, "It is raining.");
        (void)host->set_structured(call, "{\"n\":1}");
        return host->set_text(call, "never seen");
    }
    return 0;
}

static char OWN[] = "the tool's own";
static char tool_name[16];

static gatehouse_tool tool_for(const char *fault)
{
    (void)snprintf(tool_name, sizeof tool_name, "%s",
                   strcmp(fault, "duplicate") == 0 ? "sayHello" : "misbehave");
    gatehouse_tool tool = {.size = sizeof tool,
                           .name = tool_name,
                           .input_schema = "{\"type\":\"object\"}",
                           .call = misbehave,
                           .data = OWN};
    if (strcmp(fault, "schema") == 0) {
        tool.input_schema = "{\"type\":\"string\"}";
    } else if (strcmp(fault, "no json") == 0) {
        tool.input_schema = "{type: object}";
    } else if (strcmp(fault, "no schema") == 0) {
        tool.input_schema = NULL;
    } else if (strcmp(fault, "no call") == 0) {
        tool.call = NULL;
    } else if (strcmp(fault, "no name") == 0) {
        tool.name = NULL;
    } else if (strcmp(fault, "not utf-8") == 0) {
        tool.description = "\xff";
    } else if (strcmp(fault, "size 0") == 0) {
        tool.size = 0;
    } else if (strcmp(fault, "short") == 0) {
        tool.size = offsetof(gatehouse_tool, data);
    }
    return tool;
}

/* A tool as a newer header may have it. */
static int add_longer(gatehouse_registrar *registrar, const char *more)
{
    struct {
        gatehouse_tool tool;
        const char *more;
    } longer = {.tool = tool_for(""), .more = more};
    longer.tool.size = sizeof longer;
    return host->add_tool(registrar, &longer.tool);
}

/* A tool as the first plugins had it: nothing after `data`, whatever lies behind it in memory. */
static int add_shorter(gatehouse_registrar *registrar)
{
    gatehouse_tool tool = tool_for("");
    tool.size = offsetof(gatehouse_tool, icons);
    tool.icons = "no JSON";
    tool.flags = 0xffffffffu;
    return host->add_tool(registrar, &tool);
}

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    const char *fault = getenv("PLUGIN_FAULT");
    fault = fault == NULL ? "" : fault;
    host = the_host;
    kept = registrar;
    if (host->abi != GATEHOUSE_PLUGIN_ABI || !GATEHOUSE_HOST_HAS(host, set_error)) {
        return 98;
    }
    if (strcmp(fault, "code") == 0) {
        return 42;
    }
    if (strcmp(fault, "reason") == 0) {
        host->fail(registrar, "The moon is not full.");
        return -1;
    }
    if (strcmp(fault, "newer") == 0) {
        return add_longer(registrar, NULL);
    }
    if (strcmp(fault, "needs newer") == 0) {
        return add_longer(registrar, "more");
    }
    if (strcmp(fault, "older") == 0) {
        return add_shorter(registrar);
    }
    if (strcmp(fault, "no secret") == 0) {
        return host->setting(registrar, "token") == NULL ? 0 : 97; /* it does not look */
    }
    gatehouse_tool tool = tool_for(fault);
    (void)host->add_tool(registrar, &tool);       /* a refusal counts all the same */
    memset(tool_name, 'x', sizeof tool_name - 1); /* the server has its own copy */
    return 0;
}
