/* An event stream gives the same events however it is cut. */
#include "shared/core/bytes.h"
#include "shared/net/sse.h"
#include "tests/fuzz/fuzz.h"

static gh_status collect(void *context, const gh_sse_event *event)
{
    gh_buf *out = context;
    gh_buf_append_view(out, event->event);
    gh_buf_append_char(out, '|');
    gh_buf_append_view(out, event->id);
    gh_buf_append_char(out, '|');
    gh_buf_append_view(out, event->data);
    gh_buf_appendf(out, "|%lld\n", (long long)event->retry_ms);
    return GH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_buf whole = GH_BUF_INIT(1 << 22);
    gh_buf pieces = GH_BUF_INIT(1 << 22);
    gh_sse_parser *one = gh_sse_parser_new(4096, collect, &whole);
    gh_sse_parser *many = gh_sse_parser_new(4096, collect, &pieces);
    gh_status first = gh_sse_parser_feed(one, text);
    gh_status second = GH_OK;
    for (size_t i = 0; i < text.len && second == GH_OK; i++) {
        second = gh_sse_parser_feed(many, gh_view_make(text.ptr + i, 1));
    }
    GH_FUZZ_REQUIRE(first == second);
    GH_FUZZ_REQUIRE(gh_view_eq(gh_buf_view(&whole), gh_buf_view(&pieces)));
    gh_sse_parser_free(one);
    gh_sse_parser_free(many);
    gh_buf_free(&whole);
    gh_buf_free(&pieces);
    return 0;
}
