/* What the parts of the option loader share. Private to config. */
#ifndef GH_SHARED_CONFIG_OPTIONS_PRIVATE_H
#define GH_SHARED_CONFIG_OPTIONS_PRIVATE_H

#include "shared/config/options.h"

#define GH_OPTION_WHERE_MAX 256
#define GH_OPTION_NAME_MAX 128

/* What print-config shows for a secret. */
#define GH_OPTION_SECRET_MASK "***"

typedef struct gh_option_loader {
    const gh_option_table *table;
    void *settings;
    gh_options_result *result;
    gh_error *error;
    const char *config; /* borrowed; NULL for none */
    bool *touched;      /* per row: has the source that is being read set it? */
} gh_option_loader;

/* A row found by a name; `file` when the name was that of a secret's file. */
typedef struct gh_option_match {
    const gh_option *row;
    bool file;
} gh_option_match;

bool gh_option_find(const gh_option_table *table, gh_view name, gh_option_match *match);
/* NULL when there is none. */
const gh_option_alias *gh_option_find_alias(const gh_option_table *table, gh_view name);
/* Sets the row, `match`, that the alias stands for; `text` is the alias' own value, if it takes one. */
gh_status gh_option_apply_alias(gh_option_loader *loader, const gh_option_alias *alias, gh_option_match match,
                                gh_view text, const char *where);
/* The name nearest to `name` among rows, secrets' files and "config"; NULL when none is near. `out` has
 * GH_OPTION_NAME_MAX bytes. `on_command_line` adds what only exists there. */
const char *gh_option_nearest(const gh_option_table *table, const char *name, bool on_command_line,
                              char *out);
/* "log-format" as "GATEHOUSE_LOG_FORMAT". */
void gh_option_env_name(const gh_option_table *table, const char *name, char *out);

/* Sets the row's value from its text form, or adds it when the row is a LIST. `where` names the source in
 * an error. For a secret's file, `text` is the path. */
gh_status gh_option_apply(gh_option_loader *loader, gh_option_match match, gh_view text, const char *where);
/* To be called before a source's first value for a LIST: the lower source's list is replaced. */
void gh_option_begin_source(gh_option_loader *loader, const gh_option *row);
gh_status gh_option_apply_initial(gh_option_loader *loader, const gh_option *row);
void gh_option_release(const gh_option *row, void *settings);
void gh_text_list_free(gh_text_list *list);
gh_status gh_text_list_add(gh_text_list *list, gh_view text);

/* "WHERE: 'TEXT' is not WHAT", the text shortened; gh_error_set replaces control characters. */
gh_status gh_option_refuse(gh_error *error, const char *where, gh_view text, const char *what);
/* For INT, DURATION and SIZE. */
gh_status gh_option_set_number(const gh_option *row, void *settings, gh_view text, const char *where,
                               gh_error *error);
/* Text forms, as the loader reads them. */
gh_status gh_option_write_duration(int64_t ms, gh_buf *out);
gh_status gh_option_write_size(int64_t bytes, gh_buf *out);

gh_status gh_option_read_file(gh_option_loader *loader);
gh_status gh_option_read_env(gh_option_loader *loader, char **env);
gh_status gh_option_read_args(gh_option_loader *loader, int argc, char **argv);

static inline void *gh_option_field(const gh_option *row, void *settings)
{
    return (char *)settings + row->field;
}

static inline const void *gh_option_const_field(const gh_option *row, const void *settings)
{
    return (const char *)settings + row->field;
}

#endif
