/* From a reply to what a call hands on: the media type is believed only when the bytes agree. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define SECRET_MIN 8 /* what is shorter is found by chance */

void gh_api_content_clear(gh_api_content *content)
{
    gh_buf_wipe_free(&content->text);
    free(content->media);
    memset(content, 0, sizeof *content);
}

/* "a\\/b" is how much JSON says a/b. */
static bool says_escaped(gh_view body, gh_view secret)
{
    for (size_t i = 0; i < body.len; i++) {
        size_t at = i;
        size_t same = 0;
        while (at < body.len && same < secret.len) {
            at += body.ptr[at] == '\\' && at + 1 < body.len && body.ptr[at + 1] == '/' ? 1U : 0U;
            if (body.ptr[at] != secret.ptr[same]) {
                break;
            }
            at++;
            same++;
        }
        if (same == secret.len) {
            return true;
        }
    }
    return false;
}

bool gh_api_reply_repeats_credential(const gh_api_reply *reply)
{
    gh_view secret = gh_secret_view(reply->credential);
    for (size_t i = secret.len; i > 0; i--) { /* without "Bearer " */
        if (secret.ptr[i - 1] == ' ') {
            secret = gh_view_make(secret.ptr + i, secret.len - i);
            break;
        }
    }
    if (secret.len < SECRET_MIN || reply->body.len < secret.len) {
        return false;
    }
    return memmem(reply->body.data, reply->body.len, secret.ptr, secret.len) != NULL ||
           (gh_view_find(secret, '/') < secret.len && says_escaped(gh_buf_view(&reply->body), secret));
}

/* --- JSON --- */

/* One reference token of a JSON pointer, unescaped (RFC 6901, 4). */
static gh_status read_token(gh_view token, gh_buf *out)
{
    gh_buf_clear(out);
    (void)gh_buf_append_cstr(out, "");
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (c == '~' && i + 1 < token.len) {
            c = token.ptr[++i] == '1' ? '/' : '~';
        }
        (void)gh_buf_append_char(out, c);
    }
    return gh_buf_status(out);
}

static bool element_at(gh_view array, gh_view index, gh_view *value)
{
    int64_t wanted = 0;
    gh_json_iter iter;
    if (gh_view_to_int64(index, 0, INT32_MAX, &wanted) != GH_OK || !gh_json_iter_start(array, &iter)) {
        return false;
    }
    bool there = gh_json_iter_next(&iter, NULL, value);
    while (there && wanted-- > 0) {
        there = gh_json_iter_next(&iter, NULL, value);
    }
    return there;
}

/* The part that `pointer` leads to. */
static bool follow(const char *pointer, gh_view *value)
{
    gh_buf name = GH_BUF_INIT(1024);
    gh_view rest = gh_view_of(pointer);
    gh_view token = {NULL, 0};
    bool there = rest.len == 0 || rest.ptr[0] == '/';
    if (rest.len > 0) {
        rest = gh_view_make(rest.ptr + 1, rest.len - 1);
    }
    while (there && pointer[0] != '\0' && gh_view_next(&rest, '/', &token)) {
        gh_view inner = {NULL, 0};
        gh_json_type type = gh_json_slice_type(*value);
        there = read_token(token, &name) == GH_OK &&
                (type == GH_JSON_OBJECT  ? gh_json_slice_member(*value, gh_buf_cstr(&name), &inner)
                 : type == GH_JSON_ARRAY ? element_at(*value, token, &inner)
                                         : false);
        *value = there ? inner : *value;
    }
    gh_buf_free(&name);
    return there;
}

/* An object is a result as it is; anything else goes under a name. */
static void wrap(const char *name, gh_view value, gh_buf *out)
{
    bool bare = gh_json_slice_type(value) == GH_JSON_OBJECT;
    if (!bare) {
        (void)gh_buf_append_char(out, '{');
        (void)gh_json_write_string(out, gh_view_of(name != NULL ? name : "result"));
        (void)gh_buf_append_char(out, ':');
    }
    (void)gh_buf_append_view(out, gh_view_trim(value));
    (void)gh_buf_append_cstr(out, bare ? "" : "}");
}

static gh_status read_json(const gh_entry *entry, const gh_api_reply *reply, gh_api_content *content,
                           gh_error *error)
{
    gh_error why = {GH_OK, ""};
    gh_buf plain = GH_BUF_INIT(2 * GH_API_ANSWER_MAX);
    gh_status status = gh_api_text_decode(reply->type, gh_buf_view(&reply->body), &plain);
    if (status == GH_OK) {
        status = gh_json_gate(gh_buf_view(&plain), &GH_JSON_LIMITS_MESSAGE, &why);
    }
    gh_view value = gh_view_trim(gh_buf_view(&plain));
    if (status == GH_ERR_TOO_LARGE) {
        (void)gh_error_set(error, GH_ERR_INVALID,
                           "The API's answer is too large or too deeply nested to hand on. Ask for less.");
    } else if (status != GH_OK) {
        (void)gh_error_set(error, GH_ERR_INVALID, "The API's answer is not the JSON that it should be.");
    } else if (entry->response.pointer != NULL && !follow(entry->response.pointer, &value)) {
        status =
            gh_error_set(error, GH_ERR_INVALID, "The API's answer has no %.200s.", entry->response.pointer);
    }
    if (status == GH_OK) {
        content->form = GH_API_JSON;
        if (entry->kind == GH_ENTRY_TOOL) {
            wrap(entry->response.wrap, value, &content->text);
        } else {
            (void)gh_buf_append_view(&content->text, value);
        }
        status = gh_buf_status(&content->text) == GH_OK
                     ? GH_OK
                     : gh_error_set(error, GH_ERR_INVALID,
                                    "The API's answer is too large to hand on. Ask for less.");
    }
    gh_buf_wipe_free(&plain);
    return status == GH_OK ? GH_OK : GH_ERR_INVALID;
}

