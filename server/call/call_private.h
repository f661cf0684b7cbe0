/* What the files of call share. Private to call. */
#ifndef GH_SERVER_CALL_CALL_PRIVATE_H
#define GH_SERVER_CALL_CALL_PRIVATE_H

#include "server/call/call.h"
#include "shared/json/slice.h"

#define GH_CALL_TEXT_MAX                                                                                     \
    ((size_t)4 * 1024 * 1024) /* each text, JSON or run of bytes that a handler hands over */

/* What `ask` returns when the client cannot be asked that. A handler that returns it in turn is no fault. */
#define GH_CALL_CANNOT_ASK ((int)GH_ERR_UNSUPPORTED)

/* gatehouse_call.lacks */
#define GH_CALL_LACKS_FORM 1u
#define GH_CALL_LACKS_URL 2u
#define GH_CALL_LACKS_SAMPLING 4u
#define GH_CALL_LACKS_SAMPLING_TOOLS 8u
#define GH_CALL_LACKS_ROOTS 16u

/* For gh_call_allowed. */
#define GH_CALL_IN(kind) (1u << (unsigned)(kind))
#define GH_CALL_IN_ANY (~0u)

/* check.c. What was refused once makes the call fail, whether or not the handler looks at the returned value,
 * which is `status`. */
int gh_call_refuse(gh_call *call, gh_status status, const char *function, const char *why);
/* Is there a call at all? A plugin that passes NULL is told so in the log. */
bool gh_call_given(const gh_call *call, const char *function);
/* Refuses a function that is for other items than this one. */
GH_MUST_USE gh_status gh_call_allowed(gh_call *call, unsigned kinds, const char *function);
/* Text that the handler hands over: there, UTF-8 and not too long, or it is refused. */
GH_MUST_USE gh_status gh_call_text(gh_call *call, const char *text, const char *function, gh_view *view);
/* JSON likewise; GH_JSON_NONE takes a value of any type. */
GH_MUST_USE gh_status gh_call_json(gh_call *call, const char *json, gh_json_type type, const char *function,
                                   gh_view *view);
/* The same JSON without white space, in place of *slot (free). */
GH_MUST_USE gh_status gh_call_replace_json(gh_call *call, char **slot, gh_view json, const char *function);
/* A copy in place of *slot (free). */
GH_MUST_USE gh_status gh_call_replace_text(gh_call *call, char **slot, gh_view text, const char *function);
/* After what was appended to told->content: 0, or refuses when there was no room for it. */
int gh_call_written(gh_call *call, const char *function);
/* Appends JSON that has passed the gate there, without white space. */
int gh_call_write_json(gh_call *call, gh_view json, const char *function);

/* question.c. A raw JSON value as text that lives until the call is cleared: strings without escapes, others
 * as they are. The same value gives the same text. NULL without memory. */
const char *gh_call_hand_out(gh_call *call, gh_view raw);
/* `text` likewise, remembered by `from`. */
const char *gh_call_hand_out_text(gh_call *call, const char *from, gh_view text);

void gh_call_forget_texts(gh_call *call);

/* block.c. NULL when `json`, which has passed the gate, is a ContentBlock, or what is wrong with it. */
const char *gh_call_block_complaint(gh_view json);

/* content.c: what the handler said last of all. */
void gh_call_show_structured(gh_call *call);

/* input.c. `lacks` as a ClientCapabilities object; NULL without memory. */
char *gh_call_lacking(unsigned lacks);

/* The parts of gh_call_fill_host. */
void gh_call_fill_question(gatehouse_host *host);
void gh_call_fill_content(gatehouse_host *host);
void gh_call_fill_result(gatehouse_host *host);
void gh_call_fill_input(gatehouse_host *host);
void gh_call_fill_work(gatehouse_host *host);

#endif
