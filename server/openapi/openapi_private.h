/* What the parts of the conversion share. One conversion is one thread's. Memory that lacks is noted in
 * `status` and makes the rest of the conversion run empty; everything else that is wrong with one operation
 * is reported, and the operation is left out or goes on without it. */
#ifndef GH_SERVER_OPENAPI_PRIVATE_H
#define GH_SERVER_OPENAPI_PRIVATE_H

#include <cjson/cJSON.h>

#include "server/openapi/openapi.h"

#define GH_OPENAPI_WHERE_MAX 200

typedef struct gh_openapi_names {
    struct gh_openapi_name {
        char *text;
        uint32_t hash;
    } * items;
    size_t count, room;
} gh_openapi_names;

typedef struct gh_openapi_reader {
    const gh_openapi_options *options;
    gh_openapi_report report;
    void *context;
    gh_error *error;
    cJSON *root;
    bool modern;                      /* 3.1: schemas are JSON Schema 2020-12 */
    const char *where;                /* what is read now, for reports: "GET /pets" */
    struct gh_openapi_index *indexes; /* of large objects */
    size_t index_count;
    size_t steps;     /* members that may still be looked at, so that look-ups end */
    gh_status status; /* GH_ERR_NOMEM or GH_ERR_INVALID (then `error` says why) ends it all */
    bool quiet;       /* a second go: what was told is not told again */
    gh_openapi_names tools;
    char *server; /* URL of the description\'s own; owned, NULL for none */
    bool server_sought;
    char *origin;     /* URL of the first operation with a server, where the description has none; owned */
    cJSON *upstreams; /* made so far: a tools file's member */
    cJSON *overrides; /* x-mcp of the root */
    bool bare_credential; /* a call that asks for a credential goes to an upstream without one */
} gh_openapi_reader;

/* --- reading (document.c) --- */

gh_status gh_openapi_read(gh_view text, gh_openapi_reader *reader);
void gh_openapi_tell(const gh_openapi_reader *reader, const char *format, ...) GH_PRINTF(2, 3);
/* Ends the conversion with a sentence; returns false. */
bool gh_openapi_refuse(gh_openapi_reader *reader, const char *format, ...) GH_PRINTF(2, 3);
/* The value when it is of that kind, else NULL: what cJSON_ArrayForEach takes. */
const cJSON *gh_openapi_array(const cJSON *value);
const cJSON *gh_openapi_object(const cJSON *value);
/* What "#/..." leads to; NULL for what is elsewhere or not there. */
const cJSON *gh_openapi_find(gh_openapi_reader *reader, const char *ref);
/* Follows references until there is none: an object, or NULL and told. */
const cJSON *gh_openapi_follow(gh_openapi_reader *reader, const cJSON *node, const char *what);

/* --- looking up (lookup.c) --- */

#define GH_OPENAPI_INDEXES_MAX 16

/* Counts one step; false when there are none left, which ends the conversion. */
bool gh_openapi_step(gh_openapi_reader *reader);
/* The member, counted against `steps`; NULL when absent. */
const cJSON *gh_openapi_get(gh_openapi_reader *reader, const cJSON *object, const char *name);
void gh_openapi_forget(gh_openapi_reader *reader);

/* --- making (make.c) --- */

/* Take `item` over in every case; what is NULL, or without room, is a lack of memory. */
void gh_openapi_put(gh_openapi_reader *reader, cJSON *object, const char *name, cJSON *item);
void gh_openapi_push(gh_openapi_reader *reader, cJSON *array, cJSON *item);
/* The same with a string; of at most `max` bytes, cut at a character ("..." is added); says whether it was.
 */
bool gh_openapi_put_text(gh_openapi_reader *reader, cJSON *object, const char *name, const char *text,
                         size_t max);
/* The object's member `name`, an object that is made when there is none. */
cJSON *gh_openapi_member(gh_openapi_reader *reader, cJSON *object, const char *name);
/* Literal text as a template: braces doubled. Cut to `max` bytes before. NULL without memory. */
char *gh_openapi_literal(const char *text, size_t max);
cJSON *gh_openapi_variable(const char *name); /* "{name}" */

/* --- names (names.c) --- */

/* `text` with what is not a letter, digit, '_' or '-' as '_', at most `max` bytes, and never empty. */
char *gh_openapi_legal(const char *text, size_t max);
/* Takes `wanted` over and gives it, or "wanted_2" and so on, to `names`, which own it; NULL without memory.
 */
const char *gh_openapi_unique(gh_openapi_names *names, char *wanted);
bool gh_openapi_has_name(const gh_openapi_names *names, const char *text);
void gh_openapi_names_clear(gh_openapi_names *names);

/* --- paths (path.c) --- */

/* The path with everything percent-encoded that must be, but what stands in braces. NULL without memory. */
char *gh_openapi_path(const char *path);
/* False for one that may lead elsewhere than it reads ("..", "%2e", "%2f"), or is too long. */
bool gh_openapi_is_straight(gh_view path);

/* --- selection (select.c) --- */

typedef struct gh_openapi_call {
    const char *method; /* "GET" */
    const char *path;   /* "/pets/{id}" */
    const cJSON *item;  /* the path item */
    const cJSON *json;  /* the operation */
} gh_openapi_call;

bool gh_openapi_selected(const gh_text_list *select, const gh_openapi_call *call, bool *used);
bool gh_openapi_glob(gh_view pattern, gh_view text);

/* --- x-mcp (overrides.c) --- */

