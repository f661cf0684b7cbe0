#include "server/commands_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/api.h"
#include "server/credentials.h"
#include "server/descriptions.h"
#include "server/identity.h"
#include "server/mcp/registry.h"
#include "server/plugin/plugin.h"
#include "server/tools/builtin.h"
#include "server/tools_print.h"
#include "shared/core/file.h"
#include "shared/json/slice.h"

#define USAGE 64
#define LIST_MAX ((size_t)64 * 1024 * 1024)

static const char KEY[] = "a key for lists that nobody keeps.";

/* What the commands work on. */
typedef struct bench {
    gh_toolset *set;
    gh_mcp_registry *registry;
    gh_plugins *plugins; /* what the server has of its own, whose names are taken */
    gh_api *api;
    gh_identity identity; /* only its settings and provider */
    size_t notes;
    bool quiet; /* about what a tool cannot express */
} bench;

static void take_note(void *context, const char *where, const char *what)
{
    bench *work = context;
    gh_tools_print_note(work->notes++ == 0, where, what);
}

/* --- reading --- */

static bool is_description(const char *place)
{
    gh_buf text = GH_BUF_INIT(GH_OPENAPI_MAX);
    bool answer = strstr(place, "://") != NULL;
    if (!answer && gh_file_read(place, &text, NULL) == GH_OK) {
        answer = gh_descriptions_is_openapi(gh_buf_view(&text));
    }
    gh_buf_free(&text);
    return answer;
}

/* The file, and whatever else --tools names, which an upstream may come from. */
static gh_status read_all(const gh_settings *settings, const char *place, bench *work, gh_error *error)
{
    char *one = (char *)(uintptr_t)place; /* only read */
    gh_text_list alone = {.items = &one, .count = 1};
    gh_text_list files = {0};
    bool description = is_description(place);
    files.items = calloc(settings->tools.count + 1, sizeof *files.items);
    if (files.items == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    for (size_t i = 0; i < settings->tools.count; i++) {
        files.items[files.count++] = settings->tools.items[i];
    }
    if (!description) {
        files.items[files.count++] = one;
    }
    const gh_descriptions wanted = {.tools = &files,
                                    .openapi = description ? &alone : NULL,
                                    .select = &settings->openapi_select,
                                    .openapi_upstream = settings->openapi_upstream,
                                    .ca_file = settings->ca_file,
                                    .report = work->quiet ? NULL : take_note,
                                    .context = work};
    gh_status status = gh_descriptions_read(&wanted, &work->set, error);
    free(files.items);
    return status;
}

/* --- credentials --- */

static gh_status give_user_token(void *context, const gh_principal *principal, const gh_secret *stale,
                                 gh_secret **token, int64_t *expires_at, gh_error *error)
{
    const gh_identity *identity = context;
    const gh_secret *given = identity->settings->user_token;
    (void)principal;
    if (stale != NULL) {
        return gh_error_set(error, GH_ERR_DENIED, "The token of --user-token-file is refused.");
    }
    if (given == NULL) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "This upstream wants the user's own token: give one with --user-token-file.");
    }
    *token = gh_secret_new(gh_secret_view(given));
    *expires_at = 0;
    return *token != NULL ? GH_OK : GH_ERR_NOMEM;
}

static gh_status exchange_nothing(void *context, const gh_secret *subject_token,
                                  const gh_credential *credential, gh_secret **token, int64_t *expires_at,
                                  gh_error *error)
{
    (void)context;
    (void)subject_token;
    (void)credential;
    *token = NULL;
    *expires_at = 0;
    return gh_error_set(error, GH_ERR_DENIED,
                        "Tokens are exchanged at an identity provider: give --issuer, --client-id and "
                        "--client-secret-file as the server has them.");
}

