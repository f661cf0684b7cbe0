/* URLs, forms, percent-encoding, Base64 and trace context. */
#include <string.h>

#include "shared/net/base64.h"
#include "shared/net/form.h"
#include "shared/net/trace.h"
#include "shared/net/url.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_url url;
    gh_form *form = NULL;
    gh_buf out = GH_BUF_INIT(1 << 20);
    gh_buf back = GH_BUF_INIT(1 << 20);
    if (gh_url_parse(text, &url, NULL) == GH_OK) {
        GH_FUZZ_REQUIRE(gh_url_same_origin(&url, &url));
        (void)gh_url_is_loopback(&url);
        (void)gh_url_write_origin(&url, &out);
        gh_buf_clear(&out);
    }
    gh_trace trace;
    if (gh_trace_parse(text, &trace)) {
        GH_FUZZ_REQUIRE(strspn(trace.trace_id, "0123456789abcdef") == 32 && trace.trace_id[32] == '\0');
        GH_FUZZ_REQUIRE(strspn(trace.span_id, "0123456789abcdef") == 16 && trace.span_id[16] == '\0');
    }
    if (gh_form_parse(text, &form, NULL) == GH_OK) {
        (void)gh_form_has_duplicate(form, NULL);
        (void)gh_form_get(form, "state");
        gh_form_free(form);
    }
    if (gh_base64url_decode(text, &out) == GH_OK) {
        (void)gh_base64url_encode(gh_buf_view(&out), &back);
        GH_FUZZ_REQUIRE(gh_view_eq(gh_buf_view(&back), text));
    }
    gh_buf_clear(&out);
    gh_buf_clear(&back);
    (void)gh_url_encode(text, &out);
    if (memchr(data != NULL ? (const void *)data : "", 0, size) == NULL) {
        GH_FUZZ_REQUIRE(gh_url_decode(gh_buf_view(&out), false, &back) == GH_OK);
        GH_FUZZ_REQUIRE(gh_view_eq(gh_buf_view(&back), text));
    }
    gh_buf_free(&out);
    gh_buf_free(&back);
    return 0;
}
