/* One JSON-RPC message; a legal one survives being written again. */
#include "shared/rpc/mcp.h"
#include "shared/rpc/message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_rpc_message message;
    gh_view text = gh_fuzz_view(data, size);
    gh_buf out = GH_BUF_INIT(1 << 20);
    gh_buf decoded = GH_BUF_INIT(1 << 20);
    gh_status status = gh_rpc_parse(text, &GH_JSON_LIMITS_DOCUMENT, &message, NULL);
    if (status == GH_OK && message.kind == GH_RPC_REQUEST) {
        gh_rpc_message again;
        GH_FUZZ_REQUIRE(gh_rpc_write_request(&out, message.id, message.method, message.params) == GH_OK);
        GH_FUZZ_REQUIRE(gh_rpc_parse(gh_buf_view(&out), &GH_JSON_LIMITS_MESSAGE, &again, NULL) == GH_OK);
        GH_FUZZ_REQUIRE(gh_rpc_id_equals(message.id, again.id));
        gh_rpc_message_clear(&again);
    }
    gh_rpc_message_clear(&message);
    (void)!gh_mcp_header_decode(text, &decoded);
    gh_buf_free(&out);
    gh_buf_free(&decoded);
    return 0;
}
