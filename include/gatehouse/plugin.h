/* Gatehouse plugins: tools, resources, prompts and completions of your own, in a shared object that the
 * server loads.
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
 *     cc -shared -fPIC -I/path/to/include greet.c -o greet.so
 *     gatehouse --plugin ./greet.so
 *
 * START. The server loads its plugins in the order of its options, before it serves, and calls
 * gatehouse_plugin_init of each once, on its main thread. A file that is missing, no plugin or of another
 * interface version, an init that does not return 0, and an item that is refused keep the server from
 * starting; it says why in one sentence. A plugin is not unloaded while the process lives, and an init that
 * fails leaves no threads behind.
 *
 * ONE WRITING FOR ALL CLIENTS. A handler (the `call`, `read`, `get` or `complete` of an item) answers one
 * request. It does not know whether the client holds a session (MCP until 2025-11-25) or sends each request
 * by itself (2026-07-28). When it needs the user's or the model's help it says so with `ask` and returns 0;
 * the client is asked in the way that it understands, and the handler is called again from its beginning
 * with the replies in `answer` and with what it put into `set_state`:
 *
 *     const char *name = host->answer_text(call, "user_name", "name");
 *     if (name == NULL) {
 *         return host->ask(call, "user_name", "elicitation/create",
 *                          "{\"message\":\"What is your name?\",\"requestedSchema\":{...}}");
 *     }
 *
 * OWNERSHIP. All text is UTF-8 and ends with a NUL. What a plugin hands over is copied before the function
 * returns; what the server hands over is valid until the handler returns and is not for writing. The host
 * table stays where it is as long as the process lives, and so does a registrar. A gatehouse_call is only for
 * the handler that got it. An item's `data` belongs to the plugin and is passed on as it is.
 *
 * THREADS. A handler runs on a thread of the server's own pool for them, with at least 512 KB of stack, and
 * may block: other requests go on. After its time (`timeout_ms`, or the server's --call-timeout) the client
 * gets an error and the thread is written off, so wait with `wait`, or look at `cancelled` now and then, and
 * return early. A handler that never blocks, not even on a lock that is held across I/O, may say
 * GATEHOUSE_QUICK: it runs where the request arrived, which is faster. Several calls, of the same item as
 * well, run at once, so what they share needs a lock. The functions for a call are for the thread that the
 * handler runs on; those for a registrar are for any thread at any time.
 *
 * THE PROCESS is shared, and a plugin can do whatever the server can: load only what you trust. A plugin does
 * not end the process, let a C++ exception or a longjmp out of its functions, or change what is the whole
 * process's: signal handlers, locale, working directory, umask, environment, standard streams. Descriptors
 * that it opens are close-on-exec.
 *
 * VERSIONS. GATEHOUSE_PLUGIN_ABI is raised when a plugin that was built before would break; the server loads
 * plugins with its own number only, and reads gatehouse_plugin_abi before it runs anything else of them.
 * Between raises the structs grow at their end and nothing in them moves, which is what `size` is for:
 * - A newer server takes an older, shorter struct and reads what is not there as zero.
 * - An older server takes a newer, longer struct when all that it does not know is zero, and refuses it
 *   otherwise. So an item starts as zero bytes, as an initializer does it.
 * - A plugin that wants to use a newer function of the host and still run on an older server asks first:
 *   GATEHOUSE_HOST_HAS(host, member). All that this file shows is always there in version 1. */
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

typedef struct gatehouse_registrar gatehouse_registrar; /* a plugin, as the server knows it */
typedef struct gatehouse_call gatehouse_call;           /* one call of a handler */

/* Answers one request by functions of the host and returns 0.
 *
 * What the model should read and act on, a city that does not exist, is set_error and 0. Any other return
 * value is a fault of the plugin: the client gets the JSON-RPC error -32603 without details, the log says who
 * returned what. The same happens when the answer is not what was promised: a set_... or add_... that was
 * refused, structured content that does not match the output schema or is missing. The server goes on. A
 * handler that sets nothing gives an empty result. */
