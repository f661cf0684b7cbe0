/* Tools, resources and prompts that a JSON file describes: read, checked, and kept as one immutable set.
 *
 * The format is in server/toolfile/README.md. Names of MCP are as MCP has them (inputSchema, mimeType,
 * uriTemplate); ours are written the same way. Whatever is not known is refused, with line and place, so that
 * a misspelt name is not silently nothing. A set is reference-counted; reading it is for any thread. */
#ifndef GH_SERVER_TOOLFILE_TOOLFILE_H
#define GH_SERVER_TOOLFILE_TOOLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/toolfile/template.h"
#include "shared/config/options.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/json/gate.h"

#define GH_TOOLFILE_MAX ((size_t)16 * 1024 * 1024) /* bytes of one file */
#define GH_TOOLFILE_TOOLS_MAX 10000
#define GH_TOOLFILE_FILE_MAX ((size_t)4 * 1024 * 1024) /* bytes of what one resource holds */

/* Of a tools file, for the JSON gate. */
extern const gh_json_limits GH_TOOLFILE_LIMITS;

/* Who the API is told is asking. */
typedef enum gh_credential_kind {
    GH_CREDENTIAL_NONE,
    GH_CREDENTIAL_USER,     /* the user's own token at the identity provider (proxy mode) */
    GH_CREDENTIAL_EXCHANGE, /* that token exchanged for one of the API's own (RFC 8693) */
    GH_CREDENTIAL_CLIENT,   /* client credentials (RFC 6749, 4.4): the server itself */
    GH_CREDENTIAL_HEADER    /* a fixed secret in a header */
} gh_credential_kind;

typedef struct gh_credential {
    gh_credential_kind kind;
    char *audience;       /* exchange and client; NULL */
    char *resource;       /* RFC 8707; NULL */
    char *scope;          /* NULL */
    char *client_id;      /* client: NULL for the server's own */
    gh_secret *secret;    /* client: its secret, NULL for the server's own; header: the value */
    char *token_endpoint; /* client: NULL for the provider's; https, or http on loopback */
    char *header;         /* header: its name */
    char *prefix;         /* header: "Bearer "; NULL */
} gh_credential;

typedef struct gh_named_template {
    char *name;
    gh_template *value;
    gh_template_style style;
    bool explode;
} gh_named_template;

/* One API: all its requests go to the origin of `url` and below its path. */
typedef struct gh_upstream {
    char *name;
    char *url; /* absolute, no query, no fragment, no user, no trailing '/' */
    gh_credential credential;
    gh_named_template *headers; /* of every request */
    size_t header_count;
    /* Addresses that are not public are connected to only when the file says so: by `allowPrivate`, or by
     * naming one as the host ("localhost", a private IP literal). */
    bool allow_private;
    char *ca_file; /* absolute; NULL for the server's */
    int64_t connect_timeout_ms, timeout_ms;
    size_t max_response; /* bytes */
} gh_upstream;

typedef enum gh_body_kind { GH_BODY_NONE, GH_BODY_JSON, GH_BODY_FORM, GH_BODY_TEXT } gh_body_kind;

typedef struct gh_api_request {
    const gh_upstream *upstream; /* of the set */
    const char *method;          /* a constant: GET, HEAD, POST, PUT, PATCH, DELETE */
    gh_template *path;           /* starts with '/', or is empty */
    gh_named_template *query;
    size_t query_count;
    gh_named_template *headers;
    size_t header_count;
    gh_body_kind body_kind;
    char *body_type; /* media type of the body; NULL for the kind's own */
    gh_json_template *body_json;
    bool send_null; /* arguments that are null are so in body_json, too, rather than left out */
    gh_named_template *body_form;
    size_t body_form_count;
    gh_template *body_text;
    int64_t timeout_ms;  /* of one attempt; never 0 */
    size_t max_response; /* never 0 */
    unsigned retries;    /* 0 for methods that are not idempotent unless the file asks for it */
} gh_api_request;

typedef enum gh_response_kind {
    GH_RESPONSE_AUTO, /* by the media type that the API sends */
    GH_RESPONSE_JSON, /* structured content */
    GH_RESPONSE_TEXT,
    GH_RESPONSE_IMAGE,
    GH_RESPONSE_AUDIO
} gh_response_kind;

typedef struct gh_api_error {
    int from, to; /* HTTP statuses: 404 to 404, 500 to 599 */
    gh_template *text;
} gh_api_error;

typedef struct gh_api_response {
    gh_response_kind kind;
    char *pointer;        /* JSON pointer (RFC 6901) of the part that is the result; NULL: all */
    char *wrap;           /* a member name that values other than objects are put under; NULL: "result" */
    gh_api_error *errors; /* the narrower first: the first that fits counts */
    size_t error_count;
} gh_api_response;

