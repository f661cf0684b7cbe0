/* A regular expression on the first line, a text behind it. */
#include "server/schema/pattern.h"
#include "tests/fuzz/fuzz.h"

#define WORK 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view rest = gh_fuzz_view(data, size);
    gh_view line = {"", 0};
    gh_error error = {GH_OK, ""};
    gh_pattern *pattern = NULL;
    char *source = gh_view_next(&rest, '\n', &line) ? gh_view_dup(line) : NULL;
    char *text = gh_view_dup(rest);
    if (source == NULL || text == NULL) {
        goto out;
    }
    if (gh_pattern_new(source, &pattern, &error) == GH_OK) {
        size_t work = WORK;
        bool matches = false;
        gh_status status = gh_pattern_match(pattern, text, &work, &matches);
        GH_FUZZ_REQUIRE(work <= WORK && gh_pattern_size(pattern) <= GH_PATTERN_SIZE_MAX);
        GH_FUZZ_REQUIRE(status == GH_OK || !matches);
    } else {
        GH_FUZZ_REQUIRE(pattern == NULL && error.message[0] != '\0');
    }
out:
    gh_pattern_free(pattern);
    free(source);
    free(text);
    return 0;
}
