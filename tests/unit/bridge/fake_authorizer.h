/* An authorizer for tests, in place of the real one at link time: it has a token or not, and answers what it
 * is asked after a delay. Include it in one source file per program. */
#ifndef GH_TESTS_UNIT_BRIDGE_FAKE_AUTHORIZER_H
#define GH_TESTS_UNIT_BRIDGE_FAKE_AUTHORIZER_H

#include <stdlib.h>
#include <string.h>

#include "bridge/authorizer.h"

struct gh_authorizer {
    gh_loop *loop;
    const char *token;      /* NULL: none */
    const char *next_token; /* what obtaining gives */
    bool can_refresh;
    bool pending;     /* a login is under way, with the URL below */
    bool never;       /* obtaining never comes to an end */
    gh_status result; /* of obtaining */
    int delay_ms;
    int asked; /* how often, and for what the last time */
    int last_status;
    bool last_interactive;
    char last_challenge[256];
    char last_rejected[64];
};

struct gh_authorizer_wait {
    gh_authorizer *authorizer;
    gh_authorizer_done done;
    void *context;
    gh_loop_timer *timer;
};

static const char FAKE_LOGIN_URL[] = "http://127.0.0.1:1/authorize?client_id=x";

const char *gh_authorizer_token(gh_authorizer *authorizer)
{
    return authorizer->token;
}

bool gh_authorizer_can_refresh(const gh_authorizer *authorizer)
{
    return authorizer->can_refresh;
}

bool gh_authorizer_login_pending(const gh_authorizer *authorizer)
{
    return authorizer->pending;
}

const char *gh_authorizer_login_url(const gh_authorizer *authorizer)
{
    return authorizer->pending ? FAKE_LOGIN_URL : NULL;
}

gh_status gh_authorizer_present(const gh_authorizer *authorizer, const char *token, const char *method,
                                const char *url, gh_buf *authorization, gh_buf *proof)
{
    (void)authorizer;
    (void)method;
    (void)url;
    (void)proof;
    return gh_buf_appendf(authorization, "Bearer %s", token);
}

void gh_authorizer_note_nonce(gh_authorizer *authorizer, gh_view nonce)
{
    (void)authorizer;
    (void)nonce;
}

static void fake_obtained(void *context)
{
    gh_authorizer_wait *wait = context;
    gh_authorizer *authorizer = wait->authorizer;
    gh_authorizer_done done = wait->done;
    void *done_context = wait->context;
    gh_error error = {GH_OK, ""};

    free(wait);
    if (authorizer->result == GH_OK) {
        authorizer->token = authorizer->next_token;
    } else {
        (void)gh_error_set(&error, authorizer->result, "nobody signed in");
    }
    done(done_context, authorizer->result, &error);
}

gh_status gh_authorizer_obtain(gh_authorizer *authorizer, const gh_authorizer_need *need,
                               gh_authorizer_done done, void *context, gh_authorizer_wait **wait)
{
    gh_authorizer_wait *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    authorizer->asked++;
    authorizer->last_status = need->http_status;
    authorizer->last_interactive = need->interactive;
    authorizer->last_challenge[0] = '\0';
    strncat(authorizer->last_challenge, need->challenge.ptr != NULL ? need->challenge.ptr : "",
            need->challenge.len < 255 ? need->challenge.len : 255);
    authorizer->last_rejected[0] = '\0';
    strncat(authorizer->last_rejected, need->rejected != NULL ? need->rejected : "", 63);
    *made = (gh_authorizer_wait){authorizer, done, context, NULL};
    *wait = made;
    return gh_loop_timer_add(authorizer->loop, authorizer->never ? 3600 * 1000 : authorizer->delay_ms,
                             fake_obtained, made, &made->timer);
}

void gh_authorizer_wait_cancel(gh_authorizer_wait *wait)
{
    if (wait != NULL) {
        gh_loop_timer_remove(wait->timer);
        free(wait);
    }
}

#endif
