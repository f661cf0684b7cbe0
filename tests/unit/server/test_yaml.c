#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/yaml.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

static const gh_json_limits LIMITS = {100000, 8, 1000, 100};

typedef struct yaml_case {
    const char *yaml;
    const char *expected; /* the JSON, or a part of the error */
} yaml_case;

static const yaml_case GOOD[] = {
    {"a: 1\nb: [x, 2.5, true]", "{\"a\":1,\"b\":[\"x\",2.5,true]}"},
    {"{\"a\": [\"b\", null]}", "{\"a\":[\"b\",null]}"},
    {"--- \n- a\n- b: c\n  d: e\n...\n", "[\"a\",{\"b\":\"c\",\"d\":\"e\"}]"},
    {"\xef\xbb\xbf"
     "a: b",
     "{\"a\":\"b\"}"},
    {"a: \"q\\\"\\u00e9\\n\"\nb: 'it''s'", "{\"a\":\"q\\\"\xc3\xa9\\n\",\"b\":\"it's\"}"},
    {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}"},
    {"# only\na: b # a comment", "{\"a\":\"b\"}"},
    {"{}", "{}"},
    {"[]", "[]"},
    {"text", "\"text\""},
    /* the core schema of 1.2 */
    {"[null, Null, NULL, ~, ]", "[null,null,null,null]"},
    {"a:\nb: ''", "{\"a\":null,\"b\":\"\"}"},
    {"[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]"},
    {"[yes, no, on, off, y, n, nULL, tRUE]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"nULL\",\"tRUE\"]"},
    {"[0, -0, 12, +12, -12, 012, 0o14, 0xfF]", "[0,-0,12,12,-12,12,12,255]"},
    {"[9223372036854775808, 0xffffffffffffffff]", "[9223372036854775808,18446744073709551615]"},
    {"[1.5, -.5, +.5, 1., 1e3, 1.5E-3, 01.50]", "[1.5,-0.5,0.5,1,1e3,1.5e-3,1.50]"},
    {"[0b11, 1_000, 1:30, 0o8, 0xg, -0x1, 1e, e1, ., '-', 1.2.3, 2020-01-02, =]",
     "[\"0b11\",\"1_000\",\"1:30\",\"0o8\",\"0xg\",\"-0x1\",\"1e\",\"e1\",\".\",\"-\",\"1.2.3\","
     "\"2020-01-02\",\"=\"]"},
    {"['1', \"true\", !!str 1, ! 2]", "[\"1\",\"true\",\"1\",\"2\"]"},
    {"[!!int 1, !!float 1, !!bool true, !!null ~]", "[1,1,true,null]"},
    {"!!map {a: !!seq [b]}", "{\"a\":[\"b\"]}"},
    /* keys are text */
    {"200: a\ntrue: b\nnull: c\n1.0: d", "{\"200\":\"a\",\"true\":\"b\",\"null\":\"c\",\"1.0\":\"d\"}"},
    /* aliases are copies */
    {"a: &x {b: [1]}\nc: *x\nd: [*x, *x]",
     "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":[{\"b\":[1]},{\"b\":[1]}]}"},
    {"a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}"},
    {"a: &x yes\nb: *x", "{\"a\":\"yes\",\"b\":\"yes\"}"},
};

static const yaml_case BAD[] = {
    {"", "line 1: there is nothing"},
    {"# nothing", "there is nothing"},
    {"a: [b", "line "},
    {"a: b\n  c: d", "line 2: "},
    {"a: b\n\tc: d", "line 2: "},
    {"a:\n\tc: d", "line 2: found character that cannot start any token (tabs do not indent"},
    {"a: 'b", "line "},
    {"%YAML 3.0\n---\na: b", "line 1: "},
    {"a: b\nc: d\na: e", "line 3: \"a\" is there already, on line 1"},
    {"x:\n  a: {b: 1, \"b\": 2}", "line 2: \"b\" is there already, on line 2"},
    {"a: 1\n---\nb: 2", "line 2: a second document"},
    {"a: .inf", "line 1: a number that JSON cannot say"},
    {"a: -.Inf", "a number that JSON cannot say"},
    {"- a\n- .nan", "line 2: a number that JSON cannot say"},
    {"a: 0x10000000000000000", "a number that JSON cannot say"},
    {"? [a]\n: b", "line 1: a key must be text"},
    {"? {a: b}\n: c", "a key must be text"},
    {"a: &x b\n? *x\n: c", "a key must be text"},
    {"&x a: b", "a key cannot have an anchor"},
    {"a: &x {b: 1}\nc:\n  <<: *x", "line 3: merge keys"},
    {"a: *x", "line 1: "},
    {"a: &x [1, *x]", "an alias within what it stands for"},
    {"a: !mine b", "a tag that JSON has no word for"},
    {"a: !mine [b]", "a tag that JSON has no word for"},
    {"a: !!set {b}", "a tag that JSON has no word for"},
    {"a: !!binary aGk=", "the value is not what its tag says"},
    {"a: !!int b", "the value is not what its tag says"},
    {"a: \"x\\0y\"", "text with a NUL"},
    {"a: \"\\ud800\"", "line 1: "},
    {"a: \xff", "line 1: "},
    {"a: \x01", "line 1: "},
    {"[[[[[[[[[1]]]]]]]]]", "line 1: nested too deeply"},
    {"a: &x [[[[[1]]]]]\nb: [[[*x]]]", "line 2: nested too deeply, with what aliases"},
    {"a: &x [[[[[1]]]]]\nb: &y [*x]\nc: [*y]\nd: [[*y]]", "line 4: nested too deeply, with what aliases"},
    {"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]",
     "line 3: too many members and elements, with what aliases"},
};

START_TEST(yaml_becomes_the_same_json)
{
    const yaml_case *one = &GOOD[_i];
    gh_buf out = GH_BUF_INIT(100000);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_yaml_to_json(gh_view_of(one->yaml), &LIMITS, &out, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", one->yaml, error.message);
    ck_assert_str_eq(gh_buf_cstr(&out), one->expected);
    ck_assert_int_eq(gh_json_gate(gh_buf_view(&out), NULL, NULL), GH_OK);
    gh_buf_free(&out);
}
END_TEST

START_TEST(what_is_no_json_is_refused_with_its_line)
{
    const yaml_case *one = &BAD[_i];
    gh_buf out = GH_BUF_INIT(100000);
    gh_error error = {GH_OK, ""};
    gh_status status = gh_yaml_to_json(gh_view_of(one->yaml), &LIMITS, &out, &error);
    ck_assert_msg(status == GH_ERR_PARSE || status == GH_ERR_TOO_LARGE, "%s: %s", one->yaml,
                  gh_buf_cstr(&out));
    ck_assert_msg(strstr(error.message, one->expected) != NULL, "%s: %s", one->yaml, error.message);
    gh_buf_free(&out);
}
END_TEST

static gh_status convert_repeated(const char *first, const char *before, const char *after, size_t times,
                                  const gh_json_limits *limits, size_t room)
{
    gh_buf yaml = GH_BUF_INIT(10 << 20);
    gh_buf out = GH_BUF_INIT(room);
    (void)gh_buf_append_cstr(&yaml, first);
    for (size_t i = 0; i < times; i++) {
        (void)gh_buf_appendf(&yaml, "%s%zu%s", before, i, after);
    }
    ck_assert_int_eq(gh_buf_status(&yaml), GH_OK);
    gh_status status = gh_yaml_to_json(gh_buf_view(&yaml), limits, &out, NULL);
    gh_buf_free(&yaml);
    gh_buf_free(&out);
    return status;
}

START_TEST(every_size_has_an_end)
{
    const gh_json_limits wide = {1 << 20, 8, 100000, 50000};
    ck_assert_int_eq(convert_repeated("", "k", ": 1\n", 100, &LIMITS, 1 << 20), GH_OK);
    ck_assert_int_eq(convert_repeated("", "k", ": 1\n", 101, &LIMITS, 1 << 20), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(convert_repeated("", "- ", "\n", 998, &LIMITS, 1 << 20), GH_OK);
    ck_assert_int_eq(convert_repeated("", "- ", "\n", 1001, &LIMITS, 1 << 20), GH_ERR_TOO_LARGE);
    /* the text, by the limit and by the buffer */
    ck_assert_int_eq(convert_repeated("- ", "abcdefghij ", "", 10000, &LIMITS, 1 << 20), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(convert_repeated("- ", "abcdefghij ", "", 1000, &wide, 1000), GH_ERR_TOO_LARGE);
    /* copies of one long text */
    ck_assert_int_eq(
        convert_repeated("- &x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                         "- *x\n#", "\n", 30000, &wide, 1 << 20),
        GH_ERR_TOO_LARGE);
    ck_assert_int_eq(convert_repeated("", "- &a", " 1\n", GH_YAML_ANCHORS_MAX, &wide, 1 << 20), GH_OK);
    ck_assert_int_eq(convert_repeated("", "- &a", " 1\n", GH_YAML_ANCHORS_MAX + 1, &wide, 1 << 20),
                     GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(duplicates_are_seen_among_many_keys)
{
    const gh_json_limits wide = {1 << 20, 8, 100000, 50000};
    ck_assert_int_eq(convert_repeated("", "k", ": 1\n", 20000, &wide, 1 << 20), GH_OK);
    ck_assert_int_eq(convert_repeated("k19999: 1\n", "k", ": 1\n", 20000, &wide, 1 << 20), GH_ERR_PARSE);
}
END_TEST

START_TEST(a_scalar_at_the_top_is_found)
{
    static const char *const YES[] = {"openapi: 3.1.0\na: [", "a: {openapi: 1}\nopenapi: '3'",
                                      "a: [b]\nc: *x\nopenapi: 3"};
    static const char *const NO[] = {"",
                                     "openapi",
                                     "- openapi: 3",
                                     "a: {openapi: 3}",
                                     "a: openapi",
                                     "openapi: [a]",
                                     "openapi: {file: b}",
                                     "? [openapi]\n: openapi",
                                     "a: openapi\nb: c",
                                     "Openapi: 3",
                                     "\xff"};
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(gh_yaml_has_scalar(gh_view_of(YES[i]), "openapi"), "%s", YES[i]);
    }
    for (size_t i = 0; i < sizeof NO / sizeof *NO; i++) {
        ck_assert_msg(!gh_yaml_has_scalar(gh_view_of(NO[i]), "openapi"), "%s", NO[i]);
    }
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

int main(void)
{
    Suite *suite = suite_create("yaml");
    TCase *tc = tcase_create("yaml");
    tcase_add_loop_test(tc, yaml_becomes_the_same_json, 0, COUNT(GOOD));
    tcase_add_loop_test(tc, what_is_no_json_is_refused_with_its_line, 0, COUNT(BAD));
    tcase_add_test(tc, every_size_has_an_end);
    tcase_add_test(tc, duplicates_are_seen_among_many_keys);
    tcase_add_test(tc, a_scalar_at_the_top_is_found);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
