#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/json/slice.h"

gh_ask *gh_ask_new(const char *method, gh_view params)
{
    gh_ask *ask = calloc(1, sizeof(*ask));

    if (ask == NULL) {
        return NULL;
    }
    ask->method = gh_text_dup(method);
    ask->params = params.len > 0 ? gh_view_dup(params) : NULL;
    if (ask->method == NULL || (params.len > 0 && ask->params == NULL)) {
        gh_ask_free(ask);
        return NULL;
    }
    return ask;
}

void gh_ask_free(gh_ask *ask)
{
    if (ask != NULL) {
        free(ask->key);
        free(ask->id);
        free(ask->method);
        free(ask->params);
        free(ask->response);
        free(ask);
    }
}

void gh_ask_append(gh_ask **list, gh_ask *ask)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = ask;
}

size_t gh_ask_count(const gh_ask *list)
{
    size_t count = 0;

    for (; list != NULL; list = list->next) {
        count++;
    }
    return count;
}

static bool has(gh_view capabilities, const char *name)
{
    return gh_json_slice_type(gh_compose_member(capabilities, name)) == GH_JSON_OBJECT;
}

/* `elicitation: {}` means forms, as before there was another mode. */
static bool can_elicit(gh_view elicitation, gh_view params)
{
    if (gh_json_slice_is(gh_compose_member(params, "mode"), GH_VIEW_LIT("url"))) {
        return has(elicitation, "url");
    }
    return has(elicitation, "form") || !has(elicitation, "url");
}

bool gh_ask_is_supported(gh_view capabilities, const char *method, gh_view params)
{
    if (strcmp(method, "elicitation/create") == 0) {
        return has(capabilities, "elicitation") &&
               can_elicit(gh_compose_member(capabilities, "elicitation"), params);
    }
    if (strcmp(method, "sampling/createMessage") == 0) {
        return has(capabilities, "sampling");
    }
    return strcmp(method, "roots/list") == 0 && has(capabilities, "roots");
}
