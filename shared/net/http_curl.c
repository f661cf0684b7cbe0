#include "shared/net/http_curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* Filled once and kept as long as the process lives. */
static gh_curl_functions functions;
static bool there;

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void load(void)
{
    void *library = dlopen(GH_CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool complete = library != NULL;
#define GH_CURL_FIND(name) complete = complete && find(library, "curl_" #name, &functions.name);
    GH_CURL_FUNCTIONS(GH_CURL_FIND)
#undef GH_CURL_FIND
    there = complete;
}

bool gh_curl_is_there(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, load);
    return there;
}

const gh_curl_functions *gh_curl(void)
{
    return &functions;
}
