/* A description in JSON or YAML; its first byte says how it is read. Whatever is made of it is a tools file
 * that is taken, and nothing is made twice differently. */
#include <stdio.h>
#include <string.h>

#include "server/openapi/openapi.h"
#include "server/openapi/yaml.h"
#include "server/toolfile/toolfile.h"
#include "shared/json/access.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)32 << 20)

static void check_report(void *context, const char *where, const char *what)
{
    size_t *lines = context;
    GH_FUZZ_REQUIRE(where != NULL && what[0] != '\0' && strlen(what) < GH_ERROR_MESSAGE_MAX);
    GH_FUZZ_REQUIRE(gh_text_is_utf8(gh_view_of(what)) && !gh_text_has_control(gh_view_of(what)));
    (*lines)++;
}

/* What x-mcp says goes into the tools file as it is, and is refused there when it is wrong. */
static void check_taken(gh_view text, gh_view made)
{
    const gh_toolfile_source sources[] = {
        {.label = "before.json",
         .folder = "/nonexistent",
         .text = GH_VIEW_LIT(
             "{\"upstreams\":{\"orders\":{\"url\":\"https://orders.example.com\"}},\"tools\":[]}")},
        {.label = "made", .folder = "/nonexistent", .text = made, .made = true}};
    gh_error error = {GH_OK, ""};
    gh_toolset *set = NULL;
    gh_status status = gh_toolset_read(sources, 2, &set, &error);
    if (status != GH_OK && memmem(text.ptr, text.len, "mcp", 3) == NULL) {
        (void)fprintf(stderr, "%s\n%.*s\n", error.message, (int)made.len, made.ptr);
    }
    GH_FUZZ_REQUIRE(status == GH_OK || memmem(text.ptr, text.len, "mcp", 3) != NULL);
    gh_toolset_release(set);
}

static void check_yaml(gh_view text)
{
    const gh_json_limits limits = {(size_t)1 << 20, GH_JSON_DEPTH_MAX, 20000, 1000};
    gh_buf out = GH_BUF_INIT((size_t)2 << 20);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_yaml_to_json(text, &limits, &out, &error);
    if (status == GH_OK) {
        GH_FUZZ_REQUIRE(out.len <= limits.size);
        GH_FUZZ_REQUIRE(gh_json_gate(gh_buf_view(&out), &limits, &error) == GH_OK);
    } else {
        GH_FUZZ_REQUIRE(status == GH_ERR_PARSE || status == GH_ERR_TOO_LARGE);
        GH_FUZZ_REQUIRE(strncmp(error.message, "line ", 5) == 0);
    }
    gh_buf_free(&out);
}

static void check_description(gh_view text, char form)
{
    char *pattern[] = {(char *)(form == 's' ? "GET *" : "!tag:hidden")};
    const gh_text_list select = {pattern, 1};
    const bool fetched = form == 'f' || form == 's';
    const gh_openapi_options options = {.label = "fuzz",
                                        .base = fetched ? "https://a.example/docs/openapi.json" : NULL,
                                        .select = form == 's' || form == 't' ? &select : NULL,
                                        .upstream = fetched ? NULL : "orders"};
    gh_buf out = GH_BUF_INIT(OUT_MAX);
    gh_error error = {GH_OK, ""};
    size_t lines = 0;
    (void)gh_openapi_is(text);
    gh_status status = gh_openapi_convert(text, &options, check_report, &lines, &out, &error);
    if (status == GH_OK) {
        check_taken(text, gh_buf_view(&out));
    } else {
        GH_FUZZ_REQUIRE(status == GH_ERR_INVALID && strncmp(error.message, "fuzz", 4) == 0);
    }
    gh_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    if (text.len == 0) {
        return 0;
    }
    char form = text.ptr[0];
    text = gh_view_make(text.ptr + 1, text.len - 1);
    if (form == 'y') {
        check_yaml(text);
    } else {
        check_description(text, form);
    }
    return 0;
}
