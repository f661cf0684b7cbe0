/* One table of options per program: default < JSON file (--config) < environment < command line.
 *
 * A row's `field` is the offset of its value in the program's own settings struct: `bool` for BOOL,
 * `int64_t` for INT, DURATION (milliseconds) and SIZE (bytes), `char *` (owned) for STRING, PATH and ENUM,
 * `gh_secret *` for SECRET, `gh_text_list` for LIST. The name gives everything else: `--log-format`,
 * `GATEHOUSE_LOG_FORMAT` and the member "log-format" of the file (a LIST is a JSON array there, separated by
 * commas in the environment, repeated on the command line). A SECRET row `x` also accepts `x-file`, whose
 * content is read with gh_file_read_secret; on the command line only the file form is accepted, for arguments
 * are public. An empty environment variable counts as unset; an empty value of a STRING, PATH or SECRET
 * from elsewhere takes a lower source's value away, and an empty LIST likewise. Variables that container
 * platforms set for a service of the program's name (PREFIX_SERVICE_…, PREFIX_PORT…) are left alone. Values
 * are applied by one thread at start; afterwards the struct is read-only. */
#ifndef GH_SHARED_CONFIG_OPTIONS_H
#define GH_SHARED_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"

typedef enum gh_option_type {
    GH_OPTION_BOOL, /* --x, --no-x; true/false, yes/no, 1/0 elsewhere */
    GH_OPTION_INT,
    GH_OPTION_DURATION, /* 800ms, 30s, 10m, 2h, 30d; a bare number is refused, but 0 */
    GH_OPTION_SIZE,     /* 4096, 64k, 4m, 1g */
    GH_OPTION_STRING,
    GH_OPTION_PATH,
    GH_OPTION_ENUM, /* one of `choices` */
    GH_OPTION_SECRET,
    GH_OPTION_LIST
} gh_option_type;

typedef struct gh_text_list {
    char **items;
    size_t count;
} gh_text_list;

typedef struct gh_option {
    const char *name; /* "log-format" */
    gh_option_type type;
    size_t field;         /* offsetof(settings, member) */
    const char *initial;  /* default in the option's own text form; NULL for none/zero */
    int64_t min, max;     /* INT, DURATION (ms), SIZE (bytes): inclusive; both 0 means unbounded */
    const char *choices;  /* ENUM: "text json" */
    const char *argument; /* what --help shows: "FILE", "HOST:PORT" */
    const char *help;     /* one line or several separated by '\n' */
    const char *group;    /* heading in --help; NULL continues the last */
    /* Further check of the text value; NULL for none. Fills `error` with a sentence. */
    gh_status (*check)(const char *value, gh_error *error);
} gh_option;

/* Another spelling of an option, for those who come from another program: on the command line only, and not
 * among the options in --help. */
typedef struct gh_option_alias {
    const char *name;   /* "auth-timeout" */
    const char *option; /* the row's name; NULL: accepted as a switch, and means nothing */
    const char *value;  /* what the row is set to, and then the alias takes no value; NULL: its own value */
    const char *unit;   /* what a bare number is counted in: "s"; NULL for none */
} gh_option_alias;

typedef struct gh_option_table {
    const char *program;    /* "gatehouse" */
    const char *env_prefix; /* "GATEHOUSE_" */
    /* Variables that start with this belong to another program: "GATEHOUSE_BRIDGE_"; NULL for none. */
    const char *env_exclude;
    const char *version;
    const char *usage;  /* lines under "Usage:", separated by '\n' */
    const char *footer; /* after the options: commands, examples; NULL for none */
    const gh_option *options;
    size_t count;
    const gh_option_alias *aliases; /* NULL for none */
    size_t alias_count;
} gh_option_table;

typedef struct gh_options_result {
    gh_text_list positional;          /* what is not an option, in order; "--" ends options */
    bool help, version, print_config; /* built-in: --help/-h, --version, --print-config */
} gh_options_result;

/* Reads everything, in order of precedence, into `settings` (zeroed by the caller). `env` is an
 * environ-style array. An unknown option or member, an unknown environment variable with the prefix, or
 * a bad value gives GH_ERR_INVALID and a sentence that names the nearest right one and the value's
 * source. On --help, --version nothing else is required to be valid, and only the two flags are filled in. A
 * file that holds a secret itself and is readable by others is refused, but under /run/secrets,
 * /var/run/secrets and /run/credentials. Call gh_options_clear in every case. */
GH_MUST_USE gh_status gh_options_load(const gh_option_table *table, int argc, char **argv, char **env,
                                      void *settings, gh_options_result *result, gh_error *error);
/* Frees what the rows own, and the result's list. */
void gh_options_clear(const gh_option_table *table, void *settings, gh_options_result *result);

/* --help, from the table; at most 100 columns. */
GH_MUST_USE gh_status gh_options_write_help(const gh_option_table *table, gh_buf *out);
/* --print-config: the effective settings as a JSON file that --config accepts; secrets are "***" in
 * place of the value. */
GH_MUST_USE gh_status gh_options_write_config(const gh_option_table *table, const void *settings,
                                              gh_buf *out);

bool gh_text_list_has(const gh_text_list *list, const char *text);

/* Where containers and service managers mount secrets, readable by all of the container. Thread-safe. */
bool gh_option_is_secret_mount(const char *path);

#endif
