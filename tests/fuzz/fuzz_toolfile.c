/* A template on the first line, arguments on the second, a tools file behind them. Whatever they are, the
 * file is read or refused with a sentence, and no argument gets out of the place that it is filled into. */
#include <string.h>

#include "server/toolfile/toolfile.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"
#include "shared/net/url.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)64 * 1024)
#define ORIGIN "https://api.example.com"

static const gh_principal ADA = {.issuer = (char *)"https://id.example.org",
                                 .subject = (char *)"u/../1",
                                 .name = (char *)"Ada \"Lovelace\"\r\n"};

static bool is_answer(gh_status status, const gh_error *error)
{
    return (status == GH_OK || status == GH_ERR_INVALID || status == GH_ERR_NOT_FOUND ||
            status == GH_ERR_TOO_LARGE) &&
           (status == GH_OK) == (error->message[0] == '\0');
}

static void check_path(gh_view path)
{
    gh_url url;
    gh_buf whole = GH_BUF_INIT(2 * OUT_MAX);
    (void)gh_buf_append_cstr(&whole, ORIGIN);
    (void)gh_buf_append_view(&whole, path);
    if (whole.len <= GH_URL_MAX) {
        GH_FUZZ_REQUIRE(gh_url_parse(gh_buf_view(&whole), &url, NULL) == GH_OK);
        GH_FUZZ_REQUIRE(gh_view_eq_cstr(url.host, "api.example.com") && !url.has_query && !url.has_fragment);
        GH_FUZZ_REQUIRE(gh_view_eq(url.path, gh_view_make(whole.data + sizeof ORIGIN - 1, path.len)));
    }
    GH_FUZZ_REQUIRE(path.len == 0 || memmem(path.ptr, path.len, "/../", 4) == NULL);
    gh_buf_free(&whole);
}

static void check_pairs(gh_view pairs)
{
    for (size_t i = 0; i < pairs.len; i++) {
        GH_FUZZ_REQUIRE((unsigned char)pairs.ptr[i] > ' ' &&
                        strchr("#?+\"<>\\[]|{}\x7f", pairs.ptr[i]) == NULL &&
                        (unsigned char)pairs.ptr[i] < 0x80);
    }
}

static void fill(const gh_template *made, gh_template_place place, const gh_template_values *values,
                 bool is_path)
{
    gh_buf out = GH_BUF_INIT(OUT_MAX);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_template_fill(made, place, values, &out, &error);
    GH_FUZZ_REQUIRE(is_answer(status, &error) && (status == GH_OK || out.len == 0));
    if (status == GH_OK && place == GH_PLACE_PATH && is_path) {
        check_path(gh_buf_view(&out));
    } else if (status == GH_OK && place == GH_PLACE_QUERY) {
        check_pairs(gh_buf_view(&out));
    }
    gh_buf_free(&out);
}

static void fill_header(const gh_template *made, const gh_template_values *values)
{
    gh_buf out = GH_BUF_INIT(OUT_MAX);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_template_fill(made, GH_PLACE_HEADER, values, &out, &error);
    GH_FUZZ_REQUIRE(is_answer(status, &error) && !gh_text_has_control(gh_buf_view(&out)));
    gh_buf_free(&out);
}

static void fill_pairs(const gh_template *made, const char *name, gh_template_style style, bool explode,
                       const gh_template_values *values)
{
    gh_buf out = GH_BUF_INIT(OUT_MAX);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_template_fill_pairs(made, gh_view_of(name), style, explode, values, &out, &error);
    GH_FUZZ_REQUIRE(is_answer(status, &error) && status != GH_ERR_NOT_FOUND);
    check_pairs(gh_buf_view(&out));
    gh_buf_free(&out);
}