/* What is on offer. Texts are owned by the set; JSON members are compact JSON text; NULL for what the file
 * does not say. `scopes` are separated by spaces, "" for none. */
typedef enum gh_entry_kind {
    GH_ENTRY_TOOL,
    GH_ENTRY_RESOURCE,
    GH_ENTRY_TEMPLATE,
    GH_ENTRY_PROMPT
} gh_entry_kind;

typedef struct gh_prompt_message {
    const char *role;          /* "user" or "assistant" */
    gh_template *text;         /* or */
    gh_json_template *content; /* a ContentBlock */
} gh_prompt_message;

typedef struct gh_entry {
    gh_entry_kind kind;
    const char *file; /* where it was read, and on what line, for messages */
    size_t line;
    char *name, *title, *description, *icons, *meta, *annotations;
    char *scopes;
    char *input_schema, *output_schema; /* tools */
    char *uri;                          /* resources: the URI; templates: the URI template */
    char *mime_type;
    char *arguments; /* prompts */
    /* how it is answered: one of these */
    bool has_request;
    gh_api_request request; /* tools, resources, templates */
    gh_api_response response;
    char *text;   /* resources: what it holds */
    char *path;   /* resources: the file that holds it; absolute */
    char *folder; /* templates: files below this folder, by the variable `path`; absolute. Resources that were
                     found in one: that folder, below which `name` must still be when it is read */
    gh_prompt_message *messages;
    size_t message_count;
} gh_entry;

/* A row of the scope hierarchy: who has `scope` also has `implied` (separated by spaces). */
typedef struct gh_scope_rule {
    char *scope;
    char *implied;
} gh_scope_rule;

typedef struct gh_toolset {
    gh_upstream *upstreams;
    size_t upstream_count;
    gh_entry *entries;
    size_t entry_count;
    gh_scope_rule *scope_rules;
    size_t scope_rule_count;
} gh_toolset;

/* One description to read: the text of a tools file, or what was made of an OpenAPI description. */
typedef struct gh_toolfile_source {
    const char *label;  /* the file's name, for messages */
    const char *folder; /* that relative file names in it are relative to */
    gh_view text;
    bool made; /* of something else, so that its lines mean nothing to people */
} gh_toolfile_source;

/* Reads the sources in order into one set; upstreams of one may be used by the next. GH_ERR_INVALID with
 * "tools.json, line 12: tool getOrder: ..." for the first thing that is wrong: JSON, unknown or missing
 * members, types, names that are there already, schemas, a path variable that is not a required argument, a
 * variable that is no argument, an upstream that is not there, a header that belongs to HTTP or to the
 * credential (Authorization, Cookie, Host, Content-Length...), a way to pass on the caller's token, a file
 * that is missing, outside its folder, too large or, for secrets, readable by others. */
GH_MUST_USE gh_status gh_toolset_read(const gh_toolfile_source *sources, size_t count, gh_toolset **set,
                                      gh_error *error);
gh_toolset *gh_toolset_hold(gh_toolset *set);
void gh_toolset_release(gh_toolset *set); /* NULL is fine; secrets are wiped with the last */

/* What is below `folder`, by a name that a client gave: appended to `out`, at most `max` bytes. Links count
 * only while they stay below the folder. GH_ERR_NOT_FOUND for whatever is not there, is no regular file, is
 * hidden (a part that begins with '.'), or leads elsewhere; GH_ERR_DENIED when it may not be read;
 * GH_ERR_TOO_LARGE; GH_ERR_IO. Thread-safe. */
GH_MUST_USE gh_status gh_toolfile_read_below(const char *folder, gh_view relative, size_t max, gh_buf *out);

/* A member of `openapi`: a description that is to become a source of its own. */
typedef struct gh_toolfile_description {
    size_t line;
    char *file;          /* a path, with the source's folder before it; or */
    char *url;           /* https, or http on loopback */
    char *upstream;      /* NULL */
    gh_text_list select; /* may be empty */
} gh_toolfile_description;

/* `one` is borrowed for the call. */
typedef gh_status gh_toolfile_take(void *context, const gh_toolfile_description *one, gh_error *error);

/* Calls `take` with each description that the source names, until it fails; then that status is returned.
 * GH_ERR_INVALID as above for what is wrong with the JSON or that member; nothing else is looked at. */
GH_MUST_USE gh_status gh_toolfile_descriptions(const gh_toolfile_source *source, gh_toolfile_take *take,
                                               void *context, gh_error *error);

#endif
