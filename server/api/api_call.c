/* Handlers of what is answered by a request to an API. */
#include <stdlib.h>

#include "server/api/api_private.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/rpc/mcp.h"

#define MESSAGE_MAX ((size_t)64 * 1024)

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

/* GH_OK: *reply is a success. GH_ERR_NOT_FOUND: the API has no such thing. In any other case, `message` has
 * what went wrong. Clear the reply. */
static gh_status ask(const gh_api_job *job, gh_api_reply *reply, gh_buf *message)
{
    gh_error error = {GH_OK, ""};
    gh_api_wire wire;
    gh_status status = gh_api_wire_build(job->entry, &job->values, &wire, &error);
    reply->status = 0;
    if (status == GH_OK) {
        status = gh_api_perform(job, &wire, reply, &error);
    }
    if (status != GH_OK) {
        (void)gh_buf_append_cstr(message, error.message[0] != '\0' ? error.message : "The call failed.");
    } else if (!is_success(reply->status)) {
        gh_api_error_write(job, reply, message);
        status = reply->status == 404 || reply->status == 410 ? GH_ERR_NOT_FOUND : GH_ERR_DENIED;
    }
    gh_api_wire_clear(&wire);
    return status;
}

/* The same, with what the answer holds. */
static gh_status ask_and_read(const gh_api_job *job, gh_api_reply *reply, gh_api_content *content,
                              gh_buf *message)
{
    gh_error error = {GH_OK, ""};
    gh_status status = ask(job, reply, message);
    if (status != GH_OK) {
        return status;
    }
    status = gh_api_content_read(job->entry, reply, content, &error);
    if (status != GH_OK) {
        gh_log_warn("%s: %s", job->call->question.item, error.message);
        (void)gh_buf_append_cstr(message, error.message);
    }
    return status;
}

/* --- tools --- */

/* The promise that the tool makes to its clients is kept even if the API does not keep its own. */
static gh_status check_output(const gh_api_job *job, const gh_api_content *content, gh_buf *message)
{
    gh_error why = {GH_OK, ""};
    cJSON *json = NULL;
    if (job->output == NULL) {
        return GH_OK;
    }
    gh_status status = GH_ERR_INVALID;
    (void)gh_error_set(&why, status, "there is no JSON");
    if (content->form == GH_API_JSON) {
        status = gh_json_parse(gh_buf_view(&content->text), &GH_JSON_LIMITS_MESSAGE, &json, &why);
    }
    if (status == GH_OK) {
        status = gh_schema_check(job->output, json, "answer", &why);
    }
    cJSON_Delete(json);
    if (status == GH_OK) {
        return GH_OK;
    }
    gh_log_warn("%s: the API's answer does not match the output schema: %s", job->call->question.item,
                why.message);
    (void)gh_buf_appendf(message, "The API's answer is not what this tool promises: %s.", why.message);
    return status;
}

static int hand_on(const gh_api_job *job, const gh_api_content *content)
{
    const gatehouse_host *host = job->host;
    gatehouse_call *call = job->call;
    switch (content->form) {
    case GH_API_JSON:
        return host->set_structured(call, gh_buf_cstr(&content->text));
    case GH_API_TEXT:
        return host->set_text(call, gh_buf_cstr(&content->text));
    case GH_API_IMAGE:
        return host->add_image(call, content->bytes.ptr, content->bytes.len, content->mime);
    case GH_API_AUDIO:
        return host->add_audio(call, content->bytes.ptr, content->bytes.len, content->mime);
    case GH_API_EMPTY:
    case GH_API_BYTES:
        break;
    }
    return host->set_text(call, "Done. The API's answer has no content.");
}

static int finish_tool(const gh_api_job *job, gh_status status, const gh_api_content *content,
                       gh_buf *message)
{
    if (status == GH_OK) {
        status = check_output(job, content, message);
    }
    return status == GH_OK ? hand_on(job, content) : job->host->set_error(job->call, gh_buf_cstr(message));
}

/* --- resources --- */

static int hand_on_resource(const gh_api_job *job, const gh_api_content *content)
{
    const char *mime = job->entry->mime_type != NULL ? NULL : content->media;
    if (content->form == GH_API_IMAGE || content->form == GH_API_AUDIO || content->form == GH_API_BYTES) {
        return job->host->add_resource_bytes(job->call, NULL, content->mime, content->bytes.ptr,
                                             content->bytes.len);
    }
    return job->host->add_resource_text(job->call, NULL, mime, gh_buf_cstr(&content->text));
}

static int finish_resource(const gh_api_job *job, gh_status status, const gh_api_content *content,
                           gh_buf *message)
{
    if (status == GH_OK) {
        return hand_on_resource(job, content);
    }
    return status == GH_ERR_NOT_FOUND
               ? job->host->set_not_found(job->call)
               : job->host->set_protocol_error(job->call, GH_RPC_INTERNAL_ERROR, gh_buf_cstr(message), NULL);
}

/* --- both --- */

typedef int (*finisher)(const gh_api_job *job, gh_status status, const gh_api_content *content,
                        gh_buf *message);

static int answer(void *data, gatehouse_call *call, finisher finish)
{
    gh_api_job job;
    gh_api_set *set = NULL;
    gh_api_reply reply = {0};
    gh_api_content content = {0};
    gh_buf message = GH_BUF_INIT(MESSAGE_MAX);
    gh_api_job_begin(data, call, &job, &set);
    gh_status status = ask_and_read(&job, &reply, &content, &message);
    int code = finish(&job, status, &content, &message);
    gh_api_content_clear(&content);
    gh_api_reply_clear(&reply);
    gh_buf_free(&message);
    gh_api_job_end(set);
    return code;
}

int gh_api_call_tool(void *data, gatehouse_call *call)
{
    return answer(data, call, finish_tool);
}

int gh_api_read_request(void *data, gatehouse_call *call)
{
    return answer(data, call, finish_resource);
}
