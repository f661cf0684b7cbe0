/* Headers that a parameter may be. */
#include <string.h>
#include <strings.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_reserved(const char *name)
{
    static const char *const NAMES[] = {"Accept",
                                        "Content-Type",
                                        "Authorization",
                                        "Cookie",
                                        "Host",
                                        "Content-Length",
                                        "Upgrade",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Accept-Encoding",
                                        "HTTP2-Settings",
                                        "Content-Encoding",
                                        "TE",
                                        "Set-Cookie",
                                        "Set-Cookie2",
                                        "Keep-Alive",
                                        "Forwarded",
                                        "Via",
                                        "Trailer",
                                        "Expect",
                                        "X-Real-IP",
                                        "Origin",
                                        "User-Agent",
                                        "Date"};
    static const char *const STARTS[] = {"Proxy-", "X-Forwarded-", "Mcp-", "Sec-"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcasecmp(name, NAMES[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof STARTS / sizeof *STARTS; i++) {
        if (strncasecmp(name, STARTS[i], strlen(STARTS[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The header of an API key is what the upstream's credential sends. */
static bool is_key(const gh_openapi_reader *reader, const char *name)
{
    const cJSON *scheme = NULL;
    cJSON_ArrayForEach(scheme, gh_json_get_object(gh_json_get(reader->root, "components"), "securitySchemes"))
    {
        const char *in = gh_json_get_string(scheme, "in");
        const char *key = gh_json_get_string(scheme, "name");
        if (in != NULL && key != NULL && strcmp(in, "header") == 0 && strcasecmp(key, name) == 0) {
            return true;
        }
    }
    return false;
}

bool gh_openapi_is_sendable_header(const gh_openapi_reader *reader, const char *name)
{
    return name[0] != '\0' && strspn(name, TOKEN) == strlen(name) && !is_reserved(name) &&
           !is_key(reader, name);
}
