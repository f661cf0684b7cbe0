/* What was asked, and by whom. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/call/call_private.h"
#include "shared/json/slice.h"

struct gh_call_texts {
    struct gh_call_texts *next;
    const char *from; /* where the raw value stands */
    char text[];
};

static const char *arguments_of(const gatehouse_call *call)
{
    return gh_call_given(call, "arguments") ? call->question.arguments : "{}";
}

static const char *issuer_of(const gatehouse_call *call)
{
    const char *issuer = gh_call_given(call, "issuer") ? call->question.principal->issuer : NULL;
    return issuer != NULL ? issuer : "";
}

static const char *subject_of(const gatehouse_call *call)
{
    const char *subject = gh_call_given(call, "subject") ? call->question.principal->subject : NULL;
    return subject != NULL ? subject : "";
}

static const char *name_of(const gatehouse_call *call)
{
    return gh_call_given(call, "name") ? call->question.principal->name : NULL;
}

static const char *email_of(const gatehouse_call *call)
{
    return gh_call_given(call, "email") ? call->question.principal->email : NULL;
}

static const char *client_of(const gatehouse_call *call)
{
    return gh_call_given(call, "client") ? call->question.principal->client_id : NULL;
}

static const char *scope_of(const gatehouse_call *call)
{
    const char *scope = gh_call_given(call, "scope") ? call->question.principal->scope : NULL;
    return scope != NULL ? scope : "";
}

static int64_t expires_of(const gatehouse_call *call)
{
    return gh_call_given(call, "expires") ? call->question.principal->expires_at : 0;
}

static const char *target_of(const gatehouse_call *call)
{
    return gh_call_given(call, "target") ? call->question.target : NULL;
}

static const char *completing_of(const gatehouse_call *call)
{
    return gh_call_given(call, "completing") ? call->question.completing : NULL;
}

static const char *typed_of(const gatehouse_call *call)
{
    return gh_call_given(call, "typed") ? call->question.typed : NULL;
}

static int client_can(const gatehouse_call *call, const char *capability)
{
    if (!gh_call_given(call, "client_can")) {
        return 0;
    }
    const gh_call_question *question = &call->question;
    return question->can_be_asked && capability != NULL &&
           gh_call_capability(gh_view_of(question->capabilities), capability);
}

/* --- text that is handed out --- */

const char *gh_call_hand_out_text(gh_call *call, const char *from, gh_view text)
{
    struct gh_call_texts *one = malloc(sizeof *one + text.len + 1);
    if (one == NULL) {
        return NULL;
    }
    memcpy(one->text, text.len > 0 ? text.ptr : "", text.len);
    one->text[text.len] = '\0';
    one->from = from;
    one->next = call->texts;
    call->texts = one;
    return one->text;
}

const char *gh_call_hand_out(gh_call *call, gh_view raw)
{
    for (const struct gh_call_texts *one = call->texts; one != NULL; one = one->next) {
        if (one->from == raw.ptr) {
            return one->text;
        }
    }
    if (gh_json_slice_type(raw) != GH_JSON_STRING) {
        return gh_call_hand_out_text(call, raw.ptr, raw);
    }
    char *text = NULL;
    const char *kept = NULL;
    if (gh_json_slice_string(raw, &text) == GH_OK) {
        kept = gh_call_hand_out_text(call, raw.ptr, gh_view_of(text));
    }
    free(text);
    return kept;
}

void gh_call_forget_texts(gh_call *call)
{
    for (struct gh_call_texts *one = call->texts, *next = NULL; one != NULL; one = next) {
        next = one->next;
        free(one);
    }
    call->texts = NULL;
}

/* --- arguments --- */

static bool find(const char *object, const char *name, gh_json_type type, gh_view *value)
{
    return object != NULL && name != NULL && gh_json_slice_member(gh_view_of(object), name, value) &&
           gh_json_slice_type(*value) == type;
}

static const char *text_argument(gatehouse_call *call, const char *name)
{
    gh_view value = {NULL, 0};
    bool found =
        gh_call_given(call, "text_argument") && find(call->question.arguments, name, GH_JSON_STRING, &value);
    return found ? gh_call_hand_out(call, value) : NULL;
}

static const char *variable(gatehouse_call *call, const char *name)
{
    gh_view value = {NULL, 0};
    bool found =
        gh_call_given(call, "variable") && find(call->question.variables, name, GH_JSON_STRING, &value);
    return found ? gh_call_hand_out(call, value) : NULL;
}

static int number_argument(gatehouse_call *call, const char *name, double *value)
{
    gh_view raw = {NULL, 0};
    if (!gh_call_given(call, "number_argument") || value == NULL ||
        !find(call->question.arguments, name, GH_JSON_NUMBER, &raw)) {
        return (int)GH_ERR_NOT_FOUND;
    }
    /* The number ends where the raw value does: what follows one in JSON is part of none. */
    double number = strtod(raw.ptr, NULL);
    if (!isfinite(number)) {
        return (int)GH_ERR_TOO_LARGE;
    }
    *value = number;
    return 0;
}

static int boolean_argument(gatehouse_call *call, const char *name, int *value)
{
    gh_view raw = {NULL, 0};
    if (!gh_call_given(call, "boolean_argument") || value == NULL ||
        !find(call->question.arguments, name, GH_JSON_BOOL, &raw)) {
        return (int)GH_ERR_NOT_FOUND;
    }
    *value = raw.ptr[0] == 't';
    return 0;
}

void gh_call_fill_question(gatehouse_host *host)
{
    host->arguments = arguments_of;
    host->issuer = issuer_of;
    host->subject = subject_of;
    host->name = name_of;
    host->email = email_of;
    host->client = client_of;
    host->scope = scope_of;
    host->expires = expires_of;
    host->target = target_of;
    host->completing = completing_of;
    host->typed = typed_of;
    host->client_can = client_can;
    host->text_argument = text_argument;
    host->variable = variable;
    host->number_argument = number_argument;
    host->boolean_argument = boolean_argument;
}
