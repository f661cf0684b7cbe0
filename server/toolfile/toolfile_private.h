/* Reading tools files: where one is, how it is said what is wrong, and who reads which part. Private to
 * toolfile; for one thread. */
#ifndef GH_SERVER_TOOLFILE_PRIVATE_H
#define GH_SERVER_TOOLFILE_PRIVATE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "server/toolfile/toolfile.h"
#include "shared/core/bytes.h"
#include "shared/json/slice.h"

#define GH_TOOLFILE_ITEM_MAX 160 /* bytes of "tool getOrder" in messages */
#define GH_TOOLFILE_NEAR 2       /* letters between a name that is not known and the one that was meant */
#define GH_TOOLFILE_TEXT_MAX ((size_t)256 * 1024)
#define GH_TOOLFILE_NAME_MAX ((size_t)256)
#define GH_TOOLFILE_URI_MAX ((size_t)4096)
#define GH_TOOLFILE_PATH_MAX ((size_t)4096)
#define GH_TOOLFILE_SECONDS_MAX ((int64_t)600)
#define GH_TOOLFILE_RESPONSE_MAX ((int64_t)16 * 1024 * 1024)

/* The set and what it is kept with; the set is the first member. */
typedef struct gh_toolset_kept {
    gh_toolset set;
    atomic_size_t refs;
    char **labels; /* that entries' `file` point to */
    size_t label_count;
    size_t entry_room;
} gh_toolset_kept;

typedef struct gh_toolfile_reader {
    gh_toolset_kept *kept;
    const gh_toolfile_source *source;
    const char *label;
    gh_error *error;
    char item[GH_TOOLFILE_ITEM_MAX];   /* what is being read: "tool getOrder"; "" at the top */
    size_t counted, line;              /* the last place whose line was asked for */
    void *taken;                       /* names that are there, for tsearch */
    struct gh_toolfile_inode *secrets; /* files that hold one */
    size_t secret_count;
    size_t tools;
} gh_toolfile_reader;

/* --- reader.c --- */

/* 0 in a source that was made of something else. */
size_t gh_toolfile_line(gh_toolfile_reader *reader, gh_view at);
/* GH_ERR_INVALID with "LABEL, line N: ITEM: " and the sentence. `at` is a slice of the source. */
gh_status gh_toolfile_refuse(gh_toolfile_reader *reader, gh_view at, const char *format, ...) GH_PRINTF(3, 4);
/* Passes on GH_ERR_NOMEM; everything else is refused with what `why` says, behind `what` and ": ". */
gh_status gh_toolfile_pass_on(gh_toolfile_reader *reader, gh_view at, gh_status status, const char *what,
                              const gh_error *why);
gh_status gh_toolfile_no_memory(gh_toolfile_reader *reader);
/* What messages name from now on; `name` is cut when it is long. */
void gh_toolfile_set_item(gh_toolfile_reader *reader, const char *kind, const char *name);

#define GH_TOOLFILE_IS(type) (1u << (type))
#define GH_TOOLFILE_STRING GH_TOOLFILE_IS(GH_JSON_STRING)
#define GH_TOOLFILE_OBJECT GH_TOOLFILE_IS(GH_JSON_OBJECT)
#define GH_TOOLFILE_ARRAY GH_TOOLFILE_IS(GH_JSON_ARRAY)
#define GH_TOOLFILE_NUMBER GH_TOOLFILE_IS(GH_JSON_NUMBER)
#define GH_TOOLFILE_BOOL GH_TOOLFILE_IS(GH_JSON_BOOL)
#define GH_TOOLFILE_ANY (~0u)

typedef struct gh_toolfile_member {
    const char *name;
    unsigned types; /* GH_TOOLFILE_STRING... */
    bool needed;
} gh_toolfile_member;

/* Fills `values` (one for each row; ptr NULL for what is not there) from an object, and refuses members that
 * have no row or are there twice. `what` is the object in messages: "request"; "" for the item itself. */
GH_MUST_USE gh_status gh_toolfile_members(gh_toolfile_reader *reader, const char *what, gh_view object,
                                          const gh_toolfile_member *rows, size_t count, gh_view *values);

/* Values of members. An absent one (ptr NULL) leaves *out as it is. */
GH_MUST_USE gh_status gh_toolfile_text(gh_toolfile_reader *reader, gh_view value, const char *what,
                                       size_t max, char **out);