typedef enum gh_openapi_level { GH_AT_ROOT = 1, GH_AT_PATH = 2, GH_AT_OPERATION = 4 } gh_openapi_level;

/* A copy of `outer` (NULL for none) with the x-mcp of `holder` over it; "hide" says both hide and enabled.
 * NULL with the conversion ended when one is wrong. */
cJSON *gh_openapi_overrides(gh_openapi_reader *reader, const cJSON *outer, const cJSON *holder,
                            gh_openapi_level level);

/* --- where calls go, and who may (servers.c, security.c) --- */

/* The upstream's name; NULL when there is none, which was told or has ended the conversion. */
const char *gh_openapi_upstream(gh_openapi_reader *reader, const gh_openapi_call *call,
                                const cJSON *overrides);
/* The URL of the first usable server, appended to `url`. `plain`: http: is taken also of other hosts. */
bool gh_openapi_server(gh_openapi_reader *reader, const cJSON *servers, bool plain, gh_buf *url);
/* Adds the tool's `scopes`. False when the tool cannot be, which was told. */
bool gh_openapi_scopes(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides,
                       cJSON *tool, bool *needs_credential);

/* --- schemas (schemas.c, keywords.c) --- */

typedef struct gh_openapi_schemas {
    gh_openapi_reader *reader;
    bool input;     /* else it is of a result: what only narrows is left out */
    bool shallow;   /* references become what their first level says */
    bool too_large; /* over `left`: what was made is of no use */
    bool foreign;   /* it cannot be said within one document; told */
    size_t left;    /* bytes */
    cJSON *defs;    /* owned until finished */
    struct gh_openapi_def {
        const cJSON *node;
        const char *name;
    } * queue;
    size_t queued, done, room;
    gh_openapi_names names;
} gh_openapi_schemas;

void gh_openapi_schemas_start(gh_openapi_schemas *schemas, gh_openapi_reader *reader, bool input,
                              bool shallow);
/* The schema at `node` as JSON Schema 2020-12, owned by the caller. Never NULL but without memory. */
cJSON *gh_openapi_schema(gh_openapi_schemas *schemas, const cJSON *node, unsigned depth);
/* Adds what is referred to as `$defs` to `root`. False when it is too large, foreign or without memory. */
bool gh_openapi_schemas_finish(gh_openapi_schemas *schemas, cJSON *root);
void gh_openapi_schemas_clear(gh_openapi_schemas *schemas);
/* A `$ref` that stands for the schema `ref` leads to. */
cJSON *gh_openapi_reference(gh_openapi_schemas *schemas, const char *ref, unsigned depth);
/* The keywords of `node` into `made`; `references` says whether `$ref` is one of them. */
void gh_openapi_keywords(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made, unsigned depth);
bool gh_openapi_is_type(const char *text);
/* True when every value may be null, and what the only other type is; NULL when there are several. */
const char *gh_openapi_only_type(gh_openapi_reader *reader, const cJSON *node, bool *nullable);
/* False for what a caller does not send (readOnly), or an API does not answer (writeOnly). */
bool gh_openapi_is_for(gh_openapi_reader *reader, const cJSON *property, bool input);
/* Asks the validator, and whether a tools file has room for it; false with its sentence when it refuses. */
bool gh_openapi_accepted(gh_openapi_reader *reader, const cJSON *schema, gh_error *why);

/* --- operations (operation.c, parameters.c, body.c, flatten.c, responses.c) --- */

typedef struct gh_openapi_arguments {
    gh_openapi_reader *reader;
    const gh_openapi_call *call;
    gh_openapi_schemas schemas;
    cJSON *properties, *required; /* of the inputSchema; owned */
    cJSON *request;               /* owned */
    gh_openapi_names names;
} gh_openapi_arguments;

/* Arguments for parameters, and where they go. False when the call cannot be made without something that is
 * not there, which was told. */
bool gh_openapi_parameters(gh_openapi_arguments *arguments);
bool gh_openapi_body(gh_openapi_arguments *arguments);
/* False for those that are HTTP's own or the credential's. */
bool gh_openapi_is_sendable_header(const gh_openapi_reader *reader, const char *name);
/* Adds an argument and returns its name. `schema` is taken over. */
const char *gh_openapi_argument(gh_openapi_arguments *arguments, const char *wanted, cJSON *schema,
                                const char *description, bool required);

/* The members of an object that may be arguments of their own. */
typedef struct gh_openapi_members {
    struct gh_openapi_member {
        const char *name;
        const cJSON *schema;
        bool required;
    } * items;
    size_t count, room;
    const char **required; /* names, not owned */
    size_t required_count, required_room;
} gh_openapi_members;

/* False when the schema says more than its members, or nothing of them. */
bool gh_openapi_flatten(gh_openapi_reader *reader, const cJSON *schema, gh_openapi_members *members);
void gh_openapi_members_clear(gh_openapi_members *members);

/* Adds `response` and, where it can, `outputSchema`. */
void gh_openapi_responses(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides,
                          cJSON *tool);
/* What a media type is to a tools file. */
typedef enum gh_openapi_media {
    GH_MEDIA_JSON,
    GH_MEDIA_FORM,
    GH_MEDIA_TEXT,
    GH_MEDIA_IMAGE,
    GH_MEDIA_AUDIO,
    GH_MEDIA_ANY, /* a range: all, or all of "application" */
    GH_MEDIA_OTHER
} gh_openapi_media;
gh_openapi_media gh_openapi_media_of(const char *type);

/* The operation as a tool, owned by the caller; NULL when it is left out, which was told. */
cJSON *gh_openapi_tool(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides);

#endif