/* Without --issuer nothing is known of the server that the file is for, so every credential may be right. */
static void fill_source(const bench *work, bool calls, gh_credential_source *source)
{
    const gh_settings *settings = work->identity.settings;
    gh_credentials_source(&work->identity, source);
    if (calls || settings->issuer == NULL || strcmp(settings->auth, "proxy") == 0) {
        source->user = give_user_token;
    }
    if (settings->issuer == NULL) {
        source->exchange = source->exchange != NULL ? source->exchange : exchange_nothing;
        source->has_provider = true;
        source->has_secret = true;
    }
}

/* Only calls need to reach it. */
static gh_status find_provider(const gh_settings *settings, bool calls, bench *work, gh_error *error)
{
    if (settings->issuer == NULL) {
        return GH_OK;
    }
    gh_status status = gh_identity_new_provider(settings, NULL, &work->identity.idp, error);
    if (status != GH_OK || !calls) {
        return status;
    }
    status = gh_idp_start(work->identity.idp);
    if (status == GH_OK && gh_idp_wait(work->identity.idp, GH_IDP_CALL_MS, error) != GH_IDP_READY) {
        status = error->status != GH_OK ? error->status : GH_ERR_UNAVAILABLE;
    }
    return status;
}

static gh_status make_registry(bench *work, gh_error *error)
{
    const gh_mcp_registry_options lists = {.page_size = 0, .key = gh_view_make(KEY, 32)};
    gh_status status = gh_mcp_registry_new(&lists, &work->registry);
    if (status == GH_OK) {
        work->plugins = gh_plugins_new(work->registry);
        status = work->plugins == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    return status == GH_OK ? gh_plugins_add(work->plugins, "gatehouse", gh_builtin_init, error) : status;
}

static gh_status prepare(const gh_settings *settings, const char *place, bool calls, bench *work,
                         gh_error *error)
{
    gh_credential_source source;
    work->identity.settings = settings;
    gh_status status = read_all(settings, place, work, error);
    if (status == GH_OK) {
        status = find_provider(settings, calls, work, error);
    }
    if (status == GH_OK) {
        status = make_registry(work, error);
    }
    if (status == GH_OK) {
        fill_source(work, calls, &source);
        const gh_api_options options = {
            .registry = work->registry, .source = &source, .ca_file = settings->ca_file};
        status = gh_api_new(&options, &work->api, error);
    }
    return status == GH_OK ? gh_api_load(work->api, work->set, error) : status;
}

static void put_away(bench *work)
{
    gh_api_free(work->api);
    gh_plugins_free(work->plugins);
    gh_mcp_registry_free(work->registry);
    gh_idp_stop(work->identity.idp);
    gh_idp_free(work->identity.idp);
    gh_toolset_release(work->set);
}

static int refuse(const gh_error *error)
{
    (void)fflush(stdout); /* what was found up to there comes first, also in a pipe */
    (void)fprintf(stderr, "gatehouse: %s\n", error->message);
    return 1;
}

/* --- check --- */

/* The item as a client gets it in a list. False when this kind has none of that name. */
static bool print_item(const bench *work, gh_mcp_kind kind, const char *member, const char *name)
{
    gh_buf text = GH_BUF_INIT(LIST_MAX);
    gh_json_iter iter;
    gh_view key;
    gh_view list;
    gh_view item = {NULL, 0};
    gh_view value;
    bool found = false;
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(work->registry);
    gh_status status = gh_buf_append_char(&text, '{');
    if (status == GH_OK) {
        status = gh_mcp_catalog_list(catalog, kind, gh_view_of(NULL), true, &text);
    }
    if (status == GH_OK) {
        status = gh_buf_append_char(&text, '}');
    }
    if (status == GH_OK && gh_json_iter_start(gh_buf_view(&text), &iter) &&
        gh_json_iter_next(&iter, &key, &list) && gh_json_iter_start(list, &iter)) {
        while (!found && gh_json_iter_next(&iter, &key, &item)) {
            found = gh_json_slice_member(item, member, &value) && gh_json_slice_is(value, gh_view_of(name));
        }
    }
    if (found) {
        (void)printf("%.*s\n", (int)item.len, item.ptr);
    }
    gh_mcp_catalog_release(catalog);
    gh_buf_free(&text);
    return found;
}

/* What the server has of its own is no part of the file. */
static bool is_described(const gh_toolset *set, const char *name)
{
    bool is = false;
    for (size_t i = 0; i < set->entry_count && !is; i++) {
        const gh_entry *entry = &set->entries[i];
        is = strcmp(name, entry->name) == 0 || (entry->uri != NULL && strcmp(name, entry->uri) == 0);
    }
    return is;
}

static int show(const bench *work, const char *name)
{
    if (is_described(work->set, name) &&
        (print_item(work, GH_MCP_TOOLS, "name", name) || print_item(work, GH_MCP_RESOURCES, "uri", name) ||
         print_item(work, GH_MCP_TEMPLATES, "uriTemplate", name) ||
         print_item(work, GH_MCP_PROMPTS, "name", name))) {
        return 0;
    }
    (void)fprintf(stderr,
                  "gatehouse: there is no tool, resource or prompt %s in it; without a name, all are shown\n",
                  name);
    return 1;
}

static int check(const gh_settings *settings, const gh_text_list *words)
{
    bench work = {0};
    gh_error error = {0};
    int code = 0;
    if (prepare(settings, words->items[2], false, &work, &error) != GH_OK) {
        code = refuse(&error);
    } else if (words->count > 3) {
        code = show(&work, words->items[3]);
    } else {
        if (work.notes > 0) {
            (void)putchar('\n');
        }
        gh_tools_print_set(work.set, words->items[2], settings->issuer != NULL);
    }
    put_away(&work);
    return code != 0 || fflush(stdout) == 0 ? code : 1;
}

/* --- call --- */

/* Who asks, when nobody signed in. */
static gh_status try_it(bench *work, const gh_text_list *words, int64_t timeout_ms, bool *failed,
                        gh_error *error)
{
    char nobody[] = "nobody";
    char empty[] = "";
    const gh_principal principal = {
        .issuer = nobody, .subject = nobody, .scope = empty, .expires_at = INT64_MAX};
    const gh_api_trial trial = {.name = words->items[3],
                                .arguments = words->count > 4 ? words->items[4] : NULL,
                                .principal = &principal,
                                .timeout_ms = timeout_ms};
    gh_buf out = GH_BUF_INIT(LIST_MAX);
    gh_status status = gh_api_try(work->api, work->set, &trial, &out, failed, error);
    if (status == GH_OK) {
        (void)fwrite(out.data, 1, out.len, stdout);
        (void)putchar('\n');
    }
    gh_buf_free(&out);
    return status;
}

static int call(const gh_settings *settings, const gh_text_list *words)
{
    bench work = {.quiet = true};
    gh_error error = {0};
    bool failed = false;
    gh_status status = prepare(settings, words->items[2], true, &work, &error);
    if (status == GH_OK) {
        status = try_it(&work, words, settings->call_timeout_ms, &failed, &error);
    }
    int code = status != GH_OK ? refuse(&error) : failed ? 1 : 0;
    put_away(&work);
    return fflush(stdout) == 0 ? code : 1;
}

int gh_command_tools(const gh_settings *settings)
{
    const gh_text_list *words = &settings->result.positional;
    const char *verb = words->count > 1 ? words->items[1] : "";
    if (strcmp(verb, "check") == 0 && words->count >= 3 && words->count <= 4) {
        return check(settings, words);
    }
    if (strcmp(verb, "call") == 0 && words->count >= 4 && words->count <= 5) {
        return call(settings, words);
    }
    (void)fprintf(stderr, "gatehouse: write tools check FILE [NAME], or tools call FILE NAME ['{...}']\n");
    return USAGE;
}
