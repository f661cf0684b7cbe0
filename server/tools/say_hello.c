#include <stdio.h>

#include "server/tools/tools_private.h"

#define TEXT_MAX 4096

/* The best that is known of the signed-in user. */
static const char *name_of_caller(const gatehouse_host *host, const gatehouse_call *call)
{
    const char *name = host->name(call);
    const char *email = host->email(call);
    if (name != NULL && name[0] != '\0') {
        return name;
    }
    return email != NULL && email[0] != '\0' ? email : host->subject(call);
}

int gh_tool_say_hello(void *data, gatehouse_call *call)
{
    const gatehouse_host *host = data;
    char text[TEXT_MAX];
    const char *name = host->text_argument(call, "name");
    int len = snprintf(text, sizeof text, "Hello, %s!", name != NULL ? name : name_of_caller(host, call));
    if (len < 0 || (size_t)len >= sizeof text) {
        return host->set_error(call, "Your name is too long to be said.");
    }
    return host->set_text(call, text);
}
