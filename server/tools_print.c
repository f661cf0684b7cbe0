#include "server/tools_print.h"

#include <stdio.h>

#include "server/oauth/display.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024)

static void print_clean(const char *text)
{
    gh_buf clean = GH_BUF_INIT(LINE_MAX_BYTES);
    gh_view view = gh_view_of(text != NULL ? text : "");
    if (gh_text_is_utf8(view) && gh_display_clean(view, &clean) == GH_OK) {
        (void)fwrite(clean.data, 1, clean.len, stdout);
    } else {
        (void)fputs("(unreadable)", stdout);
    }
    gh_buf_free(&clean);
}

void gh_tools_print_note(bool first, const char *where, const char *what)
{
    if (first) {
        (void)puts("What a tool cannot express:");
    }
    (void)fputs("  ", stdout);
    print_clean(where);
    (void)fputs(": ", stdout);
    print_clean(what);
    (void)putchar('\n');
}

static void print_upstreams(const gh_toolset *set, bool knows_provider)
{
    static const struct {
        const char *name, *needs;
    } credentials[] = {[GH_CREDENTIAL_NONE] = {"none", ""},
                       [GH_CREDENTIAL_USER] = {"user", " (with --auth proxy only)"},
                       [GH_CREDENTIAL_EXCHANGE] = {"exchange", " (with an identity provider only)"},
                       [GH_CREDENTIAL_CLIENT] = {"client", ""},
                       [GH_CREDENTIAL_HEADER] = {"header", ""}};
    for (size_t i = 0; i < set->upstream_count; i++) {
        const gh_upstream *one = &set->upstreams[i];
        (void)fputs("Upstream ", stdout);
        print_clean(one->name);
        (void)fputs(": ", stdout);
        print_clean(one->url);
        (void)printf(", credential %s%s\n", credentials[one->credential.kind].name,
                     knows_provider ? "" : credentials[one->credential.kind].needs);
    }
}

static void print_request(const gh_api_request *request)
{
    (void)printf("    %s ", request->method);
    print_clean(request->upstream->url);
    print_clean(gh_template_text(request->path));
    for (size_t i = 0; i < request->query_count; i++) {
        (void)putchar(i == 0 ? '?' : '&');
        print_clean(request->query[i].name);
        (void)putchar('=');
        print_clean(gh_template_text(request->query[i].value));
    }
    (void)putchar('\n');
}

static void print_entry(const gh_entry *entry)
{
    static const char *const kinds[] = {"Tool", "Resource", "Resource template", "Prompt"};
    bool by_uri = entry->kind == GH_ENTRY_RESOURCE || entry->kind == GH_ENTRY_TEMPLATE;
    (void)printf("%s ", kinds[entry->kind]);
    print_clean(by_uri ? entry->uri : entry->name);
    if (entry->title != NULL || entry->description != NULL) {
        (void)fputs(": ", stdout);
        print_clean(entry->title != NULL ? entry->title : entry->description);
    }
    if (entry->scopes != NULL && entry->scopes[0] != '\0') {
        (void)fputs(" [", stdout);
        print_clean(entry->scopes);
        (void)putchar(']');
    }
    (void)putchar('\n');
    if (entry->has_request) {
        print_request(&entry->request);
    }
}

static void print_count(size_t count, const char *word, const char *after)
{
    (void)printf("%zu %s%s%s", count, word, count == 1 ? "" : "s", after);
}

void gh_tools_print_set(const gh_toolset *set, const char *place, bool knows_provider)
{
    size_t counts[GH_ENTRY_PROMPT + 1] = {0};
    for (size_t i = 0; i < set->entry_count; i++) {
        counts[set->entries[i].kind]++;
    }
    print_clean(place);
    (void)fputs(" is good: ", stdout);
    print_count(counts[GH_ENTRY_TOOL], "tool", ", ");
    print_count(counts[GH_ENTRY_RESOURCE], "resource", ", ");
    print_count(counts[GH_ENTRY_TEMPLATE], "resource template", ", ");
    print_count(counts[GH_ENTRY_PROMPT], "prompt", "\n\n");
    print_upstreams(set, knows_provider);
    for (size_t i = 0; i < set->entry_count; i++) {
        print_entry(&set->entries[i]);
    }
}
