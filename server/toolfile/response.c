/* What becomes of the API's answer. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/toolfile_private.h"

#define ERRORS_MAX 64
#define STATUS_FIRST 300
#define STATUS_LAST 599

typedef enum response_member { TYPE, POINTER, WRAP, ERRORS, MEMBERS } response_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    [TYPE] = {"type", GH_TOOLFILE_STRING, false},
    [POINTER] = {"pointer", GH_TOOLFILE_STRING, false},
    [WRAP] = {"wrap", GH_TOOLFILE_STRING, false},
    [ERRORS] = {"errors", GH_TOOLFILE_OBJECT, false},
};

static gh_status read_type(gh_toolfile_reader *reader, gh_view value, gh_response_kind *kind)
{
    static const char *const NAMES[] = {[GH_RESPONSE_AUTO] = "auto",
                                        [GH_RESPONSE_JSON] = "json",
                                        [GH_RESPONSE_TEXT] = "text",
                                        [GH_RESPONSE_IMAGE] = "image",
                                        [GH_RESPONSE_AUDIO] = "audio"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (gh_json_slice_is(value, gh_view_of(NAMES[i]))) {
            *kind = (gh_response_kind)i;
            return GH_OK;
        }
    }
    return gh_toolfile_refuse(reader, value,
                              "response: type must be \"auto\", \"json\", \"text\", \"image\" or \"audio\"");
}

/* RFC 6901, 3. */
static bool is_pointer(const char *text)
{
    if (text[0] != '\0' && text[0] != '/') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1') {
            return false;
        }
    }
    return true;
}

/* "404" or "5xx". */
static bool read_statuses(gh_view key, gh_api_error *one)
{
    char text[8] = "";
    for (int status = STATUS_FIRST; status <= STATUS_LAST; status++) {
        text[0] = (char)('0' + status / 100);
        text[1] = (char)('0' + status / 10 % 10);
        text[2] = (char)('0' + status % 10);
        if (gh_json_slice_is(key, gh_view_make(text, 3))) {
            one->from = status;
            one->to = status;
            return true;
        }
        text[1] = 'x';
        text[2] = 'x';
        if (status % 100 == 0 && gh_json_slice_is(key, gh_view_make(text, 3))) {
            one->from = status;
            one->to = status + 99;
            return true;
        }
    }
    return false;
}

/* The narrower first, so that the first that fits counts. */
static int by_width(const void *a, const void *b)
{
    const gh_api_error *left = a;
    const gh_api_error *right = b;
    int widths = (left->to - left->from) - (right->to - right->from);
    return widths != 0 ? widths : left->from - right->from;
}

static gh_status read_errors(gh_toolfile_reader *reader, gh_view object,
                             const gh_toolfile_arguments *arguments, gh_api_response *response)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    size_t count = gh_toolfile_count(object);
    if (count > ERRORS_MAX) {
        return gh_toolfile_refuse(reader, object, "response: errors has more than %d members", ERRORS_MAX);
    }
    response->errors = count > 0 ? calloc(count, sizeof *response->errors) : NULL;
    if (count > 0 && response->errors == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    (void)gh_json_iter_start(object, &iter);
    while (status == GH_OK && response->error_count < count && gh_json_iter_next(&iter, &key, &value)) {
        gh_api_error *one = &response->errors[response->error_count++];
        if (!read_statuses(key, one)) {
            return gh_toolfile_refuse(
                reader, key,
                "response: errors are named by an HTTP status from %d to %d, or \"4xx\" "
                "and the like",
                STATUS_FIRST, STATUS_LAST);
        }
        status = gh_toolfile_template(reader, value, "response: errors", &one->text);
        if (status == GH_OK) {
            status =
                gh_toolfile_check_variables(reader, value, "response: errors", one->text, arguments, false);
        }
    }
    if (status == GH_OK && count > 0) {
        qsort(response->errors, count, sizeof *response->errors, by_width);
    }
    return status;
}

gh_status gh_toolfile_read_response(gh_toolfile_reader *reader, gh_view object,
                                    const gh_toolfile_arguments *arguments, gh_api_response *response)
{
    gh_view values[MEMBERS];
    gh_status status = gh_toolfile_members(reader, "response", object, ROWS, MEMBERS, values);
    if (status == GH_OK && values[TYPE].ptr != NULL) {
        status = read_type(reader, values[TYPE], &response->kind);
    }
    bool media = response->kind != GH_RESPONSE_AUTO && response->kind != GH_RESPONSE_JSON;
    if (status == GH_OK && media && (values[POINTER].ptr != NULL || values[WRAP].ptr != NULL)) {
        return gh_toolfile_refuse(reader, object, "response: \"pointer\" and \"wrap\" are for JSON");
    }
    if (status == GH_OK) {
        status = gh_toolfile_text(reader, values[POINTER], "response: pointer", GH_TOOLFILE_URI_MAX,
                                  &response->pointer);
    }
    if (status == GH_OK && response->pointer != NULL && !is_pointer(response->pointer)) {
        status = gh_toolfile_refuse(reader, values[POINTER],
                                    "response: pointer must be a JSON pointer, such as /data/0");
    }
    if (status == GH_OK) {
        status =
            gh_toolfile_word(reader, values[WRAP], "response: wrap", GH_TOOLFILE_NAME_MAX, &response->wrap);
    }
    return status == GH_OK && values[ERRORS].ptr != NULL
               ? read_errors(reader, values[ERRORS], arguments, response)
               : status;
}
