#include <inttypes.h>
#include <stdlib.h>

#include "server/tools/tools_private.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"

#define JSON_MAX ((size_t)256 * 1024)
#define SECONDS_MAX INT64_C(9007199254740991) /* 2^53 - 1: what every reader of JSON can count to */

/* What the token did not say is left out. */
static void write_text(gh_buf *json, const char *name, const char *text)
{
    if (text != NULL) {
        (void)gh_buf_append_cstr(json, name);
        (void)gh_json_write_string(json, gh_view_of(text));
    }
}

static void write_scopes(gh_buf *json, const char *scope)
{
    gh_view rest = gh_view_of(scope);
    gh_view word = {NULL, 0};
    const char *comma = "";
    (void)gh_buf_append_cstr(json, ",\"scopes\":[");
    while (gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0) {
            (void)gh_buf_append_cstr(json, comma);
            (void)gh_json_write_string(json, word);
            comma = ",";
        }
    }
    (void)gh_buf_append_char(json, ']');
}

static int64_t seconds_left(int64_t expires)
{
    int64_t now = gh_clock_wall_s();
    int64_t left = expires > now ? expires - now : 0;
    return left < SECONDS_MAX ? left : SECONDS_MAX;
}

int gh_tool_whoami(void *data, gatehouse_call *call)
{
    const gatehouse_host *host = data;
    gh_buf json = GH_BUF_INIT(JSON_MAX);
    write_text(&json, "{\"subject\":", host->subject(call));
    write_text(&json, ",\"name\":", host->name(call));
    write_text(&json, ",\"email\":", host->email(call));
    write_text(&json, ",\"client\":", host->client(call));
    write_scopes(&json, host->scope(call));
    (void)gh_buf_appendf(&json, ",\"secondsLeft\":%" PRId64 "}", seconds_left(host->expires(call)));
    gh_status status = gh_buf_status(&json);
    int code = status == GH_OK ? host->set_structured(call, gh_buf_cstr(&json)) : (int)status;
    gh_buf_free(&json);
    return code;
}