/* Not empty and without control characters. */
GH_MUST_USE gh_status gh_toolfile_word(gh_toolfile_reader *reader, gh_view value, const char *what,
                                       size_t max, char **out);
GH_MUST_USE gh_status gh_toolfile_number(gh_toolfile_reader *reader, gh_view value, const char *what,
                                         int64_t min, int64_t max, int64_t *out);
bool gh_toolfile_is_true(gh_view value);
/* Compact JSON text. */
GH_MUST_USE gh_status gh_toolfile_json(gh_toolfile_reader *reader, gh_view value, const char *what,
                                       char **out);
GH_MUST_USE gh_status gh_toolfile_template(gh_toolfile_reader *reader, gh_view value, const char *what,
                                           gh_template **out);
size_t gh_toolfile_count(gh_view container);

/* Remembers a name of that kind, of the entry that is read; refused when it is there. `name` must stay. */
GH_MUST_USE gh_status gh_toolfile_take_name(gh_toolfile_reader *reader, gh_entry_kind kind, const char *name,
                                            gh_view at);
/* A zeroed entry at the end of the set; NULL after an error was set. Moves those before. */
gh_entry *gh_toolfile_add_entry(gh_toolfile_reader *reader, gh_entry_kind kind, gh_view at);

/* --- arguments.c: which variables there are --- */

typedef struct gh_toolfile_arguments {
    gh_view schema;     /* of a tool; ptr NULL otherwise */
    const char *listed; /* names of a prompt or a URI template, each followed by NUL, all by one more; NULL */
    const char *noun;   /* "the input schema", "the prompt's arguments" */
} gh_toolfile_arguments;

/* Every variable must be an argument; with `needed`, a required one. */
GH_MUST_USE gh_status gh_toolfile_check_variables(gh_toolfile_reader *reader, gh_view at, const char *what,
                                                  const gh_template *made,
                                                  const gh_toolfile_arguments *arguments, bool needed);
GH_MUST_USE gh_status gh_toolfile_check_json_variables(gh_toolfile_reader *reader, gh_view at,
                                                       const char *what, const gh_json_template *made,
                                                       const gh_toolfile_arguments *arguments);

/* --- named.c: queries, forms and headers --- */

GH_MUST_USE gh_status gh_toolfile_read_pairs(gh_toolfile_reader *reader, gh_view object, const char *what,
                                             const gh_toolfile_arguments *arguments, gh_named_template **list,
                                             size_t *count);
/* `upstream` is the one whose own headers and credential must not be in the way; NULL for its own. */
GH_MUST_USE gh_status gh_toolfile_read_headers(gh_toolfile_reader *reader, gh_view object, const char *what,
                                               const gh_toolfile_arguments *arguments,
                                               const gh_upstream *upstream, const gh_credential *credential,
                                               gh_named_template **list, size_t *count);
bool gh_toolfile_is_header_name(gh_view name);
/* One that HTTP, a proxy or this server sets. */
bool gh_toolfile_is_reserved_header(gh_view name);

/* --- the parts of a file --- */

GH_MUST_USE gh_status gh_toolfile_read_upstreams(gh_toolfile_reader *reader, gh_view object);
GH_MUST_USE gh_status gh_toolfile_read_credential(gh_toolfile_reader *reader, gh_view value,
                                                  gh_credential *credential);
GH_MUST_USE gh_status gh_toolfile_read_scope_rules(gh_toolfile_reader *reader, gh_view object);
GH_MUST_USE gh_status gh_toolfile_read_scopes(gh_toolfile_reader *reader, gh_view array, const char *what,
                                              char **out);
GH_MUST_USE gh_status gh_toolfile_read_tools(gh_toolfile_reader *reader, gh_view array);
GH_MUST_USE gh_status gh_toolfile_read_resources(gh_toolfile_reader *reader, gh_view array);
GH_MUST_USE gh_status gh_toolfile_read_templates(gh_toolfile_reader *reader, gh_view array);
GH_MUST_USE gh_status gh_toolfile_read_prompts(gh_toolfile_reader *reader, gh_view array);
GH_MUST_USE gh_status gh_toolfile_read_request(gh_toolfile_reader *reader, gh_view object,
                                               const gh_toolfile_arguments *arguments,
                                               gh_api_request *request);
