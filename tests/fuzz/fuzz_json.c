/* Whatever the gate lets through, the parser takes too, and slices of it stay inside it. */
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "tests/fuzz/fuzz.h"

static void walk(gh_view value, int depth)
{
    gh_json_iter iter;
    gh_view key;
    gh_view item;
    if (depth > GH_JSON_DEPTH_MAX || !gh_json_iter_start(value, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, &key, &item)) {
        GH_FUZZ_REQUIRE(item.ptr >= value.ptr && item.ptr + item.len <= value.ptr + value.len);
        walk(item, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    bool passed = gh_json_gate(text, &GH_JSON_LIMITS_DOCUMENT, NULL) == GH_OK;
    cJSON *json = NULL;
    gh_buf compact = GH_BUF_INIT(GH_JSON_LIMITS_DOCUMENT.size);
    walk(text, 0);
    if (passed) {
        GH_FUZZ_REQUIRE(gh_json_parse(text, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) == GH_OK);
        GH_FUZZ_REQUIRE(gh_json_slice_compact(text, &compact) == GH_OK);
        GH_FUZZ_REQUIRE(gh_json_gate(gh_buf_view(&compact), &GH_JSON_LIMITS_DOCUMENT, NULL) == GH_OK);
    }
    cJSON_Delete(json);
    gh_buf_free(&compact);
    return 0;
}
