/* A URI template, a URI to match it, and either as a cursor: one line each. What a template yields is JSON of
 * text without '/', and no cursor that this process did not write is good. */
#include <string.h>

#include "server/mcp/cursor.h"
#include "server/mcp/uri_template.h"
#include "shared/json/access.h"
#include "tests/fuzz/fuzz.h"

#define KEY GH_VIEW_LIT("0123456789abcdef0123456789abcdef")

static void check_variables(const gh_uri_template *pattern, gh_view uri)
{
    gh_buf out = GH_BUF_INIT(1 << 20);
    if (gh_uri_template_match(pattern, uri, &out) == GH_OK) {
        cJSON *json = NULL;
        const cJSON *variable = NULL;
        GH_FUZZ_REQUIRE(gh_json_parse(gh_buf_view(&out), NULL, &json, NULL) == GH_OK);
        cJSON_ArrayForEach(variable, json)
        {
            GH_FUZZ_REQUIRE(cJSON_IsString(variable) && variable->valuestring[0] != '\0');
            GH_FUZZ_REQUIRE(strchr(variable->valuestring, '/') == NULL);
            GH_FUZZ_REQUIRE(gh_uri_template_has(pattern, gh_view_of(variable->string)));
        }
        cJSON_Delete(json);
    } else {
        GH_FUZZ_REQUIRE(out.len == 0);
    }
    gh_buf_free(&out);
}

/* The template with each variable replaced by "1" matches it. */
static void check_expansion(const gh_uri_template *pattern, gh_view text)
{
    gh_buf uri = GH_BUF_INIT(GH_URI_TEMPLATE_MAX);
    gh_buf out = GH_BUF_INIT(1 << 20);
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '{') {
            (void)gh_buf_append_char(&uri, '1');
            inside = true;
        } else if (text.ptr[i] == '}') {
            inside = false;
        } else if (!inside) {
            (void)gh_buf_append_char(&uri, text.ptr[i]);
        }
    }
    GH_FUZZ_REQUIRE(gh_uri_template_match(pattern, gh_buf_view(&uri), &out) == GH_OK);
    gh_buf_free(&uri);
    gh_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view rest = gh_fuzz_view(data, size);
    gh_view text;
    gh_view uri = {"", 0};
    gh_uri_template *pattern = NULL;
    uint64_t last = 0;
    GH_FUZZ_REQUIRE(gh_view_next(&rest, '\n', &text));
    (void)gh_view_next(&rest, '\n', &uri);
    GH_FUZZ_REQUIRE(gh_mcp_cursor_read(KEY, 0, text, &last) != GH_OK);
    GH_FUZZ_REQUIRE(gh_mcp_cursor_read(KEY, 0, uri, &last) != GH_OK);
    if (gh_uri_template_new(text, &pattern, NULL) == GH_OK) {
        check_variables(pattern, uri);
        check_expansion(pattern, text);
        gh_uri_template_free(pattern);
    }
    return 0;
}