typedef int (*gatehouse_handler)(void *data, gatehouse_call *call);

/* --- flags of items --- */
#define GATEHOUSE_QUICK 1u /* never blocks: see THREADS */
#define GATEHOUSE_TASK_REQUIRED                                                                              \
    2u /* a tool that cannot do without become_task: clients of 2026-07-28 that do                           \
          not know tasks get -32021; sessions wait for it instead */

/* The items. Start from zero bytes; `size` is sizeof the struct; members may be NULL or 0 unless they say
 * otherwise. `icons`: JSON array of MCP's Icon objects. `meta`: JSON object, shown as `_meta`. `annotations`:
 * JSON object.
 *
 * `scopes`: what the caller's access token must allow before a handler of the item runs, all of it: one or
 * more scopes of RFC 6749 with one space between, such as "notes:read notes:write"; at most 512 bytes, "" or
 * NULL for none. Who lacks one gets HTTP 403 with all that is needed, so that the client can ask the user for
 * more; lists show the item all the same, unless the server was told --hide-unscoped-tools. The server's own
 * sign-in (modes dev and proxy) offers the scopes of all items. Nothing is looked at with --auth none. */

typedef struct gatehouse_tool {
    size_t size;
    const char *name;          /* needed: 1 to 128 letters, digits, '_', '-', '.'; no other tool's */
    const char *title;         /* for people */
    const char *description;   /* for the model */
    const char *input_schema;  /* needed: JSON Schema 2020-12 as JSON text, with "type": "object" */
    const char *output_schema; /* JSON Schema; NULL when there is no structured result. Only clients of
                                  2026-07-28 see one that does not say "type": "object" */
    const char *annotations;   /* MCP's hints, such as {"readOnlyHint":true} */
    gatehouse_handler call;    /* needed. Called only with arguments that match the input schema */
    void *data;                /* passed to `call` */
    const char *icons;
    const char *meta;
    const char *needs; /* client capabilities without which it is not called, such as {"sampling":{}} */
    uint32_t flags;
    uint32_t timeout_ms; /* 0: the server's. No effect with GATEHOUSE_QUICK */
    const char *scopes;  /* see above */
} gatehouse_tool;

/* What `read` answers for one fixed URI. */
typedef struct gatehouse_resource {
    size_t size;
    const char *uri;  /* needed: absolute; no other resource's */
    const char *name; /* needed */
    const char *title;
    const char *description;
    const char *mime_type; /* of what add_resource_... does not say itself */
    const char *annotations;
    const char *icons;
    const char *meta;
    gatehouse_handler read; /* needed */
    void *data;
    uint64_t bytes; /* its size, for display; 0 when that is not known */
    uint32_t flags;
    uint32_t timeout_ms;
    const char *scopes; /* see above */
} gatehouse_resource;

/* Resources whose URIs follow a pattern: RFC 6570 level 1, "weather://{city}/today". A variable stands for
 * one or more characters other than '/', percent-decoded. Fixed resources come first, then templates in the
 * order in which they were added. */
typedef struct gatehouse_resource_template {
    size_t size;
    const char *uri_template; /* needed; no other template's */
    const char *name;         /* needed */
    const char *title;
    const char *description;
    const char *mime_type;
    const char *annotations;
    const char *icons;
    const char *meta;
    gatehouse_handler read; /* needed; the values are in `variable` */
    void *data;
    gatehouse_handler complete; /* proposes values of a variable: add_completion */
    uint32_t flags;
    uint32_t timeout_ms;
    const char *scopes; /* see above */
} gatehouse_resource_template;

typedef struct gatehouse_prompt {
    size_t size;
    const char *name; /* needed; no other prompt's */
    const char *title;
    const char *description;
    const char *arguments; /* JSON array of MCP's PromptArgument: [{"name":"city","required":true}] */
    const char *icons;
    const char *meta;
    gatehouse_handler get; /* needed. Called only with all required arguments, each a string */
    void *data;
    gatehouse_handler complete; /* proposes values of an argument: add_completion */
    uint32_t flags;
    uint32_t timeout_ms;
    const char *scopes; /* see above */
} gatehouse_prompt;

