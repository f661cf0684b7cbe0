#include "shared/config/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/config/options_private.h"

#define FILE_SUFFIX "-file"

static const char *const built_in[] = {"help", "version", "print-config"};

bool gh_option_find(const gh_option_table *table, gh_view name, gh_option_match *match)
{
    gh_view suffix = GH_VIEW_LIT(FILE_SUFFIX);
    gh_view base = name;

    for (size_t i = 0; i < table->count; i++) {
        if (gh_view_eq_cstr(name, table->options[i].name)) {
            *match = (gh_option_match){&table->options[i], false};
            return true;
        }
    }
    if (!gh_view_ends_with(name, suffix)) {
        return false;
    }
    base.len -= suffix.len;
    for (size_t i = 0; i < table->count; i++) {
        if (table->options[i].type == GH_OPTION_SECRET && gh_view_eq_cstr(base, table->options[i].name)) {
            *match = (gh_option_match){&table->options[i], true};
            return true;
        }
    }
    return false;
}

/* `candidate` is what `name` is compared with, `shown` what is then suggested. */
static void consider_for(const char *name, const char *candidate, const char *shown, size_t *best, char *out)
{
    size_t distance = gh_text_distance(name, candidate, *best);

    if (distance < *best) {
        *best = distance;
        (void)snprintf(out, GH_OPTION_NAME_MAX, "%s", shown);
    }
}

static void consider(const char *name, const char *candidate, size_t *best, char *out)
{
    consider_for(name, candidate, candidate, best, out);
}

const char *gh_option_nearest(const gh_option_table *table, const char *name, bool on_command_line, char *out)
{
    size_t best = strlen(name) / 3 + 2;

    out[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        const gh_option *row = &table->options[i];

        if (row->type == GH_OPTION_SECRET) {
            char file[GH_OPTION_NAME_MAX];

            (void)snprintf(file, sizeof(file), "%s" FILE_SUFFIX, row->name);
            consider(name, file, &best, out);
            /* A secret itself is no argument, but who means it should learn of the file. */
            consider_for(name, row->name, on_command_line ? file : row->name, &best, out);
        } else {
            consider(name, row->name, &best, out);
        }
    }
    for (size_t i = 0; on_command_line && i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        consider(name, built_in[i], &best, out);
    }
    for (size_t i = 0; on_command_line && i < table->alias_count; i++) {
        consider(name, table->aliases[i].name, &best, out);
    }
    if (on_command_line) {
        consider(name, "config", &best, out);
    }
    return out[0] ? out : NULL;
}

void gh_option_env_name(const gh_option_table *table, const char *name, char *out)
{
    size_t used = 0;

    used = (size_t)snprintf(out, GH_OPTION_WHERE_MAX, "%s", table->env_prefix);
    for (size_t i = 0; name[i] != '\0' && used + 1 < GH_OPTION_WHERE_MAX; i++) {
        char c = name[i];
        if (c >= 'a' && c <= 'z') {
            c = (char)(c - ('a' - 'A'));
        }
        out[used++] = c == '-' ? '_' : c;
    }
    out[used < GH_OPTION_WHERE_MAX ? used : GH_OPTION_WHERE_MAX - 1] = '\0';
}

static gh_status refuse_unknown(gh_option_loader *loader, const char *argument, gh_view name)
{
    char typed[GH_OPTION_NAME_MAX];
    char nearest[GH_OPTION_NAME_MAX];
    const char *near = NULL;

    (void)snprintf(typed, sizeof(typed), "%.*s", (int)(name.len < 100 ? name.len : 100), name.ptr);
    near = gh_option_nearest(loader->table, typed, true, nearest);
    return gh_error_set(loader->error, GH_ERR_INVALID, "%.*s is not an option of %s; %s%s%s",
                        (int)(strcspn(argument, "=") < 100 ? strcspn(argument, "=") : 100), argument,
                        loader->table->program, near ? "did you mean --" : "see --help", near ? near : "",
                        near ? "?" : "");
}

static gh_status refuse_secret_argument(gh_option_loader *loader, const gh_option *row)
{
    char variable[GH_OPTION_WHERE_MAX];

    gh_option_env_name(loader->table, row->name, variable);
    return gh_error_set(loader->error, GH_ERR_INVALID,
                        "--%s would show the secret to every user of this machine; put it into a file and "
                        "give --%s" FILE_SUFFIX " FILE, or set %s",
                        row->name, row->name, variable);
}

/* The arguments, one after the other. */
typedef struct argument_reader {
    int argc;
    char **argv;
    int next;
    const char *argument; /* the one at hand, with its dashes */
    gh_view name;
    const char *value; /* what follows '=', or NULL */
} argument_reader;