static void fill_json(const gh_json_template *made, const gh_template_values *values)
{
    gh_buf out = GH_BUF_INIT(OUT_MAX);
    gh_error error = {GH_OK, ""};
    /* An argument's depth comes on top of the template's. */
    const gh_json_limits limits = {OUT_MAX, GH_JSON_DEPTH_MAX, OUT_MAX, OUT_MAX};
    gh_status status = gh_json_template_fill(made, values, &out, &error);
    GH_FUZZ_REQUIRE(is_answer(status, &error) && (status == GH_OK || out.len == 0));
    if (status == GH_OK) {
        gh_status passed = gh_json_gate(gh_buf_view(&out), &limits, &error);
        GH_FUZZ_REQUIRE(passed == GH_OK || passed == GH_ERR_TOO_LARGE);
    }
    gh_buf_free(&out);
}

static void fill_request(const gh_api_request *request, const gh_template_values *values)
{
    fill(request->path, GH_PLACE_PATH, values, true);
    for (size_t i = 0; i < request->query_count; i++) {
        const gh_named_template *one = &request->query[i];
        fill_pairs(one->value, one->name, one->style, one->explode, values);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        fill_header(request->headers[i].value, values);
    }
    for (size_t i = 0; i < request->body_form_count; i++) {
        const gh_named_template *one = &request->body_form[i];
        fill_pairs(one->value, one->name, one->style, one->explode, values);
    }
    if (request->body_json != NULL) {
        gh_template_values given = *values;
        given.nulls = request->send_null;
        fill_json(request->body_json, &given);
    }
    if (request->body_text != NULL) {
        fill(request->body_text, GH_PLACE_TEXT, values, false);
    }
}

static void try_template(gh_view text, const gh_template_values *values)
{
    gh_template *made = NULL;
    gh_error error = {GH_OK, ""};
    if (gh_template_new(text, &made, &error) != GH_OK) {
        GH_FUZZ_REQUIRE(made == NULL && error.message[0] != '\0');
        return;
    }
    fill(made, GH_PLACE_PATH, values, false);
    fill(made, GH_PLACE_QUERY, values, false);
    fill(made, GH_PLACE_TEXT, values, false);
    for (gh_template_style style = GH_STYLE_FORM; style <= GH_STYLE_DEEP; style++) {
        fill_pairs(made, "a[b]", style, true, values);
        fill_pairs(made, "a", style, false, values);
    }
    gh_template_free(made);
}

static void try_file(gh_view text, const gh_template_values *values)
{
    gh_toolset *set = NULL;
    gh_error error = {GH_OK, ""};
    const gh_toolfile_source source = {.label = "tools.json", .folder = "/nonexistent", .text = text};
    if (gh_toolset_read(&source, 1, &set, &error) != GH_OK) {
        GH_FUZZ_REQUIRE(set == NULL && strncmp(error.message, "tools.json", 10) == 0);
        return;
    }
    for (size_t i = 0; i < set->entry_count; i++) {
        const gh_entry *entry = &set->entries[i];
        GH_FUZZ_REQUIRE(entry->name != NULL && entry->scopes != NULL && entry->line > 0);
        if (entry->has_request) {
            fill_request(&entry->request, values);
        }
        for (size_t j = 0; j < entry->response.error_count; j++) {
            fill(entry->response.errors[j].text, GH_PLACE_TEXT, values, false);
        }
        for (size_t j = 0; j < entry->message_count; j++) {
            if (entry->messages[j].text != NULL) {
                fill(entry->messages[j].text, GH_PLACE_TEXT, values, false);
            } else {
                fill_json(entry->messages[j].content, values);
            }
        }
    }
    gh_toolset_release(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view rest = gh_fuzz_view(data, size);
    gh_view text = {"", 0};
    gh_view arguments = {"", 0};
    gh_template_values values = {.arguments = GH_VIEW_LIT("{}"), .principal = &ADA};
    (void)gh_view_next(&rest, '\n', &text);
    (void)gh_view_next(&rest, '\n', &arguments);
    if (gh_json_gate(arguments, NULL, NULL) == GH_OK && gh_json_slice_type(arguments) == GH_JSON_OBJECT) {
        values.arguments = arguments;
    }
    try_template(text, &values);
    try_file(rest.ptr != NULL ? rest : gh_view_make("", 0), &values);
    return 0;
}