GH_MUST_USE gh_status gh_toolfile_read_response(gh_toolfile_reader *reader, gh_view object,
                                                const gh_toolfile_arguments *arguments,
                                                gh_api_response *response);
/* `take` NULL: only their form is checked. */
GH_MUST_USE gh_status gh_toolfile_each_description(gh_toolfile_reader *reader, gh_view array,
                                                   gh_toolfile_take *take, void *context);

/* common.c: what MCP's items have in common: rows of a table, and the entry filled from their values. */
typedef enum gh_toolfile_common {
    GH_COMMON_NAME,
    GH_COMMON_TITLE,
    GH_COMMON_DESCRIPTION,
    GH_COMMON_ICONS,
    GH_COMMON_META,
    GH_COMMON_SCOPES,
    GH_COMMON_COUNT
} gh_toolfile_common;
#define GH_TOOLFILE_COMMON_ROWS(needs_name)                                                                  \
    {"name", GH_TOOLFILE_STRING, needs_name}, {"title", GH_TOOLFILE_STRING, false},                          \
        {"description", GH_TOOLFILE_STRING, false}, {"icons", GH_TOOLFILE_ARRAY, false},                     \
        {"_meta", GH_TOOLFILE_OBJECT, false},                                                                \
    {                                                                                                        \
        "scopes", GH_TOOLFILE_ARRAY, false                                                                   \
    }
GH_MUST_USE gh_status gh_toolfile_fill_common(gh_toolfile_reader *reader, const gh_view *values,
                                              gh_entry *entry);
/* A resource's: audience, priority, lastModified. */
GH_MUST_USE gh_status gh_toolfile_check_annotations(gh_toolfile_reader *reader, gh_view object);
GH_MUST_USE gh_status gh_toolfile_check_media_type(gh_toolfile_reader *reader, gh_view at, const char *what,
                                                   const char *text);
/* Calls `read` with each element, which must be an object. */
GH_MUST_USE gh_status gh_toolfile_each(gh_toolfile_reader *reader, gh_view array, const char *what,
                                       gh_status (*read)(gh_toolfile_reader *reader, gh_view object));

/* --- files.c --- */

/* Relative to the source's folder, unless it is absolute. */
GH_MUST_USE gh_status gh_toolfile_path(gh_toolfile_reader *reader, gh_view value, const char *what,
                                       char **path);
GH_MUST_USE gh_status gh_toolfile_secret(gh_toolfile_reader *reader, gh_view value, const char *what,
                                         gh_secret **secret);
/* Is it a file that gh_toolfile_secret read? What clients may read must be none. */
bool gh_toolfile_is_secret(const gh_toolfile_reader *reader, const struct stat *info);
/* A readable file, by its absolute name without links. */
GH_MUST_USE gh_status gh_toolfile_real_file(gh_toolfile_reader *reader, gh_view value, const char *what,
                                            char **path);
/* A file or folder below the source's folder, absolute. */
GH_MUST_USE gh_status gh_toolfile_own_file(gh_toolfile_reader *reader, gh_view value, const char *what,
                                           char **path);
GH_MUST_USE gh_status gh_toolfile_own_folder(gh_toolfile_reader *reader, gh_view value, const char *what,
                                             char **path);
/* Opens what is below `folder` for reading, -1 and errno when it cannot be; links count only while they stay
 * below it. `flags` as for open. */
int gh_toolfile_open_below(const char *folder, const char *relative, int flags);

/* For tests: the same without the kernel's help. Takes the open folder over. */
int gh_toolfile_walk_below(int folder, const char *relative, int flags);

/* --- folder.c --- */

/* By the suffix; NULL when it is not known. */
const char *gh_toolfile_type_of(const char *name);
/* The media type of a file, unless the entry has one. */
GH_MUST_USE gh_status gh_toolfile_guess_type(gh_toolfile_reader *reader, gh_entry *entry);
/* Makes a template of the entry at `index`, and adds one for each file. */
GH_MUST_USE gh_status gh_toolfile_read_folder(gh_toolfile_reader *reader, gh_view object, gh_view value,
                                              size_t index);

/* --- free.c --- */

void gh_toolset_clear(gh_toolset_kept *kept);

#endif