/* --- enumerations --- */

typedef enum gatehouse_level { /* of RFC 5424, as MCP's logging has them */
                               GATEHOUSE_DEBUG,
                               GATEHOUSE_INFO,
                               GATEHOUSE_NOTICE,
                               GATEHOUSE_WARNING,
                               GATEHOUSE_ERROR,
                               GATEHOUSE_CRITICAL,
                               GATEHOUSE_ALERT,
                               GATEHOUSE_EMERGENCY
} gatehouse_level;

/* What the server offers. Functions that return int return 0 when they did it. */
typedef struct gatehouse_host {
    size_t size;  /* of this struct in the server that runs */
    uint32_t abi; /* the server's GATEHOUSE_PLUGIN_ABI */

    /* --- items: during gatehouse_plugin_init, or later from any thread, when clients are told that the list
     * changed. During init, when one is refused the plugin as a whole is: pass the value on. Later, a refused
     * item is logged and changes nothing. --- */

    int (*add_tool)(gatehouse_registrar *registrar, const gatehouse_tool *tool);
    /* Says, in one sentence, why gatehouse_plugin_init is about to return something else than 0. */
    void (*fail)(gatehouse_registrar *registrar, const char *text);

    /* --- during a call: what was asked --- */

    /* The arguments, a JSON object as text, numbers as the client wrote them; "{}" for none. */
    const char *(*arguments)(const gatehouse_call *call);

    /* --- during a call: who asks, as the verified access token says. NULL for what it does not say. --- */

    const char *(*issuer)(const gatehouse_call *call);  /* who vouches for the caller; never NULL */
    const char *(*subject)(const gatehouse_call *call); /* the user's id at that issuer; never NULL */
    const char *(*name)(const gatehouse_call *call);    /* for display, not to decide by */
    const char *(*email)(const gatehouse_call *call);   /* likewise */
    const char *(*client)(const gatehouse_call *call);  /* id of the OAuth client that calls for the user */
    const char *(*scope)(const gatehouse_call *call);   /* separated by spaces, "" for none; never NULL */

    /* --- a tool's answer. Again means instead; at most 4 MiB each. --- */

    /* What the model reads, as one text. Without content, the structured content is shown as text. */
    int (*set_text)(gatehouse_call *call, const char *text);
    /* Structured content: JSON as text, which matches the output schema. An object; other values only reach
     * clients of 2026-07-28. */
    int (*set_structured)(gatehouse_call *call, const char *json);
    /* The tool could not do it, and why: a result that the model reads, marked as an error. It takes the
     * place of the other two. */
    int (*set_error)(gatehouse_call *call, const char *text);

    /* --- more items --- */

    int (*add_resource)(gatehouse_registrar *registrar, const gatehouse_resource *resource);
    int (*add_resource_template)(gatehouse_registrar *registrar, const gatehouse_resource_template *item);
    int (*add_prompt)(gatehouse_registrar *registrar, const gatehouse_prompt *prompt);
    /* Takes away what this plugin added. Calls that run go on; `data` may still be used until they end. */
    int (*remove_tool)(gatehouse_registrar *registrar, const char *name);
    int (*remove_resource)(gatehouse_registrar *registrar, const char *uri);
    int (*remove_resource_template)(gatehouse_registrar *registrar, const char *uri_template);
    int (*remove_prompt)(gatehouse_registrar *registrar, const char *name);

    /* --- from any thread --- */

    /* What a resource holds has changed: clients that subscribed to the URI are told. */
    void (*resource_updated)(gatehouse_registrar *registrar, const char *uri);
    /* A list says something else than before although no item came or went. */
    void (*tools_changed)(gatehouse_registrar *registrar);
    void (*resources_changed)(gatehouse_registrar *registrar);
    void (*prompts_changed)(gatehouse_registrar *registrar);
    /* A line in the server's log. */
    void (*write_log)(gatehouse_registrar *registrar, gatehouse_level level, const char *text);

    /* --- settings, from --plugin-config; for the life of the process --- */

    /* All settings of this plugin, a JSON object as text; "{}" for none. Secrets that come from files are in
     * `setting` only. */
    const char *(*settings)(gatehouse_registrar *registrar);
    /* One setting as text: a string's text, another value's JSON; NULL when there is none. For `key` the
     * file that "key_file" names is read when there is no "key": that is how to give a secret. When that file
     * cannot be used it is NULL, too; during init the plugin then does not start, later the log says so. */
    const char *(*setting)(gatehouse_registrar *registrar, const char *key);

    /* --- more of what was asked --- */

    /* A string among the arguments (a tool's or a prompt's); NULL when there is none of that name. */
    const char *(*text_argument)(gatehouse_call *call, const char *name);
    /* 0 and the value of a number or boolean (1 and 0) among the arguments; else *value stays as it is. */
    int (*number_argument)(gatehouse_call *call, const char *name, double *value);
    int (*boolean_argument)(gatehouse_call *call, const char *name, int *value);
    /* The name of the tool or prompt, or the URI of the resource, that is asked for. */
    const char *(*target)(const gatehouse_call *call);
    /* A variable of the template that the URI matched; NULL when there is none of that name. */
    const char *(*variable)(gatehouse_call *call, const char *name);
    /* Has the client this capability: "sampling", "elicitation", "elicitation.url", "roots", or
     * "extensions/NAME"? 1 or 0. */
    int (*client_can)(const gatehouse_call *call, const char *capability);

    /* --- content blocks of a tool's answer, in order. `set_text` drops those before it. --- */

    int (*add_text)(gatehouse_call *call, const char *text);
    int (*add_image)(gatehouse_call *call, const void *bytes, size_t size, const char *mime_type);
    int (*add_audio)(gatehouse_call *call, const void *bytes, size_t size, const char *mime_type);
    /* Any block of MCP's ContentBlock as JSON: resource links, embedded resources, annotations... */
    int (*add_content)(gatehouse_call *call, const char *json);

    /* --- contents: a resource's answer, or a block of a tool's. `uri` NULL is the one asked for, `mime_type`
     * NULL the item's. --- */

    int (*add_resource_text)(gatehouse_call *call, const char *uri, const char *mime_type, const char *text);
    int (*add_resource_bytes)(gatehouse_call *call, const char *uri, const char *mime_type, const void *bytes,
                              size_t size);
    /* There is no such resource (behind this template), after all. */
    int (*set_not_found)(gatehouse_call *call);

    /* --- a prompt's answer --- */

    int (*add_message)(gatehouse_call *call, const char *role, const char *text); /* "user", "assistant" */
    int (*add_message_content)(gatehouse_call *call, const char *role, const char *json); /* a ContentBlock */
    int (*set_description)(gatehouse_call *call, const char *text);

    /* --- a completion's answer; at most 100 values reach the client --- */

    const char *(*completing)(const gatehouse_call *call); /* the argument or variable that is completed */
    const char *(*typed)(const gatehouse_call *call);      /* what there is of it so far */
    int (*add_completion)(gatehouse_call *call, const char *value);
    int (*set_completion_total)(gatehouse_call *call, uint64_t total);

    /* --- any answer --- */

    int (*set_meta)(gatehouse_call *call, const char *json); /* `_meta` of the result: a JSON object */
    /* A JSON-RPC error instead of a result, for what is neither the model's nor the plugin's business to
     * mend. `code` outside -32768..-32000, or -32602 or -32603; `data` is JSON or NULL. */
    int (*set_protocol_error)(gatehouse_call *call, int code, const char *message, const char *data);

    /* --- while it works --- */

    /* `total` below or at 0: not known. Must grow from call to call. Does nothing unless the client asked. */
    void (*progress)(gatehouse_call *call, double progress, double total, const char *message);
    /* A log message for the client, which decides from what level on it gets them; `json` is any JSON value.
     * `logger` may be NULL. */
    void (*log)(gatehouse_call *call, gatehouse_level level, const char *logger, const char *json);
    /* 1 when nobody waits for the answer any more: the client went away or cancelled, the time is up, or the
     * server stops. */
    int (*cancelled)(const gatehouse_call *call);
    /* Sleeps; returns 1 as soon as the call is cancelled, else 0 after the time. */
    int (*wait)(gatehouse_call *call, uint32_t ms);
    /* Lets go of the connection when the client can come back for the rest, `retry_ms` later (sessions of
     * 2025-11-25); the handler goes on. No effect otherwise. */
    void (*release_connection)(gatehouse_call *call, uint32_t retry_ms);

    /* --- help from the client: see ONE WRITING FOR ALL CLIENTS --- */

    /* Asks for something under a key of your own choice: `method` is "elicitation/create",
     * "sampling/createMessage" or "roots/list", `params` its JSON object. Several asks go out together.
     * Return 0 afterwards; content that was set is not used. Not 0 when this client cannot be asked that:
     * return that value, or 0, and the client hears which capability it lacks, or answer in another way. */
    int (*ask)(gatehouse_call *call, const char *key, const char *method, const char *params);
    /* The client's result for that key, a JSON object as text; NULL while there is none. It is what the
     * client says: check it. */
    const char *(*answer)(gatehouse_call *call, const char *key);
    /* From an elicitation that was accepted, the string, number or boolean `member` of its content, as text;
     * from a sampling, with `member` NULL, its text. NULL while there is no such thing. */
    const char *(*answer_text)(gatehouse_call *call, const char *key, const char *member);
    /* "accept", "decline" or "cancel" of an elicitation; NULL while there is no answer. */
    const char *(*answer_action)(gatehouse_call *call, const char *key);
    /* Up to 64 KiB that come back with the answers, unreadable and unchangeable for the client; a client may
     * come back with an old one, though. Answers of earlier rounds are gone: keep here what you need of them.
     * It lasts for one round as well: set it again whenever you ask again. */
    int (*set_state)(gatehouse_call *call, const void *bytes, size_t size);
    /* What the round before set; NULL in the first round, and when that one set nothing. */
    const void *(*state)(const gatehouse_call *call, size_t *size);

    /* --- tasks (extension io.modelcontextprotocol/tasks) --- */

    /* From now on this tool's call is a task: the client has its handle and comes back for the result, and
     * the handler goes on, without the call's time limit. 0 when it is a task (also when it was one before),
     * not 0 when the client does not know tasks: go on, it waits. `ttl_ms`: how long the task can be asked
     * for, from now on; 0 for the server's. `poll_ms`: how often the client should ask; 0 for the server's.
     */
    int (*become_task)(gatehouse_call *call, uint32_t ttl_ms, uint32_t poll_ms);
    void (*set_task_status)(gatehouse_call *call, const char *text); /* for people who watch it */

    /* --- more of who asks --- */

    /* When the access token ends, in seconds since 1970; INT64_MAX for never. */
    int64_t (*expires)(const gatehouse_call *call);
} gatehouse_host;

#if defined(__GNUC__)
#define GATEHOUSE_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define GATEHOUSE_PLUGIN_EXPORT
#endif

/* The two names that a plugin defines. The first is GATEHOUSE_PLUGIN_ABI, always. The second registers the
 * items and returns 0, or another value when the plugin cannot work. */
GATEHOUSE_PLUGIN_EXPORT extern const uint32_t gatehouse_plugin_abi;
GATEHOUSE_PLUGIN_EXPORT int gatehouse_plugin_init(const gatehouse_host *host, gatehouse_registrar *registrar);

#ifdef __cplusplus
}
#endif

#endif
