/* Private to the HTTP client: libcurl, loaded when the first client is made. It brings some thirty libraries
 * along, five megabytes of memory and milliseconds of start-up that a program should not pay for before it
 * talks to anybody. */
#ifndef GH_SHARED_NET_HTTP_CURL_H
#define GH_SHARED_NET_HTTP_CURL_H

#include <curl/curl.h>
#include <stdbool.h>

/* The functions that are used, by their names behind "curl_". */
#define GH_CURL_FUNCTIONS(EACH)                                                                              \
    EACH(easy_cleanup)                                                                                       \
    EACH(easy_getinfo)                                                                                       \
    EACH(easy_init)                                                                                          \
    EACH(easy_pause)                                                                                         \
    EACH(easy_setopt)                                                                                        \
    EACH(easy_strerror)                                                                                      \
    EACH(free)                                                                                               \
    EACH(getdate)                                                                                            \
    EACH(global_cleanup)                                                                                     \
    EACH(global_init)                                                                                        \
    EACH(multi_add_handle)                                                                                   \
    EACH(multi_cleanup)                                                                                      \
    EACH(multi_info_read)                                                                                    \
    EACH(multi_init)                                                                                         \
    EACH(multi_perform)                                                                                      \
    EACH(multi_poll)                                                                                         \
    EACH(multi_remove_handle)                                                                                \
    EACH(multi_setopt)                                                                                       \
    EACH(slist_append)                                                                                       \
    EACH(slist_free_all)                                                                                     \
    EACH(url)                                                                                                \
    EACH(url_cleanup)                                                                                        \
    EACH(url_get)                                                                                            \
    EACH(url_set)

typedef struct gh_curl_functions {
#define GH_CURL_MEMBER(name) __typeof__(curl_##name) *name; /* NOLINT(bugprone-macro-parentheses) */
    GH_CURL_FUNCTIONS(GH_CURL_MEMBER)
#undef GH_CURL_MEMBER
} gh_curl_functions;

/* Loads it if need be; false when it is not installed. Thread-safe. */
bool gh_curl_is_there(void);
/* Only after gh_curl_is_there said so: whoever has a client need not ask. */
const gh_curl_functions *gh_curl(void);

#endif
