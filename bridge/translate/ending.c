/* The end: nothing of the client's stays without a reply. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/json/access.h"

void gh_translator_input_ended(gh_translator *translator)
{
    gh_call *call;

    translator->busy = true;
    translator->ended = true;
    translator->up.retry_at = 0;
    gh_down_drop_parked(translator, INT64_MAX);
    call = gh_call_detach(translator, GH_CALL_ASKING);
    while (call != NULL) {
        gh_call *next = call->next;

        gh_call_fail(translator, call, GH_RPC_LOCAL_SHUTDOWN,
                     "The input ended before the client had answered what the server asks.");
        call = next;
    }
    gh_translator_leave(translator);
}

void gh_translator_end(gh_translator *translator, int code, const char *sentence)
{
    gh_buf error = GH_BUF_INIT(4096);

    translator->busy = true;
    translator->ended = true;
    gh_down_listens_end(translator);
    gh_up_listen_clear(translator, code, sentence);
    while (translator->calls != NULL) {
        gh_call *call = translator->calls;

        gh_call_remove(translator, call);
        gh_call_fail(translator, call, code, sentence);
    }
    (void)gh_buf_appendf(&error, "{\"code\":%d,\"message\":", code);
    (void)gh_json_write_string(&error, gh_view_of(sentence));
    (void)gh_buf_append_char(&error, '}');
    if (gh_buf_status(&error) == GH_OK) {
        gh_translator_fail_held(translator, gh_buf_view(&error));
    } else {
        gh_translator_lose(translator);
    }
    gh_buf_free(&error);
    gh_translator_leave(translator);
}
