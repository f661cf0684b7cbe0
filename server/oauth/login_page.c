#include "server/oauth/login_page.h"

#include "server/oauth/page.h"

typedef struct field {
    const char *name, *label, *type, *autocomplete;
    const char *value, *problem;
    int max_length;
} field;

static void write_text(gh_buf *page, const char *text)
{
    gh_page_escape(page, gh_view_of(text));
}

static void write_field(gh_buf *page, const field *f, bool focus)
{
    (void)gh_buf_appendf(page, "<label for=\"%s\">%s</label>\n", f->name, f->label);
    (void)gh_buf_appendf(page,
                         "<input id=\"%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\" maxlength=\"%d\" "
                         "required",
                         f->name, f->name, f->type, f->autocomplete, f->max_length);
    if (f->value != NULL) {
        (void)gh_buf_append_cstr(page, " value=\"");
        write_text(page, f->value);
        (void)gh_buf_append_char(page, '"');
    }
    if (f->problem != NULL) {
        (void)gh_buf_appendf(page, " aria-invalid=\"true\" aria-describedby=\"%s-problem\"", f->name);
    }
    (void)gh_buf_append_cstr(page, focus ? " autofocus>\n" : ">\n");
    if (f->problem != NULL) {
        (void)gh_buf_appendf(page, "<p class=\"problem\" id=\"%s-problem\">", f->name);
        write_text(page, f->problem);
        (void)gh_buf_append_cstr(page, "</p>\n");
    }
}

static void write_client(gh_buf *page, const gh_oauth_server *server, const gh_client *client)
{
    (void)gh_buf_append_cstr(page, client->name != NULL ? "<p>An application that calls itself <strong>"
                                                        : "<p>An application that gave no name");
    write_text(page, client->name);
    (void)gh_buf_append_cstr(page, client->name != NULL ? "</strong> wants to connect to <strong>"
                                                        : " wants to connect to <strong>");
    write_text(page, server->server_name);
    (void)gh_buf_append_cstr(page, "</strong>.</p>\n");
}

static void write_mode(gh_buf *page, const gh_oauth_server *server)
{
    (void)gh_buf_append_cstr(page, "<p class=\"note\"><strong>Development mode.</strong> ");
    (void)gh_buf_append_cstr(page,
                             server->dev_password == NULL
                                 ? "No password is asked for: anyone on this computer can sign in as anyone. "
                                   "Do not put anything private behind this server.</p>\n"
                                 : "Whoever knows the password of this server can sign in as anyone.</p>\n");
}

static void write_fields(gh_buf *page, const gh_oauth_server *server, const gh_login_input *input)
{
    const field name = {"name", "Name", "text", "name", input->name, input->name_problem, 100};
    const field email = {"email", "E-mail", "email", "email", input->email, input->email_problem, 254};
    const field password = {
        "password", "Password", "password", "current-password", NULL, input->password_problem, 1024};
    bool again =
        input->name_problem != NULL || input->email_problem != NULL || input->password_problem != NULL;
    write_field(page, &name, !again || input->name_problem != NULL);
    write_field(page, &email, input->name_problem == NULL && input->email_problem != NULL);
    if (server->dev_password != NULL) {
        write_field(page, &password,
                    input->name_problem == NULL && input->email_problem == NULL &&
                        input->password_problem != NULL);
    }
}

static void write_hidden(gh_buf *page, const char *action, const char *flow_id, const char *csrf)
{
    (void)gh_buf_appendf(
        page, "<form method=\"post\" action=\"%s\">\n<input type=\"hidden\" name=\"flow\" value=\"", action);
    write_text(page, flow_id);
    (void)gh_buf_append_cstr(page, "\"><input type=\"hidden\" name=\"csrf\" value=\"");
    write_text(page, csrf);
    (void)gh_buf_append_cstr(page, "\">\n");
}

void gh_login_page(const gh_oauth_server *server, const gh_client *client, const char *flow_id,
                   const char *csrf, const gh_login_input *input, int status, gh_response *response)
{
    gh_buf page = GH_BUF_INIT(GH_PAGE_MAX);
    gh_page_begin(&page, "Sign in");
    (void)gh_buf_append_cstr(&page, "<h1>Sign in</h1>\n");
    write_client(&page, server, client);
    if (input->name_problem != NULL || input->email_problem != NULL || input->password_problem != NULL) {
        (void)gh_buf_append_cstr(&page, "<p class=\"alert\" role=\"alert\">Please correct what is marked "
                                        "below.</p>\n");
    }
    write_mode(&page, server);
    write_hidden(&page, "/authorize/login", flow_id, csrf);
    write_fields(&page, server, input);
    (void)gh_buf_append_cstr(&page, "<div class=\"row\"><button type=\"submit\">Continue</button></div>\n"
                                    "</form>\n<p class=\"soft\">Nothing is shared yet: the next page "
                                    "asks whether the application may have access.</p>\n");
    gh_page_end(&page);
    gh_page_send(response, status, &page, NULL);
    gh_buf_free(&page);
}
