/* A plugin that holds its threads too long and says what it must not say. The tool `fault` has an argument
 * `how`; the tests name what each is. */
#include <gatehouse/plugin.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef ABI
#define ABI GATEHOUSE_PLUGIN_ABI
#endif

const uint32_t gatehouse_plugin_abi = ABI;

static const gatehouse_host *host;
static gatehouse_registrar *registrar;

/* Sleeps without ever asking whether somebody still waits, and answers then. */
static int block(void *data, gatehouse_call *call)
{
    double ms = 0;
    (void)data;
    (void)host->number_argument(call, "ms", &ms);
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)fmod(ms, 1000) * 1000000};
    while (nanosleep(&time, &time) != 0) {
    }
    host->progress(call, 1, 1, "too late");
    host->log(call, GATEHOUSE_ERROR, NULL, "\"too late\"");
    return host->set_text(call, "Done at last.");
}

static int state_too_large(gatehouse_call *call)
{
    size_t size = 64 * 1024 + 1;
    char *bytes = calloc(1, size);
    int code = bytes == NULL ? 9 : host->set_state(call, bytes, size);
    free(bytes);
    (void)host->ask(call, "key", "roots/list", "{}");
    return code == 0 ? 9 : 0;
}

/* Each is refused, or does nothing. */
static void say_nonsense(gatehouse_call *call, const char *how)
{
    if (strcmp(how, "text NULL") == 0) {
        (void)host->add_text(call, NULL);
    } else if (strcmp(how, "text not UTF-8") == 0) {
        (void)host->add_text(call, "\xc3\x28");
    } else if (strcmp(how, "block of no type") == 0) {
        (void)host->add_content(call, "{\"type\":\"banana\"}");
    } else if (strcmp(how, "block without its text") == 0) {
        (void)host->add_content(call, "{\"type\":\"text\"}");
    } else if (strcmp(how, "block that is no object") == 0) {
        (void)host->add_content(call, "[]");
    } else if (strcmp(how, "two blocks in one") == 0) {
        (void)host->add_content(call,
                                "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}");
    } else if (strcmp(how, "meta that is no object") == 0) {
        (void)host->set_meta(call, "[1]");
    } else if (strcmp(how, "meta that ends its object") == 0) {
        (void)host->set_meta(call, "{}},\"isError\":{");
    } else if (strcmp(how, "structured that ends its object") == 0) {
        (void)host->set_structured(call, "{\"n\":1},\"isError\":true");
    } else if (strcmp(how, "a prompt's message") == 0) {
        (void)host->add_message(call, "user", "x");
    } else if (strcmp(how, "a completion") == 0) {
        (void)host->add_completion(call, "x");
    } else if (strcmp(how, "a reserved error code") == 0) {
        (void)host->set_protocol_error(call, -32700, "x", NULL);
    } else if (strcmp(how, "error data that is no JSON") == 0) {
        (void)host->set_protocol_error(call, 5, "x", "{");
    } else if (strcmp(how, "nothing") != 0) {
        (void)host->set_text(call, "unknown");
    }
}

static void say_while_working(gatehouse_call *call)
{
    host->progress(call, 2, 10, "up");
    host->progress(call, 1, 10, "down");
    host->progress(call, (double)NAN, 10, "not a number");
    host->progress(call, 3, (double)INFINITY, "endless");
    host->progress(call, 4, 10, "\xff");
    host->log(call, GATEHOUSE_ERROR, NULL, "no json");
    host->log(call, (gatehouse_level)99, NULL, "\"no level\"");
    host->log(call, GATEHOUSE_ERROR, NULL, NULL);
    host->progress(call, 5, 10, "still here");
    host->release_connection(call, 4294967295u);
}

