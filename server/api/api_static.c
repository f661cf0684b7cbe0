/* Handlers of what the server has itself: texts, files and prompts. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "shared/core/file.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/rpc/mcp.h"

int gh_api_read_text(void *data, gatehouse_call *call)
{
    gh_api_job job;
    gh_api_set *set = NULL;
    gh_api_job_begin(data, call, &job, &set);
    int code = job.host->add_resource_text(call, NULL, NULL, job.entry->text);
    gh_api_job_end(set);
    return code;
}

/* --- files --- */

static bool is_text(const char *mime, gh_view bytes)
{
    bool may_be = mime == NULL || gh_api_media_is_text(mime);
    return may_be && gh_view_find(bytes, '\0') == bytes.len && gh_text_is_utf8(bytes);
}

/* `name` is the file's, for its type. */
static int give_file(const gh_api_job *job, const char *name, const gh_buf *bytes)
{
    char *media = gh_api_media_type(job->entry->mime_type);
    const char *by_name = gh_api_media_of_name(name);
    const char *mime = job->entry->mime_type != NULL ? job->entry->mime_type : by_name;
    int code = is_text(media != NULL ? media : by_name, gh_buf_view(bytes))
                   ? job->host->add_resource_text(job->call, NULL, mime, gh_buf_cstr(bytes))
                   : job->host->add_resource_bytes(job->call, NULL, mime, bytes->data, bytes->len);
    free(media);
    return code;
}

static int answer_file(const gh_api_job *job, gh_status status, const char *name, const gh_buf *bytes,
                       const char *why)
{
    if (status == GH_OK) {
        return give_file(job, name, bytes);
    }
    if (status == GH_ERR_NOT_FOUND) {
        return job->host->set_not_found(job->call);
    }
    gh_log_warn("%s: %s", job->call->question.item, why);
    return job->host->set_protocol_error(job->call, GH_RPC_INTERNAL_ERROR,
                                         "The resource cannot be read; the server's log says why.", NULL);
}

static gh_status read_below(const gh_entry *entry, const char *name, gh_buf *bytes, gh_error *error)
{
    gh_status status = gh_toolfile_read_below(entry->folder, gh_view_of(name), GH_API_ANSWER_MAX, bytes);
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, status, "cannot read %.200s: %s", name, gh_status_text(status));
}

int gh_api_read_file(void *data, gatehouse_call *call)
{
    gh_api_job job;
    gh_api_set *set = NULL;
    gh_error error = {GH_OK, ""};
    gh_buf bytes = GH_BUF_INIT(GH_API_ANSWER_MAX);
    gh_api_job_begin(data, call, &job, &set);
    /* What was a file of the folder when the tools file was read may be a link that leads out of it by now.
     */
    gh_status status = job.entry->folder != NULL ? read_below(job.entry, job.entry->name, &bytes, &error)
                                                 : gh_file_read(job.entry->path, &bytes, &error);
    int code = answer_file(&job, status, job.entry->path, &bytes, error.message);
    gh_buf_free(&bytes);
    gh_api_job_end(set);
    return code;
}

int gh_api_read_folder(void *data, gatehouse_call *call)
{
    gh_api_job job;
    gh_api_set *set = NULL;
    gh_error error = {GH_OK, ""};
    gh_buf bytes = GH_BUF_INIT(GH_API_ANSWER_MAX);
    gh_api_job_begin(data, call, &job, &set);
    const char *name = job.host->variable(call, "path");
    gh_status status = name == NULL ? GH_ERR_NOT_FOUND : read_below(job.entry, name, &bytes, &error);
    int code = answer_file(&job, status, name, &bytes, error.message);
    gh_buf_free(&bytes);
    gh_api_job_end(set);
    return code;
}

/* --- prompts --- */

static bool is_given(gh_view arguments, gh_view name)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    bool given = false;
    if (gh_json_iter_start(arguments, &iter)) {
        while (!given && gh_json_iter_next(&iter, &key, &value)) {
            given = gh_json_slice_same_string(key, name);
        }
    }
    return given;
}

/* The arguments, where those that may be left out and were are "". `declared` is the prompt's list. */
static gh_status complete_arguments(gh_view given, const char *declared, gh_buf *out)
{
    gh_json_iter iter;
    gh_view argument = {NULL, 0};
    gh_view name = {NULL, 0};
    gh_view inner = gh_view_trim(given);
    inner = gh_view_trim(gh_view_make(inner.ptr + 1, inner.len - 2));
    (void)gh_buf_append_char(out, '{');
    (void)gh_buf_append_view(out, inner);
    if (declared != NULL && gh_json_iter_start(gh_view_of(declared), &iter)) {
        while (gh_json_iter_next(&iter, NULL, &argument)) {
            if (gh_json_slice_member(argument, "name", &name) && !is_given(given, name)) {
                (void)gh_buf_append_cstr(out, out->len > 1 ? "," : "");
                (void)gh_buf_append_view(out, name);
                (void)gh_buf_append_cstr(out, ":\"\"");
            }
        }
    }
    return gh_buf_append_char(out, '}');
}

static int add_message(const gh_api_job *job, const gh_prompt_message *message,
                       const gh_template_values *values)
{
    gh_error error = {GH_OK, ""};
    gh_buf out = GH_BUF_INIT(GH_API_ANSWER_MAX);
    gh_status status = message->text != NULL
                           ? gh_template_fill(message->text, GH_PLACE_TEXT, values, &out, &error)
                           : gh_json_template_fill(message->content, values, &out, &error);
    int code = 0;
    if (status == GH_ERR_NOT_FOUND) {
        code = 0; /* it is about something that the caller's token does not say */
    } else if (status != GH_OK) {
        code = job->host->set_protocol_error(
            job->call, GH_RPC_INVALID_PARAMS,
            error.message[0] != '\0' ? error.message : "The arguments do not fit.", NULL);
    } else if (message->text != NULL) {
        code = job->host->add_message(job->call, message->role, gh_buf_cstr(&out));
    } else {
        code = job->host->add_message_content(job->call, message->role, gh_buf_cstr(&out));
    }
    gh_buf_free(&out);
    return code;
}

int gh_api_get_prompt(void *data, gatehouse_call *call)
{
    gh_api_job job;
    gh_api_set *set = NULL;
    gh_buf arguments = GH_BUF_INIT(2 * GH_API_ANSWER_MAX);
    gh_api_job_begin(data, call, &job, &set);
    int code = (int)complete_arguments(job.values.arguments, job.entry->arguments, &arguments);
    gh_template_values values = job.values;
    values.arguments = gh_buf_view(&arguments);
    if (code == 0 && job.entry->description != NULL) {
        code = job.host->set_description(call, job.entry->description);
    }
    for (size_t i = 0; i < job.entry->message_count && code == 0; i++) {
        code = add_message(&job, &job.entry->messages[i], &values);
    }
    gh_buf_free(&arguments);
    gh_api_job_end(set);
    return code;
}
