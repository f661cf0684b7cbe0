#include "server/schema/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/schema/pattern_ecma.h"

#define TRANSLATION_MAX (GH_PATTERN_LEN_MAX * 70)
#define REASON_MAX 160
/* PCRE2 counts its steps (places to come back to) from each place where a match may start, so a search begins
 * at the first character only, and `.*?` goes on from there. */
#define SEARCH_OPEN ".*?(?:"
#define SEARCH_CLOSE ")"

/* How many steps a match took is not told, only that they were not enough; so there are attempts. The first
 * ones pay for the whole text with each step, since a repetition that PCRE2 made possessive, a lookahead or a
 * reference may run over it in one. They suffice for most. The later ones use a code without such
 * repetitions, where what runs forward is stepped back one by one; a pattern that has the others goes on
 * as before. */
#define FIRST_STEPS 16U
#define PATIENT_STEPS 256U
#define MORE_TIMES 4U
#define STEPS_MAX 400000000U
#define STEP_BASE 16
#define CODE_BYTES_PER_CHARACTER 32
#define REPEATS_PER_FACTOR 8
#define CHARACTERS_PER_UNIT 96

struct gh_pattern {
    pcre2_code *quick;
    pcre2_code *patient; /* NULL when it would not help */
    size_t step_cost;    /* characters that one step may look at, beside the text as a whole */
};

static gh_status compile_failed(int reason, gh_error *error)
{
    PCRE2_UCHAR text[REASON_MAX] = "";
    if (reason == PCRE2_ERROR_HEAP_FAILED) {
        return GH_ERR_NOMEM;
    }
    (void)pcre2_get_error_message(reason, text, sizeof text);
    gh_status status = reason == PCRE2_ERROR_PATTERN_TOO_LARGE ? GH_ERR_TOO_LARGE : GH_ERR_UNSUPPORTED;
    return gh_error_set(error, status, "%s", (const char *)text);
}

static gh_status compile(gh_view text, uint32_t more, pcre2_code **code, gh_error *error)
{
    int reason = 0;
    PCRE2_SIZE offset = 0;
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
                       PCRE2_DOTALL | PCRE2_MATCH_UNSET_BACKREF | more;
    *code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &reason, &offset, NULL);
    return *code == NULL ? compile_failed(reason, error) : GH_OK;
}

static size_t code_size(const pcre2_code *code)
{
    size_t size = 0;
    if (code != NULL) {
        (void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    }
    return size;
}

static bool is_anchored(const pcre2_code *code)
{
    uint32_t options = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    return (options & PCRE2_ANCHORED) != 0;
}

/* Makes a search of *text unless that starts with ^ whichever way it goes on. */
static gh_status make_search(gh_buf *text, uint32_t options, gh_error *error)
{
    pcre2_code *code = NULL;
    gh_buf search = GH_BUF_INIT(text->max);
    gh_status status = compile(gh_view_of(gh_buf_cstr(text)), options, &code, error);
    if (status != GH_OK || is_anchored(code)) {
        goto out;
    }
    (void)gh_buf_append_cstr(&search, SEARCH_OPEN);
    (void)gh_buf_append_cstr(&search, gh_buf_cstr(text));
    (void)gh_buf_append_cstr(&search, SEARCH_CLOSE);
    status = gh_buf_status(&search);
    if (status == GH_OK) {
        gh_buf_free(text);
        *text = search;
        search = GH_BUF_INIT(0);
    }
out:
    pcre2_code_free(code);
    gh_buf_free(&search);
    return status;
}

static gh_status compile_both(gh_buf *text, const gh_pattern_traits *traits, gh_pattern *pattern,
                              gh_error *error)
{
    uint32_t options = traits->refers ? 0 : PCRE2_NO_AUTO_CAPTURE;
    gh_status status = make_search(text, options, error);
    if (status == GH_OK) {
        status = compile(gh_buf_view(text), options, &pattern->quick, error);
    }
    if (status == GH_OK && !traits->refers && !traits->looks) {
        status = compile(gh_buf_view(text), options | PCRE2_NO_AUTO_POSSESS, &pattern->patient, error);
    }
    if (status != GH_OK) {
        return status;
    }
    if (gh_pattern_size(pattern) > GH_PATTERN_SIZE_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "it takes %zu bytes when compiled; at most %d do",
                            gh_pattern_size(pattern), GH_PATTERN_SIZE_MAX);
    }
    size_t factor = 1 + traits->repeats / REPEATS_PER_FACTOR;
    pattern->step_cost = STEP_BASE + code_size(pattern->quick) / CODE_BYTES_PER_CHARACTER * factor;
    return GH_OK;
}

