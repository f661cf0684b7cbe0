/* Help from the client: asks, answers, and the state between rounds. */
#include <stdlib.h>
#include <string.h>

#include "server/call/call_private.h"
#include "shared/json/slice.h"

/* --- what is asked --- */

typedef struct wanted {
    const char *name;
    gh_json_type type;
} wanted;

typedef struct ask_kind {
    const char *method;
    const char *mode; /* of an elicitation; forms may leave it out */
    const char *capability;
    unsigned lack;
    wanted params[2]; /* members that must be there */
    const char *complaint;
} ask_kind;

static const char WANTED_METHODS[] =
    "the method must be elicitation/create (with the mode form or url), sampling/createMessage or roots/list";

static const ask_kind KINDS[] = {
    {"elicitation/create",
     "form",
     "elicitation.form",
     GH_CALL_LACKS_FORM,
     {{"message", GH_JSON_STRING}, {"requestedSchema", GH_JSON_OBJECT}},
     "elicitation/create needs a \"message\" and an object \"requestedSchema\""},
    {"elicitation/create",
     "url",
     "elicitation.url",
     GH_CALL_LACKS_URL,
     {{"message", GH_JSON_STRING}, {"url", GH_JSON_STRING}},
     "elicitation/create with the mode url needs the strings \"message\" and \"url\""},
    {"sampling/createMessage",
     NULL,
     "sampling",
     GH_CALL_LACKS_SAMPLING,
     {{"messages", GH_JSON_ARRAY}, {"maxTokens", GH_JSON_NUMBER}},
     "sampling/createMessage needs an array \"messages\" and a number \"maxTokens\""},
    {"roots/list", NULL, "roots", GH_CALL_LACKS_ROOTS, {{NULL, GH_JSON_NONE}, {NULL, GH_JSON_NONE}}, ""},
};

static bool is_mode(gh_view params, const char *mode)
{
    gh_view value = {NULL, 0};
    if (mode == NULL) {
        return true;
    }
    if (!gh_json_slice_member(params, "mode", &value)) {
        return strcmp(mode, "form") == 0;
    }
    return gh_json_slice_is(value, gh_view_of(mode));
}

static const ask_kind *find_kind(const char *method, gh_view params)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(KINDS[i].method, method) == 0 && is_mode(params, KINDS[i].mode)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

static bool has_params(const ask_kind *kind, gh_view params)
{
    bool all = true;
    for (size_t i = 0; i < 2 && kind->params[i].name != NULL; i++) {
        gh_view value = {NULL, 0};
        all = all && gh_json_slice_member(params, kind->params[i].name, &value) &&
              gh_json_slice_type(value) == kind->params[i].type;
    }
    return all;
}

/* MCP (client/sampling, "Tools in Sampling"): only for clients that said so. */
static bool uses_tools(gh_view params)
{
    gh_view value = {NULL, 0};
    return gh_json_slice_member(params, "tools", &value) ||
           gh_json_slice_member(params, "toolChoice", &value);
}

/* What the client lacks to be asked this; 0 for nothing. */
static unsigned find_lack(const gh_call_question *question, const ask_kind *kind, gh_view params)
{
    gh_view capabilities = gh_view_of(question->capabilities);
    unsigned lacks = 0;
    if (!question->can_be_asked || !gh_call_capability(capabilities, kind->capability)) {
        lacks |= kind->lack;
    }
    if (kind->lack == GH_CALL_LACKS_SAMPLING && uses_tools(params) &&
        (!question->can_be_asked || !gh_call_capability(capabilities, "sampling.tools"))) {
        lacks |= GH_CALL_LACKS_SAMPLING_TOOLS;
    }
    return lacks;
}

static const char *complaint_of_key(const gh_call_told *told, const char *key)
{
    if (told->ask_count >= GH_CALL_ASKS_MAX) {
        return "there are too many in one round";
    }
    for (size_t i = 0; i < told->ask_count; i++) {
        if (strcmp(told->asks[i].key, key) == 0) {
            return "there is one with that key already";
        }
    }
    return key[0] == '\0' ? "the key is empty" : NULL;
}

