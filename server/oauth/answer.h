/* The authorization response: a redirect to the client that always says who answers (RFC 6749, 4.1.2;
 * RFC 9207). The redirect URI must have been matched against the client before. A
 * device's login (device.h) ends with a page instead. Thread-safe. */
#ifndef GH_SERVER_OAUTH_ANSWER_H
#define GH_SERVER_OAUTH_ANSWER_H

#include "server/oauth/internal.h"

typedef struct gh_answer {
    const char *redirect_uri;
    const char *state; /* NULL when the client sent none; goes back byte for byte */
    int status;        /* 303 after a form, 302 after a GET */
} gh_answer;

void gh_answer_code(const gh_oauth_server *server, const gh_answer *answer, const char *code,
                    gh_response *response);
void gh_answer_error(const gh_oauth_server *server, const gh_answer *answer, const char *error,
                     const char *description, gh_response *response);
/* An error before any person has acted. Whoever may register a website as a redirect URI could otherwise send
 * people there by a link to this server (RFC 9700, 4.11.2): for a website it is a page with `http_status`,
 * the reason and a link. Applications on the person's own computer are redirected to. */
void gh_answer_refusal(const gh_oauth_server *server, const gh_answer *answer, int http_status,
                       const char *error, const char *description, gh_response *response);

#endif
