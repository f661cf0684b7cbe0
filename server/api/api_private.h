/* What the files of api share. Private to api and its tests. */
#ifndef GH_SERVER_API_API_PRIVATE_H
#define GH_SERVER_API_API_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/api/api.h"
#include "server/call/call.h"
#include "server/schema/schema.h"
#include "shared/core/clock.h"
#include "shared/net/http_pool.h"

#define GH_API_HEADERS_MAX 64
#define GH_API_BODY_MAX ((size_t)4 * 1024 * 1024)   /* of a request */
#define GH_API_ANSWER_MAX ((size_t)4 * 1024 * 1024) /* what a call can hand on at once */
#define GH_API_EXCERPT_MAX 1000                     /* bytes of what an API says about an error */
#define GH_API_IDLE_CLIENTS 128                     /* kept for each upstream; users share none */

/* --- sets (api_set.c) --- */

/* A toolset with what its calls need. Immutable but for the count; lives until the last call and the last
 * catalog of the registry have let go of it. */
typedef struct gh_api_set {
    atomic_size_t refs;
    gh_toolset *tools;
    gh_http_pool **pools; /* of each upstream */
    gh_schema **outputs;  /* of each entry; NULL for none */
} gh_api_set;

/* Holds `tools`. GH_ERR_INVALID with a sentence for a credential that cannot be had here and a CA file that
 * cannot be read. */
GH_MUST_USE gh_status gh_api_set_new(const gh_api *api, gh_toolset *tools, gh_api_set **set, gh_error *error);
gh_api_set *gh_api_set_hold(gh_api_set *set);
void gh_api_set_release(gh_api_set *set); /* NULL is fine */

/* What the registry has of an entry. When a file is read again and the entry looks the same to clients, its
 * slot stays and only what is behind it changes. */
typedef struct gh_api_slot {
    atomic_size_t refs;
    gh_api *api; /* for calls only, which end before it does */
    pthread_mutex_t lock;
    gh_api_set *set; /* under the lock, as the next */
    size_t entry;
} gh_api_slot;

gh_api_slot *gh_api_slot_new(gh_api *api, gh_api_set *set, size_t entry); /* NULL when memory lacks */
gh_api_slot *gh_api_slot_hold(gh_api_slot *slot);
void gh_api_slot_release(void *data); /* a slot; NULL is fine */
void gh_api_slot_replace(gh_api_slot *slot, gh_api_set *set, size_t entry);

struct gh_api {
    gh_mcp_registry *registry;
    gh_credential_cache *cache;
    gh_credential_source source;
    char *ca_file;
    gatehouse_host host;  /* the functions for calls */
    pthread_mutex_t lock; /* one load at a time */
    /* Under the lock: */
    gh_api_set *set;     /* what is loaded; NULL for nothing */
    gh_api_slot **slots; /* of each entry of the set */
};

/* --- one call --- */

typedef struct gh_api_job {
    const gatehouse_host *host;
    gatehouse_call *call;
    gh_credential_cache *cache;
    gh_http_pool *pool; /* NULL when the entry has no request */
    uint64_t owner;     /* of its clients */
    const gh_entry *entry;
    const gh_schema *output; /* NULL for none */
    gh_template_values values;
    gh_deadline deadline; /* of the call */
} gh_api_job;

/* A request as it is sent, but for the credential. */
typedef struct gh_api_wire {
    const char *method;
    char *url;
    gh_http_header headers[GH_API_HEADERS_MAX]; /* names borrowed, values owned */
    size_t header_count;
    gh_buf body;
} gh_api_wire;

/* api_request.c. GH_ERR_INVALID or GH_ERR_TOO_LARGE with a sentence for the model when these arguments make
 * no request. Clear it in any case. */
GH_MUST_USE gh_status gh_api_wire_build(const gh_entry *entry, const gh_template_values *values,
                                        gh_api_wire *wire, gh_error *error);
void gh_api_wire_clear(gh_api_wire *wire);
/* Is the URL on the upstream's origin and below its path, with no "." or ".." in it, however written? */
bool gh_api_url_is_below(const char *base, const char *url);

typedef struct gh_api_reply {
    int status;
    gh_buf body;
    char *type;     /* Content-Type; NULL for none */
    char *location; /* NULL for none */
    bool encoded;   /* in a way that nobody asked for */
    int64_t retry_after_s;
    gh_secret *credential; /* what was sent, to see whether the reply repeats it; NULL for none */
} gh_api_reply;

