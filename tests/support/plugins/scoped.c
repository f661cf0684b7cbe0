/* A plugin whose tools, resources and prompts need scopes; `countRuns`, which needs none, says how often any
 * of the others ran. */
#include <gatehouse/plugin.h>
#include <stdatomic.h>
#include <stdio.h>

#define SCHEMA "{\"type\":\"object\"}"
#define ID_SCHEMA "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}},\"required\":[\"id\"]}"

static const gatehouse_host *host;
static atomic_int runs;

static int tell_scopes(void *data, gatehouse_call *call)
{
    char text[1024];
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    (void)snprintf(text, sizeof text, "done with %.900s", host->scope(call));
    return host->set_text(call, text);
}

static int count_runs(void *data, gatehouse_call *call)
{
    char text[32];
    (void)data;
    (void)snprintf(text, sizeof text, "%d", atomic_load(&runs));
    return host->set_text(call, text);
}

static int become_task(void *data, gatehouse_call *call)
{
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    (void)host->become_task(call, 0, 0);
    return host->set_text(call, "shipped");
}

static int read_order(void *data, gatehouse_call *call)
{
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    return host->add_resource_text(call, NULL, "text/plain", "one order");
}

static int complete_id(void *data, gatehouse_call *call)
{
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    return host->add_completion(call, "7");
}

static int review(void *data, gatehouse_call *call)
{
    (void)data;
    (void)atomic_fetch_add(&runs, 1);
    return host->add_message(call, "user", "Look at the orders.");
}

static const gatehouse_tool TOOLS[] = {
    {.size = sizeof(gatehouse_tool),
     .name = "countRuns",
     .input_schema = SCHEMA,
     .call = count_runs,
     .flags = GATEHOUSE_QUICK},
    {.size = sizeof(gatehouse_tool),
     .name = "readOrders",
     .title = "Read <orders>",
     .input_schema = SCHEMA,
     .call = tell_scopes,
     .scopes = "orders:read"},
    {.size = sizeof(gatehouse_tool),
     .name = "writeOrders",
     .title = "Write orders",
     .input_schema = ID_SCHEMA,
     .call = tell_scopes,
     .flags = GATEHOUSE_QUICK,
     .scopes = "orders:read orders:write"},
    {.size = sizeof(gatehouse_tool),
     .name = "shipOrders",
     .input_schema = SCHEMA,
     .call = become_task,
     .scopes = "orders:ship"},
};

const uint32_t gatehouse_plugin_abi = GATEHOUSE_PLUGIN_ABI;

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    static const gatehouse_resource today = {.size = sizeof today,
                                             .uri = "orders://today",
                                             .name = "today",
                                             .read = read_order,
                                             .scopes = "orders:read"};
    static const gatehouse_resource_template order = {.size = sizeof order,
                                                      .uri_template = "orders://by-id/{id}",
                                                      .name = "order",
                                                      .read = read_order,
                                                      .complete = complete_id,
                                                      .scopes = "orders:read"};
    static const gatehouse_prompt prompt = {.size = sizeof prompt,
                                            .name = "reviewOrders",
                                            .arguments = "[{\"name\":\"id\"}]",
                                            .get = review,
                                            .complete = complete_id,
                                            .scopes = "orders:read"};
    int code = 0;
    host = the_host;
    for (size_t i = 0; i < sizeof TOOLS / sizeof TOOLS[0] && code == 0; i++) {
        code = host->add_tool(registrar, &TOOLS[i]);
    }
    if (code == 0) {
        code = host->add_resource(registrar, &today);
    }
    if (code == 0) {
        code = host->add_resource_template(registrar, &order);
    }
    return code != 0 ? code : host->add_prompt(registrar, &prompt);
}
