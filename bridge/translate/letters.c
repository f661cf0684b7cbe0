#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"

bool gh_letters_add(gh_letters *letters, gh_view text, const gh_translator_origin *origin)
{
    gh_letter *letter = calloc(1, sizeof(*letter));

    if (letter == NULL) {
        return false;
    }
    letter->text = gh_view_dup(text);
    letter->from_client = origin == NULL;
    if (origin != NULL) {
        letter->origin = *origin;
        letter->request = gh_view_dup(origin->request);
        letter->origin.request = gh_view_of(letter->request);
    }
    if (letter->text == NULL || (origin != NULL && letter->request == NULL)) {
        gh_letter_free(letter);
        return false;
    }
    if (letters->last != NULL) {
        letters->last->next = letter;
    } else {
        letters->first = letter;
    }
    letters->last = letter;
    letters->count++;
    letters->bytes += text.len;
    return true;
}

gh_letter *gh_letters_take(gh_letters *letters)
{
    gh_letter *letter = letters->first;

    if (letter != NULL) {
        letters->first = letter->next;
        letters->last = letter->next == NULL ? NULL : letters->last;
        letters->count--;
        letters->bytes -= strlen(letter->text);
        letter->next = NULL;
    }
    return letter;
}

bool gh_letters_drop_request(gh_letters *letters, gh_view id)
{
    gh_letter *previous = NULL;

    for (gh_letter *letter = letters->first; letter != NULL; previous = letter, letter = letter->next) {
        gh_view text = gh_view_of(letter->text);

        if (!gh_rpc_id_equals(gh_compose_member(text, "id"), id) ||
            gh_compose_member(text, "method").len == 0) {
            continue;
        }
        if (previous != NULL) {
            previous->next = letter->next;
        } else {
            letters->first = letter->next;
        }
        letters->last = letters->last == letter ? previous : letters->last;
        letters->count--;
        letters->bytes -= text.len;
        gh_letter_free(letter);
        return true;
    }
    return false;
}

void gh_letter_free(gh_letter *letter)
{
    if (letter != NULL) {
        free(letter->text);
        free(letter->request);
        free(letter);
    }
}