/* api_perform.c. GH_OK: an answer of any HTTP status. GH_ERR_CANCELLED: nobody waits any more. Else the error
 * is a sentence for the model; the details are in the log. Clear the reply in any case. */
GH_MUST_USE gh_status gh_api_perform(const gh_api_job *job, const gh_api_wire *wire, gh_api_reply *reply,
                                     gh_error *error);
void gh_api_reply_clear(gh_api_reply *reply);

/* --- what is made of a reply --- */

typedef enum gh_api_form {
    GH_API_EMPTY,
    GH_API_JSON,
    GH_API_TEXT,
    GH_API_IMAGE,
    GH_API_AUDIO,
    GH_API_BYTES
} gh_api_form;

typedef struct gh_api_content {
    gh_api_form form;
    gh_buf text;      /* JSON, text: UTF-8 */
    gh_view bytes;    /* image, audio, bytes: of the reply */
    const char *mime; /* of image, audio and bytes: a constant, or of `media` */
    char *media;      /* the reply's media type in lower case, without parameters; NULL for none */
} gh_api_content;

/* api_response.c. GH_ERR_INVALID with a sentence for the model when the reply is not what it must be. Clear
 * it in any case. */
GH_MUST_USE gh_status gh_api_content_read(const gh_entry *entry, const gh_api_reply *reply,
                                          gh_api_content *content, gh_error *error);
void gh_api_content_clear(gh_api_content *content);
/* Does the reply say the secret that it was asked with? */
bool gh_api_reply_repeats_credential(const gh_api_reply *reply);

/* api_media.c. The media type that these bytes are, a constant, when it is one of those that `media` may
 * stand for; NULL otherwise. */
const char *gh_api_media_check(gh_api_form form, const char *media, gh_view bytes);
/* By the ending of a file's name; NULL when that says nothing. */
const char *gh_api_media_of_name(const char *name);
bool gh_api_media_is_json(const char *media);
bool gh_api_media_is_text(const char *media);

/* api_text.c. Appends `bytes` as UTF-8. GH_ERR_UNSUPPORTED for another charset than UTF-8, US-ASCII and
 * ISO-8859-1, GH_ERR_INVALID for bytes that are no such text. `type` is a Content-Type; NULL for none. */
GH_MUST_USE gh_status gh_api_text_decode(const char *type, gh_view bytes, gh_buf *out);
/* Appends `text` on one line: no control characters, nothing that hides text, no addresses of private
 * networks, at most GH_API_EXCERPT_MAX bytes. */
void gh_api_text_clean(gh_view text, gh_buf *out);
/* The media type in lower case, owned; NULL when there is none. */
char *gh_api_media_type(const char *type);

/* api_error.c. What the model is told of a reply whose status is no success; appended. */
void gh_api_error_write(const gh_api_job *job, const gh_api_reply *reply, gh_buf *out);

/* --- handlers; `data` is a slot --- */

int gh_api_call_tool(void *data, gatehouse_call *call);    /* api_call.c */
int gh_api_read_request(void *data, gatehouse_call *call); /* api_call.c */
int gh_api_read_text(void *data, gatehouse_call *call);    /* api_static.c, as the rest */
int gh_api_read_file(void *data, gatehouse_call *call);
int gh_api_read_folder(void *data, gatehouse_call *call);
int gh_api_get_prompt(void *data, gatehouse_call *call);

/* Between the two the job's set stays. */
void gh_api_job_begin(gh_api_slot *slot, gatehouse_call *call, gh_api_job *job, gh_api_set **set);
void gh_api_job_end(gh_api_set *set);

/* api_entries.c */
gatehouse_handler gh_api_handler_of(const gh_entry *entry);
gh_mcp_kind gh_api_kind_of(const gh_entry *entry);
/* Do clients see the same of both? */
bool gh_api_entry_looks_same(const gh_entry *a, const gh_entry *b);
/* Adds it to the registry, which then holds the slot, too. */
GH_MUST_USE gh_status gh_api_entry_add(gh_api *api, const gh_entry *entry, gh_api_slot *slot,
                                       gh_error *error);
GH_MUST_USE gh_status gh_api_entry_remove(gh_api *api, const gh_entry *entry);

#endif