/* --- the rest --- */

static gh_status read_text(const gh_api_reply *reply, gh_api_content *content, gh_error *error)
{
    content->form = GH_API_TEXT;
    switch (gh_api_text_decode(reply->type, gh_buf_view(&reply->body), &content->text)) {
    case GH_OK:
        return GH_OK;
    case GH_ERR_TOO_LARGE:
        return gh_error_set(error, GH_ERR_INVALID, "The API's answer is too large to hand on. Ask for less.");
    case GH_ERR_UNSUPPORTED:
        return gh_error_set(error, GH_ERR_INVALID,
                            "The API's answer is in a character set that is not supported.");
    default:
        return gh_error_set(error, GH_ERR_INVALID, "The API's answer is not the text that it should be.");
    }
}

static gh_status read_media(gh_api_form form, const gh_api_reply *reply, gh_api_content *content,
                            gh_error *error)
{
    const char *noun = form == GH_API_IMAGE ? "image" : "sound";
    content->form = form;
    content->bytes = gh_buf_view(&reply->body);
    if (content->bytes.len > GH_API_ANSWER_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "The API's %s is too large to hand on.", noun);
    }
    content->mime = gh_api_media_check(form, content->media, content->bytes);
    if (content->mime == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "The API's answer is not the %s that it should be.", noun);
    }
    return GH_OK;
}

static gh_status read_bytes(const gh_entry *entry, const gh_api_reply *reply, gh_api_content *content,
                            gh_error *error)
{
    if (entry->kind == GH_ENTRY_TOOL) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The API answered with %.100s, which cannot be shown as a tool's result.",
                            content->media);
    }
    content->form = GH_API_BYTES;
    content->bytes = gh_buf_view(&reply->body);
    content->mime = content->media;
    return content->bytes.len <= GH_API_ANSWER_MAX
               ? GH_OK
               : gh_error_set(error, GH_ERR_INVALID, "The API's answer is too large to hand on.");
}

/* A drawing in SVG is text to a model. */
static gh_api_form form_of(const char *media)
{
    if (gh_api_media_is_json(media)) {
        return GH_API_JSON;
    }
    if (media == NULL || gh_api_media_is_text(media)) {
        return GH_API_TEXT;
    }
    return strncmp(media, "image/", 6) == 0   ? GH_API_IMAGE
           : strncmp(media, "audio/", 6) == 0 ? GH_API_AUDIO
                                              : GH_API_BYTES;
}

static gh_api_form wanted_form(gh_response_kind kind, const char *media)
{
    switch (kind) {
    case GH_RESPONSE_JSON:
        return GH_API_JSON;
    case GH_RESPONSE_TEXT:
        return GH_API_TEXT;
    case GH_RESPONSE_IMAGE:
        return GH_API_IMAGE;
    case GH_RESPONSE_AUDIO:
        return GH_API_AUDIO;
    case GH_RESPONSE_AUTO:
        break;
    }
    return form_of(media);
}

gh_status gh_api_content_read(const gh_entry *entry, const gh_api_reply *reply, gh_api_content *content,
                              gh_error *error)
{
    memset(content, 0, sizeof *content);
    gh_buf_init(&content->text, GH_API_ANSWER_MAX);
    content->media = gh_api_media_type(reply->type);
    if (gh_api_reply_repeats_credential(reply)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The API's answer repeats the secret that it was called with, and is not shown.");
    }
    if (reply->encoded) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The API's answer is compressed, which was not asked for.");
    }
    if (reply->body.len == 0) {
        content->form = GH_API_EMPTY;
        return GH_OK;
    }
    gh_api_form form = wanted_form(entry->response.kind, content->media);
    switch (form) {
    case GH_API_JSON:
        return read_json(entry, reply, content, error);
    case GH_API_IMAGE:
    case GH_API_AUDIO:
        /* A resource may be an image of a kind that no model can see. */
        return entry->kind == GH_ENTRY_TOOL || entry->response.kind != GH_RESPONSE_AUTO
                   ? read_media(form, reply, content, error)
                   : read_bytes(entry, reply, content, error);
    case GH_API_BYTES:
        return read_bytes(entry, reply, content, error);
    case GH_API_TEXT:
    case GH_API_EMPTY:
        break;
    }
    return read_text(reply, content, error);
}
