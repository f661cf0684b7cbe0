#include "bridge/wait_list.h"

#include <stdlib.h>

struct gh_authorizer_wait {
    gh_wait_list *list;
    gh_authorizer_wait *next;
    gh_authorizer_done done;
    void *context;
    bool interactive;
};

struct gh_wait_list {
    gh_authorizer_wait *first;
    gh_authorizer_wait *due; /* taken out to be told, one after the other */
    bool telling;
    bool doomed; /* freed meanwhile; it goes when the callback returns */
};

gh_wait_list *gh_wait_list_new(void)
{
    return calloc(1, sizeof(gh_wait_list));
}

static void append(gh_authorizer_wait **at, gh_authorizer_wait *wait)
{
    while (*at != NULL) {
        at = &(*at)->next;
    }
    wait->next = NULL;
    *at = wait;
}

static bool unlink_from(gh_authorizer_wait **at, const gh_authorizer_wait *wait)
{
    while (*at != NULL && *at != wait) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return false;
    }
    *at = wait->next;
    return true;
}

gh_status gh_wait_list_add(gh_wait_list *list, bool interactive, gh_authorizer_done done, void *context,
                           gh_authorizer_wait **wait)
{
    gh_authorizer_wait *added = calloc(1, sizeof(*added));
    if (added == NULL) {
        return GH_ERR_NOMEM;
    }
    added->list = list;
    added->done = done;
    added->context = context;
    added->interactive = interactive;
    append(&list->first, added);
    *wait = added;
    return GH_OK;
}

void gh_authorizer_wait_cancel(gh_authorizer_wait *wait)
{
    if (wait == NULL) {
        return;
    }
    if (!unlink_from(&wait->list->first, wait)) {
        (void)unlink_from(&wait->list->due, wait);
    }
    free(wait);
}

bool gh_wait_list_is_empty(const gh_wait_list *list)
{
    return list->first == NULL;
}

bool gh_wait_list_has(const gh_wait_list *list, bool interactive)
{
    const gh_authorizer_wait *wait = list->first;
    while (wait != NULL && wait->interactive != interactive) {
        wait = wait->next;
    }
    return wait != NULL;
}

static void take_due(gh_wait_list *list, bool everyone)
{
    gh_authorizer_wait *next = NULL;
    for (gh_authorizer_wait *wait = list->first; wait != NULL; wait = next) {
        next = wait->next;
        if (everyone || !wait->interactive) {
            (void)unlink_from(&list->first, wait);
            append(&list->due, wait);
        }
    }
}

void gh_wait_list_tell(gh_wait_list *list, bool everyone, gh_status status, const gh_error *error)
{
    take_due(list, everyone);
    list->telling = true;
    while (list->due != NULL) {
        gh_authorizer_wait *wait = list->due;
        gh_authorizer_done done = wait->done;
        void *context = wait->context;
        list->due = wait->next;
        free(wait);
        done(context, status, error);
    }
    list->telling = false;
    if (list->doomed) {
        free(list);
    }
}

static void drop(gh_authorizer_wait **first)
{
    while (*first != NULL) {
        gh_authorizer_wait *wait = *first;
        *first = wait->next;
        free(wait);
    }
}

void gh_wait_list_free(gh_wait_list *list)
{
    if (list == NULL) {
        return;
    }
    drop(&list->first);
    drop(&list->due);
    if (list->telling) {
        list->doomed = true;
    } else {
        free(list);
    }
}
