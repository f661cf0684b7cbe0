/* Gatehouse plugins: tools of your own, in a shared object that the server loads.
 *
 * A plugin is one .so with two names: the constant `gatehouse_plugin_abi` and the function
 * `gatehouse_plugin_init`. In C:
 *
 *     #include <gatehouse/plugin.h>
 *
 *     static const gatehouse_host *host;
 *
 *     static int greet(void *data, gatehouse_call *call)
 *     {
 *         (void)data;
 *         return host->set_text(call, "Good morning.");
 *     }
 *
 *     const uint32_t gatehouse_plugin_abi = GATEHOUSE_PLUGIN_ABI;
 *
 *     int gatehouse_plugin_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
 *     {
 *         static const gatehouse_tool tool = {.size = sizeof tool,
 *                                             .name = "greet",
 *                                             .description = "Wishes a good morning.",
 *                                             .input_schema = "{\"type\":\"object\"}",
 *                                             .call = greet};
 *         host = the_host;
 *         return host->add_tool(registrar, &tool);
 *     }
 *
 * Build and load it:
 *
 *     cc -shared -fPIC greet.c -o greet.so
 *     gatehouse --plugin ./greet.so
 *
 * START. The server loads its plugins in the order of its options, before it serves, and calls
 * gatehouse_plugin_init of each once, on its main thread. A file that is missing, no plugin or of another
 * interface version, an init that does not return 0, and a tool that is refused keep the server from
 * starting; it says why in one sentence. A plugin is not unloaded while the process lives, and an init that
 * fails leaves no threads behind.
 *
 * OWNERSHIP. All text is UTF-8 and ends with a NUL. What a plugin hands over is copied before the function
 * returns; what the server hands over (the arguments, the caller) is valid until the tool's call returns and
 * is not for writing. The host table stays where it is as long as the process lives. The registrar is for
 * gatehouse_plugin_init only, a gatehouse_call only for the call that got it, on its thread. A tool's `data`
 * belongs to the plugin and is passed on as it is.
 *
 * THREADS. A tool's call runs on a thread of the server with at least 512 KB of stack. Several calls, of the
 * same tool as well, run at once, so what they share needs a lock. The thread is one of those that answer
 * HTTP requests: do not block it for long (seconds), and give up waiting by a deadline of your own. A plugin
 * may have threads of its own; they do not touch the registrar or a call.
 *
 * THE PROCESS is shared, and a plugin can do whatever the server can: load only what you trust. A plugin does
 * not end the process, let a C++ exception or a longjmp out of its functions, or change what is the whole
 * process's: signal handlers, locale, working directory, umask, environment, standard streams. Descriptors
 * that it opens are close-on-exec.
 *
 * VERSIONS. GATEHOUSE_PLUGIN_ABI is raised when a plugin that was built before would break; the server loads
 * plugins with its own number only, and reads gatehouse_plugin_abi before it runs anything else of them.
 * Between raises both structs grow at their end and nothing in them moves, which is what `size` is for:
 * - A newer server takes an older, shorter gatehouse_tool and reads what is not there as zero.
 * - An older server takes a newer, longer gatehouse_tool when all that it does not know is zero, and refuses
 *   it otherwise. So a tool starts as zero bytes, as an initializer does it.
 * - A plugin that wants to use a newer function of the host and still run on an older server asks first:
 *   GATEHOUSE_HOST_HAS(host, member). All that this file shows under "since version 1" is always there. */
#ifndef GATEHOUSE_PLUGIN_H
#define GATEHOUSE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. */
#define GATEHOUSE_PLUGIN_ABI 1

/* Does the server have this function of gatehouse_host? */
#define GATEHOUSE_HOST_HAS(host, member)                                                                     \
    ((host)->size >= offsetof(gatehouse_host, member) + sizeof((host)->member))

typedef struct gatehouse_registrar gatehouse_registrar; /* where a plugin's tools go */
typedef struct gatehouse_call gatehouse_call;           /* one call of a tool */

