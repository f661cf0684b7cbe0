#include <stdlib.h>
#include <string.h>

#include "server/oauth/display.h"
#include "server/oauth/flow.h"
#include "server/oauth/login_page.h"
#include "server/oauth/page.h"
#include "shared/core/bytes.h"

#define NAME_MAX_CHARACTERS 100
#define SUBJECT_CHARACTERS 22 /* of the digest: 132 bits */

/* The person as the form gave them, without white space around. */
typedef struct person {
    char *name;
    char *email;
} person;

static void show(const gh_oauth_server *server, const gh_visit *visit, const gh_login_input *input,
                 int http_status, gh_response *response)
{
    char csrf[GH_SHA256_TEXT_MAX];
    gh_status status = gh_csrf_token(server, "login", visit->flow_id, &visit->browser, NULL, csrf);
    if (status == GH_OK) {
        gh_login_page(server, &visit->client, visit->flow_id, csrf, input, http_status, response);
    } else {
        gh_flow_page_failure(response, status);
    }
}

static gh_status read_person(const gh_form *form, person *who)
{
    const char *name = gh_form_get(form, "name");
    const char *email = gh_form_get(form, "email");
    who->name = gh_view_dup(gh_view_trim(gh_view_of(name != NULL ? name : "")));
    who->email = gh_view_dup(gh_view_trim(gh_view_of(email != NULL ? email : "")));
    return who->name == NULL || who->email == NULL ? GH_ERR_NOMEM : GH_OK;
}

static void check_person(const person *who, gh_login_input *input)
{
    gh_view name = gh_view_of(who->name);
    input->name = who->name;
    input->email = who->email;
    if (name.len == 0) {
        input->name_problem = "Please enter your name.";
    } else if (gh_display_length(name) > NAME_MAX_CHARACTERS) {
        input->name_problem = "A name may have at most 100 characters.";
    } else if (!gh_display_is_clean(name)) {
        input->name_problem = "The name holds invisible or control characters. Please type it anew.";
    }
    if (!gh_display_is_email(gh_view_of(who->email))) {
        input->email_problem = "Please enter an e-mail address such as alice@example.com.";
    }
}

/* False when too many were wrong lately: the response is then complete. */
static bool check_password(const gh_oauth_server *server, const gh_form *form, gh_login_input *input,
                           gh_response *response)
{
    int64_t wait_s = 0;
    const char *password = gh_form_get(form, "password");
    if (server->dev_password == NULL) {
        return true;
    }
    if (password == NULL) {
        input->password_problem = "Please enter the password of this server.";
        return true;
    }
    if (!gh_throttle_enter(server->throttle, &wait_s)) {
        char seconds[24];
        gh_buf text = GH_BUF_INIT(sizeof seconds);
        (void)gh_buf_appendf(&text, "%lld", (long long)wait_s);
        gh_response_header_cstr(response, "Retry-After", gh_buf_cstr(&text));
        gh_buf_free(&text);
        gh_page_message(response, 429, "Too many wrong passwords",
                        "The password was wrong ten times within a minute.",
                        "Wait a minute, go back one page and try again.");
        return false;
    }
    if (gh_secret_equals(server->dev_password, gh_view_of(password))) {
        gh_throttle_forgive(server->throttle);
    } else {
        input->password_problem = "That is not the password of this server.";
    }
    return true;
}

static char *subject_of(const char *email)
{
    char digest[GH_SHA256_TEXT_MAX];
    gh_buf lower = GH_BUF_INIT(1024);
    gh_buf subject = GH_BUF_INIT(64);
    for (const char *c = email; *c != '\0'; c++) {
        (void)gh_buf_append_char(&lower, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
    }
    if (gh_buf_status(&lower) == GH_OK && gh_sha256_text(gh_buf_view(&lower), digest) == GH_OK) {
        (void)gh_buf_append_cstr(&subject, "dev-");
        (void)gh_buf_append(&subject, digest, SUBJECT_CHARACTERS);
    }
    char *text = subject.len > 0 ? gh_buf_steal(&subject) : NULL;
    gh_buf_free(&lower);
    gh_buf_free(&subject);
    return text;
}

static void identify(const gh_oauth_server *server, const gh_visit *visit, const person *who,
                     gh_response *response)
{
    char *subject = subject_of(who->email);
    gh_status status = subject == NULL ? GH_ERR_NOMEM
                                       : gh_store_flow_identify(server->store, visit->flow_hash, subject,
                                                                who->name, who->email);
    if (status == GH_OK) {
        gh_flow_redirect(response, "/authorize/consent", visit->flow_id);
    } else if (status == GH_ERR_NOT_FOUND) {
        gh_flow_page_gone(response);
    } else {
        gh_flow_page_failure(response, status);
    }
    free(subject);
}

static void sign_in(const gh_oauth_server *server, const gh_visit *visit, gh_response *response)
{
    person who = {NULL, NULL};
    gh_login_input input = {0};
    gh_status status = gh_csrf_check(server, "login", visit->flow_id, &visit->browser, NULL,
                                     gh_form_get(visit->form, "csrf"));
    if (status != GH_OK) {
        gh_flow_page_refused(response, status);
        return;
    }
    if (read_person(visit->form, &who) != GH_OK) {
        gh_flow_page_failure(response, GH_ERR_NOMEM);
        goto out;
    }
    check_person(&who, &input);
    if (!check_password(server, visit->form, &input, response)) {
        goto out;
    }
    if (input.name_problem != NULL || input.email_problem != NULL || input.password_problem != NULL) {
        show(server, visit, &input, 400, response);
    } else {
        identify(server, visit, &who, response);
    }
out:
    free(who.name);
    free(who.email);
}

void gh_oauth_handle_login(void *server, const gh_request *request, gh_response *response)
{
    const gh_oauth_server *self = server;
    gh_visit visit;
    if (self->idp != NULL) {
        gh_page_message(response, 404, "There is no login page here",
                        "This server leaves signing in to its identity provider.",
                        "Go back to your application and sign in again.");
        return;
    }
    memset(&visit, 0, sizeof visit);
    if (gh_visit_open(server, request, response, &visit)) {
        if (gh_visit_is_post(request)) {
            sign_in(server, &visit, response);
        } else {
            const gh_login_input input = {.name = visit.flow.name, .email = visit.flow.email};
            show(server, &visit, &input, 200, response);
        }
    }
    gh_visit_clear(&visit);
}
