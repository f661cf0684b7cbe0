/* What a tool is to the registry: a description and a call. Built-in tools fill this in; it stands below
 * the engine so that tools do not depend on it. */
#ifndef GH_SERVER_TOOLS_TOOL_H
#define GH_SERVER_TOOLS_TOOL_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "server/auth/principal.h"
#include "shared/core/status.h"

typedef struct gh_tool_call {
    const gh_principal *principal;
    const cJSON *arguments; /* an object that matches the input schema */
    void *data;             /* the tool's */
} gh_tool_call;

/* Fills *text (owned, free) with what a model reads, and *structured (owned) when the tool has an output
 * schema, which must match it (numbers as numbers, not as raw text). A failure that the model can act on is
 * GH_OK with *is_error; other statuses become -32603. */
typedef struct gh_tool_result {
    char *text;
    cJSON *structured;
    bool is_error;
} gh_tool_result;

typedef struct gh_tool {
    const char *name;
    const char *title;
    const char *description;
    const char *input_schema;  /* JSON text */
    const char *output_schema; /* NULL for none */
    const char *annotations;   /* JSON text; NULL for none */
    gh_status (*call)(const gh_tool_call *call, gh_tool_result *result);
    void *data; /* handed to every call; NULL for none */
} gh_tool;

/* The tools that come with the server. */
extern const gh_tool GH_TOOL_SAY_HELLO;
extern const gh_tool GH_TOOL_WHOAMI;

#endif