static int fault(void *data, gatehouse_call *call)
{
    (void)data;
    const char *how = host->text_argument(call, "how");
    how = how == NULL ? "nothing" : how;
    if (strcmp(how, "returns 7") == 0) {
        return 7;
    }
    if (strcmp(how, "state too large") == 0) {
        return state_too_large(call);
    }
    if (strcmp(how, "while working") == 0) {
        say_while_working(call);
        return host->set_text(call, "survived");
    }
    if (strcmp(how, "asks what nobody answers") == 0) {
        return host->ask(call, "key", "tools/list", "{}") == 0 ? 9 : host->set_text(call, "refused");
    }
    if (strcmp(how, "asks without JSON") == 0) {
        return host->ask(call, "key", "roots/list", "{") == 0 ? 9 : host->set_text(call, "refused");
    }
    if (strcmp(how, "adds what is there") == 0) {
        static const gatehouse_tool tool = {.size = sizeof(gatehouse_tool),
                                            .name = "sayHello",
                                            .input_schema = "{\"type\":\"object\"}",
                                            .call = block};
        return host->set_text(call, host->add_tool(registrar, &tool) == 0 ? "added" : "refused");
    }
    if (strcmp(how, "takes away what is not its own") == 0) {
        return host->set_text(call, host->remove_tool(registrar, "sayHello") == 0 ? "removed" : "refused");
    }
    say_nonsense(call, how);
    return 0;
}

/* Uses up the stack; the compiler must not see that it does. */
static size_t dig(volatile const char *above)
{
    volatile char here[4096];
    here[0] = above[0];
    return dig(here) + (size_t)here[0];
}

static void crash_by(const char *how)
{
    static const char nothing[1] = "";
    volatile int zero = 0;
    if (strcmp(how, "memory") == 0) {
        *(volatile int *)(uintptr_t)(zero + 8) = 1;
    } else if (strcmp(how, "stack") == 0) {
        (void)dig(nothing);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "number") == 0) {
        (void)raise(SIGFPE);
    } else if (strcmp(how, "exit") == 0) {
        exit(3);
    }
}

static int crash(void *data, gatehouse_call *call)
{
    (void)data;
    const char *how = host->text_argument(call, "how");
    crash_by(how == NULL ? "" : how);
    return host->set_text(call, "nothing happened");
}

/* Asks again, whatever it is told. */
static int insatiable(void *data, gatehouse_call *call)
{
    (void)data;
    return host->ask(call, "key", "roots/list", "{}");
}

static int wrong_shape(void *data, gatehouse_call *call)
{
    (void)data;
    const char *how = host->text_argument(call, "how");
    return how == NULL ? host->set_text(call, "no structured content") : host->set_structured(call, how);
}

static int read_nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

static int too_many(void *data, gatehouse_call *call)
{
    (void)data;
    for (int i = 0; i < 500; i++) {
        (void)host->add_completion(call, "value");
    }
    return 0;
}

#define ANY "{\"type\":\"object\"}"

int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *the_registrar)
{
    static const gatehouse_tool tools[] = {
        {.size = sizeof(gatehouse_tool),
         .name = "block",
         .description = "Holds its thread.",
         .input_schema = ANY,
         .timeout_ms = 300,
         .call = block},
        {.size = sizeof(gatehouse_tool),
         .name = "fault",
         .description = "Does what a plugin must not do.",
         .input_schema = ANY,
         .call = fault},
        {.size = sizeof(gatehouse_tool),
         .name = "crash",
         .description = "Takes the server with it.",
         .input_schema = ANY,
         .call = crash},
        {.size = sizeof(gatehouse_tool),
         .name = "crash_quick",
         .description = "Does so where the request arrived.",
         .input_schema = ANY,
         .flags = GATEHOUSE_QUICK,
         .call = crash},
        {.size = sizeof(gatehouse_tool),
         .name = "insatiable",
         .description = "Asks without an end.",
         .input_schema = ANY,
         .call = insatiable},
        {.size = sizeof(gatehouse_tool),
         .name = "wrong_shape",
         .description = "Says something else than its schema.",
         .input_schema = ANY,
         .output_schema = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
                          "\"required\":[\"n\"]}",
         .call = wrong_shape},
    };
    static const gatehouse_resource resource = {
        .size = sizeof resource, .uri = "fault://nothing", .name = "nothing", .read = read_nothing};
    static const gatehouse_prompt prompt = {.size = sizeof prompt,
                                            .name = "nothing",
                                            .arguments = "[{\"name\":\"a\"}]",
                                            .get = read_nothing,
                                            .complete = too_many};
    int code = 0;
    const char *how = getenv("PLUGIN_CRASH");
    crash_by(how == NULL ? "" : how);
    host = the_host;
    registrar = the_registrar;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0] && code == 0; i++) {
        code = host->add_tool(registrar, &tools[i]);
    }
    if (code == 0) {
        code = host->add_resource(registrar, &resource);
    }
    return code == 0 ? host->add_prompt(registrar, &prompt) : code;
}
