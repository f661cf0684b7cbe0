#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/schema/pattern.h"
#include "shared/core/clock.h"
#include "tests/support/suite.h"

#define WORK 2400000
#define SOON_MS 5000 /* generous: sanitizers, two busy cores */

static gh_pattern *make(const char *text)
{
    gh_error error = {GH_OK, ""};
    gh_pattern *pattern = NULL;
    gh_status status = gh_pattern_new(text, &pattern, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", text, error.message);
    return pattern;
}

static gh_status match(const char *text, const char *subject, size_t *work, bool *matches)
{
    gh_pattern *pattern = make(text);
    gh_status status = gh_pattern_match(pattern, subject, work, matches);
    gh_pattern_free(pattern);
    return status;
}

static char *filled(char c, size_t count, const char *tail)
{
    size_t rest = strlen(tail) + 1;
    char *text = malloc(count + rest);
    ck_assert_ptr_nonnull(text);
    memset(text, c, count);
    memcpy(text + count, tail, rest);
    return text;
}

/* What Perl's expressions mean and ECMAScript's do not; the cases of pattern.json are beside these. */
static const struct {
    const char *pattern;
    const char *subject;
    bool matches;
} READINGS[] = {
    {"^a$", "a\n", false},
    {"\\u{1F600}", "\xf0\x9f\x98\x80", true},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80", true},
    {"^[[:digit:]]$", "7", false},
    {"^\\cj$", "\n", true},
    {"^(a)?b\\1c$", "bc", true},
    {"^(?:(a)|b)\\1$", "b", true},
    {"^(?:a|(b))\\1$", "a", true},
    {"(?=(a))\\1b", "ab", true},
    {"^{,3}$", "{,3}", true},
    {"^x{$", "x{", true},
    {"^[a-]$", "-", true},
    {"^[\\d-z]+$", "7-z", true},
    {"^[\\d-z]+$", "y", false},
    {"^\\.\\*$", ".*", true},
    {"#x y", "#x y", true},
    {"", "", true},
    {"a|", "b", true},
    {"^(?<year>\\d{4})-\\k<year>$", "2026-2026", true},
    {"\\bx", "\xc3\xa9x", true},
    {"^\\w$", "\xc3\xa9", false},
    {"^[^\\w]$", "\xc3\xa9", true},
    {"^\\p{ASCII}$", "\xc3\xa9", false},
    {"^\\p{scx=Cyrillic}$", "\xd0\xb6", true},
    {"^\\p{LC}\\p{Nd}$", "a7", true},
    {"^\\P{Alphabetic}$", "7", true},
};

START_TEST(patterns_are_read_as_ecmascript_reads_them)
{
    size_t work = WORK;
    bool matches = !READINGS[_i].matches;
    ck_assert_int_eq(match(READINGS[_i].pattern, READINGS[_i].subject, &work, &matches), GH_OK);
    ck_assert_msg(matches == READINGS[_i].matches, "%s with %s", READINGS[_i].pattern, READINGS[_i].subject);
    ck_assert_uint_lt(work, WORK);
}
END_TEST

static const struct {
    const char *pattern;
    gh_status status;
} REFUSALS[] = {
    {"(", GH_ERR_PARSE},
    {")", GH_ERR_PARSE},
    {"[", GH_ERR_PARSE},
    {"[^", GH_ERR_PARSE},
    {"[b-a]", GH_ERR_PARSE},
    {"\\", GH_ERR_PARSE},
    {"*", GH_ERR_PARSE},
    {"a**", GH_ERR_PARSE},
    {"a++", GH_ERR_PARSE},
    {"a{2}{3}", GH_ERR_PARSE},
    {"{2}", GH_ERR_PARSE},
    {"a{3,2}", GH_ERR_PARSE},
    {"^*", GH_ERR_PARSE},
    {"(?=a)*", GH_ERR_PARSE},
    {"\\b+", GH_ERR_PARSE},
    {"(?i)a", GH_ERR_PARSE},
    {"(?>a)", GH_ERR_PARSE},
    {"(?P<a>b)", GH_ERR_PARSE},
    {"(?#a)", GH_ERR_PARSE},
    {"(?R)", GH_ERR_PARSE},
    {"(?1)", GH_ERR_PARSE},
    {"(?|a)", GH_ERR_PARSE},
    {"(?<1>a)", GH_ERR_PARSE},
    {"(?<a", GH_ERR_PARSE},
    {"\\A", GH_ERR_PARSE},
    {"\\z", GH_ERR_PARSE},
    {"\\Z", GH_ERR_PARSE},
    {"\\h", GH_ERR_PARSE},
    {"\\R", GH_ERR_PARSE},
    {"\\X", GH_ERR_PARSE},
    {"\\K", GH_ERR_PARSE},
    {"\\G", GH_ERR_PARSE},
    {"\\C", GH_ERR_PARSE},
    {"\\N", GH_ERR_PARSE},
    {"\\Qa\\E", GH_ERR_PARSE},
    {"\\a", GH_ERR_PARSE},
    {"\\e", GH_ERR_PARSE},
    {"\\g{1}", GH_ERR_PARSE},
    {"\\07", GH_ERR_PARSE},
    {"\\x4", GH_ERR_PARSE},
    {"\\u12", GH_ERR_PARSE},
    {"\\u{}", GH_ERR_PARSE},
    {"\\u{110000}", GH_ERR_PARSE},
    {"\\c1", GH_ERR_PARSE},
    {"\\p", GH_ERR_PARSE},
    {"\\pL", GH_ERR_PARSE},
    {"\\p{L", GH_ERR_PARSE},
    {"\\p{^L}", GH_ERR_PARSE},
    {"[\\B]", GH_ERR_PARSE},
    {"[\\1]", GH_ERR_PARSE},
    {"\\k", GH_ERR_PARSE},
    {"\\p{Greek}", GH_ERR_UNSUPPORTED},
    {"\\p{L&}", GH_ERR_PARSE},
    {"\\p{Xan}", GH_ERR_UNSUPPORTED},
    {"\\p{Script=Klingon}", GH_ERR_UNSUPPORTED},
    {"\\ud800", GH_ERR_UNSUPPORTED},
    {"[\\ud800-\\udfff]", GH_ERR_UNSUPPORTED},
    {"a{70000}", GH_ERR_UNSUPPORTED},
    {"\\1(a)", GH_ERR_UNSUPPORTED},
    {"(a\\1)", GH_ERR_UNSUPPORTED},
    {"(a)\\2", GH_ERR_UNSUPPORTED},
    {"\\k<b>", GH_ERR_UNSUPPORTED},
    {"(?:(a)|b)*\\1", GH_ERR_UNSUPPORTED},
    {"(a*)*\\1", GH_ERR_UNSUPPORTED},
    {"(a)(?<=b)\\1", GH_ERR_UNSUPPORTED},
    {"(?<a>a)(?<a>b)", GH_ERR_UNSUPPORTED},
    {"(?<=a*)b", GH_ERR_UNSUPPORTED},
};

START_TEST(what_cannot_be_read_the_same_is_refused_with_the_reason)
{
    gh_error error = {GH_OK, ""};
    gh_pattern *pattern = NULL;
    gh_status status = gh_pattern_new(REFUSALS[_i].pattern, &pattern, &error);
    ck_assert_msg(status == REFUSALS[_i].status, "%s: %s %s", REFUSALS[_i].pattern, gh_status_text(status),
                  error.message);
    ck_assert_ptr_null(pattern);
    ck_assert_uint_gt(strlen(error.message), 0);
}
END_TEST

START_TEST(the_reason_says_what_and_where)
{
    gh_error error = {GH_OK, ""};
    gh_pattern *pattern = NULL;
    ck_assert_int_eq(gh_pattern_new("^ab\\Z", &pattern, &error), GH_ERR_PARSE);
    ck_assert_str_eq(error.message, "\\Z is no escape of ECMAScript here (near byte 5)");
}
END_TEST

START_TEST(patterns_are_bounded_in_size_depth_and_groups)
{
    gh_pattern *pattern = NULL;
    char *text = filled('a', GH_PATTERN_LEN_MAX, "");
    gh_pattern_free(make(text));
    free(text);
    text = filled('a', GH_PATTERN_LEN_MAX + 1, "");
    ck_assert_int_eq(gh_pattern_new(text, &pattern, NULL), GH_ERR_TOO_LARGE);
    free(text);
    text = filled('(', 100, "");
    ck_assert_int_eq(gh_pattern_new(text, &pattern, NULL), GH_ERR_TOO_LARGE);
    free(text);
    char groups[1024] = "";
    for (size_t i = 0; i < 201; i++) {
        memcpy(groups + 2 * i, "()", 3);
    }
    ck_assert_int_eq(gh_pattern_new(groups, &pattern, NULL), GH_ERR_TOO_LARGE);
    int64_t began = gh_clock_mono_ms();
    ck_assert_int_eq(gh_pattern_new("(?:(?:(?:[ab]{1000}|c){1000}){1000}){1000}", &pattern, NULL),
                     GH_ERR_TOO_LARGE);
    ck_assert_int_lt(gh_clock_mono_ms() - began, SOON_MS);
    ck_assert_ptr_null(pattern);
}
END_TEST

START_TEST(the_longest_translation_fits)
{
    char *text = filled('.', GH_PATTERN_LEN_MAX, "");
    gh_error error = {GH_OK, ""};
    gh_pattern *pattern = NULL;
    gh_status status = gh_pattern_new(text, &pattern, &error);
    ck_assert_msg(status == GH_OK || status == GH_ERR_TOO_LARGE, "%s", error.message);
    gh_pattern_free(pattern);
    for (size_t i = 0; i < GH_PATTERN_LEN_MAX; i += 2) {
        memcpy(text + i, "\\S", 2);
    }
    pattern = NULL;
    status = gh_pattern_new(text, &pattern, &error);
    ck_assert_msg(status == GH_OK || status == GH_ERR_TOO_LARGE, "%s", error.message);
    gh_pattern_free(pattern);
    free(text);
}
END_TEST

static const struct {
    const char *pattern;
    size_t count;
} EVIL[] = {
    {"^(a+)+$", 40},
    {"^(a+)+$", 100000},
    {"^(a|aa)+$", 60},
    {"^(a|a?)+$", 60},
    {"^(.*?,){11}P", 4000},
    {"(a*)*b", 1000},
    {"([a-z]+.)+[A-Z]([a-z])+$", 60},
    {"(?:(?=a*).)*b", 4000000},
    {"(?:(?=a*)a)*?b", 1000000},
    {"^(?:[ab]?a*)*?b", 1000000},
    {"a*a*a*a*a*a*b", 1000000},
    {"(a*).*\\1\\1\\1\\1b", 100000},
    {"(?:a{1000}){30}b", 1000000},
    {".{0,60000}b", 1000000},
    {"(?:a?){60}a{60}b", 200},
    {"\\S+b", 4000000},
    {"(?:\\b|\\B|(?=a)){500}b", 100000},
    {"(?<=a{200})b", 1000000},
};

START_TEST(evil_patterns_and_texts_end_soon)
{
    char *text = filled('a', EVIL[_i].count, "!");
    size_t work = WORK;
    bool matches = true;
    int64_t began = gh_clock_mono_ms();
    gh_status status = match(EVIL[_i].pattern, text, &work, &matches);
    int64_t took = gh_clock_mono_ms() - began;
    ck_assert_msg(took < SOON_MS, "%s took %lld ms", EVIL[_i].pattern, (long long)took);
    ck_assert_msg(status == GH_ERR_TOO_LARGE || (status == GH_OK && !matches), "%s: %s", EVIL[_i].pattern,
                  gh_status_text(status));
    free(text);
}
END_TEST

static const struct {
    const char *pattern;
    size_t count;
    bool matches;
} LONG_TEXTS[] = {
    {"^[a-z]*!$", 4000000, true},
    {"^[A-Za-z0-9+/]*={0,2}$", 1000000, false},
    {"\\S", 4000000, true},
    {"https?://", 1000000, false},
    {"a!$", 1000000, true},
    {"^(?:[a-z]{4})*!$", 60000, true},
    {"^(?!.*\\.\\.)[a-z]+!$", 4000, true},
};

START_TEST(usual_patterns_judge_long_texts)
{
    char *text = filled('a', LONG_TEXTS[_i].count, "!");
    size_t work = WORK;
    bool matches = !LONG_TEXTS[_i].matches;
    ck_assert_int_eq(match(LONG_TEXTS[_i].pattern, text, &work, &matches), GH_OK);
    ck_assert_int_eq(matches, LONG_TEXTS[_i].matches);
    free(text);
}
END_TEST

START_TEST(work_is_shared_by_matches_and_the_same_for_the_same_text)
{
    gh_pattern *pattern = make("^(?:a|b)+c");
    size_t first = WORK;
    size_t second = WORK;
    bool matches = true;
    ck_assert_int_eq(gh_pattern_match(pattern, "ababababab", &first, &matches), GH_OK);
    ck_assert_int_eq(gh_pattern_match(pattern, "ababababab", &second, &matches), GH_OK);
    ck_assert_uint_eq(first, second);
    ck_assert_uint_lt(first, WORK);
    size_t little = WORK - first;
    ck_assert_int_eq(gh_pattern_match(pattern, "ababababab", &little, &matches), GH_OK);
    ck_assert_uint_eq(little, 0);
    ck_assert_int_eq(gh_pattern_match(pattern, "ababababab", &little, &matches), GH_ERR_TOO_LARGE);
    gh_pattern_free(pattern);
}
END_TEST

START_TEST(a_text_that_is_not_utf8_is_told)
{
    size_t work = WORK;
    bool matches = true;
    ck_assert_int_eq(match("a", "a\xff", &work, &matches), GH_ERR_INVALID);
    ck_assert(!matches);
    gh_pattern *pattern = NULL;
    ck_assert_int_eq(gh_pattern_new("a\xff", &pattern, NULL), GH_ERR_PARSE);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("pattern");
    TCase *tc = tcase_create("pattern");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, patterns_are_read_as_ecmascript_reads_them, 0, COUNT(READINGS));
    tcase_add_loop_test(tc, what_cannot_be_read_the_same_is_refused_with_the_reason, 0, COUNT(REFUSALS));
    tcase_add_test(tc, the_reason_says_what_and_where);
    tcase_add_test(tc, patterns_are_bounded_in_size_depth_and_groups);
    tcase_add_test(tc, the_longest_translation_fits);
    tcase_add_loop_test(tc, evil_patterns_and_texts_end_soon, 0, COUNT(EVIL));
    tcase_add_loop_test(tc, usual_patterns_judge_long_texts, 0, COUNT(LONG_TEXTS));
    tcase_add_test(tc, work_is_shared_by_matches_and_the_same_for_the_same_text);
    tcase_add_test(tc, a_text_that_is_not_utf8_is_told);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