static gh_status keep_ask(gh_call *call, gh_view key, const char *method, gh_view params,
                          const char *function)
{
    gh_call_told *told = &call->told;
    if (told->asks == NULL) {
        told->asks = calloc(GH_CALL_ASKS_MAX, sizeof *told->asks);
        if (told->asks == NULL) {
            return (gh_status)gh_call_refuse(call, GH_ERR_NOMEM, function, "out of memory");
        }
    }
    gh_call_ask *one = &told->asks[told->ask_count];
    gh_status status = gh_call_replace_text(call, &one->key, key, function);
    if (status == GH_OK) {
        status = gh_call_replace_json(call, &one->params, params, function);
    }
    one->method = method;
    told->ask_count++; /* also when it failed: what there is of it is freed with the rest */
    return status;
}

static int ask(gatehouse_call *call, const char *key, const char *method, const char *params)
{
    static const char FUNCTION[] = "ask";
    const unsigned kinds = ~GH_CALL_IN(GH_CALL_COMPLETION);
    gh_view name = {NULL, 0};
    gh_view json = {NULL, 0};
    gh_status status = gh_call_allowed(call, kinds, FUNCTION);
    if (status == GH_OK) {
        status = gh_call_text(call, key, FUNCTION, &name);
    }
    if (status == GH_OK) {
        status = gh_call_json(call, params != NULL ? params : "{}", GH_JSON_OBJECT, FUNCTION, &json);
    }
    if (status != GH_OK) {
        return (int)status;
    }
    const ask_kind *kind = method != NULL ? find_kind(method, json) : NULL;
    const char *complaint = kind == NULL              ? WANTED_METHODS
                            : !has_params(kind, json) ? kind->complaint
                                                      : complaint_of_key(&call->told, key);
    if (complaint != NULL) {
        return gh_call_refuse(call, GH_ERR_INVALID, FUNCTION, complaint);
    }
    unsigned lacks = find_lack(&call->question, kind, json);
    if (lacks != 0) {
        call->lacks |= lacks;
        return GH_CALL_CANNOT_ASK;
    }
    return (int)keep_ask(call, name, kind->method, json, FUNCTION);
}

char *gh_call_lacking(unsigned lacks)
{
    gh_buf out = GH_BUF_INIT(256);
    const char *comma = "";
    (void)gh_buf_append_char(&out, '{');
    if ((lacks & (GH_CALL_LACKS_FORM | GH_CALL_LACKS_URL)) != 0) {
        bool both = (lacks & GH_CALL_LACKS_FORM) != 0;
        /* Without members it is forms, which clients of all versions understand. */
        const char *members = (lacks & GH_CALL_LACKS_URL) == 0 ? ""
                              : both                           ? "\"form\":{},\"url\":{}"
                                                               : "\"url\":{}";
        (void)gh_buf_appendf(&out, "\"elicitation\":{%s}", members);
        comma = ",";
    }
    if ((lacks & GH_CALL_LACKS_ROOTS) != 0) {
        (void)gh_buf_appendf(&out, "%s\"roots\":{}", comma);
        comma = ",";
    }
    if ((lacks & (GH_CALL_LACKS_SAMPLING | GH_CALL_LACKS_SAMPLING_TOOLS)) != 0) {
        bool tools = (lacks & GH_CALL_LACKS_SAMPLING_TOOLS) != 0;
        (void)gh_buf_appendf(&out, "%s\"sampling\":{%s}", comma, tools ? "\"tools\":{}" : "");
    }
    (void)gh_buf_append_char(&out, '}');
    char *text = gh_buf_steal(&out);
    gh_buf_free(&out);
    return text;
}

/* --- what came back --- */

static bool find_answer(const gh_call *call, const char *key, gh_view *value)
{
    return gh_call_given(call, "answer") && call->question.answers != NULL && key != NULL &&
           gh_json_slice_member(gh_view_of(call->question.answers), key, value) &&
           gh_json_slice_type(*value) == GH_JSON_OBJECT;
}

static const char *answer(gatehouse_call *call, const char *key)
{
    gh_view value = {NULL, 0};
    return find_answer(call, key, &value) ? gh_call_hand_out(call, value) : NULL;
}