static void split_argument(argument_reader *reader, const char *argument)
{
    gh_view text = gh_view_of(argument + 2);
    size_t equals = gh_view_find(text, '=');

    reader->argument = argument;
    reader->name = gh_view_make(text.ptr, equals);
    reader->value = equals < text.len ? text.ptr + equals + 1 : NULL;
}

/* The value after '=', else the next argument; NULL when there is none. A value that begins with two
 * dashes needs the '=' form: it is far more often a forgotten value. */
static const char *take_value(argument_reader *reader)
{
    if (reader->value) {
        return reader->value;
    }
    if (reader->next >= reader->argc || strncmp(reader->argv[reader->next], "--", 2) == 0) {
        return NULL;
    }
    return reader->argv[reader->next++];
}

static gh_status need_value(gh_option_loader *loader, const argument_reader *reader, const char *argument)
{
    return gh_error_set(loader->error, GH_ERR_INVALID, "--%.*s needs a value: --%.*s %s",
                        (int)reader->name.len, reader->name.ptr, (int)reader->name.len, reader->name.ptr,
                        argument ? argument : "VALUE");
}

/* --x, --x=false, --no-x. */
static gh_status read_flag(gh_option_loader *loader, const argument_reader *reader, gh_option_match match,
                           bool value, const char *where)
{
    gh_view text = value ? GH_VIEW_LIT("true") : GH_VIEW_LIT("false");

    if (reader->value && !value) {
        return gh_error_set(loader->error, GH_ERR_INVALID, "%s takes no value", where);
    }
    return gh_option_apply(loader, match, reader->value ? gh_view_of(reader->value) : text, where);
}

/* The row of a switch that is turned off: "no-x" for "x". */
static bool find_negated(const gh_option_table *table, gh_view name, gh_option_match *match)
{
    gh_view no = GH_VIEW_LIT("no-");

    return gh_view_starts_with(name, no) &&
           gh_option_find(table, gh_view_make(name.ptr + no.len, name.len - no.len), match) &&
           match->row->type == GH_OPTION_BOOL;
}

/* A switch, or an option with a value, under another name. */
static gh_status read_alias(gh_option_loader *loader, argument_reader *reader, const gh_option_alias *alias,
                            const char *where)
{
    gh_option_match match = {NULL, false};
    bool has_row = alias->option && gh_option_find(loader->table, gh_view_of(alias->option), &match);
    bool is_switch = !has_row || alias->value || match.row->type == GH_OPTION_BOOL;
    const char *value = is_switch ? "true" : take_value(reader);

    if (is_switch && reader->value) {
        return gh_error_set(loader->error, GH_ERR_INVALID, "%s takes no value", where);
    }
    if (!value) {
        return need_value(loader, reader, match.row->argument);
    }
    if (!has_row) {
        return GH_OK;
    }
    gh_option_begin_source(loader, match.row);
    return gh_option_apply_alias(loader, alias, match, gh_view_of(value), where);
}

static gh_status read_option(gh_option_loader *loader, argument_reader *reader)
{
    gh_option_match match = {NULL, false};
    const gh_option_alias *alias = gh_option_find_alias(loader->table, reader->name);
    char where[GH_OPTION_WHERE_MAX];
    const char *value = NULL;

    (void)snprintf(where, sizeof(where), "--%.*s", (int)(reader->name.len < 100 ? reader->name.len : 100),
                   reader->name.ptr);
    if (alias) {
        return read_alias(loader, reader, alias, where);
    }
    if (!gh_option_find(loader->table, reader->name, &match)) {
        return find_negated(loader->table, reader->name, &match)
                   ? read_flag(loader, reader, match, false, where)
                   : refuse_unknown(loader, reader->argument, reader->name);
    }
    if (match.row->type == GH_OPTION_SECRET && !match.file) {
        return refuse_secret_argument(loader, match.row);
    }
    gh_option_begin_source(loader, match.row);
    if (match.row->type == GH_OPTION_BOOL) {
        return read_flag(loader, reader, match, true, where);
    }
    value = take_value(reader);
    if (!value) {
        return need_value(loader, reader, match.file ? "FILE" : match.row->argument);
    }
    return gh_option_apply(loader, match, gh_view_of(value), where);
}

static bool is_flag_of_result(gh_options_result *result, gh_view name, bool **flag)
{
    bool *const flags[] = {&result->help, &result->version, &result->print_config};

    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        if (gh_view_eq_cstr(name, built_in[i])) {
            *flag = flags[i];
            return true;
        }
    }
    return false;
}

