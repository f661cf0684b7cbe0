/* A tool's answer, and a resource's. */
#include <stdlib.h>
#include <string.h>

#include "server/call/call_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/net/base64.h"

/* A comma when it is not the first. */
static void begin(gh_call *call)
{
    if (call->told.count++ > 0) {
        (void)gh_buf_append_char(&call->told.content, ',');
    }
}

static void write_member(gh_buf *out, const char *name, gh_view value)
{
    (void)gh_buf_append_cstr(out, name);
    (void)gh_json_write_string(out, value);
}

static void write_text(gh_call *call, gh_view text)
{
    begin(call);
    write_member(&call->told.content, "{\"type\":\"text\",\"text\":", text);
    (void)gh_buf_append_char(&call->told.content, '}');
}

static void drop_content(gh_call *call)
{
    gh_buf_clear(&call->told.content);
    call->told.count = 0;
}

/* --- text, structured content, error --- */

static int put_text(gatehouse_call *call, const char *text, const char *function, bool instead)
{
    gh_view view = {NULL, 0};
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_TOOL), function);
    if (status == GH_OK) {
        status = gh_call_text(call, text, function, &view);
    }
    /* What was said to be an error stays one. */
    if (status != GH_OK || call->told.is_error) {
        return (int)status;
    }
    if (instead) {
        drop_content(call);
    }
    write_text(call, view);
    return gh_call_written(call, function);
}

static int set_text(gatehouse_call *call, const char *text)
{
    return put_text(call, text, "set_text", true);
}

static int add_text(gatehouse_call *call, const char *text)
{
    return put_text(call, text, "add_text", false);
}

static int set_error(gatehouse_call *call, const char *text)
{
    if (!gh_call_given(call, "set_error")) {
        return (int)GH_ERR_INVALID;
    }
    call->told.is_error = false; /* a second one takes the place of the first */
    int status = put_text(call, text, "set_error", true);
    call->told.is_error = true;
    return status;
}

static int set_structured(gatehouse_call *call, const char *json)
{
    static const char FUNCTION[] = "set_structured";
    gh_view view = {NULL, 0};
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_TOOL), FUNCTION);
    if (status == GH_OK) {
        status = gh_call_json(call, json, GH_JSON_NONE, FUNCTION, &view);
    }
    if (status == GH_OK) {
        status = gh_call_replace_json(call, &call->told.structured, view, FUNCTION);
    }
    return (int)status;
}

/* --- blocks --- */

static gh_status check_bytes(gatehouse_call *call, const void *bytes, size_t size, const char *function)
{
    if (bytes == NULL && size > 0) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, "there are no bytes");
    }
    if (size > GH_CALL_TEXT_MAX) {
        return (gh_status)gh_call_refuse(call, GH_ERR_TOO_LARGE, function, "there are more than 4 MiB");
    }
    return GH_OK;
}

static void write_base64(gh_buf *out, const char *name, const void *bytes, size_t size)
{
    (void)gh_buf_append_cstr(out, name);
    (void)gh_buf_append_char(out, '"');
    (void)gh_base64_encode(gh_view_make(bytes, size), out);
    (void)gh_buf_append_char(out, '"');
}

static int add_media(gatehouse_call *call, const char *opening, gh_view bytes, const char *mime_type,
                     const char *function)
{
    gh_view mime = {NULL, 0};
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_TOOL), function);
    if (status == GH_OK) {
        status = check_bytes(call, bytes.ptr, bytes.len, function);
    }
    if (status == GH_OK && mime_type == NULL) {
        return gh_call_refuse(call, GH_ERR_INVALID, function, "there is no MIME type");
    }
    if (status == GH_OK) {
        status = gh_call_text(call, mime_type, function, &mime);
    }
    if (status != GH_OK || call->told.is_error) {
        return (int)status;
    }
    gh_buf *out = &call->told.content;
    begin(call);
    write_base64(out, opening, bytes.ptr, bytes.len);
    write_member(out, ",\"mimeType\":", mime);
    (void)gh_buf_append_char(out, '}');
    return gh_call_written(call, function);
}

static int add_image(gatehouse_call *call, const void *bytes, size_t size, const char *mime_type)
{
    return add_media(call, "{\"type\":\"image\",\"data\":", gh_view_make(bytes, size), mime_type,
                     "add_image");
}

static int add_audio(gatehouse_call *call, const void *bytes, size_t size, const char *mime_type)
{
    return add_media(call, "{\"type\":\"audio\",\"data\":", gh_view_make(bytes, size), mime_type,
                     "add_audio");
}