gh_status gh_pattern_new(const char *text, gh_pattern **pattern, gh_error *error)
{
    gh_buf translated = GH_BUF_INIT(TRANSLATION_MAX);
    gh_view source = gh_view_of(text);
    gh_pattern_traits traits;
    gh_pattern *fresh = NULL;
    gh_status status = GH_OK;
    if (source.len > GH_PATTERN_LEN_MAX) {
        status = gh_error_set(error, GH_ERR_TOO_LARGE, "it is longer than %d bytes", GH_PATTERN_LEN_MAX);
        goto out;
    }
    fresh = calloc(1, sizeof *fresh);
    status = fresh == NULL ? GH_ERR_NOMEM : gh_pattern_translate(source, &translated, &traits, error);
    if (status == GH_OK) {
        status = compile_both(&translated, &traits, fresh, error);
    }
    if (status == GH_OK) {
        *pattern = fresh;
        fresh = NULL;
    }
out:
    gh_pattern_free(fresh);
    gh_buf_free(&translated);
    return status;
}

void gh_pattern_free(gh_pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_code_free(pattern->quick);
        pcre2_code_free(pattern->patient);
        free(pattern);
    }
}

size_t gh_pattern_size(const gh_pattern *pattern)
{
    return code_size(pattern->quick) + code_size(pattern->patient) + sizeof *pattern;
}

static gh_status judge(int outcome, bool *matches)
{
    *matches = outcome >= 0;
    if (outcome >= 0 || outcome == PCRE2_ERROR_NOMATCH) {
        return GH_OK;
    }
    if (outcome == PCRE2_ERROR_NOMEMORY) {
        return GH_ERR_NOMEM;
    }
    bool not_utf = outcome <= PCRE2_ERROR_UTF8_ERR1 && outcome >= PCRE2_ERROR_UTF8_ERR21;
    return not_utf ? GH_ERR_INVALID : GH_ERR_TOO_LARGE;
}

/* False when there is not so much left. */
static bool charge(size_t *work, uint64_t cost)
{
    bool enough = *work >= cost;
    *work = enough ? *work - (size_t)cost : 0;
    return enough;
}

/* What so many steps may cost, at most. */
static uint64_t cost_of(const gh_pattern *pattern, bool patient, size_t len, uint32_t steps)
{
    uint64_t per_step = pattern->step_cost + (patient ? 0 : len);
    return 1 + (len + per_step * steps) / CHARACTERS_PER_UNIT;
}

gh_status gh_pattern_match(const gh_pattern *pattern, const char *text, size_t *work, bool *matches)
{
    gh_status status = GH_ERR_NOMEM;
    size_t len = strlen(text);
    uint32_t options = PCRE2_ANCHORED;
    int outcome = PCRE2_ERROR_MATCHLIMIT;
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (limits == NULL || data == NULL) {
        goto out;
    }
    (void)pcre2_set_heap_limit(limits, GH_PATTERN_HEAP_MAX_KB);
    for (uint32_t steps = FIRST_STEPS; outcome == PCRE2_ERROR_MATCHLIMIT; steps *= MORE_TIMES) {
        bool patient = pattern->patient != NULL && steps >= PATIENT_STEPS;
        if (steps > STEPS_MAX || !charge(work, cost_of(pattern, patient, len, steps))) {
            break;
        }
        (void)pcre2_set_match_limit(limits, steps);
        outcome = pcre2_match(patient ? pattern->patient : pattern->quick, (PCRE2_SPTR)text, len, 0, options,
                              data, limits);
        options |= PCRE2_NO_UTF_CHECK;
    }
    status = judge(outcome, matches);
out:
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return status;
}