static gh_status read_argument(gh_option_loader *loader, argument_reader *reader)
{
    const char *argument = reader->argv[reader->next++];
    bool *flag = NULL;

    if (argument[0] != '-' || argument[1] == '\0') {
        if (gh_text_list_add(&loader->result->positional, gh_view_of(argument)) != GH_OK) {
            return gh_error_set(loader->error, GH_ERR_NOMEM, "out of memory");
        }
        return GH_OK;
    }
    if (argument[1] != '-') {
        return refuse_unknown(loader, argument, gh_view_of(argument + 1));
    }
    split_argument(reader, argument);
    if (is_flag_of_result(loader->result, reader->name, &flag)) {
        if (reader->value) {
            return gh_error_set(loader->error, GH_ERR_INVALID, "--%.*s takes no value", (int)reader->name.len,
                                reader->name.ptr);
        }
        *flag = true;
        return GH_OK;
    }
    if (gh_view_eq_cstr(reader->name, "config")) {
        return take_value(reader) ? GH_OK : need_value(loader, reader, "FILE"); /* read before: scan_ahead */
    }
    return read_option(loader, reader);
}

gh_status gh_option_read_args(gh_option_loader *loader, int argc, char **argv)
{
    argument_reader reader = {.argc = argc, .argv = argv, .next = 1};
    gh_status status = GH_OK;

    while (status == GH_OK && reader.next < argc) {
        if (strcmp(argv[reader.next], "--") == 0) {
            reader.next++;
            break;
        }
        status = read_argument(loader, &reader);
    }
    while (status == GH_OK && reader.next < argc) {
        if (gh_text_list_add(&loader->result->positional, gh_view_of(argv[reader.next++])) != GH_OK) {
            status = gh_error_set(loader->error, GH_ERR_NOMEM, "out of memory");
        }
    }
    return status;
}

/* What must be known before any source is read: the file's name, and whether only help is wanted. */
static void scan_ahead(gh_option_loader *loader, int argc, char **argv, char **env)
{
    argument_reader reader = {.argc = argc, .argv = argv, .next = 1};
    char variable[GH_OPTION_WHERE_MAX];
    size_t len = 0;

    gh_option_env_name(loader->table, "config", variable);
    len = strlen(variable);
    for (size_t i = 0; env && env[i]; i++) {
        if (strncmp(env[i], variable, len) == 0 && env[i][len] == '=') {
            loader->config = env[i] + len + 1;
        }
    }
    while (reader.next < argc && strcmp(argv[reader.next], "--") != 0) {
        const char *argument = argv[reader.next++];

        if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0) {
            loader->result->help = true;
        } else if (strcmp(argument, "--version") == 0) {
            loader->result->version = true;
        } else if (strncmp(argument, "--config", 8) == 0 && (argument[8] == '=' || argument[8] == '\0')) {
            const char *value = NULL;
            split_argument(&reader, argument);
            value = take_value(&reader);
            loader->config = value ? value : loader->config;
        }
    }
    if (loader->config && loader->config[0] == '\0') {
        loader->config = NULL;
    }
}

static void next_source(gh_option_loader *loader)
{
    memset(loader->touched, 0, loader->table->count * sizeof(*loader->touched));
}

gh_status gh_options_load(const gh_option_table *table, int argc, char **argv, char **env, void *settings,
                          gh_options_result *result, gh_error *error)
{
    gh_option_loader loader = {table, settings, result, error, NULL, NULL};
    gh_status status = GH_OK;

    memset(result, 0, sizeof(*result));
    scan_ahead(&loader, argc, argv, env);
    if (result->help || result->version) {
        return GH_OK;
    }
    loader.touched = calloc(table->count + 1, sizeof(*loader.touched));
    if (!loader.touched) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    for (size_t i = 0; status == GH_OK && i < table->count; i++) {
        status = gh_option_apply_initial(&loader, &table->options[i]);
    }
    if (status == GH_OK) {
        status = gh_option_read_file(&loader);
    }
    if (status == GH_OK) {
        next_source(&loader);
        status = gh_option_read_env(&loader, env);
    }
    if (status == GH_OK) {
        next_source(&loader);
        status = gh_option_read_args(&loader, argc, argv);
    }
    free(loader.touched);
    return status;
}

void gh_options_clear(const gh_option_table *table, void *settings, gh_options_result *result)
{
    for (size_t i = 0; i < table->count; i++) {
        gh_option_release(&table->options[i], settings);
    }
    gh_text_list_free(&result->positional);
}