static int add_content(gatehouse_call *call, const char *json)
{
    static const char FUNCTION[] = "add_content";
    gh_view view = {NULL, 0};
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_TOOL), FUNCTION);
    if (status == GH_OK) {
        status = gh_call_json(call, json, GH_JSON_NONE, FUNCTION, &view);
    }
    if (status != GH_OK) {
        return (int)status;
    }
    const char *complaint = gh_call_block_complaint(view);
    if (complaint != NULL) {
        return gh_call_refuse(call, GH_ERR_INVALID, FUNCTION, complaint);
    }
    if (call->told.is_error) {
        return 0;
    }
    begin(call);
    return gh_call_write_json(call, view, FUNCTION);
}

/* --- contents of resources --- */

typedef struct contents {
    gh_view uri;
    gh_view mime_type; /* NULL ptr for none */
    gh_view text;      /* or bytes */
    bool is_text;
} contents;

static gh_status check_contents(gh_call *call, const char *uri, const char *mime_type, const char *function,
                                contents *what)
{
    gh_status status =
        gh_call_allowed(call, GH_CALL_IN(GH_CALL_RESOURCE) | GH_CALL_IN(GH_CALL_TOOL), function);
    if (status != GH_OK) {
        return status;
    }
    const gh_call_question *question = &call->question;
    bool is_tool = question->kind == GH_CALL_TOOL;
    if (uri == NULL && is_tool) {
        return (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function, "a tool has to say which URI it is");
    }
    status = gh_call_text(call, uri != NULL ? uri : question->target, function, &what->uri);
    if (mime_type == NULL && !is_tool) {
        mime_type = question->mime_type;
    }
    if (status == GH_OK && mime_type != NULL) {
        status = gh_call_text(call, mime_type, function, &what->mime_type);
    }
    return status;
}

static int write_contents(gh_call *call, const contents *what, const char *function)
{
    gh_buf *out = &call->told.content;
    bool is_tool = call->question.kind == GH_CALL_TOOL;
    if (call->told.is_error) {
        return 0;
    }
    begin(call);
    (void)gh_buf_append_cstr(out, is_tool ? "{\"type\":\"resource\",\"resource\":{" : "{");
    write_member(out, "\"uri\":", what->uri);
    if (what->mime_type.ptr != NULL) {
        write_member(out, ",\"mimeType\":", what->mime_type);
    }
    if (what->is_text) {
        write_member(out, ",\"text\":", what->text);
    } else {
        write_base64(out, ",\"blob\":", what->text.ptr, what->text.len);
    }
    (void)gh_buf_append_cstr(out, is_tool ? "}}" : "}");
    return gh_call_written(call, function);
}

static int add_resource_text(gatehouse_call *call, const char *uri, const char *mime_type, const char *text)
{
    static const char FUNCTION[] = "add_resource_text";
    contents what = {.is_text = true};
    gh_status status = check_contents(call, uri, mime_type, FUNCTION, &what);
    if (status == GH_OK) {
        status = gh_call_text(call, text, FUNCTION, &what.text);
    }
    return status == GH_OK ? write_contents(call, &what, FUNCTION) : (int)status;
}

static int add_resource_bytes(gatehouse_call *call, const char *uri, const char *mime_type, const void *bytes,
                              size_t size)
{
    static const char FUNCTION[] = "add_resource_bytes";
    contents what = {.text = gh_view_make(bytes, size)};
    gh_status status = check_contents(call, uri, mime_type, FUNCTION, &what);
    if (status == GH_OK) {
        status = check_bytes(call, bytes, size, FUNCTION);
    }
    return status == GH_OK ? write_contents(call, &what, FUNCTION) : (int)status;
}

static int set_not_found(gatehouse_call *call)
{
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_RESOURCE), "set_not_found");
    if (status == GH_OK) {
        call->not_found = true;
    }
    return (int)status;
}

/* MCP (server/tools, "Structured Content"): the JSON also goes into a text block, for clients that read only
 * those. */
void gh_call_show_structured(gh_call *call)
{
    if (call->told.is_error) {
        free(call->told.structured);
        call->told.structured = NULL;
    } else if (call->told.structured != NULL && call->told.count == 0) {
        write_text(call, gh_view_of(call->told.structured));
        (void)gh_call_written(call, "set_structured");
    }
}

void gh_call_fill_content(gatehouse_host *host)
{
    host->set_text = set_text;
    host->set_structured = set_structured;
    host->set_error = set_error;
    host->add_text = add_text;
    host->add_image = add_image;
    host->add_audio = add_audio;
    host->add_content = add_content;
    host->add_resource_text = add_resource_text;
    host->add_resource_bytes = add_resource_bytes;
    host->set_not_found = set_not_found;
}