/* A tool. Start from zero bytes; members that may be NULL say so. */
typedef struct gatehouse_tool {
    /* since version 1 */
    size_t size;               /* sizeof(gatehouse_tool) */
    const char *name;          /* 1 to 128 letters, digits, '_', '-', '.'; no other tool's */
    const char *title;         /* for people; may be NULL */
    const char *description;   /* for the model; may be NULL */
    const char *input_schema;  /* JSON Schema 2020-12 as JSON text, with "type": "object" */
    const char *output_schema; /* likewise; NULL when there is no structured result */
    const char *annotations;   /* MCP's hints, a JSON object such as {"readOnlyHint":true}; may be NULL */

    /* Answers one call by host->set_text, set_structured or set_error, and returns 0. Called only with
     * arguments that match the input schema (but for `pattern` and `format`, which are the tool's to check).
     *
     * What the model should read and act on, a city that does not exist, is set_error and 0. Any other
     * return value is a fault of the tool: the client gets the JSON-RPC error -32603 without details, the
     * log says which tool returned what. The same happens when the result is not what the tool promised: a
     * set_... that was refused, structured content that does not match the output schema or is missing. The
     * server goes on. */
    int (*call)(void *data, gatehouse_call *call);
    void *data; /* passed to `call`; may be NULL */
} gatehouse_tool;

/* What the server offers. Functions that return int return 0 when they did it. */
typedef struct gatehouse_host {
    /* since version 1 */
    size_t size;  /* of this struct in the server that runs */
    uint32_t abi; /* the server's GATEHOUSE_PLUGIN_ABI */

    /* --- during gatehouse_plugin_init --- */

    /* Registers a tool. When it is refused, the plugin as a whole is: pass the value on. */
    int (*add_tool)(gatehouse_registrar *registrar, const gatehouse_tool *tool);
    /* Says, in one sentence, why gatehouse_plugin_init is about to return something else than 0. */
    void (*fail)(gatehouse_registrar *registrar, const char *text);

    /* --- during a call: what was asked --- */

    /* The arguments, a JSON object as text; "{}" for none. Numbers have the precision of a double. */
    const char *(*arguments)(const gatehouse_call *call);

    /* --- during a call: who asks, as the verified access token says. NULL for what it does not say. --- */

    const char *(*issuer)(const gatehouse_call *call);  /* who vouches for the caller; never NULL */
    const char *(*subject)(const gatehouse_call *call); /* the user's id at that issuer; never NULL */
    const char *(*name)(const gatehouse_call *call);    /* for display, not to decide by */
    const char *(*email)(const gatehouse_call *call);   /* likewise */
    const char *(*client)(const gatehouse_call *call);  /* id of the OAuth client that calls for the user */
    const char *(*scope)(const gatehouse_call *call);   /* separated by spaces, "" for none; never NULL */

    /* --- during a call: the answer. Again means instead; at most 4 MiB each. --- */

    /* What the model reads. Without it, the structured content is shown as text. */
    int (*set_text)(gatehouse_call *call, const char *text);
    /* Structured content: a JSON object as text, which matches the output schema. */
    int (*set_structured)(gatehouse_call *call, const char *json);
    /* The tool could not do it, and why: a result that the model reads, marked as an error. It takes the
     * place of the other two. */
    int (*set_error)(gatehouse_call *call, const char *text);
} gatehouse_host;

#if defined(__GNUC__)
#define GATEHOUSE_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define GATEHOUSE_PLUGIN_EXPORT
#endif

/* The two names that a plugin defines. The first is GATEHOUSE_PLUGIN_ABI, always. The second registers the
 * tools and returns 0, or another value when the plugin cannot work. */
GATEHOUSE_PLUGIN_EXPORT extern const uint32_t gatehouse_plugin_abi;
GATEHOUSE_PLUGIN_EXPORT int gatehouse_plugin_init(const gatehouse_host *host, gatehouse_registrar *registrar);

#ifdef __cplusplus
}
#endif

#endif