static const char *answer_action(gatehouse_call *call, const char *key)
{
    static const char *const ACTIONS[] = {"accept", "decline", "cancel"};
    gh_view value = {NULL, 0};
    gh_view action = {NULL, 0};
    if (!find_answer(call, key, &value) || !gh_json_slice_member(value, "action", &action)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof ACTIONS / sizeof ACTIONS[0]; i++) {
        if (gh_json_slice_is(action, gh_view_of(ACTIONS[i]))) {
            return ACTIONS[i];
        }
    }
    return NULL;
}

static bool is_text_block(gh_view block, gh_view *text)
{
    gh_view type = {NULL, 0};
    return gh_json_slice_type(block) == GH_JSON_OBJECT && gh_json_slice_member(block, "type", &type) &&
           gh_json_slice_is(type, GH_VIEW_LIT("text")) && gh_json_slice_member(block, "text", text) &&
           gh_json_slice_type(*text) == GH_JSON_STRING;
}

/* Since 2025-11-25 a sampling's content may be several blocks: their texts, one after the other. */
static const char *join_texts(gatehouse_call *call, gh_view blocks)
{
    gh_buf all = GH_BUF_INIT(blocks.len);
    gh_json_iter iter;
    gh_view block = {NULL, 0};
    gh_view text = {NULL, 0};
    bool any = false;
    const char *kept = NULL;
    if (gh_json_iter_start(blocks, &iter)) {
        while (gh_json_iter_next(&iter, NULL, &block)) {
            if (is_text_block(block, &text)) {
                any = gh_json_slice_unescape(text, &all) == GH_OK;
            }
        }
    }
    if (any && gh_buf_status(&all) == GH_OK) {
        kept = gh_call_hand_out_text(call, blocks.ptr, gh_buf_view(&all));
    }
    gh_buf_free(&all);
    return kept;
}

static const char *sampled_text(gatehouse_call *call, gh_view value)
{
    gh_view content = {NULL, 0};
    gh_view text = {NULL, 0};
    if (!gh_json_slice_member(value, "content", &content)) {
        return NULL;
    }
    if (gh_json_slice_type(content) == GH_JSON_ARRAY) {
        return join_texts(call, content);
    }
    return is_text_block(content, &text) ? gh_call_hand_out(call, text) : NULL;
}

static const char *answer_text(gatehouse_call *call, const char *key, const char *member)
{
    gh_view value = {NULL, 0};
    gh_view found = {NULL, 0};
    if (!find_answer(call, key, &value)) {
        return NULL;
    }
    if (member == NULL) {
        return sampled_text(call, value);
    }
    const char *action = answer_action(call, key);
    if (action == NULL || strcmp(action, "accept") != 0 ||
        !gh_json_slice_path(value, &found, "content", member, NULL)) {
        return NULL;
    }
    gh_json_type type = gh_json_slice_type(found);
    bool has_text = type == GH_JSON_STRING || type == GH_JSON_NUMBER || type == GH_JSON_BOOL;
    return has_text ? gh_call_hand_out(call, found) : NULL;
}

/* --- state --- */

static int set_state(gatehouse_call *call, const void *bytes, size_t size)
{
    static const char FUNCTION[] = "set_state";
    if (!gh_call_given(call, FUNCTION)) {
        return (int)GH_ERR_INVALID;
    }
    gh_buf *state = &call->told.state;
    if (bytes == NULL && size > 0) {
        return gh_call_refuse(call, GH_ERR_INVALID, FUNCTION, "there are no bytes");
    }
    gh_buf_clear(state);
    gh_status status = gh_buf_append(state, bytes, size);
    if (status != GH_OK) {
        return gh_call_refuse(call, status, FUNCTION,
                              status == GH_ERR_TOO_LARGE ? "there are more than 64 KiB" : "out of memory");
    }
    call->told.has_state = true;
    return 0;
}

static const void *state_of(const gatehouse_call *call, size_t *size)
{
    bool given = gh_call_given(call, "state");
    if (size != NULL) {
        *size = given ? call->question.state.len : 0;
    }
    return given ? call->question.state.ptr : NULL;
}

void gh_call_fill_input(gatehouse_host *host)
{
    host->ask = ask;
    host->answer = answer;
    host->answer_text = answer_text;
    host->answer_action = answer_action;
    host->set_state = set_state;
    host->state = state_of;
}
