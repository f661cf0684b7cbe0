#include "bridge/terminal.h"

#include <stdarg.h>
#include <stdio.h>

#include "bridge/printable.h"

enum { LINE_MAX_BYTES = 8192 };

static void print(FILE *stream, const char *prefix, const char *text)
{
    gh_buf line = GH_BUF_INIT(LINE_MAX_BYTES);
    gh_printable_append(&line, text);
    (void)fprintf(stream, "%s%s\n", prefix, gh_buf_cstr(&line));
    (void)fflush(stream);
    gh_buf_free(&line);
}

void gh_terminal_say(const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    print(stdout, "", text);
}

void gh_terminal_warn(const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    print(stderr, "gatehouse-bridge: ", text);
}

int gh_terminal_complain(const gh_error *error)
{
    gh_terminal_warn("%s", error->message);
    return 1;
}
